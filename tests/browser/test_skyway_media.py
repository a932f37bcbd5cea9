"""Calls between programs with RTP ports and npm peerjs in Chromium; ffmpeg sends and records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from media.rtp.keyframes import keyframe_marker
from media.rtp.rtp_packet import parse_packet
from tests.browser.conftest import MortalBrowser
from tests.support.device_program import GATEWAY, Program, ProgramPeer, Socket, Udp, udp
from tests.support.peerjs_page import PATIENCE, PeerTab
from tests.support.rtp_ffmpeg import recording, sending
from tests.support.server_process import ServerProcess
from tests.support.udp_relay import UdpRelay, through

pytestmark = pytest.mark.browser

SILENCE_SECONDS = 5.0
CONFIG = f"{GATEWAY}[skyway]\nsilence_seconds = {SILENCE_SECONDS}\n"
NUMBERS = count(1)
NewTab = Callable[..., PeerTab]
RECORDED_SECONDS = 5.0
PLI = 206  # RTCP packet type of payload-specific feedback


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("gateway"), config=CONFIG) as server:
        yield server


@pytest.fixture
def new_tab(browser: Browser, server: ServerProcess, site: str) -> Iterator[NewTab]:
    """Make browsers that have an id: ann and a number."""
    troubles: list[str] = []
    contexts = []

    def make(within: Browser | None = None) -> PeerTab:
        context = (within or browser).new_context()
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        tab = PeerTab(page, site, server.url, "1.5.5")
        tab.open(f"ann{next(NUMBERS)}")
        return tab

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def camera(server: ServerProcess) -> Iterator[ProgramPeer]:
    """A program that has an id: camera and a number."""
    with Program(server.url) as program:
        peer = program.peer(f"camera{next(NUMBERS)}")
        yield peer
        peer.end()


def id_of(tab: PeerTab) -> str:
    return str(tab.run("() => peer.id"))


def parameters(socket: Socket, codec: str, payload_type: int, **more: Any) -> dict[str, Any]:
    return {
        "band_width": 1500, "codec": codec, "media_id": socket.id, "payload_type": payload_type,
    } | more  # fmt: skip


def sound_and_picture(
    picture: dict[str, Any] | None = None, sound: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Return the constraints of a call that sends these."""
    found: dict[str, Any] = {"video": bool(picture), "audio": bool(sound)}
    found |= {"video_params": picture} if picture else {}
    return found | ({"audio_params": sound} if sound else {}) | more


def keyframes(received: Udp) -> int:
    """Count the first packets of keyframes of VP8."""
    mark = keyframe_marker("vp8")
    assert mark is not None
    found = 0
    for data in list(received.received):
        packet = parse_packet(data, 0.0)
        if packet is not None:
            mark(packet)
            found += packet.keyframe
    return found


def rtcp_types(packets: bytes) -> Iterator[int]:
    """Yield the types of the packets of one RTCP datagram."""
    while len(packets) >= 4:
        yield packets[1]
        packets = packets[4 * (int.from_bytes(packets[2:4]) + 1) :]


def streams(program: Program, path: str, kinds: int) -> dict[bool, dict[str, Any]]:
    """Wait for the STREAM events; return what they say, by whether it is of the picture."""
    told = [program.wait_for(path, "STREAM")["stream_options"] for _ in range(kinds)]
    return {bool(each["is_video"]): each.get("stream_params", {}) for each in told}


@pytest.mark.parametrize(("codec", "payload_type"), [("VP8", 96), ("H264", 100)])
def test_a_browser_calls_and_both_see_each_other(
    new_tab: NewTab, camera: ProgramPeer, tmp_path: Path, codec: str, payload_type: int
) -> None:
    program, tab = camera.program, new_tab()
    tab.run("(id) => call(id)", camera.id)
    path = camera.called()
    picture, sound = program.media_socket(video=True), program.media_socket(video=False)
    with ExitStack() as stack:
        seen = stack.enter_context(recording(tmp_path, codec, payload_type))
        heard = stack.enter_context(recording(tmp_path, "OPUS", 111))
        constraints = sound_and_picture(
            parameters(picture, codec.lower(), payload_type), parameters(sound, "OPUS", 111),
            metadata={"is": "a camera"},
        )  # fmt: skip
        redirects = {
            "video": seen.redirect, "video_rtcp": seen.rtcp_redirect, "audio": heard.redirect,
            "audio_rtcp": heard.rtcp_redirect,
        }  # fmt: skip
        body = {"constraints": constraints, "redirect_params": redirects}
        answer = program.ask("POST", f"{path}/answer", 202, body)
        ids = {"video_id": picture.id, "audio_id": sound.id}
        assert answer == {"command_type": "MEDIA_CONNECTION_ANSWER", "params": ids}
        program.wait_for(path, "READY")
        shown = streams(program, path, 2)
        assert shown[True]["media_id"] == picture.id
        assert shown[False] == {
            "media_id": sound.id, "ip_v4": sound.address[0], "port": sound.address[1],
        }  # fmt: skip
        stack.enter_context(sending(codec, payload_type, picture, 1472))
        stack.enter_context(sending("OPUS", 111, sound))
        tab.sees_frames("out", more=60)
        assert program.status_of("DELETE", f"media/{picture.id}") == 403
        program.ask("POST", f"{path}/answer", 403, body)  # it is answered
        program.ask("POST", f"{path}/pli", 201, seen.redirect)
        time.sleep(RECORDED_SECONDS)
        status = program.ask("GET", f"{path}/status", 200)
        assert (status["open"], status["remote_id"]) == (True, id_of(tab))
        program.ask("DELETE", path, 204)
        tab.hears("ended", "out")
        assert picture.free
        assert sound.free
    assert seen.errors() == ""
    assert seen.frames() > RECORDED_SECONDS * 5
    assert heard.errors() == ""
    assert heard.frames() > RECORDED_SECONDS * 25


