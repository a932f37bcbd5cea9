"""What was read of a source and waits: its bounds, and what is dropped."""

from __future__ import annotations

from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from media.job.pulling.packet_queue import PacketQueue, PulledPacket


def a_packet(kind: str = "video", size: int = 10, *, keyframe: bool = False) -> PulledPacket:
    return PulledPacket(kind, bytes(size), 0.0, 0.0, 0.04, keyframe)


class Woken:
    count = 0

    def __call__(self) -> None:
        self.count += 1


def test_it_wakes_once_for_all_that_wait_together():
    woken = Woken()
    queue = PacketQueue(woken, paced=False)
    assert all(queue.put(a_packet()) for _ in range(3))
    assert (woken.count, len(queue)) == (1, 3)
    assert [queue.get() is not None for _ in range(4)] == [True, True, True, False]
    queue.put(a_packet())
    assert woken.count == 2


def test_a_live_one_drops_pictures_up_to_a_keyframe_and_sound_while_it_is_full():
    queue = PacketQueue(Woken(), paced=False, packets=2)
    for _ in range(3):
        queue.put(a_packet())
    queue.get()
    queue.put(a_packet())  # there is room, but what it refers to is gone
    queue.put(a_packet("audio"))
    queue.put(a_packet("audio"))
    assert queue.dropped == 3
    queue.get()
    queue.put(a_packet(keyframe=True))
    got = [queue.get() for _ in range(2)]
    assert [(it.kind, it.keyframe) for it in got if it] == [("audio", False), ("video", True)]


def test_a_paced_one_has_who_reads_wait_until_there_is_room():
    queue = PacketQueue(Woken(), paced=True, packets=1)
    queue.put(a_packet())
    reader = Thread(target=queue.put, args=(a_packet("audio"),))
    reader.start()
    reader.join(0.05)
    assert reader.is_alive()
    assert queue.get() is not None
    reader.join(10)
    assert not reader.is_alive()
    assert (len(queue), queue.dropped) == (1, 0)


def test_who_waits_for_room_is_let_go_when_it_is_closed():
    queue = PacketQueue(Woken(), paced=True, packets=1)
    queue.put(a_packet())
    went_on: list[bool] = []
    reader = Thread(target=lambda: went_on.append(queue.put(a_packet())))
    reader.start()
    queue.close()
    reader.join(10)
    assert went_on == [False]
    assert queue.get() is not None


def test_one_packet_that_is_larger_than_all_there_may_be():
    live = PacketQueue(Woken(), paced=False, bytes=100)
    live.put(a_packet(size=101))
    assert (len(live), live.dropped) == (0, 1)
    paced = PacketQueue(Woken(), paced=True, bytes=100)
    paced.put(a_packet(size=101))
    assert len(paced) == 1


@given(st.lists(st.tuples(st.sampled_from(["video", "audio"]), st.integers(0, 60), st.booleans())))
def test_no_bound_is_ever_passed(packets: list[tuple[str, int, bool]]):
    queue = PacketQueue(Woken(), paced=False, packets=5, bytes=100)
    for number, (kind, size, keyframe) in enumerate(packets):
        queue.put(a_packet(kind, size, keyframe=keyframe))
        assert len(queue) <= 5
        assert queue._size <= 100
        if number % 3 == 0:
            queue.get()
    while queue.get() is not None:
        pass
    assert queue._size == 0
