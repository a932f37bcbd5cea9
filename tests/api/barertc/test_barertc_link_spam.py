"""One link to too many people: kicked, then banned; and a table of it that is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.barertc.moderation import link_spam
from api.barertc.moderation.link_spam import LinkSpam, LinkSpamGuard, normalised
from tests.support.examples import examples

PIECES = ["https://", "www.", "\ud800", "99999", *"[]:@a./%?#١ "]
SPAM = "buy at https://spam.bc/x now"


def guard() -> LinkSpamGuard:
    return LinkSpamGuard(max_threads=5, window_seconds=3600, ban_hours=24)


def to_people(
    it: LinkSpamGuard, count: int, *, sender: str = "mallory", text: str = SPAM, now: float = 0.0
) -> list[LinkSpam | None]:
    return [it.say(sender, f"person {index}", text, now) for index in range(count)]


def test_a_link_to_many_people_is_a_kick_and_then_a_ban() -> None:
    it = guard()
    assert to_people(it, 5) == [None] * 5
    assert it.say("mallory", "person 4", SPAM, 1.0) is None
    assert it.say("mallory", "person 5", SPAM, 1.0) is LinkSpam.KICK
    assert to_people(it, 6, now=50_000.0) == [None] * 5 + [LinkSpam.BAN]
    assert to_people(it, 6, now=50_001.0) == [None] * 5 + [LinkSpam.KICK]


def test_who_was_kicked_long_ago_begins_anew() -> None:
    it = guard()
    assert to_people(it, 6)[-1] is LinkSpam.KICK
    assert to_people(it, 6, now=24 * 3600 + 1.0)[-1] is LinkSpam.KICK


def test_people_do_not_count_for_each_other() -> None:
    it = guard()
    for index in range(20):
        assert it.say(f"sender {index}", "alice", SPAM, 0.0) is None
    assert to_people(it, 20, text="hello, no link") == [None] * 20
    for index in range(20):
        assert it.say("carol", f"person {index}", f"https://a.bc/{index}", 0.0) is None


def test_what_lies_outside_the_window_does_not_count() -> None:
    it = guard()
    for index in range(50):
        assert it.say("mallory", f"person {index}", SPAM, index * 721.0) is None
    it = guard()
    assert [it.say("mallory", f"p{index}", SPAM, index * 700.0) for index in range(6)][-1]


@pytest.mark.parametrize(
    "other",
    [
        "http://spam.bc/x", "HTTPS://WWW.SPAM.BC/x/", "www.spam.bc/x", "https://spam.bc:443/x#frag",
        "https://spam.bc/%78", "(https://spam.bc/x).", "[click](https://spam.bc/x)",
        "<https://spam.bc/x>", "**https://spam.bc/x**", "https://user@spam.bc/x", "https://spam.bc./x",
        "a https://other.bc b https://spam.bc/x",
    ],
)  # fmt: skip
def test_a_link_is_known_again_in_other_clothes(other: str) -> None:
    it = guard()
    assert to_people(it, 5) == [None] * 5
    assert it.say("mallory", "person 6", other, 0.0) is LinkSpam.KICK


@pytest.mark.parametrize(
    "other",
    ["https://spam.bc/y", "https://spam.bc/x?a", "https://spam.bc:8443/x", "https://spam.cc/x"],
)
def test_another_link_is_another(other: str) -> None:
    assert normalised(other) != normalised("https://spam.bc/x")


def test_the_table_is_bounded_and_empties(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_spam, "PEOPLE", 10)
    monkeypatch.setattr(link_spam, "LINKS", 4)
    it = guard()
    for sender in range(100):
        for link in range(20):
            it.say(f"sender {sender}", "alice", f"https://a.bc/{link}", float(sender))
        to_people(it, 6, sender=f"sender {sender}", now=float(sender))
    assert len(it) <= 20
    assert all(len(sender.links) <= 4 for sender in it._senders.values())
    it.sweep(1e9)
    assert len(it) == 0


@settings(max_examples=examples(200))
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.sampled_from("pqrs"), st.sampled_from("xy"), st.integers(0, 9)
        ),
        max_size=40,
    )
)
def test_it_counts_as_one_would_by_hand(steps: list[tuple[str, str, str, int]]) -> None:
    it = LinkSpamGuard(max_threads=2, window_seconds=10, ban_hours=0.01)
    said: list[tuple[float, str, str, str]] = []
    kicked: dict[str, float] = {}
    now = 0.0
    for sender, to, link, wait in steps:
        now += wait
        said.append((now, sender, to, link))
        threads = {
            person
            for at, who, person, what in said
            if (who, what) == (sender, link) and at >= now - 10
        }
        expected = None
        if len(threads) > 2:
            again = now - kicked.pop(sender, -1e9) <= 36
            expected = LinkSpam.BAN if again else LinkSpam.KICK
            if not again:
                kicked[sender] = now
            said = [each for each in said if each[1] != sender]
        assert it.say(sender, to, f"https://a.bc/{link}", now) is expected


@settings(max_examples=examples(300))
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_malformed_links_do_no_harm(text: str) -> None:
    it = guard()
    for index in range(3):
        assert it.say("mallory", f"p{index}", text, 0.0) is None
