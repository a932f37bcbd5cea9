"""What a job takes and sends, as the router has it. Pure."""

from __future__ import annotations

from media.contract.codec import Codec
from media.contract.jobs import AudioTarget, JobInput, VideoTarget
from media.job.control import PAYLOAD_TYPE
from media.rtp.aac import aac_fmtp
from media.rtp.h264_levels import fmtp_of

VIDEO_CLOCK = 90_000
CLOCKS = {"opus": 48_000, "pcmu": 8000, "pcma": 8000, "g722": 8000}  # RFC 3551: G.722, too


def codec_taken(taken: JobInput) -> Codec:
    """Return the codec of an input."""
    name = taken.codec.lower()
    return Codec(name, taken.clock_rate, PAYLOAD_TYPE, taken.channels, taken.fmtp)


def codec_sent(target: VideoTarget | AudioTarget) -> Codec:
    """Return the codec of what is sent.

    Raises ValueError for a rate that AAC does not have, and a profile that H.264 does not.
    """
    name = target.codec.lower()
    if isinstance(target, VideoTarget):
        try:
            return Codec(name, VIDEO_CLOCK, PAYLOAD_TYPE, fmtp=fmtp_of(target))
        except KeyError:
            raise ValueError("a profile that nobody knows") from None
    if name == "aac":
        fmtp = aac_fmtp(target.sample_rate, target.channels)
        return Codec(name, target.sample_rate, PAYLOAD_TYPE, target.channels, fmtp)
    channels = 2 if name == "opus" else target.channels  # as RFC 7587 has it
    return Codec(name, CLOCKS.get(name, target.sample_rate), PAYLOAD_TYPE, channels)
