"""Who has opened how many UDP sockets: one address leaves ports to the others. Pure.

Programs of this machine have one address between them, and it has no bound.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from api.http.credentials import address_key


class Openers:
    """The addresses that sockets were opened from, by id; `lives` tells whether one is there."""

    __slots__ = ("_lives", "_of", "_opening")

    def __init__(self, lives: Callable[[str], bool]) -> None:
        self._lives = lives
        self._of: dict[str, str] = {}
        self._opening: set[str] = set()

    def begin(self, id_: str, address: str, most: int) -> bool:
        """Note that a socket is about to be opened; False where that address has as many."""
        if _is_here(address):
            return True
        self._of = {it: of for it, of in self._of.items() if it in self._opening or self._lives(it)}
        one = address_key(address)
        if sum(of == one for of in self._of.values()) >= most:
            return False
        self._of[id_] = one
        self._opening.add(id_)
        return True

    def end(self, id_: str) -> None:
        """Note that it is open now, or will not be."""
        self._opening.discard(id_)


def _is_here(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return not address  # of a socket of the file system
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
