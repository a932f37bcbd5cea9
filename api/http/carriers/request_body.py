"""The body of a request while it arrives and is at work: counted, kept once, and given up early.

It counts in the budget of the process (`api/http/byte_budget.py`) from its first bytes until the
answer begins, read or not: a request that waits for something keeps its body meanwhile. Where that
is too much, nothing of the largest is kept, and its request is answered with 503.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import trio
from quart_trio.wrappers.request import TrioBody, TrioRequest

from api.http.byte_budget import SHARED

if TYPE_CHECKING:
    from api.http.byte_budget import Account

OpenAccount = Callable[[Callable[[], None]], "Account"]


class RequestBody(TrioBody):
    """Quart's body; `handling` is to be the scope around whoever answers, and is cancelled by us.

    Whoever awaits it more than once is given the same bytes, of which there is no second copy.
    """

    def __init__(self, announced: int | None, most: int | None) -> None:
        super().__init__(announced, most)
        self.handling = trio.CancelScope()
        self._arrived = 0  # bytes, read by pieces or not
        self._whole: bytes | None = None  # once somebody has awaited all of it
        self._open_account: OpenAccount | None = None
        self._account: Account | None = None  # exists once there is something worth counting
        self._over = False  # nobody will read any more of it

    def count_by(self, open_account: OpenAccount) -> None:
        """Count it in an account, which is opened when first needed with how to `shed` it."""
        self._open_account = open_account

    def count_no_more(self) -> None:
        """Leave it to other bounds from now on: it has a place among large messages."""
        self._hold(0)
        self._open_account = self._account = None

    def append(self, data: bytes) -> None:
        """Take what has come."""
        if self._over or self._must_raise is not None:
            return
        super().append(data)
        if self._must_raise is not None:  # too large: nobody will see it
            self._data.clear()
            self._hold(0)
            return
        self._arrived += len(data)
        if self._arrived >= SHARED:
            self._hold(self._arrived)

    def shed(self) -> None:
        """Keep nothing, and have the request answered without whoever is at it."""
        self.finish()
        self.handling.cancel()

    def finish(self) -> None:
        """Keep nothing: the answer begins, or there will be none."""
        self._over = True
        self.clear()
        self._hold(0)

    def clear(self) -> None:
        """Forget what is here."""
        self._data = bytearray()
        if self._whole is not None:
            self._whole = b""

    def __await__(self) -> Generator[None, None, bytes]:
        if self._must_raise is not None:
            raise self._must_raise
        yield from self._complete.wait().__await__()
        if self._must_raise is not None:
            raise self._must_raise
        if self._whole is None:
            self._whole, self._data = bytes(self._data), bytearray()
        return self._whole

    async def __anext__(self) -> bytes:
        if self._whole:
            whole, self._whole = self._whole, b""
            return whole
        return await super().__anext__()

    def _hold(self, size: int) -> None:
        if self._account is None and size and self._open_account is not None:
            self._account = self._open_account(self.shed)
        if self._account is not None:
            self._account.hold(size)


class CountedRequest(TrioRequest):
    """Quart-Trio's request, with such a body."""

    body_class = RequestBody  # type: ignore[assignment]  # more than Quart-Trio asks for
    body: RequestBody
