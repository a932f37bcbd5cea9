"""AAC in RTP (RFC 3640)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.codec import Codec
from media.rtp.aac import (
    LONGEST_UNIT,
    aac_fmtp,
    audio_specific_config,
    pack_unit,
    sound_described,
    unpack_unit,
)
from tests.support.examples import examples


@pytest.mark.parametrize(
    ("rate", "channels", "config"),
    [(48_000, 2, "1190"), (44_100, 2, "1210"), (48_000, 1, "1188"), (8000, 1, "1588")],
)
def test_configurations_are_those_of_the_standard(rate: int, channels: int, config: str) -> None:
    assert audio_specific_config(rate, channels).hex() == config
    assert aac_fmtp(rate, channels).endswith(f";config={config}")


@pytest.mark.parametrize(("rate", "channels"), [(47_000, 2), (48_000, 3), (48_000, 0)])
def test_what_has_no_number_is_refused(rate: int, channels: int) -> None:
    with pytest.raises(ValueError):
        audio_specific_config(rate, channels)


def test_the_header_counts_bits() -> None:
    assert pack_unit(b"abc") == bytes((0, 16, 0, 3 << 3)) + b"abc"
    with pytest.raises(ValueError):
        pack_unit(bytes(LONGEST_UNIT + 1))


@settings(max_examples=examples(200))
@given(st.binary(max_size=LONGEST_UNIT))
def test_a_unit_comes_back(unit: bytes) -> None:
    assert unpack_unit(pack_unit(unit)) == unit


@settings(max_examples=examples(200))
@given(st.binary(max_size=40))
def test_anything_else_is_no_unit(payload: bytes) -> None:
    unit = unpack_unit(payload)
    assert unit is None or pack_unit(unit) == payload


def test_part_of_a_unit_or_two_of_them_are_none() -> None:
    whole = pack_unit(b"abcdef")
    assert unpack_unit(whole[:-1]) is None
    assert unpack_unit(whole + b"x") is None
    assert unpack_unit(b"\x00\x20" + whole[2:]) is None


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1), (7350, 1), (96_000, 2)])
def test_a_description_says_what_the_sound_is(rate: int, channels: int, told: bool) -> None:
    fmtp = aac_fmtp(rate, channels) if told else ""
    assert sound_described(Codec("aac", rate, 96, channels, fmtp)) == (rate, channels)


def test_a_configuration_may_say_that_there_is_no_more_to_it() -> None:  # as FFmpeg does
    codec = Codec("aac", 48_000, 96, 1, "mode=AAC-hbr; config=119056E500")
    assert sound_described(codec) == (48_000, 2)


@pytest.mark.parametrize(
    ("config", "rate", "channels"),
    [
        ("1210", 48_000, 2),  # counted at another rate than it has
        ("1194", 48_000, 2),  # frames of 960
        ("2990", 48_000, 2),  # HE-AAC
        ("11b0", 48_000, 2),  # six channels
        ("1690", 48_000, 2),  # a rate without a number
        ("1f90", 48_000, 2),  # a rate written out
        ("11", 48_000, 2),
        ("1", 48_000, 2),
        ("xx", 48_000, 2),
        ("", 47_000, 2),
        ("", 48_000, 6),
    ],
)
def test_other_kinds_of_aac_are_refused(config: str, rate: int, channels: int) -> None:
    with pytest.raises(ValueError):
        sound_described(Codec("aac", rate, 96, channels, f"config={config}"))


@settings(max_examples=examples(200))
@given(st.text(max_size=12) | st.binary(max_size=6).map(bytes.hex), st.sampled_from([8000, 48_000]))
def test_any_description_is_understood_or_refused(config: str, rate: int) -> None:
    try:
        found = sound_described(Codec("aac", rate, 96, 2, f"config={config}"))
    except ValueError:
        return
    assert found in ((rate, 1), (rate, 2))
