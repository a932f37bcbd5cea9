"""One address that makes up names, one user with costly masks: others are served all the same."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from pathlib import Path
from statistics import median

import httpx
import trio
from argon2 import PasswordHasher

from tests.support.attack import (
    ELSEWHERE,
    MEGABYTE,
    OPERATOR_TOKEN,
    again_and_again,
    client,
    longest_hold,
    watched,
)
from tests.support.auvious import ENDPOINTS, EVENT
from tests.support.process import launched

PASSWORD, SECRET = "right 4471", "secret of the back office 3312"
TOKEN = "/security/oauth/token"
HOLD = 0.25  # seconds; a machine that is busy counts some of what others do
PATIENCE = 5.0


def config() -> str:
    hashed = PasswordHasher().hash(PASSWORD)
    return f"""
listeners = [{{ bind = "127.0.0.1:0", dialects = ["auvious", "operator"] }}]
operator.token = "{OPERATOR_TOKEN}"
limits.credential_failures_per_address = 0
[auvious]
clients = [
  {{ id = "customer", public = true, grants = ["password"] }},
  {{ id = "back", secret = "{SECRET}", organization = "acme" }},
]
users = [
  {{ id = "ann", password = "{hashed}", organization = "acme" }},
  {{ id = "bob", password = "{hashed}", organization = "acme" }},
  {{ id = "mallory", password = "{hashed}", organization = "other" }},
]
"""


async def sign_in(http: httpx.AsyncClient, user: str, password: str = PASSWORD) -> httpx.Response:
    form = {"grant_type": "password", "client_id": "customer"}
    return await http.post(TOKEN, data=form | {"username": user, "password": password})


async def test_made_up_names_of_one_address_keep_nobody_else_out(tmp_path: Path) -> None:
    answers, names = Counter[int](), count()
    async with (
        launched(tmp_path, config()) as process,
        client(process) as here,
        client(process, ELSEWHERE) as there,
    ):

        async def guess(_: int) -> None:
            answers[(await sign_in(there, f"name {next(names)}", "wrong")).status_code] += 1

        waits, statuses = [], []
        async with watched(process) as others, again_and_again(guess, 80):
            await trio.sleep(1)
            for user in ("ann", "bob") * 3:
                began = trio.current_time()
                statuses.append((await sign_in(here, user)).status_code)
                waits.append(trio.current_time() - began)
        assert statuses == [200] * 6, (statuses, waits)
        assert median(waits) < PATIENCE, waits
        assert set(answers) <= {400, 503}
        assert others.usual_wait < 0.5
        assert others.grown < 300 * MEGABYTE, others.grown  # 64 MiB each at work
        assert await longest_hold(process) < HOLD
        slow = [line for line in process.log if line["event"] == "request.crashed"]
        assert slow == []


async def test_masks_of_one_user_delay_nobody_elses_events(tmp_path: Path) -> None:
    async with (
        launched(tmp_path, config()) as process,
        client(process) as here,
        client(process, ELSEWHERE) as there,
    ):
        mallory = (await sign_in(there, "mallory")).json()["access_token"]
        form = {"grant_type": "client_credentials", "client_id": "back", "client_secret": SECRET}
        service = (await here.post(TOKEN, data=form)).json()["access_token"]
        wide = EVENT | {"list": [{"a": "s"}] * 20_000}
        bodies = [
            json.dumps({"userId": "x", "event": EVENT, "masks": [1] * 190_000}).encode(),
            json.dumps({"userId": "x", "event": wide, "masks": ["$..*..*"] * 32}).encode(),
            json.dumps({"userId": "x", "event": EVENT, "masks": ["$.a"] * 100_000}).encode(),
        ]
        answers = Counter[int]()

        async def attack(number: int) -> None:
            headers = {
                "Authorization": f"Bearer {mallory}",
                "Content-Type": "application/json",
            }
            body = bodies[number % len(bodies)]
            sent = await there.post(f"{ENDPOINTS}/sendEvent", content=body, headers=headers)
            answers[sent.status_code] += 1

        waits = []
        async with watched(process) as others, again_and_again(attack, 12):
            await trio.sleep(0.5)
            for _ in range(6):
                began = trio.current_time()
                await send_masked(here, service)
                waits.append(trio.current_time() - began)
        assert median(waits) < PATIENCE / 2, waits
        assert set(answers) <= {400, 503}
        assert others.usual_wait < 0.5
        assert others.grown < 100 * MEGABYTE, others.grown
        assert await longest_hold(process) < HOLD


async def send_masked(http: httpx.AsyncClient, token: str) -> None:
    body = {"userId": "ann", "organizationId": "acme", "event": EVENT, "masks": ["$.type"]}
    headers = {"Authorization": f"Bearer {token}"}
    sent = await http.post(f"{ENDPOINTS}/sendEvent", json=body, headers=headers)
    assert sent.status_code == 200, sent.text
