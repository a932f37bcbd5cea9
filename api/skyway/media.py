"""The operations on media: its UDP ports, and connections."""

from __future__ import annotations

from quart import Response

from actors.device.events import DeviceEvent, StreamShown
from actors.device.messages import (
    AnswerCall,
    AskKeyframe,
    CallPeer,
    EndConnection,
    MediumWanted,
    ShowCall,
)
from actors.words.device_refusals import NotRedirected
from api.http.asking import ask
from api.skyway import bodies
from api.skyway.asked import named_sockets
from api.skyway.book import Entry
from api.skyway.peers import end
from api.skyway.polling import poll
from api.skyway.rest import accepting, answer, asked, done, read
from api.skyway.sockets import check_sockets, freed, opened
from api.skyway.state import SkywayState
from api.skyway.wire import media_event, shown_metadata
from media.contract.plans import Address

FIELD = "media_connection_id"


class MediaOperations:
    def __init__(self, state: SkywayState) -> None:
        self._state = state

    async def create(self) -> Response:
        body = await read(bodies.NewMediaOptions)
        facts = await opened(self._state, "vi" if body.is_video else "au")
        told = self._state.told(facts.address[1])
        return answer(bodies.MediaParameters(media_id=facts.id, **told), 201)

    async def delete(self, media_id: str) -> Response:
        await freed(self._state, "media_id", media_id, "vi", "au")
        return done()

    async def create_rtcp(self) -> Response:
        await read(bodies.NoOptions)
        facts = await opened(self._state, "rc")
        told = self._state.told(facts.address[1])
        return answer(bodies.MediaRtcpParameters(rtcp_id=facts.id, **told), 201)

    async def delete_rtcp(self, rtcp_id: str) -> Response:
        await freed(self._state, "rtcp_id", rtcp_id, "rc")
        return done()

    async def call(self) -> Response:
        state = self._state
        body = await read(bodies.PeerCallOptions)
        checked = asked(state)
        peer_id = checked.text("peer_id", body.peer_id)
        given = checked.text("token", body.token)
        target = checked.peer_id("target_id", body.target_id)
        media = checked.media(body.constraints, body.redirect_params)
        metadata = checked.metadata(body.constraints.metadata)
        checked.check()
        accepting(state)
        entry = state.peer(peer_id, given)
        state.used(entry)
        check_sockets(state, named_sockets(media))
        connection = await ask(entry.actor, CallPeer(target, media, metadata))
        called = state.book.find(connection)
        if called is not None:
            called.redirects = redirects_of(media)
        params = bodies.CallParameters(media_connection_id=connection)
        return answer(bodies.PeerCallResponse(params=params), 202)

    async def answer(self, media_connection_id: str) -> Response:
        state = self._state
        body = await read(bodies.MediaConnectionAnswerOptions)
        checked = asked(state)
        media = checked.media(body.constraints, body.redirect_params)
        checked.metadata(body.constraints.metadata)
        checked.check()
        entry = self._connection(media_connection_id)
        check_sockets(state, named_sockets(media))
        await ask(entry.actor, AnswerCall(media))
        entry.redirects = redirects_of(media)
        video, audio = body.constraints.video_params, body.constraints.audio_params
        params = bodies.AnswerParameters(
            video_id=(video.media_id or None) if video else None,
            audio_id=(audio.media_id or None) if audio else None,
        )
        return answer(bodies.MediaConnectionAnswerResponse(params=params), 202)

    async def ask_keyframe(self, media_connection_id: str) -> Response:
        body = await read(bodies.MediaConnectionPliRequestOptions)
        checked = asked(self._state)
        to = checked.address(body)
        checked.check()
        entry = self._connection(media_connection_id)
        if to is None:
            raise NotRedirected
        try:
            await ask(entry.actor, AskKeyframe(to))
        except NotRedirected:
            if to not in entry.redirects:  # of what is still to come, the first is a keyframe
                raise
        return answer(bodies.NoOptions(), 201)

    async def disconnect(self, media_connection_id: str) -> Response:
        entry = self._connection(media_connection_id)
        await end(self._state, entry, EndConnection(), FIELD)
        return done()

    async def events(self, media_connection_id: str) -> Response:
        return await poll(self._state, self._connection(media_connection_id), FIELD, self._shown)

    async def status(self, media_connection_id: str) -> Response:
        stands = await ask(self._connection(media_connection_id).actor, ShowCall())
        sent = [bodies.SentStream(media_id=id_, ssrc=ssrc) for id_, ssrc in stands.ssrcs]
        shown = bodies.MediaConnectionStatusMessage(
            open=stands.open,
            metadata=shown_metadata(stands.metadata),
            remote_id=stands.remote,
            ssrc=sent or None,
        )
        return answer(shown)

    # ---

    def _connection(self, id_: str) -> Entry:
        entry = self._state.connection(FIELD, id_, "mc-")
        self._state.used(entry)
        return entry

    def _shown(self, event: DeviceEvent) -> bytes:
        where = None
        if isinstance(event, StreamShown) and event.socket in self._state.ports:
            told = self._state.told(self._state.ports[event.socket])
            where = bodies.MediaParameters(media_id=event.socket, **told)
        return media_event(event, where)


def redirects_of(media: tuple[MediumWanted, ...]) -> frozenset[Address]:
    """Return where the media of a call is sent on."""
    return frozenset(medium.redirect for medium in media if medium.redirect is not None)
