"""Views and targets in the rules of a room: its tables and processes agree, whatever is done."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.core import Refused
from actors.streams.mixing import Mixing
from actors.streams.publishing import Publication
from actors.streams.rules import Conference
from actors.streams.takers import Feed
from actors.words.facts import StreamAdded, StreamChanged, StreamRemoved
from actors.words.permission import Abilities, Permission
from actors.words.streams import (
    AS_IT_COMES,
    AudioFormat,
    AudioWanted,
    ParametersChange,
    Resolution,
    SourceChange,
    StatusChange,
    VideoFormat,
    VideoParameters,
    VideoWanted,
    ViewChange,
)
from actors.words.views import RegionChange, ViewRules
from tests.support.examples import examples
from tests.support.mixes import COMMON_MIX, MIXED, OUTPUTS, VIEW

ALL = Permission(Abilities(True, True), Abilities(True, True))
VGA = VideoParameters(Resolution(640, 480), 24)
SIF = VideoParameters(Resolution(352, 240), 24, keyframe_interval=100)
assert VIEW.video is not None
STAGE = replace(VIEW, label="stage", id="room-stage")
RULES = replace(MIXED, views=("common", "stage"), mixes=(VIEW, STAGE))
LABELS = st.sampled_from(["common", "stage"])
MEMBERS = st.sampled_from(["ann", "bob", "cid"])
SMALL = replace(VIEW, video=replace(VIEW.video, parameters=SIF, max_input=2))
AS_H264 = replace(VIEW, video=replace(VIEW.video, format=VideoFormat("h264", "CB")))
VIEWS = st.tuples(
    st.sampled_from([(), (VIEW,), (SMALL,), (AS_H264,), (replace(VIEW, video=None),)]),
    st.sampled_from([(), (STAGE,), (replace(STAGE, vad=False),)]),
).map(lambda both: [*both[0], *both[1]])
PICK = st.integers(0, 20)
PARAMETERS = st.sampled_from(
    [AS_IT_COMES, VideoParameters(Resolution(320, 240)), VideoParameters(bitrate="x0.6")]
)


def test_a_view_of_a_format_that_nobody_can_make_has_less_or_is_not_there() -> None:
    assert VIEW.video is not None
    vp9, isac = replace(VIEW.video, format=VideoFormat("vp9")), AudioFormat("isac", 16_000)
    (sound,) = Mixing.of([replace(VIEW, video=vp9)], OUTPUTS).streams.values()
    assert (sound.video, sound.audio and sound.audio.format) == (None, VIEW.audio)
    (picture,) = Mixing.of([replace(VIEW, audio=isac)], OUTPUTS).streams.values()
    assert picture.audio is None
    assert picture.video is not None
    assert Mixing.of([replace(VIEW, audio=isac, video=None)], OUTPUTS).streams == {}


class AnyMixing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.it = Conference(RULES)
        self.numbers = count(1)
        self.now = 0.0

    def pick(self, table: Any, number: int) -> str:
        return list(table)[number % len(table)] if table else "none"

    def attempt(self, act: Any) -> None:
        before = repr(self.it)
        try:
            act()
        except Refused:
            assert repr(self.it) == before, "a refusal changed something"

    @rule(owner=MEMBERS, sound=st.booleans(), known=st.booleans())
    def publish(self, owner: str, sound: bool, known: bool) -> None:
        id_ = f"p{next(self.numbers)}"
        origin = None if sound else "camera"
        it = Publication(id_, owner, "mic", origin, VGA if known else AS_IT_COMES)
        self.it.publish(it, ALL)
        self.it.negotiated(id_, {"audio": "opus", "video": "vp8"}, None)
        self.it.ready(id_)

    @rule(
        owner=MEMBERS,
        one=PICK,
        two=PICK,
        parameters=PARAMETERS,
        what=st.sampled_from(["subscribe", "record", "send out"]),
    )
    def take(self, owner: str, one: int, two: int, parameters: VideoParameters, what: str) -> None:
        id_ = f"o{next(self.numbers)}"
        audio = AudioWanted(COMMON_MIX if one % 2 else self.pick(self.it.known, one))
        video = VideoWanted(self.pick(self.it.known, two), parameters=parameters)
        if what == "record":
            self.attempt(lambda: self.it.record(id_, audio, video))
        elif what == "send out":
            self.attempt(lambda: self.it.send_out(self.it.broadcast(id_, audio, video, 4.0)))
        else:
            self.attempt(lambda: self.it.subscribe(id_, owner, audio, video, ALL))

    @rule(number=PICK, label=LABELS, member=st.booleans())
    def mix(self, number: int, label: str, member: bool) -> None:
        stream = self.pick(self.it.streams, number)
        self.attempt(lambda: self.it.change(stream, [ViewChange(label, member)]))

    @rule(number=PICK, active=st.booleans())
    def hold(self, number: int, active: bool) -> None:
        stream = self.pick(self.it.streams, number)
        self.attempt(lambda: self.it.change(stream, [StatusChange("audio", active)]))

    @rule(number=PICK, index=st.integers(0, 3))
    def move(self, number: int, index: int) -> None:
        change = RegionChange(index, self.pick(self.it.streams, number))
        self.attempt(lambda: self.it.change(self.pick(self.it.mixing.views, number), [change]))

    @rule(number=PICK, to=PICK, kind=st.sampled_from(["audio", "video"]), parameters=PARAMETERS)
    def switch(self, number: int, to: int, kind: str, parameters: VideoParameters) -> None:
        changes = [SourceChange(kind, self.pick(self.it.known, to)), ParametersChange(parameters)]
        subscription = self.pick(self.it.subscriptions, number)
        owner = self.it.subscriptions[subscription].owner if self.it.subscriptions else ""
        self.attempt(lambda: self.it.control_subscription(owner or "", subscription, changes))
        recording = self.pick(self.it.recordings, number)
        self.attempt(lambda: self.it.change_recording(recording, changes))
        out = self.pick(self.it.broadcasts, number)
        self.attempt(lambda: self.it.change_broadcast(out, changes))

    @rule(number=PICK, seconds=st.floats(0, 4))
    def speak(self, number: int, seconds: float) -> None:
        self.now += seconds
        if self.it.mixing.views:
            mix = self.pick(self.it.mixing.views, number)
            self.it.speak(mix, self.pick(self.it.streams, number), self.now)

    @rule(number=PICK)
    def see(self, number: int) -> None:
        self.it.seen(self.pick(self.it.streams, number), Resolution(640, 480))

    @rule(number=PICK)
    def lose(self, number: int) -> None:
        keys = self.it.takers.by_process
        if keys:
            key = list(keys)[number % len(keys)]
            self.it.lost(key, "")
            assert self.it.takers.of_process(key) == ()

    @rule(number=PICK)
    def end(self, number: int) -> None:
        sessions = {**self.it.publications, **self.it.subscriptions}
        if sessions:
            self.it.end(self.pick(sessions, number), None)

    @rule(mixes=VIEWS)
    def follow(self, mixes: list[ViewRules]) -> None:
        labels = tuple(each.label for each in mixes)
        before, drained = dict(self.it.mixing.streams), set(self.it.takers.stale)
        told = [
            it.fact
            for it in self.it.follow(replace(RULES, views=labels, mixes=tuple(mixes))).notices
        ]
        assert [it.id for it in self.it.mixing.streams.values()] == [each.id for each in mixes]
        gone = {fact.id for fact in told if isinstance(fact, StreamRemoved)}
        come = {fact.stream.id for fact in told if isinstance(fact, StreamAdded)}
        assert before.keys() - gone | come == self.it.mixing.streams.keys()
        assert drained <= set(self.it.takers.stale)
        changed = {fact.stream.id: fact.stream for fact in told if isinstance(fact, StreamChanged)}
        for id_, mixed in self.it.mixing.streams.items():
            if id_ not in come:
                assert changed.get(id_, before[id_]) == mixed

    @rule(member=MEMBERS)
    def leave(self, member: str) -> None:
        self.it.leave(member)

    @invariant()
    def views_have_what_says_so(self) -> None:
        it = self.it
        for id_, mixed in it.mixing.streams.items():
            inputs = {name for name, each in it.streams.items() if mixed.label in each.in_views}
            view = it.mixing.views[id_]
            assert inputs == set(mixed.inputs) == set(view.inputs)
            assert mixed.layout == view.layout
            assert mixed.active_input in (None, *inputs)
            assert {placed.stream for placed in mixed.layout} <= {None, *inputs}

    @invariant()
    def processes_are_there_for_who_takes_of_them(self) -> None:
        it, taken = self.it, self.it.takers
        outputs = {**it.subscriptions, **it.recordings, **it.broadcasts}
        assert set(taken.feeds) == set(outputs)
        expected: dict[Any, set[str]] = {}
        for id_, output in outputs.items():
            assert taken.feeds[id_] == it.feeds_of(output), "who is in a view, or not, has changed"
            for kind, feed in taken.feeds[id_].items():
                assert feed.stream in it.known
                if feed.without is not None:
                    assert it.streams[feed.without].owner == output.owner
                if feed.stream in it.mixing.streams:
                    expected.setdefault(feed.stream, set()).add(id_)
                if output.target(kind) is not None:
                    expected.setdefault(feed, set()).add(id_)
        assert {key: set(outputs) for key, outputs in taken.by_process.items()} == expected

    @invariant()
    def what_has_changed_is_looked_at(self) -> None:
        """Whoever drains what is stale knows of every process there is."""
        stale = self.it.takers.stale
        views = {COMMON_MIX, STAGE.id}  # also those that are gone: their processes end
        assert all(isinstance(key, Feed) or key in views for key in stale)
        assert set(self.it.takers.by_process) <= set(stale)  # nobody drains it here


TestAnyMixing = AnyMixing.TestCase
TestAnyMixing.settings = settings(max_examples=examples(100), stateful_step_count=40, deadline=None)
