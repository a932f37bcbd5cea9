"""What people see whose meeting the operator ends, and who is put out of one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import WebSocket, expect

from actors.words.keys import MemberKey, RoomKey
from api.operator.ids import person_id, room_id
from tests.browser.conftest import Newcomer
from tests.support.axe import serious_findings
from tests.support.levels import BEARER, OPERATOR_TOKEN
from tests.support.person import Person
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

Order = Callable[..., None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    config = f'[operator]\ntoken = "{OPERATOR_TOKEN}"\n'
    with ServerProcess(tmp_path_factory.mktemp("closing"), config=config) as server:
        yield server


@pytest.fixture
def order(server: ServerProcess) -> Iterator[Order]:
    """Give an order by the operator's API."""
    with httpx.Client(base_url=server.url, headers=BEARER, timeout=60.0, verify=False) as http:

        def order(path: str, **body: object) -> None:
            answer = http.post(f"/-{path}", json=body)
            assert answer.status_code == 202, answer.text

        yield order


def _sessions(person: Person) -> list[str]:
    """Collect the ids that the server gives somebody, one for each session from now on."""
    ids: list[str] = []

    def received(frame: str | bytes) -> None:
        data = json.loads(frame)["Data"]
        if data["Type"] == "Self":
            ids.append(data["Id"])

    def opened(socket: WebSocket) -> None:
        socket.on("framereceived", received)

    person.page.on("websocket", opened)
    return ids


def _stays_away(person: Person) -> None:
    """Nothing leads back by itself: the websocket stays closed."""
    person.page.wait_for_function("() => made.sockets[0].readyState === 3")
    person.page.wait_for_timeout(1_500)  # the page would connect again after half a second
    assert person.page.evaluate("made.sockets.length") == 1
    expect(person.page.locator("#goodbye")).to_be_visible()


def test_a_closed_room_says_goodbye_with_the_reason_and_lets_nobody_in(
    newcomer: Newcomer, order: Order
) -> None:
    ada, clara, eve = newcomer("Ada"), newcomer("Clara"), newcomer("Eve")
    for person in (ada, clara):
        person.join("closed room")
    ada.sees_moving("Clara")
    reason = "Repairs <b>until</b> noon. " + "إصلاح"
    order(f"/rooms/{room_id(RoomKey('spreed', 'Room:closed room'))}/close", reason=reason)
    for person in (ada, clara):
        heading = person.page.get_by_role("heading", name="This room was closed")
        expect(heading).to_be_focused()
        expect(person.page.locator("#goodbye-reason")).to_have_text(f"Reason: {reason}")
        until = person.page.locator("#goodbye-until")
        expect(until).to_have_text(re.compile(r"^It can be entered again from .*\d:\d\d.* on\.$"))
    assert serious_findings(ada.page) == []
    ada.picture("closed-room")
    _stays_away(ada)
    ada.press("Back to the lobby")
    ada.press("Join")  # refused, with the same words
    for person in (eve, ada):
        if person is eve:
            eve.open("closed room")
            eve.press("Join")
        heading = person.page.get_by_role("heading", name="This room was closed")
        expect(heading).to_be_focused()
        expect(person.page.locator("#goodbye-reason")).to_have_text(f"Reason: {reason}")


def test_who_is_put_out_is_told_and_comes_back_as_somebody_new_only_by_himself(
    newcomer: Newcomer, order: Order
) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    sessions = _sessions(clara)
    for person in (ada, clara):
        person.join("not for everybody")
    ada.sees_moving("Clara")
    order(f"/people/{person_id(MemberKey('spreed', sessions[0]))}/put-out", reason="Please rest")
    heading = clara.page.get_by_role("heading", name="You were put out of the meeting")
    expect(heading).to_be_focused()
    expect(clara.page.locator("#goodbye-reason")).to_have_text("Reason: Please rest")
    expect(ada.tile("Clara")).to_have_count(0)
    _stays_away(clara)
    clara.press("Back to the lobby")
    clara.press("Join")
    ada.sees_moving("Clara")
    assert len(set(sessions)) == 2
