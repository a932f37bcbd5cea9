"""Why a session is refused or ended: MQTT 5's reason codes, and what older versions are told."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Reason codes of MQTT 5 (section 2.4) that this server sends."""

    SUCCESS = 0x00
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    UNSUPPORTED_VERSION = 0x84
    CLIENT_ID_NOT_VALID = 0x85
    BAD_CREDENTIALS = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_BUSY = 0x89
    SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    PACKET_TOO_LARGE = 0x95
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    SHARED_NOT_SUPPORTED = 0x9E
    IDENTIFIERS_NOT_SUPPORTED = 0xA1
    WILDCARDS_NOT_SUPPORTED = 0xA2
    NO_SUBSCRIPTION_EXISTED = 0x11


CONNACK_3 = {
    Reason.SUCCESS: 0,
    Reason.UNSUPPORTED_VERSION: 1,
    Reason.CLIENT_ID_NOT_VALID: 2,
    Reason.SERVER_BUSY: 3,
    Reason.SHUTTING_DOWN: 3,
    Reason.BAD_CREDENTIALS: 4,
    Reason.NOT_AUTHORIZED: 5,
}
"""Return codes of CONNACK up to 3.1.1 (section 3.2.2.3); for other reasons there is none."""

SUBACK_FAILURE_3 = 0x80

READS_TOO_SLOWLY = "reads too slowly"
CLOSE_CODES = {
    Reason.MALFORMED_PACKET: 1002,
    Reason.PROTOCOL_ERROR: 1002,
    Reason.PACKET_TOO_LARGE: 1009,
    Reason.BAD_CREDENTIALS: 1008,
    Reason.NOT_AUTHORIZED: 1008,
    Reason.QUOTA_EXCEEDED: 1013,
    Reason.SERVER_BUSY: 1013,
    Reason.SHUTTING_DOWN: 1001,
}
"""How the websocket is closed; 1000 for any other reason."""
