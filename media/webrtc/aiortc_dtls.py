"""The keys of a connection: DTLS as aiortc does it, SRTP as pylibsrtp does, with private names.

Beside `aiortc_seam.py` one of the files that touch those; the same contract tests hold them.
"""

from __future__ import annotations

from typing import Any

import pylibsrtp
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsTransport
from pylibsrtp import SRTP_MAX_TRAILER_LEN, ffi  # type: ignore[attr-defined]

from media.udp.datagrams import DATAGRAM_BYTES

# RFC 8827 (6.5) requires the first one; the RSA ones are for peers whose certificate is of that
# kind, and which are the server: GStreamer, and whoever generates one in a browser.
CIPHERS = ":".join((
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA",
))  # fmt: skip
# pylibsrtp has room for 1,500 bytes, of which it keeps 144 for what encryption adds: 1,356 can be
# sent. With this, whatever our sockets read whole can be sent, with extensions of ours.
BUFFER_BYTES = DATAGRAM_BYTES + 256
LONGEST_PACKET = BUFFER_BYTES - SRTP_MAX_TRAILER_LEN
UNTAKEN = (pylibsrtp.Error, ValueError)  # what libsrtp refuses; the latter what is too long


class Certificate(RTCCertificate):
    """A certificate of aiortc's, for connections to peers of either kind."""

    def _create_ssl_context(self, srtp_profiles: Any) -> Any:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(CIPHERS.encode())
        return context

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:  # noqa: N802 - aiortc's name
        """Return the one that every peer knows (RFC 8827, 6.5), as browsers do.

        With several, libdatachannel expects the last; where DTLS begins before it has stored the
        answer it hashes with the default, SHA-256, and refuses the certificate.
        """
        return [each for each in super().getFingerprints() if each.algorithm == "sha-256"]


def widen_buffers(transport: RTCDtlsTransport) -> None:
    """Have both SRTP sessions of a transport, once there are keys, take packets of any size."""
    hidden: Any = transport
    set_up = hidden._setup_srtp

    def set_up_widely() -> None:
        set_up()
        for session in (hidden._tx_srtp, hidden._rx_srtp):
            if session is not None:  # else no profile was agreed on
                session._cdata = ffi.new("char[]", BUFFER_BYTES)
                session._buffer = ffi.buffer(session._cdata)

    hidden._setup_srtp = set_up_widely
