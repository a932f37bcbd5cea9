"""Putting people out, and letting them come back; muting what they send."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog
from quart import Response

from actors.core import Refused
from actors.words.closings import Expel, MemberUnknown
from actors.words.conference_refusals import StreamUnknown
from actors.words.keys import MemberKey
from actors.words.orders import ChangeStream, GetStreams
from actors.words.rooms import RoomSpec
from actors.words.streams import StatusChange, Stream
from actors.words.views import AnyStream
from api.http.asking import ask, in_time
from api.operator.ids import member_key, person_id
from api.operator.orders.asking import OperatorRefusal, answer, done, orderer, read
from api.operator.orders.bodies import MuteOrder, PutOutOrder
from api.operator.orders.rooms import key_of, unknown_room
from api.operator.settings import OperatorSettings

if TYPE_CHECKING:
    from api.http.mounts import Services

log = structlog.get_logger(__name__)

NOT_CARRIED = "What is sent there does not go through the server."


class PeopleOrders:
    """The operations, over the services of the process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def put_out(self, id_: str) -> Response:
        """Put somebody out: his session ends, and nobody goes on as him."""
        key, order, by = person_of(id_), await read(PutOutOrder), orderer()
        seconds = 86_400.0 * self._services.settings().section(OperatorSettings).put_out_days
        try:
            await in_time(self._services.directory.put_out(key, Expel(order.reason, **by), seconds))
        except MemberUnknown:
            raise unknown_person() from None
        return answer({"id": person_id(key)}, 202)

    async def let_back(self, id_: str) -> Response:
        """Let somebody go on as himself who was put out."""
        key, by = person_of(id_), orderer()
        if not await in_time(self._services.directory.let_back(key)):
            raise OperatorRefusal(404, "Nobody of this id was put out.", "not_put_out")
        log.info("peer.let_back", peer=key.id, **by)
        return done()

    async def mute(self, id_: str) -> Response:
        """Mute a stream of somebody, or have it heard again."""
        key, order = person_of(id_), await read(MuteOrder)
        directory = self._services.directory
        spec = await in_time(directory.room_of(key))
        if spec is None:
            if await directory.member(key) is None:
                raise unknown_person()
            raise OperatorRefusal(409, NOT_CARRIED, "not_carried")
        return await self._mute(spec, order, owner=key.id)

    async def mute_in_room(self, id_: str) -> Response:
        """Mute a stream of a room, also one that is nobody's, as those that are pulled."""
        key, order = key_of(id_), await read(MuteOrder)
        spec = await in_time(self._services.directory.room_of(key))
        if spec is None:
            raise unknown_room()
        return await self._mute(spec, order)

    async def _mute(self, spec: RoomSpec, order: MuteOrder, owner: str | None = None) -> Response:
        by, room = orderer(), await self._services.directory.room(spec.key)
        if room is None:
            raise unknown_room()
        try:
            streams = await ask(room, GetStreams())
        except Refused:
            raise OperatorRefusal(409, NOT_CARRIED, "not_carried") from None
        found = named(streams, order.stream, owner)
        tracks = {"audio": found.audio, "video": found.video}
        kinds = [kind for kind, track in tracks.items() if track and kind in order.kinds]
        if not kinds:
            raise OperatorRefusal(409, "The stream has nothing of that kind.", "no_such_track")
        changes = tuple(StatusChange(kind, not order.muted) for kind in kinds)
        try:
            await ask(room, ChangeStream(found.id, changes))
        except StreamUnknown:  # it has ended meanwhile
            raise unknown_stream() from None
        told = {"room": spec.key.name, "dialect": spec.dialect, "peer": found.owner}
        log.info("stream.muted", **told, stream=found.id, kinds=kinds, muted=order.muted, **by)
        return answer({"stream": found.id, "muted": order.muted, "kinds": kinds})


def named(streams: Iterable[AnyStream], id_: str, owner: str | None) -> Stream:
    """Return the stream of this id, if it is this owner's, or anybody's. Raises OperatorRefusal."""
    for stream in streams:
        if isinstance(stream, Stream) and stream.id == id_ and owner in (None, stream.owner):
            return stream
    raise unknown_stream()


def unknown_stream() -> OperatorRefusal:
    return OperatorRefusal(404, "There is no such stream.", "unknown_stream")


def person_of(id_: str) -> MemberKey:
    """Return whose id this is. Raises OperatorRefusal."""
    try:
        return member_key(id_)
    except ValueError:
        raise unknown_person() from None


def unknown_person() -> OperatorRefusal:
    return OperatorRefusal(404, "Nobody of this id is here.", "unknown_person")
