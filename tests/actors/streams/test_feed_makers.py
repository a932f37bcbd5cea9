"""Which process makes what somebody takes."""

from __future__ import annotations

import pytest

from actors.streams.takers import Feed, ProcessKey, Takers
from media.contract.jobs import AudioTarget, VideoTarget

AAC, ODD_AAC = AudioTarget("aac"), AudioTarget("aac", 44_100)
SMALL = VideoTarget("vp8", 320, 180, 15, 300)


@pytest.mark.parametrize(
    ("feed", "processes"),
    [
        (Feed("camera", "video"), []),
        (Feed("camera", "audio", AAC), [Feed("camera", "audio", AAC)]),
        (Feed("view", "audio"), ["view"]),
        (Feed("view", "audio", AAC), ["view"]),
        (Feed("view", "audio", AAC, "camera"), ["view"]),
        (Feed("view", "video", SMALL), ["view", Feed("view", "video", SMALL)]),
        # The process of a view must not end of what one of its takers wants.
        (Feed("view", "audio", ODD_AAC), ["view", Feed("view", "audio", ODD_AAC)]),
    ],
)
def test_sound_of_a_view_is_made_by_its_own_process(
    feed: Feed, processes: list[ProcessKey]
) -> None:
    takers = Takers(mixed=frozenset({"view"}))
    assert list(takers.processes(feed)) == processes
    assert takers.maker(feed) == (processes[-1] if processes else None)
