"""Cameras: who opens whose, and that what passes between two is passed as it is."""

from __future__ import annotations

from tests.support.barertc import BareServer, BareTester

SAFARI = '{"sdpMLineIndex":0,"candidate":"candidate:1 1 udp 1 10.0.0.1 9 typ host \\u00e9","x":1.0}'


async def on_camera(tester: BareTester, video: int = 1) -> None:
    await tester.send("me", video=video, status="online")
    while True:
        listed = await tester.until("who")
        if any(
            entry["username"] == tester.name and entry["video"] == video
            for entry in listed["whoList"]
        ):
            return


async def opened(owner: BareTester, viewer: BareTester) -> None:
    await viewer.send("open", username=owner.name)
    ring, opens = await owner.until("ring"), await viewer.until("open")
    assert (ring["username"], opens["username"]) == (viewer.name, owner.name)
    secret = opens["openSecret"]
    assert ring["openSecret"] == secret
    assert len(secret) == 16
    assert secret.isalpha()
    assert secret.islower()


async def test_a_call_is_relayed_to_the_letter_and_in_order(server: BareServer, way: str) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await on_camera(ann)
        await opened(ann, bob)
        sent = [("sdp", '{"type":"offer",\r\n "sdp":"v=0"}'), *(
            ("candidate", SAFARI.replace("9 typ", f"{port} typ")) for port in range(30)
        )]  # fmt: skip
        for action, payload in sent:
            key = "description" if action == "sdp" else "candidate"
            await bob.send(action, username="ann", **{key: payload})
        for action, payload in sent:
            got = await ann.until(action)
            assert got["username"] == "bob"
            assert got["description" if action == "sdp" else "candidate"] == payload
        await ann.send("sdp", username="bob", description='{"sdp":"v=1","type":"answer"}')
        assert (await bob.until("sdp")) == {
            "action": "sdp", "username": "ann", "description": '{"sdp":"v=1","type":"answer"}',
        }  # fmt: skip
        for action in ("watch", "unwatch"):
            await bob.send(action, username="ann")
            assert await ann.until(action) == {"action": action, "username": "bob"}


async def test_nothing_passes_between_two_whose_open_was_not_allowed(
    server: BareServer, way: str
) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await bob.send("open", username="ann")
        assert await bob.told() == (
            "Could not open that video: Their video is not currently enabled."
        )
        await bob.send("open", username="ghost")
        assert await bob.told() == "Could not open that video: ghost appears to be offline."
        await ann.rest()
        for action in ("sdp", "candidate", "watch", "unwatch"):
            for name in ("ann", "ghost", "bob"):
                await bob.send(action, username=name, description="x", candidate="x")
        assert await bob.rest() == []
        assert await ann.rest() == []


async def test_whoever_is_booted_loses_the_camera_that_he_has_opened(
    server: BareServer, way: str
) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await on_camera(ann)
        await opened(ann, bob)
        await ann.send("boot", username="bob")
        await ann.rest()
        while (await bob.listed("ann", "bob"))["ann"]["video"]:
            pass
        await bob.send("candidate", username="ann", candidate="x")
        await bob.rest()
        assert await ann.rest() == []
        await bob.send("open", username="ann")
        assert await bob.told() == "You do not have permission to view that camera."
        await ann.send("unboot", username="bob")
        await ann.rest()
        await opened(ann, bob)


async def test_a_camera_that_was_turned_off_is_seen_off_and_passes_nothing(
    server: BareServer, way: str
) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await on_camera(ann)
        await opened(ann, bob)
        await on_camera(ann, 0)
        while (await bob.listed("ann", "bob"))["ann"]["video"]:
            pass
        await bob.send("sdp", username="ann", description="x")
        await bob.rest()
        assert await ann.rest() == []


async def test_a_viewer_sees_it_when_his_camera_peer_is_gone(server: BareServer, way: str) -> None:
    async with server.person("bob", way) as bob:
        async with server.person("ann", "socket") as ann:
            await on_camera(ann)
            await opened(ann, bob)
        gone = await bob.until("presence", message="has exited the room!")
        assert gone["username"] == "ann"
        assert list(await bob.listed("bob")) == ["bob"]
        await bob.send("candidate", username="ann", candidate="x")
        assert await bob.rest() == []


async def test_a_camera_shows_to_its_owner_as_he_said_and_the_flags_hold(
    server: BareServer, way: str
) -> None:
    async with (
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
        server.person("vip", way, claims={"vip": True}) as vip,
    ):
        await on_camera(ann, 1 | 64)
        while not (await vip.listed("ann", "bob", "vip"))["ann"]["video"]:
            pass
        await bob.send("open", username="ann")
        assert await bob.told() == "You do not have permission to view that camera."
        await on_camera(ann, 1 | 16)
        await bob.send("open", username="ann")
        assert (await bob.told()).startswith("Could not open that video: ")
        await ann.send("video-invite", usernames=["bob"])
        await ann.rest()
        await opened(ann, bob)
