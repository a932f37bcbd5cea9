"""Packets of Socket.IO, protocol 4 (over Engine.IO 3) and 5 (over Engine.IO 4). Pure.

A packet is `<type>[<attachments>-][<namespace>,][<ack number>][<JSON>]`. Attachments, which is to
say binary data, are refused. JSON is read strictly: no NaN, no half surrogate pairs, no nesting
without end. Follows the socket.io-protocol documents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from api.owt.socketio.payload import BadPacket

Json = Any
"""A JSON value as msgspec reads it."""

DEFAULT = "/"
CONNECTED_3 = b"40"
DISCONNECT = b"41"
_SHAPE = re.compile(rb"([0-6])(?:(\d{1,9})-)?(/[^,]{0,255}(?:,|\Z))?(\d{1,15})?")
_MALFORMED = (msgspec.MsgspecError, RecursionError, UnicodeError)


@dataclass(frozen=True, slots=True)
class Connect:
    """Asks for a namespace."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Leaves a namespace."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Event:
    """`number` is what the sender wants acknowledged, None if nothing."""

    namespace: str
    name: str
    args: tuple[Json, ...]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """Acknowledges an event of ours."""

    namespace: str
    number: int
    args: tuple[Json, ...]


Packet = Connect | Disconnect | Event | Ack


def decode(message: bytes) -> Packet:
    """Read one packet, without Engine.IO's "4" in front of it. Raises BadPacket."""
    found = _SHAPE.match(message)
    if found is None:
        raise BadPacket("no Socket.IO packet")
    kind, attachments, path, number = found.groups()
    if attachments is not None or kind in b"56":
        raise BadPacket("binary data")
    namespace = _namespace(path)
    data = message[found.end() :]
    if data.startswith(b"/"):
        raise BadPacket("a namespace without end")
    if kind == b"0":
        return Connect(namespace)  # what it may bring along is for applications that ask for it
    if kind == b"1":
        return Disconnect(namespace)
    args = _array(data)
    if kind == b"2":
        if not args or not isinstance(args[0], str):
            raise BadPacket("an event without a name")
        return Event(namespace, args[0], tuple(args[1:]), None if number is None else int(number))
    if kind == b"3" and number is not None:
        return Ack(namespace, int(number), tuple(args))
    raise BadPacket("a packet that only servers send")


def event(name: str, args: tuple[object, ...]) -> bytes:
    """Return an Engine.IO message with an event.

    Arguments are JSON values; one of `bytes` is JSON already. Raises TypeError or ValueError for
    what is no JSON.
    """
    return b"42" + _encode((name, *args))


def ack(number: int, args: tuple[object, ...]) -> bytes:
    """Return an Engine.IO message that acknowledges an event; arguments as in `event`."""
    return b"43%d" % number + _encode(args)


def connected(version: int, sid: str) -> bytes:
    """Return what tells a client of Engine.IO `version` that it is in the default namespace."""
    return CONNECTED_3 if version == 3 else CONNECTED_3 + _encode_value({"sid": sid})


def no_such_namespace(version: int, namespace: str) -> bytes:
    """Return the refusal of a namespace, in the protocol of Engine.IO `version`."""
    words: object = "Invalid namespace" if version == 3 else {"message": "Invalid namespace"}
    return b"44" + namespace.encode() + b"," + _encode_value(words)


def _namespace(path: bytes | None) -> str:
    """Return the namespace without the query that clients of protocol 4 may add."""
    if path is None:
        return DEFAULT
    try:
        return path.removesuffix(b",").partition(b"?")[0].decode()
    except UnicodeDecodeError:
        raise BadPacket("not UTF-8") from None


def _array(data: bytes) -> list[Json]:
    try:
        value = msgspec.json.decode(data)
    except _MALFORMED as error:
        raise BadPacket("malformed JSON") from error
    if not isinstance(value, list):
        raise BadPacket("no list of arguments")
    return value


def _encode(values: tuple[object, ...]) -> bytes:
    return _encode_value(
        [msgspec.Raw(value) if isinstance(value, bytes) else value for value in values]
    )


def _encode_value(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair") from error
