"""Cut a stream of bytes into SIP messages."""

from __future__ import annotations


class FramingError(Exception):
    """Where the next message begins cannot be told: the connection is to be closed.

    `whole` are the messages that were complete before.
    """

    def __init__(self, words: str, whole: list[bytes]) -> None:
        super().__init__(words)
        self.whole = whole


class StreamFramer:
    def __init__(self, limit: int = 65_536) -> None: ...

    def feed(self, data: bytes) -> list[bytes]:
        raise NotImplementedError

    def take_pongs(self) -> bytes:
        """Return what is to be sent for the keep-alives that came since the last time."""
        raise NotImplementedError
