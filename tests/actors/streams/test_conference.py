"""The rules of a room with streams: who may send and take what, what ends with what."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.core.errors import Refused
from actors.streams.outcome import Outcome
from actors.streams.publishing import Publication
from actors.streams.rules import Conference
from actors.words.conference_refusals import (
    AudioForbidden,
    EmptySubscription,
    NotAllowed,
    RecordingUnknown,
    SessionUnknown,
    StreamUnknown,
    SubscriptionUnknown,
    TargetUnsatisfying,
    TooManyStreams,
    TrackUnknown,
    VideoForbidden,
    ViewUnknown,
)
from actors.words.facts import (
    SessionEnded,
    SessionReady,
    StreamAdded,
    StreamChanged,
    StreamRemoved,
)
from actors.words.permission import NO_MEDIA, Abilities, Permission
from actors.words.refusals import Busy
from actors.words.rooms import ConferenceRules
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    ParametersChange,
    Resolution,
    SessionEnd,
    SourceChange,
    StatusChange,
    VideoFormat,
    VideoParameters,
    VideoWanted,
    ViewChange,
)
from tests.support.examples import examples

ALL = Permission(Abilities(True, True), Abilities(True, True))
RULES = ConferenceRules(
    audio_in=frozenset({"opus", "pcmu", "isac"}),
    video_in=frozenset({"h264", "vp8", "vp9"}),
    views=("common", "stage"),
)
VGA = VideoParameters(Resolution(640, 480), 24, 800, 2)
ids = count(1)


def conference(**rules: Any) -> Conference:
    return Conference(replace(RULES, **rules))


def publish(it: Conference, owner: str = "ann", **other: Any) -> str:
    """Publish without being ready yet."""
    id_ = str(next(ids))
    origins = {"audio_origin": "mic", "video_origin": "camera"} | other
    it.publish(Publication(id_, owner, **origins), ALL)
    return id_


def stream(it: Conference, owner: str = "ann", video: str = "vp8", **other: Any) -> str:
    """Publish until the media can flow."""
    id_ = publish(it, owner, **other)
    rid = other.get("rid")
    it.negotiated(id_, {"audio": "opus", "video": video}, rid)
    it.ready(id_)
    return id_


def subscribe(
    it: Conference, audio: str | None = None, video: str | None = None, owner: str = "bob"
) -> str:
    id_ = str(next(ids))
    it.subscribe(
        id_,
        owner,
        AudioWanted(audio) if audio else None,
        VideoWanted(video) if video else None,
        ALL,
    )
    return id_


def facts(outcome: Outcome) -> list[tuple[str | None, Any]]:
    """Return to whom, and what; "" stands for all."""
    return [(notice.to or "", notice.fact) for notice in outcome.notices]


# --- publishing


@pytest.mark.parametrize(
    ("rules", "permission", "origins", "refusal"),
    [
        ({}, ALL, (None, None), EmptySubscription),
        ({}, NO_MEDIA, ("mic", "camera"), NotAllowed),
        ({}, Permission(Abilities(audio=True)), ("mic", "camera"), NotAllowed),
        ({}, Permission(Abilities(video=True)), ("mic", None), NotAllowed),
        ({"input_limit": 0}, ALL, ("mic", None), TooManyStreams),
        ({"audio_in": frozenset()}, ALL, ("mic", "camera"), AudioForbidden),
        ({"video_in": frozenset()}, ALL, ("mic", "camera"), VideoForbidden),
    ],
)
def test_what_may_not_be_published(
    rules: Any, permission: Permission, origins: Any, refusal: type[Refused]
) -> None:
    it = conference(**rules)
    with pytest.raises(refusal):
        it.publish(Publication("1", "ann", *origins), permission)
    assert not it.busy


def test_what_is_not_sent_needs_neither_permission_nor_codec() -> None:
    it = conference(video_in=frozenset())
    it.publish(Publication("1", "ann", "mic", None), Permission(Abilities(audio=True)))
    assert it.codecs("1") == {"audio": ("opus", "pcmu")}


def test_streams_that_are_connecting_count_but_cannot_be_taken() -> None:
    it = conference(input_limit=1)
    connecting = publish(it)
    assert not it.streams
    with pytest.raises(TooManyStreams):
        publish(it, "bob")
    with pytest.raises(TargetUnsatisfying):
        subscribe(it, video=connecting)
    it.unpublish("ann", connecting)
    publish(it, "bob")


def test_there_is_an_end_to_the_sessions_of_a_participant() -> None:
    it = Conference(RULES, sessions_per_participant=2)
    first = stream(it, "ann")
    stream(it, "ann")
    with pytest.raises(TooManyStreams):
        publish(it, "ann")
    with pytest.raises(Busy):
        subscribe(it, first, owner="ann")
    subscribe(it, first, owner="bob")
    it.unpublish("ann", first)
    publish(it, "ann")


def test_a_stream_tells_what_its_publisher_said_and_what_was_negotiated() -> None:
    it = conference()
    id_ = publish(it, parameters=VGA, attributes=b"{}")
    it.negotiated(id_, {"audio": "pcmu", "video": "h264"}, "f")
    outcome = it.ready(id_)
    found = it.streams[id_]
    assert facts(outcome) == [("ann", SessionReady(id_)), ("", StreamAdded(found))]
    assert found.audio is not None
    assert found.video is not None
    assert (found.audio.origin, found.audio.format) == ("mic", AudioFormat("pcmu"))
    assert (found.video.format, found.video.rid) == (VideoFormat("h264", "CB"), "f")
    assert (found.video.parameters, found.attributes) == (VGA, b"{}")


def test_a_room_may_keep_its_streams_to_itself() -> None:
    it = conference(announces_streams=False)
    id_ = publish(it)
    it.negotiated(id_, {"audio": "opus", "video": "vp8"}, None)
    assert facts(it.ready(id_)) == [("ann", SessionReady(id_))]
    assert facts(it.change(id_, [StatusChange("audio", False)])) == []
    assert facts(it.unpublish("ann", id_)) == []


# --- subscribing


@pytest.mark.parametrize(
    ("audio", "video", "kind", "what"),
    [
        (AudioWanted("x"), None, "audio", "stream"),
        (AudioWanted("S", AudioFormat("pcmu")), None, "audio", "format"),
        (AudioWanted("S", AudioFormat("opus", 16_000)), None, "audio", "format"),
        (AudioWanted("S", AudioFormat("opus", 48_000, 1)), None, "audio", "format"),
        (None, VideoWanted("x"), "video", "stream"),
        (None, VideoWanted("A"), "video", "stream"),
        (None, VideoWanted("S", VideoFormat("h264")), "video", "format"),
        (None, VideoWanted("S", VideoFormat("vp8", "CB")), "video", "format"),
        (None, VideoWanted("S", rid="q"), "video", "rid"),
        *(
            (None, VideoWanted("S", parameters=parameters), "video", what)
            for parameters, what in [
                (VideoParameters(resolution=Resolution(320, 240)), "resolution"),
                (VideoParameters(framerate=12), "framerate"),
                (VideoParameters(bitrate="x0.8"), "bitrate"),
                (VideoParameters(bitrate=500), "bitrate"),
                (VideoParameters(keyframe_interval=5), "keyframe interval"),
            ]
        ),
    ],
)
def test_what_a_stream_cannot_give(audio: Any, video: Any, kind: str, what: str) -> None:
    it = conference()
    known = {"S": stream(it, parameters=VGA), "A": stream(it, video_origin=None)}

    def named(wanted: Any) -> Any:
        return wanted and replace(wanted, source=known.get(wanted.source, wanted.source))

    with pytest.raises(TargetUnsatisfying) as refused:
        it.subscribe("1", "bob", named(audio), named(video), ALL)
    assert (refused.value.kind, refused.value.what) == (kind, what)
    assert not it.subscriptions


def test_what_a_stream_has_already_may_be_asked_for() -> None:
    it = conference()
    id_ = stream(it, parameters=VGA)
    audio = AudioWanted(id_, AudioFormat("opus", 48_000, 2))
    for number, bitrate in enumerate(("x1", "x1.0", 800, None)):
        video = VideoWanted(id_, VideoFormat("vp8"), replace(VGA, bitrate=bitrate))
        it.subscribe(f"s{number}", "bob", audio, video, ALL)
    assert it.codecs("s0") == {"audio": ("opus",), "video": ("vp8",)}


@pytest.mark.parametrize(
    ("permission", "audio", "video", "refusal"),
    [
        (ALL, False, False, EmptySubscription),
        (NO_MEDIA, True, False, NotAllowed),
        (Permission(subscribe=Abilities(audio=True)), True, True, NotAllowed),
    ],
)
def test_what_may_not_be_subscribed_to(
    permission: Permission, audio: bool, video: bool, refusal: type[Refused]
) -> None:
    it = conference()
    id_ = stream(it)
    wanted = (AudioWanted(id_) if audio else None, VideoWanted(id_) if video else None)
    with pytest.raises(refusal):
        it.subscribe("1", "bob", *wanted, permission)


def test_a_subscription_ends_with_either_of_its_sources() -> None:
    it = conference()
    one, two = stream(it, "ann"), stream(it, "cid")
    taken = subscribe(it, one, two)
    outcome = it.unpublish("cid", two)
    assert facts(outcome) == [
        ("", StreamRemoved(two)),
        ("bob", SessionEnded(taken, SessionEnd.SOURCE_LOST)),
    ]
    assert set(outcome.ended) == {two, taken}
    assert not it.subscriptions
    assert set(it.streams) == {one}


def test_who_ends_what() -> None:
    it = conference()
    id_ = stream(it)
    taken = subscribe(it, id_)
    for refusal, act in [
        (StreamUnknown, lambda: it.unpublish("ann", "x")),
        (NotAllowed, lambda: it.unpublish("bob", id_)),
        (SubscriptionUnknown, lambda: it.unsubscribe("bob", id_)),
        (NotAllowed, lambda: it.unsubscribe("ann", taken)),
        (StreamUnknown, lambda: it.end_stream(taken)),
        (SessionUnknown, lambda: it.require_own("ann", "x")),
        (NotAllowed, lambda: it.require_own("ann", taken)),
        (NotAllowed, lambda: it.control("bob", id_, [StatusChange("audio", False)])),
        (StreamUnknown, lambda: it.change("x", [])),
        (NotAllowed, lambda: it.control_subscription("ann", taken, [])),
        (RecordingUnknown, lambda: it.end_recording(taken)),
        (RecordingUnknown, lambda: it.change_recording(taken, [])),
    ]:
        with pytest.raises(refusal):
            act()
    assert facts(it.unsubscribe("bob", taken)) == []
    assert facts(it.end_stream(id_)) == [
        ("ann", SessionEnded(id_, SessionEnd.REMOVED)),
        ("", StreamRemoved(id_)),
    ]


def test_who_leaves_takes_its_streams_along() -> None:
    it = conference()
    own, other = stream(it, "ann"), stream(it, "bob")
    mine = subscribe(it, other, owner="ann")
    theirs = subscribe(it, own, owner="bob")
    outcome = it.leave("ann")
    assert facts(outcome) == [
        ("", StreamRemoved(own)),
        ("bob", SessionEnded(theirs, SessionEnd.SOURCE_LOST)),
    ]
    assert set(outcome.ended) == {own, mine, theirs}
    assert set(it.streams) == {other}


# --- holding and switching


def test_media_flows_unless_it_is_held_at_either_end() -> None:
    it = conference()
    id_ = stream(it)
    taken = subscribe(it, id_, id_)
    assert it.flows(taken, "video")
    outcome = it.control("ann", id_, [StatusChange("video", False)])
    assert facts(outcome) == [("", StreamChanged(it.streams[id_], "video.status"))]
    assert outcome.rewired == (taken,)
    assert not it.flows(taken, "video")
    assert it.flows(taken, "audio")
    it.control_subscription("bob", taken, [StatusChange("video", False)])
    it.control("ann", id_, [StatusChange("video", True)])
    assert not it.flows(taken, "video")
    it.control_subscription("bob", taken, [StatusChange("video", True)])
    assert it.flows(taken, "video")
    assert it.control("ann", id_, [StatusChange("video", True)]) == Outcome()


def test_what_is_not_there_cannot_be_held_alone() -> None:
    it = conference()
    id_ = stream(it, video_origin=None)
    taken = subscribe(it, id_)
    both = [StatusChange("audio", False), StatusChange("video", False)]
    it.control("ann", id_, both)
    it.control_subscription("bob", taken, both)
    assert it.subscriptions[taken].held == {"audio"}
    with pytest.raises(TrackUnknown):
        it.control("ann", id_, both[1:])
    it.control("ann", id_, [StatusChange("audio", True), StatusChange("video", True)])
    for changes in (both, [both[1], ViewChange("common", True)]):
        with pytest.raises(TrackUnknown):
            it.change(id_, changes)
    assert it.flows(taken, "audio") is False
    assert it.streams[id_].audio is not None
    assert it.streams[id_].audio.active
    assert it.streams[id_].in_views == ()
    with pytest.raises(TargetUnsatisfying):
        it.control_subscription("bob", taken, both[1:])


def test_a_subscription_takes_from_another_stream() -> None:
    it = conference()
    one, two = stream(it, "ann"), stream(it, "cid")
    taken = subscribe(it, one, one)
    outcome = it.control_subscription("bob", taken, [SourceChange("video", two)])
    assert outcome.rewired == (taken,)
    assert (it.source(taken, "audio"), it.source(taken, "video")) == (one, two)
    it.control_subscription("bob", taken, [SourceChange("audio", two)])
    assert not it.unpublish("ann", one).notices[1:]
    assert taken in it.subscriptions


@pytest.mark.parametrize(
    "change",
    [
        SourceChange("video", "x"),
        SourceChange("audio", "x"),
        SourceChange("video", "H264"),
        ParametersChange(VideoParameters(framerate=6)),
    ],
)
def test_all_changes_of_a_subscription_are_made_or_none(change: Any) -> None:
    it = conference()
    one, h264 = stream(it, parameters=VGA), stream(it, video="h264")
    if isinstance(change, SourceChange) and change.source == "H264":
        change = replace(change, source=h264)
    taken = subscribe(it, one, one)
    before = it.subscriptions[taken]
    with pytest.raises(TargetUnsatisfying):
        it.control_subscription("bob", taken, [StatusChange("audio", False), change])
    assert it.subscriptions[taken] == before


def test_a_kind_that_is_not_taken_has_no_source_to_change() -> None:
    it = conference()
    id_ = stream(it)
    taken = subscribe(it, id_)
    changes: list[Any] = [SourceChange("video", id_), ParametersChange(VGA)]
    for change in changes:
        with pytest.raises(TargetUnsatisfying):
            it.control_subscription("bob", taken, [change])


def test_a_stream_goes_into_views_and_out() -> None:
    it = conference()
    id_ = stream(it)
    outcome = it.change(id_, [ViewChange("common", True), ViewChange("common", True)])
    assert it.streams[id_].in_views == ("common",)
    assert facts(outcome) == [("", StreamChanged(it.streams[id_], "."))]
    it.change(id_, [ViewChange("stage", True), ViewChange("common", False)])
    assert it.streams[id_].in_views == ("stage",)
    with pytest.raises(ViewUnknown):
        it.change(id_, [StatusChange("audio", False), ViewChange("nowhere", True)])
    assert it.streams[id_].audio is not None
    assert it.streams[id_].audio.active


# --- recording


def test_a_recording_goes_on_with_the_source_that_is_left() -> None:
    it = conference()
    one, two = stream(it, "ann"), stream(it, "bob")
    it.record("r", AudioWanted(one), VideoWanted(two))
    outcome = it.unpublish("bob", two)
    assert (outcome.rewired, outcome.stopped) == (("r",), ())
    assert it.recordings["r"].video is None
    assert it.unpublish("ann", one).stopped == ("r",)
    assert not it.recordings


def test_recordings_are_refused_what_subscriptions_are() -> None:
    it = Conference(RULES, recordings_limit=1)
    id_ = stream(it)
    with pytest.raises(EmptySubscription):
        it.record("r", None, None)
    with pytest.raises(TargetUnsatisfying):
        it.record("r", AudioWanted(id_, AudioFormat("aac")), None)
    it.record("r", AudioWanted(id_), None)
    with pytest.raises(Busy):
        it.record("s", AudioWanted(id_), None)
    assert it.end_recording("r").stopped == ("r",)
    it.record("s", AudioWanted(id_), None)


# --- anything, in any order

MEMBERS = st.sampled_from(["ann", "bob", "cid"])
PICK = st.integers(0, 50)


class AnyConference(RuleBasedStateMachine):
    """Whatever is done, the tables agree, and everybody can tell from what it heard what is."""

    def __init__(self) -> None:
        super().__init__()
        self.it = Conference(replace(RULES, input_limit=5), 4, 2)
        self.numbers = count(1)
        self.heard: set[str] = set()  # the streams that whoever listens knows of
        self.sessions: dict[str, str] = {}  # owner by session, as the owners see it
        self.recordings: set[str] = set()

    def pick(self, table: Any, number: int) -> str:
        return list(table)[number % len(table)] if table else "none"

    def attempt(self, act: Any) -> bool:
        before = repr(self.it)
        try:
            outcome = act()
        except Refused:
            assert repr(self.it) == before, "a refusal changed something"
            return False
        if outcome is not None and isinstance(outcome, Outcome):
            self.follow(outcome)
        return True

    def follow(self, outcome: Outcome) -> None:
        for to, fact in facts(outcome):
            match fact:
                case StreamAdded(found):
                    assert found.id not in self.heard
                    self.heard.add(found.id)
                case StreamRemoved(id_):
                    self.heard.remove(id_)
                case SessionEnded(id_, _):
                    assert self.sessions[id_] == to
        for id_ in outcome.ended:
            del self.sessions[id_]
        for id_ in outcome.stopped:
            self.recordings.remove(id_)

    @rule(owner=MEMBERS)
    def publish(self, owner: str) -> None:
        id_ = f"p{next(self.numbers)}"
        publication = Publication(id_, owner, "mic", "camera")
        if self.attempt(lambda: self.it.publish(publication, ALL)):
            self.sessions[id_] = owner

    @rule(number=PICK, codec=st.sampled_from(["vp8", "h264"]))
    def become_ready(self, number: int, codec: str) -> None:
        waiting = [id_ for id_ in self.it.publications if id_ not in self.it.streams]
        if waiting:
            id_ = self.pick(waiting, number)
            self.it.negotiated(id_, {"audio": "opus", "video": codec}, None)
            self.follow(self.it.ready(id_))

    @rule(owner=MEMBERS, one=PICK, two=PICK)
    def subscribe(self, owner: str, one: int, two: int) -> None:
        id_ = f"s{next(self.numbers)}"
        audio = AudioWanted(self.pick(self.it.streams, one))
        video = VideoWanted(self.pick(self.it.streams, two))
        if self.attempt(lambda: self.it.subscribe(id_, owner, audio, video, ALL)):
            self.sessions[id_] = owner

    @rule(one=PICK, two=PICK)
    def record(self, one: int, two: int) -> None:
        id_ = f"r{next(self.numbers)}"
        audio = AudioWanted(self.pick(self.it.streams, one))
        video = VideoWanted(self.pick(self.it.streams, two))
        if self.attempt(lambda: self.it.record(id_, audio, video)):
            self.recordings.add(id_)

    @rule(number=PICK, to=PICK, kind=st.sampled_from(["audio", "video"]), active=st.booleans())
    def change(self, number: int, to: int, kind: str, active: bool) -> None:
        changes = [StatusChange(kind, active), SourceChange(kind, self.pick(self.it.streams, to))]
        stream_ = self.pick(self.it.streams, number)
        self.attempt(lambda: self.it.change(stream_, changes[:1]))  # type: ignore[arg-type]
        recording = self.pick(self.it.recordings, number)
        self.attempt(lambda: self.it.change_recording(recording, changes))
        for id_, output in list(self.it.subscriptions.items())[number % 3 :: 3]:
            owner = output.owner or ""
            self.attempt(lambda: self.it.control_subscription(owner, id_, changes))  # noqa: B023

    @rule(number=PICK, why=st.sampled_from([None, *SessionEnd]))
    @precondition(lambda self: self.sessions)
    def end(self, number: int, why: SessionEnd | None) -> None:
        self.follow(self.it.end(self.pick(self.sessions, number), why))

    @rule(member=MEMBERS)
    def leave(self, member: str) -> None:
        self.follow(self.it.leave(member))
        assert member not in self.sessions.values()

    @rule(number=PICK)
    def end_recording(self, number: int) -> None:
        self.attempt(lambda: self.it.end_recording(self.pick(self.it.recordings, number)))

    @invariant()
    def tables_agree(self) -> None:
        it = self.it
        assert set(self.sessions) == it.publications.keys() | it.subscriptions.keys()
        assert self.recordings == set(it.recordings)
        assert self.heard == set(it.streams) <= set(it.publications)
        assert len(it.publications) <= 5
        assert len(it.recordings) <= 2
        for output in (*it.subscriptions.values(), *it.recordings.values()):
            assert output.sources
            assert set(output.sources.values()) <= set(it.streams)
        owners = list(self.sessions.values())
        assert it._sessions == {owner: owners.count(owner) for owner in set(owners)}
        taken = {
            (stream_, output.id)
            for output in (*it.subscriptions.values(), *it.recordings.values())
            for stream_ in output.sources.values()
        }
        assert taken == {
            (it_, taker) for it_, takers in it.takers.by_stream.items() for taker in takers
        }


TestAnyConference = AnyConference.TestCase
TestAnyConference.settings = settings(
    max_examples=examples(100), stateful_step_count=40, deadline=None
)
