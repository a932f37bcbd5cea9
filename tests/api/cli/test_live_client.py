"""The client of the operator's paths: what it sends, whom it trusts, how it says what is wrong."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api.cli.finding import NoSuchRoom, find_person, find_room
from api.cli.live import Live, LiveError
from tests.support.command_line import Done, command
from tests.support.ports import free_port

TOKEN = "of the test"


class Site(ThreadingHTTPServer):
    """Answers as a test says: by path, with a status and a body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.rooms: list[dict[str, Any]] = []

    @property
    def port(self) -> int:
        return self.server_address[1]


class Answering(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.asked.append((f"{self.command} {self.path}", dict(self.headers), body))
        parts = urlsplit(self.path)
        status, text = self.server.answers.get(parts.path, (404, '{"message": "Nothing here."}'))
        if text == "pages":
            query = {key: value[0] for key, value in parse_qs(parts.query).items()}
            size, page = int(query["per_page"]), int(query["page"])
            wanted = [each for each in self.server.rooms if query.get("search", "") in each["name"]]
            part = wanted[(page - 1) * size : page * size]
            text = json.dumps({"rooms": part, "total": len(wanted), "page": page, "per_page": size})
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "7")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_DELETE = do_GET  # noqa: N815  names of the library

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(certificate: Path | None = None, key: Path | None = None) -> Iterator[Site]:
    with Site() as site:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            site.socket = context.wrap_socket(site.socket, server_side=True)
        thread = threading.Thread(target=site.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def live(site: Site, scheme: str = "http", certificate: Path | None = None) -> Live:
    return Live(f"{scheme}://127.0.0.1:{site.port}", TOKEN, "ann", certificate)


def room(name: str, **more: object) -> dict[str, Any]:
    return {"id": f"id-{name}", "name": name, "title": "", "type": "", "path": f"/{name}",
            "dialect": "spreed", "people": 1} | more  # fmt: skip


def test_questions_and_orders_carry_the_token_and_who_asks(site: Site) -> None:
    site.answers = {"/-/summary": (200, "{}"), "/-/x": (202, '{"id": 1}'), "/-/y": (204, "")}
    assert live(site).get("/-/summary", search="ü", dialect="", room=None) == {}
    assert live(site).post("/-/x", {"reason": "über"}) == {"id": 1}
    live(site).delete("/-/y")
    (get, headers, _), (post, _, body), (delete, *_) = site.asked
    assert (get, post, delete) == (
        "GET /-/summary?search=%C3%BC", "POST /-/x", "DELETE /-/y",
    )  # fmt: skip
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["X-Operator"] == "ann"
    assert json.loads(body) == {"reason": "über"}


@pytest.mark.parametrize(("most", "found", "pages"), [(0, 1200, 3), (700, 700, 2), (5, 5, 1)])
def test_a_long_list_is_asked_for_page_by_page(
    site: Site, most: int, found: int, pages: int
) -> None:
    site.answers = {"/-/rooms": (200, "pages")}
    site.rooms = [room(f"r{number}") for number in range(1200)]
    listed = live(site).get_list("/-/rooms", "rooms", most)
    assert [each["name"] for each in listed["rooms"]] == [f"r{n}" for n in range(found)]
    assert (listed["total"], len(site.asked)) == (1200, pages)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, "{}", "does not take this operator's token"),
        (429, "{}", "too many wrong tokens were tried: wait 7 s"),
        (404, '{"code": "unknown_room", "message": "There is no such room."}', "no such room."),
        (404, "<html>", "is no Quintet of this version"),
        (200, "<html>", "is no Quintet of this version"),
        (200, "[" * 100_000, "is no Quintet of this version"),
        (302, "", "is no Quintet of this version"),
    ],
)
def test_a_refusal_is_one_line(site: Site, status: int, body: str, words: str) -> None:
    site.answers = {"/-/summary": (status, body)}
    with pytest.raises(LiveError) as caught:
        live(site).get("/-/summary")
    assert words in str(caught.value)
    assert (caught.value.exit_code, "\n" in str(caught.value)) == (1, False)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "c.toml").write_text(
        f'[operator]\ntoken = "x"\n[[listeners]]\nbind = "0.0.0.0:{port}"\n'
    )
    assert command("status", "--config", str(tmp_path / "c.toml")) == Done(
        1,
        "",
        f"quintet: no server at http://127.0.0.1:{port}: Connection refused. Is it running?\n",
    )


def test_another_server_by_its_address_and_a_file_with_its_token(
    site: Site, tmp_path: Path
) -> None:
    site.answers = {"/below/-/rooms": (200, "pages")}
    (tmp_path / "token").write_text("of another\n")
    url = f"http://127.0.0.1:{site.port}/below/"
    done = command("rooms", "--url", url, "--token-file", str(tmp_path / "token"))
    assert (done.code, done.remarks) == (0, "")
    assert site.asked[0][1]["Authorization"] == "Bearer of another"
    done = command("rooms", "--url", url, "--token-file", str(tmp_path / "no"))
    assert (done.code, done.answer) == (1, "")
    assert "cannot read" in done.remarks


