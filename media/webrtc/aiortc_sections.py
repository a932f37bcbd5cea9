"""The sections of a description as aiortc keeps them: its transceivers, with their private names.

Beside `aiortc_seam.py` one of the files that touch those; the same contract tests hold them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from aiortc import RTCPeerConnection, RTCRtpTransceiver
from aiortc.codecs import CODECS
from aiortc.sdp import MediaDescription, parameters_to_sdp

from media.contract.codec import Codec
from media.webrtc.peer_facts import NegotiatedSection

MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid"
SEND_TIME_EXTENSION = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
ONE_BYTE_IDS = range(1, 15)  # of header extensions; larger ones were never agreed on (RFC 8285)


def private(peer: RTCPeerConnection, name: str) -> Any:
    """Return what a connection hides under a name of two underscores."""
    return getattr(peer, f"_RTCPeerConnection__{name}")


def hold_places(
    peer: RTCPeerConnection, sections: Sequence[MediaDescription], rejected: Set[str]
) -> None:
    """Let rejected sections of an offer take no wanted track: each gets a transceiver of its own.

    They come first: aiortc gives a section the first one of its mid or of none.
    """
    known = {transceiver.mid for transceiver in peer.getTransceivers()}
    for index, media in enumerate(sections):
        mid = media.rtp.muxId
        if media.kind in CODECS and mid in rejected and mid not in known:
            transceiver = peer.addTransceiver(media.kind, "inactive")
            transceiver._set_mid(mid)
            transceiver._set_mline_index(index)
            transceivers = private(peer, "transceivers")
            transceivers.insert(0, transceivers.pop())


def forget_replaced(peer: RTCPeerConnection, sections: Sequence[MediaDescription]) -> None:
    """Forget the sections whose place another one has taken (RFC 8829, section 5.2.2)."""
    mids = [media.rtp.muxId for media in sections]
    for transceiver in peer.getTransceivers():
        index = transceiver._get_mline_index()
        if index is not None and index < len(mids) and mids[index] != transceiver.mid:
            private(peer, "transceivers").remove(transceiver)
            for told in ("remoteDtls", "remoteIce"):
                private(peer, told).pop(transceiver, None)


def negotiated(
    peer: RTCPeerConnection, bitrates: Mapping[RTCRtpTransceiver, int]
) -> list[NegotiatedSection]:
    """Return the audio and video sections in the order of the description."""
    found = [t for t in peer.getTransceivers() if t.mid and t.currentDirection]
    return [
        _section(t, bitrates.get(t, 0))
        for t in sorted(found, key=lambda t: t._get_mline_index() or 0)
    ]


def _section(transceiver: RTCRtpTransceiver, bitrate: int) -> NegotiatedSection:
    codec = transceiver._codecs[0]
    extensions = {
        extension.uri: extension.id
        for extension in transceiver._headerExtensions
        if extension.id in ONE_BYTE_IDS
    }
    directions = (transceiver.direction, str(transceiver.currentDirection))
    return NegotiatedSection(
        mid=str(transceiver.mid),
        kind=transceiver.kind,
        codec=Codec(
            name=codec.name.lower(),
            clock_rate=codec.clockRate,
            payload_type=codec.payloadType or 0,
            channels=codec.channels or 1,
            fmtp=parameters_to_sdp(codec.parameters),
        ),
        receives=all(direction in ("recvonly", "sendrecv") for direction in directions),
        sends=all(direction in ("sendonly", "sendrecv") for direction in directions),
        ssrc=transceiver.sender._ssrc,
        rtx_ssrc=transceiver.sender._rtx_ssrc,
        mid_extension=extensions.get(MID_EXTENSION, 0),
        send_time_extension=extensions.get(SEND_TIME_EXTENSION, 0),
        bitrate=bitrate,
    )
