"""The payloads of OFFER, ANSWER and CANDIDATE, as PeerJS has them. Pure.

They are JSON, and belong to one connection between two peers, which both call by its
`connectionId` (fact sheet section 5). Reading is as lenient as the clients are: null is a field
that is left out, unknown fields are passed over. Nothing here raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from msgspec import Raw, Struct

from media.contract.candidates import Candidate
from media.contract.datagrams import MessageFormat
from media.contract.plans import ChannelWanted

CONNECTION_BYTES = 256
LABEL_BYTES = 1024
METADATA_BYTES = 65_536
SERIALIZATION_BYTES = 32
CANDIDATE_BYTES = 512  # the media layer takes no longer ones, nor longer descriptions
DESCRIPTION_BYTES = 131_072
HIGHEST_STREAM = 65_535  # ids of channels lie below it (RFC 8831, section 6.2)

BINARY = "binary"  # what PeerJS takes where nothing is said

FORMATS = {
    "raw": MessageFormat.RAW,
    "json": MessageFormat.JSON,
    BINARY: MessageFormat.BINARY,
    "binary-utf8": MessageFormat.BINARY,
    "default": MessageFormat.BINARY,
}
"""What the serializations of PeerJS are; of one that a page has made up, the bytes pass as raw."""

SERIALIZATIONS = {"NONE": "raw", "JSON": "json", "BINARY": BINARY, "BINARY_UTF8": "binary-utf8"}
"""What those of the published API of devices are called by PeerJS."""


@dataclass(frozen=True, slots=True)
class DataOffer:
    """Somebody offers a data connection; `metadata` is JSON text, "" for none.

    `reliable` says only whether messages stay in order. `negotiated` is a channel that both sides
    have to open: devices of this server say so to each other, and PeerJS never does. `takes_text`
    as in TheirAnswer.
    """

    sdp: str = field(repr=False)
    connection: str
    metadata: str = field(default="", repr=False)
    label: str = ""
    reliable: bool = False
    serialization: str = BINARY
    negotiated: ChannelWanted | None = None
    takes_text: bool = False

    @property
    def format(self) -> MessageFormat:
        return format_for(FORMATS.get(self.serialization, MessageFormat.RAW), self.takes_text)


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """Somebody calls; `metadata` is JSON text, "" for none."""

    sdp: str = field(repr=False)
    connection: str
    metadata: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TheirAnswer:
    """The answer to an offer of ours.

    `takes_text`: the client is from before PeerJS 1.5, which takes JSON as text only.
    """

    connection: str
    sdp: str = field(repr=False)
    takes_text: bool = False


class _Sdp(Struct):
    sdp: str = ""


class _Ice(Struct):
    candidate: str | None = None
    mid: str | None = msgspec.field(default=None, name="sdpMid")
    index: int | None = msgspec.field(default=None, name="sdpMLineIndex")


class _Negotiated(Struct, rename="camel", omit_defaults=True):
    """What both sides open; the names are those of the W3C's RTCDataChannelInit."""

    negotiated: bool | None = None
    id: int | None = None
    ordered: bool | None = None
    max_packet_life_time: int | None = None
    max_retransmits: int | None = None
    protocol: str | None = None


class _Payload(Struct, rename="camel", omit_defaults=True):
    """All that a payload may hold; each kind of frame has some of it."""

    sdp: _Sdp | None = None
    type: str | None = None
    connection_id: str | None = None
    metadata: Raw = Raw(b"")
    label: str | None = None
    reliable: bool | None = None
    serialization: str | None = None
    candidate: _Ice | None = None
    dc_init: _Negotiated | None = None
    browser: str | None = None  # said by versions before 1.5 only


class _Connection(Struct, rename="camel"):
    connection_id: str | None = None


class _Description(Struct):
    type: str
    sdp: str


class _Written(Struct, rename="camel", omit_defaults=True):
    sdp: _Description
    type: str
    connection_id: str
    metadata: Raw | None = None
    label: str | None = None
    reliable: bool | None = None
    serialization: str | None = None
    dc_init: _Negotiated | None = None


_PAYLOAD = msgspec.json.Decoder(_Payload)
_CONNECTION = msgspec.json.Decoder(_Connection)
_ANYTHING = msgspec.json.Decoder()


def format_for(format: MessageFormat, takes_text: bool) -> MessageFormat:
    """Return a format as this other side takes it."""
    return MessageFormat.JSON_TEXT if takes_text and format is MessageFormat.JSON else format


