"""Where the other side may be: not in networks that only this machine or its link can reach."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
import trio

from media.contract.candidates import Candidate
from media.contract.session import SessionWanted, State
from media.local_engine import LocalEngine, open_local_engine
from media.webrtc.bridge import MediaLoop
from media.webrtc.peer_facts import IceConfig
from tests.support.sessions import SENDS, TAKES, Told

DENYING = IceConfig(("127.0.0.1",), remote_deny=("127.0.0.0/8", "169.254.0.0/16"))
SECONDS = 1.5  # of checks; the first are sent at once


@pytest.fixture
async def denying(media_loop: MediaLoop) -> AsyncIterator[LocalEngine]:
    async with open_local_engine(media_loop, DENYING) as found:
        yield found


def naming(sdp: str, candidate: str) -> str:
    """Return a description with this candidate alone, in the section that counts."""
    lines = [line for line in sdp.splitlines() if not line.startswith("a=candidate")]
    first = next(place for place, line in enumerate(lines) if line.startswith("a=mid"))
    if candidate:
        lines.insert(first, candidate)
    return "\r\n".join([*lines, ""])


async def datagrams_to_what_is_named(
    engine: LocalEngine, address: str | None, *, trickled: bool, allow: tuple[str, ...] = ()
) -> int:
    """Have somebody name a port of ours that knows nothing of him; return what comes there."""
    with socket.socket(type=socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.setblocking(False)
        named = f"candidate:1 1 udp 99 127.0.0.1 {victim.getsockname()[1]} typ host"
        first = await engine.open_session("first", SessionWanted(SENDS), Told())
        second = await engine.open_session(
            "second", SessionWanted(TAKES, remote_address=address, remote_allow=allow), Told()
        )
        offer = (await first.create_offer()).sdp
        await second.accept_offer(naming(offer, "" if trickled else f"a={named}"))
        if trickled:
            await second.add_candidate(Candidate(named))
        await trio.sleep(SECONDS)
        count = 0
        try:
            while victim.recv(4096):
                count += 1
        except BlockingIOError:
            pass
        await first.close()
        await second.close()
    return count


@pytest.mark.parametrize("trickled", [False, True])
async def test_what_is_named_in_a_denied_network_is_sent_nothing(
    denying: LocalEngine, trickled: bool
):
    assert await datagrams_to_what_is_named(denying, "203.0.113.9", trickled=trickled) == 0


@pytest.mark.parametrize("trickled", [False, True])
async def test_who_comes_from_there_may_name_it(denying: LocalEngine, trickled: bool):
    assert await datagrams_to_what_is_named(denying, "127.0.0.1", trickled=trickled) > 0


@pytest.mark.parametrize("allowed", [False, True])
async def test_who_comes_from_nobody_knows_where_may_name_what_is_allowed(
    denying: LocalEngine, allowed: bool
):
    allow = ("127.0.0.0/8",) if allowed else ("169.254.0.0/16",)
    found = await datagrams_to_what_is_named(denying, None, trickled=True, allow=allow)
    assert (found > 0) is allowed


@pytest.mark.parametrize("address", ["127.0.0.1", "203.0.113.9", None])
async def test_it_may_be_known_with_the_answer_only(denying: LocalEngine, address: str | None):
    with socket.socket(type=socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        named = f"candidate:1 1 udp 99 127.0.0.1 {victim.getsockname()[1]} typ host"
        first = await denying.open_session("first", SessionWanted(SENDS), Told())
        second = await denying.open_session("second", SessionWanted(TAKES), Told())
        answer = (await second.accept_offer((await first.create_offer()).sdp)).sdp
        await first.accept_answer(naming(answer, f"a={named}"), address)
        await trio.sleep(SECONDS)
        victim.setblocking(False)
        try:
            came = len(victim.recv(4096))
        except BlockingIOError:
            came = 0
    assert (came > 0) is (address == "127.0.0.1")


@pytest.mark.parametrize(
    ("address", "connects"), [("203.0.113.9", False), ("127.0.0.1", True), (None, False)]
)
async def test_a_check_from_a_denied_network_is_no_way_around(
    denying: LocalEngine, address: str | None, connects: bool
):
    told, ours = Told(), SessionWanted(SENDS, remote_address="127.0.0.1")
    first = await denying.open_session("first", ours, Told())
    second = await denying.open_session(
        "second", SessionWanted(TAKES, remote_address=address), told
    )
    offer = (await first.create_offer()).sdp
    bare = "".join(line for line in offer.splitlines(True) if not line.startswith("a=candidate"))
    await first.accept_answer((await second.accept_offer(bare)).sdp)
    with trio.move_on_after(15.0 if connects else SECONDS):
        await told.state(State.CONNECTED)
    assert (State.CONNECTED in told.states) is connects
