"""The cookie of a viewer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from api.hls.passes import PASS_SECONDS, BadPass, ViewerPass, make_pass, read_pass
from api.hls.rooms import WatchableRoom

KEY = "a key of the test, long enough for HMAC"
ROOM, OTHER = "0" * 24, "1" * 24
NOW = 1_800_000_000.0
BOTH = frozenset({"audio", "video"})


@given(st.text(st.characters(codec="utf-8"), max_size=64))
def test_a_pass_says_who_may_watch_what_until_it_ends(role: str) -> None:
    value = make_pass(ROOM, role, KEY, NOW)
    assert read_pass(value, ROOM, KEY, NOW + PASS_SECONDS - 1) == ViewerPass(ROOM, role)
    for room, key, now in (
        (OTHER, KEY, NOW),
        (ROOM, "another key of the test, long enough", NOW),
        (ROOM, KEY, NOW + PASS_SECONDS),
    ):
        with pytest.raises(BadPass):
            read_pass(value, room, key, now)


@given(st.text(max_size=200))
def test_anything_else_is_no_pass(value: str) -> None:
    with pytest.raises(BadPass):
        read_pass(value, ROOM, KEY, NOW)


@pytest.mark.parametrize(
    ("algorithm", "changes"),
    [("none", {}), ("HS512", {}), ("HS256", {"aud": "other"}), ("HS256", {"exp": "never"}),
     ("HS256", {"role": 5}), ("HS256", {"aud": ["hls"]})],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_token_that_is_signed_otherwise_or_for_something_else_is_none(
    algorithm: str, changes: dict[str, object]
) -> None:
    claims = {"aud": "hls", "room": ROOM, "role": "viewer", "exp": int(NOW) + 60} | changes
    key = OctKey.import_key(KEY)
    value = jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])
    with pytest.raises(BadPass):
        read_pass(value, ROOM, KEY, NOW)


def test_a_role_that_no_browser_would_keep_has_none() -> None:
    with pytest.raises(BadPass):
        make_pass(ROOM, "r" * 2000, KEY, NOW)


def test_a_role_may_watch_what_it_may_take_whole() -> None:
    room = WatchableRoom(
        False,
        {"common": BOTH, "radio": frozenset({"audio"})},
        {"viewer": BOTH, "listener": frozenset({"audio"}), "none": frozenset()},
    )
    assert room.may_watch("common", "viewer")
    assert not room.may_watch("common", "listener")
    assert room.may_watch("radio", "listener")
    assert not room.may_watch("radio", "none")
    assert not room.may_watch("radio", "unknown")
