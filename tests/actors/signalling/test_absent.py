"""The rules of what waits for absent peers, by example and against a plain model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.signalling.absent import AbsentLimits, AbsentPeers
from actors.words.facts import Signalled
from actors.words.keys import MemberKey
from actors.words.weights import FACT_BYTES

WIDE = AbsentLimits()
BOB, CARL = MemberKey("peers.a", "bob"), MemberKey("peers.a", "carl")


def said(body: bytes = b"1", sender: str = "ann") -> Signalled:
    return Signalled(sender, body)


def bodies(absent: AbsentPeers, to: MemberKey = BOB) -> list[bytes]:
    return [each.body for each in absent.take(to)]


def ended(absent: AbsentPeers, now: float) -> list[tuple[str, str]]:
    return [(pair.sender, pair.to.id) for pair in absent.expire(now)]


def test_what_waits_is_taken_in_order_over_all_senders_and_once() -> None:
    absent = AbsentPeers()
    for number, sender in enumerate(["ann", "eve", "ann"]):
        assert absent.hold(BOB, said(b"%d" % number, sender), "a", 5.0)
    assert absent.hold(CARL, said(b"other"), "a", 5.0)
    assert bodies(absent) == [b"0", b"1", b"2"]
    assert bodies(absent) == []
    assert bodies(absent, CARL) == [b"other"]
    assert (absent.messages, absent.bytes, ended(absent, 99.0)) == (0, 0, [])


def test_one_end_for_a_pair_however_much_it_said() -> None:
    absent = AbsentPeers()
    for due in (5.0, 6.0, 7.0):
        absent.hold(BOB, said(), "a", due)
    absent.hold(BOB, said(sender="eve"), "b", 6.0)
    assert ended(absent, 4.9) == []
    assert ended(absent, 5.0) == [("ann", "bob")]
    assert ended(absent, 6.0) == [("eve", "bob")]
    assert (absent.messages, absent.bytes) == (0, 0)


def test_the_same_id_by_another_key_is_somebody_else() -> None:
    absent = AbsentPeers()
    absent.hold(BOB, said(), "a", 5.0)
    assert bodies(absent, MemberKey("peers.b", "bob")) == []
    assert bodies(absent) == [b"1"]


@pytest.mark.parametrize(
    ("limits", "fits"),
    [
        ({"messages": 2}, 2),
        ({"bytes": 2 * FACT_BYTES + 2}, 2),
        ({"address_messages": 2}, 2),
        ({"address_bytes": 2 * FACT_BYTES + 2}, 2),
        ({"peer_messages": 2}, 2),
        ({"peer_bytes": 2 * FACT_BYTES + 2}, 2),
    ],
)
def test_what_does_not_fit_is_refused_and_others_keep_what_waits(
    limits: dict[str, int], fits: int
) -> None:
    absent = AbsentPeers(replace(WIDE, **limits))
    for number in range(fits):
        assert absent.hold(BOB, said(b"%d" % number, f"peer{number}"), "a", 5.0)
    assert not absent.hold(BOB, said(sender="late"), "a", 5.0)
    assert bodies(absent) == [b"0", b"1"]
    assert absent.hold(BOB, said(sender="late"), "a", 5.0)


@pytest.mark.parametrize("limits", [{"pair_messages": 2}, {"pair_bytes": 2 * FACT_BYTES + 2}])
def test_a_pair_that_says_too_much_loses_all_of_it(limits: dict[str, int]) -> None:
    absent = AbsentPeers(replace(WIDE, **limits))
    absent.hold(BOB, said(sender="eve"), "a", 5.0)
    assert [absent.hold(BOB, said(), "a", 5.0) for _ in range(3)] == [True, True, False]
    assert absent.messages == 1
    assert ended(absent, 9.0) == [("eve", "bob")]


def test_what_waits_for_one_peer_fits_into_what_a_socket_may_have_unsent() -> None:
    from api.peerjs.settings import PeerJsSettings

    settings = PeerJsSettings()
    assert settings.outbox_messages > WIDE.peer_messages
    assert settings.outbox_bytes > WIDE.peer_bytes


def test_a_thousand_peers_are_forgotten_without_a_trace() -> None:
    absent = AbsentPeers()
    for number in range(1000):
        assert absent.hold(MemberKey("r", f"p{number}"), said(), f"address{number}", 5.0)
    assert len(ended(absent, 5.0)) == 1000
    assert not any((absent._boxes, absent._pairs, absent._addresses, absent.messages, absent.bytes))


@dataclass(frozen=True)
class Kept:
    to: str
    sender: str
    address: str
    body: bytes


NAMES = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), NAMES, NAMES, st.binary(max_size=6)),
        st.tuples(st.just("take"), NAMES, NAMES, st.just(b"")),
        st.tuples(st.just("wait"), NAMES, NAMES, st.just(b"")),
    ),
    max_size=60,
)
TIGHT = AbsentLimits(9, 8 * FACT_BYTES, 6, 6 * FACT_BYTES, 5, 5 * FACT_BYTES, 3, 3 * FACT_BYTES)


@given(STEPS)
def test_it_behaves_as_a_list_with_limits(steps: list[tuple[str, str, str, bytes]]) -> None:
    absent, kept, due, now = AbsentPeers(TIGHT), list[Kept](), dict[tuple[str, str], float](), 0.0

    def load(*chosen: Kept) -> tuple[int, int]:
        return len(chosen), sum(FACT_BYTES + len(each.body) for each in chosen)

    def drop(to: str, sender: str) -> None:
        kept[:] = [each for each in kept if (each.to, each.sender) != (to, sender)]
        due.pop((to, sender), None)

    for step, to, sender, body in steps:
        key = MemberKey("r", to)
        if step == "hold":
            new = Kept(to, sender, f"at {sender}", body)
            bounds = [
                (load(*kept, new), (TIGHT.messages, TIGHT.bytes)),
                (
                    load(*(it for it in kept if it.address == new.address), new),
                    (TIGHT.address_messages, TIGHT.address_bytes),
                ),
                (
                    load(*(it for it in kept if it.to == to), new),
                    (TIGHT.peer_messages, TIGHT.peer_bytes),
                ),
                (
                    load(*(it for it in kept if (it.to, it.sender) == (to, sender)), new),
                    (TIGHT.pair_messages, TIGHT.pair_bytes),
                ),
            ]
            fits = all(has[0] <= may[0] and has[1] <= may[1] for has, may in bounds)
            assert absent.hold(key, Signalled(sender, body), new.address, now + 5.0) is fits
            if fits:
                kept.append(new)
                due.setdefault((to, sender), now + 5.0)
            else:
                drop(to, sender)
        elif step == "take":
            expected = [each.body for each in kept if each.to == to]
            assert bodies(absent, key) == expected
            for pair in list(due):
                if pair[0] == to:
                    drop(*pair)
        else:
            now += 2.0
            over = [pair for pair, at in due.items() if at <= now]
            assert [(pair.to.id, pair.sender) for pair in absent.expire(now)] == over
            for pair in over:
                drop(*pair)
        assert (absent.messages, absent.bytes) == load(*kept)
