"""One piece of work in a database thread, and how the actor that ordered it calls it off."""

from __future__ import annotations

import threading
from time import monotonic

from actors.core import Message
from actors.store.backend import Breakable


class GivenUp(Exception):
    """Nobody waits for this transaction any more; what it did is rolled back."""


class Transaction:
    """A message for the tables, and a deadline on the clock of `time.monotonic`.

    The thread may wait for a database that never answers. `give_up`, called from outside, breaks
    the connection that it has in hand.
    """

    def __init__(self, message: Message, seconds: float, *, write: bool) -> None:
        self.message = message
        self.write = write
        self._deadline = monotonic() + seconds
        self._hand = threading.Lock()  # between the two threads that know this transaction
        self._connection: Breakable | None = None
        self._given_up = False

    @property
    def milliseconds(self) -> int:
        """How long a statement may take: a little less than there is left, at least 1."""
        return max(1, int(900 * (self._deadline - monotonic())))

    def take(self, connection: Breakable) -> None:
        """Note the connection that is now in hand. Raises GivenUp."""
        with self._hand:
            self._connection = connection
        self.check()

    def let_go(self) -> None:
        """Note that none is in hand: it may be another's soon."""
        with self._hand:
            self._connection = None

    def check(self) -> None:
        """Raise GivenUp when nobody waits any more."""
        with self._hand:
            if self._given_up:
                raise GivenUp

    def give_up(self) -> None:
        """Call it off; does nothing to one that is done."""
        with self._hand:
            self._given_up = True
            if self._connection is not None:
                self._connection.break_off()
