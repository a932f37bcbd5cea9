"""The channelling protocol's frames: bytes in, documents out, and back. Pure.

A message is `{"Type": T, T: {…}, "Iid": …}`. Existing clients nest most documents twice
(`{"Type": "Alive", "Alive": {"Type": "Alive", "Alive": 1}}`), the published protocol once: both are
taken. Keys are matched exactly first and without regard to case second, as the original does. Null
in place of a text, number, flag or list is a field left out, as it is to any server written in Go.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct, field

from actors.words.quality import CallFailedReason
from api.http.call_reports import CandidateTypes, FailedCall

NOTHING = Raw(b"")
TYPES = (
    "Self", "Hello", "Leave", "Room", "Users", "Status", "Offer", "Answer", "Candidate", "Bye",
    "Chat", "Conference", "Alive", "Sessions", "Authentication", "Quality", "CallFailed",
)  # fmt: skip
_TYPE_IS_OF_THE_ROOM = frozenset({"Hello", "Room"})  # their inner Type is the room's type


class Credentials(Struct):
    PIN: str = ""


class Hello(Struct):
    """`Name` is the room; clients of the first versions call it `Id`."""

    Version: str = ""
    Ua: str = ""
    Name: str = ""
    Id: str = ""
    Type: str = ""
    Credentials: Credentials | None = None


class RoomUpdate(Struct):
    Name: str = ""
    Type: str = ""
    Credentials: Credentials | None = None


class ContactRequest(Struct, omit_defaults=True):
    Id: str = ""
    Success: bool = field(default_factory=bool)  # a default from a factory is told, too
    Userid: str = ""
    Token: str = ""


class AutoCall(Struct, omit_defaults=True):
    Id: str = ""
    Type: str = field(default_factory=str)


class FileInfo(Struct):
    """Told whole: a file may be empty, or of no type that its sender knows."""

    id: str = ""
    chunks: int = 0
    name: str = ""
    size: int = 0
    type: str = ""


class Geolocation(Struct, omit_defaults=True):
    accuracy: float = 0.0
    latitude: float = 0.0
    longitude: float = 0.0
    altitude: float = 0.0
    altitudeAccuracy: float = 0.0  # noqa: N815  the wire's name


class ChatStatus(Struct, omit_defaults=True):
    """The parts of a chat status that clients know; anything else is dropped."""

    Typing: str = ""
    State: str = ""
    Mid: str = ""
    SeenMids: list[str] = []
    FileInfo: FileInfo | None = None
    Geolocation: Geolocation | None = None
    ContactRequest: ContactRequest | None = None
    AutoCall: AutoCall | None = None

    @property
    def passing(self) -> bool:
        """Whether it only says what goes on at this moment: typing, sent, delivered, seen."""
        return not (self.FileInfo or self.Geolocation or self.ContactRequest or self.AutoCall)


class Chat(Struct):
    Message: str = ""
    Time: str = ""
    NoEcho: bool = False
    Mid: str = ""
    Status: ChatStatus | None = None

    def document(self, to: str, time: str) -> bytes:
        """Return the Chat document as receivers get it; `Status` is null where there is none."""
        body: dict[str, object] = {"Message": self.Message, "Time": time}
        if self.NoEcho:
            body["NoEcho"] = True
        if self.Mid:
            body["Mid"] = self.Mid
        body["Status"] = self.Status
        return encode({"Type": "Chat", "To": to, "Chat": body})

    @property
    def passing(self) -> bool:
        """Whether nobody misses it who is away now."""
        return not self.Message and self.Status is not None and self.Status.passing


def chat_time(seconds: float) -> str:
    """Return the time of a chat message as receivers get it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class SessionsRequest(Struct):
    Type: str = ""
    Token: str = ""


class Authentication(Struct):
    Userid: str = ""
    Nonce: str = ""


class ShownStatus(Struct):
    """Of a status, what operators are shown; the rest is opaque."""

    displayName: str = ""  # noqa: N815  the wire's name


