"""What an answer says of codecs: parameters that the offer has, and which H.264 is forwarded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from media.contract.codec import Codec, H264Profile, h264_profile
from media.contract.errors import NoCommonCodec
from media.contract.session import Direction, SessionWanted, TracksChanged, TrackWanted
from media.local_engine import LocalEngine
from media.rtp.codec_fit import suits
from media.webrtc.aiortc_codecs import CODECS, know_more
from media.webrtc.descriptions import split
from tests.support.sessions import Told

OFFER = """v=0
o=- 0 0 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
m={kind} 9 UDP/TLS/RTP/SAVPF {formats}
a=mid:0
a=rtcp-mux
a={direction}
{lines}
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=setup:actpass
a=fingerprint:sha-256 {fingerprint}
"""


def offer(
    kind: str, encoding: str, *fmtps: str | None, direction: Direction = Direction.SEND
) -> str:
    """Return an offer of one codec in several configurations, from payload type 100 on."""
    lines = []
    for number, fmtp in enumerate(fmtps, 100):
        lines.append(f"a=rtpmap:{number} {encoding}")
        lines += [f"a=fmtp:{number} {fmtp}"] if fmtp is not None else []
    return OFFER.format(
        kind=kind,
        formats=" ".join(str(number) for number, _ in enumerate(fmtps, 100)),
        direction=direction.value,
        lines="\n".join(lines),
        fingerprint=":".join(["00"] * 32),
    )


async def answered(
    engine: LocalEngine, sdp: str, track: TrackWanted, told: Told | None = None
) -> dict[int, dict[str, str]]:
    """Return the parameters of the answer, by payload type."""
    session = await engine.open_session("one", SessionWanted((track,)), told or Told())
    answer = (await session.accept_offer(sdp)).sdp
    found = dict.fromkeys((int(n) for n in re.findall(r"a=rtpmap:(\d+)", answer)), "")
    found |= {int(n): text for n, text in re.findall(r"a=fmtp:(\d+) (.*)\r", answer)}
    return {
        number: dict(part.split("=") for part in text.split(";") if part)
        for number, text in found.items()
    }


HEARS = TrackWanted("audio", Direction.RECEIVE, ("opus",))
SEES = TrackWanted("video", Direction.RECEIVE, ("h264",))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("minptime=10;useinbandfec=1", {"minptime": "10", "useinbandfec": "1"}),
        (None, {}),
        ("minptime=20", {"minptime": "20"}),
        ("useinbandfec=1; stereo=1", {"useinbandfec": "1", "stereo": "1"}),
        ("sprop-stereo=1", {"stereo": "1"}),
        ("sprop-stereo=0;sprop-maxcapturerate=16000", {}),
        (
            "maxaveragebitrate=96000;maxplaybackrate=24000;usedtx=1;cbr=1",
            {"maxaveragebitrate": "96000", "maxplaybackrate": "24000", "usedtx": "1", "cbr": "1"},
        ),
        ("x-secret=1", {}),
    ],
)
async def test_an_answer_keeps_what_is_said_of_opus(
    said: str | None, kept: dict[str, str], engine: LocalEngine
):
    assert await answered(engine, offer("audio", "opus/48000/2", said), HEARS) == {100: kept}


async def test_an_offer_of_ours_asks_for_error_correction(engine: LocalEngine):
    session = await engine.open_session("one", SessionWanted((HEARS,)), Told())
    assert re.search(r"a=fmtp:\d+ minptime=10;useinbandfec=1\r", (await session.create_offer()).sdp)


@pytest.mark.parametrize(
    "profile",
    ["42e01f", "42001f", "42C01F", "42e034", "4d001f", "4d0028", "4D001E", "64001f", "640028",
     "640c1f", "42000a"],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["packetization-mode=1", "packetization-mode=0", ""])
async def test_h264_of_any_profile_and_packetization_is_taken_and_answered_as_offered(
    profile: str, mode: str, engine: LocalEngine
):
    said = ";".join(part for part in (mode, f"profile-level-id={profile}") if part)
    told = Told()
    (parameters,) = (
        await answered(engine, offer("video", "H264/90000", said), SEES, told)
    ).values()
    assert parameters["profile-level-id"] == profile
    assert parameters["packetization-mode"] == (mode[-1:] or "0")
    (track,) = told.of(TracksChanged)[-1].tracks
    assert h264_profile(track.fmtp) is h264_profile(said)


async def test_h264_that_says_nothing_of_itself_is_taken(engine: LocalEngine):
    assert 100 in await answered(engine, offer("video", "H264/90000", None), SEES)


@pytest.mark.parametrize("said", ["profile-level-id=7a001f", "profile-level-id=none",
                                  "packetization-mode=2;profile-level-id=42e01f"])  # fmt: skip
async def test_what_cannot_be_agreed_on_is_refused_with_the_reason(said: str, engine: LocalEngine):
    with pytest.raises(NoCommonCodec, match=r"profile and packetization mode of H\.264"):
        await answered(engine, offer("video", "H264/90000", said), SEES)


def h264(profile: str, mode: int) -> str:
    return f"packetization-mode={mode};profile-level-id={profile}"


@pytest.mark.parametrize(
    ("sent", "offered", "taken"),
    [
        (h264("42e01f", 1), [h264("64001f", 1), h264("42e01f", 1)], 101),
        (h264("64001f", 1), [h264("42e01f", 1), h264("64001f", 1)], 101),
        (h264("4d001f", 1), [h264("42e01f", 1), h264("64001f", 1)], 101),
        (h264("42e01f", 1), [h264("42e01f", 0), h264("42e01f", 1)], 101),
        (h264("42e01f", 0), [h264("42e01f", 0)], 100),
        (h264("64001f", 1), [h264("42e01f", 1)], None),
        (h264("42e01f", 1), [h264("42e01f", 0)], None),
    ],
)
async def test_of_what_a_subscriber_offers_that_is_taken_which_suits_the_source(
    sent: str, offered: list[str], taken: int | None, engine: LocalEngine
):
    sdp = offer("video", "H264/90000", *offered, direction=Direction.RECEIVE)
    wanted = TrackWanted("video", Direction.SEND, ("h264",), sent)
    if taken is None:
        with pytest.raises(NoCommonCodec):
            await answered(engine, sdp, wanted)
    else:
        assert list(await answered(engine, sdp, wanted)) == [taken]


@pytest.mark.parametrize(
    ("source", "sink", "fits"),
    [
        ("42001f", "42e01f", True),
        ("42e01f", "4d001f", True),
        ("4d001f", "640c1f", True),
        ("64001f", "4d001f", False),
        ("4d001f", "42e01f", False),
        ("64001f", "", True),  # nothing is said of a plain port: who opened it knows
        ("", "42e01f", True),
    ],
)
def test_who_decodes_a_profile_decodes_simpler_ones(source: str, sink: str, fits: bool):
    one, other = (
        Codec("h264", 90_000, 97, fmtp=f"profile-level-id={profile}" if profile else "")
        for profile in (source, sink)
    )
    assert suits(one, other) is fits


CAMERA = Codec("h264", 90_000, 100)  # a port of whose packets nothing is known but the type


@pytest.mark.parametrize("profile", ["42e01f", "42001f", "4d001f", "640c1f", "64001f"])
@pytest.mark.parametrize("mode", [0, 1])
def test_a_port_without_parameters_fits_whatever_a_browser_agreed_on(profile: str, mode: int):
    agreed = Codec("h264", 90_000, 108, fmtp=h264(profile, mode))
    assert suits(CAMERA, agreed)
    assert suits(agreed, CAMERA)
    assert not suits(CAMERA, Codec("vp8", 90_000, 100))


@pytest.mark.parametrize("direction", [Direction.SEND, Direction.RECEIVE])
@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ([h264("42001f", 1), h264("42001f", 0), h264("42e01f", 1), h264("42e01f", 0)], 102),
        ([h264("42e01f", 0), h264("64001f", 1), h264("4d001f", 1), h264("42001f", 1)], 103),
        ([h264("42e01f", 0), h264("640c1f", 1), h264("4d0032", 1)], 102),
        ([h264("64001f", 0), h264("640c1f", 1)], 101),
        ([h264("4d001f", 0), h264("42e034", 0)], 101),
        ([h264("64001f", 0)], 100),
    ],
)
async def test_of_several_the_one_that_most_decode_in_fragments_is_taken(
    offered: list[str], taken: int, direction: Direction, engine: LocalEngine
):
    theirs = Direction.RECEIVE if direction is Direction.SEND else Direction.SEND
    sdp = offer("video", "H264/90000", *offered, direction=theirs)
    wanted = TrackWanted("video", direction, ("h264",))
    assert list(await answered(engine, sdp, wanted)) == [taken]


@pytest.mark.parametrize(("codec", "number"), [("pcma", 8), ("pcmu", 0), ("opus", 111)])
@pytest.mark.parametrize("direction", [Direction.BOTH, Direction.RECEIVE])
async def test_of_what_chromium_offers_the_sound_that_is_wanted_is_taken(
    codec: str, number: int, direction: Direction, engine: LocalEngine
):
    offered = (Path(__file__).parent.parent / "offers" / "chromium.sdp").read_text()
    told = Told()
    wanted = SessionWanted((TrackWanted("audio", direction, (codec,)),))
    session = await engine.open_session("one", wanted, told)
    answer = split((await session.accept_offer(offered)).sdp)
    (section,) = [it for it in answer.sections if it.kind == "audio"]
    assert section.lines[0].split(" ")[3:] == [f"{number}"]
    assert told.of(TracksChanged)[-1].tracks[0].codec == codec


def test_profiles_go_by_their_family():
    families = {name: h264_profile(f"profile-level-id={name}").name for name in (
        "42e01f", "58a01e", "4de01f", "4d001f", "64001f", "f4001f", "x", "42",
    )}  # fmt: skip
    assert list(families.values()) == [
        "BASELINE", "BASELINE", "BASELINE", "MAIN", "HIGH", "UNKNOWN", "UNKNOWN", "UNKNOWN",
    ]  # fmt: skip
    assert h264_profile("") is H264Profile.UNKNOWN


def test_payload_types_stay_unique_and_are_added_once():
    numbers = [codec.payloadType for codec in CODECS["video"]]
    know_more()
    assert [codec.payloadType for codec in CODECS["video"]] == numbers
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < 128