def test_a_server_of_another_version_is_one_line(site: Site, tmp_path: Path) -> None:
    site.answers = {"/-/summary": (200, '{"state": "ready"}')}
    (tmp_path / "token").write_text("x")
    done = command(
        "status", "--url", f"http://127.0.0.1:{site.port}", "--token-file", str(tmp_path / "token")
    )
    assert (done.code, done.answer) == (1, "")
    assert done.remarks.startswith("quintet: the server answers otherwise than this version does")
    assert done.remarks.count("\n") == 1


def test_events_of_the_log_and_those_that_were_left_out(site: Site, tmp_path: Path) -> None:
    entry = '{"time":"2026-11-21T10:00:00.000000Z","level":"info","event":"room.created"}'
    site.answers = {
        "/-/log/live": (200, f": here\n\ndata: {entry}\n\nevent: dropped\ndata: 3\n\n: here\n\n")
    }
    (tmp_path / "token").write_text("x")
    done = command(
        "logs", "-f", "--level", "info", "--url", f"http://127.0.0.1:{site.port}",
        "--token-file", str(tmp_path / "token"),
    )  # fmt: skip
    assert done.answer == "2026-11-21 10:00:00.000 info     room.created\n"
    assert done.remarks.splitlines() == [
        "quintet: entries were left out, for this reader was too slow: 3",
        "quintet: the server has ended its log",
    ]
    assert site.asked[0][0] == "GET /-/log/live?level=info"


def test_rooms_are_found_by_any_of_their_names_and_people_by_theirs(site: Site) -> None:
    site.answers = {
        "/-/rooms": (200, "pages"),
        "/-/rooms/id-x": (200, '{"id": "id-x"}'),
        "/-/people": (200, '{"people": [], "total": 0}'),
    }
    site.rooms = [room("tea", type="Room", title="Tea time"), room("teapot"), room("a:tea")]
    for name in ("tea", "Room:tea"):
        assert find_room(live(site), name)["id"] == "id-tea"
    assert find_room(live(site), "id-x") == {"id": "id-x"}
    for name in ("te", "x" * 5000, "no/../such", "\udcff"):
        with pytest.raises(LiveError, match="no room is called"):
            find_room(live(site), name)
        with pytest.raises(LiveError, match="nobody here has"):
            find_person(live(site), name)
    site.rooms.append(room("tea", id="id-other", dialect="owt"))
    with pytest.raises(LiveError, match="2 rooms are called 'tea'") as caught:
        find_room(live(site), "tea")
    assert caught.value.exit_code == 2
    assert "id-other" in str(caught.value)


def test_no_name_at_all_means_nobody_and_only_the_room_without_one(site: Site) -> None:
    ann = {"id": "id-1", "name": "Ann", "user": "", "peer": "ann"}
    site.answers = {
        "/-/rooms": (200, "pages"),
        "/-/rooms/": (200, '{"rooms": [], "total": 0}'),
        "/-/people": (200, json.dumps({"people": [ann], "total": 1})),
        "/-/people/": (200, json.dumps({"people": [ann], "total": 1})),
    }
    site.rooms = [room("tea", type="Room")]
    with pytest.raises(NoSuchRoom):
        find_room(live(site), "")
    with pytest.raises(LiveError, match="nobody here has"):
        find_person(live(site), "")
    site.rooms.append(room("", type="Room", id="id-default"))  # that of Spreed
    assert find_room(live(site), "")["id"] == "id-default"


def test_of_several_people_with_one_peer_id_none_is_taken(site: Site) -> None:
    pat = {"name": "Pat", "room_name": "", "room_title": "", "peer": "pat"}
    people = [pat | {"id": "id-1", "dialect": "peerjs"}, pat | {"id": "id-2", "dialect": "skyway"}]
    site.answers = {
        "/-/people": (200, json.dumps({"people": people, "total": 2})),
        "/-/people/pat": (200, json.dumps(pat | {"id": "id-3", "dialect": "owt"})),
    }
    with pytest.raises(LiveError, match="3 people are called 'pat'; say which one") as caught:
        find_person(live(site), "pat")
    assert caught.value.exit_code == 2
    assert "id-2" in str(caught.value)
    site.answers["/-/people"] = (200, '{"people": [], "total": 0}')
    assert find_person(live(site), "pat")["id"] == "id-3"


def test_only_the_configured_certificate_is_told_the_token(tmp_path: Path) -> None:
    for name in ("one", "two"):
        line = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name}"
        files = ["-keyout", f"{tmp_path}/{name}.key", "-out", f"{tmp_path}/{name}.pem"]
        subprocess.run(["openssl", *line.split(), *files], check=True, capture_output=True)
    one, two = tmp_path / "one.pem", tmp_path / "two.pem"
    with serving(one, tmp_path / "one.key") as site:
        site.answers = {"/-/summary": (200, '{"state": "ready"}')}
        assert live(site, "https", one).get("/-/summary") == {"state": "ready"}
        with pytest.raises(LiveError, match=r"another certificate than .*two\.pem: reload"):
            live(site, "https", two).get("/-/summary")
        with pytest.raises(LiveError, match="self-signed certificate"):
            live(site, "https").get("/-/summary")
        with pytest.raises(LiveError, match="holds no certificate"):
            live(site, "https", tmp_path / "one.key").get("/-/summary")
        assert len(site.asked) == 1
    with serving() as plain, pytest.raises(LiveError, match="does not speak TLS"):
        live(plain, "https", one).get("/-/summary")
