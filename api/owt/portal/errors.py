"""Refusals and ends in the words of OWT's portal: ONE table for acknowledgements and progress."""

from __future__ import annotations

from actors.core import ActorError, Refused
from actors.words.conference_refusals import ParticipantUnknown, TargetUnsatisfying
from actors.words.streams import SessionEnd

ILLEGAL_REQUEST = "Illegal request"
UNKNOWN_PROTOCOL = "Unknown client protocol"
DEPRECATED_CLIENT = "Deprecated client version"
INVALID_SIGNATURE = "Invalid token signature"
TOKEN_EXPIRED = "Expired"  # noqa: S105  these are words, not secrets
TOKEN_UNKNOWN = "Unknown"  # noqa: S105
INVALID_ROLE = "Invalid role"
JOINING_FAILED = "Joining room failed"
BAD_PUBLICATION = "Bad publication request"
INVALID_RECEIVER = "Invalid receiver"
INVALID_SIGNALING = "Invalid signaling type"
ATTRIBUTES_TOO_LARGE = "The attributes are too large"
TOO_MANY_ATTEMPTS = "Too many failed attempts, try later"
BUSY = "The server is busy, try again"
NO_CAPACITY = "Server is busy"  # of a kind of media job, which follows

REFUSALS: dict[str, str] = {
    "not_in_room": ILLEGAL_REQUEST,
    "room_full": "Room is full",
    "too_many_rooms": JOINING_FAILED,
    "closed_by_operator": f"{JOINING_FAILED}: the operator has closed the room",
    "too_many_peers": JOINING_FAILED,
    "store_unavailable": JOINING_FAILED,
    "shutting_down": "The server is shutting down",
    "bad_ticket": "Invalid reconnection ticket signature",
    "ticket_expired": "Ticket is expired",
    "resume_refused": "Reconnection is not allowed",
    "not_allowed": "unauthorized",
    "too_many_streams": "Too many inputs",
    "audio_forbidden": "Audio is forbiden",
    "video_forbidden": "Video is forbiden",
    "stream_unknown": "Stream does NOT exist",
    "track_unknown": "Stream does NOT contain valid track to mute/unmute",
    "subscription_unknown": "Subscription does NOT exist",
    "empty_subscription": "Bad subscription request",
    "bad_candidate": "Invalid candidate",
    "negotiation_out_of_step": "The session is negotiated already",
    "view_unknown": "Invalid view",
    "stream_not_in_view": "Stream does NOT exist in the view",
    "region_unknown": "Invalid region",
    "layout_impossible": "Invalid layout",
    "too_much_media": BUSY,
    "busy": BUSY,
}
CLIENT_UNKNOWN = "Client does NOT exist"

UNSATISFYING = {
    "stream": "Requested {kind} stream",
    "format": "Format is not acceptable",
    "resolution": "Resolution is not acceptable",
    "framerate": "Framerate is not acceptable",
    "bitrate": "Bitrate is not acceptable",
    "keyframe interval": "KeyFrameInterval is not acceptable",
    "rid": "Simulcast RID is not acceptable",
}

ENDS: dict[SessionEnd, str] = {
    SessionEnd.ICE_FAILED: "Ice procedure failed.",
    SessionEnd.DTLS_FAILED: "Dtls procedure failed.",
    SessionEnd.NO_AUDIO_CODEC: "No proper audio codec",
    SessionEnd.NO_VIDEO_CODEC: "No proper video codec",
    SessionEnd.BAD_OFFER: "Invalid offer sdp",
    SessionEnd.AUDIO_MISSING: "audio is required but not contained by offer sdp",
    SessionEnd.VIDEO_MISSING: "video is required but not contained by offer sdp",
    SessionEnd.AUDIO_UNWANTED: "audio is not required but contained by offer sdp",
    SessionEnd.VIDEO_UNWANTED: "video is not required but contained by offer sdp",
    SessionEnd.SOURCE_LOST: "Source stream loss",
    SessionEnd.PEER_LEFT: "Participant leave",
    SessionEnd.ROOM_CLOSED: "Room destruction",
    SessionEnd.MEDIA_LOST: "Access node exited unexpectedly",
    SessionEnd.HUNG_UP: "",  # the client has closed it itself
    SessionEnd.REMOVED: "",  # the client hears of its stream's end, and of nothing else
}


def words_for_end(why: SessionEnd, detail: str = "") -> str:
    """Return the original's words, and behind them what they leave open."""
    return f"{ENDS[why]}: {detail}" if detail else ENDS[why]


def words_for(error: ActorError, session: str = "") -> str:
    """Return the words for a refusal; `session` is what a request about media has named."""
    match error:
        case TargetUnsatisfying(kind=kind, what=what):
            why = UNSATISFYING.get(what, UNSATISFYING["format"]).format(kind=kind)
            return f"Target {kind} stream does NOT satisfy:{why}"
        case ParticipantUnknown(args=(id_, *_)):
            return f"Target participant does NOT exist: {id_}"
        case Refused(code="session_unknown"):
            return f"Session {session} does NOT exist"
        case Refused(code="no_capacity"):
            return f"{NO_CAPACITY}: {error}"
        case Refused(code=code):
            return REFUSALS.get(code, BUSY)
    return BUSY
