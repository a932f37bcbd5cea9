"""Why something outside could not be reached, or not go on."""

from __future__ import annotations

from media.contract.streaming import OutsideTrouble


class NotReachable(Exception):
    """Something outside cannot be reached, may not be, or answers with an error.

    `reason` says it for programs, `detail` in a sentence for people: no address, no credentials.
    """

    def __init__(self, reason: OutsideTrouble, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[NotReachable], tuple[OutsideTrouble, str]]:
        """Be copied whole, also to another process."""
        return NotReachable, (self.reason, self.detail)