def read_offer(payload: bytes) -> DataOffer | MediaOffer | None:
    """Read the payload of an OFFER; None for what is none, or too large."""
    read = _read(payload)
    if read is None or read.sdp is None or not _is_described(read.sdp) or not _is_connection(read):
        return None
    metadata, id_ = _metadata(read.metadata), read.connection_id or ""
    if metadata is None:
        return None
    if read.type == "media":
        return MediaOffer(read.sdp.sdp, id_, metadata)
    label = id_ if read.label is None else read.label
    serialization = read.serialization or BINARY
    fits = _fits(label, LABEL_BYTES) and _fits(serialization, SERIALIZATION_BYTES)
    if read.type != "data" or not fits:
        return None
    negotiated = None
    if read.dc_init is not None and read.dc_init.negotiated:
        negotiated = _channel(label, read.dc_init)
        if negotiated is None:
            return None
    return DataOffer(
        read.sdp.sdp,
        id_,
        metadata,
        label,
        bool(read.reliable),
        serialization,
        negotiated,
        bool(read.browser),
    )


def read_answer(payload: bytes) -> TheirAnswer | None:
    """Read the payload of an ANSWER; None for what is none."""
    read = _read(payload)
    if read is None or read.sdp is None or not _is_described(read.sdp) or not _is_connection(read):
        return None
    return TheirAnswer(read.connection_id or "", read.sdp.sdp, bool(read.browser))


def read_candidate(payload: bytes) -> tuple[str, Candidate] | None:
    """Read the payload of a CANDIDATE: of which connection, and which; None for what is none."""
    read = _read(payload)
    if read is None or read.candidate is None or not _is_connection(read):
        return None
    ice = read.candidate
    text, mid = ice.candidate or "", ice.mid
    if not _fits(text, CANDIDATE_BYTES) or not _fits(mid or "", CONNECTION_BYTES):
        return None
    return read.connection_id or "", Candidate(text, mid, ice.index)


def connection_of(payload: bytes) -> str | None:
    """Read only which connection a payload is about; None where it says nothing of use."""
    try:
        id_ = _CONNECTION.decode(payload).connection_id
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return id_ if id_ and _fits(id_, CONNECTION_BYTES) else None


def write_data_offer(offer: DataOffer) -> bytes:
    """Return the payload of an OFFER of data; `metadata` that is no JSON is left out."""
    channel, dc_init = offer.negotiated, None
    if channel is not None:
        dc_init = _Negotiated(
            negotiated=True,
            id=channel.id,
            ordered=None if channel.ordered else False,
            max_packet_life_time=channel.max_lifetime,
            max_retransmits=channel.max_retransmits,
            protocol=channel.protocol or None,
        )
    return msgspec.json.encode(
        _Written(
            sdp=_Description("offer", offer.sdp),
            type="data",
            connection_id=offer.connection,
            metadata=_json(offer.metadata),
            label=offer.label,
            reliable=offer.reliable,
            serialization=offer.serialization,
            dc_init=dc_init,
        )
    )


def write_media_offer(offer: MediaOffer) -> bytes:
    """Return the payload of an OFFER of media; `metadata` that is no JSON is left out."""
    description = _Description("offer", offer.sdp)
    written = _Written(description, "media", offer.connection, _json(offer.metadata))
    return msgspec.json.encode(written)


def write_answer(connection: str, kind: str, sdp: str) -> bytes:
    """Return the payload of an ANSWER; `kind` is "data" or "media"."""
    return msgspec.json.encode(_Written(_Description("answer", sdp), kind, connection))


def _read(payload: bytes) -> _Payload | None:
    try:
        return _PAYLOAD.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def _is_described(read: _Sdp) -> bool:
    return bool(read.sdp) and _fits(read.sdp, DESCRIPTION_BYTES)


def _is_connection(read: _Payload) -> bool:
    return bool(read.connection_id) and _fits(read.connection_id or "", CONNECTION_BYTES)


def _fits(text: str, limit: int) -> bool:
    try:
        return len(text.encode()) <= limit
    except UnicodeError:
        return False


def _metadata(raw: Raw) -> str | None:
    """Return JSON as text, "" for none; None where it is too large, or no text."""
    document = bytes(raw)
    if document in (b"", b"null"):
        return ""
    try:
        return document.decode() if len(document) <= METADATA_BYTES else None
    except UnicodeError:
        return None


def _json(text: str) -> Raw | None:
    try:
        document = text.encode()
        if document:
            _ANYTHING.decode(document)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return Raw(document) if document else None


def _channel(label: str, init: _Negotiated) -> ChannelWanted | None:
    """Return the channel that both sides open; None for one that cannot be."""
    try:
        return ChannelWanted(
            label=label,
            protocol=init.protocol or "",
            ordered=init.ordered is not False,
            max_retransmits=init.max_retransmits,
            max_lifetime=init.max_packet_life_time,
            negotiated=True,
            id=init.id if init.id is not None and 0 <= init.id < HIGHEST_STREAM else None,
        )
    except (ValueError, UnicodeError):
        return None
