"""Expected trouble with streams and participants, by name; see `refusals` for the rest."""

from __future__ import annotations

from actors.core.errors import Refused


class NotAllowed(Refused):
    """The permission or the ownership for this is missing."""

    code = "not_allowed"


class TooManyStreams(Refused):
    """The room takes no more streams."""

    code = "too_many_streams"


class AudioForbidden(Refused):
    """The room takes no audio."""

    code = "audio_forbidden"


class VideoForbidden(Refused):
    code = "video_forbidden"


class EmptySubscription(Refused):
    """Neither audio nor video is wanted."""

    code = "empty_subscription"


class StreamUnknown(Refused):
    code = "stream_unknown"


class TrackUnknown(Refused):
    """The stream has no track of that kind."""

    code = "track_unknown"


class SubscriptionUnknown(Refused):
    code = "subscription_unknown"


class SessionUnknown(Refused):
    """Neither a publication nor a subscription has that id."""

    code = "session_unknown"


class RecordingUnknown(Refused):
    code = "recording_unknown"


class BroadcastUnknown(Refused):
    code = "broadcast_unknown"


class AnalyticUnknown(Refused):
    code = "analytic_unknown"


class ParticipantUnknown(Refused):
    """`args[0]` is the id."""

    code = "participant_unknown"


class TargetUnsatisfying(Refused):
    """A stream cannot be had as wanted: `kind` is "audio" or "video", `what` in a word or two.

    `what`: "stream" (there is none, or not of that kind), "format", "resolution", "framerate",
    "bitrate", "keyframe interval", "rid".
    """

    code = "target_unsatisfying"

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind
        self.what = what


class ViewUnknown(Refused):
    code = "view_unknown"


class StreamNotInView(Refused):
    """The stream is not mixed into that view, or has no place there."""

    code = "stream_not_in_view"


class RegionUnknown(Refused):
    """The view has no such region now, or it comes behind an empty one."""

    code = "region_unknown"


class LayoutImpossible(Refused):
    """A view cannot be laid out like this; the text says why."""

    code = "layout_impossible"
