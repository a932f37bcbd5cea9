"""What a mix is told to do."""

from __future__ import annotations

from dataclasses import replace

from actors.jobs.mix import MOST_HEARD, audio_input, mix_wanted
from actors.streams.mixing import Mixing
from actors.streams.publishing import AUDIO_FORMATS, VIDEO_FORMATS
from actors.words.streams import AudioTrack, Stream, VideoTrack
from media.contract.jobs import names_sent
from media.job.control import ChangeWork, write_message
from tests.support.mixes import COMMON_MIX, OUTPUTS, VIEW


def test_a_mix_of_any_number_of_streams_can_be_told_to_its_process() -> None:
    assert VIEW.video is not None
    view = replace(VIEW, video=replace(VIEW.video, max_input=MOST_HEARD))
    mixing = Mixing.of([view], OUTPUTS)
    audio = AudioTrack("mic", AUDIO_FORMATS["opus"])
    video = VideoTrack("camera", VIDEO_FORMATS["h264"])
    streams = {str(10**18 + it): Stream(str(10**18 + it), "", audio, video) for it in range(600)}
    for stream in streams.values():
        mixing.put(stream, [view.label])
    fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    wanted = mix_wanted(
        mixing.views[COMMON_MIX],
        mixing.streams[COMMON_MIX],
        streams,
        lambda stream, kind: fmtp,
        tuple(streams),
    )
    heard = [it for it in wanted.inputs if it.kind == "audio"]
    assert heard == [audio_input(it, audio.format) for it in list(streams)[:MOST_HEARD]]
    assert len(wanted.inputs) == 2 * MOST_HEARD
    assert wanted.audio is not None
    assert wanted.audio.without == tuple(it.id for it in heard)
    inputs = {it.id: 2**32 - 1 for it in wanted.inputs}
    outputs = dict.fromkeys(names_sent(wanted), 2**32 - 1)
    assert write_message(ChangeWork(2**16, wanted, inputs, outputs))
