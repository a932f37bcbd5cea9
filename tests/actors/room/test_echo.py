"""What is kept of a room's chat for members whose connection is away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.room.echo import ABSENT, Echo, EchoRoom
from actors.words.facts import Said
from actors.words.weights import weight_of

MESSAGES, BYTES = 5, 20_000
NAMES = st.sampled_from(["ann", "bob", "cid"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), NAMES, st.none() | NAMES),
        st.tuples(st.just("go"), NAMES, st.integers(1, 5)),
        st.tuples(st.just("return"), NAMES, st.none()),
        st.tuples(st.just("wait"), st.none(), st.integers(1, 3)),
    )
)


def say(echo: Echo, sender: str, text: str, to: str | None = None, now: float = 0.0) -> Said:
    said = Said(sender, to, text, id=echo.number())
    echo.add(said, now)
    return said


def test_who_is_back_hears_what_was_said_since_to_all_and_to_him() -> None:
    echo = Echo(MESSAGES, BYTES)
    say(echo, "bob", "before")
    echo.await_back("ann", 30.0)
    kept = [say(echo, "bob", "to all"), say(echo, "bob", "to ann", "ann")]
    say(echo, "bob", "to cid", "cid")
    assert echo.missed("ann", 29.0) == kept
    assert echo.missed("ann", 29.0) == []


def test_nothing_is_kept_while_nobody_is_away_nor_for_those_who_come_too_late() -> None:
    echo = Echo(MESSAGES, BYTES)
    say(echo, "bob", "to all")
    assert echo.missed("ann", 0.0) == []
    echo.await_back("ann", 30.0)
    say(echo, "bob", "to all")
    assert not echo.is_awaited("ann", 30.0)
    assert echo.missed("ann", 30.0) == []


def test_two_that_are_away_hear_each_what_they_missed() -> None:
    echo = Echo(MESSAGES, BYTES)
    echo.await_back("ann", 30.0)
    first = say(echo, "bob", "one")
    echo.await_back("cid", 60.0)
    second = say(echo, "bob", "two", now=1.0)
    assert echo.missed("cid", 2.0) == [second]
    assert echo.missed("ann", 2.0) == [first, second]


def test_a_large_text_puts_out_the_older_ones_and_one_that_is_too_large_itself() -> None:
    echo = Echo(MESSAGES, BYTES)
    echo.await_back("ann", 30.0)
    say(echo, "bob", "small")
    large = say(echo, "bob", "x" * (BYTES - 600))
    assert echo.missed("ann", 1.0) == [large]
    echo.await_back("ann", 30.0)
    say(echo, "bob", "x" * BYTES)
    assert echo.missed("ann", 1.0) == []


def test_what_is_of_the_moment_is_neither_kept_nor_puts_out_what_is() -> None:
    echo = Echo(MESSAGES, BYTES)
    echo.await_back("ann", 30.0)
    kept = say(echo, "bob", "to all")
    for _ in range(MESSAGES):
        echo.add(Said("bob", None, "", passing=True, id=echo.number()), 0.0)
    assert echo.missed("ann", 1.0) == [kept]


def test_who_is_not_let_in_is_awaited_no_more() -> None:
    echo = Echo(MESSAGES, BYTES)
    for name in ("ann", "bob"):
        echo.await_back(name, 30.0)
    said = say(echo, "cid", "to all")
    echo.forget("ann")
    assert not echo.is_awaited("ann", 1.0)
    assert echo.missed("ann", 1.0) == []
    assert echo.missed("bob", 1.0) == [said]
    echo.await_back("ann", 30.0)
    say(echo, "cid", "to all")
    echo.forget("ann")
    assert (echo._said, echo._weight, echo.until) == ([], 0, None)


def test_strangers_that_come_and_go_fill_no_table() -> None:
    echo = Echo(MESSAGES, BYTES)
    for number in range(ABSENT + 1):
        echo.await_back(str(number), 30.0)
    assert len(echo.absent) == ABSENT
    assert not echo.is_awaited("0", 0.0)
    assert echo.is_awaited(str(ABSENT), 0.0)


@pytest.mark.parametrize("limits", [(0, BYTES), (MESSAGES, 0)])
def test_where_nothing_may_be_kept_nobody_is_awaited(limits: tuple[int, int]) -> None:
    echo = Echo(*limits)
    echo.await_back("ann", 30.0)
    assert echo.until is None
    assert not echo.is_awaited("ann", 0.0)


@given(STEPS)
def test_whoever_is_back_in_time_hears_the_latest_he_missed_and_no_more_is_kept(
    steps: list[tuple[str, str, object]],
) -> None:
    echo, now = Echo(MESSAGES, BYTES), 0.0
    away: dict[str, tuple[float, list[Said]]] = {}
    for number, (what, who, value) in enumerate(steps):
        match what, value:
            case "say", to:
                said = say(echo, who, str(number), to if isinstance(to, str) else None, now)
                for until, missed in away.values():
                    if now < until:
                        missed.append(said)
            case "go", int(seconds):
                away[who] = now + seconds, []
                echo.await_back(who, now + seconds)
            case "return", _:
                until, missed = away.pop(who, (0.0, []))
                heard = echo.missed(who, now)
                mine = [it for it in missed if it.to in (None, who) and it.sender != who]
                assert heard == (mine[len(mine) - len(heard) :] if now < until else [])
                # Of what was said since, only what lies behind the limit may be lost.
                latest = [it for it in missed[-MESSAGES:] if it in mine]
                assert now >= until or len(heard) >= len(latest)
            case "wait", int(seconds):
                now += seconds
        assert len(echo._said) <= MESSAGES
        assert echo._weight == sum(map(weight_of, echo._said)) <= BYTES


def test_all_rooms_together_keep_so_much() -> None:
    room = EchoRoom()
    first, second = (Echo(100, BYTES, room, BYTES) for _ in range(2))
    for echo in (first, second):
        echo.await_back("ann", 30.0)
    size = weight_of(say(first, "bob", "x" * 1000))
    for _ in range(50):
        say(first, "bob", "x" * 1000)
    kept = BYTES // size
    assert room.used == kept * size
    say(second, "bob", "x" * 1000)  # no room in all, and nothing of its own to drop
    assert second.missed("ann", 1.0) == []
    assert room.used == kept * size
    say(first, "bob", "y" * 1000)
    assert [said.text[0] for said in first.missed("ann", 1.0)] == ["x"] * (kept - 1) + ["y"]
    assert room.used == 0


def test_a_room_that_has_ended_gives_back_what_it_kept() -> None:
    room = EchoRoom()
    echo = Echo(MESSAGES, BYTES, room, BYTES)
    echo.await_back("ann", 30.0)
    say(echo, "bob", "hello")
    assert room.used > 0
    del echo
    assert room.used == 0
