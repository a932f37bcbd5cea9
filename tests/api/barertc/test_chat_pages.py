"""The pages: who is let in, what they hold, and a web client of the operator."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.barertc.turn import PAGE_SECONDS, turn_document
from api.settings import settings_of
from tests.api.barertc.test_client_template import constants
from tests.support.barertc_api import ApiServer, barertc_api
from tests.support.serving import CARRIERS

CLIENT = Path(__file__).parents[2] / "support" / "chat_client"
STRICT = {"jwt": {"enabled": True}}


@pytest.fixture
def client_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "client"
    shutil.copytree(CLIENT, folder)
    for name in ("assets/index.js", "static/css/one.css", "static/favicon.ico", "secret.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"this is {name}")
    return folder


@pytest.fixture(params=CARRIERS)
async def server(request: Any, tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with barertc_api(tmp_path, request.param) as found:
        yield found


def config(response: httpx.Response) -> dict[str, Any]:
    """Return the values of our own page."""
    match = re.search(r'id="quintet-config" type="application/json">(.*?)</script>', response.text)
    assert match, response.text[:500]
    found: dict[str, Any] = json.loads(match[1])
    return found


async def test_our_page_stands_at_the_root_and_below_barertc(server: ApiServer) -> None:
    for base in ("/", "/barertc/"):
        response = await server.http.get(base)
        assert response.status_code == 200
        assert f'<base href="{base}">' in response.text
        policy = response.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert f"connect-src 'self' ws://127.0.0.1:{server.serving.port}" in policy
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        for name in re.findall(r'(?:href|src)="(static/[^"]+\.(?:svg))"', response.text):
            file = await server.http.get(f"{base}{name}")
            assert file.headers["content-type"] == "image/svg+xml; charset=utf-8"
            again = await server.http.get(
                f"{base}{name}", headers={"If-None-Match": file.headers["etag"]}
            )
            assert again.status_code == 304
    icon = await server.http.get("/favicon.ico")
    assert icon.text.startswith("<svg")
    for name in ("README.md", "index.html", "../pages.py", "%2e%2e/pages.py", "nosuch.js"):
        assert (await server.http.get(f"/static/quintet/chat/{name}")).status_code == 404


async def test_where_another_dialect_is_root_the_page_is_below_alone(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, root=False) as server:
        assert (await server.http.get("/barertc/")).status_code == 200
        assert (await server.http.get("/barertc")).status_code == 200
        for path in ("/", "/about", "/logout"):
            assert (await server.http.get(path)).status_code == 404


async def test_our_page_knows_the_chat(tmp_path: Path) -> None:
    barertc = {
        "title": "Us </script>", "website_url": "https://www.example.com/x", "permit_nsfw": True,
        "webhooks": [{"name": "report", "url": "https://www.example.com/?hush"}],
    }  # fmt: skip
    async with barertc_api(tmp_path, barertc=barertc) as server:
        response = await server.http.get("/")
        assert (
            "img-src 'self' data: blob: https: https://www.example.com;"
            in (response.headers["content-security-policy"])
        )
        found = config(response)
        assert "hush" not in response.text
        assert found == {
            "Title": "Us </script>",
            "WebsiteURL": "https://www.example.com/x",
            "PermitNSFW": True,
            "DMDisclaimer": "",
            "VIP": {
                "Name": "VIP", "Branding": "<em>VIP Members</em>", "Icon": "fa fa-circle",
                "MutuallySecret": False,
            },
            "PublicChannels": [
                {
                    "ID": "lobby", "Name": "Lobby", "Icon": "", "VIP": False,
                    "PermitPhotos": True, "WelcomeMessages": [], "EchoMessagesOnJoin": 10,
                }
            ],
            "WebhookURLs": [
                {"Name": "report", "Enabled": True, "URL": ""},
                {"Name": "profile", "Enabled": False, "URL": ""},
            ],
            "TURN": {"URLs": [], "Username": "", "Credential": ""},
            "CachedBlocklist": [],
            "UserJWTToken": "",
            "UserJWTValid": False,
            "UserJWTClaims": {},
            "UserJWTRules": dict.fromkeys(
                ("IsNoVideoRule", "IsNoImageRule", "IsNoBroadcastRule", "IsRedCamRule",
                 "IsNoDarkVideoRule"), False,
            ),
            "History": False,
        }  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_opens_the_page_by_query_or_form(tmp_path: Path, method: str) -> None:
    async with barertc_api(tmp_path, barertc=STRICT) as server:
        await server.keyed("blocklist", Username="alice", Blocklist=["eve"])
        token = await server.token("alice", vip=True, rules=["redcam"])
        given = {"params": {"jwt": token}} if method == "GET" else {"data": {"jwt": token}}
        response = await server.http.request(method, "/", **given)  # type: ignore[arg-type]
        assert response.status_code == 200
        found = config(response)
        assert (found["UserJWTToken"], found["UserJWTValid"]) == (token, True)
        assert (found["UserJWTClaims"]["sub"], found["UserJWTClaims"]["vip"]) == ("alice", True)
        assert found["UserJWTRules"]["IsRedCamRule"] is True
        assert found["CachedBlocklist"] == ["eve"]


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_bad_token_is_refused(tmp_path: Path, enabled: bool) -> None:
    async with barertc_api(tmp_path, barertc={"jwt": {"enabled": enabled}}) as server:
        for path in ("/", "/barertc/"):
            response = await server.http.get(path, params={"jwt": "<script>"})
            assert response.status_code == 403
            assert response.text.startswith("Error parsing your JWT token: ")
            assert response.headers["content-type"].startswith("text/plain")
            assert "<script>" not in response.text


async def test_without_a_token_a_strict_chat_sends_people_away(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, barertc=STRICT) as server:
        response = await server.http.get("/")
        assert response.status_code == 403
        assert response.text == "Authentication denied. Please go back and try again.\n"
    landing = {"jwt": {"enabled": True, "landing_page_url": "https://a.test/log-in?x=1"}}
    async with barertc_api(tmp_path, barertc=landing) as server:
        response = await server.http.get("/", follow_redirects=False)
        assert response.status_code == 302
        assert response.headers["location"] == "https://a.test/log-in?x=1"
    for jwt in ({"enabled": True, "strict": False}, {"enabled": False, "strict": True}):
        async with barertc_api(tmp_path, barertc={"jwt": jwt}) as server:
            assert (await server.http.get("/")).status_code == 200


async def test_about_and_logout(tmp_path: Path) -> None:
    barertc = {"title": "Us & <them>", "website_url": "https://www.example.com"}
    async with barertc_api(tmp_path, barertc=barertc) as server:
        for base in ("/", "/barertc/"):
            about = await server.http.get(f"{base}about", headers={"Host": "chat.test"})
            assert "Us &amp; &lt;them&gt;" in about.text
            assert 'href="https://www.example.com"' in about.text
            assert "chat.test" in about.text
            logout = await server.http.get(f"{base}logout")
            assert "Logged Out" in logout.text
            [script] = re.findall(r"<script>(.*)</script>", logout.text)
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"script-src 'sha256-{digest}'" in logout.headers["content-security-policy"]
            assert f'href="{base}"' in logout.text


# --- a client of the operator


async def test_a_web_client_of_the_operator_is_hosted(tmp_path: Path, client_folder: Path) -> None:
    barertc = {
        "web_client": str(client_folder), "title": "Us & <them>", "branding": "<b>Us</b>",
        "website_url": "https://www.example.com", "jwt": {"enabled": True, "strict": False},
        "strings": {"rule_no_image": "No pictures!"}, "history": {"disclaimer": "Be <i>kind</i>"},
    }  # fmt: skip
    async with barertc_api(tmp_path, barertc=barertc) as server:
        guest = await server.http.get("/")
        assert "{{" not in guest.text
        assert "<title>Us &amp; &lt;them&gt;</title>" in guest.text
        assert guest.headers["cache-control"] == "no-store"
        found = constants(guest.text)
        assert (found["Branding"], found["DMDisclaimer"]) == ("<b>Us</b>", "Be <i>kind</i>")
        assert found["TURN"] == {"URLs": [], "Username": "", "Credential": ""}
        assert found["BareRTCStrings"]["ModRuleErrorNoImage"] == "No pictures!"
        assert found["BareRTCStrings"]["ModRuleErrorNoVideo"] != ""
        assert (found["UserJWTValid"], found["UserJWTClaims"]) == (False, {})
        assert [channel["ID"] for channel in found["PublicChannels"]] == ["lobby"]
        token = await server.token("alice", op=True)
        found = constants((await server.http.post("/", data={"jwt": token})).text)
        assert (found["UserJWTToken"], found["UserJWTValid"]) == (token, True)
        assert found["UserJWTClaims"]["op"] is True
        for path, text in (
            ("/assets/index.js", "this is assets/index.js"),
            (f"/static/css/one.css?{found['CacheHash']}", "this is static/css/one.css"),
            ("/favicon.ico", "this is static/favicon.ico"),
        ):
            assert (await server.http.get(path)).text == text
        for path in (
            "/assets/", "/static", "/static/css", "/secret.txt", "/index.html",
            "/assets/..%2fsecret.txt", "/static/../secret.txt",
        ):  # fmt: skip
            assert (await server.http.get(path)).status_code == 404, path
        assert config(await server.http.get("/barertc/"))["Title"] == "Us & <them>"
        assert (await server.http.get("/api/nope")).json()["OK"] is False


async def test_a_newer_copy_of_the_client_is_taken_as_it_comes(
    tmp_path: Path, client_folder: Path
) -> None:
    async with barertc_api(tmp_path, barertc={"web_client": str(client_folder)}) as server:
        before = constants((await server.http.get("/")).text)["CacheHash"]
        (client_folder / "index.html").write_text((CLIENT / "index.html").read_text() + "<!--2-->")
        response = await server.http.get("/")
        assert response.text.rstrip().endswith("<!--2-->")
        assert constants(response.text.replace("<!--2-->", ""))["CacheHash"] != before
        (client_folder / "index.html").unlink()
        assert (await server.http.get("/")).status_code == 404


# --- TURN


def ice(**values: object) -> Any:
    return settings_of({"ice": values}).ice


def test_turn_credentials_of_a_page_last_a_day() -> None:
    now = time.time()
    settings = ice(
        servers=[{"urls": ["stun:s.test", "turn:other.test"], "username": "u", "credential": "c"}],
        turn_urls=["turn:t.test"],
        turn_secret="shared",
    )
    document = turn_document(settings, "alice", now)
    assert document["URLs"] == ["stun:s.test", "turn:t.test"]
    username = str(document["Username"])
    assert int(username.partition(":")[0]) == int(now) + PAGE_SECONDS == int(now) + 86_400
    mac = hmac.digest(b"shared", username.encode(), hashlib.sha1)
    assert document["Credential"] == base64.b64encode(mac).decode()


def test_of_fixed_relays_the_first_is_taken() -> None:
    settings = ice(
        servers=[
            {"urls": ["stun:s.test"]},
            {"urls": ["turn:a.test", "turns:a.test"], "username": "u", "credential": "c"},
            {"urls": ["turn:b.test", "stun:s.test"], "username": "v", "credential": "d"},
        ]
    )
    assert turn_document(settings, "alice", 0) == {
        "URLs": ["stun:s.test", "turn:a.test", "turns:a.test"],
        "Username": "u",
        "Credential": "c",
    }


async def test_the_page_gets_no_servers_if_it_shall_not(tmp_path: Path) -> None:
    servers = {"servers": [{"urls": ["stun:s.test"]}]}
    async with barertc_api(tmp_path, ice=servers) as server:
        assert config(await server.http.get("/"))["TURN"]["URLs"] == ["stun:s.test"]
    async with barertc_api(tmp_path, ice=servers, barertc={"turn_from_ice": False}) as server:
        assert config(await server.http.get("/"))["TURN"]["URLs"] == []
