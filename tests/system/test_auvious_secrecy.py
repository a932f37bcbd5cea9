"""No secret of Auvious reaches a log: tokens, passwords, events and what is masked in them.

Once in the test's process, where entries are seen as they were before redaction, and once against a
real `quintet serve` that writes JSON at debug level.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from tests.support.auvious import (
    ENDPOINTS,
    EVENT,
    PASSWORDS,
    PATIENCE,
    SECRETS,
    auvious_server,
    auvious_settings,
    auvious_toml,
)
from tests.support.server_process import ServerProcess
from tests.support.serving import CARRIERS
from tests.system.test_secrecy import assert_silent

TOKEN = "/security/oauth/token"
WORDS = {
    "wrong-password-7741", "wrong-secret-3306", "wrong-refresh-9924", "wrong-token-5518",
    "masked-value-6613", "open-value-2047", "reason-of-leaving-8890", "half a body 5081",
    "in a query 9952", "in a header 2210", "UserTypedASecret4490Event",
}  # fmt: skip


async def confide(base: httpx.URL) -> set[str]:
    """Use every secret there is, rightly and wrongly; return those the server made up."""
    made: set[str] = set()
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE) as http:
        user = {"grant_type": "password", "username": "ann", "password": PASSWORDS["ann"]}
        service = {"grant_type": "client_credentials", "client_id": "backoffice"}
        basic = base64.b64encode(b"customer:").decode()
        answers = [
            await http.post(TOKEN, data=user, headers={"Authorization": f"Basic {basic}"}),
            await http.post(TOKEN, params=user | {"client_id": "customer"}),
            await http.post(TOKEN, params=service | {"client_secret": SECRETS["backoffice"]}),
        ]
        for answer in answers:
            made |= {answer.json()["access_token"], answer.json().get("refresh_token", "")}
        ann, _, backoffice = ({"Authorization": f"Bearer {answer.json()['access_token']}"}
                              for answer in answers)  # fmt: skip
        again = {"grant_type": "refresh_token", "client_id": "customer"}
        for token in (answers[0].json()["refresh_token"], "wrong-refresh-9924"):
            answer = await http.post(TOKEN, data=again | {"refresh_token": token})
            made |= {answer.json().get("access_token", ""), answer.json().get("refresh_token", "")}
        await http.post(TOKEN, data=user | {"client_id": "customer",
                                            "password": "wrong-password-7741"})  # fmt: skip
        await http.post(TOKEN, params=service | {"client_secret": "wrong-secret-3306"})
        wrong = {"Authorization": "Bearer wrong-token-5518", "Cookie": "x=in a header 2210"}
        await http.get(ENDPOINTS, headers=wrong, params={"access_token": "in a query 9952"})
        await send(http, ann, backoffice)
    return made - {""}


async def send(http: httpx.AsyncClient, ann: dict[str, str], service: dict[str, str]) -> None:
    """Register, send what is masked and what is not, to those who are there and who are not."""
    registration = {"userEndpointId": "e", "keepAliveSeconds": 60}
    assert (await http.post(ENDPOINTS, json=registration, headers=ann)).status_code == 200
    event = EVENT | {"secret": "masked-value-6613", "open": "open-value-2047"}
    typed = EVENT | {"type": "UserTypedASecret4490Event"}
    for user, body, masks in (("ann", event, ["$.secret"]), ("bob", event, ["$.secret"]),
                              ("ann", event, []), ("ann", typed, ["$.type"]),
                              ("ann", event, ["$", "$["])):  # fmt: skip
        for caller in (ann, service):
            sending = {"userId": user, "organizationId": "acme", "event": body, "masks": masks,
                       "qos": 1}  # fmt: skip
            await http.post(f"{ENDPOINTS}/sendEvent", json=sending, headers=caller)
    shown = await http.get(f"{ENDPOINTS}/e", headers=ann)
    assert "open-value-2047" in shown.text, "it waits"
    for content in (b'{"userId":"half a body 5081"', b'{"event":["half a body 5081"]}'):
        await http.post(f"{ENDPOINTS}/sendEvent", content=content, headers=ann)
    leaving = {"userEndpointId": "e", "reason": "reason-of-leaving-8890"}
    assert (await http.post(f"{ENDPOINTS}/unregister", json=leaving, headers=ann)).is_success


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_no_secret_is_passed_to_the_log(tmp_path: Path, carrier: str) -> None:
    chosen = auvious_settings(tmp_path, auvious={"outbox_events": 3})
    with capture_logs() as entries:
        async with auvious_server(tmp_path, carrier, chosen) as server:
            made = await confide(httpx.URL(server.url))
            tree = json.dumps([server.system.tree()], default=str)
    logged = {entry["event"] for entry in entries}
    assert {"request.answered", "token.issued", "event.sent", "outbox.full"} <= logged
    secrets = WORDS | made | set(SECRETS.values()) | set(PASSWORDS.values()) | kept(tmp_path)
    assert_silent("\n".join(map(repr, entries)), secrets)
    assert_silent(tree, secrets)


async def test_no_secret_is_written_by_a_real_server_at_debug_level(tmp_path: Path) -> None:
    config = '[log]\nlevel = "debug"\nformat = "json"\n' + auvious_toml()
    with ServerProcess(tmp_path, config=config) as server:
        made = await confide(httpx.URL(server.url))
        assert server.stop() == 0
    log = "\n".join(server.output)
    assert "event.sent" in log
    secrets = WORDS | made | set(SECRETS.values()) | set(PASSWORDS.values())
    assert_silent(log, secrets | kept(tmp_path / "data"))


def kept(data_dir: Path) -> set[str]:
    """Return the private numbers of the keys."""
    with suppress(FileNotFoundError):
        keys = json.loads((data_dir / "auvious_keys.json").read_text())["keys"]
        return {key["jwk"][part] for key in keys for part in ("d", "p", "q")}
    return set()