class CallFailedDocument(Struct, rename="pascal"):
    """A call that did not connect, as our own pages tell of it."""

    reason: CallFailedReason
    to: str = ""
    local: CandidateTypes = []
    remote: CandidateTypes = []

    @property
    def call(self) -> FailedCall:
        return FailedCall(self.reason, self.local, self.remote)


class Incoming(Struct):
    """One message, unnested: `body` is the innermost document, empty when null or absent."""

    type: str
    iid: str
    to: str
    id: str
    body: bytes


class _Envelope(Struct):
    Type: str = ""
    Iid: str = ""
    To: str = ""
    Id: str = ""
    Self: Raw = NOTHING
    Hello: Raw = NOTHING
    Leave: Raw = NOTHING
    Room: Raw = NOTHING
    Users: Raw = NOTHING
    Status: Raw = NOTHING
    Offer: Raw = NOTHING
    Answer: Raw = NOTHING
    Candidate: Raw = NOTHING
    Bye: Raw = NOTHING
    Chat: Raw = NOTHING
    Conference: Raw = NOTHING
    Alive: Raw = NOTHING
    Sessions: Raw = NOTHING
    Authentication: Raw = NOTHING
    Quality: Raw = NOTHING
    CallFailed: Raw = NOTHING


class Malformed(Exception):
    """Not a message of this protocol; it is ignored, as the original does."""


Body = TypeVar("Body")
Outer = TypeVar("Outer")
_MALFORMED = (msgspec.MsgspecError, RecursionError, UnicodeError)
_envelope = msgspec.json.Decoder(_Envelope)
_documents: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(
        msgspec.defstruct(
            f"{name}Document",
            [("Type", Raw, NOTHING), ("To", str, ""), ("Id", str, ""), (name, Raw, NOTHING)],
        )
    )
    for name in TYPES
}
_bodies: dict[object, msgspec.json.Decoder[Any]] = {}
_members = msgspec.json.Decoder(dict[str, Raw])
_TEXTS = ("Type", "Iid", "To", "Id")  # of an envelope or a document; all else in them is opaque
encode = msgspec.json.Encoder().encode
DIALECT = "spreed"
NAME_LENGTH = 256
_status = msgspec.json.Decoder(ShownStatus)


def decode(payload: bytes) -> Incoming:
    """Read one message. Raises Malformed, also for a type that is not known."""
    try:
        envelope = _outside(_envelope, payload)
        if envelope.Type not in _documents or not getattr(envelope, envelope.Type):
            envelope = _outside(_envelope, _canonical(payload))
        if envelope.Type not in _documents:
            raise Malformed
        return _unnest(envelope)
    except _MALFORMED as error:
        raise Malformed from error


def body_of(incoming: Incoming, kind: type[Body]) -> Body:
    """Read the innermost document. Raises Malformed, as does one that is null or absent."""
    decoder: msgspec.json.Decoder[Body] | None = _bodies.get(kind)
    if decoder is None:
        decoder = _bodies[kind] = msgspec.json.Decoder(kind)
    try:
        try:
            return decoder.decode(incoming.body)
        except msgspec.ValidationError:
            if b"null" not in incoming.body:
                raise
            return msgspec.convert(_without_nulls(msgspec.json.decode(incoming.body)), kind)
    except _MALFORMED as error:
        raise Malformed from error


def name_in(status: bytes) -> str:
    """Return the name that a status shows, cut to NAME_LENGTH; "" where there is none."""
    try:
        return _status.decode(status).displayName[:NAME_LENGTH]
    except _MALFORMED:
        return ""


def ids_of(incoming: Incoming) -> list[str]:
    """Read the list of session ids in a Conference message. Raises Malformed."""
    return body_of(incoming, list[str])


