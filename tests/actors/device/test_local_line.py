"""The line of a peer of this server: by way of the switchboard."""

from __future__ import annotations

import pytest
import trio
from msgspec import Raw

from actors.device.line import LineEvent, LineFrame, LineUp, LocalLine
from actors.signalling.frames import relayed, text
from actors.words.facts import Signalled, Unreached
from actors.words.keys import MemberKey, peers_realm
from tests.support.actors import settle
from tests.support.device_peers import ONE, DeviceYard, open_yard

CAMERA = MemberKey(ONE, "camera")
FRAME = relayed("OFFER", text("camera"), "ann", Raw(b'{"x":1}'))


def line_of(yard: DeviceYard, key: MemberKey = CAMERA) -> LocalLine:
    return LocalLine(yard.switchboard, key, "a", lambda: 5.0)


async def told_by(line: LocalLine) -> list[LineEvent]:
    """Return what a line tells in its first step: it waits for nothing."""
    told: list[LineEvent] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        await line.run(told.append)
    assert not scope.cancelled_caught
    return told


async def test_it_is_up_at_once_with_what_has_waited() -> None:
    async with open_yard() as yard:
        for body in (b"1", b"2"):
            signal = Signalled("ann", body, "192.0.2.7")
            await yard.switchboard.signal(CAMERA, signal, "b", 5.0)
        frames = [LineFrame(body, "192.0.2.7") for body in (b"1", b"2")]
        assert await told_by(line_of(yard)) == [LineUp(), *frames]
        assert await told_by(line_of(yard)) == [LineUp()]


async def test_what_is_signalled_says_who_says_it() -> None:
    async with open_yard() as yard:
        _, ann = await yard.browse("ann")
        assert await line_of(yard).signal("OFFER", "ann", FRAME)
        await settle()
        assert ann.shown(Signalled) == [Signalled("camera", FRAME, "127.0.0.1")]


@pytest.mark.parametrize(
    ("kind", "waits"), [("OFFER", 1), ("ANSWER", 1), ("CANDIDATE", 1), ("LEAVE", 0)]
)
async def test_only_calling_waits_for_who_is_absent(kind: str, waits: int) -> None:
    async with open_yard() as yard:
        assert await line_of(yard).signal(kind, "ann", FRAME) == bool(waits)
        assert yard.absent.messages == waits


async def test_who_is_refused_is_told_so_if_he_is_there() -> None:
    async with open_yard() as yard:
        _, ann = await yard.browse("ann")
        for to in ("nobody", "ann", " "):
            await line_of(yard).refuse(to)
        await settle()
        assert ann.shown(Unreached) == [Unreached("camera")]


@pytest.mark.parametrize("id_", ["", " ann", "a\nb", "x" * 257, "\ud800"])
async def test_nobody_can_be_called_that(id_: str) -> None:
    async with open_yard() as yard:
        assert not await line_of(yard).signal("OFFER", id_, FRAME)
        assert yard.absent.messages == 0


async def test_keys_are_apart() -> None:
    async with open_yard() as yard:
        _, ann = await yard.browse("ann")
        other = line_of(yard, MemberKey(peers_realm("two"), "camera"))
        assert await other.signal("OFFER", "ann", FRAME)
        await settle()
        assert ann.shown(Signalled) == []
        assert yard.absent.messages == 1
