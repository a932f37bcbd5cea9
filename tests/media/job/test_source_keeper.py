"""How a source is kept open: attempts, deadlines and what is told, under a clock of the test's."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from media.contract.jobs import IngestWanted
from media.contract.streaming import OutsideAddress, OutsideTrouble, SourceFound, SourceLost
from media.job.pulling.packet_queue import PacketQueue
from media.job.pulling.source_keeper import HUNG_SECONDS, SourceHangs, SourceKeeper
from media.outside.errors import NotReachable

T = OutsideTrouble
FOUND = SourceFound(None, None)
WANTED = IngestWanted(OutsideAddress("rtsp://camera/live"))


@dataclass
class FakeReader:
    """A reader without a thread: the test says what it finds."""

    began: float
    found: SourceFound | None = None
    lost: NotReachable | None = None
    over: bool = False
    alive: bool = True
    patience: int = 1
    waiting_since: float | None = None
    closed: OutsideTrouble | None = None
    queue: PacketQueue = field(default_factory=lambda: PacketQueue(lambda: None, paced=False))

    def close(self, reason: OutsideTrouble) -> None:
        self.closed = reason

    def fail(self, trouble: OutsideTrouble, *, over: bool = False) -> None:
        self.lost, self.over, self.alive = NotReachable(trouble, "a sentence"), over, False


class Scene:
    """A keeper, the readers it has started, and a clock."""

    def __init__(self, wanted: IngestWanted = WANTED) -> None:
        self.now = 100.0
        self.readers: list[FakeReader] = []
        self.told: list[object] = []
        self.woken = 0
        self.keeper = SourceKeeper(self._wake, self._start, lambda: 0.5)  # type: ignore[arg-type]
        self.keeper.aim(wanted)
        self.drained = True
        self.tick()

    @property
    def reader(self) -> FakeReader:
        return self.readers[-1]

    def tick(self) -> None:
        event = self.keeper.tick(self.now, drained=lambda: self.drained)
        if event is not None:
            self.told.append(event)

    def until_due(self) -> float:
        """Let time pass until something is due; return how much that was."""
        passed = max(0.0, self.keeper.due - self.now)
        self.now += passed
        self.tick()
        return passed

    def find(self) -> None:
        self.reader.found = FOUND
        self.reader.waiting_since = self.now
        self.tick()

    def lose(self, trouble: OutsideTrouble, *, over: bool = False) -> None:
        self.reader.fail(trouble, over=over)
        self.tick()

    def _wake(self) -> None:
        self.woken += 1

    def _start(self, wanted: IngestWanted, wake: object) -> FakeReader:
        self.readers.append(FakeReader(self.now))
        return self.readers[-1]


def test_one_that_is_not_there_is_tried_at_once_and_each_second_and_told_once():
    scene = Scene()
    pauses = []
    for _ in range(4):
        scene.lose(T.UNREACHABLE)
        pauses.append(scene.until_due())
    assert pauses == [0.0, 1.0, 1.0, 1.0]
    assert scene.told == [SourceLost(T.UNREACHABLE, "a sentence")]


def test_one_that_refuses_is_tried_ever_more_seldom():
    scene = Scene()
    pauses = []
    for _ in range(4):
        scene.lose(T.UNAUTHORISED)
        pauses.append(scene.until_due())
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_it_is_told_again_when_it_was_found_and_is_lost_anew():
    scene = Scene()
    scene.find()
    scene.now += 60
    scene.lose(T.ENDED)
    assert scene.until_due() == 0.0
    scene.find()
    scene.lose(T.ENDED)
    assert [type(it) for it in scene.told] == [SourceFound, SourceLost] * 2


def test_one_that_goes_as_soon_as_it_has_come_is_not_tried_at_once_each_time():
    scene = Scene()
    pauses = []
    for _ in range(3):
        scene.find()
        scene.now += 1
        scene.lose(T.ENDED)
        pauses.append(scene.until_due())
    assert pauses == [0.0, 1.0, 1.0]


def test_an_end_for_good_comes_after_all_that_was_read_and_is_the_last():
    scene = Scene()
    scene.reader.queue = PacketQueue(lambda: None, paced=True)
    scene.find()
    scene.drained = False
    scene.lose(T.ENDED, over=True)
    assert scene.told == [FOUND]
    scene.drained = True
    scene.tick()
    assert scene.told[1:] == [SourceLost(T.ENDED, "a sentence", over=True)]
    assert scene.keeper.due == float("inf")


def test_one_that_is_read_to_its_end_before_anybody_looks_is_found_and_then_lost():
    scene = Scene()
    scene.reader.queue.paced, scene.drained = True, False
    scene.reader.found = FOUND
    scene.lose(T.ENDED, over=True)
    assert scene.told == [FOUND]
    assert scene.woken == 1
    scene.now += 60
    scene.tick()
    assert scene.keeper.due == float("inf")  # packets are due by themselves
    scene.drained = True
    scene.tick()
    assert scene.told == [FOUND, SourceLost(T.ENDED, "a sentence", over=True)]


def test_one_that_does_not_open_in_time_is_closed_and_tried_again():
    scene = Scene()
    assert scene.until_due() == WANTED.open_seconds
    assert scene.reader.closed is T.UNREACHABLE
    scene.lose(T.UNREACHABLE)
    scene.until_due()
    assert len(scene.readers) == 2


def test_one_that_falls_silent_is_closed_but_not_while_it_waits_for_us():
    scene = Scene()
    scene.find()
    scene.reader.waiting_since = None
    assert scene.keeper.due == float("inf")
    scene.reader.waiting_since = scene.now
    assert scene.until_due() == WANTED.read_seconds
    assert scene.reader.closed is T.SILENT


def test_one_in_segments_may_be_silent_for_longer():
    scene = Scene()
    scene.reader.patience = 3
    scene.find()
    assert scene.until_due() == 3 * WANTED.read_seconds
    assert scene.reader.closed is T.SILENT


def test_a_thread_that_never_comes_back_ends_the_process():
    scene = Scene()
    scene.until_due()
    with pytest.raises(SourceHangs):
        assert scene.until_due() == HUNG_SECONDS


def test_a_thread_that_ended_without_a_word_ends_the_process():
    scene = Scene()
    scene.reader.alive = False
    with pytest.raises(SourceHangs):
        scene.tick()


def test_another_source_is_opened_once_the_first_is_closed():
    scene = Scene()
    scene.find()
    scene.keeper.aim(IngestWanted(OutsideAddress("rtsp://other/live")))
    assert scene.reader.closed
    scene.tick()
    assert len(scene.readers) == 1
    scene.lose(T.ENDED)
    scene.until_due()
    assert len(scene.readers) == 2
    assert scene.told == [FOUND]


def test_other_targets_leave_the_source_as_it_is():
    scene = Scene()
    scene.find()
    scene.keeper.aim(IngestWanted(WANTED.source, passes=("video",)))
    assert scene.reader.closed is None
