"""A member: a client or its absence, who it is, and its place in a room.

Carries the rules beside it between a dialect's client and the room. What one dialect's members can
do and another's cannot is said by their `Profile`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from actors.core import Actor, Down, Message, Ref
from actors.directory.directory import tell_directory
from actors.directory.messages import Identified
from actors.member.absence import Backlog, BacklogFull
from actors.member.client import Client, TooSlow
from actors.member.client_timer import ClientTimer, Overdue
from actors.member.identity import Identity
from actors.member.media_shown import MediaShown
from actors.member.membership import AGAIN_SECONDS, ConfirmAgain, LeaveAgain, Membership
from actors.member.messages import (
    Adopt,
    DescribeMember,
    End,
    Enter,
    Exit,
    Follow,
    GrantLogin,
    IdentifyAgain,
    Introduce,
    LogIn,
    Lost,
    MemberView,
    PlaceOrder,
    Post,
    RefuseSecond,
    ReportQuality,
    Resume,
    Resumed,
    ResumeRefused,
    SetStatus,
)
from actors.member.orders_open import OrdersOpen
from actors.member.profile import Profile
from actors.member.quality_kept import QualityKept
from actors.room.room import FromRoom, Present
from actors.words.close_reasons import CloseReason
from actors.words.closings import Expel
from actors.words.device_refusals import PeerIdTaken
from actors.words.facts import (
    Dropped,
    Expelled,
    Fact,
    Introduced,
    JoinRefused,
    OrderDone,
    OrderRefused,
    PeerLeft,
    PermissionSet,
    Restarted,
    RoomClosed,
    Signalled,
    Unreached,
)
from actors.words.orders import Order, Placed
from actors.words.refusals import Busy, NotInRoom
from actors.words.where_from import WhereFrom

FOLLOWED = 1000

KEPT_FOR = frozenset({CloseReason.DISCONNECTED, CloseReason.TOO_SLOW})
"""Whoever ends by this has not left: what is said in the room is kept for him to come back."""

OUT = {Dropped: CloseReason.DROPPED, RoomClosed: CloseReason.ROOM_CLOSED}


class Member(Actor[Message]):
    __slots__ = (
        "_away", "_client", "_followed", "_identity", "_media", "_orders", "_place", "_profile",
        "_quality", "_timer",
    )  # fmt: skip

    accepts = (
        FromRoom, JoinRefused, Signalled, Unreached, Enter, Exit, PlaceOrder, Post, SetStatus,
        Introduce, GrantLogin, LogIn, DescribeMember, Follow, Resume, Adopt, RefuseSecond, Lost,
        End, Expel, Overdue, IdentifyAgain, LeaveAgain, ConfirmAgain, ReportQuality,
    )  # fmt: skip

    def __init__(self, identity: Identity, profile: Profile, client: Client) -> None:
        self._identity = identity
        self._profile = profile
        self._client: Client | None = client
        self._away: Backlog | None = None  # there while no client is
        self._place = Membership(self, identity, self._show)
        self._media = MediaShown() if profile.streams else None
        self._orders: OrdersOpen | None = None  # made with the first one
        self._followed: dict[Ref[Message], str] = {}
        self._timer = ClientTimer(self)
        self._quality = QualityKept()

    @property
    def kind(self) -> str:  # type: ignore[override]
        """As in Profile."""
        return self._profile.kind

    async def setup(self) -> None:
        self._identify()
        self._log("peer.connected", address=self._identity.where.address)
        if self._profile.enter_seconds < inf:
            self._timer.start(self._profile.enter_seconds)
        if self._profile.account:
            self._unless_too_slow(self._show_to_client, Introduced("", self._identity.user))
        self._lose_if_gone()

    async def handle(self, message: Message) -> object:
        try:
            match message:
                case Signalled() | Unreached():  # first: these are by far the most
                    self._show_to_client(message)
                case FromRoom(room, fact):
                    self._place.hear(room, fact)
                case JoinRefused():
                    self._place.turn_back(message)
                case Enter():
                    self._enter(message)
                case Exit():
                    self._place.exit()
                case PlaceOrder(order):
                    self._place_order(order)
                case Post(order):
                    if self._place.present:
                        self._place.tell(Placed(self._identity.id, "", order))
                case SetStatus(status, name):
                    self._identity.set_status(status, name)
                    self._present()
                case ReportQuality(quality):
                    self._quality.note(quality, self.ctx.now())
                case Introduce(tag):
                    self._show_to_client(Introduced(tag, self._identity.user))
                case GrantLogin(user, nonce):
                    self._identity.grant_login(user, nonce, self.ctx.now())
                case LogIn():
                    self._log_in(message)
                case DescribeMember():
                    view = self._place.view
                    return MemberView(self._identity.presence, view.key.name if view else "")
                case Follow(member, id_):
                    self._follow(member, id_)
                case Resume():
                    self._resume(message)
                case Adopt():
                    self._adopt(message)
                case RefuseSecond(taken):
                    raise PeerIdTaken if taken else Busy
                case Lost(client, leaving):
                    if client is self._client:
                        self._lose_client(leaving=leaving)
                case End(reason):
                    self.ctx.stop(reason)
                case Expel(text):
                    self.ctx.stop(CloseReason.PUT_OUT)
                    self._log("peer.put_out", **self._room_shown, **message.orderer)
                    self._show_to_client(Expelled(text))
                case Overdue() if self._timer.is_latest(message):
                    self._be_overdue()
                case IdentifyAgain():
                    self._identify()
                case LeaveAgain(room):
                    self._place.leave_again(room)
                case ConfirmAgain(room, incarnation):
                    self._place.rejoin(room, incarnation)
        except (TooSlow, BacklogFull):
            self.ctx.stop(CloseReason.TOO_SLOW)
        finally:
            if self._media is not None:
                self._keep_media_to_the_room(self._media)
        return None

    async def on_down(self, down: Down) -> None:
        self._unless_too_slow(self._miss, down)
        if self._media is not None:
            self._keep_media_to_the_room(self._media)

    async def teardown(self, reason: str) -> None:
        self._log("peer.ended", reason=reason)
        why = CloseReason.of(reason)
        echo_seconds = self._profile.terms.echo_seconds if why in KEPT_FOR else 0.0
        self._place.end(echo_seconds, overdue=why is CloseReason.EXPIRED)
        if self._client is not None:
            self._client.close(why)

    def snapshot(self) -> Mapping[str, object]:
        view, media, identity = self._place.view, self._media, self._identity
        return {
            "dialect": self._profile.dialect,
            "realm": self._profile.realm,
            "room": view.key.slug if view else None,
            "name": identity.name,
            "user": identity.user,
            "address": identity.where.address,
            "device": identity.where.device,
            "logged_in": bool(identity.user),
            "away": self._away is not None,
            "quality": self._quality.shown(self.ctx.now()),
            **(
                {
                    "role": self._identity.role,
                    "streams": len(media.streams),
                    "sessions": len(media.sessions),
                }
                if media is not None
                else {}
            ),
        }

    # --- the room

    def _enter(self, order: Enter) -> None:
        if self._timer.runs and not self._waits_to_enter:
            self._timer.cancel()
        if order.arrival is not None:
            self._identity.name = order.arrival.name
        self._identity.enter(
            order.agent,
            account_to_join=order.account_to_join,
            account_to_create=order.account_to_create,
        )
        self._place.enter(order)

    def _place_order(self, order: Order) -> None:
        if not self._place.present:
            raise NotInRoom
        if self._orders is None:
            self._orders = OrdersOpen()
        tag = self._orders.next_tag()
        self._place.tell(Placed(self._identity.id, tag, order))
        self._orders.add(tag, order, self.ctx.defer())

    def _present(self) -> None:
        if self._place.present:
            self._place.tell(Present(self._identity.presence))

    def _show(self, fact: Fact) -> None:
        """Take what the room says to this member, for it to know or to show."""
        match fact:
            case OrderDone(tag, value):
                self._answer(tag, value)
            case OrderRefused(tag, refusal):
                asked = self._orders.take(tag) if self._orders is not None else None
                if asked is not None:
                    asked[1].refuse(refusal)
            case Restarted():
                self._lose_media()
            case _:
                if self._media is not None:
                    self._media.note(fact)
                if isinstance(fact, PermissionSet):
                    self._identity.permit(fact.permission)
                self._show_to_client(fact)
                out = OUT.get(type(fact))
                if out is not None and self._profile.bound_to_room:
                    self.ctx.stop(out)
                elif out is not None and self._orders is not None:
                    self._orders.refuse_all()

    def _show_to_client(self, fact: Fact) -> None:
        if self._client is not None:
            self._client.show(fact)
        elif self._away is not None:
            self._away.add(fact)

    def _answer(self, tag: str, value: str | None) -> None:
        asked = self._orders.take(tag) if self._orders is not None else None
        if asked is not None:
            if self._media is not None:
                self._media.done(asked[0], value)
            asked[1].reply(value)

    def _lose_media(self) -> None:
        """The room has crashed: its streams are gone, and whatever it was about to answer."""
        if self._orders is not None:
            self._orders.refuse_all()
        lost = self._media.lose() if self._media is not None else None
        if lost is not None:
            self._show_to_client(lost)

    def _keep_media_to_the_room(self, media: MediaShown) -> None:
        """Who is in no room has neither streams nor sessions, and brings none into the next."""
        if self._place.view is None:
            media.lose()

    def _follow(self, member: Ref[Message], id_: str) -> None:
        if member != self.ctx.self_ref and len(self._followed) < FOLLOWED:
            self._followed[member] = id_
            self.ctx.watch(member)

    def _miss(self, down: Down) -> None:
        followed = self._followed.pop(down.ref, None)
        if followed is not None:
            self._show_to_client(PeerLeft(followed, gone=True))
        self._place.miss(down)

    # --- clients that go and come

    def _lose_client(self, *, leaving: bool) -> None:
        seconds = self._profile.terms.seconds(leaving=leaving)
        if not seconds or self._place.view is None:
            if leaving and self._client is not None:
                self._place.exit()  # it has left the room, and did not only vanish from it
            self.ctx.stop(CloseReason.DISCONNECTED)
            return
        self._client = None
        self._quality.forget()
        self._away = Backlog(self._profile.terms)
        self._log("peer.went_away")
        self._timer.start(seconds)

    def _lose_if_gone(self) -> None:
        """Take the loss of a client that went while it was let in: no Lost will ever come."""
        if self._client is not None and self._client.gone:
            self._lose_client(leaving=False)

    def _resume(self, order: Resume) -> None:
        if not self._profile.terms.resume_seconds or not self._profile.is_proven_by(order.proof):
            raise ResumeRefused
        backlog = self._replace_client(order.client, order.where)
        self._log("peer.resumed", address=order.where.address)
        missed = tuple(backlog or ())
        order.client.show(Resumed(order.tag, self._profile.note, len(missed)))
        for fact in missed:
            order.client.show(fact)
        self._lose_if_gone()

    def _adopt(self, order: Adopt) -> None:
        self._replace_client(order.client, order.where)
        self._log("peer.taken_over", address=order.where.address)
        self._identity.begin_again()
        if order.user and not self._identity.user:
            self._identity.user = order.user
            self._identify()
        if self._place.fall_silent(self._profile.terms):
            self._timer.start(order.grace)
        order.client.show(Introduced("", self._identity.user))
        self._lose_if_gone()

    def _replace_client(self, client: Client, where: WhereFrom) -> Backlog | None:
        """Let another client take over; return what has waited for it, if nobody was there."""
        self._identity.where = where
        self._quality.forget()
        former, self._client = self._client, client
        backlog, self._away = self._away, None
        if former is not None:
            former.close(CloseReason.REPLACED)
        self._timer.cancel()
        return backlog

    @property
    def _waits_to_enter(self) -> bool:
        """Whether it has never been in a room, and must be in one soon."""
        return self._profile.enter_seconds < inf and self._place.view is None

    def _be_overdue(self) -> None:
        if self._client is None or self._waits_to_enter:
            self.ctx.stop(CloseReason.DISCONNECTED)
        else:
            self._place.leave_if_silent()

    # --- who it is

    def _log_in(self, order: LogIn) -> None:
        self._identity.log_in(order.user, order.nonce, self.ctx.now())
        self._log("peer.logged_in")
        self._identify()
        self._show_to_client(Introduced(order.tag, order.user))
        self._present()

    def _identify(self) -> None:
        """Tell the directory whose member this is, once it can take it."""
        if self._profile.account and self._identity.user:
            try:
                known = Identified(self.ctx.self_ref, self._profile.realm, self._identity.user)
                tell_directory(self.ctx.registry, known)
            except Busy:
                self.ctx.tell_self_after(AGAIN_SECONDS, IdentifyAgain())

    def _unless_too_slow(self, do: Callable[..., None], *values: object) -> None:
        try:
            do(*values)
        except (TooSlow, BacklogFull):
            self.ctx.stop(CloseReason.TOO_SLOW)

    @property
    def _room_shown(self) -> dict[str, str]:
        """The room that it is in, for the log."""
        return {"room": self._place.view.key.name} if self._place.view else {}

    def _log(self, event: str, **values: object) -> None:
        self.ctx.log.info(event, peer=self._identity.id, dialect=self._profile.dialect, **values)
