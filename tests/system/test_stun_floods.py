"""Datagrams of strangers at one media port: the call there and everybody else go on."""

from __future__ import annotations

import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from media.webrtc.bridge import MediaLoop, open_media_loop
from media.webrtc.stun_screen import COOKIE
from tests.support.bystander import bystander, datagrams_to
from tests.support.owt_media import Caller, calling
from tests.support.owt_portal import CONFIG, Elsewhere, guest
from tests.support.process import launched

MEDIA = CONFIG + 'ice = { listen_ips = ["127.0.0.1"] }\n'
FLOOD_SECONDS = 5.0
LONGEST = 20.0  # seconds of a flood on a machine that has little time for the picture
GROWS_MIB = 40.0
WAITS = 3.0  # seconds, of others, on a machine with much else to do
PACKETS = 20  # of the picture, in the time of the flood; 90 or so are sent
NEW_CALL = 15.0
AFTER = 60.0  # seconds, until the call flows as before


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


def stun(attributes: bytes = b"") -> bytes:
    """Return a binding request with any transaction id."""
    return struct.pack("!HHI", 1, len(attributes), COOKIE) + bytes(12) + attributes


def named(name: bytes, size: int) -> bytes:
    """Return a binding request of somebody, with that much of something else in it."""
    other = struct.pack("!HH", 0x8022, size) + bytes(size)
    return stun(struct.pack("!HH", 6, len(name)) + name + bytes(-len(name) % 4) + other)


def port_of(caller: Caller, id_: str) -> int:
    """Return the media port of the server that a connection uses."""
    lines = caller.open[id_].pc.remoteDescription.sdp.splitlines()
    (port,) = {int(line.split()[5]) for line in lines if line.startswith("a=candidate")}
    return port


def fragment_of(caller: Caller, id_: str) -> bytes:
    """Return the server's part of the user name, which only participants know."""
    lines = caller.open[id_].pc.remoteDescription.sdp.splitlines()
    return next(line for line in lines if line.startswith("a=ice-ufrag:"))[12:].encode()


@pytest.mark.parametrize("kind", ["empty", "long", "ours"])
async def test_a_flood_at_one_port_ends_no_call_and_keeps_nobody_away(
    tmp_path: Path, loop: MediaLoop, kind: str
) -> None:
    async with launched(tmp_path, MEDIA) as process:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        async with (
            guest(server, room) as one,
            guest(server, room, "bob") as two,
            guest(server, room, "cat") as three,
            calling(one, loop) as ann,
            calling(two, loop) as bob,
            calling(three, loop) as cat,
        ):
            stream = await ann.publish()
            taken = await bob.subscribe(video=stream)
            await bob.frames(taken)
            came = bob.open[taken].seen["video"].sequence
            port, name = port_of(ann, stream), fragment_of(ann, stream) + b":made-up"
            attack = {"empty": stun(), "long": named(b"who:me", 1300), "ours": named(name, 60)}
            async with bystander(process) as others:
                with datagrams_to(port, [attack[kind]], LONGEST) as flood:
                    await trio.sleep(0.5)
                    before, began = len(came), time.monotonic()
                    with trio.move_on_after(NEW_CALL):
                        await cat.publish()
                    took = time.monotonic() - began
                    await trio.sleep(max(0.0, began + FLOOD_SECONDS - time.monotonic()))
                    while kind != "ours" and len(came) < before + PACKETS:
                        if flood.poll() is not None:
                            break
                        await trio.sleep(0.05)
                    seen = len(came) - before
            print(f"{kind}: {others}; {seen} packets; a new call in {took:.1f} s")
            assert others.grown < GROWS_MIB
            assert others.worst_but_one < WAITS
            assert others.worst < FLOOD_SECONDS
            assert took < NEW_CALL
            if kind != "ours":  # else it is a participant who floods his own call
                assert seen >= PACKETS
            with trio.fail_after(AFTER):
                while len(came) < before + seen + PACKETS:
                    await trio.sleep(0.05)
    assert process.troubles() == []
