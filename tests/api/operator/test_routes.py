"""The operator's mount over HTTP, with a real actor system behind it."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from actors.core import Actor, ChildSpec, Message, Restart, open_system
from api.http.credentials import CredentialGuard
from api.http.mounts import Mount, Place, Services
from api.operator import routes
from api.operator.dialect import OPERATOR
from api.operator.pages import ASSETS
from api.process.secret_store import Secrets
from media.contract.datagrams import RelayStats
from media.contract.engine import EngineStats, MediaEngine
from media.contract.jobs import JobKind, JobStats
from media.contract.session import Failure
from media.contract.stats import RouterStats, Totals
from media.local_engine import open_local_engine
from media.rtp.router import Codec, RtcpUpstream, RtpSink, RtpSource
from media.webrtc.bridge import open_media_loop
from tests.fakes.media import FakeEngine
from tests.support.serving import Serving, second_listener, services_for, serving, settings_with

TOKEN = "the operator's own"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Quiet(Actor[Message]):
    """An actor that does nothing."""


@asynccontextmanager
async def operated(
    tmp_path: Path, media: MediaEngine | None = None, **operator: object
) -> AsyncIterator[tuple[Serving, httpx.AsyncClient]]:
    settings = settings_with(operator=operator or {"token": TOKEN})
    children = [
        ChildSpec("keeper", Quiet, Restart.PERMANENT),
        ChildSpec("guest", Quiet, Restart.TEMPORARY),
    ]
    async with open_system(children) as system:
        services: Services = services_for(
            settings,
            system=system,
            secrets=Secrets(tmp_path),
            guard=CredentialGuard(4, 1800.0),
            media=media or FakeEngine(),
        )
        mount = OPERATOR.open(services)(Place(root=False, secure=False))
        async with (
            serving(mount, settings=settings, services=services) as server,
            httpx.AsyncClient(base_url=server.url) as http,
        ):
            yield server, http


async def test_healthz_is_open_and_readyz_follows_the_lifecycle(tmp_path: Path) -> None:
    async with operated(tmp_path) as (server, http):
        assert (await http.get("/-/healthz")).json() == {"status": "ok"}
        starting = await http.get("/-/readyz")
        assert (starting.status_code, starting.json()) == (503, {"status": "starting"})
        server.services.lifecycle.mark_ready()
        ready = await http.get("/-/readyz/")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
        assert ready.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/-/metrics"), ("GET", "/-/actors"), ("GET", "/-/people"),
        ("POST", "/-/actors/stop"),
    ],
)  # fmt: skip
async def test_everything_else_takes_the_token(tmp_path: Path, method: str, path: str) -> None:
    async with operated(tmp_path) as (_, http):
        bare = await http.request(method, path)
        assert (bare.status_code, bare.json()["code"]) == (401, "unauthorized")
        assert bare.headers["www-authenticate"].startswith("Bearer")
        wrong = await http.request(method, path, headers={"Authorization": "Bearer wrong"})
        assert wrong.status_code == 401
        basic = await http.request(method, path, headers={"Authorization": "Basic dTpw"})
        assert basic.status_code == 401
        right = await http.request(method, path, headers=BEARER)
        assert right.status_code in (200, 400, 404)


async def test_a_generated_token_is_taken_where_none_is_configured(tmp_path: Path) -> None:
    async with operated(tmp_path, token="") as (_, http):
        token = Secrets(tmp_path).text("operator.token")
        headers = {"Authorization": f"bearer {token}"}
        assert (await http.get("/-/actors", headers=headers)).status_code == 200
        empty = await http.get("/-/actors", headers={"Authorization": "Bearer"})
        assert empty.status_code == 401


async def test_guessing_the_token_ends_in_429_also_for_the_right_one(tmp_path: Path) -> None:
    async with operated(tmp_path) as (_, http):
        wrong = {"Authorization": "Bearer wrong"}
        answers = [await http.get("/-/actors", headers=wrong) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401] * 4 + [429]
        assert answers[-1].json()["code"] == "too_many_attempts"
        assert 1700 < int(answers[-1].headers["retry-after"]) <= 1801
        assert (await http.get("/-/actors", headers=BEARER)).status_code == 429


async def test_guesses_are_counted_over_all_listeners(tmp_path: Path) -> None:
    settings = settings_with(operator={"token": TOKEN})
    services = services_for(settings, secrets=Secrets(tmp_path), guard=CredentialGuard(4, 1800.0))
    opens, found = OPERATOR.open(services), []
    async with (
        second_listener(services, opens(Place(root=False, secure=False))) as one,
        second_listener(services, opens(Place(root=False, secure=False))) as other,
        httpx.AsyncClient(headers={"Authorization": "Bearer wrong"}) as http,
    ):
        for server in (one, other, one, other, other):
            found.append((await http.get(f"{server.url}/-/actors")).status_code)
    assert found == [401] * 4 + [429]


async def test_requests_without_any_token_do_not_count_as_guesses(tmp_path: Path) -> None:
    async with operated(tmp_path) as (_, http):
        for _ in range(10):
            assert (await http.get("/-/actors")).status_code == 401
        assert (await http.get("/-/actors", headers=BEARER)).status_code == 200


async def test_the_tree_shows_every_actor(tmp_path: Path) -> None:
    async with operated(tmp_path) as (_, http):
        tree = (await http.get("/-/actors", headers=BEARER)).json()
    assert tree["path"] == "/"
    assert [child["path"] for child in tree["children"]] == ["/keeper", "/guest"]
    guest = tree["children"][1]
    assert (guest["kind"], guest["state"], guest["restart"]) == ("quiet", "running", "temporary")
    assert guest["mailbox"]["capacity"] == 256


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ('{"path": "/guest"}', 202, None),
        ('{"path": "/nobody"}', 404, "unknown_actor"),
        ('{"path": "/keeper"}', 409, "permanent_actor"),
        ('{"path": "/"}', 409, "permanent_actor"),
        ('{"path": 1}', 400, "bad_request"),
        ('{"path": "/guest", "more": 1}', 400, "bad_request"),
        ("[]", 400, "bad_request"),
        ("", 400, "bad_request"),
        ("[" * 100_000, 400, "bad_request"),
        (b"\xff", 400, "bad_request"),
    ],
)
async def test_stopping_an_actor(
    tmp_path: Path, body: str | bytes, status: int, code: str | None
) -> None:
    async with operated(tmp_path) as (server, http):
        answer = await http.post("/-/actors/stop", content=body, headers=BEARER)
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        left = server.services.system.registry.find("/guest")
        assert (left is None) == (status == 202)


async def test_metrics_are_prometheus_text_of_everything_that_is_counted(tmp_path: Path) -> None:
    async with operated(tmp_path) as (server, http):
        server.services.traffic.websocket("spreed").received += 3
        await http.get("/-/healthz")
        await http.get("/-/nothing")
        answer = await http.get("/-/metrics", headers=BEARER)
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples[("quintet_actors", "quiet")] == 2
    assert samples[("quintet_actor_spawned_total",)] == 3
    assert samples[("quintet_timers",)] == 0
    assert samples[("quintet_tasks",)] > 3
    assert samples[("quintet_websocket_received_total", "spreed")] == 3
    assert samples[("quintet_requests_total", "operator", "404")] == 1
    assert samples[("quintet_request_seconds_count", "operator")] == 2
    assert samples[("quintet_request_seconds_bucket", "operator", "+Inf")] == 2
    assert samples[("quintet_connections",)] == 1
    assert samples[("process_resident_memory_bytes",)] > 1_000_000
    assert samples[("process_cpu_seconds_total",)] > 0
    assert samples[("quintet_media_sessions",)] == 0
    assert samples[("quintet_media_packets_in_total",)] == 0


@pytest.mark.parametrize("wanted", [False, True])
async def test_metrics_name_every_stream_of_media_if_wanted(tmp_path: Path, wanted: bool) -> None:
    async with (
        open_media_loop() as loop,
        open_local_engine(loop) as engine,
        operated(tmp_path, engine, token=TOKEN, stream_metrics=wanted) as (_, http),
    ):
        router, opus = engine.router, Codec("opus", 48_000, 111, 2)
        source = RtpSource("s/in/0", "audio", opus, 7, RtcpUpstream(lambda _: None, 9, "quintet"))
        router.add_source(source)
        router.add_sink(RtpSink("s/out/0", "audio", opus, 8, lambda _: None, lambda _: None))
        router.attach("s/in/0", "s/out/0")
        for number in range(3):
            head = struct.pack("!BBHII", 0x80, 111, number, number * 960, 7)
            source.feed(head + b"opus", time.monotonic())
        answer = await http.get("/-/metrics", headers=BEARER)
    lines = set(answer.text.splitlines())
    labels = 'codec="opus",id="s/{}/0",kind="audio"'
    source_line = f"quintet_media_source_packets{{{labels.format('in')}}} 3.0"
    assert (source_line in lines) is wanted
    assert (f"quintet_media_leg_packets{{{labels.format('out')}}} 3.0" in lines) is wanted
    assert "quintet_media_packets_out_total 3.0" in lines
    assert 'quintet_media_streams{direction="in"} 1.0' in lines


async def test_metrics_count_what_analytics_told(tmp_path: Path) -> None:
    async with operated(tmp_path) as (server, http):
        tally = server.services.analytics
        tally.events["motion"] += 7
        tally.dropped["motion"] += 2
        tally.ended["level", "raised"] += 1
        lines = set((await http.get("/-/metrics", headers=BEARER)).text.splitlines())
    assert {
        'quintet_analytics_events_total{algorithm="motion"} 7.0',
        'quintet_analytics_events_dropped_total{algorithm="motion"} 2.0',
        'quintet_analytics_ended_total{algorithm="level",reason="raised"} 1.0',
    } <= lines


async def test_metrics_ask_the_engine_by_its_contract_only(tmp_path: Path) -> None:
    class Elsewhere(FakeEngine):
        """An engine whose answers take a while."""

        async def stats(self) -> EngineStats:
            await trio.sleep(0.01)
            empty = RouterStats((), (), 5, Totals())
            relay = RelayStats(messages_in=7, bytes_out=8, held_up=9)
            jobs = JobStats(
                processes=6,
                idle=1,
                running={JobKind.MIX: 5},
                started={JobKind.MIX: 9},
                refused={JobKind.TRANSCODE: 8},
                ended={"killed": 4},
                cpu_seconds=7.5,
                cores=1.5,
                booked=1.25,
            )
            return EngineStats(4, 3, 2, 1, empty, {Failure.DTLS: 6}, relay, jobs)

    async with operated(tmp_path, Elsewhere()) as (_, http):
        lines = set((await http.get("/-/metrics", headers=BEARER)).text.splitlines())
    assert {
        "quintet_media_sessions 4.0",
        "quintet_media_ports 3.0",
        "quintet_media_recordings 2.0",
        "quintet_media_stray_errors_total 1.0",
        "quintet_media_taps 5.0",
        'quintet_media_sessions_failed_total{failure="dtls"} 6.0',
        'quintet_media_sessions_failed_total{failure="ice"} 0.0',
        'quintet_media_relay_messages_total{direction="in"} 7.0',
        'quintet_media_relay_messages_total{direction="out"} 0.0',
        'quintet_media_relay_bytes_total{direction="out"} 8.0',
        'quintet_media_relay_dropped_total{reason="held_up"} 9.0',
        'quintet_media_relay_dropped_total{reason="nowhere"} 0.0',
        "quintet_media_job_processes 6.0",
        "quintet_media_job_idle_processes 1.0",
        "quintet_media_job_cores 1.5",
        "quintet_media_job_booked_cores 1.25",
        'quintet_media_jobs{kind="mix"} 5.0',
        'quintet_media_jobs{kind="transcode"} 0.0',
        'quintet_media_jobs_started_total{kind="mix"} 9.0',
        'quintet_media_jobs_refused_total{kind="transcode"} 8.0',
        'quintet_media_jobs_ended_total{reason="killed"} 4.0',
        'quintet_media_jobs_ended_total{reason="stalled"} 0.0',
        "quintet_media_job_cpu_seconds_total 7.5",
    } <= lines


async def test_the_api_document_names_every_path_with_its_dialect(tmp_path: Path) -> None:
    async with operated(tmp_path) as (server, http):
        document = (await http.get("/-/openapi.json")).json()
        found = (rule.rule for rule in server.app.url_map.iter_rules())
        rules = {re.sub(r"<(\w+?)_?>", r"{\1}", rule) for rule in found}
        rules -= {"/-/", *(f"/static/quintet/{name}" for name in ASSETS)}
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == rules
    stop = document["paths"]["/-/actors/stop"]["post"]
    assert stop["tags"] == ["operator"]
    assert set(stop["responses"]) == {"202", "400", "401", "404", "409", "413", "429", "503"}


async def test_the_description_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    make = routes.document

    def counting(mounts: Iterable[Mount]) -> dict[str, object]:
        made.append(mounts)
        return make(mounts)

    monkeypatch.setattr(routes, "document", counting)
    async with operated(tmp_path) as (_, http):
        answers = [await http.get("/-/openapi.json") for _ in range(3)]
    assert len(made) == 1
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert answers[0].json()["openapi"] == "3.1.0"


async def test_the_token_reaches_no_log(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with operated(tmp_path) as (_, http):
            await http.get("/-/actors", headers=BEARER)
            await http.get("/-/actors", headers={"Authorization": "Bearer a-guess"})
    assert TOKEN not in str(logs)
    assert "a-guess" not in str(logs)


async def test_the_console_is_open_holds_nothing_secret_and_allows_no_foreign_code(
    tmp_path: Path,
) -> None:
    async with operated(tmp_path) as (_, http):
        for path in ("/-/", "/-", *(f"/static/quintet/{name}" for name in ASSETS)):
            answer = await http.get(path)
            assert answer.status_code == 200
            assert TOKEN not in answer.text
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
            again = await http.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304
