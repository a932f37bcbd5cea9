"""What two sides of a connection say to each other before it is one: plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """An ICE candidate: `text` as in SDP, with or without `a=` and `candidate:` in front.

    An empty text says that there are no more. Of the remote ones, those for TCP, for RTCP and with
    names instead of addresses (mDNS) are passed over in silence.
    """

    text: str
    mid: str | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What to send to the other side: complete with all candidates, which are also listed."""

    sdp: str
    candidates: tuple[Candidate, ...]
