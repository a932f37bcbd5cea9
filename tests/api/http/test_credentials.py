"""Guessing is slowed and then refused; those who know the secret do not notice."""

from __future__ import annotations

import base64
import gc
import hashlib
import hmac
import tracemalloc
from contextlib import suppress

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from api.http.credentials import (
    CredentialGuard,
    TooManyAttempts,
    address_key,
    constant_time_equal,
    hmac_sha256_b64,
)

KEY = ("192.0.2.1", "room lobby")


async def fail(guard: CredentialGuard, *key: str) -> float:
    """Try a wrong credential; return how long it was delayed."""
    before = trio.current_time()
    await guard.admit(*key)
    waited = trio.current_time() - before
    guard.failed(*key)
    return waited


async def test_failures_are_delayed_more_and_more_then_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=10, window=1800.0)
    delays = [await fail(guard, *KEY) for _ in range(10)]
    assert delays == pytest.approx([0, 0, 0, 0.25, 0.5, 1, 2, 4, 4, 4])
    with pytest.raises(TooManyAttempts) as caught:
        await guard.admit(*KEY)
    assert caught.value.retry_after == pytest.approx(1800 - sum(delays))


async def test_who_waits_by_himself_is_not_delayed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=10, window=1800.0)
    for _ in range(6):
        assert await fail(guard, *KEY) == 0
        await trio.sleep(5)


async def test_after_the_window_all_is_forgotten(autojump_clock: trio.testing.MockClock) -> None:
    guard = CredentialGuard(failures=2, window=60.0)
    await fail(guard, *KEY)
    await trio.sleep(30)
    await fail(guard, *KEY)
    with pytest.raises(TooManyAttempts) as caught:
        await guard.admit(*KEY)
    await trio.sleep(caught.value.retry_after)
    assert await fail(guard, *KEY) == 0  # the first failure is forgotten, the second is not
    with pytest.raises(TooManyAttempts):
        await guard.admit(*KEY)


async def test_who_cannot_wait_has_the_same_number_of_guesses() -> None:
    guard = CredentialGuard(failures=5, window=60.0)
    for _ in range(5):
        guard.admit_nowait(*KEY)
        guard.failed(*KEY)
    with pytest.raises(TooManyAttempts):
        guard.admit_nowait(*KEY)
    with pytest.raises(TooManyAttempts):
        await guard.admit(*KEY)


async def test_undecided_attempts_of_those_who_cannot_wait_count_as_well() -> None:
    guard = CredentialGuard(failures=2, window=60.0)
    guard.admit_nowait(*KEY)
    guard.admit_nowait(*KEY)
    with pytest.raises(TooManyAttempts):
        guard.admit_nowait(*KEY)
    guard.succeeded(*KEY)
    guard.admit_nowait(*KEY)


async def test_other_addresses_and_other_secrets_are_not_affected(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=5, window=60.0)
    for _ in range(5):
        await fail(guard, *KEY)
    before = trio.current_time()
    await guard.admit("192.0.2.2", KEY[1])
    await guard.admit(KEY[0], "room other")
    assert trio.current_time() == before
    with pytest.raises(TooManyAttempts):
        await guard.admit(*KEY)


async def test_a_success_forgives(autojump_clock: trio.testing.MockClock) -> None:
    guard = CredentialGuard(failures=5, window=60.0)
    for _ in range(4):
        await fail(guard, *KEY)
    await guard.admit(*KEY)
    guard.succeeded(*KEY)
    assert len(guard) == 0
    assert await fail(guard, *KEY) == 0


async def test_the_addresses_of_one_ipv6_network_count_as_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=2, window=60.0)
    await fail(guard, "2001:db8::1", "x")
    await fail(guard, "2001:db8::ffff:2", "x")
    with pytest.raises(TooManyAttempts):
        await guard.admit("2001:db8::3", "x")
    await guard.admit("2001:db8:0:1::3", "x")


async def test_many_at_once_get_no_more_guesses_than_one_after_another(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=10, window=1800.0)
    checked, refused = 0, 0

    async def guess() -> None:
        nonlocal checked, refused
        try:
            await guard.admit(*KEY)
        except TooManyAttempts:
            refused += 1
            return
        checked += 1
        await trio.sleep(0.1)
        guard.failed(*KEY)

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(guess)
    assert (checked, refused) == (10, 90)


async def test_many_at_once_who_know_the_secret_all_get_in(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=10, window=1800.0)
    entered = 0

    async def enter() -> None:
        nonlocal entered
        await guard.admit(*KEY)
        await trio.sleep(0.1)
        guard.succeeded(*KEY)
        entered += 1

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(enter)
    assert entered == 100
    assert trio.current_time() < 5
    assert len(guard) == 0


