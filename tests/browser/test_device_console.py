"""The operator's console while devices talk: who is there, and what goes through."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.at_console import CONFIG, TOKEN, at_console
from tests.support.device_program import GATEWAY, Program, ProgramPeer, Socket, Udp, udp
from tests.support.person import ARTIFACTS
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

OPUS, WRONG = 111, 96
PATIENCE = 30.0


def sound(socket: Socket) -> dict[str, Any]:
    """Return the constraints of a call that sends sound."""
    sent = {"band_width": 0, "codec": "OPUS", "media_id": socket.id, "payload_type": OPUS}
    return {"video": False, "audio": True, "audioReceiveEnabled": True, "audio_params": sent}


def packet(payload_type: int, number: int) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, number, number * 960, 7) + b"opus"


def connect(robot: ProgramPeer, arm: ProgramPeer, feed: Socket, own: Udp) -> None:
    """Connect two peers; what comes to `feed` arrives at `own`."""
    to = {"params": {"data_id": feed.id}, "options": {"serialization": "NONE"}}
    path = robot.connect(arm.id, **to)
    theirs = arm.connected()
    robot.program.wait_for(path, "OPEN")
    robot.program.ask("PUT", theirs, 200, {"redirect_params": own.redirect})


def call(robot: ProgramPeer, arm: ProgramPeer, ours: Socket, theirs: Socket, own: Udp) -> None:
    """Have one peer call another; what comes to the socket of one arrives at `own`."""
    path = robot.call(arm.id, sound(ours))
    answered = arm.called()
    body = {"constraints": sound(theirs), "redirect_params": {"audio": own.redirect}}
    robot.program.ask("POST", f"{answered}/answer", 202, body)
    for side in (path, answered):
        while not robot.program.ask("GET", f"{side}/status", 200)["open"]:
            time.sleep(0.05)


def cells(table: Locator) -> list[list[str]]:
    """Return what the rows of a table say."""
    rows = table.locator("tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def until_it_holds(page: Page, check: Callable[[], None]) -> None:
    """Check what a page shows until it is so; rows may be replaced while they are read."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            check()
        except (AssertionError, LookupError, ValueError):
            if time.monotonic() > deadline:
                raise
            page.wait_for_timeout(500)
        else:
            return


def table(page: Page, name: str) -> Locator:
    return page.get_by_role("table", name=name)


def metrics(url: str) -> set[str]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return set(httpx.get(f"{url}-/metrics", headers=headers).text.splitlines())


def test_devices_are_shown_with_their_counters_and_stopped_by_keys(
    browser: Browser, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(config=GATEWAY + CONFIG)
    with (
        Program(server.url) as program,
        udp() as own,
        udp() as heard,
        at_console(browser, server.url, viewport={"width": 1300, "height": 1200}) as console,
    ):
        page, keys = console.page, console.keys
        console.enters()
        console.opens("Devices")
        expect(page.locator("#view")).to_contain_text("No peer of the SkyWay gateway is here.")
        expect(page.locator("#view table")).to_have_count(4)
        expect(page.get_by_role("table")).to_have_count(0)

        robot, arm = program.peer("robot"), program.peer("arm")
        feed, unused = program.data_socket(), program.rtcp_socket()
        ours, theirs = (program.media_socket(video=False) for _ in range(2))
        connect(robot, arm, feed, own)
        call(robot, arm, ours, theirs, heard)
        for number in range(10):
            own.send(b"x" * 100, feed)
            heard.send(packet(OPUS, number), ours)
        heard.send(packet(WRONG, 11), ours)
        own.until(10)
        heard.until(10)

        expect(page.locator("#view caption")).to_have_text(
            ["Peers: 2", "Data connections: 2", "Media connections: 2", "UDP sockets: 4"]
        )
        data = table(page, "Data connections: 2")
        expect(data).to_contain_text("10 · 1000 B")  # looked at every five seconds
        expect(table(page, "Media connections: 2")).to_contain_text("opus")
        expect(table(page, "UDP sockets: 4")).to_contain_text("1000 B")
        page.wait_for_timeout(6000)  # all have looked by now, unless the machine is busy

        def shown() -> None:
            """Check what the tables say."""
            assert sorted(cells(table(page, "Peers: 2"))) == [
                ["arm", "peers.peerjs", "yes", "2", "0"],
                ["robot", "peers.peerjs", "yes", "2", "0"],
            ]
            assert sorted(row[1:] for row in cells(data)) == [
                ["arm", "robot", "open", "10 · 1000 B", "0 · 0 B", "0"],
                ["robot", "arm", "open", "0 · 0 B", "10 · 1000 B", "0"],
            ]
            media = {row[1]: row[2:] for row in cells(table(page, "Media connections: 2"))}
            assert media["arm"][:3] == ["robot", "open", "audio, opus"]
            assert media["arm"][3].startswith("10 · 40 B · ")
            assert media["robot"][4].startswith("10 · 40 B · ")
            assert (media["robot"][5], media["arm"][5]) == ("1", "0")  # of a wrong payload type
            assert media["robot"][6] == "–"
            assert int(media["arm"][6]) > 0
            sockets = {row[0]: row[1:] for row in cells(table(page, "UDP sockets: 4"))}
            port = str(feed.address[1])
            assert sockets[feed.id] == ["data", port, "1", "10", "1000 B", "0", "–"]
            port = str(ours.address[1])
            assert sockets[ours.id] == ["audio", port, "1", "10", "40 B", "0", "1"]
            assert sockets[unused.id][:4] == ["rtcp", str(unused.address[1]), "0", "0"]

        until_it_holds(page, shown)
        assert {robot.token, arm.token}.isdisjoint(page.inner_text("body").split())
        page.screenshot(path=ARTIFACTS / "console-devices.png", full_page=True)
        assert {
            "quintet_device_peers 2.0",
            'quintet_device_connections{kind="data"} 2.0',
            'quintet_device_connections{kind="media"} 2.0',
            'quintet_device_sockets{kind="audio"} 2.0',
            'quintet_device_sockets{kind="video"} 0.0',
            'quintet_media_relay_messages_total{direction="in"} 10.0',
            'quintet_media_relay_bytes_total{direction="out"} 1000.0',
        } <= metrics(server.url)

        keys.activate("Actors")
        keys.reach("Path or kind")
        keys.types("data_connection")
        stops = page.get_by_role("button", name="Stop /conferencing/members/")
        expect(stops).to_have_count(2)
        keys.activate(stops.first.get_attribute("aria-label") or "")
        console.confirms(yes="Stop it")
        console.goes("#devices")
        expect(page.locator("#view caption").nth(1)).to_have_text("Data connections: 0")
        robot.end()
        arm.end()
        program.ask("DELETE", f"media/rtcp/{unused.id}", 204)
        expect(page.get_by_role("table")).to_have_count(0)
        assert 'quintet_media_relay_messages_total{direction="in"} 10.0' in metrics(server.url)
