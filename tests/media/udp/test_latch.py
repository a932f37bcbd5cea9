"""Where to send by where what comes is from, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.plans import Address, Remote
from media.udp.latch import MOVING_SECONDS, Latch
from tests.support.examples import examples

TOLD = ("192.0.2.1", 4000)  # where a description says that it is
SAME_HOST = ("192.0.2.1", 5000)
NAT, OTHER = ("198.51.100.1", 6000), ("203.0.113.1", 7000)


def latch(*senders: Address) -> Latch:
    found = Latch(Remote(TOLD, ("192.0.2.1", 4009)))
    for number, sender in enumerate(senders):
        found.hear(sender, float(number))
    return found


@pytest.mark.parametrize(
    ("senders", "to"),
    [
        pytest.param([], TOLD, id="nobody has sent yet"),
        pytest.param([NAT], NAT, id="the first one"),
        pytest.param([NAT, OTHER], NAT, id="a second one comes too late"),
        pytest.param([NAT, TOLD], TOLD, id="who was told takes it back"),
        pytest.param([NAT, SAME_HOST], SAME_HOST, id="and another port of his host"),
        pytest.param([NAT, TOLD, NAT], TOLD, id="for good"),
        pytest.param([TOLD, SAME_HOST], TOLD, id="from himself nobody takes it"),
    ],
)
def test_who_is_sent_to(senders: list[Address], to: Address) -> None:
    assert latch(*senders).rtp == to


@pytest.mark.parametrize(
    ("senders", "to"),
    [
        pytest.param([OTHER, NAT], NAT, id="from a stranger he takes it back"),
        pytest.param([NAT, OTHER], NAT, id="a stranger comes too late"),
        pytest.param([NAT, TOLD], NAT, id="he has it already"),
    ],
)
def test_who_signals_from_behind_a_nat_is_known_there(senders: list[Address], to: Address) -> None:
    found = Latch(Remote(TOLD), also=NAT[0])
    for number, sender in enumerate(senders):
        found.hear(sender, float(number))
    assert found.rtp == to


@pytest.mark.parametrize(
    ("sender", "heard", "to"),
    [
        pytest.param(None, None, ("192.0.2.1", 4009), id="as it was told"),
        pytest.param(TOLD, None, ("192.0.2.1", 4009), id="to who was told"),
        pytest.param(NAT, None, None, id="of another host nothing is known"),
        pytest.param(NAT, (NAT[0], 6017), (NAT[0], 6017), id="where its own comes from"),
        pytest.param(NAT, (OTHER[0], 6017), None, id="which is no matter of others"),
        pytest.param(None, (NAT[0], 6017), ("192.0.2.1", 4009), id="nor before its media"),
    ],
)
def test_where_rtcp_goes(sender: Address | None, heard: Address | None, to: Address | None) -> None:
    found = latch(*([] if sender is None else [sender]))
    if heard is not None:
        found.hear_rtcp(heard)
    assert found.rtcp == to


def test_late_packets_of_who_has_sent_before_do_not_bring_him_back() -> None:
    found = Latch(Remote(TOLD), left=NAT, since=10.0)
    assert found.moves
    found.hear(NAT, 10.5)
    assert found.rtp == TOLD
    found.hear(NAT, 10.0 + MOVING_SECONDS)  # so it is he, behind the same address as before
    assert found.rtp == NAT
    assert not found.moves


ADDRESSES = st.sampled_from([TOLD, SAME_HOST, NAT, OTHER])


@settings(max_examples=examples(200))
@given(st.lists(ADDRESSES))
def test_it_moves_at_most_once_more_and_only_to_the_host_that_was_told(
    senders: list[Address],
) -> None:
    found, holders = latch(), list[Address]()
    for number, sender in enumerate(senders):
        found.hear(sender, float(number))
        if not holders or holders[-1] != found.rtp:
            holders.append(found.rtp)
    assert len(holders) <= 2
    assert holders[1:] in ([], [TOLD], [SAME_HOST])
