"""What tells one dialect's members from another's."""

from __future__ import annotations

from dataclasses import dataclass, field
from hmac import compare_digest
from math import inf

from actors.member.absence import ENDS_AT_ONCE, AbsenceTerms


@dataclass(frozen=True, slots=True)
class Profile:
    """What members of one kind can do, and how they outlive their clients.

    `dialect` is for logs, `kind` what metrics count them as. With `account` a member is told who it
    is, may log in while it is connected, and is found by its user. With `streams` it publishes and
    subscribes. With `bound_to_room` it ends when it is put out, or with its room. It must be in a
    room within `enter_seconds`. `note` is a word of the dialect's own about the client, handed back
    to it on a resume. Who resumes has to name the same `proof`, a secret of the client.
    """

    realm: str
    dialect: str
    kind: str = "peer"
    account: bool = False
    streams: bool = False
    bound_to_room: bool = False
    enter_seconds: float = inf
    terms: AbsenceTerms = ENDS_AT_ONCE
    note: str = ""
    proof: str = field(default="", repr=False)

    def is_proven_by(self, proof: str) -> bool:
        """Compare the proof, in constant time."""
        return compare_digest(
            self.proof.encode("utf-8", "surrogatepass"), proof.encode("utf-8", "surrogatepass")
        )
