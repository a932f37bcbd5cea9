"""Pictures: as numbers or as base64, small or large, and only from who is in."""

from __future__ import annotations

import base64
import io
import json
import random
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
import trio.testing
from PIL import Image

from api.barertc.errors import LEFT_OUT, UploadsBusy
from api.barertc.uploads import AT_A_TIME, ENTER_SECONDS, Uploads
from tests.support import raw
from tests.support.barertc import BareServer, BareTester, barertc_server, barertc_settings
from tests.support.raw import frame, upgraded

HERE = "192.0.2.1"


def png(width: int, height: int, *, noise: bool = False) -> bytes:
    image = Image.new("RGB", (width, height), (200, 40, 40))
    if noise:
        image = Image.frombytes(
            "RGB", (width, height), random.Random(7).randbytes(3 * width * height)
        )
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


SHOWN = re.compile(
    r'<img src="data:image/png;base64,([^"]+)" width="(\d+)" height="(\d+)"'
    r' onclick="setModalImage\(this\.src\)" style="cursor: pointer"'
)


@pytest.mark.parametrize("form", ["numbers", "base64"])
async def test_a_picture_comes_as_numbers_or_base64_and_is_shown_small(
    server: BareServer, way: str, form: str
) -> None:
    data = png(2000, 1000)
    content = list(data) if form == "numbers" else base64.b64encode(data).decode()
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await ann.send("file", channel="lobby", message="a.PNG", bytes=content)
        said = await bob.until("message")
        match = SHOWN.match(said["message"])
        assert match is not None
        assert (said["channel"], said["username"], match[2], match[3]) == (
            "lobby", "ann", "360", "180",
        )  # fmt: skip
        shown = Image.open(io.BytesIO(base64.b64decode(match[1])))
        assert shown.size == (1280, 640)
        await ann.send("file", channel="@bob", message="a.png", bytes=content)
        assert (await bob.until("message"))["channel"] == "@ann"
    async with server.connected(way) as cid:
        [echo] = [each for each in await cid.log_in("cid") if each["action"] == "echo"]
        assert "messages" not in echo


async def test_a_large_picture_passes_and_others_go_on_talking(
    server: BareServer, way: str
) -> None:
    data = png(1000, 800, noise=True)
    message = json.dumps(
        {"action": "file", "channel": "lobby", "message": "a.png", "bytes": list(data)}
    )
    assert len(message) > 8_000_000
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await ann.raw(message)
        await bob.say("meanwhile")
        texts = [(await bob.until("message"))["message"] for _ in range(2)]
        assert sum(SHOWN.match(text) is not None for text in texts) == 1


async def test_pictures_end_nobody_who_reads_them_slowly(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.barertc.poll_socket.IDLE_SECONDS", 600.0)  # bob polls after them all
    data = base64.b64encode(png(1000, 800, noise=True)).decode()
    settings = barertc_settings(barertc={"outbox_bytes": 8 * 2**20})
    async with (
        barertc_server(tmp_path, way, settings) as server,
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
    ):
        for _ in range(10):  # more than the outbox, and what the kernel holds
            await ann.send("file", channel="lobby", message="a.png", bytes=data)
            await ann.until("message")
        await ann.say("the end")
        seen = []
        while "<p>the end</p>" not in seen:
            said = await bob.next()
            seen.append(said.get("message", "") if said["action"] in ("message", "error") else "")
        pictures = sum(SHOWN.match(text) is not None for text in seen)
        assert 0 < pictures < 10
        assert seen.count(LEFT_OUT) == 10 - pictures
        await bob.say("still here")
        await ann.until("message", message="<p>still here</p>")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", [1, 2, 3], "Unsupported image type, should be a jpeg, GIF or png."),
        ("", [1], "Unsupported image type, should be a jpeg, GIF or png."),
        ("a.png", [1, 2, 3], "This image could not be read"),
        ("a.jpg", [], "This image could not be read"),
        ("a.png", "AAAA", "This image could not be read"),
    ],
)
async def test_what_is_no_picture_is_told(
    server: BareServer, way: str, name: str, content: object, told: str
) -> None:
    async with server.person("ann", way) as ann:
        await ann.send("file", channel="lobby", message=name, bytes=content)
        assert (await ann.told()).startswith(told)


