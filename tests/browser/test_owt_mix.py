"""Mixed streams and other codecs and sizes in a real browser: what is seen and heard of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from tests.support.owt_mix_page import (
    BLUE,
    EVERYBODY,
    GREEN,
    RED,
    TOLERANCE,
    Look,
    MixedRoom,
    MixTab,
)
from tests.support.owt_page import CONFIG, PATIENCE
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

WARM = f'[jobs]\nwarm = 1\n[operator]\ntoken = "of the test"\n{CONFIG}'
HALF = {"width": 320, "height": 240}

Newcomer = Callable[[str], MixTab]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("owt"), config=WARM) as server:
        server.wait_for("jobs.measured", within=PATIENCE)
        yield server


@pytest.fixture
def room(server: ServerProcess) -> MixedRoom:
    return MixedRoom(server)


@pytest.fixture
def newcomer(browser: Browser, room: MixedRoom, site: str) -> Iterator[Newcomer]:
    troubles: list[str] = []
    contexts = []

    def make(user: str) -> MixTab:
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return MixTab(page, room, user, site)

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


def transcodes(server: ServerProcess) -> int:
    """Return how many have been started so far."""
    headers = {"Authorization": "Bearer of the test"}
    text = httpx.get(f"{server.url}-/metrics", headers=headers).text
    line = r'^quintet_media_jobs_started_total{kind="transcode"} (\S+)$'
    found = re.search(line, text, re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


def test_everybody_stands_in_their_region_until_they_leave(
    newcomer: Newcomer, room: MixedRoom
) -> None:
    mix, viewer = room.mix, newcomer("Viewer")
    whole = {"from": mix}
    picture = viewer.take(whole, whole)
    looks: dict[str, Look] = {}
    tabs = {look: newcomer(f"Person {number}") for number, look in enumerate(EVERYBODY)}
    for look, tab in tabs.items():
        stream = tab.show(look)
        viewer.knows(stream)
        looks[stream] = look
        if look is BLUE:
            order = {"id": stream, "operation": "mix", "data": "common"}
            tab.request("stream-control", order)
        else:
            room.put_in(stream)
        layout = room.layout()
        assert {it["stream"] for it in layout if "stream" in it} == looks.keys()
        viewer.until_told(mix, "video.layout", [it.get("stream") for it in layout])
        viewer.sees_layout(picture, layout, looks)
    assert viewer.size(picture) == (640, 480)
    viewer.hears_only(picture, EVERYBODY, ())

    red, _, blue = looks
    tabs[GREEN].page.close()
    viewer.until_told(mix, "video.layout", [red, blue, None, None])
    viewer.sees_layout(picture, room.layout(), looks)
    viewer.hears_only(picture, (RED, BLUE), (GREEN,))
    room.take_out(red)
    viewer.until_told(mix, "video.layout", [blue])
    viewer.sees_layout(picture, room.layout(), looks)
    viewer.hears_only(picture, (BLUE,), (RED, GREEN))


def test_layouts_are_changed_while_they_are_seen(newcomer: Newcomer, room: MixedRoom) -> None:
    mix, viewer = room.mix, newcomer("Viewer")
    tabs = {look: newcomer(f"Person {number}") for number, look in enumerate((RED, GREEN))}
    looks = {tab.show(look): look for look, tab in tabs.items()}
    red, green = looks
    for stream in looks:
        viewer.knows(stream)
        room.put_in(stream)
    picture = viewer.take({"from": mix}, {"from": mix})
    viewer.sees_layout(picture, room.layout(), looks)

    room.change(mix, {"op": "replace", "path": "/info/layout/0/stream", "value": green})
    viewer.until_told(mix, "video.layout", [green, red, None, None])
    viewer.sees_layout(picture, room.layout(), looks)

    def area(left: str, width: str) -> dict[str, str]:
        return {"left": left, "top": "0", "width": width, "height": "3/4"}

    wanted = [
        {"stream": stream, "region": {"id": name, "shape": "rectangle", "area": of}}
        for stream, name, of in (
            (red, "wide", area("0", "3/4")),
            (green, "slim", area("3/4", "1/4")),
        )
    ]
    room.change(mix, {"op": "replace", "path": "/info/layout", "value": wanted})
    viewer.until_told(mix, "video.layout", [red, green])
    # 4:3 in 480×360 fills it; in 160×360 it is 160×120, with bars of the background.
    below = [[x, 0.85, (0, 0, 0)] for x in (0.1, 0.5, 0.9)]
    bars = [[0.875, 0.1, (0, 0, 0)], [0.875, 0.375, GREEN.colour], [0.875, 0.65, (0, 0, 0)]]
    wide = [[x, y, RED.colour] for x in (0.1, 0.65) for y in (0.1, 0.65)]
    viewer.sees_colours(picture, below + bars + wide)

    def region(tab: MixTab, stream: str) -> str:
        order = {"id": stream, "operation": "get-region", "data": "common"}
        return str(tab.request("stream-control", order)["region"])

    assert region(tabs[RED], red) == "wide"
    data = {"view": "common", "region": "wide"}
    order = {"id": green, "operation": "set-region", "data": data}
    tabs[GREEN].request("stream-control", order)
    assert [region(tabs[RED], red), region(tabs[GREEN], green)] == ["slim", "wide"]
    viewer.until_told(mix, "video.layout", [green, red])
    viewer.sees_colours(picture, [[it[0], it[1], GREEN.colour] for it in wide])
    viewer.sees_colours(picture, [[0.875, 0.375, RED.colour]])


def test_nobody_hears_themselves_and_who_speaks_is_told(
    newcomer: Newcomer, room: MixedRoom
) -> None:
    tabs = {look: newcomer(f"Person {number}") for number, look in enumerate(EVERYBODY)}
    streams = {look: tab.show(look) for look, tab in tabs.items()}
    for stream in streams.values():
        tabs[RED].knows(stream)
        room.put_in(stream)
    taken = {look: tab.take({"from": room.mix}) for look, tab in tabs.items()}
    for look, tab in tabs.items():
        others = [each for each in EVERYBODY if each is not look]
        tab.hears_only(taken[look], others, [look])
    for look in (BLUE, GREEN):
        for each, tab in tabs.items():
            loudness = 0.6 if each is look else 0.05
            tab.run("(loudness) => (conference.voice.gain.value = loudness)", loudness)
        tabs[RED].until_told(room.mix, "activeInput", streams[look])
        assert room.below(f"streams/{room.mix}")["info"]["activeInput"] == streams[look]
    assert room.below(f"streams/{room.mix}")["type"] == "mixed"


def test_a_subscription_has_another_size_and_bitrate_and_changes_them(
    newcomer: Newcomer, room: MixedRoom
) -> None:
    ann, bob = newcomer("Ann"), newcomer("Bob")
    stream = ann.show(RED, width=640, height=480)
    bob.knows(stream)
    offered = bob.run("(id) => conference.offered(id)", stream)
    assert HALF in offered["resolution"]
    assert "x0.6" in offered["bitrate"]
    wanted = {"from": stream, "parameters": {"resolution": HALF, "bitrate": "x0.6"}}
    taken = bob.take({"from": stream}, wanted)
    bob.advances(taken, (320, 240))
    bob.sees_colours(taken, [[0.5, 0.5, RED.colour]])
    bob.hears_only(taken, [RED], [GREEN])

    bob.run("(all) => conference.watch(...all)", [taken, RED.colour, TOLERANCE])
    for width, height in ((160, 120), (640, 480), (320, 240)):
        size = {"width": width, "height": height}
        change = {"video": {"parameters": {"resolution": size}}}
        order = {"id": taken, "operation": "update", "data": change}
        bob.request("subscription-control", order)
        bob.advances(taken, (width, height))
    watched = bob.run("(id) => conference.sessions[id].watched", taken)
    print(f"longest time between two frames: {watched['gap']:.0f} ms")
    assert watched["other"] is None


def test_a_bitrate_is_kept_to(newcomer: Newcomer, room: MixedRoom) -> None:
    ann, bob = newcomer("Ann"), newcomer("Bob")
    stream = ann.show(RED, width=640, height=480, noisy=True)
    bob.knows(stream)
    taken = {
        bitrate: bob.take(video={"from": stream, "parameters": {"bitrate": bitrate}})
        for bitrate in ("x1", "x0.6", "x0.4")
    }
    rates = dict(zip(taken, bob.bitrates(taken.values(), frames=60), strict=True))
    print(f"kbit/s: {rates}")
    # 15 pictures a second of this size have 320 kbit/s where nobody says.
    # A busy machine hands them on in bursts.
    assert rates["x0.4"] < 1.5 * 0.4 * 320
    assert rates["x0.4"] < rates["x0.6"] < 1.5 * 0.6 * 320 < rates["x1"]


@pytest.mark.parametrize(
    ("sent", "watched"), [("vp8", {"codec": "h264", "profile": "CB"}), ("h264", {"codec": "vp8"})]
)
def test_a_picture_is_watched_in_another_codec(
    newcomer: Newcomer, room: MixedRoom, sent: str, watched: dict[str, str]
) -> None:
    ann, bob = newcomer("Ann"), newcomer("Bob")
    stream = ann.show(BLUE, codec=sent)
    bob.knows(stream)
    as_it_comes = bob.take(video={"from": stream})
    other = bob.take(video={"from": stream, "format": watched})
    for taken, codec in ((as_it_comes, sent), (other, watched["codec"])):
        bob.advances(taken, (320, 240))
        assert bob.codec(taken).lower() == f"video/{codec}"
    # In the colours of the original: browsers mean others by H.264 than by VP8, and say so.
    colour = bob.colour(as_it_comes, BLUE)
    bob.sees_colours(other, [[0.5, 0.5, colour]], tolerance=10)


def test_a_mix_is_had_in_another_codec_and_size(newcomer: Newcomer, room: MixedRoom) -> None:
    tabs = {look: newcomer(f"Person {number}") for number, look in enumerate((RED, GREEN))}
    looks = {tab.show(look): look for look, tab in tabs.items()}
    viewer = tabs[RED]
    for stream in looks:
        viewer.knows(stream)
        room.put_in(stream)
    h264 = {"codec": "h264", "profile": "CB"}
    wanted = {"from": room.mix, "format": h264, "parameters": {"resolution": HALF}}
    taken = viewer.take({"from": room.mix}, wanted)
    viewer.sees_layout(taken, room.layout(), looks)
    assert viewer.size(taken) == (320, 240)
    assert viewer.codec(taken) == "video/H264"
    viewer.hears_only(taken, [GREEN], [RED])


def test_who_pauses_is_neither_seen_nor_heard(newcomer: Newcomer, room: MixedRoom) -> None:
    tabs = {look: newcomer(f"Person {number}") for number, look in enumerate((RED, GREEN))}
    looks = {tab.show(look): look for look, tab in tabs.items()}
    red, _ = looks
    viewer = newcomer("Viewer")
    for stream in looks:
        room.put_in(stream)
    taken = viewer.take({"from": room.mix}, {"from": room.mix})
    layout = room.layout()
    viewer.sees_layout(taken, layout, looks)
    viewer.hears_only(taken, [RED, GREEN], [BLUE])
    order = {"id": red, "operation": "pause", "data": "av"}
    tabs[RED].request("stream-control", order)
    without = [{"region": it["region"]} if it.get("stream") == red else it for it in layout]
    viewer.sees_layout(taken, without, looks)
    viewer.hears_only(taken, [GREEN], [RED])
    assert room.layout() == layout
    tabs[RED].request("stream-control", order | {"operation": "play"})
    viewer.sees_layout(taken, layout, looks)
    viewer.hears_only(taken, [RED, GREEN], [BLUE])


def test_twenty_takers_of_one_target_cost_one_process(
    newcomer: Newcomer, room: MixedRoom, server: ServerProcess
) -> None:
    before = transcodes(server)
    ann, bob = newcomer("Ann"), newcomer("Bob")
    stream = ann.show(GREEN, width=640, height=480)
    bob.knows(stream)
    wanted = {"from": stream, "parameters": {"resolution": HALF}}
    taken = [bob.take(video=wanted) for _ in range(20)]
    assert transcodes(server) == before + 1
    for each in taken:
        bob.advances(each, (320, 240), more=2)
    assert transcodes(server) == before + 1


def test_keyframes_at_a_pace_cost_no_process(
    newcomer: Newcomer, room: MixedRoom, server: ServerProcess
) -> None:
    before = transcodes(server)
    ann, bob = newcomer("Ann"), newcomer("Bob")
    stream = ann.show(RED)
    bob.knows(stream)
    taken = bob.take(video={"from": stream, "parameters": {"keyFrameInterval": 1}})
    bob.until(
        "async (id) => (await conference.received(id)).keyFramesDecoded >= 4", taken
    )  # without being asked, a browser sends one only
    bob.sees_colours(taken, [[0.5, 0.5, RED.colour]])
    assert transcodes(server) == before


def test_a_mix_is_seen_soon_after_it_is_asked_for(newcomer: Newcomer, room: MixedRoom) -> None:
    ann, viewer = newcomer("Ann"), newcomer("Viewer")
    stream = ann.show(RED)
    viewer.knows(stream)
    room.put_in(stream)
    shown = []
    for _ in range(3):
        found = viewer.timed(room.mix, [[0.5, 0.5, RED.colour]])
        print(f"ready after {found['ready']:.0f} ms, seen after {found['shown']:.0f} ms")
        shown.append(found["shown"])
        viewer.advances(found["id"], (640, 480), more=40)  # keyframes are made once a second
    assert min(shown) < 10_000  # of a machine that has much else to do
