"""The boxes of an MP4 file (ISO/IEC 14496-12, -14 and -15, and opus in it), as bytes."""

from __future__ import annotations

import struct

from media.recording import opus
from media.rtp.aac import audio_specific_config
from media.rtp.depayload import CodedSound, CodedVideo

MOVIE_TIMESCALE = 1000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_AAC, _AUDIO_STREAM = 0x40, 0x15  # ISO/IEC 14496-1, 7.2.6.6
_LANGUAGE = struct.pack(">HH", 0x55C4, 0)  # undetermined


def box(name: bytes, *parts: bytes) -> bytes:
    """Return a box around these parts."""
    return (8 + sum(map(len, parts))).to_bytes(4) + name + b"".join(parts)


def full_box(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box that starts with a version and flags."""
    return box(name, (version << 24 | flags).to_bytes(4), *parts)


def file_type() -> bytes:
    """Return the first box of a file."""
    return box(b"ftyp", b"isom", bytes(4), b"isom", b"iso6", b"mp41")


def movie(duration: float, tracks: list[bytes], extra: bytes) -> bytes:
    """Return `moov`; `duration` in seconds, `extra` goes to its end."""
    ticks = round(duration * MOVIE_TIMESCALE)
    times = struct.pack(">QQIQ", 0, 0, MOVIE_TIMESCALE, ticks)
    rest = struct.pack(">IH10x", 0x10000, 0x100) + _MATRIX + bytes(24)
    head = full_box(b"mvhd", 1, 0, times, rest, b"\xff" * 4)  # a new track's number: search for one
    return box(b"moov", head, *tracks, extra)


def fragments_follow(tracks: list[int]) -> bytes:
    """Return `mvex`, which says that samples of these tracks come in fragments."""
    each = (struct.pack(">5I", number, 1, 0, 0, 0) for number in tracks)
    return box(b"mvex", *(full_box(b"trex", 0, 0, values) for values in each))


def track(
    number: int,
    video: CodedVideo | None,
    timing: tuple[int, float, int],
    sample_entry: bytes,
    tables: bytes,
) -> bytes:
    """Return `trak`; `timing` is timescale, start in seconds and length in units of timescale."""
    timescale, start, length = timing
    begin = round(start * MOVIE_TIMESCALE)
    lasts = -(-length * MOVIE_TIMESCALE // timescale)
    size = (video.width << 16, video.height << 16) if video else (0, 0)
    times = struct.pack(">QQI4xQ8x", 0, 0, number, begin + lasts)
    rest = struct.pack(">hhhH", 0, 0, 0 if video else 0x100, 0) + _MATRIX
    head = full_box(b"tkhd", 1, 3, times, rest, struct.pack(">II", *size))
    edits = _edits(begin, lasts) if length else b""
    media_head = full_box(b"mdhd", 1, 0, struct.pack(">QQIQ", 0, 0, timescale, length), _LANGUAGE)
    handler = b"vide" if video else b"soun"
    kind = full_box(b"hdlr", 0, 0, bytes(4), handler, bytes(12), b"Quintet\0")
    own = full_box(b"vmhd", 0, 1, bytes(8)) if video else full_box(b"smhd", 0, 0, bytes(4))
    place = box(b"dinf", full_box(b"dref", 0, 0, b"\0\0\0\1", full_box(b"url ", 0, 1)))
    described = full_box(b"stsd", 0, 0, b"\0\0\0\1", sample_entry)
    info = box(b"minf", own, place, box(b"stbl", described, tables))
    return box(b"trak", head, edits, box(b"mdia", media_head, kind, info))


def _edits(begin: int, lasts: int) -> bytes:
    """Return `edts`: nothing for a while, then everything."""
    entries = [struct.pack(">QqI", lasts, 0, 0x10000)]
    if begin:
        entries.insert(0, struct.pack(">QqI", begin, -1, 0x10000))
    return box(b"edts", full_box(b"elst", 1, 0, len(entries).to_bytes(4), *entries))


def h264_entry(video: CodedVideo) -> bytes:
    """Return the sample entry of H.264."""
    size = struct.pack(
        ">HHII4xH32xHH", video.width, video.height, 72 << 16, 72 << 16, 1, 24, 0xFFFF
    )
    return box(b"avc1", struct.pack(">6xH16x", 1), size, box(b"avcC", video.private))


def opus_entry(channels: int) -> bytes:
    """Return the sample entry of opus."""
    specific = struct.pack(">BBHIhB", 0, channels, opus.PRE_SKIP, 48000, 0, 0)
    return box(b"Opus", _sound(48000, channels), box(b"dOps", specific))


def aac_entry(format: CodedSound) -> bytes:
    """Return the sample entry of AAC."""
    config = audio_specific_config(format.sample_rate, format.channels)
    decoder = bytes((_AAC, _AUDIO_STREAM)) + bytes(11)  # buffer and bitrates are not told
    stream = bytes(3) + _descriptor(4, decoder + _descriptor(5, config)) + _descriptor(6, b"\2")
    sound = _sound(format.sample_rate, format.channels)
    return box(b"mp4a", sound, full_box(b"esds", 0, 0, _descriptor(3, stream)))


def _sound(rate: int, channels: int) -> bytes:
    known = rate if rate < 1 << 16 else 0  # a higher one is in the configuration only
    return struct.pack(">6xH8xHH4xI", 1, channels, 16, known << 16)


def _descriptor(tag: int, content: bytes) -> bytes:
    """Return a descriptor of less than 128 bytes (ISO/IEC 14496-1, 8.3.3)."""
    return bytes((tag, len(content))) + content


def no_tables() -> bytes:
    """Return the sample tables of a file in fragments: empty ones."""
    empty = b"".join(full_box(name, 0, 0, bytes(4)) for name in (b"stts", b"stsc", b"stco"))
    return empty + full_box(b"stsz", 0, 0, bytes(8))
