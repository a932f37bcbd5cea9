"""The small parts of a site's rules: names, bans, echo, ids, opened cameras, when lists are due."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.site import bans, messages
from actors.site.bans import Ban, Bans
from actors.site.cameras import OPEN_PER_VIEWER, Cameras
from actors.site.lists import BURST_SECONDS, Pace
from actors.site.messages import ChannelEcho, MessageIds, RecentMessages, Remembered, Side
from actors.site.names import LONGEST_NAME, name_key, next_free
from actors.site.relations import RELATIONS_PER_PERSON, Relations, Tie
from actors.site.visitors import Visitor, Visitors
from actors.words.refusals import TooManyRelations
from actors.words.site import (
    NO_STANDING,
    Channel,
    Written,
)
from tests.support.examples import examples

NOW = 1_700_000_000.0
ANN = Side("m1", "ann", proven=False)


# --- names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "ALICE"),
        ("Straße", "STRASSE"),
        ("ａｌｉｃｅ", "alice"),
        ("ﬁn", "fin"),
        ("e\u0301", "é"),
        ("Å", "A\u030a"),
        ("a\u034fb", "ab"),
        ("a\ufe0fb", "ab"),
        ("a\u3164", "a"),
        ("a\u200b", "a"),
        ("a\u00a0b", " a  b "),
        ("K", "\u212a"),
    ],
)
def test_names_that_look_the_same_are_one(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alice 2"), ("a", "ä"), ("a b", "ab")])
def test_other_names_are_two(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@settings(max_examples=examples(300))
@given(st.text(max_size=40))
def test_a_key_is_its_own_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert name_key(unicodedata.normalize("NFKC", name)) == name_key(name)


def test_a_taken_name_gets_the_least_number_that_is_free() -> None:
    taken = {"ann", "ann 2", "ann 4"}
    assert next_free("bob", taken.__contains__) == "bob"
    assert next_free("Ann", taken.__contains__) == "Ann 3"


@given(st.lists(st.text(max_size=3), max_size=8))
def test_no_two_guests_are_given_names_that_look_alike(asked: list[str]) -> None:
    keys: set[str] = set()
    for name in asked:
        given_name = next_free(name, keys.__contains__)
        assert name_key(given_name) not in keys
        keys.add(name_key(given_name))


# --- bans


def test_a_ban_holds_for_names_that_look_alike_until_it_is_over() -> None:
    table = Bans()
    table.ban("Bob", 1.0, NOW)
    assert table.until("ＢＯＢ", NOW + 3599) == NOW + 3600
    assert table.until("bob", NOW + 3600) is None
    assert table.listed(NOW) == (("Bob", NOW + 3600),)
    assert table.listed(NOW + 3600) == ()


def test_a_ban_of_guests_never_takes_the_place_of_one_for_all() -> None:
    table = Bans()
    table.ban("bob", 1.0, NOW, guests_only=True)
    assert table.until("bob", NOW) == NOW + 3600
    assert table.until("bob", NOW, proven=True) is None
    table.ban("bob", 2.0, NOW)
    table.ban("bob", 3.0, NOW, guests_only=True)
    assert table.until("bob", NOW, proven=True) == table.until("bob", NOW) == NOW + 7200


def test_a_ban_for_ever_ends() -> None:
    assert Bans().ban("bob", float("inf"), NOW).until < NOW + 12 * 366 * 86400


def test_what_was_decided_goes_before_what_was_stored() -> None:
    table = Bans()
    table.ban("bob", 1.0, NOW)
    table.ban("cid", 1.0, NOW)
    assert table.lift("CID", NOW) == Ban("cid", "cid", NOW + 3600)
    stored = [Ban(key, key, NOW + 10) for key in ("bob", "cid", "dan")]
    table.load([*stored, Ban("eve", "eve", NOW - 1)], NOW)
    assert table.listed(NOW) == (("bob", NOW + 3600), ("dan", NOW + 10))


def test_what_could_not_be_stored_is_stored_later_unless_decided_again() -> None:
    table = Bans()
    table.ban("bob", 1.0, NOW)
    taken = table.take_unsaved()
    table.lift("bob", NOW)
    table.put_back(taken)
    assert table.unsaved == {"bob": None}


def test_one_ban_too_many_lifts_the_one_that_ends_soonest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bans, "BANS", 2)
    table = Bans()
    for name, hours in (("long", 9.0), ("short", 1.0), ("new", 5.0)):
        table.ban(name, hours, NOW)
    assert [name for name, _ in table.listed(NOW)] == ["long", "new"]
    assert table.unsaved["short"] is None


# --- messages


def test_ids_go_on_from_what_was_stored_and_are_set_aside_ahead_of_need() -> None:
    ids = MessageIds(100)
    assert ids.wanted == 100 + messages.BLOCK
    ids.go_on_from(50)
    assert ids.take() == 100
    ids.go_on_from(20_000)
    assert ids.take() == 20_000
    ids.reserved = ids.wanted or 0
    assert ids.wanted is None
    for _ in range(messages.BLOCK // 2):
        ids.take()
    assert ids.wanted is None
    ids.take()
    assert ids.wanted == ids.next + messages.BLOCK


def written(id_: int, channel: str = "lobby", text: str = "hm") -> Written:
    return Written(channel, "ann", text, id_, int(NOW))


def ids_of(echo: ChannelEcho, channel: str = "lobby") -> list[int]:
    return [each.written.id for each in echo.of(channel)]


def test_the_echo_keeps_as_many_as_the_channel_says() -> None:
    echo = ChannelEcho([Channel("lobby", echo=2), Channel("mute")])
    for id_ in range(4):
        echo.add(written(id_), ANN, frozenset())
        echo.add(written(id_, "mute"), ANN, frozenset())
    assert ids_of(echo) == [2, 3]
    assert ids_of(echo, "mute") == []
    echo.remove("lobby", 2)
    echo.remove("lobby", 17)
    assert ids_of(echo) == [3]
    echo.configure([Channel("other", echo=2)])
    assert ids_of(echo) == []


def test_the_echo_keeps_so_many_bytes_the_latest_over_all_channels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages, "ECHO_BYTES", 3 * (messages.ENTRY_BYTES + 100))
    echo = ChannelEcho([Channel("lobby", echo=99), Channel("other", echo=99)])
    for id_ in range(6):
        echo.add(written(id_, "lobby" if id_ < 4 else "other", "x" * 100), ANN, frozenset())
    assert (ids_of(echo), ids_of(echo, "other")) == ([3], [4, 5])
    echo.add(written(9, text="x" * 10_000), ANN, frozenset())
    assert (ids_of(echo), ids_of(echo, "other")) == ([], [])


def test_the_echo_counts_the_names_that_a_sender_had_blocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages, "ECHO_BYTES", 10 * messages.ENTRY_BYTES)
    echo = ChannelEcho([Channel("lobby", echo=99)])
    for id_ in range(6):
        echo.add(written(id_), ANN, frozenset(map(str, range(20))))
    assert len(ids_of(echo)) < 6


def test_nobody_has_a_tie_to_what_is_too_long_for_a_name() -> None:
    people = Visitors()
    ann = Visitor("m1", "ann", False, NO_STANDING, 0)
    people.add(ann)
    relations = Relations(people, operators_can_be_blocked=False)
    assert not relations.tie(Tie.MUTE, ann, "x" * (LONGEST_NAME + 1))
    assert not relations.holds(Tie.MUTE, ann, "x" * (LONGEST_NAME + 1))
    assert relations.tie(Tie.MUTE, ann, "x" * LONGEST_NAME)


def test_only_the_latest_messages_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "RECENT_MESSAGES", 2)
    recent = RecentMessages()
    for id_ in range(3):
        recent.add(id_, Remembered(ANN, "lobby"))
    assert [recent.find(id_) is not None for id_ in range(3)] == [False, True, True]


# --- cameras


def test_a_pair_passes_in_both_directions_until_it_is_shut() -> None:
    cameras = Cameras()
    cameras.open("ann", "bob")
    assert cameras.between("ann", "bob")
    assert cameras.between("bob", "ann")
    assert not cameras.between("ann", "cid")
    cameras.keep("bob", lambda owner, viewer: (owner, viewer) != ("ann", "bob"))
    assert not cameras.between("ann", "bob")
    assert len(cameras) == 0


def test_one_camera_too_many_shuts_the_one_that_was_opened_first() -> None:
    cameras = Cameras()
    for number in range(OPEN_PER_VIEWER):
        cameras.open(f"m{number}", "bob")
    cameras.open("m0", "bob")
    cameras.open("last", "bob")
    assert cameras.between("m0", "bob")
    assert not cameras.between("m1", "bob")
    assert len(cameras) == OPEN_PER_VIEWER


# --- relations


def test_one_person_has_so_many_ties_and_undoing_makes_room() -> None:
    visitors = Visitors()
    relations = Relations(visitors, operators_can_be_blocked=False)
    ann = Visitor("m1", "ann", False, NO_STANDING, 0)
    visitors.add(ann)
    for number in range(RELATIONS_PER_PERSON):
        assert relations.tie(Tie.MUTE, ann, f"n{number}")
    assert not relations.tie(Tie.MUTE, ann, "n0")
    with pytest.raises(TooManyRelations):
        relations.tie(Tie.BOOT, ann, "one more")
    assert relations.untie(Tie.MUTE, ann.id, "n0")
    assert relations.tie(Tie.BOOT, ann, "one more")
    relations.forget(ann.id)
    assert relations.made_by(Tie.BOOT, "one more") == frozenset()
    assert relations.tie(Tie.MUTE, ann, "n0")


# --- the pace of lists


def test_a_change_waits_for_others_but_not_where_somebody_was_put_out() -> None:
    pace = Pace(0.2)
    assert pace.due(10.0, 0.0, at_once=False) == 10.0 + BURST_SECONDS
    assert pace.due(10.0, 0.0, at_once=True) == 10.0


def test_lists_take_no_more_than_their_share_of_a_core() -> None:
    pace = Pace(0.2)
    pace.take(10.0, cost=0.1, spent=5.0)
    assert pace.due(10.0, 5.0, at_once=True) == pytest.approx(10.5)
    assert pace.due(10.0, 5.1, at_once=True) == pytest.approx(11.0)  # clients have worked, too
    pace.add(0.1)
    assert pace.due(10.0, 5.1, at_once=False) == pytest.approx(11.5)
    assert pace.due(20.0, 5.1, at_once=False) == 20.0 + BURST_SECONDS
