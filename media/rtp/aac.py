"""AAC-LC in RTP: RFC 3640, mode AAC-hbr, one access unit a packet. What both sides of it say."""

from __future__ import annotations

from media.contract.codec import Codec

_RATES = (
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
    7350,
)  # fmt: skip
_LOW_COMPLEXITY = 2  # the object type (ISO 14496-3)
FRAME = 1024  # samples of an access unit
LONGEST_UNIT = (1 << 13) - 1  # bytes, by the width of its size

_HEADER_BITS = 16


def audio_specific_config(sample_rate: int, channels: int) -> bytes:
    """Return the configuration of a decoder (ISO 14496-3, 1.6.2.1).

    Raises ValueError for a rate that has no number, and for more than two channels.
    """
    if channels not in (1, 2):
        raise ValueError("one or two channels")
    index = _RATES.index(sample_rate)
    return (_LOW_COMPLEXITY << 11 | index << 7 | channels << 3).to_bytes(2)


def sound_described(codec: Codec) -> tuple[int, int]:
    """Return the sample rate in Hz and the number of channels, by `config` or else by the codec.

    Raises ValueError for what is not AAC-LC of one or two channels in frames of 1,024 samples, and
    where RTP times are counted at another rate than samples.
    """
    told = codec.parameters().get("config")
    config = (
        bytes.fromhex(told) if told else audio_specific_config(codec.clock_rate, codec.channels)
    )
    bits = int.from_bytes(config[:2])  # what may follow says that there is nothing more to it
    index, channels = bits >> 7 & 0xF, bits >> 3 & 0xF
    if len(config) < 2 or index >= len(_RATES):
        raise ValueError("no configuration of AAC")
    rate = _RATES[index]
    if config[:2] != audio_specific_config(rate, channels) or rate != codec.clock_rate:
        raise ValueError("another kind of AAC")
    return rate, channels


def aac_fmtp(sample_rate: int, channels: int) -> str:
    """Return the parameters of a session description (RFC 3640, 4.1); raises as the above."""
    return (
        "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
        f"indexdeltalength=3;config={audio_specific_config(sample_rate, channels).hex()}"
    )


def pack_unit(unit: bytes) -> bytes:
    """Return the payload with one access unit; ValueError for one that is too long."""
    if len(unit) > LONGEST_UNIT:
        raise ValueError(f"{len(unit)} bytes are no access unit")
    return _HEADER_BITS.to_bytes(2) + (len(unit) << 3).to_bytes(2) + unit


def unpack_unit(payload: bytes) -> bytes | None:
    """Return the access unit of a payload; None where it is not one, alone and whole."""
    if len(payload) < 4 or int.from_bytes(payload[:2]) != _HEADER_BITS:
        return None
    header = int.from_bytes(payload[2:4])
    return payload[4:] if header & 7 == 0 and header >> 3 == len(payload) - 4 else None
