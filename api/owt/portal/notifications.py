"""Facts as the notifications of the portal, in both versions of its protocol (facts: section 7)."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from actors.words.closings import Closing
from actors.words.facts import (
    Dropped,
    Expelled,
    Fact,
    Joined,
    MediaLost,
    PeerJoined,
    PeerLeft,
    Presence,
    RoomClosed,
    Said,
    SessionAnswered,
    SessionEnded,
    SessionReady,
    StreamAdded,
    StreamChanged,
    StreamRemoved,
)
from actors.words.permission import Abilities, Permission
from actors.words.streams import AudioTrack, SessionEnd, Stream, VideoTrack
from actors.words.views import AnyStream, MixedStream
from api.owt.portal.errors import ENDS, words_for_end
from api.owt.rooms import DIALECT
from api.owt.socketio.packets import event
from api.owt.stream_info import NOBODY, Version, layout, status, stream_info

Document = dict[str, Any]
TO_MANY = (PeerJoined, PeerLeft, Said, StreamAdded, StreamChanged, StreamRemoved)


class Notification(NamedTuple):
    """`data` is JSON, or None where there is none."""

    name: str
    data: bytes | None

    @property
    def packet(self) -> bytes:
        """It as Socket.IO has it."""
        return event(self.name, () if self.data is None else (self.data,))


class PortalRenderer:
    """Turn what goes to a whole room into bytes once, not once a member."""

    def __init__(self) -> None:
        self._last: dict[Version, tuple[Fact | None, list[bytes]]] = {}
        self._listed: dict[Version, tuple[tuple[AnyStream, ...], bytes]] = {}

    def render(self, fact: Fact, version: Version) -> list[bytes]:
        """Return the packets of the notifications; a room tells the same fact to all in turn."""
        known, rendered = self._last.get(version, (None, []))
        if known is fact:
            return rendered
        rendered = [notification.packet for notification in notifications(fact, version)]
        if isinstance(fact, TO_MANY):
            self._last[version] = (fact, rendered)
        return rendered

    def streams(self, streams: tuple[AnyStream, ...], version: Version) -> bytes:
        """Return a list of streams; the same as before, as for all who come, is not made again."""
        known, listed = self._listed.get(version, ((), b"[]"))
        if known is not streams and known != streams:
            listed = msgspec.json.encode([stream_info(stream, version) for stream in streams])
            self._listed[version] = (streams, listed)
        return listed


DROP = Notification("drop", None)
OPERATOR = "operator"
"""From whom a client has it, as a text, why it is put out: `drop` says nothing."""


def notifications(fact: Fact, version: Version) -> list[Notification]:
    """Return what a client is told of a fact, in order; nothing of one without words here."""
    match fact:
        case PeerJoined(presence):
            return [_told("participant", {"action": "join", "data": participant(presence)})]
        case PeerLeft(peer):
            return [_told("participant", {"action": "leave", "data": peer})]
        case Said(sender, to, text) if fact.means_something_to(DIALECT):
            whom = "all" if to is None else "me"
            return [_told("text", {"from": sender, "to": whom, "message": text})]
        case StreamAdded(stream):
            data = stream_info(stream, version)
            return [_told("stream", {"id": stream.id, "status": "add", "data": data})]
        case StreamChanged():
            return [_told("stream", _update(fact, version))]
        case StreamRemoved(id_):
            return [_removed(id_)]
        case SessionAnswered(session, sdp):
            answer = {"type": "answer", "sdp": sdp}
            return [_told("progress", {"id": session, "status": "soac", "data": answer})]
        case SessionReady(session):
            return [_told("progress", {"id": session, "status": "ready"})]
        case SessionEnded(session, why, detail):
            return [_failed(session, why, detail)] if ENDS[why] else []
        case MediaLost(streams, sessions):
            failed = [_failed(session, SessionEnd.MEDIA_LOST) for session in sessions]
            return failed + [_removed(stream) for stream in streams]
        case RoomClosed(_, Closing(text=text)) | Expelled(text):
            said = {"from": OPERATOR, "to": "me", "message": text}
            return [_told("text", said), DROP] if text else [DROP]
        case Dropped() | RoomClosed():
            return [DROP]
    return []


def participant(presence: Presence) -> Document:
    return {"id": presence.peer, "user": presence.user, "role": presence.role}


def permission(granted: Permission) -> Document:
    return {"publish": _abilities(granted.publish), "subscribe": _abilities(granted.subscribe)}


def welcome(
    me: Presence, joined: Joined, streams: bytes, views: tuple[str, ...], ticket: str
) -> Document:
    """Return the answer to a login: who one is, and all that is in the room; `streams` is JSON."""
    return {
        "id": me.peer,
        "user": me.user,
        "role": me.role,
        "permission": permission(me.permission),
        "room": {
            "id": joined.room.key.name,
            "views": list(views),
            "participants": [participant(presence) for presence in joined.members],
            "streams": msgspec.Raw(streams),
        },
        "reconnectionTicket": ticket,
    }


def _abilities(granted: Abilities) -> Document:
    return {"audio": granted.audio, "video": granted.video}


def _update(fact: StreamChanged, version: Version) -> Document:
    """Return what of a stream has changed: `field` is "." with the whole, or names a part."""
    field = fact.field
    value: object
    match fact.stream, field:
        case Stream(audio=AudioTrack(active=active)), "audio.status":
            value = status(active=active)
        case Stream(video=VideoTrack(active=active)), "video.status":
            value = status(active=active)
        case MixedStream(layout=placed), "video.layout":
            value = layout(placed)
        case MixedStream(active_input=heard), "activeInput":
            value = heard or NOBODY
        case _:
            field, value = ".", stream_info(fact.stream, version)
    data = {"field": field, "value": value}
    return {"id": fact.stream.id, "status": "update", "data": data}


def _removed(stream: str) -> Notification:
    return _told("stream", {"id": stream, "status": "remove"})


def _failed(session: str, why: SessionEnd, detail: str = "") -> Notification:
    data = words_for_end(why, detail)
    return _told("progress", {"id": session, "status": "error", "data": data})


def _told(name: str, data: Document) -> Notification:
    return Notification(name, msgspec.json.encode(data))
