"""The members of all rooms and of none: one per key, how many there may be, and whose they are."""

from __future__ import annotations

from collections.abc import Callable

from actors.core import Actor, Message, Ref
from actors.directory.messages import OpenMember
from actors.directory.opening import Opening
from actors.directory.owners import Owned
from actors.words.keys import MEMBERS, MemberKey
from actors.words.refusals import TooManyPeers


class Members:
    """Belongs to one incarnation of the directory; members end with it.

    `check` raises what a member is refused by, whether or not it lives.
    """

    __slots__ = ("_check", "_directory", "_opening", "users")

    def __init__(
        self,
        directory: Actor[Message],
        opening: Opening,
        check: Callable[[MemberKey], None],
    ) -> None:
        self._directory = directory
        self._check = check
        self._opening = opening
        self.users: Owned[str, Ref[Message]] = Owned()

    async def open(self, order: OpenMember) -> Ref[Message] | None:
        """Return a new member; None where the live one is asked first.

        Raises TooManyPeers, MemberExpelled, Busy.
        """
        opening = self._opening
        self._check(order.key)
        known = opening.find(order.key.path)
        if known is None:
            limits = opening.limits
            if opening.count(MEMBERS) >= limits.peers:
                raise TooManyPeers
            return await opening.spawn(MEMBERS, order.key.slug, order.factory, limits)

        async def take_over(member: Ref[Message]) -> None:
            await member.ask(order.takeover, within=opening.limits.ask_seconds)

        opening.reopen(known, order, take_over)
        return None

    def identify(self, member: Ref[Message], realm: str, user: str) -> None:
        """Remember whose member this is."""
        self.users.note(member, realm, user)
        self._directory.ctx.watch(member)
