"""What an offer must hold before media takes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.streams.offers import Unfit, tracks_for
from actors.words.streams import SessionEnd
from media.contract.session import Direction, TrackWanted

CHROMIUM = (Path(__file__).parents[2] / "media" / "offers" / "chromium.sdp").read_text()
HEAD = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n"
TRANSPORT = (
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n"
    "a=fingerprint:sha-256 " + ":".join(["00"] * 32) + "\r\na=rtcp-mux\r\n"
)
BOTH = {"audio": ("opus", "pcmu"), "video": ("vp8", "h264")}


def offer(*sections: str, rejected: tuple[int, ...] = ()) -> str:
    """Return an offer with sections such as "audio 111 opus 0"; a number without a name has none.

    Those whose place is in `rejected` have port 0.
    """
    text = HEAD.format(" ".join(str(n) for n in range(len(sections)) if n not in rejected))
    for number, section in enumerate(sections):
        kind, *words = section.split(" ")
        formats = [word for word in words if word.isdecimal()]
        port = 0 if number in rejected else 9
        text += f"m={kind} {port} UDP/TLS/RTP/SAVPF {' '.join(formats)}\r\na=mid:{number}\r\n"
        for at, word in enumerate(words):
            if not word.isdecimal():
                text += f"a=rtpmap:{words[at - 1]} {word}/90000\r\n"
        text += TRANSPORT
    return text


def wanted(kind: str, *codecs: str) -> TrackWanted:
    return TrackWanted(kind, Direction.RECEIVE, codecs)


@pytest.mark.parametrize(
    ("sdp", "codecs", "result"),
    [
        (
            offer("audio 111 opus 0", "video 96 VP8 97 rtx 98 H264"),
            BOTH,
            (wanted("audio", "opus", "pcmu"), wanted("video", "vp8", "h264")),
        ),
        (
            offer("video 98 H264 99 H264 96 VP8", "audio 0 8 111 opus"),
            BOTH,
            (wanted("audio", "pcmu", "opus"), wanted("video", "h264", "vp8")),
        ),
        (offer("audio 8"), {"audio": ("pcma",)}, (wanted("audio", "pcma"),)),
        (
            offer("audio 111 opus", "video 96 VP8", rejected=(1,)),
            {"audio": ("opus",)},
            (wanted("audio", "opus"),),
        ),
        (
            offer("audio 111 opus", "video 96 VP8", rejected=(1,)),
            BOTH,
            Unfit(SessionEnd.VIDEO_MISSING),
        ),
        (offer("audio 111 opus"), {"video": ("vp8",)}, Unfit(SessionEnd.AUDIO_UNWANTED)),
        (offer("video 96 VP8"), {"audio": ("opus",)}, Unfit(SessionEnd.AUDIO_MISSING)),
        (offer("audio 111 opus", "audio 111 opus"), BOTH, Unfit(SessionEnd.AUDIO_UNWANTED)),
        (offer("audio 9"), {"audio": ("opus",)}, Unfit(SessionEnd.NO_AUDIO_CODEC)),
        (offer("video 45 AV1"), {"video": ("vp8",)}, Unfit(SessionEnd.NO_VIDEO_CODEC)),
        (offer("video 45 AV1"), {"video": ()}, Unfit(SessionEnd.NO_VIDEO_CODEC)),
        (offer("audio 0 opus"), {"audio": ("pcmu",)}, Unfit(SessionEnd.NO_AUDIO_CODEC)),
        ("", BOTH, Unfit(SessionEnd.BAD_OFFER, "not a session description")),
        ("v=0\r\n", BOTH, Unfit(SessionEnd.BAD_OFFER, "no sections, or too many")),
        (CHROMIUM, BOTH, (wanted("audio", "opus", "pcmu"), wanted("video", "vp8", "h264"))),
    ],
)
def test_offers(
    sdp: str,
    codecs: Mapping[str, tuple[str, ...]],
    result: tuple[TrackWanted, ...] | Unfit,
) -> None:
    assert tracks_for(sdp, codecs, Direction.RECEIVE) == result


@given(st.integers(0, len(CHROMIUM)), st.text(max_size=8), st.integers(0, 40))
@example(0, "", 0)
def test_no_damage_does_worse_than_ending_the_session(at: int, text: str, gone: int) -> None:
    damaged = CHROMIUM[:at] + text + CHROMIUM[at + gone :]
    found = tracks_for(damaged, BOTH, Direction.RECEIVE)
    assert isinstance(found, Unfit | tuple)
