"""What a chat site says: a room in which every member has a name that all others know him by.

A site is one room. Its public channels are labels inside it, a direct message goes from member to
member, a camera is opened between two members and its media does not pass the server. Members and
management APIs name people, never the ids of members. What is HTML here was made from user input by
whoever placed the order, and is safe to show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag, StrEnum
from typing import Literal

from actors.core.message import Message
from actors.words.facts import Fact

NUDGE = -451
"""In the place of a message's id: a reaction to somebody's camera, not to a message."""

# --- people


class Video(IntFlag):
    """How somebody's camera is; the values are those of BareRTC clients (fact sheet 2.2)."""

    OFF = 0
    ACTIVE = 1
    NSFW = 2
    MUTED = 4
    NON_EXPLICIT = 8
    MUTUAL_REQUIRED = 16
    MUTUAL_OPEN = 32
    ONLY_VIP = 64
    INVITED = 128
    NO_WATERMARK = 256


class Rule(StrEnum):
    """What somebody may not do; the values are those of a token's `rules`."""

    NO_VIDEO = "novideo"  # neither send nor watch cameras
    NO_BROADCAST = "nobroadcast"
    NO_IMAGE = "noimage"
    RED_CAMERA = "redcam"  # its camera is always marked NSFW
    NO_DARK_VIDEO = "nodvd"  # looked at by clients only


@dataclass(frozen=True, slots=True)
class Standing(Message):
    """What somebody's token says of him; nothing of it for a guest."""

    nick: str = ""
    operator: bool = False
    vip: bool = False
    avatar: str = ""
    profile_url: str = ""
    emoji: str = ""
    gender: str = ""
    rules: frozenset[Rule] = frozenset()


NO_STANDING = Standing()


@dataclass(frozen=True, slots=True)
class Arrival(Message):
    """What somebody brings who comes in.

    `proven` tells that a token names him: he gets that name, and a member that has it already is
    put out. A guest gets the next free name instead. What he asked for before he came in holds
    from the first list of people on.
    """

    name: str
    proven: bool = False
    standing: Standing = NO_STANDING
    do_not_disturb: bool = False
    mutes: tuple[str, ...] = ()
    boots: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    invites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person(Message):
    """Somebody as a list of people shows him; `here_since` in Unix seconds."""

    name: str
    standing: Standing
    status: str
    video: Video
    do_not_disturb: bool
    here_since: int
    proven: bool = False


# --- what an operator configures


@dataclass(frozen=True, slots=True)
class Channel(Message):
    """A public channel. `welcome` are lines of HTML told to whoever comes in; the latest `echo`
    messages are shown to him."""

    id: str
    vip: bool = False
    welcome: tuple[str, ...] = ()
    echo: int = 0


@dataclass(frozen=True, slots=True)
class RuleTexts(Message):
    """What somebody is told whom a rule stops."""

    red_camera: str = ""
    no_broadcast: str = ""
    no_video: str = ""
    no_image: str = ""


@dataclass(frozen=True, slots=True)
class SiteRules(Message):
    """A site as it is configured. Times are of the clock of actors, in seconds.

    `rules` are those by name that hold beside what a token says. Until `lists_from` no list of
    people is told, until `arrivals_from` nobody hears who comes and goes. Lists may take
    `list_share` of a core.
    """

    channels: tuple[Channel, ...]
    rules: tuple[tuple[str, frozenset[Rule]], ...] = ()
    texts: RuleTexts = RuleTexts()
    vip_is_secret: bool = False  # only VIPs see who is one
    operators_can_be_blocked: bool = False
    lists_from: float = 0.0
    arrivals_from: float = 0.0
    list_share: float = 0.2
    realm: str = "barertc"  # the owner of its bans and of its counter in the store


# --- facts


class Movement(StrEnum):
    """How somebody came or went."""

    JOINED = "joined"
    EXITED = "exited"
    KICKED = "kicked"
    BANNED = "banned"
    TIMED_OUT = "timed_out"  # its member ended as EXPIRED


@dataclass(frozen=True, slots=True)
class NameGiven(Fact):
    """You are in, and this is your name; said before everything else."""

    name: str


@dataclass(frozen=True, slots=True)
class CameraSet(Fact):
    """Your camera is taken to be like this from now on, whatever you said."""

    name: str
    video: Video


@dataclass(frozen=True, slots=True)
class StandingSet(Fact):
    """What your token says was changed by the site's back office."""

    name: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class PeopleListed(Fact):
    """Who is here, by name ascending.

    `everybody` is the same object for all who see the same, so that it need be encoded once. Those
    in `unseen` are not there for you, those in `seen_as` look differently to you.
    """

    everybody: tuple[Person, ...]
    unseen: frozenset[str] = frozenset()
    seen_as: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonMoved(Fact):
    """Somebody has come or gone."""

    name: str
    how: Movement


@dataclass(frozen=True, slots=True)
class Written(Fact):
    """Somebody has written in a channel; `channel` is "@name" for a direct message, with the other
    side's name. `at` in Unix seconds."""

    channel: str
    sender: str
    html: str = field(repr=False)
    id: int
    at: int


@dataclass(frozen=True, slots=True)
class Echoed(Fact):
    """The latest of the public channels, for you to read now that you are in."""

    messages: tuple[Written, ...]


@dataclass(frozen=True, slots=True)
class Told(Fact):
    """The server has something to say to you."""

    html: str = field(repr=False)
    channel: str = ""


@dataclass(frozen=True, slots=True)
class MessageTakenBack(Fact):
    id: int


@dataclass(frozen=True, slots=True)
class ReactionAdded(Fact):
    sender: str
    id: int
    emoji: str


@dataclass(frozen=True, slots=True)
class BlockSet(Fact):
    """The site's back office has you block this one."""

    name: str


@dataclass(frozen=True, slots=True)
class CameraRung(Fact):
    """This one will open your camera: an offer is on its way."""

    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CameraOpened(Fact):
    """You may open this one's camera: make an offer."""

    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CameraCut(Fact):
    """Turn your camera off."""


RelayKind = Literal["sdp", "candidate", "watch", "unwatch"]


@dataclass(frozen=True, slots=True)
class Relayed(Fact):
    """From the other side of an opened camera, unread."""

    kind: RelayKind
    sender: str
    payload: str = field(default="", repr=False)
