"""Streams in and out: what a process pulls from outside, and what it sends there.

Plain data, which also crosses to the process. Both are jobs (media.contract.jobs): what a process
pulls leaves it through sources, what it sends comes through sinks.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class OutsideTrouble(StrEnum):
    """Why nothing comes from a source, or a target takes nothing."""

    UNREACHABLE = "unreachable"  # no such name, nobody there, or no answer in time
    NOT_ALLOWED = "not_allowed"  # an address or a file that may not be reached, also by a redirect
    UNAUTHORISED = "unauthorised"  # 401, 403 and the like
    NOT_FOUND = "not_found"
    REFUSED = "refused"  # it answers, but with another error
    UNREADABLE = "unreadable"  # no media, or none that is wanted or known here
    SILENT = "silent"  # nothing came, or nothing was taken, for too long
    ENDED = "ended"  # the other side has ended it
    NO_SPACE = "no_space"  # on our disk
    EXISTS = "exists"  # a local file that would be written over


class OutsideAddress(msgspec.Struct, frozen=True, tag=True):
    """An address outside, and which may be reached at all.

    `url` may hold credentials. `networks` are those that are allowed ("10.0.0.0/8"); with none,
    all are but those of this machine, link-local and multicast ones. `folder` is where local files
    may lie, "" for nowhere.
    """

    url: str
    networks: tuple[str, ...] = ()
    folder: str = ""

    def __repr__(self) -> str:
        """Return nothing of it: it may come to a log."""
        return "OutsideAddress(...)"


class PulledAudio(msgspec.Struct, frozen=True, tag=True):
    """Sound of a source: `codec` is FFmpeg's name of it, rate in Hz.

    With `passes` it can go on as it comes, as `sent` (a codec of AudioTarget); else it has to be
    decoded.
    """

    codec: str
    sample_rate: int
    channels: int
    passes: bool


class PulledVideo(msgspec.Struct, frozen=True, tag=True):
    """Pictures of a source: `codec` is FFmpeg's name; `profile` as in VideoTarget, or "".

    `framerate` is 0 where nobody knows. With `passes` they can go on as they come: H.264 without
    pictures that are shown in another order, and VP8.
    """

    codec: str
    width: int
    height: int
    framerate: float
    passes: bool
    profile: str = ""


class SourceFound(msgspec.Struct, frozen=True, tag=True):
    """A source has been opened, and has this; told again each time it was opened anew."""

    audio: PulledAudio | None
    video: PulledVideo | None


class SourceLost(msgspec.Struct, frozen=True, tag=True):
    """A source could not be opened, or gave nothing any more.

    `detail` is a sentence for people, without addresses. With `over` it will not be tried again:
    the process rests.
    """

    reason: OutsideTrouble
    detail: str
    over: bool = False


class TargetFlows(msgspec.Struct, frozen=True, tag=True):
    """A target takes what is sent to it, the first time or again."""


class TargetLost(msgspec.Struct, frozen=True, tag=True):
    """A target takes nothing, or not any more. As SourceLost."""

    reason: OutsideTrouble
    detail: str
    over: bool = False


StreamingEvent = SourceFound | SourceLost | TargetFlows | TargetLost
