"""A peer of a device: reached like one with a browser, and driven by a dialect."""

from __future__ import annotations

import json

import pytest
import trio
from trio.testing import MockClock

from actors.device.events import (
    Called,
    Closed,
    Connected,
    ConnectionFailed,
    Opened,
)
from actors.device.messages import (
    EndConnection,
    ShowData,
    ShowPeer,
)
from actors.device.offers import MediaOffer, write_media_offer
from actors.member.messages import (
    Adopt,
    DescribeMember,
    Lost,
    Resume,
    ResumeRefused,
)
from actors.words.device_refusals import PeerIdTaken, TooManyConnections
from actors.words.facts import Signalled, Unreached
from actors.words.keys import MemberKey
from media.contract.session import IceServer
from tests.actors.core.puppet import logged
from tests.support.actors import RecordingClient, settle
from tests.support.device_peers import (
    END,
    ONE,
    WAIT_SECONDS,
    WANTED,
    Device,
    open_yard,
)


def ice(connection: str, number: int = 1) -> bytes:
    candidate = {"candidate": f"candidate:{number} 1 udp 1 192.0.2.1 4000{number} typ host"}
    return json.dumps({"candidate": candidate, "connectionId": connection}).encode()


# --- who it is


async def test_it_opens_once_and_ends_once() -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        assert camera.events == [Opened()]
        shown = await camera.ref.ask(ShowPeer(), within=5)
        assert (shown.id, shown.reachable, shown.connections) == ("camera", True, ())
        await yard.end(camera.ref, END)
        assert camera.events == [Opened(), Closed()]
        assert yard.watcher.gone == [camera.token]
        yard.check_nothing_is_left()


async def test_its_id_is_nobody_elses() -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        with pytest.raises(PeerIdTaken):
            await yard.open("camera")
        with pytest.raises(ResumeRefused):
            await yard.browse("camera")
        await yard.browse("ann")
        with pytest.raises(PeerIdTaken):
            await yard.open("ann")
        assert camera.events == [Opened()]
        assert list(yard.watcher.actors) == [camera.token]


async def test_what_members_are_told_hurts_it_not() -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        for refused in (Resume(RecordingClient(), ""), Adopt(RecordingClient(), "", 1.0)):
            with pytest.raises(ResumeRefused):
                await camera.ref.ask(refused, within=5)
        camera.ref.tell(Lost(RecordingClient()))
        view = await camera.ref.ask(DescribeMember(), within=5)
        assert view.presence.peer == "camera"
        assert camera.events == [Opened()]
        await yard.directory.tell_members(END)
        await settle()
        assert camera.events == [Opened(), Closed()]


async def test_twenty_at_once() -> None:
    async with open_yard() as yard:
        opened: list[Device] = []

        async def open_one(number: int) -> None:
            opened.append(await yard.open(f"camera {number}"))

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(open_one, number)
        assert all(device.events == [Opened()] for device in opened)
        assert len({device.token for device in opened}) == 20


# --- others


async def test_two_devices_find_each_other() -> None:
    async with open_yard() as yard:
        camera, robot = await yard.open("camera"), await yard.open("robot+1")
        called = await robot.connect("camera", metadata='{"a":1}', serialization="raw")
        (incoming,) = set(yard.watcher.connections()) - {called}
        assert len(called) == len(incoming) == 39
        assert camera.events == [Opened(), Connected(incoming)]
        assert robot.events == [Opened()]
        assert yard.events(called) == yard.events(incoming) == [Opened()]
        ours = await yard.watcher.actors[called].ask(ShowData(), within=5)
        theirs = await yard.watcher.actors[incoming].ask(ShowData(), within=5)
        assert (ours.remote, theirs.remote) == ("camera", "robot+1")
        assert ours.label == theirs.label != ""
        assert ours.metadata == theirs.metadata == '{"a":1}'
        assert (ours.serialization, theirs.serialization) == ("raw", "raw")
        assert ours.open
        assert theirs.open
        await yard.end(yard.watcher.actors[called], EndConnection())
        assert yard.events(called) == yard.events(incoming) == [Opened(), Closed()]
        assert not yard.engine.sessions


async def test_a_browser_is_offered_what_peerjs_knows_and_answers() -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        _, ann = await yard.browse("ann")
        called = await camera.connect("ann", metadata='"m"', serialization="json")
        (signal,) = ann.shown(Signalled)
        assert isinstance(signal, Signalled)
        frame = json.loads(signal.body)
        payload = frame["payload"]
        assert (signal.sender, frame["type"], frame["src"], frame["dst"]) == (
            "camera", "OFFER", "camera", "ann",
        )  # fmt: skip
        assert payload["connectionId"] == payload["label"] != called
        assert payload["connectionId"].startswith("dc_")
        assert (payload["type"], payload["metadata"]) == ("data", "m")
        assert (payload["serialization"], payload["reliable"]) == ("json", True)
        session = await yard.engine.open_session("ann's", WANTED, lambda _event: None)
        answer = await session.accept_offer(payload["sdp"]["sdp"])
        assert yard.events(called) == []
        reply = {
            "sdp": {"type": "answer", "sdp": answer.sdp},
            "type": "data",
            "connectionId": payload["connectionId"],
        }
        camera.hear("eve", "ANSWER", json.dumps(reply).encode())
        await settle()
        assert yard.events(called) == [], "somebody else's answer"
        camera.hear("ann", "ANSWER", json.dumps(reply).encode())
        camera.hear("ann", "ANSWER", json.dumps(reply).encode())
        await settle()
        assert yard.events(called) == [Opened()]


