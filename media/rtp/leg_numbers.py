"""What was numbered under the names of a leg, for the leg that follows under the same ones."""

from __future__ import annotations

import random

from media.rtp.retransmissions import Retransmissions
from media.rtp.sequence import CYCLE
from media.rtp.splice import Splice


class LegNumbers:
    """How far the stream of one SSRC got, and those of its retransmissions.

    Whoever sends under an SSRC again, with the same keys, is handed the same object: a number that
    is encrypted twice gives away what both packets hold (RFC 3711, 9.1), and receivers drop what
    lies behind as copies. Numbers begin at `first_sequence` (None: somewhere).
    """

    def __init__(self, first_sequence: int | None = None) -> None:
        # The lower half, so that encryption does not meet a wrap right at the start (RFC 3711).
        first = random.randrange(CYCLE // 2) if first_sequence is None else first_sequence
        self.splice = Splice(CYCLE + first)
        self._again: dict[int, Retransmissions] = {}

    def retransmissions(self, payload_type: int, ssrc: int) -> Retransmissions:
        """Return the stream of this SSRC, from now on under this payload type."""
        stream = self._again.setdefault(ssrc, Retransmissions(ssrc))
        stream.payload_type = payload_type
        return stream
