"""What sessions of devices are told of where the other side connects from."""

from __future__ import annotations

import json

import pytest

from actors.device.line import LineFrame
from actors.device.offers import write_answer
from actors.signalling.frames import relayed, text
from actors.words.facts import Signalled
from tests.support.actors import settle
from tests.support.device_peers import LOOPBACK, WANTED, Raw, open_yard, pair, scripted, session


async def test_who_offers_is_known_by_his_offer() -> None:
    async with open_yard() as yard:
        yard.limit(remote_allow=(LOOPBACK,))
        camera = await yard.open("camera")
        camera.hear("ann", "OFFER", await yard.offer("dc_1"), "192.0.2.7")
        camera.hear("eve", "OFFER", await yard.offer("dc_2"))
        await settle()
        wanted = [session(yard, id_).wanted for id_ in yard.watcher.connections()]
        assert {each.remote_address for each in wanted} == {"192.0.2.7", None}
        assert {each.remote_allow for each in wanted} == {("127.0.0.0/8",)}


@pytest.mark.parametrize("address", [None, "192.0.2.7"])
async def test_who_is_called_is_known_by_his_answer(address: str | None) -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        _, ann = await yard.browse("ann")
        called = await camera.connect("ann")
        (signal,) = ann.shown(Signalled)
        assert isinstance(signal, Signalled)
        payload = json.loads(signal.body)["payload"]
        assert session(yard, called).wanted.remote_address is None
        theirs = await yard.engine.open_session("ann's", WANTED, lambda _event: None)
        answer = (await theirs.accept_offer(payload["sdp"]["sdp"])).sdp
        said = write_answer(payload["connectionId"], "data", answer)
        camera.hear("ann", "ANSWER", said, address)
        await settle()
        assert session(yard, called).answer_from == address


async def test_two_devices_of_this_server_are_of_this_machine() -> None:
    async with open_yard() as yard:
        _, called, incoming = await pair(yard)
        assert session(yard, incoming).wanted.remote_address == "127.0.0.1"
        assert session(yard, called).answer_from == "127.0.0.1"


@pytest.mark.parametrize("address", [None, "192.0.2.7"])
async def test_what_a_line_tells_has_the_address_of_its_frame(address: str | None) -> None:
    async with open_yard() as yard:
        _, line = await scripted(yard)
        frame = relayed("OFFER", text("ann"), "camera", Raw(await yard.offer("dc_1")))
        line.tell(LineFrame(frame, address))
        await settle()
        (id_,) = yard.watcher.connections()
        assert session(yard, id_).wanted.remote_address == address
