"""Where the other side is, by where what it sends comes from (symmetric RTP, RFC 4961). Pure."""

from __future__ import annotations

from media.contract.plans import Address, Remote

MOVING_SECONDS = 2.0  # after another `remote`, that who has sent until then does not count


class Latch:
    """Belongs to a port that sends to `remote`, until somebody has sent to it.

    The first one who does is its `holder` for good. Only where that one is of another host than
    `remote` and `also`, somebody of those takes it over, and then nobody else. With `left`, who has
    sent to the port before `remote` was told, his late packets are no reason to send there again.
    """

    def __init__(
        self,
        remote: Remote,
        *,
        also: str | None = None,
        left: Address | None = None,
        since: float = float("-inf"),
    ) -> None:
        self.remote = remote
        self.also = also
        self.holder: Address | None = None
        self._rtcp: Address | None = None  # where the holder's RTCP comes from
        self.left = left
        self._since = since

    @property
    def moves(self) -> bool:
        """Whether somebody else than before is to send now."""
        return self.holder is None and self.left is not None

    @property
    def rtp(self) -> Address:
        """Where to send."""
        return self.holder or self.remote.rtp

    @property
    def rtcp(self) -> Address | None:
        """Where to send RTCP, as far as it is known."""
        if self._rtcp is not None:
            return self._rtcp
        return self.remote.rtcp if self.rtp[0] == self.remote.rtp[0] else None

    def admits(self, sender: Address) -> bool:
        """Tell whether somebody else may send than the one who did until now."""
        holder, own = self.holder, (self.remote.rtp[0], self.also)
        if holder is None or sender == holder:
            return True
        return sender[0] in own and holder[0] not in own

    def hear(self, sender: Address, now: float) -> None:
        """Take that this one has sent what the port receives; those it does not admit do not."""
        if sender == self.holder or not self.admits(sender):
            return
        if self.holder is None and sender == self.left and now - self._since < MOVING_SECONDS:
            return
        self.holder, self._rtcp = sender, None

    def hear_rtcp(self, sender: Address) -> None:
        """Take that this one has sent RTCP."""
        if self.holder is not None and sender[0] == self.holder[0]:
            self._rtcp = sender
