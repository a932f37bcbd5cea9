"""The keys of a connection: DTLS as aiortc does it, SRTP as pylibsrtp does, with private names.

Beside `aiortc_seam.py` one of the files that touch those; the same contract tests hold them.
"""

from __future__ import annotations

from typing import Any

import pylibsrtp
from aiortc.rtcdtlstransport import RTCDtlsTransport
from pylibsrtp import SRTP_MAX_TRAILER_LEN, ffi  # type: ignore[attr-defined]

from media.datagrams import DATAGRAM_BYTES

# pylibsrtp has room for 1,500 bytes, of which it keeps 144 for what encryption adds: 1,356 can be
# sent. With this, whatever our sockets read whole can be sent, with extensions of ours.
BUFFER_BYTES = DATAGRAM_BYTES + 256
LONGEST_PACKET = BUFFER_BYTES - SRTP_MAX_TRAILER_LEN
UNTAKEN = (pylibsrtp.Error, ValueError)  # what libsrtp refuses; the latter what is too long


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
