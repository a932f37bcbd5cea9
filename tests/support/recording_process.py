"""`python -m tests.support.recording_process FOLDER SECONDS`: a process to kill while it records.

Records, as time goes by, into files of all containers, named after their sound; each picture has
one keyframe only. Prints how many seconds were sent so far, but not within a second of when it was
late itself: what a machine standing still does to the threads that write is not what a kill does.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from media.contract.recordings import Container, RecordingPlan, TrackPlan
from media.recording.recorder import Recorder
from tests.support.recording import frames_of, sending
from tests.support.rtp_stream import AAC, H264, OPUS, PCMU, VP8

RECORDINGS = (
    (Container.WEBM, (VP8, OPUS)),
    (Container.MKV, (H264, PCMU)),
    (Container.MKV, (H264, AAC)),
    (Container.MP4, (H264, OPUS)),
    (Container.MP4, (H264, AAC)),
)
LATE_SECONDS = 0.2
CALM_SECONDS = 1.0


def main(folder: Path, seconds: float) -> None:
    arrivals = []
    recorders = []
    for container, codecs in RECORDINGS:
        tracks = tuple(
            TrackPlan("video" if codec.clock_rate == 90_000 else "audio", codec.name)
            for codec in codecs
        )
        recorder = Recorder(RecordingPlan(codecs[1].name, container, tracks, folder))
        recorders.append(recorder)
        for tap, codec in zip(recorder.taps, reversed(codecs), strict=True):
            sent = sending(codec, frames_of(codec, seconds))
            arrivals += [(at, tap, packet) for at, packet in sent.packets]
    arrivals.sort(key=lambda arrival: arrival[0])
    for recorder in recorders:
        threading.Thread(target=recorder.run, daemon=True).start()
    start = time.monotonic()
    told = late = 0.0
    for at, tap, packet in arrivals:
        now = time.monotonic() - start
        if at > now:
            if now - told > 0.05 and now - late > CALM_SECONDS:
                print(f"{at:.3f}", flush=True)
                told = now
            time.sleep(at - now)
        elif now - at > LATE_SECONDS:
            late = now
        tap.take(packet, start + at)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
