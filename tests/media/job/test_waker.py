"""A thread of a work wakes the loop of its process."""

from __future__ import annotations

import select
import threading
from contextlib import closing

from media.job.waker import Waker


def awake(waker: Waker) -> bool:
    return bool(select.select([waker], [], [], 0)[0])


def test_it_is_awake_from_a_call_until_it_is_cleared():
    with closing(Waker()) as waker:
        assert not awake(waker)
        thread = threading.Thread(target=waker.wake)
        thread.start()
        thread.join()
        assert awake(waker)
        waker.clear()
        assert not awake(waker)
        waker.clear()  # of one that sleeps


def test_it_never_waits_however_often_it_is_woken():
    with closing(Waker()) as waker:
        for _ in range(100_000):
            waker.wake()
        while awake(waker):
            waker.clear()
