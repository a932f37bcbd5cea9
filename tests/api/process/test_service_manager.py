"""The words of sd_notify, to a real socket."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from api.process.service_manager import ServiceManager
from tests.support.service_manager import ServiceManagerStandIn


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServiceManagerStandIn]:
    abstract = request.param == "abstract"
    address = f"@quintet-{secrets.token_hex(8)}" if abstract else str(tmp_path / "notify")
    manager = ServiceManagerStandIn(address)
    yield manager
    manager.close()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ("", 0.0)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "30000000"}, ("/run/n", 30.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_PID": str(os.getpid())}, ("@n", 0.0)),
        (
            {"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "2", "WATCHDOG_PID": str(os.getpid())},
            ("@n", 2e-6),
        ),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "2", "WATCHDOG_PID": "1"}, ("@n", 0.0)),
        ({"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "soon"}, ("", 0.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "-1"}, ("@n", 0.0)),
    ],
)
def test_the_environment_is_read_and_kept_from_other_processes(
    environment: dict[str, str], expected: tuple[str, float]
) -> None:
    left = {**environment, "PATH": "/bin"}
    manager = ServiceManager.of_environment(left)
    assert (manager.address, manager.watchdog_seconds) == expected
    assert left == {"PATH": "/bin"}


async def seconds(number: int, manager: ServiceManagerStandIn) -> None:
    """Let them pass; a socket that nobody has read for ten datagrams takes no more."""
    for _ in range(number):
        await trio.sleep(1)
        manager.wait_until_read()


async def test_the_loop_and_who_is_here_are_told_until_the_end_begins(
    manager: ServiceManagerStandIn, autojump_clock: trio.testing.MockClock
) -> None:
    people = 0

    async def status() -> str:
        return f"{people} people"

    ours = ServiceManager(manager.address, watchdog_seconds=4.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.report, status)
        ours.ready()
        await seconds(1, manager)
        people = 7
        await seconds(10, manager)
        ours.stopping()
        people = 9
        await seconds(12, manager)
        nursery.cancel_scope.cancel()
    manager.close()
    told = manager.lines
    assert [line for line in told if line != "WATCHDOG=1"] == [
        "READY=1", "STATUS=0 people", "STATUS=7 people", "STOPPING=1", "STATUS=stopping",
    ]  # fmt: skip
    assert told.count("WATCHDOG=1") == 12  # every two seconds of 23, and at once


@pytest.mark.parametrize("address", ["/nowhere/notify", "@nobody-has-this", "/" + "x" * 300, ""])
async def test_a_manager_that_is_not_there_is_no_trouble(
    address: str, autojump_clock: trio.testing.MockClock
) -> None:
    async def status() -> str:
        return ""

    ours = ServiceManager(address, watchdog_seconds=1.0)
    ours.ready()
    ours.reloading()
    with trio.move_on_after(10):
        await ours.report(status)
    ours.stopping()


def test_a_manager_that_reads_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        ours = ServiceManager(str(tmp_path / "notify"))
        began = time.monotonic()
        for _ in range(1000):
            ours.ready()
        assert time.monotonic() - began < 10
