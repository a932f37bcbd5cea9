"""Messages that npm `peerjs` cuts into chunks, put together again.

In its "binary" serialization what is packed in more than 16,300 bytes goes as several messages
`{__peerData: number, n: place, total: places, data: bytes}`, in any order. All but the last are of
one size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from media.channels.binarypack import HEAD_BYTES, Packed
from media.contract.datagrams import LONGEST_DATAGRAM

LONGEST_MESSAGE = LONGEST_DATAGRAM + HEAD_BYTES
MAX_UNFINISHED = 16  # messages of one session, however many channels it has
MAX_BYTES = 4 * LONGEST_MESSAGE  # of them all
CHUNK_BYTES = 128  # about what a chunk takes besides its bytes, however few they are


class Unsendable(Enum):
    """Why a message, or a part of one, goes nowhere."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the message with this number, at `place` of `total`."""

    number: int
    place: int
    total: int
    data: bytes


@dataclass(slots=True)
class Unfinished:
    """A message some of whose chunks are there."""

    total: int
    chunks: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    left: int = 0  # chunks to come of one that was refused; nothing is kept of it
    refused: bool = False

    @property
    def held(self) -> int:
        return self.size + CHUNK_BYTES * len(self.chunks)


class Chunks:
    """The unfinished messages of one session: at most MAX_UNFINISHED, and MAX_BYTES of them.

    Beyond either, the ones that began first are dropped. `lost` counts those, and the ones whose
    number was used again before they were whole.
    """

    def __init__(self) -> None:
        self._unfinished: dict[tuple[str, int], Unfinished] = {}
        self.held = 0  # bytes that are kept
        self.lost = 0

    def __len__(self) -> int:
        return len(self._unfinished)

    def take(self, channel: str, value: dict[str, Packed]) -> bytes | Unsendable | None:
        """Take one chunk of a channel; return the whole message with its last one.

        A message that would be too large is refused with the first chunk that tells, once.
        """
        chunk = read_chunk(value)
        if chunk is None:
            return Unsendable.MALFORMED
        key = channel, chunk.number
        message = self._message(key, chunk)
        if message.refused:
            self._pass_over(key, message)
            return None
        if _least(chunk) > LONGEST_MESSAGE or message.size + len(chunk.data) > LONGEST_MESSAGE:
            self._refuse(key, message)
            return Unsendable.TOO_LARGE
        self.held -= message.held
        message.chunks[chunk.place] = chunk.data
        message.size += len(chunk.data)
        self.held += message.held
        if len(message.chunks) == message.total:
            self._drop(key)
            return b"".join(message.chunks[place] for place in range(message.total))
        self._make_room()
        return None

    def forget(self, channel: str) -> None:
        """Drop what came on a channel that has closed."""
        for key in [key for key in self._unfinished if key[0] == channel]:
            self._drop(key)

    def _message(self, key: tuple[str, int], chunk: Chunk) -> Unfinished:
        """Return the message of a chunk; a new one where it does not fit the one before."""
        found = self._unfinished.get(key)
        if found is not None and (found.total != chunk.total or chunk.place in found.chunks):
            self._lose(key)
            found = None
        if found is None:
            found = self._unfinished[key] = Unfinished(chunk.total)
        return found

    def _refuse(self, key: tuple[str, int], message: Unfinished) -> None:
        """Keep of a message only how much of it is to come, which is then passed over."""
        self.held -= message.held
        message.left = message.total - len(message.chunks)
        message.refused, message.size, message.chunks = True, 0, {}
        self._pass_over(key, message)
        self._make_room()

    def _pass_over(self, key: tuple[str, int], message: Unfinished) -> None:
        message.left -= 1
        if message.left <= 0:
            self._drop(key)

    def _make_room(self) -> None:
        while len(self._unfinished) > MAX_UNFINISHED or self.held > MAX_BYTES:
            self._lose(next(iter(self._unfinished)))

    def _lose(self, key: tuple[str, int]) -> None:
        self.lost += not self._unfinished[key].refused
        self._drop(key)

    def _drop(self, key: tuple[str, int]) -> None:
        self.held -= self._unfinished.pop(key).held


def read_chunk(value: dict[str, Packed]) -> Chunk | None:
    """Return the chunk that a message is; None for what cannot be one."""
    number, place, total = (value.get(key) for key in ("__peerData", "n", "total"))
    data = value.get("data")
    if type(number) is not int or type(place) is not int or type(total) is not int:
        return None
    if not isinstance(data, bytes) or not data or not 0 <= place < total:
        return None
    return Chunk(number, place, total, data)


def _least(chunk: Chunk) -> int:
    """Return how long the message of a chunk is, or more: its last chunk may be shorter."""
    if chunk.place == chunk.total - 1:
        return chunk.total - 1 + len(chunk.data)
    return (chunk.total - 1) * len(chunk.data) + 1
