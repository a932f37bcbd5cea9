"""Payloads become the frames that were packed, and what is broken is left out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.codec import Codec
from media.rtp import g711, h264
from media.rtp.depayload import Depayloader, Frame, RtpPayload, depayloader_for, open_packet
from tests.support import encoded
from tests.support.encoded import EncodedFrame
from tests.support.rtp_stream import H264, OPUS, PCMA, PCMU, VP8, RtpStream, nals_of

FRAMES = {
    "vp8": encoded.video("vp8", 1.0, keyframes=(0.5,), bitrate=2_000_000),
    "h264": encoded.video("h264", 1.0, keyframes=(0.5,), bitrate=2_000_000),
}
CODECS = {"vp8": VP8, "h264": H264}


def packets_of(codec: Codec, frames: Iterable[EncodedFrame]) -> list[RtpPayload]:
    stream = RtpStream(codec, room=50)  # small, so that every frame takes several
    packed = [open_packet(data, time) for time, data in stream.pack_all(frames)]
    return [packet for packet in packed if packet is not None]


def push_all(
    depayloader: Depayloader, packets: Iterable[RtpPayload], lost: Iterable[int] = ()
) -> list[Frame]:
    out: list[Frame] = []
    whole = True
    for number, packet in enumerate(packets):
        if number in lost:
            whole = False
            continue
        out += depayloader.push(packet, whole=whole)
        whole = True
    return out


def bodies(name: str, frames: Iterable[EncodedFrame]) -> list[bytes]:
    """Return the frames as a container takes them."""
    if name == "vp8":
        return [frame.data for frame in frames]
    return [h264.with_lengths(nals_of(frame.data)) for frame in frames]


@pytest.mark.parametrize("name", ["vp8", "h264"])
def test_frames_come_out_as_they_were_packed(name: str) -> None:
    frames = FRAMES[name]
    out = push_all(depayloader_for(CODECS[name]), packets_of(CODECS[name], frames))
    assert [frame.data for frame in out] == bodies(name, frames)
    assert [frame.keyframe for frame in out] == [frame.keyframe for frame in frames]
    assert [frame.format is not None for frame in out] == [frame.keyframe for frame in frames]


@pytest.mark.parametrize("name", ["vp8", "h264"])
def test_frames_end_also_without_markers(name: str) -> None:
    packets = [packet._replace(marker=False) for packet in packets_of(CODECS[name], FRAMES[name])]
    out = push_all(depayloader_for(CODECS[name]), packets)
    assert [frame.data for frame in out] == bodies(name, FRAMES[name][:-1])


@pytest.mark.parametrize("name", ["vp8", "h264"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_after_a_loss_nothing_comes_until_the_next_keyframe(name: str, place: str) -> None:
    frames = FRAMES[name]
    packets = packets_of(CODECS[name], frames)
    times = [packet.arrival for packet in packets]
    of_one = [at for at, time in enumerate(times) if time == frames[3].time]
    depayloader = depayloader_for(CODECS[name])
    out = push_all(depayloader, packets, lost=[of_one[0 if place == "first" else -1]])
    expected = [frame for frame in frames if frame.time < 0.1 or frame.time >= 0.5]
    assert [frame.data for frame in out] == bodies(name, expected)
    assert depayloader.dropped == len(frames) - len(expected)
    assert not depayloader.waiting


@pytest.mark.parametrize("name", ["vp8", "h264"])
def test_a_stream_joined_in_the_middle_begins_with_a_keyframe(name: str) -> None:
    depayloader = depayloader_for(CODECS[name])
    assert depayloader.waiting
    out = push_all(depayloader, packets_of(CODECS[name], FRAMES[name][1:]))
    assert out[0].keyframe
    assert len(out) == 15


def test_a_keyframe_right_behind_a_hole_is_taken() -> None:
    packets = packets_of(VP8, FRAMES["vp8"])
    last = max(at for at, packet in enumerate(packets) if packet.arrival < 0.5)
    out = push_all(depayloader_for(VP8), packets, lost=[last])
    assert len(out) == 29


@pytest.mark.parametrize("codec", [VP8, H264])
def test_padding_between_frames_changes_nothing(codec: Codec) -> None:
    stream = RtpStream(codec)
    packets = []
    for frame in FRAMES[codec.name]:
        packets += [*stream.pack(frame), stream.probe(frame.time)]
    parsed = [open_packet(data, 0.0) for data in packets]
    out = push_all(depayloader_for(codec), [packet for packet in parsed if packet is not None])
    assert len(out) == 30


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (642, 362), (16, 16)])
@pytest.mark.parametrize("codec", [VP8, H264])
def test_a_keyframe_tells_the_size_of_its_picture(codec: Codec, size: tuple[int, int]) -> None:
    frames = encoded.video(codec.name, 0.1, size=size)
    [frame, *_] = push_all(depayloader_for(codec), packets_of(codec, frames))
    assert frame.format is not None
    assert (frame.format.width, frame.format.height) == size


def test_sizes_of_every_profile_are_read() -> None:
    for profile, pixels in (("high", "yuv420p"), ("high422", "yuv422p"), ("high444", "yuv444p")):
        encoder = av.CodecContext.create("libx264", "w")
        assert isinstance(encoder, av.VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = 322, 182, pixels
        encoder.time_base = encoder.framerate = 1
        encoder.options = {"profile": profile, "tune": "zerolatency", "interlaced": "0"}
        [packet] = encoder.encode(av.VideoFrame(322, 182, pixels))
        sps = next(nal for nal in nals_of(bytes(packet)) if h264.kind_of(nal) == h264.SPS)
        assert h264.picture_size(sps) == (322, 182)


def test_parameter_sets_may_come_with_the_session_description() -> None:
    frames = encoded.video("h264", 0.2)
    sets = [nal for nal in nals_of(frames[0].data) if h264.kind_of(nal) in (h264.SPS, h264.PPS)]
    rest = b"".join(
        b"\0\0\0\1" + nal
        for nal in nals_of(frames[0].data)
        if h264.kind_of(nal) not in (h264.SPS, h264.PPS)
    )
    told = ",".join(b64encode(nal).decode() for nal in sets)
    codec = Codec("h264", 90_000, 102, fmtp=f"packetization-mode=1;sprop-parameter-sets={told}")
    bare = [EncodedFrame(0.0, rest, True), *frames[1:]]
    assert push_all(depayloader_for(H264), packets_of(H264, bare)) == []
    out = push_all(depayloader_for(codec), packets_of(codec, bare))
    assert len(out) == len(frames)
    assert out[0].data.startswith(h264.with_lengths(sets))


def test_a_parameter_set_too_long_for_any_file_costs_its_keyframe_only() -> None:
    depayloader = depayloader_for(H264)
    first, *rest = packets_of(H264, FRAMES["h264"])
    sps, *others = (nal for nal in nals_of(FRAMES["h264"][0].data))
    assert h264.kind_of(sps) == h264.SPS
    pieces = [sps[1:], *[bytes(1000)] * 70]
    heads = [0x87, *[0x07] * 69, 0x47]  # the first one, those between, the last one
    payloads = [bytes([0x7C, head]) + piece for head, piece in zip(heads, pieces, strict=True)]
    for payload in (*payloads, *(nal for nal in others if h264.kind_of(nal) == h264.PPS)):
        depayloader.push(RtpPayload(0, first.timestamp - 1, False, payload, 0.0), whole=True)
    picture = RtpPayload(0, first.timestamp - 1, True, b"\x65\x88\x80", 0.0)
    assert depayloader.push(picture, whole=True) == []
    assert depayloader.dropped == 1
    assert len(push_all(depayloader, [first, *rest])) == len(FRAMES["h264"])


def in_one_packet(*nals: bytes, timestamp: int = 0) -> RtpPayload:
    """Put NAL units together to a frame of one packet."""
    units = b"".join(len(nal).to_bytes(2) + nal for nal in nals)
    return RtpPayload(0, timestamp, True, b"\x78" + units, 0.0)


def sets_of(frame: EncodedFrame) -> tuple[bytes, bytes, bytes]:
    """Return both parameter sets of a keyframe, and its picture."""
    by_kind = {h264.kind_of(nal): nal for nal in nals_of(frame.data)}
    return by_kind[h264.SPS], by_kind[h264.PPS], by_kind[h264.IDR]


@pytest.mark.parametrize("longer", [h264.SPS, h264.PPS])
@pytest.mark.parametrize("told", [False, True])
def test_no_parameter_set_is_kept_that_is_longer_than_any_real_one(longer: int, told: bool) -> None:
    """It would be put into the file again in front of each keyframe, however small that is."""
    sps, pps, picture = sets_of(FRAMES["h264"][0])
    sets = [nal + bytes(2000 * (h264.kind_of(nal) == longer)) for nal in (sps, pps)]
    text = ",".join(b64encode(nal).decode() for nal in sets)
    codec = Codec("h264", 90_000, 102, fmtp=f"sprop-parameter-sets={text}" if told else "")
    depayloader = depayloader_for(codec)
    if not told:
        [before] = depayloader.push(in_one_packet(sps, pps, picture), whole=True)
        assert before.format is not None
        assert depayloader.push(in_one_packet(*sets, picture, timestamp=1), whole=True) == []
        assert depayloader.waiting
    kept = depayloader._parameters  # type: ignore[attr-defined]
    assert all(len(nal) <= h264.LONGEST_SET for nal in kept.values())
    assert len(push_all(depayloader, [in_one_packet(sps, pps, picture, timestamp=2)])) == 1


def test_a_frame_has_an_end_to_its_units() -> None:
    depayloader = depayloader_for(H264)
    crumbs = in_one_packet(*[b"\x06"] * 1300)._replace(marker=False)
    for _ in range(100):
        depayloader.push(crumbs, whole=True)
        assert len(depayloader._nals) < 20_000  # type: ignore[attr-defined]
    assert depayloader.push(in_one_packet(*sets_of(FRAMES["h264"][0])), whole=True) == []
    assert depayloader.dropped == 1


ENDLESS_SETS = [
    b"\x67\x64\0\x1f" + bytes([0xFF]) * size for size in (300, 1000, 60_000, 8 << 20)
] + [
    b"\x67\x64\0\x1f\xad" + b"\x9a\x69\xa6" * 20_000,  # scaling lists
    b"\x67\x42\0\x1f" + bytes([0b11010110]) + bytes([0x01] * 60_000),  # picture orders
    b"\x67\x42\0\x1f" + bytes(60_000),  # one number
]


@pytest.mark.parametrize("sps", ENDLESS_SETS, ids=range(len(ENDLESS_SETS)))
def test_reading_a_parameter_set_comes_to_an_end(
    sps: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: in steps, and in the bits that each of them has to shift."""
    steps = []
    read = h264.Bits.read

    def counted(bits: h264.Bits, count: int) -> int:
        steps.append(bits._value.bit_length())
        return read(bits, count)

    monkeypatch.setattr(h264.Bits, "read", counted)
    with suppress(ValueError):
        h264.picture_size(sps)
    assert len(steps) <= 1300
    assert max(steps, default=0) <= 8 * h264.MOST_READ


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_g711_expands_as_its_decoder_does(codec: Codec) -> None:
    decoder = av.CodecContext.create({"pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}[codec.name], "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = 8000, "mono"
    every = bytes(range(256))
    [frame] = decoder.decode(av.Packet(every))
    expand = {"pcmu": g711.expand_mu_law, "pcma": g711.expand_a_law}[codec.name]
    assert expand(every) == bytes(frame.planes[0])[:512]


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.booleans()), max_size=30))
@pytest.mark.parametrize("codec", [VP8, H264, OPUS, PCMU])
def test_garbage_does_no_harm(codec: Codec, packets: list[tuple[bytes, bool, bool]]) -> None:
    depayloader = depayloader_for(codec)
    for number, (payload, marker, whole) in enumerate(packets):
        packet = RtpPayload(number, number // 3, marker, payload, 0.0)
        for frame in depayloader.push(packet, whole=whole):
            assert frame.data
    for frame in push_all(depayloader, packets_of(codec, FRAMES.get(codec.name, []))):
        assert frame.data
