"""Names of actors: printable, without a slash, and read back as the key they were made of."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from actors.words.keys import MemberKey, in_realm

TEXT = st.text(st.characters(exclude_categories=()))  # with halves of surrogate pairs


@given(st.text(), TEXT)
@example("peers.peerjs", "robot-1")
@example("peers.peerjs", "robot_1.a~b")
@example("peers.a:b/c%", "--")
@example("", "")
@example("r", "²ß")
def test_a_slug_is_quoted_and_read_back(realm: str, name: str) -> None:
    key = MemberKey(realm, name)
    assert key.slug == f"{quote(realm, safe='')}:{quote(name, safe='', errors='surrogatepass')}"
    assert MemberKey.from_slug(key.slug) == key
    assert in_realm(key.slug, realm)
