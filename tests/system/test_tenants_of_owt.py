"""One service of OWT's management API asks for all it can get: the others do not notice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import trio

from tests.support.attack import (
    ELSEWHERE,
    MEGABYTE,
    OPERATOR_TOKEN,
    again_and_again,
    client,
    longest_hold,
    resident,
    watched,
)
from tests.support.owt import KEYS, SAMPLE, SUPER, Manager
from tests.support.process import RunningProcess, launched

CONFIG = f"""
listeners = [{{ bind = "127.0.0.1:0", dialects = ["owt", "operator"] }}]
operator.token = "{OPERATOR_TOKEN}"
[owt]
super_service_id = "{SUPER}"
super_service_key = "{KEYS[SUPER]}"
sample_service_id = "{SAMPLE}"
sample_service_key = "{KEYS[SAMPLE]}"
"""
HOLD = 0.25  # seconds; a machine that is busy counts some of what others do
PATIENCE = 5.0


@asynccontextmanager
async def tenants(
    folder: Path, config: str = ""
) -> AsyncIterator[tuple[RunningProcess, Manager, Manager]]:
    """Run a server with two services besides the super one: who attacks, and somebody else."""
    async with launched(folder, CONFIG + config) as process:
        made = await Manager(process.url, SUPER, KEYS[SUPER]).ask(
            "POST", "/services", {"name": "other", "key": "key of the other"}
        )
        other = Manager(process.url, made.json()["_id"], "key of the other")
        yield process, Manager(process.url), other


async def test_documents_that_take_long_delay_no_other_service(tmp_path: Path) -> None:
    async with tenants(tmp_path) as (process, attacker, other):
        rooms = [(await attacker.create_room(f"{number}"))["_id"] for number in range(4)]
        mine = (await other.create_room("mine"))["_id"]
        grow = {"op": "add", "path": "/x", "value": [{"a": 0}] * 20_000}
        rename = {"op": "replace", "path": "/name", "value": "a"}
        copy = {"op": "copy", "from": "/name", "path": "/y"}
        doubled = {"op": "copy", "from": "/x", "path": "/y"}
        roles = [{"role": "r", "publish": {"audio": 5, "video": []}}] * 250
        attacks: list[tuple[str, str, Any]] = [
            ("PATCH", f"/v1/rooms/{rooms[0]}", [grow, *[rename] * 31, *[copy] * 32]),
            ("PATCH", f"/v1/rooms/{rooms[1]}", [grow, *[doubled] * 63]),
            (
                "PATCH",
                f"/v1/rooms/{rooms[2]}",
                [{"op": "add", "path": "/x", "value": [0] * 330_000}],
            ),
            ("PATCH", f"/v1/rooms/{rooms[3]}", [0] * 49_000),
            ("POST", "/v1/rooms", {"name": "x", "options": {"roles": [0] * 400_000}}),
            ("POST", "/v1/rooms", {"name": "x", "options": {"roles": roles}}),
            ("PUT", f"/v1/rooms/{rooms[0]}", {"views": [{"video": 5, "label": {}}] * 250}),
        ]
        answers: Counter[tuple[int, int]] = Counter()

        bodies = [json.dumps(body).encode() for _, _, body in attacks]

        async def attack(number: int) -> None:
            which = number % len(attacks)
            method, path, _ = attacks[which]
            headers = {"Authorization": attacker.header(), "Content-Type": "application/json"}
            answer = await http.request(method, path, content=bodies[which], headers=headers)
            answers[which, answer.status_code] += 1

        waits = []
        async with (
            client(process, ELSEWHERE) as http,
            watched(process) as others,
            again_and_again(attack, 4),
        ):
            for _ in range(5):
                began = trio.current_time()
                patched = await other.ask("PATCH", f"/v1/rooms/{mine}", [rename])
                assert patched.status_code == 200, patched.text
                waits.append(trio.current_time() - began)
                await trio.sleep(0.2)
            with trio.fail_after(60):
                while len({which for which, _ in answers}) < len(attacks):
                    await trio.sleep(0.1)
        assert median(waits) < PATIENCE, waits
        assert others.usual_wait < 0.5
        assert others.grown < 100 * MEGABYTE, others.grown
        assert await longest_hold(process) < HOLD
        statuses = {which: {status for at, status in answers if at == which} for which in range(7)}
        allowed = [{200}, {400}, {413}, {400}, {413}, {500}, {400}]
        for which, found in statuses.items():
            assert found - {503} <= allowed[which], (which, found)


async def test_one_service_leaves_rooms_and_tokens_to_the_others(tmp_path: Path) -> None:
    config = "\n[store]\nconferences = 20\ntokens = 20\n"
    async with tenants(tmp_path, config) as (_, attacker, other):
        body = {"name": "many"}
        statuses = [(await attacker.ask("POST", "/v1/rooms", body)).status_code for _ in range(20)]
        assert statuses == [200] * 18 + [503] * 2
        [full] = [(await attacker.ask("POST", "/v1/rooms", body)).json()["error"]]
        assert full["code"] == 1401
        room, theirs = (await other.create_room())["_id"], await attacker.ask("GET", "/v1/rooms")
        asked = {"user": "u", "role": "presenter"}
        for manager, place, expected in (
            (attacker, theirs.json()[0]["_id"], [200] * 18 + [503] * 2),
            (other, room, [200]),
        ):
            tokens = [
                (await manager.ask("POST", f"/v1/rooms/{place}/tokens", asked)).status_code
                for _ in expected
            ]
            assert tokens == expected


async def test_services_cannot_fill_the_bytes_of_the_store_for_another(tmp_path: Path) -> None:
    config = f"\n[store]\nconference_bytes = {4 * MEGABYTE}\ntoken_bytes = 40_000\n"
    roles = [{"role": "guest"}, *[{"role": "r" * 2_000}] * 190]  # 0.4 MB
    large = {"name": "large", "options": {"roles": roles}}
    async with tenants(tmp_path, config) as (process, attacker, accomplice):
        boss = Manager(process.url, SUPER, KEYS[SUPER])

        async def fill(manager: Manager, path: str, body: dict[str, Any]) -> int:
            """Ask until it is refused; return how often it was not."""
            for done in range(100):
                answer = await manager.ask("POST", path, body)
                if answer.status_code != 200:
                    assert (answer.status_code, answer.json()["error"]["code"]) == (503, 1401)
                    return done
            return 100

        filled = [await fill(each, "/v1/rooms", large) for each in (attacker, accomplice, boss)]
        assert filled[0] > 2 * filled[1] > 0
        made = await boss.ask("POST", "/services", {"name": "late", "key": "key of the late"})
        late = Manager(process.url, made.json()["_id"], "key of the late")
        assert await fill(late, "/v1/rooms", large) >= 2  # of a fourth, where services are four
        room = (await late.ask("GET", "/v1/rooms")).json()[0]["_id"]
        grow = {"op": "replace", "path": "/roles", "value": [{"role": "r" * 3_600}] * 250}
        refused = await late.ask("PATCH", f"/v1/rooms/{room}", [grow])
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, 1401)
        rename = {"op": "replace", "path": "/name", "value": "small"}
        assert (await late.ask("PATCH", f"/v1/rooms/{room}", [rename])).status_code == 200
        asked = {"user": "u" * 1_000, "role": "guest"}
        tokens = []
        for manager in (attacker, accomplice, late):
            [place, *_] = (await manager.ask("GET", "/v1/rooms?page=1&per_page=1")).json()
            tokens.append(await fill(manager, f"/v1/rooms/{place['_id']}/tokens", asked))
        assert tokens[0] > 2 * tokens[1] > 0
        assert tokens[2] > 2


async def test_lists_of_large_rooms_take_little_memory_and_nobody_elses_turn(
    tmp_path: Path,
) -> None:
    number, at_once = 40, 6
    async with tenants(tmp_path) as (process, attacker, other):
        await other.create_room("mine")
        roles = [{"role": "r" * 3_600}] * 250
        for each in range(number):
            await attacker.create_room(f"{each}", roles=roles)
        size = len((await attacker.ask("GET", "/v1/rooms?page=1&per_page=1")).content)
        assert size > 0.9 * MEGABYTE
        before, found = resident(process), Counter[int]()

        async def count() -> None:
            """Read a list without keeping it; who has no turn in time comes again."""
            async with client(process, ELSEWHERE) as http:
                while True:
                    headers = {"Authorization": attacker.header()}
                    async with http.stream("GET", "/v1/rooms", headers=headers) as answer:
                        length = 0
                        async for piece in answer.aiter_raw():
                            length += len(piece)
                    if answer.status_code == 200:
                        break
                    assert answer.status_code == 503
            found[round(length / size)] += 1

        async with watched(process) as others, trio.open_nursery() as nursery:
            for _ in range(at_once):
                nursery.start_soon(count)
            for _ in range(3):
                assert len((await other.ask("GET", "/v1/rooms")).json()) == 1
        assert found == {number: at_once}
        assert others.usual_wait < 0.5
        assert others.grown < 90 * MEGABYTE, others.grown  # one list is 36 MB, six were 216
        assert resident(process) - before < 90 * MEGABYTE
        assert await longest_hold(process) < HOLD


async def test_handshakes_of_one_address_leave_sockets_to_the_others(tmp_path: Path) -> None:
    config = "\n[limits]\nmessages_per_second = 0\n"
    settings = CONFIG.replace("[owt]\n", "[owt]\nsockets = 40\n")
    path = "/socket.io/?EIO=4&transport=polling"

    async def handshake(http: httpx.AsyncClient) -> int:
        return (await http.get(path)).status_code

    async with launched(tmp_path, settings + config) as process:
        async with client(process, ELSEWHERE) as attacker, client(process) as somebody:
            assert [await handshake(attacker) for _ in range(12)] == [200] * 10 + [429] * 2
            assert [await handshake(somebody) for _ in range(5)] == [200] * 5