def _without_nulls(value: object) -> object:
    """Leave out nulls, at any depth; in a list, and all lists hold texts, one is an empty text."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return ["" if each is None else _without_nulls(each) for each in value]
    return value


def _outside(decoder: msgspec.json.Decoder[Outer], payload: bytes) -> Outer:
    """Read an envelope or a document, whose texts may be null; what it carries stays as it is."""
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError:
        if b"null" not in payload:
            raise
    members = _members.decode(payload)
    for name in _TEXTS:
        if bytes(members.get(name, NOTHING)) == b"null":
            del members[name]
    return decoder.decode(encode(members))


def _unnest(envelope: _Envelope) -> Incoming:
    """Find the innermost document, whether it lies one level deep or two."""
    name = envelope.Type
    body = bytes(getattr(envelope, name))
    to, id_ = envelope.To, envelope.Id
    if body[:1] == b"{":
        document = _outside(_documents[name], body)
        inner = bytes(getattr(document, name))
        # With nothing inside, one that names its own type is empty; any other is innermost.
        if inner or (
            name not in _TYPE_IS_OF_THE_ROOM and bytes(document.Type) == b'"%b"' % name.encode()
        ):
            body, to, id_ = inner, document.To, document.Id
    return Incoming(name, envelope.Iid, to, id_, b"" if body == b"null" else body)


_OPAQUE = frozenset({"Status", "Offer", "Answer", "Candidate", "Bye", "Alive"})
_KEYS = {
    key.lower(): key
    for key in (
        *TYPES, "Type", "Iid", "To", "Id", "Version", "Ua", "Name", "Credentials", "PIN", "Message",
        "Time", "NoEcho", "Mid", "Token", "Userid", "Nonce",
    )
}  # fmt: skip


def _canonical(payload: bytes) -> bytes:
    """Spell the protocol's own keys as it does, in envelope and documents, not in opaque ones."""
    outer = _fold(msgspec.json.decode(payload))
    name = outer.get("Type")
    if not isinstance(name, str) or name not in _documents:
        raise Malformed
    inner = outer.get(name)
    if isinstance(inner, dict):
        folded = _fold(inner)
        if name in folded or name not in _OPAQUE:
            if isinstance(folded.get(name), dict) and name not in _OPAQUE:
                folded[name] = _fold(folded[name])
            outer[name] = folded
    return encode(outer)


def _fold(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise Malformed
    return {_KEYS.get(str(key).lower(), str(key)): value for key, value in document.items()}


# --- out


def reply(me: str, iid: str, data: bytes) -> bytes:
    """Answer a request of this session: From is the receiver's own id, Iid is echoed if given."""
    if not iid:
        return b'{"Data":%b,"From":"%b"}' % (data, me.encode())
    return b'{"Data":%b,"From":"%b","Iid":%b}' % (data, me.encode(), encode(iid))


def echo(me: str, iid: str, attestation: str, data: bytes) -> bytes:
    """Show a session what it said to one other: as if it had sent that to itself."""
    tag = b',"Iid":%b' % encode(iid) if iid else b""
    return relay(me, me, attestation, data)[:-1] + tag + b"}"


def relay(sender: str, to: str, attestation: str, data: bytes) -> bytes:
    """Pass a document from one session to another."""
    return b'{"Data":%b,"From":"%b","To":"%b","A":"%b"}' % (
        data, sender.encode(), to.encode(), attestation.encode(),
    )  # fmt: skip


def broadcast(sender: str, attestation: str, data: bytes) -> bytes:
    """Pass a document from one session to everyone in its room."""
    return b'{"Data":%b,"From":"%b","A":"%b"}' % (data, sender.encode(), attestation.encode())


def addressed(name: str, to: str, body: bytes) -> bytes:
    """Return an Offer, Answer, Candidate or Bye document as its receiver gets it."""
    return b'{"Type":"%b","To":%b,"%b":%b}' % (
        name.encode(), encode(to), name.encode(), body or b"null",
    )  # fmt: skip
