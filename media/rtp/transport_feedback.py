"""Telling a sender when its packets came, all streams of one connection together."""

from __future__ import annotations

from collections.abc import Callable

from media.rtp.arrivals import Arrivals, write_feedback
from media.rtp.demux import read_extension
from media.rtp.rtcp import write_receiver_report


class TransportFeedback:
    """Reads the numbers of packets, and sends feedback about them; silent until `set`.

    `send` gets plain RTCP; an OSError of it means that it could not leave. Then its arrivals are
    told with the next feedback, for half a second. Each feedback follows an empty report in the
    same packet, so that also a peer that insists on compound packets takes it.
    """

    def __init__(self, send: Callable[[bytes], None], cname: str) -> None:
        self._send = send
        self._cname = cname
        self._extension = 0
        self._ssrc = 0
        self._head = b""
        self._stream = 0
        self._arrivals = Arrivals()

    def set(self, extension: int, ssrc: int) -> None:
        """Read numbers from the header extension of this id (0: there are none) from now on.

        `ssrc` is the name under which feedback is sent.
        """
        self._extension = extension
        self._ssrc = ssrc
        self._head = write_receiver_report(ssrc, (), self._cname)

    def take(self, packet: bytes, arrival: float) -> None:
        """Note an RTP packet of at least 12 bytes, of whichever stream."""
        if not self._extension:
            return
        number = read_extension(packet, self._extension)
        if number is not None and len(number) == 2:
            self._stream = int.from_bytes(packet[8:12])
            self._arrivals.note(int.from_bytes(number), arrival)

    def tick(self, now: float) -> None:
        """Send what is due; to be called some fifty times a second."""
        for feedback in self._arrivals.due(now):
            try:
                self._send(self._head + write_feedback(self._ssrc, self._stream, feedback))
            except OSError:
                self._arrivals.take_back(feedback)
                return
