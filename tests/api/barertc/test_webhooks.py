"""Reports and profiles, with a web site that answers well, badly, late, too much, or not at all."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from api.barertc import webhooks
from api.barertc.webhooks import AbuseReport, WebhookFailed
from tests.support.barertc_api import KEY, ApiServer, barertc_api, until
from tests.support.ports import free_port
from tests.support.webhook_site import WebhookSite, webhook_site

REPORT = AbuseReport("ann", "bob", "lobby", "2026-01-01T00:00:00Z", "rude", "<p>hi</p>", "see")
PROFILE = {"OK": True, "Headline": "h", "ProfileFields": [{"Name": "Age", "Value": "30"}]}


def hooks(site: WebhookSite, **more: object) -> dict[str, Any]:
    entries = [{"name": name, "url": site.url} for name in ("report", "profile")]
    return {"webhooks": entries, "jwt": {"enabled": True}} | more


class Fates(list[str]):
    """What became of the reports of a test."""

    async def next(self) -> str:
        await until(lambda: bool(self))
        return self.pop(0)


async def reported(server: ApiServer, report: AbuseReport = REPORT) -> str:
    fates = Fates()
    server.state.webhooks.report(report, fates.append)
    return await fates.next()


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "RETRY_PAUSES", (0.01, 0.02))


async def test_a_report_is_sent_as_the_web_site_reads_it(tmp_path: Path) -> None:
    async with webhook_site() as site, barertc_api(tmp_path, barertc=hooks(site)) as server:
        assert await reported(server) == ""
        [got] = site.got
        assert got == {
            "Action": "report",
            "APIKey": KEY,
            "Report": {
                "FromUsername": "ann", "AboutUsername": "bob", "Channel": "lobby",
                "Timestamp": "2026-01-01T00:00:00Z", "Reason": "rude", "Message": "<p>hi</p>",
                "Comment": "see",
            },
        }  # fmt: skip
        assert "POST /hook?key=hush-hush HTTP/1.1" in site.heads[0]
        assert "content-type: application/json" in site.heads[0].lower()


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(
    ("answers", "calls", "fate"),
    [
        ([(500, b""), (503, b""), (200, b"")], 3, ""),
        ([(500, b"")], 3, "HTTP status 500"),
        ([(429, b""), (200, b"")], 2, ""),
        ([(404, b"")], 1, "HTTP status 404"),
        ([(201, b"")], 1, "HTTP status 201"),  # the original takes 200 alone
        ([(200, b"x" * 3000)], 1, "the answer is too long"),
    ],
)
async def test_a_failed_report_is_tried_twice_more_where_that_may_help(
    tmp_path: Path, answers: list[tuple[int, bytes]], calls: int, fate: str
) -> None:
    async with (
        webhook_site() as site,
        barertc_api(tmp_path, barertc=hooks(site, webhook_bytes=2000)) as server,
    ):
        site.answers = answers
        assert await reported(server) == fate
        assert len(site.got) == calls


@pytest.mark.usefixtures("_at_once")
async def test_a_redirection_is_not_followed(tmp_path: Path) -> None:
    async with (
        webhook_site() as site,
        webhook_site() as other,
        barertc_api(tmp_path, barertc=hooks(site)) as server,
    ):
        site.answers, site.location = [(307, b"")], other.url
        assert await reported(server) == "HTTP status 307"
        assert other.got == []


@pytest.mark.usefixtures("_at_once")
async def test_a_site_that_hangs_or_is_away_is_given_up(tmp_path: Path) -> None:
    async with webhook_site() as site:
        async with barertc_api(tmp_path, barertc=hooks(site, webhook_seconds=1.5)) as server:
            site.hangs = True
            assert await reported(server) == "no answer within 1.5 seconds"
            assert len(site.got) == 3
    away = {"webhooks": [{"name": "report", "url": f"http://127.0.0.1:{free_port()}/hook"}]}
    async with barertc_api(tmp_path, barertc=away) as server:
        assert "cannot be reached" in await reported(server)


async def test_reports_that_wait_are_bounded(tmp_path: Path) -> None:
    async with (
        webhook_site() as site,
        barertc_api(tmp_path, barertc=hooks(site, webhooks_waiting=6)) as server,
    ):
        site.hangs = True
        fates = Fates()
        for _ in range(6):
            server.state.webhooks.report(REPORT, fates.append)
        server.state.webhooks.report(REPORT, fates.append)
        assert fates == ["too many reports are waiting"]
        await until(lambda: len(site.got) == webhooks.AT_ONCE)
        with pytest.raises(WebhookFailed, match="too many"):
            await server.state.webhooks.profile("bob")
        assert site.most_at_once == webhooks.AT_ONCE


async def test_the_bytes_that_wait_are_bounded(tmp_path: Path) -> None:
    async with (
        webhook_site() as site,
        barertc_api(tmp_path, barertc=hooks(site, webhook_bytes=2000)) as server,
    ):
        fates = Fates()
        long = AbuseReport("ann", "bob", "lobby", message="x" * 1500)
        server.state.webhooks.report(long, fates.append)
        server.state.webhooks.report(long, fates.append)
        assert fates == ["too many reports are waiting"]
        await until(lambda: len(fates) == 2)
        assert fates[1] == ""
        assert await reported(server, long) == ""  # there is room again


async def test_without_a_webhook_nobody_is_called(tmp_path: Path) -> None:
    async with barertc_api(tmp_path) as server:
        assert not server.state.webhooks.reports_wanted
        assert "not enabled" in await reported(server)
        with pytest.raises(WebhookFailed, match="not enabled"):
            await server.state.webhooks.profile("bob")


@pytest.mark.usefixtures("_at_once")
async def test_no_log_holds_an_address_a_key_or_what_was_said(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        async with webhook_site() as site, barertc_api(tmp_path, barertc=hooks(site)) as server:
            site.answers = [(500, b"hush"), (200, b"")]
            await reported(server)
            server.state.webhooks._settings().webhook("report")
    text = json.dumps(lines, default=str)
    assert "webhook.failed" in text
    assert "webhook.delivered" in text
    for hidden in ("hush", KEY, "rude", "ann", "<p>hi</p>", "127.0.0.1"):
        assert hidden not in text


async def test_a_drain_waits_a_moment_for_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with webhook_site() as site, barertc_api(tmp_path, barertc=hooks(site)) as server:
        fates = Fates()
        with monkeypatch.context() as patched:
            patched.setattr("api.barertc.errands.FLUSH_SECONDS", 30.0)  # of a busy machine
            server.state.webhooks.report(REPORT, fates.append)
            await server.services.lifecycle.drain(0, 60)
        assert fates == [""]
        site.hangs = True
        server.state.webhooks.report(REPORT, fates.append)
        started = time.monotonic()
        await server.services.lifecycle.drain(0, 60)
        assert 1.5 < time.monotonic() - started < 30


async def test_a_crash_of_the_host_leaves_the_counts_right(tmp_path: Path) -> None:
    async with webhook_site() as site, barertc_api(tmp_path, barertc=hooks(site)) as server:
        site.hangs = True
        fates = Fates()
        server.state.webhooks.report(REPORT, fates.append)
        await until(lambda: len(site.got) == 1)
        assert server.state.errands._start_task is not None

        async def crash() -> None:
            raise ValueError("in the host itself")

        server.state.errands._start_task(crash)  # its tasks end with it
        assert await fates.next() == "the server is about to restart"
        site.hangs = False

        async def again() -> bool:
            return await reported(server) == ""

        with trio.fail_after(30):
            while not await again():
                await trio.sleep(0.01)
        assert (server.state.webhooks._waiting, server.state.webhooks._bytes) == (0, 0)


# --- profiles, over the web API


async def profile(server: ApiServer) -> tuple[int, dict[str, Any]]:
    token = await server.token("ann")
    response = await server.post("profile", {"JWTToken": token, "Username": "bob"})
    return response.status_code, response.json()


async def test_a_profile_is_passed_on(tmp_path: Path) -> None:
    async with webhook_site() as site, barertc_api(tmp_path, barertc=hooks(site)) as server:
        site.answers = [(200, json.dumps({"StatusCode": 200, "Data": PROFILE}).encode())]
        assert await profile(server) == (200, PROFILE)
        assert site.got == [{"Action": "profile", "APIKey": KEY, "Username": "bob"}]
        for status, data in ((404, PROFILE), (200, {"OK": False, "Error": "nobody"})):
            site.answers = [(200, json.dumps({"StatusCode": status, "Data": data}).encode())]
            assert await profile(server) == (500, data)


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"), (404, b"{}"), (200, b""), (200, b"{"), (200, b"[]"), (200, b"{}"),
        (200, b'{"StatusCode": 200, "Data": 5}'), (200, b"[" * 100_000), (200, b"\xff"),
    ],
)  # fmt: skip
async def test_a_profile_that_is_none_is_an_error(
    tmp_path: Path, answer: tuple[int, bytes]
) -> None:
    async with webhook_site() as site, barertc_api(tmp_path, barertc=hooks(site)) as server:
        site.answers = [answer]
        status, body = await profile(server)
        assert status == 500
        assert body["Error"].startswith("Didn't get expected response for profile data: ")
        assert body["ProfileFields"] is None


async def test_a_profile_takes_no_longer_than_its_deadline(tmp_path: Path) -> None:
    async with (
        webhook_site() as site,
        barertc_api(tmp_path, barertc=hooks(site, webhook_seconds=0.3)) as server,
    ):
        site.hangs = True
        async with trio.open_nursery() as nursery:
            for _ in range(2 * webhooks.AT_ONCE):
                nursery.start_soon(slow_profile, server)
        assert server.state.webhooks._waiting == 0


async def slow_profile(server: ApiServer) -> None:
    with trio.fail_after(30):
        status, body = await profile(server)
    assert status == 500
    assert "no answer within 0.3 seconds" in body["Error"]


async def test_without_a_profile_webhook_the_error_says_so(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, barertc={"jwt": {"enabled": True}}) as server:
        status, body = await profile(server)
        assert (status, body["OK"]) == (500, False)
        assert "not enabled" in body["Error"]
