"""What two listeners of one server have in common: people, sessions that poll, cameras."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from api.http.mounts import Place
from tests.support.barertc import PATIENCE, BareTester, PollLink, barertc_server
from tests.support.serving import CARRIERS, second_listener


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_people_on_two_listeners_are_in_one_chat(tmp_path: Path, carrier: str) -> None:
    async with barertc_server(tmp_path, carrier) as server:
        mount = server.mount_at(Place(root=False, secure=False))
        async with (
            second_listener(server.services, mount) as other,
            server.person("ann") as ann,
            server.connected(path="/barertc/ws", at=other) as bob,
        ):
            await bob.log_in("ann")
            assert bob.name == "ann 2"
            await ann.listed("ann", "ann 2")
            await ann.say("hi", "@ann 2")
            assert (await bob.until("message"))["channel"] == "@ann"
            await ann.send("me", video=1, status="online")
            while not (await bob.listed("ann", "ann 2"))["ann"]["video"]:
                pass
            await bob.send("open", username="ann")
            assert (await ann.until("ring"))["username"] == "ann 2"


async def test_a_client_polls_at_both_listeners_with_one_session(tmp_path: Path) -> None:
    async with barertc_server(tmp_path) as server:
        mount = server.mount_at(Place(root=False, secure=False))
        async with (
            second_listener(server.services, mount) as other,
            server.http() as http,
            httpx.AsyncClient(base_url=other.url, timeout=PATIENCE) as elsewhere,
            server.person("bob") as bob,
        ):
            link = PollLink(http)
            ann = BareTester(link)
            await ann.log_in("ann")
            await bob.say("hi")
            await bob.until("message")
            link.http, link.path = elsewhere, "/barertc/poll"
            assert (await ann.until("message"))["message"] == "<p>hi</p>"
            await ann.say("ho")
            assert (await bob.until("message", username="ann"))["message"] == "<p>ho</p>"


async def test_a_socket_at_one_listener_puts_off_that_at_the_other(tmp_path: Path) -> None:
    async with barertc_server(tmp_path) as server:
        mount = server.mount_at(Place(root=False, secure=False))
        async with (
            second_listener(server.services, mount) as other,
            server.person("ann", claims={}) as old,
            server.connected(path="/barertc/ws", at=other) as new,
        ):
            await new.log_in(jwt=server.token("ann"))
            assert new.name == "ann"
            await old.until("disconnect")
            await new.say("hi")
            assert (await new.until("message"))["username"] == "ann"
