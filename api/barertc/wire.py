"""The messages of the BareRTC protocol: one struct for all, read leniently, written without zeros.

Fact sheet section 2. A field that is null counts as left out, unknown fields are ignored; a field
of another type makes the whole message one that is ignored, as with the original. Names of the
protocol stop here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from actors.words.site import (
    Person,
    Rule,
    Video,
)
from api.barertc.text.file_messages import FileMessage, MalformedFile, split_file_message
from api.barertc.tokens import rules_document

CHAT_SERVER = "ChatServer"
SMALL_BYTES = 65_536  # a message up to here is decoded as it is
ALL_FLAGS = sum(Video)

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class BadMessage(Exception):
    """No message of this protocol: no JSON object, or a field of a wrong type."""


class BareMessage(Struct, omit_defaults=True, kw_only=True):
    """Every message, in both directions. `quality` and `call_failed` are read by who takes them;
    `whoList`, `messages`, `bytes` are JSON already or
    opaque; `file` is where the bytes of a large upload are, which are not decoded yet."""

    action: str = ""
    channel: str = ""
    username: str = ""
    message: str = ""
    jwt: str = ""
    video: Int64 = 0
    status: str = ""
    dnd: bool = False
    msgID: Int64 = 0  # noqa: N815  the protocol's
    openSecret: str = ""  # noqa: N815
    usernames: list[str] = []
    timestamp: str = ""
    reason: str = ""
    comment: str = ""
    candidate: str = ""
    description: str = ""
    bytes: Any = None
    quality: Raw | UnsetType = UNSET
    call_failed: Raw | UnsetType = UNSET
    messages: Raw | UnsetType = UNSET
    whoList: Raw | UnsetType = UNSET  # noqa: N815
    jwtRules: dict[str, bool] | UnsetType = UNSET  # noqa: N815

    @property
    def camera(self) -> Video:
        """The flags of `video`; those that nobody knows are left out."""
        return Video(self.video & ALL_FLAGS)


class Upload(Struct, kw_only=True):
    """A message, and its file where that is too large to be decoded at once."""

    message: BareMessage
    file: FileMessage | None = None


_DECODER = msgspec.json.Decoder(BareMessage)
_ENCODER = msgspec.json.Encoder()


def decode(payload: bytes, rest_bytes: int) -> Upload:
    """Read a message of any size; besides its file it has `rest_bytes` at most. Raises BadMessage.

    Of a large one only the small rest is decoded here; see `file_messages.py`.
    """
    if len(payload) <= SMALL_BYTES:
        return Upload(message=decode_small(payload))
    try:
        file = split_file_message(payload, rest_bytes=rest_bytes)
    except MalformedFile:
        raise BadMessage from None
    return Upload(message=decode_small(file.rest if file else payload), file=file)


def decode_small(payload: bytes) -> BareMessage:
    """Read a message. Raises BadMessage."""
    try:
        return _DECODER.decode(payload)
    except msgspec.ValidationError:
        return message_of(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadMessage from None


def message_of(payload: bytes) -> BareMessage:
    """Read a message in which fields may be null. Raises BadMessage."""
    try:
        given = msgspec.json.decode(payload)
        if not isinstance(given, dict):
            raise BadMessage
        known = {name: value for name, value in given.items() if value is not None}
        return msgspec.convert(known, BareMessage)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadMessage from None


def encode(message: BareMessage) -> bytes:
    """Write a message; fields that are zero are left out."""
    return _ENCODER.encode(message)


# --- what the server says


def told(html: str, channel: str = "") -> bytes:
    """Write a line of the server: `error`, whether it is one or not."""
    return encode(BareMessage(action="error", username=CHAT_SERVER, message=html, channel=channel))


def said(action: str, username: str = "", *, message: str = "", video: int = 0) -> bytes:
    """Write one of the many messages that name somebody and little else."""
    return encode(BareMessage(action=action, username=username, message=message, video=video))


def ping(jwt: str = "", rules: frozenset[Rule] | None = None) -> bytes:
    """Write the sign of life, with a fresh token for who came with one."""
    document = UNSET if rules is None else rules_document(rules)
    return encode(BareMessage(action="ping", jwt=jwt, jwtRules=document))


DISCONNECT = said("disconnect")


class WhoEntry(Struct, omit_defaults=True, kw_only=True):
    """Somebody in a list of people. The fields without a default are always there."""

    username: str
    nickname: str = ""
    status: str
    video: int
    dnd: bool = False
    loginAt: int  # noqa: N815
    op: bool
    vip: bool = False
    avatar: str = ""
    profileURL: str = ""  # noqa: N815
    emoji: str = ""
    gender: str = ""


def person(whom: Person) -> bytes:
    """Write somebody as a list of people has him."""
    standing = whom.standing
    return _ENCODER.encode(
        WhoEntry(
            username=whom.name,
            nickname=standing.nick,
            status=whom.status,
            video=whom.video.value,
            dnd=whom.do_not_disturb,
            loginAt=whom.here_since,
            op=standing.operator,
            vip=standing.vip,
            avatar=standing.avatar,
            profileURL=standing.profile_url,
            emoji=standing.emoji,
            gender=standing.gender,
        )
    )


def people(fragments: list[bytes]) -> bytes:
    """Write a list of people from what `person` made of each; empty ones are left out."""
    return b'{"action":"who","whoList":[%b]}' % b",".join(filter(None, fragments))


def rfc3339(at: float) -> str:
    """Return a Unix time as the protocol has times."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
