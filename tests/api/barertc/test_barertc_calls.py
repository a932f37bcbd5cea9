"""What a chat page says of its calls: noted and counted, and told to nobody else."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from actors.words.keys import MEMBERS, MemberKey
from tests.support.barertc import BareServer, BareTester, barertc_server

LOSSY = {"loss": 0.05, "roundTrip": 0.05, "jitter": 0.004, "bitsIn": 1, "connections": 2}
JUNK = ({"loss": 7}, {"loss": "x"}, [], "x", 5, {"connections": -1})


def facts_of(server: BareServer, name: str) -> dict[str, object]:
    """Return what the member of that name tells of itself."""
    registry = server.system.registry
    for ref in registry.children(MEMBERS):
        cell = registry.cell_at(ref.path)
        if cell is not None and cell.life.facts()["name"] == name:
            return cell.life.facts() | {"id": MemberKey.from_slug(ref.name).id}
    raise AssertionError(name)


async def ignored(tester: BareTester) -> bool:
    """Tell whether what was said is not answered; proven by what is."""
    await tester.send("nonsense")
    return "nonsense" in await tester.told()


async def test_how_calls_do_is_noted(tmp_path: Path, way: str) -> None:
    async with (
        barertc_server(tmp_path, way) as server,
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
    ):
        with capture_logs() as logs:
            await ann.send("quality", quality=LOSSY)
            await ann.send("call_failed", call_failed={"username": "bob", "reason": "no_route"})
            assert await ignored(ann)
        assert await ignored(bob)
        ann_facts = facts_of(server, "ann")
        assert ann_facts["quality"]["rating"] == "fair"  # type: ignore[index]
        (failed,) = [line for line in logs if line["event"] == "call.failed"]
        assert (failed["peer"], failed["room"], failed["reason"]) == (
            ann_facts["id"], "site", "no_route",
        )  # fmt: skip
        assert "bob" not in str(failed)
        counted = server.services.system.counters.counted("calls_failed")
        assert counted == {("barertc", "no_route"): 1}


async def test_reports_that_make_no_sense_change_nothing(tmp_path: Path, way: str) -> None:
    async with barertc_server(tmp_path, way) as server, server.person("ann", way) as ann:
        for junk in JUNK:
            await ann.send("quality", quality=junk)
            await ann.send("call_failed", call_failed=junk)
        await ann.send("quality")
        await ann.send("call_failed", reason="no_route")
        assert await ignored(ann)
        assert facts_of(server, "ann")["quality"] is None
        assert server.services.system.counters.counted("calls_failed") == {}
