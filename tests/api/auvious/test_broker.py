"""Copies of events on a real Mosquitto: nothing lost while it is away, nothing unbounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trio
from structlog.testing import capture_logs

from actors.core import ActorSystem, ChildSpec, Ref, Restart, open_system
from api.auvious.broker import Flush, Publisher, PublishOutside, level
from api.auvious.broker_link import Address
from api.auvious.event_settings import AuviousBrokerSettings
from tests.support.mosquitto import (
    PASSWORD,
    USER,
    Subscriber,
    mosquitto,
    write_config,
)
from tests.support.nginx import make_certificate
from tests.support.ports import free_port

PATIENCE = 30.0


def url_of(port: int, scheme: str = "mqtt", password: str = PASSWORD) -> str:
    return f"{scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{port}"


@asynccontextmanager
async def publishing(url: str, **settings: Any) -> AsyncIterator[tuple[Ref[Any], ActorSystem]]:
    chosen = AuviousBrokerSettings(url=url, **({"reconnect_seconds": 0.2} | settings))
    spec = ChildSpec("publisher", lambda: Publisher(chosen), Restart.PERMANENT)
    async with open_system([spec]) as system:
        publisher = system.registry.find("/publisher")
        assert publisher is not None
        yield publisher, system
    assert system.counters.crashes == 0


def facts(system: ActorSystem) -> Any:
    [publisher] = system.tree()["children"]  # type: ignore[misc]
    return publisher["facts"]


async def until(system: ActorSystem, **wanted: object) -> None:
    with trio.fail_after(PATIENCE):
        while not wanted.items() <= facts(system).items():
            await trio.sleep(0.02)


async def until_lost(entries: list[Any]) -> None:
    with trio.fail_after(PATIENCE):
        while not any(entry["event"] == "broker.lost" for entry in entries):
            await trio.sleep(0.02)


async def heard(subscriber: Subscriber, count: int) -> list[tuple[str, bytes]]:
    return [await trio.to_thread.run_sync(subscriber.next) for _ in range(count)]


async def test_events_are_published_in_order(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(write_config(tmp_path, port), port), Subscriber(port, "q/#") as subscriber:
        async with publishing(url_of(port)) as (publisher, system):
            for number in range(300):
                await publisher.send(PublishOutside(f"q/{number % 3}", b"%d" % number))
            await publisher.ask(Flush(), within=PATIENCE)
            assert facts(system) == {
                "connected": True, "waiting": 0, "published": 300, "dropped": 0,
            }  # fmt: skip
            found = await heard(subscriber, 300)
            assert found == [(f"q/{number % 3}", b"%d" % number) for number in range(300)]


async def test_events_wait_while_the_broker_is_away(tmp_path: Path) -> None:
    port = free_port()
    config = write_config(tmp_path, port)
    with capture_logs() as entries:
        async with publishing(url_of(port)) as (publisher, system):
            await publisher.send(PublishOutside("q/1", b"1"))
            await until(system, waiting=1)
            await until_lost(entries)
            with mosquitto(config, port), Subscriber(port, "q/#") as subscriber:
                assert await heard(subscriber, 1) == [("q/1", b"1")]
                await until(system, waiting=0, connected=True)
            await until(system, connected=False)
            await publisher.send(PublishOutside("q/2", b"2"))
            with mosquitto(config, port), Subscriber(port, "q/#") as subscriber:
                assert await heard(subscriber, 1) == [("q/2", b"2")]
    names = [entry["event"] for entry in entries if entry["event"].startswith("broker.")]
    assert names[:3] == ["broker.lost", "broker.connected", "broker.lost"]
    assert PASSWORD not in repr(entries)
    assert quote(PASSWORD, safe="") not in repr(entries)


async def test_what_the_broker_did_not_confirm_is_sent_again(tmp_path: Path) -> None:
    """A broker that takes messages and confirms none is left; the next one gets them all."""
    port = free_port()
    silent = await trio.open_tcp_listeners(port, host="127.0.0.1")
    async with publishing(url_of(port)) as (publisher, system):
        stream = await silent[0].accept()
        await stream.receive_some()
        await stream.send_all(b"\x20\x02\x00\x00")
        for number in range(70):
            await publisher.send(PublishOutside("q", b"%d" % number))
        await until(system, connected=True, waiting=70)
        with trio.fail_after(PATIENCE):
            await stream.receive_some()
        await silent[0].aclose()
        await stream.aclose()
        with mosquitto(write_config(tmp_path, port), port), Subscriber(port, "q") as subscriber:
            found = await heard(subscriber, 70)
            assert [payload for _, payload in found] == [b"%d" % number for number in range(70)]


async def test_a_full_queue_drops_and_counts() -> None:
    url = url_of(free_port())
    with capture_logs() as entries:
        async with publishing(url, queue_events=3, queue_bytes=10) as (publisher, system):
            for _ in range(5):
                await publisher.send(PublishOutside("q", b"x"))
            await until(system, waiting=3, dropped=2)
        async with publishing(url, queue_events=3, queue_bytes=10) as (publisher, system):
            await publisher.send(PublishOutside("q", b"x" * 11))
            await publisher.send(PublishOutside("q", b"x" * 10))
            await publisher.send(PublishOutside("t" * 65_536, b""))
            await until(system, waiting=1, dropped=2)
    full = [entry for entry in entries if entry["event"] == "broker.queue_full"]
    assert len(full) == 3  # once an episode: two of the second house


async def test_a_wrong_password_is_told_in_the_log(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(write_config(tmp_path, port), port), capture_logs() as entries:
        async with publishing(url_of(port, password="wr0ng-one")) as (_, system):
            await until_lost(entries)
            assert facts(system)["connected"] is False
    [lost] = [entry for entry in entries if entry["event"] == "broker.lost"]
    assert "uthori" in lost["reason"]
    assert "wr0ng-one" not in repr(entries)


async def test_over_tls_the_certificate_must_be_good(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    (tmp_path / "key.pem").chmod(0o644)
    port = free_port()
    with mosquitto(write_config(tmp_path, port, tls=True), port):
        url = url_of(port, "mqtts")
        async with publishing(url, tls_ca_file=str(tmp_path / "cert.pem")) as (publisher, _):
            await publisher.send(PublishOutside("q", b"x"))
            await publisher.ask(Flush(), within=PATIENCE)
        for ca_file in ("", str(tmp_path / "none.pem")):
            with capture_logs() as entries:
                async with publishing(url, tls_ca_file=ca_file) as (_, system):
                    await until_lost(entries)
                    assert facts(system)["connected"] is False


async def test_it_stops_at_once_while_connecting(tmp_path: Path) -> None:
    """A broker that accepts and says nothing holds nobody up."""
    port = free_port()
    [listener] = await trio.open_tcp_listeners(port, host="127.0.0.1")
    async with listener:
        with trio.fail_after(30):
            async with publishing(url_of(port)):
                stream = await listener.accept()
                await stream.receive_some()
            await stream.aclose()


def test_an_address_is_read_from_its_url() -> None:
    assert Address.of_url("mqtt://h") == Address("h", 1883, False)
    assert Address.of_url("mqtts://u:p%40@h:1") == Address("h", 1, True, "u", "p@")
    assert "p@" not in repr(Address.of_url("mqtts://u:p%40@h:1"))


@pytest.mark.parametrize("url", ["http://h", "mqtt://", "mqtt://h/x", "h:1883", "mqtt://h:99999"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        AuviousBrokerSettings(url=url)


@pytest.mark.parametrize("topic", ["", "/", "a/+", "#", "$SYS/a"])
def test_topics_with_a_meaning_are_refused(topic: str) -> None:
    with pytest.raises(ValueError):
        AuviousBrokerSettings(topic=topic)


@pytest.mark.parametrize(
    ("text", "found"),
    [("alice", "alice"), ("a/b+c#d%", "a%2Fb%2Bc%23d%25"), ("\0é", "%00é"), ("\ud800", "?")],
)
def test_names_become_one_level_of_a_topic(text: str, found: str) -> None:
    assert level(text) == found
