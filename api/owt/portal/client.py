"""The far side of a participant: facts become events of its Socket.IO connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trio import current_time

from actors.member.messages import Resumed
from actors.words.close_reasons import CloseReason
from actors.words.facts import Fact, Joined, Said, StreamAdded, StreamChanged
from actors.words.streams import Stream
from api.owt.portal.notifications import welcome
from api.owt.portal.tickets import make_ticket

if TYPE_CHECKING:
    from api.owt.socketio.connection import SocketioConnection
    from api.owt.state import OwtState
    from api.owt.stream_info import Version


@dataclass(slots=True, eq=False)
class PortalClient:
    """One connection of a participant.

    `opened_by` is the number of the login or relogin that it came with, which is acknowledged
    before anything else is shown. `views` are the labels told at a login. `version` follows from
    the login, also for a relogin.
    """

    state: OwtState
    connection: SocketioConnection
    participant: str
    opened_by: int | None
    version: Version = "1.1"
    views: tuple[str, ...] = ()
    gone: bool = False
    owed: int = 0  # facts that it has missed, and is shown whoever they come from

    def show(self, fact: Fact) -> None:
        """Send the fact as this protocol has it. Raises TooSlow."""
        match fact:
            case Joined():
                me = next(
                    presence for presence in fact.members if presence.peer == self.participant
                )
                streams = self.state.renderer.streams(fact.streams, self.version)
                self._open(welcome(me, fact, streams, self.views, self.ticket()))
            case Resumed(note=version):
                self.version = "1.0" if version == "1.0" else "1.1"
                self.owed = fact.missed
                self._open(self.ticket())
            case _:
                source = "" if self.owed else _source_of(fact)
                self.owed = max(0, self.owed - 1)
                for packet in self.state.renderer.render(fact, self.version):
                    self._tell(packet, source, left_out=isinstance(fact, Said))

    def ticket(self) -> str:
        """Make a reconnection ticket that is good from now on."""
        return make_ticket(self.participant, self.state.ticket_key, self.state.clock())

    def close(self, reason: CloseReason) -> None:
        """End the connection. Where the client may find its participant again, it is not told to
        stay away: it then comes back by itself.
        """
        match reason:
            case CloseReason.REPLACED:
                self.connection.abort()
            case CloseReason.TOO_SLOW | CloseReason.SHUTTING_DOWN | CloseReason.SHUTDOWN:
                self.connection.close(reason)
            case _:
                self.connection.disconnect()

    def _tell(self, packet: bytes, source: str, *, left_out: bool) -> None:
        """Send what comes from somebody. Of whom more waits here than his part, a text is left out;
        nobody may miss what streams there are, so their owner is read more slowly.
        """
        if not self.connection.send(packet, source) and not left_out:
            self.state.services.flows.note_room(source, current_time())
            self.connection.send(packet)

    def _open(self, answer: object) -> None:
        if self.opened_by is not None:
            self.connection.ack(self.opened_by, "ok", answer)


def _source_of(fact: Fact) -> str:
    """Return the participant from whom it comes that this is told; "" where that is nobody."""
    match fact:
        case Said():
            return fact.sender
        case StreamAdded(Stream(owner=owner)) | StreamChanged(Stream(owner=owner)):
            return owner
    return ""
