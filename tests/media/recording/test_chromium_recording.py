"""A recording of what headless Chromium publishes: flashes and beeps stay together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import pytest
from playwright.sync_api import Page

from media.contract.recordings import Container, RecordingPlan, RecordingState, TrackPlan
from media.contract.session import Direction, SessionWanted, State, TrackWanted
from media.webrtc.peer_facts import IceConfig
from tests.media.portal import EnginePortal
from tests.support.busy import measured
from tests.support.encoded import beeps_in, flashes_in
from tests.support.media_file import errors_in, look_into
from tests.support.sessions import Told

pytestmark = pytest.mark.browser

PAGE = """
window.publish = async codec => {
    const canvas = document.createElement('canvas');
    canvas.width = 320; canvas.height = 240;
    const context = canvas.getContext('2d');
    const sound = new AudioContext();
    await sound.resume();
    const tone = new OscillatorNode(sound, {frequency: 880});
    const volume = new GainNode(sound, {gain: 0});
    const out = sound.createMediaStreamDestination();
    tone.connect(volume).connect(out);
    tone.start();
    let step = 0, signalled = 0;
    setInterval(() => {
        // The sound is told to begin right away, so both happen at the same instant.
        const on = performance.now() % 2000 < 200;
        if (on !== !!signalled) {
            volume.gain.setValueAtTime(on ? 0.8 : 0, sound.currentTime);
            signalled = on;
        }
        context.fillStyle = on ? 'white' : `rgb(0 ${step++ % 64} 40)`;
        context.fillRect(0, 0, canvas.width, canvas.height);
    }, 10);
    const pc = window.pc = new RTCPeerConnection();
    const microphone = out.stream.getAudioTracks()[0];
    const { sender } = pc.addTransceiver(microphone, {direction: 'sendonly'});
    window.release = () => sender.replaceTrack(null);
    window.takeBack = () => sender.replaceTrack(microphone);
    const picture = canvas.captureStream(30).getVideoTracks()[0];
    const transceiver = pc.addTransceiver(picture, {direction: 'sendonly'});
    const all = RTCRtpReceiver.getCapabilities('video').codecs;
    const first = all.filter(c => c.mimeType.toLowerCase() === 'video/' + codec);
    transceiver.setCodecPreferences(first);
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
};
"""


@pytest.fixture
def no_media_left_behind() -> None:
    """Let the browser's own threads and sockets be: the engine's are looked at elsewhere."""


def publish(portal: EnginePortal, page: Page, codec: str, name: str) -> Told:
    """Connect the page; return what the engine told of its session."""
    told = Told()
    wanted = SessionWanted(
        (
            TrackWanted("audio", Direction.RECEIVE, ("opus",)),
            TrackWanted("video", Direction.RECEIVE, (codec,)),
        )
    )
    offer = page.evaluate("codec => publish(codec)", codec)

    async def answer() -> str:
        session = await portal.engine.open_session(name, wanted, told)
        return (await session.accept_offer(offer)).sdp

    page.evaluate("sdp => pc.setRemoteDescription({type: 'answer', sdp})", portal.call(answer))

    async def connected() -> None:
        await told.state(State.CONNECTED)

    portal.call(connected)
    return told


def record(
    portal: EnginePortal, told: Told, plan: RecordingPlan, meanwhile: Callable[[], object]
) -> tuple[float, int]:
    """Record while something is done; return how long packets came, and how many did not.

    The length is that from the first packet to the last.
    """
    arrivals: list[float] = []
    engine = portal.engine

    async def start() -> None:
        sources = {track.kind: told.source(track.kind) for track in plan.tracks}
        await engine.start_recording(plan, sources, lambda _: None)
        for tap in engine._recordings._running[plan.id].recorder.taps:
            tap.take = noting(tap.take)

    def noting(take: Callable[[bytes, float], None]) -> Callable[[bytes, float], None]:
        def noted(packet: bytes, arrival: float) -> None:
            arrivals.append(arrival)
            take(packet, arrival)

        return noted

    portal.call(start)
    meanwhile()
    status = portal.call(engine.stop_recording, plan.id)
    assert status.state is RecordingState.FINALISED
    return max(arrivals) - min(arrivals), status.lost_packets


def complaints_about(
    path: Path, sent: float, lost: int, length: float, without: tuple[float, float] = (0.0, 0.0)
) -> list[str]:
    """Compare a recording with what the page sent: nothing lost, its length, flashes and beeps.

    Of `length` seconds of flashes, those in the time `without` sound have no beep.
    """
    found = [f"{lost} packets were lost"] if lost else []
    duration = look_into(path).duration
    if duration != pytest.approx(sent, abs=0.1):
        found.append(f"{duration} s of {sent} s")
    flashes, beeps = flashes_in(path), beeps_in(path)
    counted = [f for f in flashes if 0.5 < f < sent - 0.5 and not without[0] < f < without[1]]
    pairs = [(f, min(beeps, key=lambda b: abs(b - f))) for f in counted]
    apart = [round((beep - flash) * 1000) for flash, beep in pairs]
    print(f"apart, in ms: {apart}")
    if len(pairs) < length / 2 - 2:
        found.append(f"{len(pairs)} flashes in {length} s")
    if max(map(abs, apart), default=0) > 80:
        found.append(f"flashes and beeps are apart by {apart} ms")
    return found


@pytest.mark.parametrize(
    ("container", "codec", "length"),
    [
        (Container.WEBM, "vp8", 8.0),
        (Container.MP4, "h264", 8.0),
        pytest.param(Container.WEBM, "vp8", 60.0, marks=pytest.mark.slow),
    ],
)
def test_flashes_and_beeps_of_a_page_stay_together(
    page: Page, tmp_path: Path, container: Container, codec: str, length: float
) -> None:
    """The page itself flashes and beeps together only where it gets the processor in time."""
    tracks = (TrackPlan("audio", "opus", "page"), TrackPlan("video", codec, "page"))
    with EnginePortal(IceConfig()) as portal:

        def measure(attempt: int) -> list[str]:
            page.goto("about:blank")  # a browser that once fell behind stays behind
            page.add_script_tag(content=PAGE)
            told = publish(portal, page, codec, f"publisher-{attempt}")
            page.wait_for_timeout(1000)
            plan = RecordingPlan(f"chromium-{attempt}", container, tracks, tmp_path)
            sent, lost = record(portal, told, plan, partial(page.wait_for_timeout, 1000 * length))
            path = tmp_path / f"{plan.id}.{container.value}"
            assert errors_in(path) == ""
            return complaints_about(path, sent, lost, length)

        assert measured(measure) == []


def test_a_microphone_that_is_released_leaves_a_gap(page: Page, tmp_path: Path) -> None:
    tracks = (TrackPlan("audio", "opus", "page"), TrackPlan("video", "vp8", "page"))

    def release() -> None:
        for seconds, what in ((4, "release"), (6, "takeBack"), (8, "")):
            page.wait_for_timeout(1000 * seconds)
            page.evaluate(what and f"{what}()")

    with EnginePortal(IceConfig()) as portal:

        def measure(attempt: int) -> list[str]:
            page.goto("about:blank")
            page.add_script_tag(content=PAGE)
            told = publish(portal, page, "vp8", f"publisher-{attempt}")
            page.wait_for_timeout(1000)
            plan = RecordingPlan(f"chromium-{attempt}", Container.WEBM, tracks, tmp_path)
            sent, lost = record(portal, told, plan, release)
            path = tmp_path / f"{plan.id}.webm"
            assert errors_in(path) == ""
            packets = look_into(path).packets
            apart = packets["opus"][-1] - packets["vp8"][-1]
            found = [] if abs(apart) <= 0.2 else [f"the ends are apart by {apart} s"]
            begin, end = max(pairwise(packets["opus"]), key=lambda pair: pair[1] - pair[0])
            if end - begin != pytest.approx(6.0, abs=0.3):
                found.append(f"a gap of {end - begin} s")
            return found + complaints_about(path, sent, lost, 12, (begin - 0.3, end + 0.3))

        assert measured(measure) == []


def test_keyframes_come_as_often_as_the_recording_wants(page: Page, tmp_path: Path) -> None:
    tracks = (TrackPlan("video", "vp8", "page"),)
    with EnginePortal(IceConfig()) as portal:

        def measure(attempt: int) -> list[str]:
            page.goto("about:blank")
            page.add_script_tag(content=PAGE)
            told = publish(portal, page, "vp8", f"publisher-{attempt}")
            page.wait_for_timeout(1000)
            plan = RecordingPlan(
                f"chromium-{attempt}", Container.WEBM, tracks, tmp_path, keyframe_seconds=2.0
            )
            record(portal, told, plan, partial(page.wait_for_timeout, 9000))
            with av.open(str(tmp_path / f"{plan.id}.webm")) as file:
                keyframes = [it.pts / 1000 for it in file.demux(video=0) if it.is_keyframe]
            steps = [later - earlier for earlier, later in pairwise(keyframes)]
            # One that came by itself is noticed up to half a second later.
            well = len(steps) >= 3 and max(steps) <= 2.9 and abs(steps[-1] - 2.0) <= 0.4
            return [] if well else [f"keyframes {steps} seconds apart"]

        assert measured(measure) == []