async def test_an_attempt_whose_caller_leaves_while_delayed_does_not_count(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=5, window=60.0)
    for _ in range(4):
        await fail(guard, *KEY)
    for _ in range(3):
        with trio.move_on_after(0.1) as scope:
            await guard.admit(*KEY)
        assert scope.cancelled_caught
    await guard.admit(*KEY)


async def test_an_undecided_attempt_does_not_count(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=1, window=60.0)
    for _ in range(3):
        await guard.admit(*KEY)
        guard.undecided(*KEY)
    assert len(guard) == 0


async def test_a_forgotten_attempt_blocks_its_key_for_half_a_minute_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=1, window=60.0)
    await guard.admit(*KEY)
    with pytest.raises(TooManyAttempts) as caught:
        await guard.admit(*KEY)
    assert caught.value.retry_after == pytest.approx(5)
    await trio.sleep(25)
    await guard.admit(*KEY)


async def test_no_limit_admits_everybody(autojump_clock: trio.testing.MockClock) -> None:
    guard = CredentialGuard(failures=0, window=60.0)
    assert [await fail(guard, *KEY) for _ in range(50)] == [0] * 50
    assert len(guard) == 0


async def test_the_table_is_bounded_and_the_oldest_goes_first(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=1, window=60.0, capacity=3)
    for name in "abcd":
        await fail(guard, "192.0.2.1", name)
    assert len(guard) == 3
    await guard.admit("192.0.2.1", "a")
    with pytest.raises(TooManyAttempts):
        await guard.admit("192.0.2.1", "d")


async def test_new_limits_hold_for_what_was_counted_before(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=5, window=60.0)
    await fail(guard, *KEY)
    await fail(guard, *KEY)
    guard.set_limits(failures=2, window=60.0)
    with pytest.raises(TooManyAttempts):
        await guard.admit(*KEY)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("somewhere", "somewhere"),
        ("", ""),
    ],
)
def test_an_address_is_grouped(address: str, key: str) -> None:
    assert address_key(address) == key


@given(st.text(), st.text())
def test_equal_texts_are_equal_and_others_are_not(a: str, b: str) -> None:
    assert constant_time_equal(a, a)
    assert constant_time_equal(a, b) == (a == b)


def test_a_secret_is_made_like_a_portal_makes_it() -> None:
    key, combo = "shared sécret", "1900000000:alice"
    digest = hmac.new(key.encode(), combo.encode(), hashlib.sha256).digest()
    assert hmac_sha256_b64(key, combo) == base64.b64encode(digest).decode()


