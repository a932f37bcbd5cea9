"""Auvious in a real server: its key is rotated, and the server stops and comes back."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.auvious import ENDPOINTS, PASSWORDS, PATIENCE, auvious_toml
from tests.support.server_process import REPOSITORY, ServerProcess

TOKEN = "/security/oauth/token"


def sign_in(http: httpx.Client, **form: str) -> dict[str, str]:
    asked = {"client_id": "customer"} | (
        form or {"grant_type": "password", "username": "ann", "password": PASSWORDS["ann"]}
    )
    answer = http.post(TOKEN, data=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def is_good(http: httpx.Client, token: dict[str, str]) -> bool:
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    return http.get(ENDPOINTS, headers=bearer).status_code == 200


def keys(http: httpx.Client) -> list[str]:
    return [key["kid"] for key in http.get("/security/.well-known/jwks.json").json()["keys"]]


def rotate(folder: Path) -> str:
    command = [sys.executable, "-m", "api", "secrets", "--rotate-auvious-key", "--config",
               str(folder / "config.toml")]  # fmt: skip
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


def test_live_tokens_outlive_a_rotation_and_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, config=auvious_toml()) as server:
        with httpx.Client(base_url=server.url, timeout=PATIENCE) as http:
            before = sign_in(http)
            new = rotate(tmp_path)
            assert len(keys(http)) == 1
            server.signal(signal.SIGHUP)
            entry = server.wait_for("auvious.keys_rotated", within=PATIENCE)
            assert entry["current"] == new
            after = sign_in(http)
            assert keys(http)[0] == new
            assert is_good(http, before)
            assert is_good(http, after)
        assert server.stop() == 0
        server.start()
        with httpx.Client(base_url=server.url, timeout=PATIENCE) as http:
            assert keys(http)[0] == new
            assert is_good(http, before)
            assert is_good(http, after)
            refresh = {"grant_type": "refresh_token", "refresh_token": after["refresh_token"]}
            assert is_good(http, sign_in(http, **refresh))
        assert server.stop() == 0


def test_it_is_served_by_default_beside_spreed(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, config=auvious_toml()) as server:
        with httpx.Client(base_url=server.url, timeout=PATIENCE) as http:
            assert is_good(http, sign_in(http))
            assert "<html" in http.get("/some-room").text
            for path in ("/rtc-api/some-room", "/auvious", "/rtc-api"):
                answer = http.get(path)
                assert (answer.status_code, answer.content) == (404, b"")
        assert server.stop() == 0
