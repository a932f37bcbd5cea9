"""The rules of a room, as tables and properties."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.errors import Refused
from actors.room.rules import RoomState
from actors.words.conference_refusals import NotAllowed, ParticipantUnknown
from actors.words.facts import (
    Joined,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    Presence,
    RoomChanged,
    RosterAnnounced,
    RosterListed,
    Said,
)
from actors.words.keys import RoomKey
from actors.words.orders import Say, SetPin
from actors.words.permission import Permission
from actors.words.refusals import (
    AccountRequiredToCreate,
    AccountRequiredToJoin,
    NotInRoom,
    NotThatRoom,
    PinNotNeeded,
    RoomFull,
    RoomLocked,
    WrongPin,
)
from actors.words.rooms import Admission, Notice, PinLock, RoomSpec

SALT = b"salt"
NAME = "Room:blue"
KEY = RoomKey("test", NAME)


def room(capacity: int = 10, *, roster: bool = False) -> RoomState:
    return RoomState(RoomSpec(KEY, "Blue", capacity=capacity, announces_roster=roster))


def come(state: RoomState, peer: str, pin: str = "", *, callable: bool = False) -> list[Notice]:
    admission = Admission(Presence(peer, callable=callable), pin)
    state.admit(admission)
    return state.join(admission, f"tag of {peer}", state.lock_after_join(admission, SALT))


def test_a_joiner_is_told_the_members_and_the_members_of_the_joiner() -> None:
    state = room()
    come(state, "ann")
    notices = come(state, "bob")
    assert notices == [
        Notice(Joined("tag of bob", state.view, (Presence("ann"), Presence("bob"))), to="bob"),
        Notice(PeerJoined(Presence("bob")), but="bob"),
    ]
    assert state.view.title == "Blue"


def test_joining_again_is_announced_again_and_takes_no_second_place() -> None:
    state = room(capacity=1)
    come(state, "ann")
    assert Notice(PeerJoined(Presence("ann")), but="ann") in come(state, "ann")
    assert list(state.members) == ["ann"]


def test_a_full_room_refuses() -> None:
    state = room(capacity=1)
    come(state, "ann")
    with pytest.raises(RoomFull):
        come(state, "bob")
    assert list(state.members) == ["ann"]


@pytest.mark.parametrize(
    ("locked", "used", "pin", "refusal"),
    [
        (True, True, "", RoomLocked),
        (True, True, "wrong", WrongPin),
        (True, True, "1234", None),
        (False, True, "1234", PinNotNeeded),
        (False, True, "", None),
        (False, False, "1234", None),
    ],
)
def test_a_pin_is_asked_for_exactly_where_there_is_a_lock(
    locked: bool, used: bool, pin: str, refusal: type[Refused] | None
) -> None:
    state = room()
    state.used = used
    state.lock = PinLock.of("1234", SALT) if locked else None
    if refusal is None:
        come(state, "ann", pin)
        assert "ann" in state.members
    else:
        with pytest.raises(refusal):
            come(state, "ann", pin)
        assert state.members == {}


def test_the_first_joiners_pin_locks_the_room() -> None:
    state = room()
    come(state, "ann", "1234")
    with pytest.raises(RoomLocked):
        come(state, "bob")
    come(state, "bob", "1234")


def test_a_lock_outlives_the_last_member() -> None:
    state = room()
    come(state, "ann", "1234")
    state.leave("ann", gone=True)
    with pytest.raises(RoomLocked):
        come(state, "bob")


@pytest.mark.parametrize(
    ("used", "may", "refusal"),
    [
        (True, Permission(enter=False), AccountRequiredToJoin),
        (True, Permission(), None),
        (False, Permission(create=False), AccountRequiredToCreate),
        (True, Permission(create=False), None),
        (False, Permission(), None),
    ],
)
def test_who_may_enter_or_be_the_first_is_let_in(
    used: bool, may: Permission, refusal: type[Refused] | None
) -> None:
    state = room()
    state.used = used
    admission = Admission(Presence("ann", permission=may))
    if refusal is None:
        state.admit(admission)
    else:
        with pytest.raises(refusal):
            state.admit(admission)


def test_who_leaves_is_announced_once_and_how() -> None:
    state = room()
    come(state, "ann")
    come(state, "bob")
    assert state.leave("ann", gone=False) == [Notice(PeerLeft("ann", gone=False))]
    assert state.leave("ann", gone=True) == []


def test_a_roster_room_tells_everyone_whom_to_call_from_the_second_member_on() -> None:
    state = room(roster=True)
    first = come(state, "ann", callable=True)
    assert not any(isinstance(notice.fact, RosterAnnounced) for notice in first)
    come(state, "cid")
    assert come(state, "bob", callable=True)[-1] == Notice(
        RosterAnnounced(state.view, ("ann", "bob"))
    )


def test_a_card_is_shown_to_the_others_unless_it_is_older() -> None:
    state = room()
    come(state, "ann")
    newer = Presence("ann", revision=2, status=b"{}")
    assert state.present(newer) == [Notice(PeerChanged(newer), but="ann")]
    assert state.present(Presence("ann", revision=1)) == []
    assert state.present(Presence("eve", revision=9)) == []
    assert state.members["ann"] == newer


def test_only_members_speak_list_and_lock() -> None:
    state = room()
    come(state, "ann")
    come(state, "bob")
    to_all, to_bob = Said("ann", None, "hi"), Said("ann", "bob", "psst")
    assert state.say("ann", Say("hi"), 0.0) == [Notice(to_all, but="ann")]
    assert state.say("ann", Say("hi", echoed=True), 0.0) == [Notice(to_all)]
    assert state.say("ann", Say("psst", "bob"), 0.0) == [Notice(to_bob, to="bob")]
    listed = RosterListed("t", (Presence("ann"), Presence("bob")))
    assert state.list_members("ann", "t") == [Notice(listed, to="ann")]
    with pytest.raises(ParticipantUnknown):
        state.say("ann", Say("psst", "eve"), 0.0)
    with pytest.raises(NotInRoom):
        state.say("eve", Say("hi"), 0.0)
    with pytest.raises(NotInRoom):
        state.list_members("eve", "")
    with pytest.raises(NotInRoom):
        state.lock_after_change("eve", SetPin(NAME, "", "1"), SALT)


@pytest.mark.parametrize("right", ["chat", "lock", "kick"])
def test_what_a_member_may_not_do_is_refused(right: str) -> None:
    state = room()
    come(state, "bob")
    acts: dict[str, Callable[[], object]] = {
        "chat": lambda: state.say("ann", Say("hi"), 0.0),
        "lock": lambda: state.lock_after_change("ann", SetPin(NAME, "", "1"), SALT),
        "kick": lambda: state.require_kick("ann", "bob"),
    }
    for allowed in (True, False):
        state.members["ann"] = Presence("ann", permission=Permission(**{right: allowed}))
        with nullcontext() if allowed else pytest.raises(NotAllowed):
            acts[right]()


def test_nobody_locks_a_room_by_the_name_of_another() -> None:
    state = room()
    come(state, "ann")
    with pytest.raises(NotThatRoom):
        state.lock_after_change("ann", SetPin("Room:red", "", "1"), SALT)


def test_nobody_kicks_who_is_not_there() -> None:
    state = room()
    come(state, "ann")
    state.members["ann"] = Presence("ann", permission=Permission(kick=True))
    with pytest.raises(ParticipantUnknown):
        state.require_kick("ann", "bob")


@pytest.mark.parametrize(
    ("pin", "locked"), [("1", True), ("", False), (None, True)], ids=["set", "remove", "leave"]
)
def test_any_member_may_set_remove_or_confirm_the_lock(pin: str | None, locked: bool) -> None:
    state = room()
    come(state, "ann", "old")
    order = SetPin(NAME, "t", pin)
    notices = state.set_lock("ann", order, state.lock_after_change("ann", order, SALT))
    assert (state.lock is not None) is locked
    assert notices == [
        Notice(RoomChanged("ann", "t", state.view, pin), to="ann"),
        Notice(RoomChanged("ann", "", state.view, pin), but="ann"),
    ]
    if pin is None:
        come(state, "bob", "old")


@given(pin=st.text(), other=st.text())
def test_a_lock_opens_with_its_own_pin_only(pin: str, other: str) -> None:
    lock = PinLock.of(pin, SALT)
    assert lock.opens_with(pin)
    assert lock.opens_with(other) is (pin == other)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "leave", "lock"]),
            st.sampled_from("abcde"),
            st.sampled_from(["", "1", "2"]),
        )
    )
)
def test_no_sequence_of_orders_overfills_a_room_or_lets_in_without_the_pin(
    orders: list[tuple[str, str, str]],
) -> None:
    state = room(capacity=3)
    for order, peer, pin in orders:
        lock = state.lock
        try:
            if order == "join":
                used = state.used
                come(state, peer, pin)
                assert lock is None or lock.opens_with(pin)
                assert lock is not None or not used or not pin
            elif order == "leave":
                state.leave(peer, gone=True)
                assert peer not in state.members
            else:
                change = SetPin(NAME, "", pin)
                state.set_lock(peer, change, state.lock_after_change(peer, change, SALT))
        except Refused:
            assert state.lock is lock
        assert len(state.members) <= 3