def test_the_published_vector_of_hmac_holds() -> None:  # RFC 4231, test case 2
    assert (
        base64.b64decode(hmac_sha256_b64("Jefe", "what do ya want for nothing?")).hex()
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


async def test_the_clock_may_be_another_than_trios(
    autojump_clock: trio.testing.MockClock,
) -> None:
    now = 1000.0
    guard = CredentialGuard(failures=1, window=60.0, clock=lambda: now)
    await fail(guard, *KEY)
    now += 60
    await guard.admit(*KEY)


async def test_a_key_of_any_length_takes_the_same_memory() -> None:
    guard = CredentialGuard(failures=10, window=60.0, per_address=1000)
    gc.collect()
    tracemalloc.start()
    for number in range(100):
        guard.admit_nowait("192.0.2.1", f"client {number:05d}\N{GRINNING FACE}" + "a" * 100_000)
        guard.failed("192.0.2.1", f"client {number:05d}\N{GRINNING FACE}" + "a" * 100_000)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(guard) == 100
    assert kept < 200_000, "bytes: two thousand a key"


@pytest.mark.parametrize(
    "other", [("a", "bc"), ("ab c",), ("abc",), ("ab", "c", ""), ("ab\x00c",), ("abc", "")]
)
async def test_no_key_is_taken_for_another(
    other: tuple[str, ...], autojump_clock: trio.testing.MockClock
) -> None:
    guard = CredentialGuard(failures=1, window=60.0)
    await fail(guard, "192.0.2.1", "ab", "c")
    await guard.admit("192.0.2.1", *other)
    with pytest.raises(TooManyAttempts):
        await guard.admit("192.0.2.1", "ab", "c")


async def test_names_made_up_by_the_thousand_are_refused_together(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=10, window=1800.0, per_address=300)
    for number in range(300):
        assert await fail(guard, "192.0.2.1", f"user {number}") == 0
    with pytest.raises(TooManyAttempts) as caught:
        await guard.admit("192.0.2.1", "user 300")
    assert caught.value.retry_after == pytest.approx(1800)
    with pytest.raises(TooManyAttempts):
        guard.admit_nowait("192.0.2.1", "user 301")
    assert len(guard) == 300, "what is refused adds no keys"
    await guard.admit("192.0.2.2", "user 0")
    await trio.sleep(1800)
    await guard.admit("192.0.2.1", "user 300")


async def test_many_honest_people_behind_one_address_log_in(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each mistypes twice, then gets it right, which takes the failures off the address too."""
    guard = CredentialGuard(failures=10, window=1800.0, per_address=300)
    entered = 0

    async def log_in(name: str) -> None:
        nonlocal entered
        for right in (False, False, True):
            await guard.admit("192.0.2.1", name)
            await trio.sleep(0.01)
            if right:
                guard.succeeded("192.0.2.1", name)
                entered += 1
            else:
                guard.failed("192.0.2.1", name)

    for batch in range(5):
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(log_in, f"user {batch} {number}")
    assert entered == 500
    assert len(guard) == 0


async def test_more_at_once_than_may_fail_wait_for_the_first_to_be_decided(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=10, window=1800.0, per_address=50)
    entered, most = 0, 0

    async def enter(number: int) -> None:
        nonlocal entered, most
        await guard.admit("192.0.2.1", f"user {number}")
        entered += 1
        most = max(most, entered)
        await trio.sleep(0.1)
        entered -= 1
        guard.succeeded("192.0.2.1", f"user {number}")

    async with trio.open_nursery() as nursery:
        for number in range(1000):
            nursery.start_soon(enter, number)
    assert most == 50
    assert trio.current_time() == pytest.approx(2.0), "each turn is handed on at once"
    assert len(guard) == 0


async def test_many_names_at_once_get_no_more_guesses_than_one_after_another(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=3, window=1800.0, per_address=20)
    checked, refused = 0, 0

    async def guess(number: int) -> None:
        nonlocal checked, refused
        name = f"user {number % 40}"  # each name twice: some wait for their own name, too
        try:
            await guard.admit("192.0.2.1", name)
        except TooManyAttempts:
            refused += 1
            return
        checked += 1
        await trio.sleep(0.1)
        guard.failed("192.0.2.1", name)

    async with trio.open_nursery() as nursery:
        for number in range(80):
            nursery.start_soon(guess, number)
    assert (checked, refused) == (20, 60)
    assert trio.current_time() < 1, "who cannot get in any more is told at once"


async def test_a_turn_that_its_own_name_cannot_use_goes_to_the_next_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=1, window=60.0, per_address=3)
    for name in "abc":
        await guard.admit("192.0.2.1", name)
    entered: list[tuple[str, float]] = []

    async def enter(name: str) -> None:
        with suppress(TooManyAttempts):
            await guard.admit("192.0.2.1", name)
            entered.append((name, trio.current_time()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(enter, "b")  # waits for its address, then for its name
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(enter, "d")
        await trio.testing.wait_all_tasks_blocked()
        guard.succeeded("192.0.2.1", "a")
    assert entered == [("d", 0.0)]


async def test_a_success_forgives_an_address_only_the_failures_of_that_key(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=5, window=60.0, per_address=6)
    for name in ("mine", "mine", "other", "other", "third"):
        await fail(guard, "192.0.2.1", name)
    await guard.admit("192.0.2.1", "mine")
    guard.succeeded("192.0.2.1", "mine")
    for name in ("fourth", "fourth", "fifth"):  # with the three that are left, six
        await fail(guard, "192.0.2.1", name)
    with pytest.raises(TooManyAttempts):
        await guard.admit("192.0.2.1", "mine")


async def test_junk_keys_of_others_do_not_push_out_a_record_at_its_limit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=2, window=1800.0, per_address=50, capacity=100)
    await fail(guard, *KEY)
    await fail(guard, *KEY)
    for number in range(1000):
        await fail(guard, f"198.51.100.{number % 250}", f"junk {number}")
    assert len(guard) <= 100
    with pytest.raises(TooManyAttempts):
        await guard.admit(*KEY)


async def test_junk_keys_of_others_do_not_push_out_an_address_at_its_limit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=10, window=1800.0, per_address=5, capacity=100)
    for number in range(5):
        await fail(guard, KEY[0], f"user {number}")
    for number in range(1000):
        await fail(guard, f"198.51.{number // 250}.{number % 250}", "junk")
    with pytest.raises(TooManyAttempts):
        await guard.admit(*KEY)


async def test_a_table_full_of_records_at_their_limit_has_room_once_they_are_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=1, window=60.0, capacity=3)
    for name in "abc":
        await fail(guard, "192.0.2.1", name)
    await trio.sleep(60)
    guard.set_limits(2, 60.0)
    for name in "def":
        await fail(guard, "192.0.2.1", name)
    for name in "def":
        await fail(guard, "192.0.2.1", name)
        with pytest.raises(TooManyAttempts):
            await guard.admit("192.0.2.1", name)


async def test_no_limit_per_address_counts_each_key_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    guard = CredentialGuard(failures=2, window=60.0, per_address=0)
    assert [await fail(guard, "192.0.2.1", f"user {n}") for n in range(500)] == [0] * 500
