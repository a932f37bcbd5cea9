"""Each question of docs/operating.md, "At three in the morning", is answered in three ways.

One server of all dialects with somebody of each in it: what the API, the commands and the console
tell of it has to be the same.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from playwright.sync_api import Browser, Locator, expect
from trio_websocket import ConnectionClosed

from actors.words.keys import RoomKey
from api.operator.ids import room_id
from media.webrtc.bridge import open_media_loop
from tests.support.at_console import AtConsole, at_console
from tests.support.command_line import REPOSITORY, command, shell_command
from tests.support.five_dialects import BEARER, CONFIG, PATIENCE, TOKEN, everybody
from tests.support.guest import Guest
from tests.support.owt_media import calling
from tests.support.owt_portal import Elsewhere
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

GUIDE = Path(__file__).parents[2] / "docs" / "operating.md"
TABLE = re.compile(r"^\| question \| API \|.*\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)
TEA = RoomKey("spreed", "Room:tea room")
SITE = RoomKey("barertc", "site")
DIALECTS = ("barertc", "owt", "peerjs", "skyway", "spreed")
READY_SECONDS = 180.0  # for everybody to come, and for a picture to be recorded
BETWEEN_SECONDS = 5.0  # of two times that she tells how bad her connection is
BAD = {
    "loss": 0.2, "roundTrip": 0.6, "jitter": 0.01, "bitsIn": 1, "bitsOut": 1, "connections": 1,
}  # fmt: skip


@dataclass
class Crowd:
    """Who is there: Ada has a bad connection, Gil sends a picture that is being recorded."""

    owt_room: str
    gil: str
    recording: str


class Stage:
    """A thread in which everybody is there until `end`; commands and the browser would block it."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self.crowd: Crowd

    def __enter__(self) -> Crowd:
        self._thread.start()
        assert self._ready.wait(READY_SECONDS)
        if self._failure is not None:
            raise self._failure
        return self.crowd

    def __exit__(self, *_: object) -> None:
        with suppress(trio.RunFinishedError):  # they were sent away, all of them
            trio.from_thread.run_sync(self._end.set, trio_token=self._token)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            trio.run(self._play)
        except Exception as failure:  # noqa: BLE001 -- raised where the test waits
            self._failure = failure
        finally:
            self._ready.set()

    async def _play(self) -> None:
        self._token, self._end = trio.lowlevel.current_trio_token(), trio.Event()
        async with (
            everybody(self._server) as all_,
            open_media_loop() as loop,
            calling(all_.gil, loop) as gil,
        ):
            stream = await gil.publish()
            path = f"/v1/rooms/{all_.owt_room}/recordings"
            media = {"audio": {"from": stream}, "video": {"from": stream}}
            body = {"container": "mkv", "media": media}
            owt = Elsewhere(self._server.url.rstrip("/")).manager()
            made = (await owt.ask("POST", path, body)).json()
            self.crowd = Crowd(all_.owt_room, all_.gil.id, made["id"])
            with suppress(ConnectionClosed):  # in the end her room is closed
                while not self._end.is_set():
                    await all_.ada.send("Quality", BAD)
                    self._ready.set()
                    with trio.move_on_after(BETWEEN_SECONDS):
                        await self._end.wait()
            await self._end.wait()


