"""A telephone call of a room: carries its signalling and its RTP ports, from the first to the last.

It is a child of the room, and one of its members. What both sides agree on it tells the room, which
makes a stream of what comes and says what is sent. However it ends, its ports are closed and its
leg is hung up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import trio

from actors.core import Actor, ActorStopped, ChildSpec, MailboxFull, Message, Ref, Restart
from actors.jobs.call_messages import (
    BeginCall,
    CallAgreed,
    CallDigits,
    CallOver,
    CallPlanned,
    FromLeg,
    FromPort,
)
from actors.jobs.call_ports import CallPorts
from actors.jobs.call_rules import (
    VIDEO,
    Agreed,
    accepted,
    answer_of,
    answered,
    offer_sections,
    peer_host,
    peer_name,
    permitted,
    placed,
    terms_of,
)
from actors.jobs.job import Take, Taken
from actors.streams.from_room import FromRoom
from actors.streams.media_errors import PATH_REFUSALS
from actors.streams.services import MediaServices
from actors.streams.wiring import NotWired, Wiring
from actors.words.calls import (
    CallDescription,
    CallEnd,
    CallLeg,
    CallRefused,
    Digit,
    LegAnswered,
    LegConfirmed,
    LegEnded,
    LegEvent,
    LegKeyframe,
    LegOffered,
)
from actors.words.facts import Dropped, PermissionSet, RoomClosed
from media.contract.errors import MediaError
from media.contract.paths import MediaPath, PathTrouble
from media.contract.plans import DigitPressed

GRACE_SECONDS = 8.0  # more than the engine takes to close ports
LAST_DIGITS = 20  # that are remembered
KEYFRAME_SECONDS = 1.0  # between two that are asked for by signalling


class Call(Actor[Message]):
    """Ends by itself with the call; the reason says why, in the words of CallEnd."""

    kind = "sip_call"
    accepts = (BeginCall, FromLeg, FromPort, FromRoom, Take, NotWired)

    def __init__(self, plan: CallPlanned, media: MediaServices, room: Ref[Any]) -> None:
        self._plan = plan
        self._allowed = plan.allowed
        self._media = media
        self._room = room
        self._leg = plan.leg
        self._ports = CallPorts(plan.id, media.engine, media.calls.ports, self._hear_port)
        self._agreed: Agreed = ()
        self._offered: CallDescription | None = None  # ours, not answered yet
        self._taken: Taken = {}
        self._digits: deque[Digit] = deque(maxlen=LAST_DIGITS)
        self._untold: deque[Message] = deque()
        self._asked = -KEYFRAME_SECONDS  # when a keyframe was
        self._why: CallEnd | None = None

    async def setup(self) -> None:
        self._wiring = Wiring(self, self._media.engine)
        self.ctx.log.info(
            "call.started",
            incoming=self._leg is not None,
            host=peer_host(self._plan.peer),
            **self._names,
        )
        if self._leg is not None:
            self._leg.listen(self._hear_leg)
        self.ctx.self_ref.tell(BeginCall())

    async def handle(self, message: Message) -> None:
        match message:
            case BeginCall():
                await self._begin()
            case FromLeg(event):
                await self._follow(event)
            case FromPort(pressed):
                self._note_digit(Digit(pressed.digit, pressed.milliseconds))
            case FromRoom(_, Dropped()):
                self._end(CallEnd.DROPPED)
            case FromRoom(_, PermissionSet(permission)):
                self._allowed = permitted(
                    self._plan.allowed, permission, self._allowed, self._agreed
                )
            case FromRoom(_, RoomClosed()):
                self._end(CallEnd.ROOM_ENDED)
            case Take(sources):
                self._taken = dict(sources)
                self._wire()
            case NotWired(failures):
                for _, kind, failure in failures:
                    self._go_on_without(kind, None if failure is None else failure.why)

    async def teardown(self, reason: str) -> None:
        why = self._why or _why(reason)
        if self._leg is not None:
            self._leg.hang_up(why)
        await self._ports.close()
        self._media.calls_open.discard(open_name(self._plan.room, self._plan.id))
        self.ctx.log.info("call.ended", reason=why.value, **self._names)

    def snapshot(self) -> Mapping[str, object]:
        sections = [it for it in self._agreed if it.receives is not None]
        return {
            "dialect": "sip",
            "member": self._plan.id,
            "name": peer_name(self._plan.peer),
            "device": "telephone",
            "incoming": self._plan.leg is not None,
            "agreed": bool(self._agreed),
            "host": peer_host(self._plan.peer),
            "codecs": {it.kind: it.receives.name for it in sections if it.receives is not None},
            "directions": {it.kind: it.direction.value for it in sections},
            "digits": len(self._digits),
        }

    # --- how it comes about

    @property
    def _names(self) -> dict[str, str]:
        return {"call": self._plan.id, "room": self._plan.room}

    async def _begin(self) -> None:
        if self._leg is None:
            self.ctx.start_task(self._dial, name="dial")
            return
        self._leg.ring()
        if self._plan.offer is not None:
            await self._answer(self._plan.offer)
            return
        try:
            self._offered = await self._offer(self._leg.address)
        except CallRefused as refusal:
            self._end(refusal.why)
            return
        self._leg.answer(self._offered)

    async def _dial(self) -> None:
        """Call somebody, beside the handlers."""
        try:
            with trio.fail_after(self._media.calls.ring_seconds):
                leg = await self._media.telephone.dial(
                    self._plan.peer, self._plan.room, self._offer_first
                )
        except CallRefused as refusal:
            self._tell(CallOver(self._plan.id, refusal.why, str(refusal)))
            self._end(refusal.why)
        except trio.TooSlowError:
            self._tell(CallOver(self._plan.id, CallEnd.UNREACHABLE))
            self._end(CallEnd.UNREACHABLE)
        else:
            self._leg = leg
            leg.listen(self._hear_leg)

    async def _offer_first(self, address: str) -> CallDescription:
        self._offered = await self._offer(address)
        return self._offered

    async def _offer(self, address: str) -> CallDescription:
        """Return an offer of ours, with ports open for what is in it. Raises CallRefused."""
        sections = offer_sections(self._allowed, self._agreed)
        try:
            places = await self._ports.open({it.kind for it in sections if it.codecs}, address)
        except MediaError as error:
            self.ctx.log.warning("call.no_port", reason=type(error).__name__, **self._names)
            raise CallRefused(CallEnd.NO_CAPACITY, "there is no port free for it") from error
        return placed(sections, places)

    async def _answer(self, offer: CallDescription) -> None:
        """Answer an offer of theirs, the first or another one."""
        leg, first = self._leg, not self._agreed
        assert leg is not None  # noqa: S101  who offers has signalling
        agreed = answered(offer, self._allowed, self._agreed)
        if agreed is not None and (agreed := await self._opened(agreed, leg)) is None:
            why = CallEnd.NO_CAPACITY
        elif agreed is None:
            why = CallEnd.NO_COMMON_CODEC
        else:
            leg.answer(placed(answer_of(agreed), self._ports.places))
            self._agree(agreed)
            return
        leg.refuse(why)
        if first:
            self._end(why)

    async def _accept(self, answer: CallDescription) -> None:
        """Take an answer of theirs to the offer that we made last."""
        leg, offered = self._leg, self._offered
        if leg is None or offered is None:
            return
        self._offered = None
        agreed = accepted(offered, answer, self._allowed, self._agreed)
        if agreed is None:
            why = CallEnd.NO_COMMON_CODEC
        elif (opened := await self._opened(agreed, leg)) is None:
            why = CallEnd.NO_CAPACITY
        else:
            self._agree(opened)
            return
        self._tell(CallOver(self._plan.id, why))
        self._end(why)

    async def _opened(self, agreed: Agreed, leg: CallLeg) -> Agreed | None:
        """Have the ports be as agreed on; return it without a picture if that has no port.

        None where there is none for the sound.
        """
        try:
            return await self._ports.follow(agreed, self._allowed, leg)
        except MediaError as error:
            self.ctx.log.warning("call.no_port", reason=type(error).__name__, **self._names)
            return None

    def _agree(self, agreed: Agreed) -> None:
        first, before, self._agreed = not self._agreed, self._agreed, agreed
        anew = self._ports.take_anew()
        self._taken = {kind: it for kind, it in self._taken.items() if kind not in anew}
        self._wire()
        if first:
            codecs = {it.kind: it.receives.name for it in agreed if it.receives is not None}
            self.ctx.log.info("call.agreed", codecs=codecs, **self._names)
        fmtp = {it.kind: it.receives.fmtp for it in agreed if it.receives is not None}
        terms = terms_of(agreed, self._allowed, before)
        self._tell(CallAgreed(self._plan.id, terms, self._ports.sources, fmtp, anew))

    # --- how it goes on

    async def _follow(self, event: LegEvent) -> None:
        match event:
            case LegOffered(None):
                if self._leg is not None:
                    try:
                        self._offered = await self._offer(self._leg.address)
                    except CallRefused as refusal:
                        self._leg.refuse(refusal.why)
                    else:
                        self._leg.answer(self._offered)
            case LegOffered(CallDescription() as offer):
                await self._answer(offer)
            case LegAnswered(answer) | LegConfirmed(CallDescription() as answer):
                await self._accept(answer)
            case LegKeyframe():
                await self._ask_for_picture()
            case LegEnded(why, detail):
                self._tell(CallOver(self._plan.id, why, detail))
                self._end(why)

    def _note_digit(self, digit: Digit) -> None:
        self._digits.append(digit)
        self.ctx.log.info("call.digit", **self._names)  # not which one: it may be of a PIN
        self._tell(CallDigits(self._plan.id, tuple(self._digits)))

    async def _ask_for_picture(self) -> None:
        source, flows = self._taken.get(VIDEO, (None, False))
        if source is None or not flows or self.ctx.now() - self._asked < KEYFRAME_SECONDS:
            return
        self._asked = self.ctx.now()
        with suppress(MediaError):  # it has just ended
            await self._media.engine.request_keyframe(source)

    def _wire(self) -> None:
        """Have the ports send what the room says, as far as the other side takes it."""
        paths = {}
        for section in self._agreed:
            sink = self._ports.sinks.get(section.kind)
            if sink is not None and section.receives is not None:
                source, flows = self._taken.get(section.kind, (None, False))
                paths[section.kind] = MediaPath(sink, source, flows and section.goes)
        self._wiring.want(self._plan.id, paths)

    def _go_on_without(self, kind: str, why: PathTrouble | None) -> None:
        """Note a path that is not as it should be; end where it may carry what is held by now."""
        if why in (PathTrouble.SOURCE_GONE, PathTrouble.SINK_GONE):
            return  # it is just ending
        reason = "MediaTimeout" if why is None else PATH_REFUSALS[why]
        self.ctx.log.warning("call.not_wired", media=kind, reason=reason, **self._names)
        if why in (None, PathTrouble.BUG):
            self._end(CallEnd.MEDIA_LOST)

    # --- inside

    def _end(self, why: CallEnd) -> None:
        if self._why is None:
            self._why = why
        self.ctx.stop(self._why.value)

    def _tell(self, fact: Message) -> None:
        """Tell the room, in order; what it has no place for waits."""
        try:
            if not self._untold:
                self._room.tell(fact)
                return
        except ActorStopped:
            return  # it ends with its room
        except MailboxFull:
            with suppress(ActorStopped):  # it is ending, and its room sees that
                self.ctx.start_task(self._tell_rest, name="telling")
        self._untold.append(fact)

    async def _tell_rest(self) -> None:
        with suppress(ActorStopped):
            while self._untold:
                await self._room.send(self._untold[0])
                self._untold.popleft()

    def _hear_leg(self, event: LegEvent) -> None:
        """Take what signalling tells. Neither waits nor raises."""
        with suppress(ActorStopped):
            try:
                self.ctx.self_ref.tell(FromLeg(event))
            except MailboxFull:
                self._end(event.why if isinstance(event, LegEnded) else CallEnd.FAILED)

    def _hear_port(self, pressed: DigitPressed) -> None:
        """Take what the media layer tells. Neither waits nor raises."""
        with suppress(ActorStopped, MailboxFull):
            self.ctx.self_ref.tell(FromPort(pressed))


def open_name(room: str, call: str) -> str:
    """Return what a call is counted by, among those of all rooms."""
    return f"{room}/{call}"


def _why(reason: str) -> CallEnd:
    """Return why a call ends whose actor is ended from outside, or has crashed."""
    if reason == "shutdown":
        return CallEnd.STOPPED
    if reason.startswith("crashed"):
        return CallEnd.FAILED
    return CallEnd(reason) if reason in set(CallEnd) else CallEnd.ROOM_ENDED


def call_spec(plan: CallPlanned, media: MediaServices, room: Ref[Any]) -> ChildSpec:
    """Return how to spawn a call of a room, which accepts CallAgreed, CallOver and CallDigits."""
    return ChildSpec(
        f"call:{plan.id}",
        partial(Call, plan, media, room),
        Restart.TEMPORARY,
        grace=GRACE_SECONDS,
    )
