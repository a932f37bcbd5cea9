"""The NAL units of a stream of H.264 as containers and cameras give it, with its parameter sets."""

from __future__ import annotations

from collections.abc import Sequence

from media.job.picture_packets import units_of
from media.rtp.h264 import IDR, PPS, SPS, kind_of

MOST_SETS = 16  # parameter sets that are remembered of one stream
MOST_UNITS = 4096  # of one picture


class NalReader:
    """Reads packets with start codes (annex B), or with lengths if the configuration says so.

    `sets` are the newest parameter sets, of both kinds, as they came.
    """

    def __init__(self, configuration: bytes) -> None:
        self.sets: list[bytes] = []
        self._length_bytes = 0
        self.configure(configuration)

    def configure(self, configuration: bytes) -> None:
        """Go on with this one: start codes, or an AVCDecoderConfigurationRecord."""
        if configuration[:1] == b"\1" and len(configuration) > 6:
            self._length_bytes = (configuration[4] & 3) + 1
            found = _sets_of(configuration)
        else:
            self._length_bytes = 0
            found = [unit for unit in units_of(configuration) if kind_of(unit) in (SPS, PPS)]
        if found:
            self._remember(found)

    def read(self, data: bytes) -> list[bytes]:
        """Return the NAL units of a packet, as far as it can be read."""
        if self._length_bytes:
            units = _with_lengths(data, self._length_bytes)
        else:
            units = units_of(data)[:MOST_UNITS]
        sets = [unit for unit in units if kind_of(unit) in (SPS, PPS)]
        if sets:
            self._remember(sets)
        return units

    def complete(self, units: Sequence[bytes]) -> list[bytes]:
        """Return a picture's units, with the parameter sets in front of those that need them."""
        kinds = {kind_of(unit) for unit in units}
        if IDR not in kinds or (SPS in kinds and PPS in kinds):
            return list(units)
        return [*self.sets, *(unit for unit in units if kind_of(unit) not in (SPS, PPS))]

    def _remember(self, sets: list[bytes]) -> None:
        if any(kind_of(unit) == SPS for unit in sets):
            has_pictures = any(kind_of(unit) == PPS for unit in sets)
            kept = [] if has_pictures else [it for it in self.sets if kind_of(it) == PPS]
        else:
            kept = [unit for unit in self.sets if unit not in sets]
        self.sets = sorted([*kept, *sets][-MOST_SETS:], key=kind_of)


def _sets_of(record: bytes) -> list[bytes]:
    """Return the parameter sets of a configuration record (ISO/IEC 14496-15, 5.3.3.1)."""
    sets: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        count = record[at] & mask if at < len(record) else 0
        at += 1
        for _ in range(count):
            end = at + 2 + int.from_bytes(record[at : at + 2])
            if at + 2 < end <= len(record):
                sets.append(record[at + 2 : end])
            at = end
    return sets


def _with_lengths(data: bytes, width: int) -> list[bytes]:
    units: list[bytes] = []
    at = 0
    while at + width < len(data) and len(units) < MOST_UNITS:
        end = at + width + int.from_bytes(data[at : at + width])
        if unit := data[at + width : end]:
            units.append(unit)
        at = end
    return units