async def test_bytes_that_are_none_are_ignored(server: BareServer, way: str) -> None:
    async with server.person("ann", way) as ann:
        for content in ([256], [-1], [1.5], ["1"], [[1]], "not base64!", {"a": 1}, 7, True):
            await ann.send("file", channel="lobby", message="a.png", bytes=content)
        await ann.raw('{"action":"file","channel":"lobby","message":"a.png"}')
        large = ",".join(["300"] * 40_000)
        await ann.raw(f'{{"action":"file","message":"a.png","bytes":[{large}]}}')
        assert await ann.rest() == []


@pytest.mark.parametrize("carrier", ["lane", "quart"])
async def test_before_login_a_message_is_small_and_after_it_a_file_may_be_large(
    tmp_path: Path, carrier: str
) -> None:
    settings = barertc_settings(
        limits={"message_bytes": 200_000}, barertc={"message_bytes": 2_000_000}
    )
    data = png(300, 300, noise=True)
    file = json.dumps({"action": "file", "channel": "lobby", "message": "a.png",
                       "bytes": list(data)})  # fmt: skip
    assert 900_000 < len(file) < 2_000_000
    async with barertc_server(tmp_path, carrier, settings) as server:
        async with server.connected() as stranger:
            await stranger.raw(file)
            assert await stranger.gone() == 1009
        async with server.person("ann") as ann:
            await ann.raw(file)
            assert SHOWN.match((await ann.until("message"))["message"])
            await ann.raw(json.dumps({"action": "message", "message": "x" * 300_000}))
            assert await ann.rest() == []
            await ann.raw("x" * 2_000_001)
            assert await ann.gone() == 1009
        async with server.person("root", claims={"op": True}) as root, server.person("b") as bob:
            await root.say("/kick b")
            await bob.until("disconnect")
            await bob.rest()
            await bob.raw(file)
            assert await bob.gone() == 1009


async def test_who_may_show_no_pictures_is_told_by_the_server(server: BareServer, way: str) -> None:
    """With the original the client alone looks at this rule."""
    async with (
        server.person("ann", way, claims={"rules": ["noimage"]}) as ann,
        server.person("bob", way) as bob,
    ):
        await bob.rest()
        await ann.send("file", channel="lobby", message="a.png", bytes=list(png(9, 9)))
        assert await ann.told()
        assert await bob.rest() == []


async def test_four_have_a_turn_at_a_time_and_bytes_are_bounded(
    autojump_clock: trio.testing.MockClock,
) -> None:
    uploads, at_once, most = Uploads(lambda: 1000, lambda: 100), 0, 0

    async def upload(address: str) -> None:
        nonlocal at_once, most
        async with uploads.turn(100, address):
            at_once += 1
            most = max(most, at_once)
            await trio.sleep(1)
            at_once -= 1

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(upload, f"192.0.2.{number % 3}")
        await trio.testing.wait_all_tasks_blocked()
        assert uploads.held == 1000
        with pytest.raises(UploadsBusy):
            async with uploads.turn(1, HERE):
                pass
    assert (most, uploads.held) == (AT_A_TIME, 0)


async def test_turns_go_round_among_addresses(autojump_clock: trio.testing.MockClock) -> None:
    uploads, order = some_uploads(), list[str]()

    async def upload(address: str) -> None:
        async with uploads.turn(1, address):
            order.append(address)
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for address in (*[HERE] * 8, "192.0.2.2", "192.0.2.3", "192.0.2.2"):
            nursery.start_soon(upload, address)
            await trio.testing.wait_all_tasks_blocked()
    assert order[:4] == [HERE, HERE, "192.0.2.2", "192.0.2.3"]


