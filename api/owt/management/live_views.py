"""What is under a room while it lives: participants, streams, recordings, and what comes later."""

from __future__ import annotations

from quart import Response, request

from actors.core import Refused
from actors.words.conference_refusals import TargetUnsatisfying
from actors.words.media_refusals import CannotRecord, NoCapacity
from actors.words.orders import (
    ChangeRecording,
    ChangeStream,
    DropParticipant,
    EndRecording,
    EndStream,
    GetParticipants,
    GetRecordings,
    GetStreams,
    SetPermissions,
    StartRecording,
)
from api.owt.management import views
from api.owt.management.bodies import (
    OutputUpdates,
    PermissionUpdates,
    RecordingRequest,
    StreamUpdates,
)
from api.owt.management.errors import (
    BAD_REQUEST,
    FAILED,
    NOBODY_TO_RECORD,
    PARTICIPANT_NOT_FOUND,
    RECORDING_FAILED,
    RECORDING_NOT_FOUND,
    STREAM_NOT_FOUND,
    RestError,
    RestTrouble,
)
from api.owt.management.responses import body_as, json_answer, text_answer
from api.owt.management.under_room import UnderRoom, version
from api.owt.portal_host import portal_host
from api.owt.stream_info import stream_info


class LiveViews(UnderRoom):
    # --- participants

    async def participants(self, room_id: str) -> Response:
        """List who is in the room."""
        presences = await self._management.live(await self._room(room_id), GetParticipants(), ())
        return json_answer([views.participant(presence) for presence in presences])

    async def participant(self, room_id: str, live_id: str) -> Response:
        """Show a participant."""
        record = await self._room(room_id, live_id)
        for presence in await self._management.live(record, GetParticipants(), ()):
            if presence.peer == live_id:
                return json_answer(views.participant(presence))
        raise RestError(PARTICIPANT_NOT_FOUND)

    async def permit(self, room_id: str, live_id: str) -> Response:
        """Change what a participant may do."""
        record = await self._room(room_id, live_id)
        updates = await body_as(PermissionUpdates, FAILED)
        order = SetPermissions(live_id, updates.changes)
        presence = await self._management.live(record, order, None)
        if presence is None:
            raise RestError(PARTICIPANT_NOT_FOUND)
        return json_answer(views.participant(presence))

    async def drop(self, room_id: str, live_id: str) -> Response:
        """Put a participant out."""
        record = await self._room(room_id, live_id)
        await self._done(record, DropParticipant(live_id), PARTICIPANT_NOT_FOUND)
        return text_answer("")

    # --- streams

    async def streams(self, room_id: str) -> Response:
        """List the streams whose media flows."""
        found = await self._management.live(await self._room(room_id), GetStreams(), ())
        return json_answer([stream_info(stream, version()) for stream in found])

    async def stream(self, room_id: str, live_id: str) -> Response:
        """Show a stream."""
        record = await self._room(room_id, live_id)
        for stream in await self._management.live(record, GetStreams(), ()):
            if stream.id == live_id:
                return self._shown(stream)
        raise RestError(STREAM_NOT_FOUND)

    async def change_stream(self, room_id: str, live_id: str) -> Response:
        """Hold or resume a stream's tracks, put it into a view or take it out."""
        record = await self._room(room_id, live_id)
        updates = await body_as(StreamUpdates, FAILED)
        stream = await self._management.live(record, ChangeStream(live_id, updates.changes), None)
        if stream is None:
            raise RestError(STREAM_NOT_FOUND)
        return self._shown(stream)

    async def end_stream(self, room_id: str, live_id: str) -> Response:
        """End a stream."""
        record = await self._room(room_id, live_id)
        await self._done(record, EndStream(live_id), STREAM_NOT_FOUND)
        return text_answer("")

    # --- recordings

    async def recordings(self, room_id: str) -> Response:
        """List the ongoing recordings."""
        found = await self._management.live(await self._room(room_id), GetRecordings(), ())
        return json_answer([views.recording(view, self._host()) for view in found])

    async def record(self, room_id: str) -> Response:
        """Start a recording."""
        record = await self._room(room_id)
        wanted = await body_as(RecordingRequest, BAD_REQUEST)
        media = wanted.media
        order = StartRecording(
            wanted.container,
            media.audio.wanted if media.audio else None,
            media.video.wanted if media.video else None,
        )
        try:
            view = await self._management.live(record, order, None)
        except NoCapacity:
            raise
        except Refused as refusal:
            raise RestError(with_reason(RECORDING_FAILED, refusal)) from None
        if view is None:
            raise RestError(NOBODY_TO_RECORD)
        return json_answer(views.recording(view, self._host()))

    async def change_recording(self, room_id: str, live_id: str) -> Response:
        """Hold or resume a recording's tracks, or take them from other streams."""
        record = await self._room(room_id, live_id)
        updates = await body_as(OutputUpdates, FAILED)
        order = ChangeRecording(live_id, updates.changes)
        try:
            view = await self._management.live(record, order, None)
        except (TargetUnsatisfying, CannotRecord) as refusal:
            raise RestError(with_reason(FAILED, refusal)) from None
        if view is None:
            raise RestError(RECORDING_NOT_FOUND)
        return json_answer(views.recording(view, self._host()))

    async def end_recording(self, room_id: str, live_id: str) -> Response:
        """End a recording; its file is complete when this is answered."""
        record = await self._room(room_id, live_id)
        await self._done(record, EndRecording(live_id), RECORDING_NOT_FOUND)
        return text_answer("")

    async def fail(self, room_id: str, live_id: str) -> Response:
        """There is none to change or end."""
        await self._room(room_id, live_id)
        raise RestError(FAILED)

    def _host(self) -> str:
        found = portal_host(self._management.state.services.settings(), request.scope)
        return "localhost" if found is None else found.name


def with_reason(what: RestTrouble, refusal: Refused) -> RestTrouble:
    """Return the trouble with what the refusal says, if it says something."""
    reason = str(refusal)
    return what.saying(f"{what.message}: {reason}") if reason else what
