"""Which room a Hello means, and what it demands: no type or name passes for another room's."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.member.messages import Enter
from api.settings import LimitSettings
from api.spreed.rooms import enter_order, room_key
from api.spreed.settings import SpreedSettings
from api.spreed.wire import Hello

words = st.text(st.sampled_from(":%35A/aRoom"), max_size=8)
DEMANDING = {"users": {"enabled": True}, "authorize_room_join": True, "public_rooms": "^lobby"}


def entered(name: str, kind: str = "", **spreed: object) -> Enter:
    settings = SpreedSettings.model_validate(DEMANDING | spreed)
    return enter_order(settings, LimitSettings(), Hello(Name=name, Type=kind), "1")


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        ("Room", "blue", "Room:blue"),
        ("Room", "staff:Lobby", "Room:staff:lobby"),
        ("Room:staff", "lobby", "Room%3Astaff:lobby"),
        ("Room%3Astaff", "lobby", "Room%253Astaff:lobby"),
        ("Conference", "", "Conference:"),
    ],
)
def test_a_type_and_a_name_make_a_key(kind: str, name: str, key: str) -> None:
    assert room_key(SpreedSettings(), kind, name).name == key


@given(words, words)
def test_type_and_name_can_be_read_back_from_a_key(kind: str, name: str) -> None:
    """So no two pairs share a key."""
    key = room_key(SpreedSettings(case_sensitive_rooms=True), kind, name)
    before, _, after = key.name.partition(":")
    assert (unquote(before), after) == (kind, name)


def test_a_type_does_not_lead_past_the_demand_of_another_room() -> None:
    wanted, tried = entered("staff:lobby"), entered("lobby", "Room:staff")
    assert wanted.account_to_join
    assert not tried.account_to_join
    assert wanted.spec.key != tried.spec.key


@pytest.mark.parametrize("name", ["lobby", "Lobby", "LOBBY hall"])
def test_names_of_one_room_are_public_together(name: str) -> None:
    assert not entered(name).account_to_join
    assert not entered(name, public_rooms="^LobBy").account_to_join


def test_where_case_counts_it_counts_for_what_is_public() -> None:
    assert entered("Lobby", case_sensitive_rooms=True).account_to_join
    assert not entered("lobby", case_sensitive_rooms=True).account_to_join
