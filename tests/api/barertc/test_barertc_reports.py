"""What the web site hears from a chat: reports by people, by operators' commands, by filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trio

from api.barertc.conversation import REPORTS_AT_ONCE
from tests.support.barertc import PATIENCE, barertc_server, barertc_settings
from tests.support.webhook_site import WebhookSite, webhook_site

FILTER = {"keywords": ["darn"], "censor": False, "forward": True, "report": True}


def reporting_to(site: WebhookSite, **more: Any) -> Any:
    return barertc_settings(barertc={"webhooks": [{"name": "report", "url": site.url}]} | more)


async def reported(site: WebhookSite, number: int) -> dict[str, Any]:
    """Wait until the site has got so many reports; return the last of them."""
    with trio.fail_after(PATIENCE):
        while len(site.got) < number:
            await trio.sleep(0.01)
    report: dict[str, Any] = site.got[number - 1]["Report"]
    return report


async def test_a_report_reaches_the_site_and_the_answer_its_sender(
    tmp_path: Path, way: str
) -> None:
    async with (
        webhook_site() as site,
        barertc_server(tmp_path, way, reporting_to(site)) as server,
        server.person("ann", way) as ann,
    ):
        await ann.send(
            "report", channel="lobby", username="bob", timestamp="now", reason="Spam",
            message="<p>buy</p>", comment="again",
        )  # fmt: skip
        assert await ann.told() == "Your report has been delivered successfully."
        assert await reported(site, 1) == {
            "FromUsername": "ann", "AboutUsername": "bob", "Channel": "lobby",
            "Timestamp": "now", "Reason": "Spam", "Message": "<p>buy</p>", "Comment": "again",
        }  # fmt: skip
        site.answers = [(404, b"no")]
        await ann.send("report", username="bob")
        assert (await ann.told()).startswith("Error sending the report to the website: ")


async def test_commands_and_filters_report(tmp_path: Path, way: str) -> None:
    async with (
        webhook_site() as site,
        barertc_server(tmp_path, way, reporting_to(site, filters=[FILTER])) as server,
        server.person("root", way, claims={"op": True}) as root,
        server.person("ann", way) as ann,
    ):
        await root.say("/nsfw ann")
        report = await reported(site, 1)
        assert (report["FromUsername"], report["AboutUsername"]) == ("root", "ann")
        await ann.say("darn")
        report = await reported(site, 2)
        assert (report["AboutUsername"], report["Message"]) == ("ann", "darn")
        await ann.say("darn", "@root")  # between two of whom one is an operator
        await root.until("message", channel="@ann")
        assert len(site.got) == 2


async def test_what_one_person_says_leaves_room_for_reports_of_others(tmp_path: Path) -> None:
    async with (
        webhook_site() as site,
        barertc_server(
            tmp_path, "lane",
            reporting_to(site, filters=[FILTER], webhooks_waiting=REPORTS_AT_ONCE + 1),
        ) as server,
        server.person("ann", "lane") as ann,
        server.person("bob", "lane") as bob,
    ):  # fmt: skip
        site.hangs = True
        for number in range(2 * REPORTS_AT_ONCE):
            await ann.say(f"darn {number}")
            await ann.until("message", channel="lobby", message=f"<p>darn {number}</p>")
        await reported(site, REPORTS_AT_ONCE)
        await bob.say("darn")
        assert (await reported(site, REPORTS_AT_ONCE + 1))["AboutUsername"] == "bob"
