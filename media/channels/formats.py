"""What a datagram is as a message of a data channel, and a message as a datagram.

How `peerjs` 1.x writes its "raw", "json" and "binary" connections; see MessageFormat.
"""

from __future__ import annotations

import json
from enum import Enum

import msgspec

from media.channels.binarypack import NotPacked, Packed, pack_bytes, unpack
from media.channels.chunks import LONGEST_MESSAGE, Chunks, Unsendable
from media.contract.datagrams import LONGEST_DATAGRAM, MessageFormat

PEER_DATA = "__peerData"  # the key by which messages of `peerjs` itself are told
CLOSING_BYTES = 256  # as JSON; more than `{"__peerData": {"type": "close"}}` takes


class Aside(Enum):
    """What a message says that is none for UDP."""

    NOTHING_YET = "nothing yet"  # it is a part
    CLOSE = "close"  # `peerjs` closes the connection


JSONS = (MessageFormat.JSON, MessageFormat.JSON_TEXT)


def to_message(format: MessageFormat, datagram: bytes) -> bytes | str | Unsendable:
    """Return the one message that a datagram is sent as."""
    if format is MessageFormat.BINARY:
        return pack_bytes(datagram)
    if format in JSONS and not is_json(datagram):
        return Unsendable.MALFORMED
    return datagram.decode() if format is MessageFormat.JSON_TEXT else datagram


def to_datagram(
    format: MessageFormat, message: str | bytes, channel: str, chunks: Chunks
) -> bytes | Unsendable | Aside:
    """Return the datagram of a message, `chunks` keeping those that are not whole yet."""
    data = message.encode(errors="replace") if isinstance(message, str) else message
    if format is MessageFormat.BINARY:
        return _unpacked(data, channel, chunks)
    if format in JSONS and _closes(data):
        return Aside.CLOSE
    return data if len(data) <= LONGEST_DATAGRAM else Unsendable.TOO_LARGE


def is_json(data: bytes) -> bool:
    """Tell whether bytes are one JSON text in UTF-8 (RFC 8259)."""
    try:
        json.loads(data.decode(), parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _unpacked(data: bytes, channel: str, chunks: Chunks) -> bytes | Unsendable | Aside:
    value = _value(data)
    if isinstance(value, dict) and value.get(PEER_DATA):
        if _is_close(value):
            return Aside.CLOSE
        whole = chunks.take(channel, value)
        if not isinstance(whole, bytes):
            return Aside.NOTHING_YET if whole is None else whole
        value = _value(whole)
        if isinstance(value, dict) and value.get(PEER_DATA):
            return Aside.CLOSE if _is_close(value) else Unsendable.MALFORMED
    if isinstance(value, Unsendable):
        return value
    datagram = _as_bytes(value)
    return datagram if len(datagram) <= LONGEST_DATAGRAM else Unsendable.TOO_LARGE


def _value(data: bytes) -> Packed | Unsendable:
    if len(data) > LONGEST_MESSAGE:
        return Unsendable.TOO_LARGE
    try:
        return unpack(data)
    except NotPacked:
        return Unsendable.MALFORMED


def _as_bytes(value: Packed) -> bytes:
    """Return bytes and text as they are, all else as JSON: bytes in it are base64."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return msgspec.json.encode(value)


def _closes(data: bytes) -> bool:
    """Tell whether a JSON text is the one by which `peerjs` closes a connection."""
    if len(data) > CLOSING_BYTES or PEER_DATA.encode() not in data:
        return False
    try:
        return _is_close(msgspec.json.decode(data))
    except (ValueError, RecursionError):
        return False


def _is_close(value: object) -> bool:
    of_peerjs = value.get(PEER_DATA) if isinstance(value, dict) else None
    return isinstance(of_peerjs, dict) and of_peerjs.get("type") == "close"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
