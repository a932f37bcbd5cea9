"""GStreamer's webrtcbin publishes test patterns: run by the system's Python, which has `gi`.

    /usr/bin/python3 gstreamer_peer.py vp8|h264

Says its offer on standard output and takes the answer on standard input, each one line of JSON:
{"sdp": …}. All else is as GStreamer does it by itself: its RSA certificate, packets of up to 1,400
bytes, and header extensions with attributes. With `probe` it only looks whether all of it is there.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtp", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstRtp, GstSdp, GstWebRTC  # noqa: E402

PICTURE = "videotestsrc is-live=true ! video/x-raw,width=640,height=480,framerate=15/1"
ENCODINGS = {
    "vp8": "vp8enc deadline=1 keyframe-max-dist=15 target-bitrate=1000000 ! rtpvp8pay name=picture",
    "h264": (
        "openh264enc gop-size=15 bitrate=1000000 ! h264parse config-interval=-1"
        " ! rtph264pay name=picture aggregate-mode=zero-latency"
    ),
}
SOUND = "audiotestsrc is-live=true freq=440 ! audioconvert ! audioresample ! opusenc"
ELEMENTS = ("webrtcbin", "nicesrc", "dtlsenc", "srtpenc", "vp8enc", "openh264enc", "opusenc")
SECONDS = 60.0


def main() -> None:
    Gst.init(None)
    codec = sys.argv[1]
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing or codec == "probe":
        sys.exit(f"GStreamer lacks {', '.join(missing)}" if missing else 0)
    pipeline = Gst.parse_launch(
        "webrtcbin name=peer bundle-policy=max-bundle "
        f"{PICTURE} ! videoconvert ! {ENCODINGS[codec]} ! application/x-rtp,payload=96 ! peer. "
        f"{SOUND} ! rtpopuspay name=sound ! application/x-rtp,payload=97 ! peer."
    )
    level = Gst.ElementFactory.make("rtphdrextclientaudiolevel")
    GstRtp.RTPHeaderExtension.set_id(level, 1)
    pipeline.get_by_name("sound").emit("add-extension", level)
    peer = pipeline.get_by_name("peer")
    needed = threading.Event()
    gathered = threading.Event()
    peer.connect("on-negotiation-needed", lambda _: needed.set())
    peer.connect("notify::ice-gathering-state", lambda peer, _: note_gathering(peer, gathered))
    pipeline.set_state(Gst.State.PLAYING)
    try:
        wait(needed, "webrtcbin wants no negotiation")
        reply = ask(peer, "create-offer", None)  # the offer lives as long as this does
        ask(peer, "set-local-description", reply.get_value("offer"))
        wait(gathered, "no candidates were gathered")
        sdp = peer.get_property("local-description").sdp.as_text()
        print(json.dumps({"sdp": sdp}), flush=True)
        answer = json.loads(sys.stdin.readline())["sdp"]
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        ask(peer, "set-remote-description", description)
        sys.stdin.read()
    finally:
        pipeline.set_state(Gst.State.NULL)


def ask(peer: Any, signal: str, argument: Any) -> Any:
    """Have webrtcbin do something; return what it promised."""
    promise = Gst.Promise.new()
    peer.emit(signal, argument, promise)
    if promise.wait() is not Gst.PromiseResult.REPLIED:
        sys.exit(f"{signal} was not answered")
    return promise.get_reply()


def note_gathering(peer: Any, gathered: threading.Event) -> None:
    if peer.get_property("ice-gathering-state") is GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        gathered.set()


def wait(event: threading.Event, trouble: str) -> None:
    if not event.wait(SECONDS):
        sys.exit(trouble)


if __name__ == "__main__":
    main()
