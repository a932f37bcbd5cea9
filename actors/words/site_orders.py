"""What members of a chat site may order of it, and management APIs ask of it.

As in `site.py`, people are named, and what is HTML is safe to show.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core.message import Message, Request
from actors.words.orders import Order
from actors.words.site import Person, RelayKind, SiteRules, Standing, Video

# --- orders of members


@dataclass(frozen=True, slots=True)
class ShowSelf(Order):
    """Be seen like this. What a rule forbids is corrected, and told by CameraSet and Told. A status
    of more than 64 characters is shown as "away"."""

    video: Video
    status: str
    do_not_disturb: bool = False


@dataclass(frozen=True, slots=True)
class Verdict(Message):
    """What the site's filters make of a text: shown as `html`, to its sender alone unless
    `forwarded`; `response` (HTML) is told to the sender."""

    html: str = field(repr=False)
    forwarded: bool
    response: str = ""


@dataclass(frozen=True, slots=True)
class Write(Order):
    """Write in a channel, or to one person where `channel` is "@name".

    Done with "<id> delivered" or "<id> dropped" for a direct message, "<id>" else; with " proven"
    behind where it was delivered, both sides have proven their names, and the other one is not
    hidden from the sender; after a verdict that held with " filtered" behind all. An upload is not
    shown to who comes later; one that a rule forbids is told to its sender, and done with "".
    Whoever is hidden or has blocked the sender is answered for as if he were not here, though what
    is for somebody hidden reaches him. Refused with ChannelUnknown, NotAllowed.
    """

    channel: str
    html: str = field(repr=False)
    upload: bool = False
    verdict: Verdict | None = None  # does not hold between two of whom one is an operator


@dataclass(frozen=True, slots=True)
class TakeBack(Order):
    """Take a message back for whoever could read it. `proven` tells that history says it is one's
    own, `other` with whom it was exchanged. Refused with NotYours."""

    id: int
    proven: bool = False
    other: str = ""


@dataclass(frozen=True, slots=True)
class React(Order):
    """React to a message, for whoever could read it. An unknown one is ignored, and so is an
    emoji of more than 64 characters.

    With NUDGE as its id, `emoji` is the name of somebody who is asked to mark his camera.
    """

    id: int
    emoji: str


@dataclass(frozen=True, slots=True)
class Mute(Order):
    """Hear nothing of somebody, and let him not see one's camera; or again."""

    name: str
    on: bool = True


@dataclass(frozen=True, slots=True)
class Boot(Order):
    """Let somebody not see one's camera; or again."""

    name: str
    on: bool = True


@dataclass(frozen=True, slots=True)
class Block(Order):
    """Vanish for each other. With `silently`, nobody is told why it does not hold (`blocklist`)."""

    names: tuple[str, ...]
    silently: bool = False


@dataclass(frozen=True, slots=True)
class Invite(Order):
    """Let these see one's camera, whatever it asks for else."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenCamera(Order):
    """Watch somebody's camera: he hears CameraRung, then one hears CameraOpened.

    Or one is Told why not.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Relay(Order):
    """Pass something on, unread, to the other side of a camera that was opened and is still
    allowed; else nothing happens."""

    kind: RelayKind
    name: str
    payload: str = field(default="", repr=False)


# Orders of operators; each is refused with NotAllowed to who is none, PersonUnknown.


@dataclass(frozen=True, slots=True)
class PutOut(Order):
    """Put somebody out: kicked, or banned for so many hours."""

    name: str
    ban_hours: float = 0.0


@dataclass(frozen=True, slots=True)
class LiftBan(Order):
    """Let somebody in again; done with his name, or with "" where nobody like that is banned."""

    name: str


@dataclass(frozen=True, slots=True)
class ListBans(Order):
    """Done with a line "name<TAB>until (Unix seconds)" a ban, sorted by name."""


@dataclass(frozen=True, slots=True)
class MarkCamera(Order):
    """Mark somebody's camera NSFW; he is told."""

    name: str


@dataclass(frozen=True, slots=True)
class CutCamera(Order):
    """Turn somebody's camera off; he is told."""

    name: str


@dataclass(frozen=True, slots=True)
class HearEverybody(Order):
    """Lift all mutes, boots and blocks that stand between an operator and others."""


@dataclass(frozen=True, slots=True)
class MakeOperator(Order):
    """Make somebody an operator for as long as he stays, or no longer."""

    name: str
    on: bool = True


@dataclass(frozen=True, slots=True)
class PutAllOut(Order):
    """Put everybody out, the operator too."""


@dataclass(frozen=True, slots=True)
class RequireOperator(Order):
    """Nothing but the refusal for who is none: before what is not the site's to do."""


# --- asked by a management API


@dataclass(frozen=True, slots=True)
class GetPeople(Request[tuple[Person, ...]]):
    """All who are here by name, the hidden ones too (status "hidden")."""


@dataclass(frozen=True, slots=True)
class BlockNow(Request[None]):
    """Have those of these who are here block each other, and tell them."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisconnectNow(Request[int]):
    """Put people out, after a word of HTML to each; answered with how many were here."""

    names: tuple[str, ...]
    html: str = ""
    kicked: bool = False
    ban_hours: float = 0.0


@dataclass(frozen=True, slots=True)
class AmendStanding(Request[None]):
    """Replace what somebody's token says; nothing for a guest. Raises PersonUnknown."""

    name: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Announce(Request[None]):
    """Have the server say something to everybody."""

    html: str


@dataclass(frozen=True, slots=True)
class SetSiteRules(Request[None]):
    """Go on with another configuration."""

    rules: SiteRules


@dataclass(frozen=True, slots=True)
class GetBans(Request[tuple[tuple[str, float], ...]]):
    """Who is banned, by name, and until when (Unix seconds)."""


@dataclass(frozen=True, slots=True)
class Unban(Request[bool]):
    """Let somebody in again; answered with whether he was banned."""

    name: str
