"""Analytics: what plug-ins see and hear in the streams of a room, and the requests for it.

All of it comes from a management API, which asks the room itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.core.message import Message, Request
from actors.words.streams import AudioFormat, AudioWanted, VideoFormat, VideoWanted

LAST_EVENTS = 20  # that are kept of one analytic
SENDER = "analytics"
"""Who says what `notify` has said, where a sender is named: no id of a participant is like it."""


@dataclass(frozen=True, slots=True)
class AnalyticEvent(Message):
    """What a plug-in told: `body` are its values, a JSON object; `time` in seconds since 1970."""

    name: str
    body: bytes
    time: float


@dataclass(frozen=True, slots=True)
class AnalyticView(Message):
    """An ongoing analytic: the streams that it takes, their formats, and its last events.

    `dropped` is how many events were too many.
    """

    id: str
    algorithm: str
    audio: AudioWanted | None
    video: VideoWanted | None
    audio_format: AudioFormat | None
    video_format: VideoFormat | None
    events: tuple[AnalyticEvent, ...] = ()
    dropped: int = 0
    asked_as: str = ""


@dataclass(frozen=True, slots=True)
class StartAnalytic(Request[AnalyticView]):
    """Have a plug-in look at streams; answered once it is at work. Who leaves before has it ended.

    What it does not want is not taken. With `notify`, its events are said to all in the room.
    `asked_as` is the algorithm in the words of who asks.
    Raises EmptySubscription, TargetUnsatisfying, CannotAnalyse, NoCapacity, and Busy at the limit.
    """

    algorithm: str
    audio: AudioWanted | None
    video: VideoWanted | None
    notify: bool = False
    asked_as: str = ""


@dataclass(frozen=True, slots=True)
class GetAnalytics(Request[tuple[AnalyticView, ...]]):
    """The ongoing analytics: those that are at work."""


@dataclass(frozen=True, slots=True)
class EndAnalytic(Request[None]):
    """End an analytic; answered when nothing of it is left. Raises AnalyticUnknown."""

    analytic: str
