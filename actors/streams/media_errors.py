"""What the media layer refuses, as refusals of ours: one table for all actors that use it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from actors.core import Refused
from actors.words import media_refusals
from media.contract import errors
from media.contract.paths import PathTrouble

R = TypeVar("R")

REFUSALS: dict[type[errors.MediaError], type[Refused]] = {
    errors.NoCommonCodec: media_refusals.NoCommonCodec,
    errors.BadDescription: media_refusals.BadDescription,
    errors.BadCandidate: media_refusals.BadCandidate,
    errors.WrongState: media_refusals.NegotiationOutOfStep,
    errors.UnknownChannel: media_refusals.UnknownChannel,
    errors.TooMuch: media_refusals.TooMuchMedia,
    errors.RouterFull: media_refusals.TooMuchMedia,
    errors.NoFreePort: media_refusals.TooMuchMedia,
    errors.BadAddress: media_refusals.BadAddress,
    errors.UnknownSource: media_refusals.SourceGone,
    errors.UnknownSink: media_refusals.SinkGone,
    errors.CodecMismatch: media_refusals.CodecMismatch,
    errors.NoCapacity: media_refusals.NoCapacity,
    errors.JobFailed: media_refusals.JobFailed,
    errors.CannotRecord: media_refusals.CannotRecord,
    errors.IdTaken: media_refusals.MediaIdTaken,
}

PATH_REFUSALS: dict[PathTrouble, str] = {
    PathTrouble.SOURCE_GONE: media_refusals.SourceGone.__name__,
    PathTrouble.SINK_GONE: media_refusals.SinkGone.__name__,
    PathTrouble.CODEC_MISMATCH: media_refusals.CodecMismatch.__name__,
    PathTrouble.BUG: "Bug",
}
"""What logs call the troubles with a path."""


async def asked(step: Awaitable[R]) -> R:
    """Wait for a step of the media layer; what it refuses is a refusal, not a crash."""
    try:
        return await step
    except errors.MediaError as error:
        for kind, refusal in REFUSALS.items():
            if isinstance(error, kind):
                raise refusal(str(error)) from error
        raise
