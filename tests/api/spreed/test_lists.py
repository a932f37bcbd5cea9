"""Lists of users: made once for all who ask, and bounded in bytes."""

from __future__ import annotations

import json
from dataclasses import replace

from actors.words.facts import Presence
from api.spreed.events import LISTED_BYTES, SpreedRenderer
from api.spreed.signing import Signer


def test_statuses_beyond_the_bytes_of_a_list_are_left_out_and_nobody_is() -> None:
    status = b'"%b"' % (b"x" * (LISTED_BYTES // 4 - 2))
    members = tuple(Presence(str(number), status=status) for number in range(9))
    listed = SpreedRenderer(Signer("secret")).users(members)
    users = json.loads(listed)
    assert [user["Id"] for user in users] == [str(number) for number in range(9)]
    assert ["Status" in user for user in users] == [True] * 4 + [False] * 5
    assert len(listed) < LISTED_BYTES + 1000


def test_the_same_list_is_made_once_and_a_changed_one_anew() -> None:
    renderer = SpreedRenderer(Signer("secret"))
    ann, bob = Presence("ann"), Presence("bob")
    first = renderer.users((ann, bob))
    assert renderer.users((ann, bob)) is first
    assert renderer.users((ann,)) != first
    changed = renderer.users((ann, replace(bob, status=b"1")))
    assert json.loads(changed)[1]["Status"] == 1