async def test_an_offer_of_a_browser_is_answered() -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        _, ann = await yard.browse("ann")
        offer = await yard.offer("dc_1", metadata='{"x":1}')
        camera.hear("ann", "OFFER", offer)
        await settle()
        (id_,) = yard.watcher.connections()
        assert camera.events == [Opened(), Connected(id_)]
        (signal,) = ann.shown(Signalled)
        assert isinstance(signal, Signalled)
        frame = json.loads(signal.body)
        assert frame["type"] == "ANSWER"
        assert frame["payload"]["connectionId"] == "dc_1"
        assert yard.events(id_) == []
        await yard.browsers["dc_1"].accept_answer(frame["payload"]["sdp"]["sdp"])
        await settle()
        assert yard.events(id_) == [Opened()]
        for _ in range(3):
            camera.hear("ann", "OFFER", offer)
        await settle()
        assert yard.watcher.connections() == [id_]
        camera.hear("eve", "OFFER", await yard.offer("dc_1"))
        await settle()
        assert len(yard.watcher.connections()) == 2, "ids are each sender's own"


async def test_a_call_waits_for_an_answer() -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        camera.hear("ann", "OFFER", write_media_offer(MediaOffer("v=0", "mc_1")))
        await settle()
        (id_,) = yard.watcher.connections("mc")
        assert len(id_) == 39
        assert camera.events == [Opened(), Called(id_)]
        assert yard.events(id_) == []


async def test_what_waited_comes_before_what_was_signalled_since() -> None:
    async with open_yard() as yard:
        robot = await yard.open("robot")
        called = await robot.connect("camera")
        assert yard.absent.messages == 1
        camera = await yard.open("camera")
        assert len(camera.events) == 2
        assert yard.events(called) == [Opened()]


async def test_frames_that_come_while_it_opens_are_taken_in_order() -> None:
    async with open_yard() as yard:
        offer = await yard.offer("dc_1")
        for kind, payload in (("OFFER", offer), ("CANDIDATE", ice("dc_1", 1))):
            frame = b'{"type":"%b","src":"ann","payload":%b}' % (kind.encode(), payload)
            key = MemberKey(ONE, "camera")
            assert await yard.switchboard.signal(key, Signalled("ann", frame), "a", 5.0)

        async def signal_early() -> None:
            key = MemberKey(ONE, "camera")
            while await yard.directory.member(key) is None:
                await trio.lowlevel.checkpoint()
            frame = b'{"type":"CANDIDATE","src":"ann","payload":%b}' % ice("dc_1", 2)
            assert await yard.switchboard.signal(key, Signalled("ann", frame), "a", 5.0)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(signal_early)
            await yard.open("camera")
        (id_,) = yard.watcher.connections()
        session = yard.engine.sessions[id_]
        assert [text.split()[0] for text in session.candidates] == ["candidate:1", "candidate:2"]


async def test_candidates_are_those_of_the_sender() -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        called = await camera.connect("ann")
        frame = next(iter(yard.absent._boxes.values())).signals.values()
        connection = json.loads(next(iter(frame)).body)["payload"]["connectionId"]
        for sender in ("ann", "eve"):
            camera.hear(sender, "CANDIDATE", ice(connection))
        camera.hear("ann", "CANDIDATE", ice("another"))
        camera.hear(
            "ann", "CANDIDATE", b'{"connectionId":"%b","candidate":7}' % connection.encode()
        )
        await settle()
        assert len(yard.engine.sessions[called].candidates) == 1


