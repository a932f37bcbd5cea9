"""Names that are closed: by pages over the API, and by commands, whether or not they are taken."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli import live
from tests.support.command_line import Done, command
from tests.support.guest import Guest
from tests.support.levels import BEARER, OPERATOR_TOKEN
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

CONFIG = f'[operator]\ntoken = "{OPERATOR_TOKEN}"\n'
MANY = 7
WRONG = {
    "page=0": "page",
    "per_page=501": "per_page",
    "sort=by": "sort",
    "order=up": "order",
    "name=tea": "name",
    "page=1&page=2": "page",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("closed")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    with ServerProcess(folder, port=free_port(), config=CONFIG) as process:
        yield process


@pytest.fixture
def quintet(folder: Path) -> Callable[..., Done]:
    return lambda *arguments: command(*arguments, "--config", str(folder / "config.toml"))


@pytest.fixture
def operator(server: ServerProcess) -> Iterator[httpx.Client]:
    """Let an operator in; whatever is closed afterwards is opened again."""
    with httpx.Client(base_url=f"{server.url}-/", headers=BEARER, timeout=60.0) as http:
        yield http
        while closed := shown(http, per_page=500)["closed"]:
            for each in closed:
                assert http.delete(f"closed/{each['id']}").status_code == 204


def shown(operator: httpx.Client, **query: Any) -> Any:
    answer = operator.get("closed", params=query)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), answer.text
    return answer.json()


def close(operator: httpx.Client, name: str, seconds: float) -> None:
    order = {"realm": "spreed", "name": name, "seconds": seconds}
    assert operator.post("closed", json=order).status_code == 202


def names(page: Any) -> list[str]:
    return [each["name"] for each in page["closed"]]


def test_they_are_told_by_pages_in_an_order_and_searched(operator: httpx.Client) -> None:
    for place, name in enumerate(("tea", "coffee", "cocoa")):
        close(operator, name, 1000 + place)
    whole = shown(operator)
    assert (whole["total"], whole["page"], whole["per_page"]) == (3, 1, 50)
    assert names(whole) == ["tea", "coffee", "cocoa"]  # who opens first
    assert set(whole["closed"][0]) == {"id", "realm", "name", "until", "reason", "by"}
    second = shown(operator, page=2, per_page=2)
    assert (names(second), second["total"], second["page"]) == (["cocoa"], 3, 2)
    assert names(shown(operator, sort="name")) == ["cocoa", "coffee", "tea"]
    assert names(shown(operator, order="desc")) == ["cocoa", "coffee", "tea"]
    found = shown(operator, search="CO", sort="name", order="desc")
    assert (names(found), found["total"]) == (["coffee", "cocoa"], 2)
    assert shown(operator, page=9)["closed"] == []


@pytest.mark.parametrize("query", WRONG)
def test_a_wrong_parameter_is_named(operator: httpx.Client, query: str) -> None:
    answer = operator.get(f"closed?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    assert answer.json()["message"].startswith(f"{WRONG[query]}: ")


def test_a_command_sees_all_of_them(
    operator: httpx.Client, quintet: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PER_PAGE", 3)  # that of a request: they are on several pages
    for number in range(MANY):
        close(operator, f"room {number}", 1000.0 + number)

    listed = quintet("open", "--json")
    assert (listed.code, listed.remarks) == (0, "")
    assert names(json.loads(listed.answer)) == [f"room {number}" for number in range(MANY)]
    table = quintet("open")
    assert (table.remarks, len(table.answer.splitlines())) == ("", 1 + MANY)
    assert quintet("open", f"room {MANY - 1}").answer == "opened\n"
    assert shown(operator)["total"] == MANY - 1


def until_seen(operator: httpx.Client, room: str) -> None:
    """Wait until a room is among those that operators see: a look is good for a moment."""
    deadline = time.monotonic() + 60.0
    while not operator.get("rooms", params={"search": room}).json()["total"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def refused(guest: Guest, room: str) -> Any:
    guest.send("Hello", {"Version": "1", "Ua": "a program", "Name": room, "Type": ""})
    return guest.next("Error")["Data"]


def test_a_command_closes_a_name_that_nobody_has_taken_and_opens_it(
    operator: httpx.Client, server: ServerProcess, quintet: Callable[..., Done]
) -> None:
    hint = "; to close it all the same, say its --dialect (spreed, owt, barertc)\n"
    for more in ((), ("--dialect", "peerjs")):
        done = quintet("close", "Überraschung", *more)
        assert done == Done(1, "", f"quintet: no room is called 'Überraschung'{hint}")
    order = ("close", "Überraschung", "--dialect", "spreed", "--reason", "soon", "--seconds", "600")
    done = quintet(*order)
    assert re.fullmatch(r"closed until [-\d]+ [:\d]+ UTC; nobody had taken it\n", done.answer)
    assert (done.code, done.remarks) == (0, "")
    with Guest(server.url) as guest:
        error = refused(guest, "Überraschung")
        assert (error["Code"], error["Reason"]) == ("room_closed", "soon")
        assert quintet("open", "Überraschung") == Done(0, "opened\n", "")
        guest.join("Überraschung", "Ann")
        until_seen(operator, "Überraschung")
        again = quintet(*order)  # it is taken now
        assert re.fullmatch(r"closed until [-\d]+ [:\d]+ UTC\n", again.answer)
        assert guest.next("Closed")["Data"]["Closed"]["Reason"] == "soon"
    assert quintet("open", "Room:überraschung").answer == "opened\n"  # as logs name it
    conference = quintet("close", "Conference:Tea", "--dialect", "spreed", "--json")
    (closed,) = shown(operator)["closed"]
    assert (closed["id"], closed["name"]) == (json.loads(conference.answer)["id"], "tea")
    assert quintet("open", "Conference:Tea").code == 0
    assert shown(operator)["total"] == 0


def test_a_name_that_no_room_can_have_is_not_closed(
    operator: httpx.Client, quintet: Callable[..., Done]
) -> None:
    """It is a title or a channel, and whoever closes it shall not think that nobody comes in."""
    why = {
        "owt": "a room of owt is named by its id, 24 hexadecimal digits",
        "barertc": 'barertc has one room, the whole chat: it is named "site"',
    }
    for dialect, words in why.items():
        done = quintet("close", "Stand-up", "--dialect", dialect)
        assert done == Done(1, "", f"quintet: name: {words}\n")
    unknown = operator.post("closed", json={"realm": "tea", "name": "tea"})
    assert unknown.status_code == 400
    assert unknown.json()["message"] == "realm: This server has rooms of spreed, owt, barertc."
    assert shown(operator)["total"] == 0
    for dialect, name in (("owt", "6B0DA24A581A93F8500D7B4E"), ("barertc", "site")):
        assert quintet("close", name, "--dialect", dialect).code == 0
    assert set(names(shown(operator))) == {"6b0da24a581a93f8500d7b4e", "site"}
