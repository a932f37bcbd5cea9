"""Auvious events in a page: a browser's own EventSource, and what it does by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

SECRET = "service-secret-2291"
CONFIG = f"""
[[auvious.clients]]
id = "portal"
secret = "{SECRET}"
organization = "acme"
grants = ["client_credentials"]
[auvious.event_streams]
unacknowledged = 2
"""
PATH = "/rtc-api/users/endpoints"
LISTEN = """
(address) => {
  window.heard = [];
  window.opened = 0;
  window.source = new EventSource(address);
  source.onopen = () => { opened += 1; };
  source.onmessage = (message) => heard.push([JSON.parse(message.data), message.lastEventId]);
}
"""


class Portal:
    """Registers an endpoint and sends events to it, over REST."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        form = {
            "grant_type": "client_credentials", "client_id": "portal", "client_secret": SECRET,
        }  # fmt: skip
        self.token = self.http.post("/security/oauth/token", data=form).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.post("", {"userEndpointId": "e", "keepAliveSeconds": 60})

    def post(self, path: str, body: object) -> Any:
        response = self.http.post(PATH + path, json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def send(self, number: int) -> None:
        event = {"type": "CallCreatedEvent", "timestamp": "2026-11-21T12:00:00Z", "n": number}
        body = {"userId": "portal", "organizationId": "acme", "event": event, "qos": 1}
        assert self.post("/sendEvent", body) == 1

    def waiting(self) -> list[int]:
        """Return the numbers of the events nobody has acknowledged."""
        return [each["event"]["n"] for each in self.http.get(f"{PATH}/e").json()["events"]]


def test_event_source_hears_comes_back_and_gives_up(
    own_server: Callable[..., ServerProcess], browser: Browser
) -> None:
    server = own_server(config=CONFIG)
    portal = Portal(server.url)
    portal.send(1)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.url)
        page.evaluate(LISTEN, f"{PATH}/e/events?access_token={portal.token}")
        page.wait_for_function("() => heard.length === 1")
        portal.send(2)  # as many as a stream brings: the browser comes back, which acknowledges
        page.wait_for_function("() => heard.length === 2 && opened === 2")
        assert portal.waiting() == []
        portal.send(3)
        page.wait_for_function("() => heard.length === 3")
        assert portal.waiting() == [3]
        heard = page.evaluate("heard")
        assert [event["n"] for event, _ in heard] == [1, 2, 3]
        assert len({id_ for _, id_ in heard}) == 3
        portal.post("/unregister", {"userEndpointId": "e"})
        page.wait_for_function("() => source.readyState === EventSource.CLOSED")
    portal.http.close()
    server.stop()
    assert portal.token not in "".join(server.output)
