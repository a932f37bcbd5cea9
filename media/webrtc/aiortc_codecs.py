"""Which codecs aiortc agrees on, and which parameters of an offer its answer keeps.

Beside `aiortc_seam.py` one of the files that touch private names; the contract tests hold them.
Nothing is decoded here, so aiortc's list is made longer: any profile of H.264 can be forwarded.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence, Set
from typing import Any

from aiortc import RTCRtpTransceiver
from aiortc.codecs import CODECS, get_capabilities
from aiortc.rtcpeerconnection import filter_preferred_codecs, find_common_codecs
from aiortc.sdp import MediaDescription, parameters_from_sdp, parameters_to_sdp

from media.contract.codec import Codec
from media.contract.errors import NoCommonCodec
from media.rtp.codec_fit import H264_CONFIGURATIONS, suits

# What an answer says as the offer does. Opus (RFC 7587, 6.1): what whoever sends to us may do, and
# what a publisher's page asks for is what its audience gets. H.264 (RFC 6184, 8.2.2): what both
# sides have to say alike.
KEPT = {
    "opus": ("minptime", "useinbandfec", "stereo", "maxaveragebitrate", "maxplaybackrate",
             "usedtx", "cbr"),
    "h264": ("level-asymmetry-allowed", "packetization-mode", "profile-level-id"),
}  # fmt: skip
OPUS_PARAMETERS = {"minptime": 10, "useinbandfec": 1}  # of an offer of ours
FIRST_PAYLOAD_TYPE = 103  # behind aiortc's own
H264_ORDER = [parameters_from_sdp(told) for told in H264_CONFIGURATIONS]


def know_more() -> None:
    """Add to aiortc's list what can be forwarded; once."""
    opus = next(codec for codec in CODECS["audio"] if codec.name == "opus")
    opus.parameters = dict(OPUS_PARAMETERS)
    like = next(codec for codec in CODECS["video"] if codec.name == "H264")
    own = [codec.parameters for codec in CODECS["video"] if codec.name == "H264"]
    if any(codec.payloadType == FIRST_PAYLOAD_TYPE for codec in CODECS["video"]):
        return
    more = [told for told in map(parameters_from_sdp, H264_CONFIGURATIONS) if told not in own]
    for number, parameters in enumerate(more, FIRST_PAYLOAD_TYPE):
        codec = copy.deepcopy(like)
        codec.payloadType, codec.parameters = number, parameters
        CODECS["video"].append(codec)


def capabilities(kind: str, names: tuple[str, ...], fmtp: str = "") -> list[Any]:
    """Return aiortc's codecs of these names in this order, all without any; never RTX.

    H.264 comes in the order of H264_CONFIGURATIONS. `fmtp` says what will be sent: only those are
    returned that suit it. Lost packets are sent again as they were (RFC 4585), which needs no
    format of its own. Raises NoCommonCodec.
    """
    if kind not in CODECS:
        raise NoCommonCodec("neither audio nor video")
    known = [codec for codec in get_capabilities(kind).codecs if codec.name.lower() != "rtx"]
    known.sort(key=_place)
    if names:
        known = [codec for name in names for codec in known if codec.name.lower() == name]
    if fmtp:
        known = [codec for codec in known if _takes(codec, fmtp)]
    if not known:
        raise NoCommonCodec(f"no wanted codec for {kind} is known")
    return known


def check_codecs(
    free: list[RTCRtpTransceiver], sections: Sequence[MediaDescription], rejected: Set[str]
) -> None:
    """Raise NoCommonCodec for a section, not a rejected one, that could not be agreed on."""
    for media in sections:
        if media.kind not in CODECS or media.rtp.muxId in rejected:
            continue
        found = find_common_codecs(CODECS[media.kind], media.rtp.codecs)
        mids = (None, media.rtp.muxId)
        mine = next((t for t in free if t.kind == media.kind and t.mid in mids), None)
        wanted: list[Any] = []
        if mine is not None:
            free.remove(mine)
            wanted = mine._preferred_codecs
            found = filter_preferred_codecs(found, wanted)
        if not found or found[0].name.lower() == "rtx":
            raise NoCommonCodec(_nothing_common(media, wanted))


def keep_parameters(transceiver: RTCRtpTransceiver, offered: Iterable[MediaDescription]) -> None:
    """Have the answer, of one codec, say of it what the offer says."""
    if not transceiver._codecs:  # it is not offered
        return
    [codec] = transceiver._codecs
    of_section = (media for media in offered if media.rtp.muxId == transceiver.mid)
    theirs = next((it for media in of_section for it in media.rtp.codecs
                   if it.payloadType == codec.payloadType), None)  # fmt: skip
    name = codec.name.lower()
    if theirs is None or name not in KEPT:
        return
    told = {key: value for key, value in theirs.parameters.items() if key in KEPT[name]}
    if name == "opus":
        if theirs.parameters.get("sprop-stereo") == "1":  # it can send both sides: we take them
            told["stereo"] = 1
        codec.parameters = told
    else:
        codec.parameters = codec.parameters | told


def _place(capability: Any) -> int:
    """Return where a codec belongs in its list: only those of H.264 change places."""
    return H264_ORDER.index(capability.parameters) if capability.name.lower() == "h264" else -1


def _takes(capability: Any, fmtp: str) -> bool:
    """Tell whether what is sent with these parameters suits a codec of aiortc's."""
    name, rate = capability.name.lower(), capability.clockRate
    mine = Codec(name, rate, 0, fmtp=parameters_to_sdp(capability.parameters))
    return name != "h264" or suits(Codec(name, rate, 0, fmtp=fmtp), mine)


def _nothing_common(media: MediaDescription, wanted: Sequence[Any]) -> str:
    """Say why there is no common codec: by name, or by what is said of it."""
    names = {codec.name.lower() for codec in wanted or CODECS[media.kind]} - {"rtx"}
    if "h264" in names & {codec.name.lower() for codec in media.rtp.codecs}:
        return "no common profile and packetization mode of H.264"
    return f"no common codec for {media.kind}"


know_more()
