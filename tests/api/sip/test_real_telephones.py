"""Two of our telephones call each other on loopback, with the agent and all transports."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import Any

import pytest
import trio

from actors.words.calls import (
    CallDescription,
    CallEnd,
    CallSection,
    LegAnswered,
    LegConfirmed,
    LegEnded,
)
from api.sip.agents import make_agent
from api.sip.flows import Transport
from api.sip.strangers import ADDRESS_BURST
from media.contract.codec import Codec
from media.contract.plans import Remote
from tests.support.sip_wire import HOST, until
from tests.support.telephones import NotedCall, OpenTelephone, call, open_telephone
from tests.support.tls import NAME

PCMU = Codec("pcmu", 8000, 0)
NO_CALLS = {"allow": (), "users": {"ann": "sesame"}}


def sound(port: int) -> CallDescription:
    return CallDescription((CallSection("audio", (PCMU,), Remote((HOST, port))),))


async def answered(it: NotedCall) -> LegAnswered:
    await until(lambda: any(isinstance(each, LegAnswered | LegEnded) for each in it.told))
    (answer,) = [each for each in it.told if isinstance(each, LegAnswered)]
    return answer


async def confirmed(there: OpenTelephone) -> None:
    await until(lambda: any(isinstance(each, LegConfirmed) for each in there.rooms.told))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every name lead to loopback."""

    async def found(host: str, port: int, **_: object) -> list[object]:
        await trio.lowlevel.checkpoint()
        return [(0, 0, 0, "", (HOST, port))]

    monkeypatch.setattr(trio.socket, "getaddrinfo", found)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.usefixtures("names")
async def test_a_call_is_taken_and_hung_up_by_either_side(transport: Transport) -> None:
    allow = {"call_allow": (NAME,)}
    async with (
        open_telephone(make_agent, transport, answer=sound(4002)) as there,
        open_telephone(make_agent, **allow) as here,
    ):
        for by_them in (False, True):
            there.rooms.told.clear()
            made = await call(here.telephone, there.uri(transport, "lobby", NAME), sound(4000))
            answer = (await answered(made)).answer
            assert answer.sections[0].remote is not None
            assert answer.sections[0].remote.rtp == (HOST, 4002)
            await confirmed(there)
            invited = there.rooms.calls[-1]
            assert invited.user == "lobby"
            assert invited.offer is not None
            assert invited.offer.sections[0].codecs == (PCMU,)
            (invited if by_them else made).leg.hang_up()
            await until(lambda made=made: made.end is CallEnd.HUNG_UP)  # type: ignore[misc]
            await until(lambda: LegEnded(CallEnd.HUNG_UP) in there.rooms.told)
        assert here.telephone.facts()["calls"] == there.telephone.facts()["calls"] == 0


async def test_a_call_is_refused_in_words() -> None:
    async with open_telephone(make_agent) as there, open_telephone(make_agent) as here:
        made = await call(here.telephone, there.uri("udp"), sound(4000))
        await until(lambda: bool(there.rooms.calls))
        there.rooms.calls[0].leg.refuse(CallEnd.BUSY)
        await until(lambda: made.end is CallEnd.BUSY)


async def test_who_hangs_up_before_the_answer_cancels() -> None:
    async with open_telephone(make_agent) as there, open_telephone(make_agent) as here:
        made = await call(here.telephone, there.uri("udp"), sound(4000))
        await until(lambda: bool(there.rooms.calls))
        made.leg.hang_up(CallEnd.CANCELLED)
        await until(lambda: LegEnded(CallEnd.CANCELLED) in there.rooms.told)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_drain_says_goodbye(transport: Transport) -> None:
    async with (
        open_telephone(make_agent, transport, answer=sound(4002)) as there,
        open_telephone(make_agent) as here,
    ):
        made = await call(here.telephone, there.uri(transport), sound(4000))
        await answered(made)
        await confirmed(there)
        with trio.fail_after(30):
            await here.telephone.drain()
        await until(lambda: LegEnded(CallEnd.HUNG_UP) in there.rooms.told)


async def test_the_end_of_the_actor_says_goodbye() -> None:
    async with open_telephone(make_agent, answer=sound(4002)) as there:
        async with open_telephone(make_agent) as here:
            made = await call(here.telephone, there.uri("udp"), sound(4000))
            await answered(made)
            await confirmed(there)
        assert made.end is CallEnd.STOPPED
        await until(lambda: LegEnded(CallEnd.HUNG_UP) in there.rooms.told)


def trunk_of(there: OpenTelephone) -> str:
    """Return how Ann is known there."""
    return f"sip:ann@localhost:{there.port('udp')}"


