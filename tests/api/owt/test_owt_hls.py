"""Views watched by HLS: who may, what is served, and what is said otherwise.

A scripted actor stands in for the room; the test writes into the folder what a process would.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import structlog
import trio

from actors.core import Actor, ActorError, Message
from actors.words.conference_refusals import ViewUnknown
from actors.words.media_refusals import NoCapacity
from actors.words.orders import CloseRoom, WatchView
from actors.words.refusals import Busy
from api.hls import watching
from api.hls.errors import BUSY, HlsRefused
from api.hls.rooms import WatchableRooms
from api.hls.watching import WatchedViews
from api.owt.hls_rooms import READS, OwtHlsRooms
from api.owt.state import OwtState
from tests.support.owt import PATIENCE, OwtServer, owt_server, owt_settings

MEDIA = bytes(range(200))
PUBLIC = {"hls": {"public": True}}
HTML = "text/html; charset=utf-8"


def playlist(*names: str) -> str:
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
    return head + "".join(f"#EXTINF:2.0,\n{name}\n" for name in names)


class WatchedRoom(Actor[Message]):
    """Stands in for a room; `asked` are the views that it was asked for."""

    kind = "room"
    accepts = (WatchView, CloseRoom)

    def __init__(self, folder: Path, refusal: ActorError | None = None) -> None:
        self.folder = folder
        self.refusal = refusal
        self.asked: list[str] = []

    async def handle(self, message: Message) -> object:
        if isinstance(message, CloseRoom):
            self.ctx.stop(message.reason)
            return None
        assert isinstance(message, WatchView)
        self.asked.append(message.label)
        if self.refusal is not None:
            raise self.refusal
        return str(self.folder)

    def write(self, *names: str) -> None:
        """Write these segments, and a playlist that names them."""
        self.folder.mkdir(exist_ok=True)
        for name in names:
            (self.folder / name).write_bytes(MEDIA)
        (self.folder / "index.m3u8").write_text(playlist(*names))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    settings = owt_settings(streaming={"hls": True, "hls_bytes": 500})
    async with owt_server(tmp_path, settings=settings) as found:
        yield found


@pytest.fixture
def live(tmp_path: Path) -> WatchedRoom:
    return WatchedRoom(tmp_path / "hls")


@pytest.fixture
async def http(server: OwtServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE, verify=False) as client:
        yield client


async def made(server: OwtServer, live: WatchedRoom | None = None, **options: Any) -> str:
    """Make a room, and have somebody be in it; return its id."""
    room: str = (await server.manager().create_room(**options))["_id"]
    if live is not None:
        await server.live(room, live)
    return room


async def token(server: OwtServer, room: str, role: str = "viewer") -> str:
    body = {"user": "ann", "role": role}
    answer = await server.manager().ask("POST", f"/v1/rooms/{room}/tokens", body)
    assert answer.status_code == 200
    return answer.text


async def test_a_public_view_is_watched_by_anybody(
    server: OwtServer, live: WatchedRoom, http: httpx.AsyncClient
) -> None:
    room = await made(server, live, **PUBLIC)
    live.write("s0.ts", "s1.ts")
    page = await http.get(f"/hls/{room}/common/")
    assert (page.status_code, page.headers["content-type"]) == (200, HTML)
    assert f'<base href="/hls/{room}/common/">' in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert live.asked == []
    for name in ("watch.js", "watch.css", "hls.light.min.js", "hls.LICENSE", "favicon.svg"):
        assert (await http.get(f"/hls/assets/{name}")).status_code == 200
    assert (await http.get("/hls/assets/index.html")).status_code == 404

    listed = await http.get(f"/hls/{room}/common/index.m3u8")
    assert (listed.status_code, listed.text) == (200, playlist("s0.ts", "s1.ts"))
    assert listed.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert listed.headers["cache-control"] == "no-cache"
    assert listed.headers["access-control-allow-origin"] == "*"
    segment = await http.get(f"/hls/{room}/common/s1.ts")
    assert (segment.status_code, segment.content) == (200, MEDIA)
    assert segment.headers["content-type"] == "video/mp2t"
    assert segment.headers["cache-control"] == "private, max-age=10"
    assert "expires" not in segment.headers
    part = await http.get(f"/hls/{room}/common/s1.ts", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, MEDIA[10:20])
    for path in ("index.m3u8", "s1.ts", ""):
        head = await http.head(f"/hls/{room}/common/{path}")
        assert (head.status_code, head.content) == (200, b"")
    for _ in range(5):
        await http.get(f"/hls/{room}/common/index.m3u8")
    assert live.asked == ["common"]
    assert "set-cookie" not in page.headers


async def test_the_address_of_a_page_ends_with_a_slash_whatever_the_view_is_called(
    server: OwtServer, live: WatchedRoom, http: httpx.AsyncClient
) -> None:
    view = {"label": 'a/"b" & c.ts'}
    room = await made(server, live, views=[view], **PUBLIC)
    live.write("s0.ts")
    path = f"/hls/{room}/a%2F%22b%22%20%26%20c.ts"
    page = await http.get(f"{path}/")
    assert page.status_code == 200
    assert f'<base href="{path}/">' in page.text
    assert ">a/&quot;b&quot; &amp; c.ts</h1>" in page.text
    assert (await http.get(f"{path}/index.m3u8")).status_code == 200
    assert (await http.get(f"{path}/s0.ts")).status_code == 200
    assert live.asked == ['a/"b" & c.ts']

    room = await made(server, **PUBLIC)
    answer = await http.get(f"/hls/{room}/common")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/hls/{room}/common/")


async def test_a_token_is_exchanged_for_a_cookie_once(
    server: OwtServer, live: WatchedRoom, http: httpx.AsyncClient
) -> None:
    room = await made(server, live)
    live.write("s0.ts")
    for path in ("", "index.m3u8", "s0.ts"):
        refused = await http.get(f"/hls/{room}/common/{path}")
        assert refused.status_code == 401
        assert "token of this room" in refused.text
        assert "access-control-allow-origin" not in refused.headers
    given, path = {"token": await token(server, room)}, f"/hls/{room}/common/"
    assert (await http.head(path, params=given)).status_code == 401  # spares it
    answer = await http.get(path, params=given)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    cookie = SimpleCookie(answer.headers["set-cookie"])["quintet_hls"]
    assert cookie["path"] == f"/hls/{room}/"
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    assert cookie["max-age"] == "43200"
    for rest in ("", "index.m3u8", "s0.ts"):
        found = await http.get(f"{path}{rest}")
        assert found.status_code == 200
        assert "access-control-allow-origin" not in found.headers
        assert found.headers["cache-control"] == (
            "no-store" if rest != "s0.ts" else "private, max-age=10"
        )
    # Who has a cookie comes back with the same address.
    assert (await http.get(path, params=given)).status_code == 303
    http.cookies.clear()
    again = await http.get(path, params=given)
    assert again.status_code == 403
    assert "good once" in again.text

    direct = await http.get(f"{path}index.m3u8", params={"token": await token(server, room)})
    assert direct.headers["location"] == f"{path}index.m3u8"


async def test_a_cookie_is_for_one_room_and_ends_with_what_its_role_may(
    server: OwtServer, http: httpx.AsyncClient
) -> None:
    room, other = await made(server), await made(server)
    path = f"/hls/{room}/common/"
    answer = await http.get(path, params={"token": await token(server, room)})
    value = SimpleCookie(answer.headers["set-cookie"])["quintet_hls"].value
    theirs = {"Cookie": f"quintet_hls={value}"}
    assert (await http.get(path, headers=theirs)).status_code == 200
    assert (await http.get(f"/hls/{other}/common/", headers=theirs)).status_code == 401
    assert (
        await http.get(f"/hls/{other}/common/", params={"token": await token(server, room)})
    ).status_code == 403
    change = [{"op": "replace", "path": "/roles/1/subscribe/video", "value": False}]
    changed = await server.manager().ask("PATCH", f"/v1/rooms/{room}", change)
    assert changed.json()["roles"][1]["role"] == "viewer"
    assert (await http.get(path, headers=theirs)).status_code == 403
    await server.manager().ask("DELETE", f"/v1/rooms/{room}")
    assert (await http.get(path, headers=theirs)).status_code == 404


async def test_a_role_that_may_not_take_all_of_a_view_is_refused(
    server: OwtServer, http: httpx.AsyncClient
) -> None:
    views = [{"label": "common"}, {"label": "radio", "video": False}]
    room = await made(server, views=views)
    role = "audio_only_presenter"
    answer = await http.get(
        f"/hls/{room}/common/", params={"token": await token(server, room, role)}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    answer = await http.get(
        f"/hls/{room}/radio/", params={"token": await token(server, room, role)}
    )
    assert answer.status_code == 303


@pytest.mark.parametrize("bad", ["nonsense", "e30=", "x" * 5000])
async def test_a_forged_token_is_counted_and_told_nothing(
    server: OwtServer, http: httpx.AsyncClient, bad: str
) -> None:
    room = await made(server)
    with structlog.testing.capture_logs() as logs:
        answer = await http.get(f"/hls/{room}/common/index.m3u8", params={"token": bad})
    assert answer.status_code == 403
    assert bad not in answer.text
    assert bad not in str(logs)
    assert len(server.services.guard) == 1


async def test_whether_a_room_is_public_is_shown_and_changed(
    server: OwtServer, http: httpx.AsyncClient
) -> None:
    manager = server.manager()
    room = await manager.create_room()
    assert "hls" not in room
    path = f"/v1/rooms/{room['_id']}"
    page = f"/hls/{room['_id']}/common/"
    assert (await http.get(page)).status_code == 401
    answer = await manager.ask("PUT", path, PUBLIC)
    assert answer.json()["hls"] == {"public": True}
    assert (await manager.ask("GET", path)).json()["hls"] == {"public": True}
    assert (await http.get(page)).status_code == 200
    change = [{"op": "replace", "path": "/hls/public", "value": False}]
    assert (await manager.ask("PATCH", path, change)).json()["hls"] == {"public": False}
    assert (await http.get(page)).status_code == 401
    wrong = await manager.ask("PUT", path, {"hls": {"public": "perhaps"}})
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    "path", ["common/s9.ts", "common/..%2f..%2fx.ts", "other/", "other/index.m3u8", "", "common/x"]
)
async def test_what_there_is_not_is_not_found(
    server: OwtServer, live: WatchedRoom, http: httpx.AsyncClient, path: str
) -> None:
    room = await made(server, live, **PUBLIC)
    live.write("s0.ts")
    live.folder.with_name("x.ts").write_bytes(b"secret")
    await http.get(f"/hls/{room}/common/index.m3u8")
    assert (await http.get(f"/hls/{room}/{path}")).status_code == 404


async def test_a_stranger_does_not_hear_whether_there_is_a_room_or_a_view(
    server: OwtServer, http: httpx.AsyncClient
) -> None:
    room, none = await made(server), "0" * 24
    for path in ("common/index.m3u8", "other/index.m3u8", "other/s0.ts"):
        answers = {}
        for it in (room, none):
            for given in ("", "?token=guessed"):
                answer = await http.get(f"/hls/{it}/{path}{given}")
                answers[it, given] = answer.status_code, answer.text
        assert {answers[room, ""], answers[none, ""]} == {answers[room, ""]}
        assert answers[room, ""][0] == 401
        assert answers[room, "?token=guessed"] == answers[none, "?token=guessed"]
        assert answers[room, "?token=guessed"][0] == 403
    given = {"token": await token(server, room)}
    assert (await http.get(f"/hls/{room}/other/", params=given)).status_code == 404
    given = {"token": await token(server, room)}
    assert (await http.get(f"/hls/{room}/common/", params=given)).status_code == 303
    kept = {"token": await token(server, room)}  # spared by who has a cookie
    assert (await http.get(f"/hls/{room}/other/", params=kept)).status_code == 404
    http.cookies.clear()
    assert (await http.get(f"/hls/{room}/common/", params=kept)).status_code == 303


async def test_who_asks_for_many_rooms_leaves_the_store_to_others() -> None:
    class Store:
        at_once = most = reads = 0

        async def room(self, _: str) -> None:
            self.reads += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await trio.sleep(0.01)
            self.at_once -= 1

    store = Store()
    state = SimpleNamespace(clock=time.time, changes=0, ask_seconds=5.0, store=store)
    rooms = OwtHlsRooms(cast("OwtState", state))

    async def find(number: int) -> None:
        assert await rooms.find(f"{number:024x}") is None

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(find, number)
    assert (store.reads, store.most) == (100, READS)
    state.ask_seconds = 0.0
    with pytest.raises(HlsRefused) as refused:
        await rooms.find("0" * 24)
    assert refused.value.trouble is BUSY
    reads = store.reads
    assert await rooms.find("no-id") is None
    assert store.reads == reads


async def test_segments_are_served_while_their_view_is_watched(
    server: OwtServer, live: WatchedRoom, http: httpx.AsyncClient
) -> None:
    room = await made(server, live, **PUBLIC)
    live.write("s0.ts")
    assert (await http.get(f"/hls/{room}/common/s0.ts")).status_code == 404  # nobody watches yet
    assert (await http.get(f"/hls/{room}/common/index.m3u8")).status_code == 200
    assert (await http.get(f"/hls/{room}/common/s0.ts")).status_code == 200


@pytest.mark.parametrize(
    ("refusal", "status", "words"),
    [
        (NoCapacity("mix"), 503, "processing power"),
        (Busy("too much"), 503, "busy"),
        (ViewUnknown("common"), 404, "no such room or view"),
    ],
    ids=["no_capacity", "busy", "not_mixed"],
)
async def test_a_view_that_cannot_be_made_is_refused_in_a_sentence(
    server: OwtServer,
    live: WatchedRoom,
    http: httpx.AsyncClient,
    refusal: ActorError,
    status: int,
    words: str,
) -> None:
    live.refusal = refusal
    room = await made(server, live, **PUBLIC)
    answer = await http.get(f"/hls/{room}/common/index.m3u8")
    assert answer.status_code == status
    assert words in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_room_in_which_nobody_is_has_not_begun(
    server: OwtServer, http: httpx.AsyncClient
) -> None:
    room = await made(server, **PUBLIC)
    answer = await http.get(f"/hls/{room}/common/index.m3u8")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Nobody is in this room yet" in answer.text


async def test_viewers_wait_for_the_first_playlist_and_the_room_is_asked_once(
    server: OwtServer, live: WatchedRoom, http: httpx.AsyncClient
) -> None:
    room = await made(server, live, **PUBLIC)
    answers: list[int] = []

    async def watch() -> None:
        answers.append((await http.get(f"/hls/{room}/common/index.m3u8")).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(watch)
        with trio.fail_after(PATIENCE):
            while not live.asked:
                await trio.sleep(0.01)
        assert answers == []
        live.write("s0.ts")
    assert answers == [200] * 20
    assert live.asked == ["common"]


async def test_the_playlist_is_read_once_for_all_who_ask_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FIRST_SECONDS", 0.5)
    reads: list[Path] = []

    def read(folder: Path, _: int) -> tuple[str, bool]:
        reads.append(folder)
        raise FileNotFoundError

    monkeypatch.setattr(watching, "_read_bounded", read)

    class Rooms:
        async def watch(self, room: str, view: str) -> Path:
            return tmp_path / room / view

    views = WatchedViews(cast("WatchableRooms", Rooms()), lambda: 500)

    async def watch() -> None:
        with pytest.raises(HlsRefused):
            await views.playlist("room", "common")

    async with trio.open_nursery() as nursery:
        for _ in range(200):
            nursery.start_soon(watch)
    assert 0 < len(reads) < 12


async def test_who_has_waited_too_long_may_try_again(
    server: OwtServer, live: WatchedRoom, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FIRST_SECONDS", 0.3)
    room = await made(server, live, **PUBLIC)
    answer = await http.get(f"/hls/{room}/common/index.m3u8")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    live.write("s0.ts")
    (live.folder / "index.m3u8").write_text("/etc/passwd\n")
    assert (await http.get(f"/hls/{room}/common/index.m3u8")).status_code == 503


async def test_segments_beyond_the_bytes_of_a_view_are_gone_and_that_is_logged(
    server: OwtServer, live: WatchedRoom, http: httpx.AsyncClient
) -> None:
    room = await made(server, live, **PUBLIC)
    live.write("s0.ts", "s1.ts", "s2.ts", "s3.ts")  # of 200 bytes; 500 are allowed
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            listed = await http.get(f"/hls/{room}/common/index.m3u8")
            assert "#EXT-X-MEDIA-SEQUENCE:2" in listed.text
    assert [line["most"] for line in logs if line["event"] == "hls.shortened"] == [500]
    assert sorted(it.name for it in live.folder.glob("*.ts")) == ["s2.ts", "s3.ts"]
    assert (await http.get(f"/hls/{room}/common/s1.ts")).status_code == 404


async def test_where_it_is_off_nothing_is_served(tmp_path: Path) -> None:
    async with owt_server(tmp_path) as server:
        room = await made(server, **PUBLIC)
        for path in (f"/hls/{room}/common/", "/hls/assets/watch.js", "/hls"):
            async with httpx.AsyncClient(base_url=server.url, verify=False) as http:
                answer = await http.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (
                404,
                "text/plain; charset=utf-8",
            )
