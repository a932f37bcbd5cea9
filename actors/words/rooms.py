"""Rooms as they are asked for and told of: specifications, admissions, locks, notices."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from actors.words.facts import Fact, Presence
from actors.words.keys import RoomKey
from actors.words.site import (
    Arrival,
    SiteRules,
)
from actors.words.views import AS_IT_COMES_ONLY, OutputRules, ViewRules


@dataclass(frozen=True, slots=True)
class ConferenceRules:
    """The rules of a room with streams. Limits of -1 mean none of its own.

    `audio_in` and `video_in` are the names of the codecs taken, `views` the labels of its views;
    what is not announced is found out by asking only. `audio_in_mp4` are the codecs that a
    recording as mp4 may have as audio, None: all that can be. `mixes` are those views that are
    mixed, `outputs` what may be had besides what comes; both need media jobs. With `auto_mix` every
    stream is put into the first view.
    """

    input_limit: int = -1
    audio_in: frozenset[str] = frozenset()
    video_in: frozenset[str] = frozenset()
    views: tuple[str, ...] = ()
    announces_members: bool = True
    announces_streams: bool = True
    audio_in_mp4: frozenset[str] | None = None
    mixes: tuple[ViewRules, ...] = ()
    outputs: OutputRules = AS_IT_COMES_ONLY
    auto_mix: bool = False


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """What a joiner asks for; everything but `key` counts only if the room does not exist yet.

    `dialect` is the joiner's, for logs.
    """

    key: RoomKey
    title: str
    kind: str = "Room"
    announces_roster: bool = False  # everyone is told all member ids after each join
    capacity: int = 500
    expiry_seconds: float = 60.0  # an empty room, and its PIN, is kept this long
    conference: ConferenceRules | None = None  # None: a room without streams
    site: SiteRules | None = None  # None: a room whose members are known by ids alone
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """What a joiner brings; what it may do is in its presence."""

    presence: Presence
    pin: str = ""  # "": none given
    attempt: int = 0  # counts the orders of one member, for it to tell their answers apart
    address: str = ""  # whose rooms are counted that are left behind empty; "": nobody's
    arrival: Arrival | None = None  # into a site
    shown_address: str = ""  # as in WhereFrom, for the log


@dataclass(frozen=True, slots=True)
class PinLock:
    """A PIN that can be checked but not read back."""

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, pin: str, salt: bytes) -> PinLock:
        return cls(salt, cls._digest(pin, salt))

    def opens_with(self, pin: str) -> bool:
        return hmac.compare_digest(self.digest, self._digest(pin, self.salt))

    @staticmethod
    def _digest(pin: str, salt: bytes) -> bytes:
        return hashlib.blake2b(pin.encode("utf-8", "surrogatepass"), key=salt).digest()


@dataclass(frozen=True, slots=True)
class Notice:
    """A fact and its audience: one member, some, everyone, or everyone but one."""

    fact: Fact
    to: str | None = None
    but: str | None = None
    among: tuple[str, ...] | None = None
