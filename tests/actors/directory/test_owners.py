"""Who has what: the table against a plain list of what was noted, in any order."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.directory.owners import Owned, OwnedEndpoints
from actors.endpoint.rules import Owner, Quota
from actors.words.refusals import TooManyEndpoints

ANN, BOB, CID = Owner("acme", "ann"), Owner("acme", "bob"), Owner("other", "ann")


@dataclass(eq=False)
class Thing:
    alive: bool = True


def table_of(*owners: Owner, realm: str = "here") -> tuple[OwnedEndpoints[Thing], list[Thing]]:
    table: OwnedEndpoints[Thing] = OwnedEndpoints()
    things = [Thing() for _ in owners]
    for thing, owner in zip(things, owners, strict=True):
        table.note(thing, realm, owner)
    return table, things


def test_what_an_owner_has_is_found_in_its_realm_only_the_oldest_first() -> None:
    table, (one, other, two) = table_of(ANN, BOB, ANN)
    assert table.of("here", ANN) == (one, two)
    assert table.of("here", BOB) == (other,)
    assert table.of("here", CID) == table.of("there", ANN) == ()
    assert (len(table), table.owners) == (3, 2)
    assert (table.owners_in("here"), table.owners_in("there")) == (2, 0)


def test_what_is_noted_again_has_its_latest_owner_only() -> None:
    table, (one,) = table_of(ANN)
    table.note(one, "here", CID)
    assert table.of("here", ANN) == ()
    assert table.of("here", CID) == (one,)
    table.check("here", ANN, Quota(1, 1, 2))
    with pytest.raises(TooManyEndpoints):
        table.check("here", CID, Quota(1, 2, 2))


def test_the_unknown_is_forgotten_without_a_trace() -> None:
    table, _ = table_of(ANN)
    assert table.forget(Thing()) is None
    assert len(table) == 1


@pytest.mark.parametrize(
    ("quota", "full", "free"),
    [
        (Quota(2, 9, 9), ANN, BOB),
        (Quota(9, 3, 9), Owner("acme", "new"), CID),
        (Quota(9, 9, 4), Owner("new", "new"), None),
    ],
    ids=["user", "organization", "realm"],
)
def test_each_quota_refuses_where_it_is_used_up(
    quota: Quota, full: Owner, free: Owner | None
) -> None:
    table, _ = table_of(ANN, ANN, BOB, CID)
    with pytest.raises(TooManyEndpoints):
        table.check("here", full, quota)
    if free is not None:
        table.check("here", free, quota)
    table.check("there", full, quota)


def test_what_has_ended_makes_place_for_its_owner_before_the_table_hears_of_it() -> None:
    table, (one, _) = table_of(ANN, ANN)
    one.alive = False
    table.check("here", ANN, Quota(2, 9, 9))


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.integers(0, 5),
            st.sampled_from(["here", "there"]),
            st.sampled_from([ANN, BOB, CID]),
        ),
        max_size=40,
    )
)
def test_counts_are_those_of_what_is_there_in_whatever_order_it_came_and_went(
    steps: list[tuple[bool, int, str, Owner]],
) -> None:
    table: OwnedEndpoints[Thing] = OwnedEndpoints()
    things = [Thing() for _ in range(6)]
    there: dict[int, tuple[str, Owner]] = {}
    for noted, number, realm, owner in steps:
        there.pop(number, None)
        if noted:
            table.note(things[number], realm, owner)
            there[number] = realm, owner
        else:
            table.forget(things[number])
    assert set(table) == {things[number] for number in there}
    for realm in ("here", "there"):
        in_realm = [owner for where, owner in there.values() if where == realm]
        assert table.owners_in(realm) == len(set(in_realm))
        for owner in (ANN, BOB, CID):
            had = [things[number] for number, place in there.items() if place == (realm, owner)]
            assert list(table.of(realm, owner)) == had
            kin = sum(each.organization == owner.organization for each in in_realm)
            limits = (len(had), kin, len(in_realm))
            table.check(realm, owner, Quota(*(count + 1 for count in limits)))
            for used_up in range(3):
                quota = [100, 100, 100]
                quota[used_up] = limits[used_up]
                with pytest.raises(TooManyEndpoints):
                    table.check(realm, owner, Quota(*quota))


def test_a_table_that_is_empty_again_keeps_no_names_of_strangers() -> None:
    table: OwnedEndpoints[Thing] = OwnedEndpoints()
    for number in range(20):
        thing = Thing()
        table.note(thing, f"realm {number}", Owner(f"organization {number}", "ann"))
        table.forget(thing)
    held = [getattr(table, name) for kind in (Owned, OwnedEndpoints) for name in kind.__slots__]
    assert held == [{}, {}, {}, {}]
    table.check("realm 1", ANN, Quota(1, 1, 1))
