"""A room's one telephone call, for actors that stand in for the room."""

from __future__ import annotations

from dataclasses import replace

from actors.core import Message
from actors.words.calls import (
    CallEnd,
    CallRefused,
    CallUnknown,
    CallView,
    ChangeCall,
    Digit,
    EndCall,
    GetCalls,
    StartCall,
)
from actors.words.conference_refusals import TargetUnsatisfying
from actors.words.media_refusals import NoCapacity
from actors.words.refusals import Busy, RoomFull
from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    AudioWanted,
    Resolution,
    SourceChange,
    Stream,
    VideoFormat,
    VideoParameters,
    VideoTrack,
    VideoWanted,
)

CALLER = "SipIn314159265358979323"
CALL = CallView(
    CALLER,
    incoming=True,
    peer="sip:+49301234@sip.example.org",
    stream=Stream(
        "271828",
        CALLER,
        AudioTrack("mic", AudioFormat("pcmu", 8000, 1)),
        VideoTrack("camera", VideoFormat("h264", "CB")),
        kind="sip",
    ),
    output="161803",
    audio=AudioWanted("room-common"),
    video=VideoWanted("room-common", None, VideoParameters(Resolution(352, 288), 15)),
    digits=(Digit("4", 120), Digit("#", 80)),
)
TROUBLES = {
    "busy": CallRefused(CallEnd.BUSY),
    "full": RoomFull(),
    "line": CallRefused(CallEnd.UNANSWERED, "nobody has answered"),
    "later": Busy("too many calls are being made"),
    "no-cpu": NoCapacity("call"),
}


def answer_about_calls(message: Message) -> object:
    """Answer as a room does; who is called by a name of TROUBLES is that, others take the call."""
    match message:
        case GetCalls():
            return (CALL,)
        case StartCall(uri, presence, video=video, hears=hears, sees=sees):
            name = uri.removeprefix("sip:").partition("@")[0]
            if name in TROUBLES:
                raise TROUBLES[name]
            made = replace(CALL, id=presence.peer, incoming=False, peer=uri, digits=())
            return replace(made, audio=hears, video=sees, stream=made.stream if video else None)
        case ChangeCall(call, changes):
            if call != CALL.id:
                raise CallUnknown
            if SourceChange("audio", "nothing") in changes:
                raise TargetUnsatisfying("audio", "stream")
            return CALL
        case EndCall(call) if call != CALL.id:
            raise CallUnknown
    return None
