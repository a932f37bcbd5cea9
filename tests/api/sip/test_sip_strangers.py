"""How much strangers are answered."""

from __future__ import annotations

from api.sip.strangers import (
    ADDRESS_BURST,
    ADDRESS_SECOND,
    ADDRESSES,
    ALL_BURST,
    ALL_SECOND,
    Acquaintances,
    Strangers,
)


def taken(
    strangers: Strangers, addresses: list[str], seconds: int, each: int, start: int = 0
) -> int:
    """Return how many of `each` messages a second, of each address, are looked at."""
    return sum(
        strangers.take(address, start + second + step / each)
        for second in range(seconds)
        for step in range(each)
        for address in addresses
    )


def test_an_address_gets_its_burst_and_then_so_many_a_second() -> None:
    assert taken(Strangers(), ["192.0.2.1"], 100, 50) <= ADDRESS_BURST + 100 * ADDRESS_SECOND
    assert taken(Strangers(), ["192.0.2.1"], 100, 2) == 200


def test_all_of_them_get_no_more_than_there_is_for_all() -> None:
    many = [f"192.0.2.{each}" for each in range(200)]
    got = taken(Strangers(), many, 20, 10)
    assert ALL_BURST <= got <= ALL_BURST + 20 * ALL_SECOND


def test_who_floods_takes_nothing_from_the_others() -> None:
    strangers = Strangers()
    assert taken(strangers, ["192.0.2.1"], 5, 1000) < 100
    assert taken(strangers, ["192.0.2.2"], 1, 20, start=5) == 20


def test_addresses_made_up_are_not_all_remembered() -> None:
    strangers = Strangers()
    for each in range(2 * ADDRESSES):
        strangers.take(str(each), 0.0)
    assert len(strangers) == ADDRESSES


def test_acquaintances_are_forgotten() -> None:
    known = Acquaintances(60.0, 2)
    known.meet("a", 0.0)
    assert known.knows("a", 59.0)
    assert not known.knows("a", 60.0)
    assert not known.knows("b", 0.0)
    for each in ("b", "c", "d"):
        known.meet(each, 0.0)
    assert len(known) == 2
    assert not known.knows("b", 1.0)


def test_long_messages_count_as_several() -> None:
    strangers = Strangers()
    assert sum(strangers.take("192.0.2.1", 0.0, 16_384) for _ in range(40)) == 2
