"""The operations on data: its UDP ports, and connections."""

from __future__ import annotations

from quart import Response

from actors.device.messages import (
    ChangeData,
    ConnectData,
    EndConnection,
    ShowData,
)
from actors.device.peer import DevicePeer
from actors.words.keys import MemberKey
from api.http.asking import ask, in_time
from api.skyway import bodies
from api.skyway.asked import SHOWN
from api.skyway.book import Entry
from api.skyway.errors import RestRefused
from api.skyway.peers import end
from api.skyway.polling import poll
from api.skyway.rest import accepting, answer, asked, done, read
from api.skyway.sockets import check_sockets, freed, opened
from api.skyway.state import SkywayState
from api.skyway.wire import data_event, shown_metadata

FIELD = "data_connection_id"


class DataOperations:
    def __init__(self, state: SkywayState) -> None:
        self._state = state

    async def create(self) -> Response:
        await read(bodies.NoOptions)
        facts = await opened(self._state, "da")
        told = self._state.told(facts.address[1])
        return answer(bodies.DataSockParameters(data_id=facts.id, **told), 201)

    async def delete(self, data_id: str) -> Response:
        await freed(self._state, "data_id", data_id, "da")
        return done()

    async def connect(self) -> Response:
        state = self._state
        body = await read(bodies.PeerConnectOptions)
        options = body.options or bodies.ConnectOptions()
        checked = asked(state)
        peer_id = checked.text("peer_id", body.peer_id)
        given = checked.text("token", body.token)
        target = checked.peer_id("target_id", body.target_id)
        channel = checked.channel(options.dcInit)
        packing, serialization = checked.serialization(options.serialization)
        metadata = checked.metadata(options.metadata)
        redirect = checked.redirect(body.redirect_params)
        checked.check()
        accepting(state)
        entry = state.peer(peer_id, given)
        state.used(entry)
        if channel.negotiated:
            await self._check_gateway(entry, target)
        feed = self._feed(body.params)
        connection = await ask(
            entry.actor,
            ConnectData(target, channel, packing, serialization, metadata, feed, redirect),
        )
        port = state.ports.get(feed, 0) if feed else 0
        params = bodies.ConnectParameters(data_connection_id=connection, data_port=port)
        return answer(bodies.PeerConnectResponse(params=params), 202)

    async def change(self, data_connection_id: str) -> Response:
        body = await read(bodies.DataConnectionPutOptions)
        checked = asked(self._state)
        redirect = checked.redirect(body.redirect_params)
        checked.check()
        entry = self._connection(data_connection_id)
        feed = self._feed(body.feed_params)
        now = await ask(entry.actor, ChangeData(feed, redirect))
        return answer(bodies.DataConnectionPutResponse(data_id=now))

    async def disconnect(self, data_connection_id: str) -> Response:
        entry = self._connection(data_connection_id)
        await end(self._state, entry, EndConnection(), FIELD)
        return done()

    async def events(self, data_connection_id: str) -> Response:
        return await poll(self._state, self._connection(data_connection_id), FIELD, data_event)

    async def status(self, data_connection_id: str) -> Response:
        stands = await ask(self._connection(data_connection_id).actor, ShowData())
        shown = bodies.DataConnectionStatusMessage(
            remote_id=stands.remote,
            buffersize=stands.buffered,
            label=stands.label,
            metadata=shown_metadata(stands.metadata),
            open=stands.open,
            reliable=stands.reliable,
            serialization=SHOWN.get(stands.serialization, "BINARY"),
        )
        return answer(shown)

    # ---

    def _connection(self, id_: str) -> Entry:
        entry = self._state.connection(FIELD, id_, "dc-")
        self._state.used(entry)
        return entry

    async def _check_gateway(self, entry: Entry, target: str) -> None:
        """Let both sides agree on a channel beforehand only where the other is no browser.

        By a broker elsewhere nobody can tell. Raises RestRefused.
        """
        if self._state.settings.broker_url:
            return
        realm = MemberKey.from_slug(entry.actor.name).realm
        member = await in_time(self._state.services.directory.member(MemberKey(realm, target)))
        if member is None or member.kind != DevicePeer.kind:
            raise RestRefused(400, ("negotiated", "negotiated needs a gateway at the other side"))

    def _feed(self, given: bodies.DataFeed | None) -> str | None:
        """Return the socket that data is to come from. Raises RestRefused."""
        feed = given.data_id if given else None
        if not feed:
            return None
        check_sockets(self._state, [("data_id", "da", feed)])
        return feed
