"""What was read of a source and waits for the loop: between a thread that reads, and the loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition

from av.packet import PacketSideData

MOST_PACKETS = 512
MOST_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class PulledPacket:
    """One packet of a source. Times in seconds of the source, None where it says none.

    `configuration` is what a decoder must know from here on, None if that goes on.
    """

    kind: str
    data: bytes
    dts: float | None
    pts: float | None
    duration: float
    keyframe: bool
    configuration: PacketSideData | None = None


class PacketQueue:
    """Bounded in number and bytes. Of one that is full, who reads a paced source waits; of a live
    one, packets are dropped, those of pictures up to the next keyframe, and counted in `dropped`.

    `wake` is called when it is empty no more; no call but `put` of a paced source waits.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        paced: bool,
        packets: int = MOST_PACKETS,
        bytes: int = MOST_BYTES,
    ) -> None:
        self.dropped = 0
        self.paced = paced
        self._wake = wake
        self._packets, self._bytes = packets, bytes
        self._waiting: deque[PulledPacket] = deque()
        self._size = 0
        self._torn = False  # pictures are left out up to the next keyframe
        self._closed = False
        self._changed = Condition()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, packet: PulledPacket) -> bool:
        """Add a packet, if there is room for it; tell whether more may come at all."""
        with self._changed:
            while self.paced and not self._closed and not self._has_room(packet):
                self._changed.wait()
            if self._closed:
                return False
            if not self._takes(packet):
                self.dropped += 1
                return True
            self._waiting.append(packet)
            self._size += len(packet.data)
            first = len(self._waiting) == 1
        if first:
            self._wake()
        return True

    def get(self) -> PulledPacket | None:
        """Return the next packet, None if there is none."""
        with self._changed:
            if not self._waiting:
                return None
            packet = self._waiting.popleft()
            self._size -= len(packet.data)
            self._changed.notify()
            return packet

    def close(self) -> None:
        """Take no more; what is there stays. Whoever waits to put something goes on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _takes(self, packet: PulledPacket) -> bool:
        torn = self._torn and packet.kind == "video" and not packet.keyframe
        if not torn and self._has_room(packet):
            self._torn = self._torn and packet.kind != "video"
            return True
        self._torn = self._torn or packet.kind == "video"
        return False

    def _has_room(self, packet: PulledPacket) -> bool:
        if not self._waiting:
            return len(packet.data) <= self._bytes or self.paced
        return len(self._waiting) < self._packets and self._size + len(packet.data) <= self._bytes
