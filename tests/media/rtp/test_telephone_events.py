"""Keys of a telephone out of RTP, without any."""

from __future__ import annotations

import random
from dataclasses import dataclass
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp.telephone_events import (
    KEYS,
    MOST_TOLD,
    SILENCE_SECONDS,
    KeyPressed,
    KeyReader,
)
from tests.support.examples import examples

CLOCK = 8000
STEP = 160


@dataclass(frozen=True)
class Sent:
    """A packet: `code` of the key, and in units of time when it began, and has lasted by now."""

    code: int
    began: int
    lasted: int
    end: bool = False
    begins: bool = False
    ssrc: int = 7

    @property
    def payload(self) -> bytes:
        return pack("!BBH", self.code, 0x80 * self.end | 10, self.lasted)


def press(key: str, began: int, steps: int = 5) -> list[Sent]:
    """Return the packets of a key as telephones send them: the last one three times."""
    code = KEYS.index(key)
    sent = [Sent(code, began, STEP * each, begins=each == 1) for each in range(1, steps)]
    return [*sent, *[Sent(code, began, STEP * steps, end=True)] * 3]


def pressed(reader: KeyReader, packets: list[Sent], now: float = 0.0) -> list[KeyPressed]:
    """Return what a reader tells of packets that come one every 20 ms."""
    told = []
    for number, it in enumerate(packets):
        at = now + number * 0.02
        told += reader.take(it.payload, it.began % (1 << 32), it.ssrc, at, begins=it.begins)
    return told


FIVE = KeyPressed("5", 100)
LONG = [
    Sent(1, 1000, 0xFFFE),
    Sent(1, 1000, 0xFFFF),
    Sent(1, 1000 + 0xFFFF, 160),
    Sent(1, 1000 + 0xFFFF, 0xFFFF),
    Sent(1, 1000 + 2 * 0xFFFF, 80),
    *[Sent(1, 1000 + 2 * 0xFFFF, 160, end=True)] * 3,
]
LONG_PRESSED = KeyPressed("1", (2 * 0xFFFF + 160) * 1000 // CLOCK)


@pytest.mark.parametrize(
    ("packets", "told"),
    [
        pytest.param(press("5", 1000), [FIVE], id="a key whose end comes three times"),
        pytest.param(press("5", 1000)[-1:], [FIVE], id="of which only the last packet comes"),
        pytest.param(press("5", 1000)[::-1], [FIVE], id="in the wrong order"),
        pytest.param(press("5", (1 << 32) - 1), [FIVE], id="whose time is about to wrap"),
        pytest.param(
            press("5", 1000) + press("5", 3000), [FIVE, FIVE], id="the same key pressed again"
        ),
        pytest.param(
            press("5", 1000)[:-1] + press("5", 3000)[:3] + press("5", 1000)[-1:],
            [FIVE],
            id="an end that comes again during the next key",
        ),
        pytest.param(
            press("#", 1000)[:4] + press("5", 3000),
            [KeyPressed("#", 80), FIVE],
            id="an end that got lost, told by the next key",
        ),
        pytest.param(LONG, [LONG_PRESSED], id="one that takes three segments"),
        pytest.param(
            [it for it in LONG if it.lasted != 0xFFFF],
            [LONG_PRESSED],
            id="three segments without the last packets of the first two",
        ),
        pytest.param(
            [*press("5", 1000), Sent(6, 1000, 800, end=True)],
            [FIVE],
            id="another key at the same time",
        ),
        pytest.param(
            press("5", 1 << 30) + press("5", 1000),
            [FIVE, FIVE],
            id="a clock that was set back by hours",
        ),
        pytest.param(
            press("5", 1000)[:2] + [Sent(5, 1000, 800, end=True, ssrc=8)] * 3,
            [KeyPressed("5", 40), FIVE],
            id="another sender",
        ),
        pytest.param([Sent(16, 1000, 800, end=True)], [], id="a flash, which is no key"),
        pytest.param([Sent(255, 1000, 800, end=True)], [], id="an event that there is not"),
    ],
)
def test_keys_are_told_once(packets: list[Sent], told: list[KeyPressed]) -> None:
    assert pressed(KeyReader(CLOCK), packets) == told


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_known(key: str) -> None:
    assert pressed(KeyReader(CLOCK), press(key, 9)) == [KeyPressed(key, 100)]


def test_a_key_whose_end_got_lost_is_told_after_a_silence_and_not_again() -> None:
    reader = KeyReader(CLOCK)
    assert reader.due == float("inf")
    assert pressed(reader, press("5", 1000)[:4], now=50.0) == []
    assert reader.due == pytest.approx(50.06 + SILENCE_SECONDS)
    assert reader.tick(50.5) == []
    assert reader.tick(50.6) == [KeyPressed("5", 80)]
    assert reader.due == float("inf")
    assert reader.tick(60.0) == []
    assert pressed(reader, press("5", 1000), now=50.7) == []


def test_a_segment_after_a_silence_is_no_other_key() -> None:
    reader = KeyReader(CLOCK)
    pressed(reader, LONG[:2], now=50.0)
    assert reader.tick(51.0) == [KeyPressed("1", 0xFFFF * 1000 // CLOCK)]
    assert pressed(reader, LONG[2:], now=51.0) == []


def test_a_clock_of_48_khz_is_read_as_such() -> None:
    assert pressed(KeyReader(48_000), [Sent(5, 9, 4800, end=True)]) == [FIVE]


def test_a_flood_of_keys_is_cut() -> None:
    reader = KeyReader(CLOCK)
    flood = [Sent(1, 1000 * number, 10, end=True) for number in range(40)]
    assert len([key for it in flood for key in pressed(reader, [it], now=1.0)]) == MOST_TOLD
    assert len(pressed(reader, [Sent(1, 90_000, 10, end=True)], now=2.1)) == 1


PACKETS = st.lists(
    st.tuples(
        st.binary(max_size=8), st.integers(0, (1 << 32) - 1), st.integers(0, 3), st.booleans()
    )
)


@settings(max_examples=examples(200))
@given(PACKETS)
def test_garbage_is_read_without_an_error(packets: list[tuple[bytes, int, int, bool]]) -> None:
    reader = KeyReader(CLOCK)
    for number, (payload, timestamp, ssrc, begins) in enumerate(packets):
        for key in reader.take(payload, timestamp, ssrc, number * 0.02, begins=begins):
            assert key.key in KEYS
            assert key.milliseconds >= 0


@settings(max_examples=examples(200))
@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.integers(2, 60)), min_size=1, max_size=6),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 1 << 32),
)
def test_with_one_packet_of_the_end_each_key_is_told_once_and_whole(
    keys: list[tuple[str, int]], began: int, seed: int
) -> None:
    """Whatever else is lost, doubled, or out of order within a key."""
    reader, told, now, chance = KeyReader(CLOCK), list[KeyPressed](), 0.0, random.Random(seed)
    for key, steps in keys:
        packets = press(key, began, steps)
        kept = [it for it in packets[:-3] if chance.random() < 0.7]
        kept = chance.choices(kept, k=len(kept)) if kept else []
        told += pressed(reader, [*kept, *packets[-chance.randint(1, 3) :]], now)
        began, now = began + STEP * (steps + 2), now + 0.02 * (steps + 4)
    assert told == [KeyPressed(key, 20 * steps) for key, steps in keys]