def test_a_program_calls_and_both_see_each_other(
    new_tab: NewTab, camera: ProgramPeer, tmp_path: Path
) -> None:
    program, tab = camera.program, new_tab()
    picture, sound = program.media_socket(video=True), program.media_socket(video=False)
    with ExitStack() as stack:
        seen = stack.enter_context(recording(tmp_path, "VP8", 120))
        constraints = sound_and_picture(
            parameters(picture, "VP8", 120), parameters(sound, "OPUS", 121),
            videoReceiveEnabled=True, audioReceiveEnabled=False,
        )  # fmt: skip
        path = camera.call(id_of(tab), constraints, {"video": seen.redirect})
        program.wait_for(path, "READY")
        program.wait_for(path, "STREAM")
        stack.enter_context(sending("VP8", 120, picture))
        stack.enter_context(sending("OPUS", 121, sound))
        tab.sees_frames("in", more=40)
        program.ask("POST", f"{path}/pli", 201, seen.redirect)
        time.sleep(RECORDED_SECONDS)
        tab.run("() => links.in.close()")
        program.wait_for(path, "CLOSE")
        assert picture.free
        assert sound.free
    assert seen.errors() == ""
    assert seen.frames() > RECORDED_SECONDS * 5


@pytest.mark.parametrize(("codec", "payload_type"), [("PCMU", 0), ("PCMA", 8)])
def test_telephone_sound_both_ways(
    new_tab: NewTab, camera: ProgramPeer, codec: str, payload_type: int
) -> None:
    program, tab = camera.program, new_tab()
    tab.run("(id) => call(id)", camera.id)
    path = camera.called()
    sound = program.media_socket(video=False)
    with udp() as heard:
        constraints = sound_and_picture(sound=parameters(sound, "G711", payload_type))
        redirects = {"audio": heard.redirect}
        body = {"constraints": constraints, "redirect_params": redirects}
        program.ask("POST", f"{path}/answer", 202, body)
        program.wait_for(path, "STREAM")
        with sending(codec, payload_type, sound):
            tab.until("""async () => {
              const stats = [...(await links.out.peerConnection.getStats()).values()];
              const audio = stats.find((it) => it.type === "inbound-rtp" && it.kind === "audio");
              return audio && audio.packetsReceived > 50 && audio.totalAudioEnergy > 0;
            }""")
            heard.until(50)
    types = {data[1] & 0x7F for data in heard.received}
    assert types == {payload_type}
    program.ask("DELETE", path, 204)


def test_a_keyframe_when_it_is_asked_for_by_rest_and_the_browsers_own_wishes(
    new_tab: NewTab, camera: ProgramPeer
) -> None:
    program, tab = camera.program, new_tab()
    tab.run("(id) => call(id)", camera.id)
    path = camera.called()
    picture = program.media_socket(video=True)
    with udp() as seen, udp() as wishes:
        redirects = {"video": seen.redirect, "video_rtcp": wishes.redirect}
        constraints = sound_and_picture(parameters(picture, "VP8", 96))
        body = {"constraints": constraints, "redirect_params": redirects}
        # The encoder runs already, so that the page has to wish for a keyframe.
        with sending("VP8", 96, picture):
            time.sleep(1.0)
            program.ask("POST", f"{path}/answer", 202, body)
            program.wait_for(path, "STREAM")
            tab.sees_frames("out")
            seen.until(100)
            quiet = _until_no_keyframe_comes(seen)
            program.ask("POST", f"{path}/pli", 201, seen.redirect)
            deadline = time.monotonic() + PATIENCE
            while keyframes(seen) == quiet:
                assert time.monotonic() < deadline, "no keyframe came"
                time.sleep(0.05)
        assert PLI in {kind for data in wishes.received for kind in rtcp_types(data)}
        program.ask("POST", f"{path}/pli", 404, {"ip_v4": "127.0.0.1", "port": 9})
    program.ask("DELETE", path, 204)


def _until_no_keyframe_comes(seen: Udp) -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        before = keyframes(seen)
        time.sleep(2.0)
        if before and keyframes(seen) == before:
            return before
    raise AssertionError("keyframes keep coming")


