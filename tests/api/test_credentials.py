"""Guessing is slowed and then refused; those who know the secret do not notice."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from api.credentials import (
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
