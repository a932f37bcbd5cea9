"""A room with streams among its members: publishing, subscribing, and who hears of what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from trio.testing import MockClock

from actors.core import StopChild
from actors.streams.services import StreamLimits
from actors.words.conference_refusals import (
    NotAllowed,
    ParticipantUnknown,
    SessionUnknown,
    TooManyStreams,
    ViewUnknown,
)
from actors.words.facts import (
    Dropped,
    JoinRefused,
    PeerJoined,
    PeerLeft,
    PermissionSet,
    RoomClosed,
    Said,
    SessionAnswered,
    SessionEnded,
    SessionReady,
    StreamAdded,
    StreamChanged,
    StreamRemoved,
)
from actors.words.keys import MEMBERS
from actors.words.media_refusals import BadCandidate, NegotiationOutOfStep
from actors.words.orders import (
    ChangeStream,
    CloseRoom,
    ControlStream,
    ControlSubscription,
    DropParticipant,
    EndStream,
    GetParticipants,
    GetStreams,
    Offer,
    Placed,
    Say,
    SetPermissions,
    Trickle,
    Unpublish,
    Unsubscribe,
)
from actors.words.permission import Abilities, Permission, PermissionChange
from actors.words.refusals import RoomFull
from actors.words.site_orders import GetPeople
from actors.words.streams import (
    AudioFormat,
    SessionEnd,
    SourceChange,
    StatusChange,
    VideoFormat,
    ViewChange,
)
from media.contract.candidates import Candidate
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.contract.session import Direction, Failure
from media.webrtc.descriptions import split
from tests.fakes.media import FakeEngine
from tests.support.actors import key, open_house, poison, settle
from tests.support.conference import (
    MANAGED,
    RULES,
    conference_spec,
    open_meeting,
    pause,
    publish,
    streams_of,
    subscribe,
)

# --- from an order to media


async def test_a_stream_is_shown_to_all_once_its_media_can_flow() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        id_ = await ann.publish()
        (added,) = bob.told(StreamAdded)
        assert ann.told(StreamAdded) == [added]
        assert [type(fact) for fact in ann.facts[-3:]] == [
            SessionAnswered,
            SessionReady,
            StreamAdded,
        ]
        stream = added.stream
        assert (stream.id, stream.owner) == (id_, "ann")
        assert stream.audio is not None
        assert stream.video is not None
        assert stream.audio.format == AudioFormat("opus", 48_000, 2)
        assert stream.video.format == VideoFormat("vp8")
        assert await meeting.manage(GetStreams()) == (stream,)
        assert streams_of(await meeting.member("cid")) == (stream,)


async def test_a_subscriber_gets_what_is_published() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(stream, stream)
        assert bob.is_ready(taken)
        assert meeting.sinks() == {
            f"{taken}/out/0": f"{stream}/in/0",
            f"{taken}/out/1": f"{stream}/in/1",
        }
        await bob.order(Unsubscribe(taken))
        assert meeting.sinks() == {}
        assert bob.told(SessionEnded) == []


async def test_audio_of_one_and_video_of_another_stream_are_one_subscription() -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await meeting.members("ann", "bob", "cid")
        sound, picture = await ann.publish("audio"), await bob.publish("video", codecs=("h264",))
        taken = await cid.subscribe(sound, picture, codecs=("opus", "vp8", "h264"))
        assert meeting.sinks() == {
            f"{taken}/out/0": f"{sound}/in/0",
            f"{taken}/out/1": f"{picture}/in/0",
        }


async def test_the_codec_a_publisher_names_first_is_taken() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        await ann.publish(codecs=("pcmu", "opus", "h264", "vp8"))
        (added,) = ann.told(StreamAdded)
        assert added.stream.audio is not None
        assert added.stream.video is not None
        assert added.stream.audio.format == AudioFormat("pcmu")
        assert added.stream.video.format == VideoFormat("h264", "CB")


async def test_codecs_a_room_does_not_take_are_passed_over() -> None:
    async with open_meeting() as meeting:
        rules = replace(RULES, audio_in=frozenset({"pcma", "ac3"}), video_in=frozenset({"h265"}))
        ann = await meeting.member("ann", spec=conference_spec(rules))
        await ann.publish("audio", codecs=("opus", "pcma"))
        (added,) = ann.told(StreamAdded)
        assert added.stream.audio is not None
        assert added.stream.audio.format == AudioFormat("pcma")
        await ann.publish("video")
        assert [fact.why for fact in ann.told(SessionEnded)] == [SessionEnd.NO_VIDEO_CODEC]


async def test_a_simulcast_is_known_by_the_layer_that_is_received() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        id_ = await ann.order(publish("video"))
        assert id_ is not None
        sdp = await ann.offer(id_, Direction.SEND, ("video",), ("vp8",))
        layers = "a=rid:q send\r\na=rid:f send\r\na=simulcast:send q;f\r\na=rtcp-mux"
        await ann.order(Offer(id_, sdp.replace("a=rtcp-mux", layers)))
        await settle()
        (added,) = ann.told(StreamAdded)
        assert added.stream.video is not None
        assert added.stream.video.rid == "f"


# --- offers that cannot be taken


def without_transport(sdp: str) -> str:
    return sdp.replace("a=fingerprint", "a=nothing")


def with_data(sdp: str) -> str:
    transport = sdp.partition("a=rtcp-mux")[2].partition("a=ice-")[1:]
    section = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:data\r\n"
    assert transport
    return sdp.replace("BUNDLE 0 1", "BUNDLE 0 1 data") + section + "a=sctp-port:5000\r\n"


def as_it_is(sdp: str) -> str:
    return sdp


def backwards(sdp: str) -> str:
    return sdp.replace("a=sendonly", "a=recvonly")


def with_more(direction: str, *, first: bool) -> Callable[[str], str]:
    """Add a section for video of another direction, before or behind the one that is meant."""

    def change(sdp: str) -> str:
        start = sdp.index("m=video")
        more = sdp[start:].replace("a=sendonly", f"a={direction}").replace("a=mid:1", "a=mid:more")
        places = (sdp[:start], more, sdp[start:]) if first else (sdp, more)
        return "".join(places).replace("BUNDLE 0 1", "BUNDLE 0 1 more")

    return change


@pytest.mark.parametrize(
    ("change", "rejected"),
    [
        (with_data, ["data"]),
        (with_more("inactive", first=False), ["more"]),
        (with_more("inactive", first=True), ["more"]),
        (with_more("recvonly", first=True), ["more"]),
    ],
)
async def test_what_nobody_wants_of_an_offer_is_rejected_and_the_rest_taken(
    change: Callable[[str], str], rejected: list[str]
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        id_ = await ann.order(publish("audio", "video"))
        assert id_ is not None
        sdp = await ann.offer(id_, Direction.SEND, ("audio", "video"), ("opus", "vp8"))
        ann.answers = False  # the fake cannot, it has offered less
        await ann.order(Offer(id_, change(sdp)))
        await settle()
        (answered,) = ann.told(SessionAnswered)
        assert sorted(split(answered.sdp).rejected) == rejected
        meeting.engine.sessions[id_].connect()
        await settle()
        (added,) = bob.told(StreamAdded)
        assert added.stream.video is not None
        assert ann.told(SessionEnded) == []


@pytest.mark.parametrize(
    ("kinds", "offered", "codecs", "change", "why"),
    [
        ("audio video", "video", "opus vp8", as_it_is, SessionEnd.AUDIO_MISSING),
        ("audio video", "audio", "opus vp8", as_it_is, SessionEnd.VIDEO_MISSING),
        ("audio", "audio video", "opus vp8", as_it_is, SessionEnd.VIDEO_UNWANTED),
        ("video", "audio video", "opus vp8", as_it_is, SessionEnd.AUDIO_UNWANTED),
        ("video", "video video", "vp8", as_it_is, SessionEnd.VIDEO_UNWANTED),
        ("audio video", "audio video", "opus vp8", without_transport, SessionEnd.BAD_OFFER),
        ("audio video", "audio video", "opus vp8", lambda sdp: "hello", SessionEnd.BAD_OFFER),
        ("audio video", "audio video", "opus vp8", backwards, SessionEnd.AUDIO_MISSING),
    ],
)
async def test_an_offer_that_is_not_what_was_ordered_ends_the_session(
    kinds: str, offered: str, codecs: str, change: Callable[[str], str], why: SessionEnd
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        id_ = await ann.order(publish(*kinds.split()))
        assert id_ is not None
        names = tuple(codecs.split())
        sdp = await ann.offer(id_, Direction.SEND, tuple(offered.split()), names)
        await ann.order(Offer(id_, change(sdp)))
        await settle()
        assert [(fact.session, fact.why) for fact in ann.told(SessionEnded)] == [(id_, why)]
        assert bob.facts == []
        with pytest.raises(SessionUnknown):
            await ann.order(Offer(id_, sdp))
        assert meeting.served == set()
        await ann.publish()


async def test_a_subscriber_that_cannot_take_the_codec_is_told_so() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        for audio, video, codecs, why in [
            (stream, None, ("pcmu",), SessionEnd.NO_AUDIO_CODEC),
            (None, stream, ("h264",), SessionEnd.NO_VIDEO_CODEC),
        ]:
            bob.clear()
            taken = await bob.subscribe(audio, video, codecs)
            assert bob.told(SessionEnded) == [SessionEnded(taken, why)]


async def test_a_sink_that_does_not_suit_its_source_ends_the_subscription(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def wire(self: FakeEngine, paths: Sequence[MediaPath]) -> tuple[PathFailure, ...]:
        why = PathTrouble.CODEC_MISMATCH
        return tuple(PathFailure(path.sink, why, "another packetization") for path in paths)

    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        monkeypatch.setattr(FakeEngine, "wire", wire)
        taken = await bob.subscribe(video=stream)
        why = SessionEnded(taken, SessionEnd.NO_VIDEO_CODEC, "another packetization")
        assert bob.told(SessionEnded) == [why]
        assert meeting.served == {stream}


async def test_a_session_is_negotiated_once_and_by_its_owner() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        for act, refusal in [
            (lambda: ann.order(Offer(stream, "v=0")), NegotiationOutOfStep),
            (lambda: bob.order(Offer(stream, "v=0")), NotAllowed),
            (lambda: bob.order(Offer("1", "v=0")), SessionUnknown),
            (lambda: bob.order(Trickle(stream, ())), NotAllowed),
            (lambda: bob.order(Trickle("1", ())), SessionUnknown),
            (lambda: bob.order(Unpublish(stream)), NotAllowed),
        ]:
            with pytest.raises(refusal):
                await act()
        assert ann.told(SessionEnded) == []


# --- candidates


def candidate(port: int) -> Candidate:
    return Candidate(f"a=candidate:1 1 udp 2130706431 192.0.2.1 {port} typ host", "0", 0)


async def test_candidates_that_come_before_the_offer_are_kept_in_order() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        id_ = await ann.order(publish("audio"))
        assert id_ is not None
        await ann.order(Trickle(id_, (candidate(1), candidate(2))))
        await ann.order(Trickle(id_, (candidate(3),)))
        sdp = await ann.offer(id_, Direction.SEND, ("audio",), ("opus",))
        await ann.order(Offer(id_, sdp))
        await ann.order(Trickle(id_, (candidate(4), Candidate(""))))
        taken = [text.split()[5] for text in meeting.engine.sessions[id_].candidates]
        assert taken == ["1", "2", "3", "4"]


async def test_candidates_that_make_no_sense_or_are_too_many_are_refused() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        id_ = await ann.order(publish("audio"))
        assert id_ is not None
        with pytest.raises(BadCandidate):
            await ann.order(Trickle(id_, (Candidate("nonsense"),)))
        await ann.order(Trickle(id_, tuple(map(candidate, range(1, 61)))))
        with pytest.raises(BadCandidate):
            await ann.order(Trickle(id_, tuple(map(candidate, range(1, 6)))))
        sdp = await ann.offer(id_, Direction.SEND, ("audio",), ("opus",))
        await ann.order(Offer(id_, sdp))
        await settle()
        assert ann.is_ready(id_)


# --- what ends


async def test_a_session_without_an_offer_ends(autojump_clock: MockClock) -> None:
    async with open_meeting(stream_limits=StreamLimits(connect_seconds=30.0)) as meeting:
        (ann,) = await meeting.members("ann")
        id_ = await ann.order(publish("audio"))
        assert id_ is not None
        await pause(29)
        assert ann.told(SessionEnded) == []
        await pause(2)
        assert ann.told(SessionEnded) == [SessionEnded(id_, SessionEnd.ICE_FAILED)]
        ready = await ann.publish()
        await pause(60)
        assert ann.told(SessionEnded)[1:] == []
        assert meeting.served == {ready}


async def test_a_session_that_is_over_leaves_no_timer_behind() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        clock = meeting.house.system.clock
        before = clock.pending
        for _ in range(3):
            id_ = await ann.order(publish("audio"))
            assert id_ is not None
            await ann.order(Unpublish(id_))
        assert clock.pending == before


@pytest.mark.parametrize(
    ("failure", "why", "counted"),
    [
        (Failure.ICE, SessionEnd.ICE_FAILED, "no_route"),
        (Failure.DTLS, SessionEnd.DTLS_FAILED, "dtls"),
        (Failure.SILENCE, SessionEnd.ICE_FAILED, "media"),
    ],
)
async def test_a_session_that_does_not_connect_ends(
    failure: Failure, why: SessionEnd, counted: str
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        ann.answers = False
        id_ = await ann.publish()
        assert ann.told(SessionAnswered)
        assert not ann.is_ready(id_)
        meeting.engine.sessions[id_].fail("no connection in time", failure)
        await settle()
        assert ann.told(SessionEnded) == [SessionEnded(id_, why)]
        assert bob.facts == []
        counters = meeting.house.system.counters
        assert [*counters.counted("calls_failed").items()] == [(("", counted), 1)]


async def test_a_session_that_is_lost_later_is_no_call_that_failed() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        id_ = await ann.publish()
        assert ann.is_ready(id_)
        meeting.engine.sessions[id_].fail("nothing comes any more", Failure.SILENCE)
        await settle()
        assert ann.told(SessionEnded)
        assert meeting.house.system.counters.counted("calls_failed") == {}


async def test_unpublishing_ends_the_subscriptions_to_it() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(stream, stream)
        await ann.order(Unpublish(stream))
        await settle()
        assert ann.told(StreamRemoved) == bob.told(StreamRemoved) == [StreamRemoved(stream)]
        assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.SOURCE_LOST)]
        assert ann.told(SessionEnded) == []
        assert meeting.served == set()


async def test_a_stream_that_management_ends_is_no_fault_of_the_publisher() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        await meeting.manage(EndStream(stream))
        assert ann.told(SessionEnded) == [SessionEnded(stream, SessionEnd.REMOVED)]
        assert await meeting.manage(GetStreams()) == ()


@pytest.mark.parametrize("how", ["leaves", "ends"])
async def test_who_leaves_takes_all_of_it_along(how: str) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        own, other = await ann.publish(), await bob.publish()
        taken = await bob.subscribe(own, own)
        await ann.subscribe(other, other)
        if how == "leaves":
            await ann.leave()
        else:
            await meeting.house.find(MEMBERS).ask(StopChild(ann.ref.name, "gone"), within=5)
        await settle()
        assert bob.told(StreamRemoved) == [StreamRemoved(own)]
        assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.SOURCE_LOST)]
        assert bob.told(PeerLeft) == [PeerLeft("ann", True)]
        assert meeting.served == {other}


# --- holding and switching


async def test_what_is_held_at_either_end_does_not_flow() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(stream, stream)
        audio, video = f"{taken}/out/0", f"{taken}/out/1"
        await ann.order(ControlStream(stream, (StatusChange("video", False),)))
        assert meeting.engine.paused == {video}
        (changed,) = bob.told(StreamChanged)
        assert changed.field == "video.status"
        hold = (StatusChange("audio", False), StatusChange("video", False))
        await bob.order(ControlSubscription(taken, hold))
        assert meeting.engine.paused == {audio, video}
        await ann.order(ControlStream(stream, (StatusChange("video", True),)))
        assert meeting.engine.paused == {audio, video}
        resume = (StatusChange("audio", True), StatusChange("video", True))
        await bob.order(ControlSubscription(taken, resume))
        assert meeting.engine.paused == set()


async def test_what_was_held_before_it_was_negotiated_is_held() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        await meeting.manage(ChangeStream(stream, (StatusChange("video", False),)))
        taken = await bob.order(subscribe(stream, stream))
        assert taken is not None
        hold = (StatusChange("audio", False),)
        await bob.order(ControlSubscription(taken, hold))
        await bob.negotiate(taken, Direction.RECEIVE, ("audio", "video"), ("opus", "vp8"))
        assert meeting.engine.paused == {f"{taken}/out/0", f"{taken}/out/1"}
        assert meeting.sinks() == {}


async def test_a_subscription_is_switched_to_another_stream() -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await meeting.members("ann", "bob", "cid")
        one, two = await ann.publish(), await bob.publish()
        taken = await cid.subscribe(one, one)
        switch = (SourceChange("video", two),)
        await cid.order(ControlSubscription(taken, switch))
        assert meeting.sinks() == {
            f"{taken}/out/0": f"{one}/in/0",
            f"{taken}/out/1": f"{two}/in/1",
        }


async def test_management_changes_streams() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        id_ = await ann.publish()
        changed = await meeting.manage(ChangeStream(id_, (ViewChange("common", True),)))
        assert changed.in_views == ("common",)
        assert ann.told(StreamChanged) == [StreamChanged(changed, ".")]
        with pytest.raises(ViewUnknown):
            await meeting.manage(ChangeStream(id_, (ViewChange("nowhere", True),)))


# --- participants


async def test_texts_go_to_all_or_to_one() -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await meeting.members("ann", "bob", "cid")
        await ann.order(Say("hello", echoed=True))
        to_all = [Said("ann", None, "hello")]
        assert [it.told(Said) for it in (ann, bob, cid)] == [to_all] * 3
        await ann.order(Say("psst", "bob", echoed=True))
        assert bob.told(Said)[1:] == [Said("ann", "bob", "psst")]
        assert cid.told(Said) == ann.told(Said) == to_all
        with pytest.raises(ParticipantUnknown) as refused:
            await ann.order(Say("?", "dan", echoed=True))
        assert refused.value.args == ("dan",)


async def test_permissions_change_what_comes_next() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        changes = (PermissionChange("publish", "video", False),)
        presence = await meeting.manage(SetPermissions("ann", changes))
        less = Permission(Abilities(True, False), Abilities(True, True))
        assert presence.permission == less
        assert ann.told(PermissionSet) == [PermissionSet(less)]
        assert meeting.served == {stream}
        with pytest.raises(NotAllowed):
            await ann.order(publish("audio", "video"))
        await ann.publish("audio")
        with pytest.raises(ParticipantUnknown):
            await meeting.manage(SetPermissions("bob", changes))
        assert await meeting.manage(GetParticipants()) == (presence,)


async def test_permissions_hold_after_a_crash() -> None:
    async with open_meeting() as meeting:
        await meeting.member("ann")
        changes = (PermissionChange("publish", "video", False),)
        presence = await meeting.manage(SetPermissions("ann", changes))
        meeting.room.tell(poison())
        await settle()
        assert await meeting.manage(GetParticipants()) == (presence,)


async def test_who_is_dropped_is_told_and_gone() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        await ann.publish()
        await meeting.manage(DropParticipant("ann"))
        assert ann.told(Dropped)
        assert bob.told(PeerLeft) == [PeerLeft("ann", True)]
        assert bob.told(StreamRemoved)
        assert meeting.served == set()
        with pytest.raises(ParticipantUnknown):
            await meeting.manage(DropParticipant("ann"))


async def test_a_room_may_keep_to_itself_who_comes_and_goes() -> None:
    async with open_meeting() as meeting:
        spec = conference_spec(replace(RULES, announces_members=False, announces_streams=False))
        ann = await meeting.member("ann", spec=spec)
        bob = await meeting.member("bob", spec=spec)
        await bob.publish()
        await bob.leave()
        assert not ann.told(PeerJoined, PeerLeft, StreamAdded, StreamRemoved)
        assert [presence.peer for presence in await meeting.manage(GetParticipants())] == ["ann"]
        assert meeting.served == set()


async def test_there_is_an_end_to_members_and_streams() -> None:
    async with open_meeting() as meeting:
        spec = conference_spec(replace(RULES, input_limit=1), capacity=1)
        ann = await meeting.member("ann", spec=spec)
        (refused,) = (await meeting.member("bob", spec=spec)).told(JoinRefused)
        assert isinstance(refused.refusal, RoomFull)
        await ann.publish()
        with pytest.raises(TooManyStreams):
            await ann.order(publish("audio"))


async def test_orders_of_those_who_are_no_members_are_void() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        await bob.leave()
        with pytest.raises(AssertionError):
            await bob.order(publish("audio"))
        assert ann.told(PeerLeft)
        await ann.publish()


# --- the life of the room


async def test_an_idle_room_ends(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        await ann.publish()
        await pause(120)
        assert meeting.house.system.registry.find(MANAGED) is not None
        await ann.leave()
        await pause(29)
        assert meeting.house.system.registry.find(MANAGED) is not None
        await pause(2)
        assert meeting.house.system.registry.find(MANAGED) is None


async def test_a_room_is_closed_with_all_that_is_in_it() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        await bob.subscribe(stream, stream)
        await meeting.manage(CloseRoom())
        assert [len(it.told(RoomClosed)) for it in (ann, bob)] == [1, 1]
        assert meeting.served == set()
        assert meeting.house.system.registry.find(MANAGED) is None
        again = await meeting.member("ann2")
        assert streams_of(again) == ()
        await again.publish()


async def test_a_room_with_streams_refuses_what_a_chat_site_is_asked() -> None:
    async with open_meeting() as meeting:
        await meeting.members("ann")
        with pytest.raises(NotAllowed):
            await meeting.manage(GetPeople())


async def test_a_room_without_streams_has_none() -> None:
    async with open_house() as house:
        await house.people("ann")
        for of_another_kind in (GetStreams(), GetPeople()):
            with pytest.raises(NotAllowed):
                await house.room().ask(of_another_kind, within=5)
        house.room().tell(Placed("ann", "1", Unpublish("1")))
        await settle()
        assert house.members() == {"ann"}
        assert await house.find(key().path).ask(GetParticipants(), within=5)


async def test_the_tree_page_counts_what_is_in_the_room() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        await ann.subscribe(stream)
        facts = meeting.house.facts(MANAGED)
        assert (facts["publications"], facts["subscriptions"]) == (1, 1)
        assert (facts["members"], facts["recordings"]) == (1, 0)