def test_two_browsers_are_shown_what_one_socket_takes(new_tab: NewTab, camera: ProgramPeer) -> None:
    program, tabs = camera.program, [new_tab(), new_tab()]
    picture = program.media_socket(video=True)
    body = {"constraints": sound_and_picture(parameters(picture, "VP8", 96))}
    paths = []
    with sending("VP8", 96, picture):
        for tab in tabs:
            tab.run("(id) => call(id)", camera.id)
        for _ in tabs:
            paths.append(camera.called())
            program.ask("POST", f"{paths[-1]}/answer", 202, body)
        for tab in tabs:
            tab.sees_frames("out", more=30)
        program.ask("DELETE", paths[0], 204)
        assert not picture.free
        _until_one_has_ended(tabs).sees_frames("out", more=20)
    program.ask("DELETE", paths[1], 204)
    assert picture.free
    body_of_a_third = program.status_of("POST", f"{paths[0]}/answer", body)
    assert body_of_a_third == 404


def _until_one_has_ended(tabs: list[PeerTab]) -> PeerTab:
    """Wait until the call of one of two has ended; return the other one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        ended = [tab.run("() => told.some((it) => it[0] === 'ended')") for tab in tabs]
        if any(ended):
            return tabs[ended.index(False)]
        assert time.monotonic() < deadline, "no call has ended"
        time.sleep(0.05)


def test_a_socket_that_is_gone_is_no_answer_and_the_call_can_still_be_answered(
    new_tab: NewTab, camera: ProgramPeer
) -> None:
    program, tab = camera.program, new_tab()
    tab.run("(id) => call(id)", camera.id)
    path = camera.called()
    gone = program.media_socket(video=True)
    program.ask("DELETE", f"media/{gone.id}", 204)
    body = {"constraints": sound_and_picture(parameters(gone, "VP8", 96))}
    assert program.status_of("POST", f"{path}/answer", body) in (400, 404)
    picture = program.media_socket(video=True)
    body = {"constraints": sound_and_picture(parameters(picture, "VP8", 96))}
    with sending("VP8", 96, picture):
        program.ask("POST", f"{path}/answer", 202, body)
        tab.sees_frames("out")
    program.ask("DELETE", path, 204)


def test_a_phone_that_dies_in_a_call_is_noticed_and_its_ports_are_free(
    new_tab: NewTab, camera: ProgramPeer, mortal_browser: MortalBrowser
) -> None:
    program, tab = camera.program, new_tab(mortal_browser.browser)
    tab.run("(id) => call(id)", camera.id)
    path = camera.called()
    picture = program.media_socket(video=True)
    body = {"constraints": sound_and_picture(parameters(picture, "VP8", 96))}
    with sending("VP8", 96, picture):
        program.ask("POST", f"{path}/answer", 202, body)
        tab.sees_frames("out")
        mortal_browser.kill()
        died = time.monotonic()
        program.wait_for(path, "CLOSE")
        assert time.monotonic() - died < SILENCE_SECONDS + 15.0
    assert picture.free


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_a_path_that_loses_three_of_a_hundred_packets(
    new_tab: NewTab, camera: ProgramPeer, tmp_path: Path, codec: str
) -> None:
    program, tab = camera.program, new_tab()
    with UdpRelay(delay=0.02, loss=0.03) as relay, ExitStack() as stack:
        tab._page.expose_function("throughRelay", lambda sdp: through(relay, sdp))
        tab.run(ONLY_THROUGH_RELAY)
        tab.run("(id) => call(id)", camera.id)
        path = camera.called()
        picture = program.media_socket(video=True)
        seen = stack.enter_context(recording(tmp_path, codec, 96))
        constraints = sound_and_picture(parameters(picture, codec, 96))
        redirects = {"video": seen.redirect, "video_rtcp": seen.rtcp_redirect}
        body = {"constraints": constraints, "redirect_params": redirects}
        program.ask("POST", f"{path}/answer", 202, body)
        tab.until("() => links.out.peerConnection.connectionState === 'connected'")
        stack.enter_context(sending(codec, 96, picture))
        tab.sees_frames("out", more=90)
        program.ask("POST", f"{path}/pli", 201, seen.redirect)
        time.sleep(RECORDED_SECONDS)
        program.ask("DELETE", path, 204)
        assert relay.lost > 10
    frames, damaged = seen.frames(), seen.errors().count("error while decoding")
    assert frames > RECORDED_SECONDS * 5
    assert damaged <= frames / 50  # a packet that is lost again, each time it is sent, stays lost


# The page's own candidates stay with it, and it takes one of ours alone, that of the relay.
ONLY_THROUGH_RELAY = """() => {
  const plain = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
    const sdp = await window.throughRelay(description.sdp);
    return plain.call(this, { type: description.type, sdp });
  };
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (frame) {
    if (!frame.includes('"CANDIDATE"')) send.call(this, frame);
  };
}"""