async def test_a_password_lets_in_and_a_wrong_one_does_not() -> None:
    async with (
        open_telephone(make_agent, answer=sound(4002), **NO_CALLS) as there,
        open_telephone(make_agent, trunk=trunk_of(there), users={"ann": "sesame"}) as good,
        open_telephone(make_agent, trunk=trunk_of(there), users={"ann": "x"}) as bad,
    ):
        uri = there.uri("udp", host="localhost")
        made = await call(bad.telephone, uri, sound(4000))
        await until(lambda: made.end is CallEnd.NOT_ALLOWED)
        assert there.rooms.calls == []
        made = await call(good.telephone, uri, sound(4000))
        await answered(made)


async def test_guessing_passwords_ends_in_silence() -> None:
    async with (
        open_telephone(make_agent, failures=3, **NO_CALLS) as there,
        open_telephone(make_agent, trunk=trunk_of(there), users={"ann": "x"}) as bad,
    ):
        for _ in range(5):
            await call(bad.telephone, there.uri("udp", host="localhost"), sound(4000))
        await until(lambda: there.telephone.tally.refused["guessing"] > 0)
        assert there.rooms.calls == []


INVITE = """INVITE sip:lobby@127.0.0.1 SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{branch};rport\r
Max-Forwards: 70\r
From: <sip:x@127.0.0.1>;tag=a{branch}\r
To: <sip:lobby@127.0.0.1>\r
Call-ID: call{branch}\r
CSeq: 1 INVITE\r
Contact: <sip:x@127.0.0.1:{port}>\r
Content-Length: 0\r
\r
"""


async def test_a_flood_of_invites_of_a_stranger_is_bounded_and_hurts_no_call() -> None:
    async with (
        open_telephone(make_agent, answer=sound(4002), **NO_CALLS) as there,
        open_telephone(make_agent, trunk=trunk_of(there), users={"ann": "sesame"}) as here,
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.2", 0))
            sender.setblocking(False)
            port, count = sender.getsockname()[1], there.telephone.tally.messages
            for each in range(600):
                sender.sendto(
                    INVITE.format(port=port, branch=each).encode(), (HOST, there.port("udp"))
                )
                if each % 50 == 49:
                    await until(lambda each=each: count["INVITE"] > each)  # type: ignore[misc]
            answers = set()
            with suppress(BlockingIOError):
                while data := sender.recv(2000):
                    assert data.startswith((b"SIP/2.0 401", b"SIP/2.0 100"))
                    found = re.search(rb"branch=z9hG4bK(\d+)", data)
                    answers.add(found and found[1])
            assert 0 < len(answers) <= ADDRESS_BURST + 20
        assert there.rooms.calls == []
        made = await call(here.telephone, there.uri("udp", host="localhost"), sound(4000))
        await answered(made)


async def test_without_users_a_stranger_is_forbidden() -> None:
    async with open_telephone(make_agent, allow=()) as there, open_telephone(make_agent) as here:
        made = await call(here.telephone, there.uri("udp"), sound(4000))
        await until(lambda: made.end is CallEnd.NOT_ALLOWED)
        assert there.rooms.calls == []


async def test_garbage_hurts_no_call() -> None:
    async with (
        open_telephone(make_agent, "udp", "tcp", answer=sound(4002)) as there,
        open_telephone(make_agent) as here,
    ):
        made = await call(here.telephone, there.uri("udp"), sound(4000))
        await answered(made)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for data in (
                b"\0" * 100,
                b"SIP/2.0 200 OK\r\n\r\n",
                b"BYE sip:x SIP/2.0\r\n\r\n",
                b"\r\n",
            ):
                sender.sendto(data, (HOST, there.port("udp")))
        async with await trio.open_tcp_stream(HOST, there.port("tcp")) as stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with trio.fail_after(30), suppress(trio.BrokenResourceError):
                while await stream.receive_some():
                    pass
        await confirmed(there)
        assert made.end is None
        made.leg.hang_up()
        await until(lambda: LegEnded(CallEnd.HUNG_UP) in there.rooms.told)
        assert len(there.agents) == 1


async def test_options_are_answered_to_whom_may_call() -> None:
    options = INVITE.replace("INVITE", "OPTIONS")
    for allow in (True, False):
        plan: dict[str, Any] = {} if allow else {"allow": ()}
        async with open_telephone(make_agent, **plan) as there:
            sender = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
            with sender:
                await sender.bind((HOST, 0))
                text = options.format(port=sender.getsockname()[1], branch="1")
                await sender.sendto(text.encode(), (HOST, there.port("udp")))
                with trio.move_on_after(5 if allow else 0.2):
                    assert (await sender.recv(4000)).startswith(
                        b"SIP/2.0 200" if allow else b"SIP/2.0 4"
                    )


async def test_a_room_is_registered_where_nobody_registers_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.sip.accounts.FIRST_PAUSE", 0.01)
    async with open_telephone(make_agent) as there, open_telephone(make_agent) as here:
        assert here.telephone.register("a", f"{HOST}:{there.port('udp')}", "alice", "x")
        await until(lambda: here.telephone.tally.registrations["failed"] > 1)
        assert here.telephone.facts()["registered"] == 0