async def test_nobody_waits_for_a_turn_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    uploads = Uploads(lambda: 1000, lambda: 100)
    async with trio.open_nursery() as nursery:

        async def hang(address: str) -> None:
            async with uploads.turn(1, address):
                await trio.sleep_forever()

        for number in range(AT_A_TIME):
            nursery.start_soon(hang, f"192.0.2.{number}")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(UploadsBusy):
            async with uploads.turn(1, HERE):
                pass
        nursery.cancel_scope.cancel()
    assert uploads.held == 0


def some_uploads(most: int = 800) -> Uploads:
    return Uploads(lambda: most, lambda: 100)


async def test_four_have_a_place_and_the_others_get_theirs_in_line(
    autojump_clock: trio.testing.MockClock,
) -> None:
    uploads, order = some_uploads(), []

    async def come(number: int) -> None:
        await trio.sleep(number / 100)
        assert await uploads.enter(100)
        order.append(number)
        assert uploads.places <= AT_A_TIME
        await trio.sleep(1)
        uploads.leave(100)

    async with trio.open_nursery() as nursery:
        for number in range(9):
            nursery.start_soon(come, number)
    assert order == list(range(9))
    assert (uploads.places, uploads.coming, uploads.held) == (0, 0, 0)


async def test_bytes_of_places_are_bounded_and_leave_some_for_who_needs_none(
    autojump_clock: trio.testing.MockClock,
) -> None:
    uploads = some_uploads()
    assert await uploads.enter(700)
    async with uploads.turn(100, HERE):
        with pytest.raises(UploadsBusy):
            async with uploads.turn(1, HERE):
                pass
    with pytest.raises(UploadsBusy), uploads.place(1):
        pass
    began = trio.current_time()
    assert not await uploads.enter(1)
    assert trio.current_time() - began == ENTER_SECONDS
    assert not await uploads.enter(701)  # will never fit
    assert trio.current_time() - began == ENTER_SECONDS
    uploads.leave(700)
    with uploads.place(700):
        assert uploads.held == 700
    assert (uploads.places, uploads.coming, uploads.held) == (0, 0, 0)


async def test_who_waits_no_longer_leaves_the_line(autojump_clock: trio.testing.MockClock) -> None:
    uploads = some_uploads()
    got = trio.Event()

    async def small() -> None:
        await trio.sleep(1)
        assert await uploads.enter(100)
        got.set()

    assert await uploads.enter(500)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(small)
        with trio.move_on_after(2):
            await uploads.enter(400)  # stands before the small one, which would fit
        await got.wait()
        assert trio.current_time() >= 2
    uploads.leave(500)
    uploads.leave(100)
    assert (uploads.places, uploads.coming, uploads.held) == (0, 0, 0)


async def test_a_place_that_was_given_to_who_went_in_that_moment_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    uploads = some_uploads(100)
    assert await uploads.enter(80)
    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def come() -> None:
            with scope:
                await uploads.enter(80)

        nursery.start_soon(come)
        await trio.testing.wait_all_tasks_blocked()
        scope.cancel()
        uploads.leave(80)
    assert await uploads.enter(80)
    uploads.leave(80)
    assert (uploads.places, uploads.coming, uploads.held) == (0, 0, 0)


async def test_large_messages_of_sockets_and_polls_share_their_places(tmp_path: Path) -> None:
    large = json.dumps({"action": "file", "message": "a.png", "bytes": [1] * 1_000_000}).encode()
    login = frame(raw.TEXT, b'{"action":"login"}')
    async with (
        barertc_server(tmp_path) as server,
        server.person("ann", "poll") as ann,
        AsyncExitStack() as stack,
    ):
        for _ in range(AT_A_TIME):
            client = await stack.enter_async_context(upgraded(server.serving))
            await client.send(login)
            while b'"presence"' not in (await client.read_message() or (0, b""))[1]:
                pass
            await client.send(frame(raw.TEXT, large)[:100_000])
        await ann.rest()
        await ann.raw(large)
        assert "Too many pictures" in await ann.told()
        await stack.aclose()
        while "Too many" in (told := await refused(ann, large)):
            pass
        assert "could not be read" in told


async def refused(person: BareTester, message: bytes) -> str:
    await person.raw(message)
    return await person.told()
