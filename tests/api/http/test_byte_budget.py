"""Bytes that are unsent or unfinished: counted right in any order, and the largest goes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.http.byte_budget import ENTRY, SHARED, Account, ByteBudget

PLENTY = 1 << 40


class Holder:
    """A socket, as far as a budget knows it: it drops all it has, at once or the second time.

    One that `keeps` something drops all but that the first time.
    """

    def __init__(
        self, budget: ByteBudget, address: str, *, slow_to_go: bool = False, keeps: int = 0
    ) -> None:
        self.account: Account = budget.account(address, self.shed)
        self.held: list[bytes] = []
        self.shed_times = 0
        self._slow_to_go = slow_to_go
        self._keeps = keeps

    def take(self, payload: bytes) -> None:
        self.held.append(payload)
        self.account.take(payload)

    def give(self) -> None:
        self.account.give(self.held.pop(0))

    def close(self) -> None:
        while self.held:
            self.give()
        self.account.hold(0)

    def shed(self) -> None:
        self.shed_times += 1
        if self._keeps and self.shed_times == 1:
            self.account.hold(self._keeps)
        elif not self._slow_to_go or self.shed_times > 1:
            self.close()


def test_the_largest_goes_first() -> None:
    told: list[tuple[str, int]] = []
    budget = ByteBudget(100_000, PLENTY, lambda *what: told.append(what))
    small, large, other = (Holder(budget, each) for each in "abc")
    small.take(bytes(20_000))
    large.take(bytes(60_000))
    other.take(bytes(30_000))
    assert [each.shed_times for each in (small, large, other)] == [0, 1, 0]
    assert told == [("", 1)]


def test_an_address_has_a_budget_of_its_own() -> None:
    budget = ByteBudget(1_000_000, 100_000)
    elsewhere, one, two = Holder(budget, "b"), Holder(budget, "a"), Holder(budget, "a")
    elsewhere.take(bytes(95_000))
    one.take(bytes(40_000))
    two.take(bytes(70_000))
    assert [each.shed_times for each in (elsewhere, one, two)] == [0, 0, 1]


def test_who_does_not_go_in_order_goes_at_once() -> None:
    budget = ByteBudget(100_000, PLENTY)
    small, stubborn = Holder(budget, "a"), Holder(budget, "b", slow_to_go=True)
    small.take(bytes(30_000))
    stubborn.take(bytes(80_000))
    assert (small.shed_times, stubborn.shed_times) == (0, 2)


def test_nobody_is_ended_for_those_who_end_in_order() -> None:
    budget = ByteBudget(100_000, PLENTY)
    holders = [Holder(budget, f"of {number}", slow_to_go=True) for number in range(11)]
    for holder in holders:
        holder.account.hold(9_990)
    times = sorted(each.shed_times for each in holders)
    assert times == [0] * 9 + [1, 2]  # one at once, for the limit; one for a little less


def test_nobody_is_ended_for_those_who_are_leaving_since_the_last_time() -> None:
    budget = ByteBudget(1_000_000, PLENTY)
    holders = [Holder(budget, f"of {number}", keeps=9_000) for number in range(100)]
    for holder in holders:
        holder.account.hold(10_000)
    for number in range(60):
        Holder(budget, f"new {number}").account.hold(1_000)
        assert budget.used <= budget.limit
    ended = [holder for holder in holders if holder.shed_times]
    assert len(ended) == budget.ended == 13  # of 10 kB: the 60 that were too much, and a 16th


def test_who_is_leaving_goes_at_once_before_anybody_else_is_ended() -> None:
    told: list[tuple[str, int]] = []
    budget = ByteBudget(100_000, PLENTY, lambda *what: told.append(what))
    leaving, other = Holder(budget, "a", keeps=30_000), Holder(budget, "b")
    leaving.account.hold(60_000)
    other.account.hold(50_000)
    assert (leaving.shed_times, budget.used) == (1, 80_000)
    other.account.hold(71_000)
    assert (leaving.shed_times, other.shed_times, budget.used) == (2, 0, 71_000)
    assert told == [("", 1)]
    assert budget.ended == 1


def test_one_of_two_accounts_counts_where_both_are_of_one_socket() -> None:
    budget = ByteBudget(100_000, PLENTY)
    calls: list[None] = []

    def shed() -> None:
        calls.append(None)
        for account in accounts:
            account.hold(0)

    small = Holder(budget, "b")
    accounts = [budget.account("a", shed) for _ in range(2)]
    small.account.hold(1_000)
    accounts[0].hold(50_000)
    budget.limit = 900  # next time, both have to go and more
    accounts[1].hold(40_000)
    assert (len(calls), small.shed_times, budget.ended) == (1, 1, 2)


def test_what_many_hold_counts_once() -> None:
    budget = ByteBudget(PLENTY, PLENTY)
    payload = bytes(1_000_000)
    holders = [Holder(budget, f"of {number % 5}") for number in range(500)]
    for holder in holders:
        holder.take(payload)
    assert budget.used == 1_000_000 + 500 * ENTRY
    assert budget.used_by("of 0") == 1_000_000 + 100 * ENTRY
    for holder in holders[1:]:
        holder.close()
    assert budget.used == budget.used_by("of 0") == 1_000_000 + ENTRY
    holders[0].close()
    assert (budget.used, len(budget)) == (0, 0)


def test_what_is_unfinished_counts_as_well() -> None:
    budget = ByteBudget(100_000, PLENTY)
    one, two = Holder(budget, "a"), Holder(budget, "b")
    one.account.hold(40_000)
    one.account.hold(60_000)
    two.account.hold(30_000)
    assert budget.used == 90_000
    two.account.hold(50_000)
    assert (one.shed_times, two.shed_times) == (1, 0)
    assert budget.used == 50_000


def test_outboxes_that_nobody_reads_are_refused_beyond_half() -> None:
    budget = ByteBudget(100_000, 80_000)
    one, two, three = (budget.firm(each) for each in "abc")
    payloads = [bytes(30_000), bytes(30_001), bytes(15_000)]
    assert one.take(payloads[0])
    assert not one.take(payloads[1])  # its own half
    assert not two.take(payloads[1])  # the half of all
    assert three.take(payloads[2])
    assert budget.used == 45_000 + 2 * ENTRY
    socket = Holder(budget, "d")
    socket.take(bytes(50_000))
    assert socket.shed_times == 0
    one.give(payloads[0])
    three.give(payloads[2])
    socket.close()
    assert (budget.used, len(budget)) == (0, 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "give", "hold", "close", "firm", "unfirm")),
        st.integers(0, 5),
        st.integers(0, 3),
    ),
    max_size=60,
)


@given(STEPS, st.sampled_from((30_000, PLENTY)), st.sampled_from((20_000, PLENTY)))
def test_the_sums_are_right_whatever_happens(
    steps: list[tuple[str, int, int]], limit: int, per_address: int
) -> None:
    budget = ByteBudget(limit, per_address)
    payloads = [bytes(size) for size in (10, SHARED, 9_000, 19_000)]
    holders = [Holder(budget, "abc"[number % 3], slow_to_go=number > 3) for number in range(6)]
    holding = dict.fromkeys(holders, 0)
    firm_accounts = [budget.firm(tenant) for tenant in "ab"]
    firm: list[list[bytes]] = [[], []]
    for what, who, which in steps:
        holder, tenant = holders[who], who % 2
        shed_before = [each.shed_times for each in holders]
        if what == "take":
            holder.take(payloads[which])
        elif what == "give" and holder.held:
            holder.give()
        elif what == "hold":
            holding[holder] = which * 3_000
            holder.account.hold(which * 3_000)
        elif what == "close":
            holding[holder] = 0
            holder.close()
        elif what == "firm" and firm_accounts[tenant].take(payloads[which]):
            firm[tenant].append(payloads[which])
        elif what == "unfirm" and firm[tenant]:
            firm_accounts[tenant].give(firm[tenant].pop())
        for each, before in zip(holders, shed_before, strict=True):
            if each.shed_times > before and not each.account.bytes:
                holding[each] = 0
        for address in "abc":
            theirs = [each for each in holders if each.account.address == address]
            kept = [payload for each in theirs for payload in each.held]
            kept += firm["ab".index(address)] if address in "ab" else []
            expected = expected_bytes(kept) + sum(holding[each] for each in theirs)
            assert budget.used_by(address) == expected <= per_address
        kept = [payload for each in holders for payload in each.held] + [*firm[0], *firm[1]]
        assert budget.used == expected_bytes(kept) + sum(holding.values()) <= limit
        for each in holders:
            own = sum(len(payload) + ENTRY for payload in each.held) + holding[each]
            assert each.account.bytes == own


def expected_bytes(kept: list[bytes]) -> int:
    once = {id(payload): len(payload) for payload in kept if len(payload) >= SHARED}
    small = sum(len(payload) for payload in kept if len(payload) < SHARED)
    return sum(once.values()) + small + len(kept) * ENTRY
