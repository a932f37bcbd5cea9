"""Whether packets of one codec can reach who expects another, with no change to what is in them."""

from __future__ import annotations

from media.contract.codec import Codec, H264Profile, h264_profile

# What can be forwarded: constrained baseline, baseline, main, constrained high and high, each in
# either packetization, the one most sides know first. The level counts for nothing here.
H264_CONFIGURATIONS = tuple(
    f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}"
    for mode in (1, 0)
    for profile in ("42e01f", "42001f", "4d001f", "640c1f", "64001f")
)


def told(codec: Codec) -> str:
    """Name a codec with what of it decides whether another one suits it; for people."""
    if codec.name.lower() != "h264":
        return codec.name
    profile = h264_profile(codec.fmtp).name.lower()
    return f"h264 (profile {profile}, packetization mode {_packetization_mode(codec)})"


def suits(source: Codec, sink: Codec) -> bool:
    """Tell whether packets of `source` can reach `sink` with no change but to their headers."""
    if (source.name.lower(), source.clock_rate) != (sink.name.lower(), sink.clock_rate):
        return False
    match source.name.lower():
        case "opus":
            return True  # every decoder takes mono and stereo, whatever was announced
        case "h264" if not sink.fmtp:
            return True  # a plain port without parameters: who opened it knows what to expect
        case "h264":
            # Fragments (mode 1) are Greek to a receiver of single units (mode 0), not the other
            # way round. RFC 6184, section 6. Who decodes a profile decodes the simpler ones, too.
            simple_enough = h264_profile(source.fmtp) <= h264_profile(sink.fmtp)
            known = H264Profile.UNKNOWN not in (h264_profile(source.fmtp), h264_profile(sink.fmtp))
            return _packetization_mode(source) <= _packetization_mode(sink) and (
                simple_enough or not known
            )
        case _:
            return source.channels == sink.channels


def _packetization_mode(codec: Codec) -> int:
    mode = codec.parameters().get("packetization-mode", "0")
    return int(mode) if mode in ("0", "1", "2") else 0
