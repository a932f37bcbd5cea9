"""A device and a page with npm peerjs send each other data, which is datagrams at the device."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from actors.device.events import Closed, Connected, Opened
from actors.device.messages import ChangeData, ConnectData, DataShown, ShowData
from media.contract.datagrams import MessageFormat
from media.contract.plans import ChannelWanted
from tests.support.device_broker import DeviceBroker
from tests.support.peerjs_page import VERSIONS, PeerTab

pytestmark = pytest.mark.browser

Arrivals = Callable[[], PeerTab]

FORMATS = [
    ("raw", MessageFormat.RAW),
    ("json", MessageFormat.JSON),
    ("binary", MessageFormat.BINARY),
    ("binary-utf8", MessageFormat.BINARY),
]
every_format = pytest.mark.parametrize(("serialization", "format_"), FORMATS)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceBroker]:
    with DeviceBroker(tmp_path_factory.mktemp("devices")) as house:
        yield house


@pytest.fixture
def token(house: DeviceBroker) -> Iterator[str]:
    """Give a device called "robot", which leaves nothing."""
    token = house.device("robot")
    yield token
    house.leave(token)
    stats = house.call(house.engine.stats)
    assert (stats.sessions, stats.ports) == (0, 0)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def arrival(browser: Browser, house: DeviceBroker, site: str, version: str) -> Iterator[Arrivals]:
    troubles: list[str] = []
    contexts = []

    def make() -> PeerTab:
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return PeerTab(page, site, house.url, version)

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


def mirror(house: DeviceBroker, connection: str) -> None:
    """Have a device send back what it is sent: its redirect is its own feed."""
    data = house.socket("da")
    assert house.ask(connection, ChangeData(data.id, data.address)) == data.id


def messages(serialization: str) -> list[tuple[str, int]]:
    """Return what pages of every version can send, and get back as it was."""
    if serialization == "json":
        return [("json", 10), ("json", 16_200)]
    if serialization == "raw":
        return [("bytes", 1), ("bytes", 1200), ("bytes", 60_000)]
    return [("bytes", 1), ("bytes", 60_000)]


@every_format
def test_a_page_connects_and_gets_back_what_it_sends(
    house: DeviceBroker,
    token: str,
    arrival: Arrivals,
    serialization: str,
    format_: MessageFormat,
) -> None:
    ann = arrival()
    ann.open("ann")
    options = {"serialization": serialization, "metadata": {"of": ["ann", 1]}, "reliable": True}
    ann.connect("robot", "out", **options)
    connection = house.until(token, Connected).connection
    house.until(connection, Opened)
    mirror(house, connection)
    for kind, size in messages(serialization):
        assert ann.exchange("out", kind, size), (kind, size)
    shown: DataShown = house.ask(connection, ShowData())
    assert (shown.remote, shown.label, shown.metadata) == ("ann", "out", '{"of":["ann",1]}')
    assert shown.serialization in (serialization, "binary")  # what later versions call both kinds
    assert (shown.reliable, shown.open) == (True, True)
    assert shown.relay is not None
    assert shown.relay.messages_in >= len(messages(serialization))
    assert shown.relay.malformed == shown.relay.too_large == 0
    ann.run("() => links.out.close()")
    house.until_ended(connection)
    assert house.shown.of(connection)[-1] == Closed()


def test_what_a_page_says_by_default_is_binary(
    house: DeviceBroker, token: str, arrival: Arrivals
) -> None:
    ann = arrival()
    ann.open("ann")
    ann.connect("robot", "out")
    connection = house.until(token, Connected).connection
    mirror(house, connection)
    assert ann.exchange("out", "bytes", 100)
    shown = house.ask(connection, ShowData())
    assert (shown.serialization, shown.reliable, shown.metadata) == ("binary", False, "")
    house.end(connection)
    house.until_ended(connection)
    ann.hears("ended", "out")


@every_format
def test_a_device_connects_and_ends_what_it_began(
    house: DeviceBroker,
    token: str,
    arrival: Arrivals,
    serialization: str,
    format_: MessageFormat,
) -> None:
    ann = arrival()
    ann.open("ann")
    data = house.socket("da")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as program:
        program.bind(("127.0.0.1", 0))
        program.settimeout(20)
        wanted = ConnectData(
            "ann",
            ChannelWanted("in"),
            format_,
            serialization,
            '{"from":"robot"}',
            data.id,
            program.getsockname(),
        )
        connection = str(house.ask(token, wanted))
        house.until(connection, Opened)
        ann.hears("connected", "in")
        assert ann.run("() => links.in.metadata") == {"from": "robot"}
        assert ann.run("() => links.in.reliable") is True
        for message in datagrams(serialization):
            program.sendto(message, data.address)
            assert program.recv(65_535) == message  # the page sends back what it gets
    house.end(connection)
    house.until_ended(connection)
    ann.hears("ended", "in")


def datagrams(serialization: str) -> list[bytes]:
    if serialization == "json":
        return [b'{"a":[1,null,"\xc3\xbc"]}', b'"%b"' % (b"x" * 16_000)]
    return [b"x", bytes(range(256)) * 100]


def test_a_device_connects_to_nobody(house: DeviceBroker, token: str, version: str) -> None:
    connection = str(house.ask(token, ConnectData("nobody", ChannelWanted())))
    house.until_ended(connection)
    events: list[Any] = house.shown.of(connection)
    assert events[-1] == Closed()
    assert len(events) == 2
