"""What Chromium publishes is recorded for a minute: whole, as long as it was, and in step."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from playwright.sync_api import Page

from actors.core import ActorSystem, Ref, open_system
from actors.recording import RecordingPlan, StopRecording, recording_spec
from media.container import Container
from media.engine import Direction
from media.keyframes import keyframe_marker
from media.muxing import State
from media.peer_facts import IceSettings
from media.recorder import RecordingStatus, TrackPlan
from media.router import RtpSource
from media.rtp_packet import parse_packet
from tests.media.portal import EnginePortal
from tests.media.test_chromium import Call, browser, no_media_left_behind, page
from tests.support.encoded import beeps_in, flashes_in
from tests.support.media_file import errors_in, look_into

__all__ = ["browser", "no_media_left_behind", "page"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow]

SECONDS = 60.0
PERIOD = 2.0
SIGNALS = """
window.signalling = () => {
    const audio = new AudioContext(), tone = audio.createOscillator(), volume = audio.createGain();
    const out = audio.createMediaStreamDestination();
    volume.gain.value = 0;
    tone.frequency.value = 880;
    tone.connect(volume).connect(out);
    tone.start();
    const canvas = document.createElement('canvas');
    canvas.width = 320; canvas.height = 240;
    const context = canvas.getContext('2d');
    let step = 0, on = false;
    setInterval(() => {
        context.fillStyle = on ? 'white' : `rgb(${step++ % 60} 0 60)`;
        context.fillRect(0, 0, 320, 240);
    }, 20);
    setInterval(() => {
        on = true; volume.gain.value = 0.8;
        context.fillStyle = 'white'; context.fillRect(0, 0, 320, 240);
        setTimeout(() => { on = false; volume.gain.value = 0; }, 200);
    }, 2000);
    return [out.stream.getAudioTracks()[0], canvas.captureStream(30).getVideoTracks()[0]];
};
window.publishSignals = async () => {
    const pc = peers.publisher = new RTCPeerConnection();
    const [audio, video] = signalling();
    pc.addTransceiver(audio, {direction: 'sendonly'});
    prefer(pc.addTransceiver(video, {direction: 'sendonly'}), 'vp8');
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
};
"""


class Witness:
    """A tap that notes when the first keyframe and the last packet of a video came."""

    id, kind = "witness", "video"

    def __init__(self) -> None:
        self.first = self.last = 0.0
        self._mark = keyframe_marker("vp8")

    def take(self, packet: bytes, arrival: float) -> None:
        parsed = parse_packet(packet, arrival)
        assert parsed is not None
        if self._mark is not None:
            self._mark(parsed)
        if not self.first and parsed.keyframe:
            self.first = arrival
        self.last = arrival

    def take_sender_report(self, ssrc: int, ntp: int, rtp_time: int, arrival: float) -> None:
        pass

    def source_changed(self, source: RtpSource | None) -> None:
        pass


async def record(
    portal: EnginePortal, plan: RecordingPlan, sources: dict[str, str], witness: Witness
) -> RecordingStatus:
    """Record for a minute, as an actor does."""
    router = portal.engine.router
    router.add_tap(witness)
    router.attach(sources["video"], witness.id)
    async with open_system([recording_spec(plan, sources, router)]) as system:
        await trio.sleep(SECONDS)
        router.remove_tap(witness.id)
        return await recording(system, plan).ask(StopRecording(), within=10)


def recording(system: ActorSystem, plan: RecordingPlan) -> Ref[StopRecording]:
    ref = system.registry.find(f"/recording:{plan.id}")
    assert ref is not None
    return ref


def test_a_minute_of_flashes_and_beeps_stays_in_step(page: Page, tmp_path: Path) -> None:
    page.add_script_tag(content=SIGNALS)
    tracks = (TrackPlan("audio", "opus", "chromium"), TrackPlan("video", "vp8", "chromium"))
    plan = RecordingPlan("minute", Container.WEBM, tracks, tmp_path)
    witness = Witness()
    with EnginePortal(IceSettings()) as portal:
        call = Call(portal, page)
        offer = page.evaluate("publishSignals()")
        call.connect("publisher", offer, Direction.RECEIVE, "vp8")
        sources = {kind: call.told["publisher"].source(kind) for kind in ("audio", "video")}
        status = portal.call(record, portal, plan, sources, witness)
    assert (status.state, status.lost_packets) == (State.FINALISED, 0)
    file = tmp_path / "minute.webm"
    assert errors_in(file) == ""
    assert look_into(file).duration == pytest.approx(witness.last - witness.first, abs=0.1)
    flashes, beeps = flashes_in(file), beeps_in(file)
    assert len(flashes) >= SECONDS / PERIOD - 2
    pairs = list(zip(flashes, beeps[len(beeps) - len(flashes) :], strict=True))
    worst = max(abs(flash - beep) for flash, beep in pairs)
    assert worst <= 0.08, pairs