async def test_nobody_of_that_id(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        called = await camera.connect("ann")
        other = await camera.connect("bob")
        await trio.sleep(WAIT_SECONDS + 0.1)
        await yard.switchboard.expire()
        await settle()
        failed = ConnectionFailed("the other side cannot be reached")
        assert yard.events(called) == yard.events(other) == [failed, Closed()]
        for nobody in ("\n", "", "\ud800", "x" * 257):
            nowhere = await camera.connect(nobody)
            assert yard.events(nowhere) == [failed, Closed()]
        assert not yard.engine.sessions


async def test_only_what_is_not_open_ends_when_the_other_side_leaves() -> None:
    async with open_yard() as yard:
        camera, robot = await yard.open("camera"), await yard.open("robot")
        opened = await camera.connect("robot")
        waiting, other = await camera.connect("ann"), await camera.connect("bob")
        for sender in ("robot", "ann"):
            camera.hear(sender, "LEAVE", b"")
        await settle()
        assert yard.events(opened) == [Opened()]
        left = ConnectionFailed("the other side has left")
        assert yard.events(waiting) == [left, Closed()]
        assert yard.events(other) == []
        camera.ref.tell(Unreached("robot"))
        await settle()
        assert yard.events(opened) == [Opened()]
        assert robot.ref.alive


async def test_there_is_room_for_so_many_connections() -> None:
    async with open_yard() as yard:
        yard.limit(connections=2)
        camera = await yard.open("camera")
        kept = [await camera.connect("ann") for _ in range(2)]
        with pytest.raises(TooManyConnections):
            await camera.connect("ann")
        with logged() as lines:
            for _ in range(3):
                camera.hear("ann", "OFFER", await yard.offer("dc_1"))
            await settle()
        assert yard.watcher.connections() == kept
        refused = [it for it in lines if it["event"] == "device.offers_refused"]
        assert len(refused) == 1
        assert yard.house.facts(camera.ref.path)["refused_offers"] == 3
        await yard.end(yard.watcher.actors[kept[0]], EndConnection())
        camera.hear("ann", "OFFER", await yard.offer("dc_1"))
        await settle()
        assert len(yard.watcher.connections()) == 2


async def test_one_caller_leaves_connections_to_the_others() -> None:
    async with open_yard() as yard:
        yard.limit(connections=8)
        camera = await yard.open("camera")
        _, ann = await yard.browse("ann")
        _, bob = await yard.browse("bob")
        ours = await camera.connect("ann")  # what the camera's own program begins is not hers
        for number in range(5):
            for name in ("ann", "bob"):
                camera.hear(name, "OFFER", write_media_offer(MediaOffer("v=0", f"mc_{number}")))
        await settle()
        assert len(yard.watcher.connections("mc")) == 4, "two each"
        assert ann.shown(Unreached) == [Unreached("camera")] * 3
        assert bob.shown(Unreached) == [Unreached("camera")] * 3
        assert yard.house.facts(camera.ref.path)["refused_offers"] == 6
        yard.limit(connections_per_caller=3)
        camera.hear("ann", "OFFER", write_media_offer(MediaOffer("v=0", "mc_4")))
        await settle()
        assert len(yard.watcher.connections("mc")) == 5
        camera.hear("ann", "LEAVE", b"")
        await settle()
        assert len(yard.watcher.connections("mc")) == 2
        assert ours not in yard.watcher.connections()
        yard.limit(connections_per_caller=0)
        camera.hear("ann", "OFFER", write_media_offer(MediaOffer("v=0", "mc_5")))
        await settle()
        assert len(yard.watcher.connections("mc")) == 3


async def test_its_end_is_that_of_its_connections_first() -> None:
    async with open_yard() as yard:
        camera, robot = await yard.open("camera"), await yard.open("robot")
        socket = await yard.socket()
        called = [await camera.connect("robot", feed=socket.id) for _ in range(3)]
        await camera.connect("ann")
        yard.watcher.log.clear()

        def look(id: str) -> None:
            assert id not in yard.engine.sessions
            assert id == camera.token or len(yard.engine.datagram_ports) <= 1

        yard.watcher.look = look
        await yard.end(camera.ref, END)
        ended = [id for id, what in yard.watcher.log if what == "ended"]
        mine = [id for id in ended if id in {*called, camera.token}]
        assert set(mine[:-1]) == set(called)
        assert mine[-1] == camera.token
        assert yard.engine.datagram_ports == {}
        assert not yard.engine.sessions
        assert robot.events[0] == Opened()
        assert yard.watcher.connections() == []


async def test_junk_hurts_nobody() -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        called = await camera.connect("ann")
        for kind in ("OFFER", "ANSWER", "CANDIDATE", "LEAVE"):
            for payload in (
                b"",
                b"7",
                b"null",
                b'"x"',
                b'{"connectionId":7}',
                b"[" * 500 + b"]" * 500,
            ):
                camera.hear("eve", kind, payload)
        for body in (b"", b"\xff", b"{}", b'{"type":null}', b"[" * 5000):
            camera.ref.tell(Signalled("eve", body))
        bad = b'{"type":"data","connectionId":"dc_9","sdp":{"type":"offer","sdp":"nonsense"}}'
        camera.hear("eve", "OFFER", bad)
        await settle()
        assert yard.watcher.connections() == [called]
        (id_,) = (it.connection for it in camera.events if isinstance(it, Connected))
        understood = ConnectionFailed("what the other side offers cannot be understood")
        assert yard.events(id_) == [understood, Closed()]


async def test_turn_servers_are_left_out_where_the_program_says_so() -> None:
    stun, turn = "stun:a", "turns:b"
    async with open_yard() as yard:
        yard.ice_servers = (IceServer((stun, turn), "u", "p"), IceServer((turn,)))
        for turns, expected in ((True, yard.ice_servers), (False, (IceServer((stun,), "u", "p"),))):
            device = await yard.open(f"camera {turns}", turn=turns)
            called = await device.connect("ann")
            assert yard.engine.sessions[called].wanted.ice_servers == expected
