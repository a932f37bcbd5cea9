"""What a participant remembers of what it was shown, and what is kept for one who is away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.member.absence import AbsenceTerms, Backlog, BacklogFull
from actors.member.media_shown import MediaShown
from actors.words.facts import (
    Fact,
    PeerChanged,
    PeerLeft,
    Presence,
    Said,
    SessionReady,
    StreamAdded,
    StreamRemoved,
)
from actors.words.streams import Stream
from actors.words.weights import FACT_BYTES, weight_of

IDS = st.sampled_from(["1", "2", "3"])
TEXTS = st.text(max_size=300).map(lambda text: Said("bob", None, text))
STREAMS = st.builds(
    lambda id_, data: StreamAdded(Stream(id_, "bob", None, None, data)), IDS, st.binary()
)
FACTS = st.lists(
    st.one_of(TEXTS, STREAMS, st.builds(StreamRemoved, IDS), st.builds(SessionReady, IDS))
)


@given(FACTS, st.integers(1, 10), st.integers(FACT_BYTES, 10 * FACT_BYTES))
def test_a_backlog_keeps_what_it_may_in_order(facts: list[Fact], messages: int, size: int) -> None:
    backlog = Backlog(AbsenceTerms(queued_messages=messages, queued_bytes=size))
    for number, fact in enumerate(facts):
        fits = number < messages and sum(map(weight_of, facts[: number + 1])) <= size
        if fits:
            backlog.add(fact)
        else:
            with pytest.raises(BacklogFull):
                backlog.add(fact)
            break
        assert list(backlog) == facts[: number + 1]


@given(FACTS)
def test_what_is_lost_is_what_was_there(facts: list[Fact]) -> None:
    state = MediaShown()
    there: set[str] = set()
    for fact in facts:
        state.note(fact)
        if isinstance(fact, StreamAdded):
            there.add(fact.stream.id)
        elif isinstance(fact, StreamRemoved):
            there.discard(fact.id)
    lost = state.lose()
    assert set(lost.streams if lost is not None else ()) == there
    assert state.lose() is None


def test_a_weight_counts_bytes() -> None:
    assert weight_of(Said("bob", None, "é😀\ud800")) == FACT_BYTES + 2 + 4 + 3


def test_of_how_somebody_shows_himself_only_the_latest_is_kept_in_its_place() -> None:
    backlog = Backlog(AbsenceTerms(queued_messages=4))
    said = Said("bob", None, "hi")
    for number in range(100):
        backlog.add(PeerChanged(Presence("bob", status=b"%d" % number)))
        if not number:
            backlog.add(said)
    latest = PeerChanged(Presence("bob", status=b"99"))
    assert list(backlog) == [latest, said]
    backlog.add(PeerLeft("bob", gone=True))
    again = PeerChanged(Presence("bob", status=b"again"))
    backlog.add(again)
    assert list(backlog) == [latest, said, PeerLeft("bob", gone=True), again]


def test_a_status_that_grows_is_weighed_anew() -> None:
    backlog = Backlog(AbsenceTerms(queued_bytes=FACT_BYTES + 100))
    small = PeerChanged(Presence("bob", status=b"x" * 90))
    backlog.add(PeerChanged(Presence("bob", status=b"")))
    backlog.add(small)
    with pytest.raises(BacklogFull):
        backlog.add(PeerChanged(Presence("bob", status=b"x" * 120)))
    assert list(backlog) == [small]
