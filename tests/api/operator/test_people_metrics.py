"""Who is here, and how it is for them: counted without asking anybody."""

from __future__ import annotations

from actors.core import Counters
from actors.directory.directory import Directory
from actors.member.messages import ReportQuality
from actors.words.limits import ActorLimits
from actors.words.quality import Quality
from api.operator.metrics.people import PeopleCounted, PeopleMetrics, count_people
from api.operator.overview.overview import Overview
from tests.support.actors import REALM, open_house, settle


async def test_rooms_people_and_their_reports_are_counted() -> None:
    async with open_house() as house:
        ann, bob, _ = await house.people("ann", "bob", "cat")
        ann.ref.tell(ReportQuality(Quality(loss=0.5)))
        bob.ref.tell(ReportQuality(Quality(loss=0.01)))
        await settle()
        sight = await Overview(Directory(house.system.registry, ActorLimits)).sight()
        counted = await count_people(sight)
    assert counted == PeopleCounted({REALM: 1}, {REALM: 3}, {(REALM, "bad"): 1, (REALM, "good"): 1})  # type: ignore[arg-type]  # counters are as good as mappings here


def test_each_dialect_and_rating_has_a_sample_and_refusals_have_their_reasons() -> None:
    counters = Counters()
    counters.count("joins_refused", "spreed", "wrong_pin")
    counters.count("joins_refused", "spreed", "wrong_pin")
    counters.count("events_sent", by=5)
    counters.count("events_undelivered", "ended", by=2)
    counted = PeopleCounted()
    counted.rooms["owt"] = 2
    counted.quality["owt", "bad"] = 1
    shown = {
        (sample.name, *sample.labels.values()): sample.value
        for family in PeopleMetrics(counters, counted, ["owt", "spreed"]).metrics()
        for sample in family.samples
    }
    assert shown["quintet_rooms", "owt"] == 2
    assert shown["quintet_people", "spreed"] == 0
    assert shown["quintet_quality_people", "owt", "bad"] == 1
    assert shown["quintet_quality_people", "owt", "good"] == 0
    assert shown["quintet_joins_refused_total", "spreed", "wrong_pin"] == 2
    assert shown["quintet_events_sent_total",] == 5
    assert shown["quintet_events_undelivered_total", "ended"] == 2
    assert shown["quintet_events_undelivered_total", "full"] == 0


def test_what_is_counted_by_labels_has_an_end() -> None:
    counters = Counters()
    for number in range(5000):
        counters.count("nonsense", str(number))
    assert len(counters.counted("nonsense")) == 1000
    counters.count("nonsense", "7")
    assert counters.counted("nonsense")["7",] == 2
