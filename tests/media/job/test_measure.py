"""What codecs cost is measured by using them."""

from __future__ import annotations

from media.job.measure import measure_costs
from media.worker.costs import USUAL_COSTS, plausible


def test_each_codec_that_is_there_has_a_cost():
    costs = measure_costs()
    assert plausible(costs)
    assert set(USUAL_COSTS) <= set(costs)
    assert all(cost > 0 for cost in costs.values())
    assert costs["encode.vp8"] > costs["decode.vp8"]
