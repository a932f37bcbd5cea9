"""MQTT on a real websocket, over both carriers, with real endpoints behind it."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio_websocket import ConnectionClosed, ConnectionRejected

from api.auvious.keys import rotate
from tests.support import mqtt
from tests.support.auvious_events import EventServer, event_server, event_settings
from tests.support.raw import connected, talking, upgrade_request
from tests.support.serving import CARRIERS

ALIAS = "user/alice/e"


@pytest.fixture(params=CARRIERS)
async def server(request, tmp_path):  # type: ignore[no-untyped-def]
    async with event_server(tmp_path, request.param) as found:
        yield found


@pytest.mark.parametrize("version", [3, 4, 5])
async def test_events_reach_a_subscriber(server: EventServer, version: int) -> None:
    await server.register()
    async with server.listening(ALIAS, version=version) as client:
        await server.offer(b'{"n": 1}', qos=0)
        await server.offer(b'{"n": 2}', qos=1)
        first, second = await client.event(), await client.event()
        assert (first.payload, first.qos, first.topic) == (b'{"n": 1}', 0, ALIAS)
        assert (second.payload, second.qos, second.dup) == (b'{"n": 2}', 1, False)
        await server.until(waiting=0)
        await client.send(mqtt.GOODBYE)
        assert await client.end() == (1000, [])
    await server.until_left()


@pytest.mark.parametrize("path", ["/ws", "/auvious/ws"])
@pytest.mark.parametrize("subprotocol", ["mqtt", "mqttv3.1"])
async def test_both_paths_speak_mqtt(server: EventServer, path: str, subprotocol: str) -> None:
    async with talking(server.serving.websocket(path), ["other", subprotocol]) as socket:
        assert socket.subprotocol == subprotocol
        await socket.send_message(mqtt.connect("alice", server.token().encode()))
        assert await socket.get_message() == b"\x20\x02\x00\x00"


async def test_without_the_subprotocol_there_is_no_websocket(server: EventServer) -> None:
    with pytest.raises((ConnectionRejected, ExceptionGroup)):
        async with talking(server.serving.websocket("/ws")):
            pass


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_pages_of_other_origins_are_refused_where_that_is_configured(
    tmp_path: Path, carrier: str
) -> None:
    async with event_server(tmp_path, carrier, allowed_origins=["https://app.example"]) as server:
        for origin, status in (
            ("https://app.example", 101), ("https://other.example", 403), (None, 101),
        ):  # fmt: skip
            async with connected(server.serving) as client:
                headers = {"sec_websocket_protocol": "mqtt", "origin": origin}
                await client.send(upgrade_request("/ws", **headers))
                assert (await client.read_head()).startswith(f"HTTP/1.1 {status}")


async def test_what_comes_between_register_and_subscribe_is_kept(server: EventServer) -> None:
    await server.register()
    for number in range(3):
        await server.offer(b"%d" % number, qos=1)
    await server.offer(b"lost", qos=0)
    async with server.listening() as client:
        events = [await client.event() for _ in range(3)]
        assert [(event.payload, event.dup) for event in events] == [
            (b"0", False),
            (b"1", False),
            (b"2", False),
        ]
        assert await client.silent()


async def test_what_was_not_acknowledged_comes_again_with_dup(server: EventServer) -> None:
    await server.register()
    async with server.listening() as client:
        await server.offer(b"1", qos=1)
        await server.offer(b"2", qos=1)
        await client.event(ack=False)
        await client.event(ack=True)
        await server.until(waiting=1)
    await server.until_left()
    await server.offer(b"3", qos=1)
    async with server.listening() as client:
        events = [await client.event(), await client.event()]
        assert [(event.payload, event.dup) for event in events] == [(b"1", True), (b"3", False)]
        await server.until(waiting=0)


async def test_under_two_names_an_event_comes_once(server: EventServer) -> None:
    await server.register()
    async with server.listening("users/endpoints/e", ALIAS) as client:
        await server.offer(b"1", qos=1)
        assert (await client.event()).topic == "users/endpoints/e"
        assert await client.silent()
        await client.send(mqtt.unsubscribe("users/endpoints/e", packet_id=9))
        assert (await client.next()) == mqtt.Said(mqtt.UNSUBACK, (), 9)
        await server.offer(b"2", qos=1)
        assert (await client.event()).topic == ALIAS
        await client.send(mqtt.unsubscribe(ALIAS, packet_id=10))
        await client.next()
        await server.until_left()
        await server.offer(b"3", qos=1)
        assert await client.silent()


@pytest.mark.parametrize(
    ("version", "user", "token", "code"),
    [
        (4, "alice", "nonsense", 4),
        (4, "alice", "", 4),
        (4, "bob", None, 5),
        (3, "bob", None, 5),
        (5, "alice", "nonsense", 0x86),
        (5, "bob", None, 0x87),
    ],
)
async def test_the_user_must_be_the_tokens(
    server: EventServer, version: int, user: str, token: str | None, code: int
) -> None:
    async with server.client() as client:
        given = server.token("alice") if token is None else token
        answer = await client.connect(user, given, version=version)
        assert (answer.kind, answer.codes) == (mqtt.CONNACK, (code,))
        assert await client.end() == (1008, [])


async def test_an_ended_token_lets_nobody_in(server: EventServer) -> None:
    async with server.client() as client:
        assert (await client.connect("alice", server.token(seconds=-1))).codes == (4,)


@pytest.mark.parametrize("version", [4, 5])
async def test_a_session_ends_with_its_token(server: EventServer, version: int) -> None:
    await server.register()
    async with server.listening(seconds=5, version=version) as client:
        code, said = await client.end()
    assert code == 1008
    assert said == ([mqtt.Said(mqtt.DISCONNECT, (0x87,))] if version == 5 else [])
    await server.until_left()


async def test_topics_of_others_and_wildcards_are_refused(server: EventServer) -> None:
    await server.register("e")
    await server.register("f", user="bob")
    topics = ("user/bob/f", "users/endpoints/f", "users/endpoints/+", "#", "users/endpoints/none")
    async with server.listening() as client:
        assert await client.subscribe(*topics, ALIAS) == (*(0x80,) * 5, 1)
    async with server.listening(version=5) as client:
        assert await client.subscribe(*topics) == (0x87, 0x87, 0xA2, 0xA2, 0x87)
    async with server.client() as client:  # the same user id in another organisation
        await client.connect("alice", server.token(organization="other"))
        assert await client.subscribe(ALIAS) == (0x80,)


async def test_equal_client_ids_of_two_users_do_not_disturb_each_other(
    server: EventServer,
) -> None:
    await server.register("e", user="alice")
    await server.register("f", user="bob")
    async with (
        server.listening(client_id="CocoaMQTT-1") as alice,
        server.listening("user/bob/f", user="bob", client_id="CocoaMQTT-1") as bob,
    ):
        await server.offer(b"for alice")
        await server.offer(b"for bob", endpoint="f", user="bob")
        assert (await alice.event()).payload == b"for alice"
        assert (await bob.event()).payload == b"for bob"
        assert await alice.silent()
        assert await bob.silent()


@pytest.mark.parametrize(("version", "told"), [(4, []), (5, [mqtt.Said(14, (0x8E,))])])
async def test_a_client_that_comes_back_displaces_its_former_session(
    server: EventServer, version: int, told: list[mqtt.Said]
) -> None:
    await server.register()
    options = {"client_id": "CocoaMQTT-1", "version": version}
    async with server.listening(**options) as former:
        await server.offer(b"1")
        await former.event(ack=False)
        async with server.listening(**options) as client:
            assert await former.end() == (1000, told)
            assert (await client.event()).dup
            assert (await server.described()).subscribers == 1


async def test_one_users_devices_with_equal_client_ids_do_not_disturb_each_other(
    server: EventServer,
) -> None:
    await server.register("e")
    await server.register("f")
    async with (
        server.listening("user/alice/e", client_id="CocoaMQTT-1") as one,
        server.listening("user/alice/f", client_id="CocoaMQTT-1") as other,
        server.listening("user/alice/f", client_id="another") as third,
        server.listening("user/alice/f", client_id="") as nameless,
        server.listening("user/alice/f", client_id="") as also_nameless,
    ):
        await server.offer(b"for all", endpoint="f")
        for client in (other, third, nameless, also_nameless):
            assert (await client.event()).payload == b"for all"
        assert await one.silent()


async def test_tokens_outlive_the_rotation_of_their_key(server: EventServer) -> None:
    await server.register()
    older = server.token()
    async with server.listening() as client:
        rotate(server.services.settings().server.data_dir)
        for hook in server.services.lifecycle.reload_hooks:
            hook()
        await server.offer(b"1")
        assert (await client.event()).payload == b"1"
        newer = server.token()
        assert older.partition(".")[0] != newer.partition(".")[0]  # signed with another key
        for token in (older, newer):
            async with server.client() as next_client:
                assert (await next_client.connect("alice", token)).codes == (0,)
                assert await next_client.subscribe(ALIAS) == (1,)


async def test_a_flood_of_nonsense_disturbs_nobody(server: EventServer) -> None:
    await server.register()
    pieces = (
        mqtt.connect("alice", b"x"), mqtt.subscribe(ALIAS), mqtt.publish(), mqtt.PINGREQ, b"\xff",
    )  # fmt: skip
    dice = random.Random(7)
    with capture_logs() as entries:
        async with server.listening(client_id="innocent") as innocent:
            for number in range(60):
                async with server.client() as client:
                    if number % 2:
                        await client.connect("alice", server.token(), client_id=f"{number}")
                    blob = dice.choice(pieces) + dice.randbytes(dice.randrange(200))
                    with suppress(ConnectionClosed):
                        await client.send(blob)
                        await client.send(dice.randbytes(20))
                await server.offer(b"%d" % number)
                assert (await innocent.event()).payload == b"%d" % number
    assert not [entry for entry in entries if "crashed" in entry["event"]]
    assert server.system.counters.crashes == 0


@pytest.mark.parametrize(("version", "told"), [(4, []), (5, [mqtt.Said(14, (0x87,))])])
async def test_publishing_ends_the_session(
    server: EventServer, version: int, told: list[mqtt.Said]
) -> None:
    await server.register()
    async with server.listening(version=version) as client:
        await client.send(mqtt.publish("users/endpoints/e"))
        assert await client.end() == (1008, told)


async def test_frames_may_cut_packets_anywhere(server: EventServer) -> None:
    await server.register()
    data = mqtt.connect("alice", server.token().encode()) + mqtt.subscribe(ALIAS) + mqtt.PINGREQ
    async with server.client() as client:
        await client.send(b"")
        for start in range(0, len(data), 40):
            await client.send(data[start : start + 40])
        assert [(await client.next()).kind for _ in range(3)] == [2, 9, 13]
    async with server.client() as client:
        await client.send(data)
        assert [(await client.next()).kind for _ in range(3)] == [2, 9, 13]


async def test_what_is_no_whole_packet_counts_as_unfinished(server: EventServer) -> None:
    unsent = server.serving.services.unsent
    long = mqtt.connect("alice", server.token().encode(), client_id="x" * 20_000)
    async with server.client() as client:
        await client.send(long[:15_000])
        with trio.fail_after(30):
            while unsent.used != 15_000:
                await trio.sleep(0.01)
        await client.send(long[15_000:])
        assert (await client.next()).codes == (0,)
        assert unsent.used == 0


async def test_a_packet_must_be_whole_in_time(tmp_path: Path) -> None:
    """Whatever else is said in between: pings are whole packets in front of it."""
    settings = event_settings(tmp_path, limits={"message_seconds": 1.0})
    async with event_server(tmp_path, settings=settings) as server:
        await server.register()
        async with server.listening(version=5, keep_alive=0) as client:
            await trio.sleep(1.1)
            began = trio.current_time()
            await client.send(mqtt.PINGREQ + b"\x82\x7f")
            assert (await client.next()).kind == mqtt.PINGRESP
            with suppress(ConnectionClosed):  # a busy machine may send the last one too late
                for _ in range(3):
                    await trio.sleep(0.1)
                    await client.send(b"x")
            code, said = await client.end()
            assert trio.current_time() - began > 0.9
            assert (code, said) == (1000, [mqtt.Said(mqtt.DISCONNECT, (0x8D,))])


async def test_packets_whose_turn_has_not_come_count_and_end_with_the_session(
    tmp_path: Path,
) -> None:
    async with event_server(tmp_path, mqtt={"packets_per_second": 10}) as server:
        unsent = server.serving.services.unsent
        await server.register()
        async with server.listening() as client:
            await client.send(mqtt.PINGREQ * 10_000)
            with trio.fail_after(30):
                while unsent.used < 20_000:
                    await trio.sleep(0.01)
            unsent.per_address = 10_000
            await client.send(b"\x82\xff\xff\x03")  # counted when its own turn comes
            unsent.account("127.0.0.1", lambda: None).hold(1)
            assert (await client.end())[0] == 1013
        await server.until_left()
        with trio.fail_after(30):
            while unsent.used > 1:
                await trio.sleep(0.01)


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\x00\x00", 1002), (b"\x40\x01\x01", 1002), (b"\x30\xff\xff\xff\x7f", 1009)],
)
async def test_what_is_no_mqtt_ends_the_session(
    server: EventServer, data: bytes, code: int
) -> None:
    await server.register()
    for is_in in (False, True):
        async with server.client() as client:
            if is_in:
                await client.connect("alice", server.token())
            await client.send(data)
            assert await client.end() == (code, [])


async def test_text_frames_are_no_mqtt(server: EventServer) -> None:
    async with server.client() as client:
        await client.socket.send_message("hello")
        assert await client.end() == (1002, [])


@pytest.mark.parametrize(("version", "told"), [(4, []), (5, [mqtt.Said(14, (0x98,))])])
async def test_with_its_last_endpoint_a_session_ends(
    server: EventServer, version: int, told: list[mqtt.Said]
) -> None:
    await server.register("e")
    await server.register("f")
    async with server.listening("user/alice/e", "user/alice/f", version=version) as client:
        await server.unregister("e")
        await server.offer(b"{}", endpoint="f")
        assert (await client.event()).topic == "user/alice/f"
        await server.unregister("f")
        assert await client.end() == (1000, told)


async def test_a_silent_client_is_dropped_after_one_and_a_half_intervals(tmp_path: Path) -> None:
    async with event_server(tmp_path) as server:
        await server.register()
        async with server.listening(version=5, keep_alive=1) as client:
            began = trio.current_time()
            await trio.sleep(0.5)
            await client.send(mqtt.PINGREQ)
            assert (await client.next()).kind == mqtt.PINGRESP
            code, said = await client.end()
            assert trio.current_time() - began >= 2.0
            assert (code, said) == (1000, [mqtt.Said(mqtt.DISCONNECT, (0x8D,))])


async def test_who_says_nothing_at_first_is_dropped(tmp_path: Path) -> None:
    settings = event_settings(tmp_path, limits={"header_seconds": 2.0})
    async with event_server(tmp_path, settings=settings) as server, server.client() as client:
        assert await client.end() == (1000, [])


async def test_who_acknowledges_nothing_is_dropped(tmp_path: Path) -> None:
    async with event_server(tmp_path, mqtt={"inflight": 2, "acknowledge_seconds": 0.3}) as server:
        await server.register()
        async with server.listening(version=5) as client:
            for _ in range(3):
                await server.offer()
            await client.event(ack=False)
            await client.event(ack=False)
            assert await client.end() == (1013, [mqtt.Said(mqtt.DISCONNECT, (0x97,))])
        await server.until(waiting=3)


async def test_events_wait_for_room_in_the_window_and_keep_their_order(tmp_path: Path) -> None:
    async with event_server(tmp_path, mqtt={"inflight": 2}) as server:
        await server.register()
        async with server.listening() as client:
            for number in range(20):
                await server.offer(b"%d" % number, qos=number % 3 and 1)
            taken = [await client.event(ack=False) for _ in range(4)]
            assert [event.payload for event in taken] == [b"0", b"1", b"2", b"3"]
            assert await client.silent()
            for event in taken[1:3]:
                await client.send(mqtt.puback(event.packet_id))
            rest = [(await client.event()).payload for _ in range(16)]
            assert rest == [b"%d" % number for number in range(4, 20)]


async def test_who_does_not_read_is_dropped(tmp_path: Path) -> None:
    async with event_server(tmp_path, mqtt={"outbox_bytes": 100_000}) as server:
        await server.register()
        async with server.client() as client:
            await client.connect("alice", server.token())
            await client.subscribe("users/endpoints/e")
            with capture_logs() as entries, trio.fail_after(30):
                while (await server.described()).subscribers:
                    await server.offer(b"x" * 500_000, qos=0)
            ends = [entry for entry in entries if entry["event"] == "mqtt.ended"]
            assert [entry["reason"] for entry in ends] in ([], ["quota_exceeded"])


async def test_granted_qos_0_an_event_of_qos_1_counts_as_delivered(server: EventServer) -> None:
    await server.register()
    async with server.listening(qos=0) as client:
        await server.offer(b"1", qos=1)
        assert (await client.event()).qos == 0
        await server.until(waiting=0)


async def test_nobody_comes_in_while_the_server_drains(server: EventServer) -> None:
    async with server.client() as client, trio.open_nursery() as nursery:
        nursery.start_soon(server.services.lifecycle.drain, 60.0, 1.0)
        answer = await client.connect("alice", server.token(), version=5)
        assert answer.codes == (0x8B,)
        assert await client.end() == (1001, [])
        with pytest.raises((ConnectionRejected, ExceptionGroup)):
            async with server.client():
                pass
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("version", "told"), [(4, []), (5, [mqtt.Said(14, (0x8B,))])])
async def test_who_is_in_is_told_that_the_server_goes(
    server: EventServer, version: int, told: list[mqtt.Said]
) -> None:
    await server.register()
    async with server.listening(version=version) as client, server.client() as silent:
        await server.services.lifecycle.drain(0.0, 30.0)
        assert await client.end() == (1001, told)
        assert await silent.end() == (1001, [])


async def test_logs_hold_no_token_and_no_event(server: EventServer) -> None:
    with capture_logs() as entries:
        await server.register()
        token = server.token()
        async with server.client() as client:
            await client.connect("alice", token)
            await client.subscribe(ALIAS)
            await server.offer(b'{"secret": "hush"}')
            await client.event()
            await client.send(b"\x30\x06hush-2")
            await client.end()
    assert {"mqtt.connected", "mqtt.ended"} <= {entry["event"] for entry in entries}
    assert "hush" not in repr(entries)
    assert token not in repr(entries)
