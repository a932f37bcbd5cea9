"""Plain RTP of telephones over real sockets: symmetric, with keys, and with comfort noise."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from struct import pack

import pytest
import trio

from media.contract.plans import DigitPressed, PortReceives, PortSends, PortWanted, Remote
from media.local_engine import LocalEngine, open_local_engine
from media.rtp import rtcp
from media.rtp.router import Codec, RtpSource
from media.rtp.rtp_packet import write_packet
from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.rtp import Receiver, a_sink, a_source, read, rtp

HERE = "127.0.0.1"
PCMU = Codec("pcmu", 8000, 0)
G722 = Codec("g722", 8000, 9)  # its clock is half of its rate (RFC 3551, 4.5.2)
DIGITS = 101
SOUND = bytes(160)


class Phone:
    """Somebody with a pair of sockets, on an address of its own."""

    def __init__(self, host: str = HERE) -> None:
        self._around = ExitStack()
        self.rtp, self.rtcp = (self._bound(host) for _ in range(2))
        self._number = random.randrange(1 << 16)

    def _bound(self, host: str) -> trio.socket.SocketType:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._around.callback(bound.close)
        bound.setblocking(False)
        bound.bind((host, 0))
        return trio.socket.from_stdlib_socket(bound)

    @property
    def remote(self) -> Remote:
        return Remote(self.rtp.getsockname(), self.rtcp.getsockname())

    async def say(self, to: tuple[str, int], payload: bytes = SOUND, kind: int = 0) -> None:
        self._number += 1
        packet = write_packet(kind, 0, self._number, 160 * self._number, 9, payload)
        await self.rtp.sendto(packet, to)

    async def press(self, to: tuple[str, int], code: int, lasted: int, began: int, end: bool):
        self._number += 1
        payload = pack("!BBH", code, 0x80 * end, lasted)
        packet = write_packet(DIGITS, 0, self._number, began, 9, payload)
        await self.rtp.sendto(packet, to)

    async def hears(self) -> bytes:
        with trio.fail_after(30):
            return (await self.rtp.recvfrom(2000))[0]

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        self._around.close()


class Line:
    """An open port, what comes of it, and what is sent by it."""

    def __init__(self, engine: LocalEngine, told: list[DigitPressed]) -> None:
        self.engine, self.told = engine, told
        self.receiver = Receiver()
        self.speaker: RtpSource = a_source("speaker", codec=PCMU)
        self._number = 0

    async def open(self, remote: Remote, *, mux: bool = False, symmetric: bool = True) -> None:
        receives = PortReceives("audio", PCMU, digits=DIGITS)
        sends = PortSends("audio", PCMU, remote, symmetric=symmetric)
        wanted = PortWanted(HERE, mux=mux, receives=receives, sends=sends)
        facts = await self.engine.open_port("line", wanted, self.told.append)
        self.address, self.rtcp_address = facts.address, facts.rtcp_address
        router = self.engine.router
        router.add_source(self.speaker)
        router.add_sink(a_sink("ear", codec=PCMU, receiver=self.receiver))
        router.attach("speaker", "line/out")
        router.attach("line/in", "ear")
        await trio.sleep(0.01)  # the kernel's clock is read with an error when the machine is busy

    async def change(self, remote: Remote) -> None:
        receives = PortReceives("audio", PCMU, digits=DIGITS)
        sends = PortSends("audio", PCMU, remote, symmetric=True)
        await self.engine.change_port("line", receives, sends)

    async def strangers(self) -> int:
        return (await self.engine.port_facts("line")).strangers

    def speak(self) -> None:
        self._number += 1
        self.speaker.feed(rtp(self._number, 160 * self._number, SOUND, payload_type=0), 1.0)

    async def reaches(self, phone: Phone) -> None:
        """Wait until what is spoken comes to this one."""
        with trio.fail_after(30):
            while True:
                self.speak()
                with trio.move_on_after(0.02):
                    await phone.rtp.recvfrom(2000)
                    return

    async def heard(self, count: int) -> None:
        with trio.fail_after(30):
            while len(self.receiver.data) < count:
                await trio.sleep(0.001)

    async def pressed(self, count: int) -> None:
        with trio.fail_after(30):
            while len(self.told) < count:
                await trio.sleep(0.001)


@asynccontextmanager
async def a_line(media_loop: MediaLoop) -> AsyncIterator[Line]:
    async with open_local_engine(media_loop) as engine:
        yield Line(engine, [])


@pytest.mark.parametrize("mux", [False, True])
async def test_it_is_sent_to_where_the_other_side_is_and_so_is_rtcp(
    media_loop: MediaLoop, mux: bool
):
    async with a_line(media_loop) as line:
        with Phone() as told, Phone("127.0.0.2") as phone:
            await line.open(told.remote, mux=mux)
            line.speak()
            await told.hears()
            await phone.say(line.address)
            await line.heard(1)
            await line.reaches(phone)
            rtcp_socket = phone.rtp if mux else phone.rtcp
            report = rtcp.write_sender_report(rtcp.SenderReport(9, 1 << 40, 0, 1, 10), "them")
            await rtcp_socket.sendto(report, line.rtcp_address)
            with trio.fail_after(30):  # a report is due with the first packet, and each second
                while True:
                    got, _ = await rtcp_socket.recvfrom(2000)
                    found = rtcp.parse_rtcp(got) or [None]
                    if isinstance(found[0], rtcp.SenderReport):
                        break
                    line.speak()


async def test_who_was_told_takes_the_port_back_and_nobody_else_takes_it(media_loop: MediaLoop):
    async with a_line(media_loop) as line:
        with Phone() as told, Phone("127.0.0.2") as thief, Phone("127.0.0.3") as other:
            await line.open(told.remote)
            await thief.rtp.sendto(b"no packet", line.address)
            await thief.say(line.address, kind=8)  # of another payload type
            await thief.say(line.address)
            await line.reaches(thief)
            await other.say(line.address)
            await told.say(line.address)
            await line.reaches(told)
            for _ in range(3):
                await thief.say(line.address)
                await other.say(line.address)
            while await line.strangers() < 9:
                await trio.sleep(0.001)
            line.speak()
            await told.hears()
            assert len(line.receiver.data) == 1  # what the thief has sent


async def test_another_remote_is_sent_to_and_found_anew(media_loop: MediaLoop):
    async with a_line(media_loop) as line:
        with Phone() as first, Phone("127.0.0.2") as nat, Phone("127.0.0.3") as second:
            await line.open(first.remote)
            await nat.say(line.address)
            await line.reaches(nat)
            await line.change(second.remote)
            await nat.say(line.address)  # is still on its way
            await line.heard(2)
            await line.reaches(second)
            await second.say(line.address)
            await line.reaches(second)
            await nat.say(line.address)
            while not await line.strangers():
                await trio.sleep(0.001)


async def test_keys_are_told_and_no_sound_is_missing_where_they_were(media_loop: MediaLoop):
    async with a_line(media_loop) as line:
        with Phone() as phone:
            await line.open(phone.remote)
            await phone.say(line.address)
            for lasted, end in ((160, False), (800, True), (800, True), (800, True)):
                await phone.press(line.address, 5, lasted, 7000, end)
            await phone.say(line.address, b"\x40", kind=13)  # comfort noise
            await phone.say(line.address)
            await line.heard(2)
            first, second = map(read, line.receiver.data)
            assert (second.sequence - first.sequence) & 0xFFFF == 1
            assert (second.timestamp - first.timestamp) % (1 << 32) == 6 * 160
            assert line.told == [DigitPressed("line", "5", 100)]
            facts = await line.engine.port_facts("line")
            assert facts.received is not None
            assert (facts.received.lost, facts.received.counts.foreign) == (0, 0)


async def test_a_key_whose_end_got_lost_is_told_after_a_while(media_loop: MediaLoop):
    async with a_line(media_loop) as line:
        with Phone() as phone:
            await line.open(phone.remote)
            await phone.press(line.address, 11, 400, 7000, False)
            await line.pressed(1)
            assert line.told == [DigitPressed("line", "#", 50)]
            await phone.press(line.address, 10, 800, 17_000, True)
            await line.pressed(2)


async def test_one_who_cannot_bear_to_hear_of_keys_hurts_nobody():
    def raises(_: DigitPressed) -> None:
        raise RuntimeError("a bug")

    async with open_media_loop() as media_loop, open_local_engine(media_loop) as engine:
        with Phone() as phone:
            receives = PortReceives("audio", PCMU, digits=DIGITS)
            facts = await engine.open_port("one", PortWanted(HERE, receives=receives), raises)
            source = engine.router._sources["one/in"]
            with trio.fail_after(30):
                while not source.counts.packets:  # what came before it was open is not taken
                    await phone.say(facts.address)
                    await trio.sleep(0.001)
                await phone.press(facts.address, 5, 800, 7000, True)
                while not engine.stray_errors:
                    await trio.sleep(0.001)
                before = source.counts.packets
                await phone.say(facts.address)
                while source.counts.packets == before:
                    await trio.sleep(0.001)
            assert engine.stray_errors == 1


async def test_a_flood_of_garbage_from_elsewhere_leaves_a_call_alone(media_loop: MediaLoop):
    chance = random.Random(7)
    async with a_line(media_loop) as line:
        with Phone() as phone, Phone("127.0.0.2") as stranger:
            await line.open(phone.remote)
            await phone.say(line.address)
            await line.heard(1)
            for number in range(200):
                await stranger.rtp.sendto(chance.randbytes(number), line.address)
                await stranger.rtcp.sendto(chance.randbytes(number), line.rtcp_address)
                await stranger.press(line.address, 5, 800, 7000 * number, True)
                await phone.rtp.sendto(chance.randbytes(number % 20), line.address)
                if number % 50 == 0:
                    await line.reaches(phone)
            await phone.say(line.address)
            await line.heard(2)
            await line.reaches(phone)
            assert line.told == []


async def test_g722_counts_in_8000_though_it_has_16000_samples(media_loop: MediaLoop):
    async with open_local_engine(media_loop) as engine:
        receiver = Receiver()
        with Phone() as phone:
            receives = PortReceives("audio", G722)
            facts = await engine.open_port("line", PortWanted(HERE, receives=receives))
            sink = a_sink("ear", codec=G722, receiver=receiver)
            engine.router.add_sink(sink)
            engine.router.attach("line/in", "ear")
            for _ in range(3):
                await phone.say(facts.address, kind=9)
            with trio.fail_after(30):
                while len(receiver.data) < 3:
                    await trio.sleep(0.001)
        times = [read(it).timestamp for it in receiver.data]
        assert [(after - times[0]) % (1 << 32) for after in times] == [0, 160, 320]
