"""Descriptions as aiortc reads them: whether it will take one, found out before anything changes.

Beside `aiortc_seam.py` one of the files that touch private names; the contract tests hold them.
"""

from __future__ import annotations

from collections.abc import Set

from aiortc import RTCPeerConnection, RTCSctpTransport
from aiortc.exceptions import InvalidStateError
from aiortc.rtcdtlstransport import X509_DIGEST_ALGORITHMS
from aiortc.sdp import MediaDescription, SessionDescription

from media.contract.errors import BadDescription, WrongState
from media.webrtc.aiortc_codecs import check_codecs
from media.webrtc.aiortc_sections import private

# What aiortc's parser raises for text that is no description: it expects well-formed ones.
MALFORMED = (
    ValueError, AssertionError, LookupError, AttributeError, TypeError, StopIteration,
    ArithmeticError,
)  # fmt: skip


def checked(
    peer: RTCPeerConnection, sdp: str, kind: str, rejected: Set[str], *, no_channels: bool
) -> SessionDescription:
    """Return a description that aiortc will take; `rejected` are the mids of rejected sections.

    `no_channels` tells that there can be no data channels any more. Raises WrongState,
    BadDescription and NoCommonCodec.
    """
    try:
        description = SessionDescription.parse(sdp)
        description.type = kind
        if not all(media.dtls and media.dtls.fingerprints for media in description.media):
            raise BadDescription("without a fingerprint")
        if not all(map(_can_be_checked, description.media)):
            raise BadDescription("no fingerprint of SHA-256, SHA-384 or SHA-512")
        private(peer, "validate_description")(description, is_local=False)
        check_codecs(peer.getTransceivers(), description.media, rejected)
        channels = {m.rtp.muxId for m in description.media if m.kind == "application"}
        _check_channels(peer.sctp, channels - rejected, no_channels)
    except InvalidStateError as error:
        raise WrongState(f"no {kind} is expected now") from error
    except MALFORMED as error:
        raise BadDescription("a malformed description") from error
    return description


def _can_be_checked(media: MediaDescription) -> bool:
    """Tell whether aiortc knows the hash of any fingerprint; else DTLS could only fail later."""
    told = media.dtls.fingerprints if media.dtls is not None else []
    return any(fingerprint.algorithm.lower() in X509_DIGEST_ALGORITHMS for fingerprint in told)


def _check_channels(sctp: RTCSctpTransport | None, live: Set[str], no_channels: bool) -> None:
    """Let data channels neither move to another section nor come back: SCTP cannot."""
    place = sctp.mid if sctp is not None else None
    if live and place is not None and (no_channels or place not in live):
        raise BadDescription("data channels in another section than before")
