"""The orders of one member that its room has not answered yet."""

from __future__ import annotations

from itertools import count

from actors.core import ReplyTo
from actors.words.orders import Order
from actors.words.refusals import Busy

ORDERS_OPEN = 64
"""Orders of one member that may be unanswered; the next one is refused with Busy."""

Asked = tuple[Order, ReplyTo[str | None]]


class OrdersOpen:
    """By the tag that each was placed under."""

    __slots__ = ("_asked", "_tags")

    def __init__(self) -> None:
        self._asked: dict[str, Asked] = {}
        self._tags = count(1)

    def next_tag(self) -> str:
        """Return the tag for another order. Raises Busy at the limit."""
        if len(self._asked) >= ORDERS_OPEN:
            self._forget_given_up()
            if len(self._asked) >= ORDERS_OPEN:
                raise Busy
        return str(next(self._tags))

    def add(self, tag: str, order: Order, asker: ReplyTo[str | None]) -> None:
        self._asked[tag] = order, asker

    def take(self, tag: str) -> Asked | None:
        """Remove and return an order that is answered; None for an unknown one."""
        return self._asked.pop(tag, None)

    def refuse_all(self) -> None:
        """Answer all with Busy: the room that had them has crashed, or has no such member now."""
        asked, self._asked = self._asked, {}
        for _, asker in asked.values():
            asker.refuse(Busy())

    def _forget_given_up(self) -> None:
        """Drop those whose asker waits no more: the room lost them with a crash."""
        self._asked = {tag: each for tag, each in self._asked.items() if not each[1].done}
