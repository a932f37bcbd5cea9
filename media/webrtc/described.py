"""Descriptions with their candidates: theirs as they are read, ours as they are handed out."""

from __future__ import annotations

from media.contract.candidates import Candidate, Description
from media.contract.errors import BadCandidate, BadDescription
from media.webrtc.candidates import MAX_CANDIDATES, RemoteCandidate, parse_remote
from media.webrtc.descriptions import SessionText, read, split, take_candidates


def read_remote(sdp: str, before: SessionText | None) -> tuple[SessionText, list[RemoteCandidate]]:
    """Read a remote description and its usable candidates. Raises BadDescription."""
    text, lines = take_candidates(read(sdp, before))
    try:
        candidates = [parse_remote(line) for line in lines]
    except BadCandidate as error:
        raise BadDescription("a malformed candidate") from error
    usable = [candidate for candidate in candidates if candidate is not None]
    return text, usable[:MAX_CANDIDATES]


def described(sdp: str) -> Description:
    """Return a description of ours as the contract has it: with its candidates listed, too."""
    text = split(sdp)
    tagged = text.tagged
    index = text.sections.index(tagged)
    lines = [f"candidate:{line}" for line in tagged.values("a=candidate:")]
    return Description(sdp, tuple(Candidate(line, tagged.mid, index) for line in lines))
