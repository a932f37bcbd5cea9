"""Which jobs fit: by what they should cost, then by what they take."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.errors import NoCapacity
from media.contract.jobs import (
    AudioTarget,
    Composition,
    JobInput,
    MixWanted,
    OtherSound,
    Place,
    SoundMix,
    TranscodeWanted,
    VideoTarget,
)
from media.worker.capacity import LEAST_SHARE, ONE_THREAD, SETTLED_REPORTS, Capacity
from media.worker.costs import OVERHEAD, RESAMPLED, USUAL_COSTS, Costs, plausible
from tests.support.examples import examples

HD = VideoTarget("vp8", 1280, 720, 24, 1500)
REFERENCE = VideoTarget("vp8", 640, 360, 24, 500)


def camera(name: str, codec: str = "vp8") -> JobInput:
    return JobInput(name, "video", codec)


def transcode(target: VideoTarget | AudioTarget = REFERENCE) -> TranscodeWanted:
    return TranscodeWanted(camera("c"), target)


def view(inputs: int, shown: int | None = None) -> MixWanted:
    names = [f"camera {number}" for number in range(inputs)]
    places = tuple(Place(name, 0, 0, 1, 1) for name in names[:shown])
    return MixWanted(tuple(map(camera, names)), Composition(HD, places))


COST = Costs().of(transcode(), {})


def test_a_transcode_costs_what_its_parts_were_measured_to():
    parts = USUAL_COSTS["decode.vp8"] + USUAL_COSTS["scale"] + USUAL_COSTS["encode.vp8"]
    assert pytest.approx(OVERHEAD + parts) == COST
    slow = Costs({name: 3 * cost for name, cost in USUAL_COSTS.items()})
    assert slow.of(transcode(), {}) == pytest.approx(OVERHEAD + 3 * parts)


def test_a_picture_costs_by_its_points_and_rate():
    costs = Costs()
    larger = costs.of(transcode(HD), {}) - COST
    assert larger == pytest.approx(3 * USUAL_COSTS["encode.vp8"])
    seen = costs.of(transcode(), {"c": (1280, 720)}) - COST
    assert seen == pytest.approx(3 * (USUAL_COSTS["decode.vp8"] + USUAL_COSTS["scale"]))
    as_it_comes = VideoTarget("vp8", 0, 0, 24, 500)
    assert costs.of(transcode(as_it_comes), {"c": (1280, 720)}) == pytest.approx(
        costs.of(transcode(HD), {"c": (1280, 720)})
    )


def test_what_has_no_place_in_a_view_is_not_decoded():
    costs = Costs()
    assert costs.of(view(9, shown=4), {}) == pytest.approx(costs.of(view(4), {}))
    assert costs.of(view(5), {}) > costs.of(view(4), {})


def test_a_mix_of_sound_has_four_encoders_at_most():
    costs = Costs()
    names = [f"microphone {number}" for number in range(20)]
    inputs = tuple(JobInput(it, "audio", "opus", clock_rate=48_000) for it in names)
    few = costs.of(MixWanted(inputs, audio=SoundMix(AudioTarget("opus"))), {})
    all_own = SoundMix(AudioTarget("opus"), without=tuple(names))
    own = costs.of(MixWanted(inputs, audio=all_own), {})
    assert own - few == pytest.approx(3 * USUAL_COSTS["encode.opus"])


def test_twenty_telephones_cost_no_more_encoders_than_the_loudest_and_one_for_all():
    costs, target = Costs(), AudioTarget("pcmu", 8000, 1)
    inputs = tuple(JobInput(f"{it}", "audio", "pcmu", clock_rate=8000) for it in range(20))
    opus = SoundMix(AudioTarget("opus"))
    own = (OtherSound(target), *(OtherSound(target, it.id) for it in inputs))

    def more(mix: SoundMix) -> float:
        """Return what it costs beside what these inputs do with Opus for all."""
        heard = costs.of(MixWanted(inputs, audio=opus), {})
        return (costs.of(MixWanted(inputs, audio=mix), {}) - heard) / USUAL_COSTS["encode.opus"]

    telephone = (USUAL_COSTS["encode.pcmu"] + RESAMPLED) / USUAL_COSTS["encode.opus"]
    assert more(SoundMix(opus.target, others=own)) == pytest.approx(4 * telephone)
    assert more(SoundMix(opus.target, others=own, common=False)) == pytest.approx(4 * telephone - 1)
    g722 = OtherSound(AudioTarget("g722", 16_000, 1))
    assert more(SoundMix(opus.target, others=(*own, g722))) > 4 * telephone


def test_an_unknown_codec_costs_as_the_dearest():
    other = transcode(VideoTarget("av1", 640, 360, 24, 500))
    assert Costs().of(other, {}) == pytest.approx(
        Costs().of(transcode(VideoTarget("h264", 640, 360, 24, 500)), {})
    )


def test_what_does_not_fit_is_refused_by_the_name_of_its_kind():
    capacity = Capacity(cores=2.0, share=0.5, processes=3)
    capacity.admit("one", transcode())
    with pytest.raises(NoCapacity, match=r"^mix$") as refused:  # figures are not for clients
        capacity.admit("two", view(40))
    assert "cores are not free" in refused.value.detail
    assert capacity.booked == pytest.approx(COST)
    capacity.admit("two", transcode())
    capacity.admit("three", transcode())
    with pytest.raises(NoCapacity, match=r"^transcode$") as refused:
        capacity.admit("four", transcode())
    assert refused.value.detail == "3 processes"
    capacity.release("two")
    capacity.admit("four", transcode())


def test_without_processes_nothing_fits():
    with pytest.raises(NoCapacity):
        Capacity(8.0, 1.0, 0).admit("one", transcode())


def test_what_is_checked_together_has_to_fit_together_and_is_not_booked():
    capacity = Capacity(cores=2.5 * COST, share=1.0, processes=8)
    capacity.check([transcode(), transcode()])
    with pytest.raises(NoCapacity):
        capacity.check([transcode(), transcode(), transcode()])
    assert capacity.booked == 0.0


def test_a_job_may_cost_less_at_any_time_and_more_where_there_is_room():
    capacity = Capacity(cores=0.9, share=1.0, processes=8)
    capacity.admit("view", view(4))
    before = capacity.booked
    with pytest.raises(NoCapacity):
        capacity.change("view", view(60))
    assert capacity.booked == before
    capacity.change("view", view(2))
    assert capacity.booked < before
    capacity.seen("view", "camera 0", (3840, 2160))  # what runs goes on
    assert capacity.booked > 0.9
    capacity.change("view", view(1))
    with pytest.raises(NoCapacity):
        capacity.change("view", view(2))


def report(capacity: Capacity, job: str, cores: float, seconds: int, since: float = 0.0) -> None:
    for second in range(seconds):
        capacity.report(job, since + cores * second, 100.0 + since + second)


def test_what_a_job_takes_counts_once_it_has_reported_for_a_while():
    capacity = Capacity(cores=8.0, share=1.0, processes=8)
    capacity.admit("one", transcode())
    report(capacity, "one", 2.0, SETTLED_REPORTS)
    assert capacity.booked == pytest.approx(COST)
    report(capacity, "one", 2.0, 30)
    assert capacity.booked == pytest.approx(2.0, rel=0.1)


def test_a_job_that_rests_keeps_half_of_what_it_should_cost():
    capacity = Capacity(cores=8.0, share=1.0, processes=8)
    capacity.admit("one", transcode())
    report(capacity, "one", 0.0, 30)
    assert capacity.booked == pytest.approx(LEAST_SHARE * COST)


def test_pictures_that_claim_to_be_large_take_no_more_than_one_core_from_others():
    capacity = Capacity(cores=8.0, share=1.0, processes=8)
    capacity.admit("one", view(8))
    capacity.admit("two", view(40))
    before = {it: Costs().of(view(it), {}) for it in (8, 40)}
    assert before[8] < ONE_THREAD < before[40]
    for number in range(8):
        for job in ("one", "two"):
            capacity.seen(job, f"camera {number}", (4096, 2304))
    assert capacity.booked == pytest.approx(ONE_THREAD + before[40])
    capacity.change("one", view(7))
    assert capacity.booked == pytest.approx(ONE_THREAD + before[40])
    report(capacity, "one", 0.01, 30)
    assert capacity.booked == pytest.approx(LEAST_SHARE * ONE_THREAD + before[40])


def test_measured_costs_hold_for_what_runs_and_what_comes():
    capacity = Capacity(cores=1.0, share=1.0, processes=8)
    capacity.admit("one", transcode())
    capacity.measured({name: 3 * cost for name, cost in USUAL_COSTS.items()})
    assert capacity.booked > 2.5 * COST
    with pytest.raises(NoCapacity):
        capacity.check([transcode()] * 3)


def test_a_report_of_the_same_moment_or_from_before_changes_nothing():
    capacity = Capacity(cores=8.0, share=1.0, processes=8)
    capacity.admit("one", transcode())
    for at in (100.0, 100.0, 99.0):
        capacity.report("one", 5.0, at)
    assert capacity.booked == pytest.approx(COST)


def test_nonsense_is_no_measurement():
    assert plausible({"encode.vp8": 0.0})
    for wrong in ({}, {"encode.vp8": -1.0}, {"encode.vp8": float("nan")}, {"scale": 1e9}):
        assert not plausible(wrong)


STEPS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 12), st.floats(0.0, 1.0)), max_size=40
)


@settings(max_examples=examples(200))
@given(STEPS)
def test_new_jobs_never_book_more_than_there_is(steps: list[tuple[str, int, float]]):
    capacity = Capacity(cores=1.0, share=0.8, processes=3)
    running: set[str] = set()
    for name, inputs, _ in steps:
        try:
            if name not in running:
                capacity.admit(name, view(inputs))
                running.add(name)
            elif inputs:
                capacity.change(name, view(inputs))
            else:
                capacity.release(name)
                running.discard(name)
        except NoCapacity:
            pass
        assert len(running) <= 3
        assert capacity.booked <= 0.8 + 1e-6
    for name in running:
        capacity.release(name)
    assert capacity.booked == 0.0