@dataclass
class Operator:
    """Asks in all three ways."""

    server: ServerProcess
    http: httpx.Client
    console: AtConsole
    crowd: Crowd

    def api(self, path: str, **query: object) -> Any:
        answer = self.http.get(f"-/{path}", params={key: str(it) for key, it in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, path: str) -> None:
        answer = self.http.post(f"-/{path}", json={"reason": "by the API"})
        assert answer.status_code == 202, answer.text

    def says(self, *arguments: str) -> str:
        """Return what a command prints."""
        done = command(*arguments, "--config", str(self.server.config))
        assert (done.code, done.remarks) == (0, ""), done
        return done.answer

    def json(self, *arguments: str) -> Any:
        return json.loads(self.says(*arguments, "--json"))

    def person(self, dialect: str) -> dict[str, Any]:
        (found,) = self.api("people", dialect=dialect)["people"]
        return dict(found)

    def cells(self, table: str) -> Locator:
        """Return the first cells of a table of the console, which name its rows."""
        return self.console.page.get_by_role("table", name=table).get_by_role("rowheader")


def is_it_well(operator: Operator) -> None:
    told = operator.api("summary")
    assert (told["state"], told["recordings"]) == ("ready", 1)
    assert told["people"] == dict.fromkeys(DIALECTS, 1)
    said = operator.json("status")
    assert [said[key] for key in ("rooms", "people")] == [told[key] for key in ("rooms", "people")]
    assert re.search(r"^people +5 \(barertc 1, owt 1, peerjs 1, ", operator.says("status"), re.M)
    page = operator.console.page
    expect(page.get_by_role("status")).to_have_text("Ready")
    figures = page.get_by_label("Figures")
    expect(figures).to_contain_text("5Peoplebarertc 1, owt 1, peerjs 1, skyway 1, spreed 1")
    expect(figures).to_contain_text("1Recordings")


def which_rooms_are_busy(operator: Operator) -> None:
    told = operator.api("rooms")["rooms"]
    assert {room["id"] for room in told} == {
        room_id(key) for key in (TEA, SITE, RoomKey("owt", operator.crowd.owt_room))
    }
    assert [room["people"] for room in told] == [1, 1, 1]
    said = operator.json("rooms")["rooms"]
    assert [room["id"] for room in said] == [room["id"] for room in told]
    assert re.search(r"^Tea Room +spreed +1 +0 +bad ", operator.says("rooms"), re.MULTILINE)
    operator.console.opens("Rooms")
    table = operator.console.page.get_by_role("table", name="Rooms")
    table.get_by_role("button", name="People").click()
    names = {room["title"] for room in told}
    expect(operator.cells("Rooms")).to_have_count(3)
    shown = {text.split(" (")[0] for text in operator.cells("Rooms").all_inner_texts()}
    assert shown == names


def who_is_in(operator: Operator) -> None:
    for room in operator.api("rooms")["rooms"]:
        (member,) = operator.api(f"rooms/{room['id']}")["members"]
        (said,) = operator.json("who", room["id"])["people"]
        assert said["id"] == member["id"]
        operator.console.goes(f"#rooms/{room['id']}")
        expect(operator.cells("People")).to_have_text([member["name"] or member["peer"]])
    found = operator.api("people")["people"]
    assert {one["dialect"] for one in found} == set(DIALECTS)
    said = operator.json("who")["people"]
    assert [one["id"] for one in said] == [one["id"] for one in found]
    gil = next(one for one in found if one["dialect"] == "owt")
    assert gil["room_title"] == "Stand-up"
    assert re.search(r" Stand-up +owt ", operator.says("who"))
    operator.console.opens("People")
    expect(operator.cells("People")).to_have_count(5)
    room = operator.console.row("People", gil["name"]).get_by_role("link").nth(1)
    expect(room).to_have_text(f"Stand-up ({gil['room_name']})")
    shown = set(operator.cells("People").all_inner_texts())
    assert shown == {one["name"] or one["peer"] for one in found}


def whose_connection_is_bad(operator: Operator) -> None:
    for people in (
        operator.api("people", sort="quality")["people"],
        operator.json("who", "--sort", "quality")["people"],
    ):
        bad = [one["dialect"] for one in people if (one["quality"] or {}).get("rating") == "bad"]
        assert "spreed" in bad  # on a busy machine Gil's is measured as bad, too
        assert [one["dialect"] for one in people][: len(bad)] == bad
    assert " bad, 20.0 % lost, 600 ms " in operator.says("who", "Tea Room")
    operator.console.opens("People")
    rows = operator.console.page.get_by_role("table", name="People").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("bad")
    ada = operator.console.row("People", operator.person("spreed")["peer"])
    expect(ada).to_contain_text("bad")


def what_somebody_sends(operator: Operator) -> None:
    gil = operator.person("owt")
    deadline = time.monotonic() + PATIENCE
    while True:
        told = operator.api(f"people/{gil['id']}")["stream_list"]
        if all(it["bits_per_second"] for it in told):
            break  # it is measured every five seconds
        assert time.monotonic() < deadline
        time.sleep(0.1)
    sent = {(it["kind"], it["codec"], it["direction"]) for it in told}
    assert sent == {("audio", "opus", "in"), ("video", "vp8", "in")}
    said = operator.json("streams", operator.crowd.gil)["stream_list"]
    assert {(it["id"], it["kind"]) for it in said} == {(it["id"], it["kind"]) for it in told}
    lines = operator.says("streams", "gil")
    assert re.search(r"^video  to the server  vp8 +[\d.]+ [kM]?bit/s +\d", lines, re.MULTILINE)
    operator.console.goes(f"#people/{gil['id']}")
    streams = operator.console.page.get_by_role("table", name="Streams")
    expect(streams.get_by_role("row").filter(has_text="vp8")).to_contain_text("to the server")
    expect(operator.cells("Streams")).to_have_count(2)


def what_failed_lately(operator: Operator) -> None:
    server = operator.server
    good = server.config.read_text("utf-8")
    server.config.write_text(f"{good}\n[nothing]\n", "utf-8")
    server.signal(signal.SIGHUP)
    server.wait_for("config.rejected", within=PATIENCE)
    server.config.write_text(good, "utf-8")
    told = [entry["event"] for entry in operator.api("log")["entries"]]
    assert "config.rejected" in told
    assert "config.rejected" in operator.says("logs", "--level", "warning")
    operator.console.opens("Log")
    troubles = operator.console.page.get_by_label("Last warnings and errors")
    expect(troubles.get_by_role("listitem").filter(has_text="config.rejected")).to_have_count(1)


def what_happens_in_this_room_now(operator: Operator) -> None:
    command_line = ("logs", "-f", "--room", "tea room", "--config", str(operator.server.config))
    operator.console.opens("Log")
    with operator.console.following("room", "tea room"):
        operator.console.finds("Room", "tea room")
    lines = operator.console.page.get_by_label("Live log").get_by_role("listitem")
    with (
        operator.http.stream("GET", "-/log/live", params={"room": "tea room"}) as answer,
        subprocess.Popen(
            shell_command(*command_line),
            cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
        ) as following,
        Guest(operator.server.url) as eve,
    ):  # fmt: skip
        said: list[str] = []
        assert following.stdout is not None
        reading = threading.Thread(target=lambda out=following.stdout: said.append(out.readline()))
        reading.start()
        try:
            while reading.is_alive():  # until it listens, too
                eve.join("elsewhere", "Eve")
                eve.join("Tea Room", "Eve")
                reading.join(0.1)
        finally:
            following.send_signal(signal.SIGINT)
        assert "Room:tea room" in said[0]
        event = next(line for line in answer.iter_lines() if line.startswith("data: "))
        assert json.loads(event.removeprefix("data: "))["room"] == "Room:tea room"
        expect(lines.filter(has_text=eve.id).first).to_contain_text("Room:tea room")
        expect(lines.filter(has_text="elsewhere")).to_have_count(0)


def what_is_being_recorded(operator: Operator) -> None:
    (told,) = operator.api("recordings", state="recording")["recordings"]
    assert told["id"] == operator.crowd.recording
    (said,) = operator.json("recordings")["recordings"]
    assert (said["id"], said["state"]) == (told["id"], "recording")
    operator.console.opens("Recordings")
    row = operator.console.row("Recordings", told["id"])
    expect(row).to_contain_text("recording")


def which_part_is_stuck(operator: Operator) -> None:
    told = operator.api("actors", depth=2)
    names = [child["path"] for child in told["children"]]
    assert [child["path"] for child in operator.json("tree")["children"]] == names
    assert "\n  conferencing " in operator.says("tree")
    operator.console.opens("Actors")
    for name in names:
        expect(operator.console.row("Actors", name)).to_be_visible()


def somebody_is_put_out(operator: Operator) -> None:
    operator.order(f"people/{operator.person('barertc')['id']}/put-out")
    assert operator.says("kick", "camera-7", "--reason", "by command") == "put out\n"
    console = operator.console
    console.opens("People")
    expect(console.row("People", "pat")).to_be_visible()
    console.keys.activate("Put out: pat")
    console.confirms(yes="Put out")
    expect(console.page.locator("#told")).to_have_text("Put out: pat")
    expect(operator.cells("People")).to_have_count(2)
    left = {one["dialect"] for one in operator.api("people")["people"]}
    assert left == {"spreed", "owt"} == {one["dialect"] for one in operator.json("who")["people"]}


def rooms_are_closed(operator: Operator) -> None:
    operator.order(f"rooms/{room_id(SITE)}/close")
    assert operator.says("close", "Stand-up").startswith("closed until ")
    console = operator.console
    console.opens("Rooms")
    expect(console.row("Rooms", "Tea Room")).to_be_visible()
    console.keys.activate("Close Tea Room")
    console.confirms(yes="Close the room")
    expect(operator.cells("Closed names")).to_have_count(3)
    told = {each["id"] for each in operator.api("closed")["closed"]}
    assert told == {room_id(key) for key in (TEA, SITE, RoomKey("owt", operator.crowd.owt_room))}
    assert {each["id"] for each in operator.json("open")["closed"]} == told
    deadline = time.monotonic() + PATIENCE
    while told & {room["id"] for room in operator.api("rooms")["rooms"]}:
        assert time.monotonic() < deadline  # a room ends a moment after its name is closed
        time.sleep(0.1)
    assert told.isdisjoint(room["id"] for room in operator.json("rooms")["rooms"])


QUESTIONS: dict[str, Callable[[Operator], None]] = {  # what ends something comes last
    "Is it well?": is_it_well,
    "Which rooms are busy?": which_rooms_are_busy,
    "Who is in?": who_is_in,
    "Whose connection is bad?": whose_connection_is_bad,
    "What is being recorded?": what_is_being_recorded,
    "Which part is stuck?": which_part_is_stuck,
    "What failed lately?": what_failed_lately,
    "What happens in this room, now?": what_happens_in_this_room_now,
    "What does somebody send and take?": what_somebody_sends,
    "How do I put somebody out?": somebody_is_put_out,
    "How do I end this room?": rooms_are_closed,
}


@pytest.fixture
def operator(browser: Browser, tmp_path: Path) -> Iterator[Operator]:
    config = f'{CONFIG}\n[ice]\nlisten_ips = ["127.0.0.1"]\n'
    with (
        ServerProcess(tmp_path, config=config, port=free_port()) as server,
        Stage(server) as crowd,
        at_console(browser, server.url) as console,
        httpx.Client(base_url=server.url, headers=BEARER, timeout=PATIENCE) as http,
    ):
        console.enters(TOKEN)
        expect(console.page.locator("#heading")).to_be_focused()
        yield Operator(server, http, console, crowd)


def test_every_question_of_the_guide_is_answered_by_api_command_and_console(
    operator: Operator,
) -> None:
    found = TABLE.search(GUIDE.read_text("utf-8"))
    assert found is not None
    asked = [line.split("|")[1].strip() for line in found[1].splitlines()]
    named = {re.sub(r"\[(.*)\]\(.*\)", r"\1", question) for question in asked}
    assert named == set(QUESTIONS)
    for answered in QUESTIONS.values():
        answered(operator)
