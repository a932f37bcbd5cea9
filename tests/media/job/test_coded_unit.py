"""Units of both kinds that came one kind behind the other."""

from __future__ import annotations

from media.job.sending.coded_unit import CodedUnit, in_order


def units(kind: str, *moments: float) -> list[CodedUnit]:
    return [CodedUnit(kind, moment, b"", True) for moment in moments]


def test_they_are_put_in_order_and_pictures_stay_in_theirs() -> None:
    pictures, sound = units("video", 1.0, 1.3, 1.1, 1.4), units("audio", 0.9, 1.1, 1.2, 1.35)
    found = in_order([*sound, *pictures])
    assert [each for each in found if each.kind == "video"] == pictures
    assert [each for each in found if each.kind == "audio"] == sound
    moments = [(each.kind[0], each.moment) for each in found]
    assert moments == [
        ("a", 0.9), ("v", 1.0), ("a", 1.1), ("a", 1.2),
        ("v", 1.3), ("v", 1.1), ("a", 1.35), ("v", 1.4),
    ]  # fmt: skip
