"""Direct messages that are kept: what is, who reads it over HTTP, and how it goes again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from sqlalchemy import make_url
from structlog.testing import capture_logs

from actors.core import Actor, Message
from actors.store.history import KeepMessage, KeptMessage, ListMessages
from actors.store.sql_store import SqlStore
from actors.store.upgrade import prepare
from api.barertc.kept_history import Settled, StoreHistory
from tests.fakes.memory_store import MemoryStore
from tests.support.barertc import (
    PATIENCE,
    BareServer,
    BareTester,
    barertc_server,
    barertc_settings,
)
from tests.support.stores import KINDS, fresh_place, need_postgresql, postgresql
from tests.support.tcp_proxy import Proxy, proxy_to
from tests.support.webhook_site import webhook_site

__all__ = ["postgresql"]

KEY = "the key of the back office"
NOTHING_KEPT = "you have no direct messages stored on this chat server"
AWAY = "the message history cannot be reached at the moment"


@asynccontextmanager
async def history_server(
    folder: Path,
    store: Callable[[], Actor[Message]] = MemoryStore,
    history: dict[str, Any] | None = None,
    **barertc: Any,
) -> AsyncIterator[BareServer]:
    settings = barertc_settings(
        barertc={
            "admin_api_key": KEY,
            "jwt": {"enabled": True, "strict": False},
            "history": {"enabled": True} | (history or {}),
        }
        | barertc
    )
    async with barertc_server(folder, "lane", settings, store=store) as server:
        yield server


@asynccontextmanager
async def server_on(kind: str, folder: Path, **more: Any) -> AsyncIterator[BareServer]:
    if kind == "memory":
        async with history_server(folder, **more) as server:
            yield server
        return
    with fresh_place(kind, folder) as place:
        prepare(place)
        async with history_server(folder, lambda: SqlStore(place), **more) as server:
            yield server


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BareServer]:
    if request.param == "postgresql":
        need_postgresql()
    async with server_on(request.param, tmp_path) as running:
        yield running


async def ask(server: BareServer, path: str, **body: object) -> httpx.Response:
    async with server.http() as http:
        return await http.post(f"/api/message/{path}", json=body)


async def settled(server: BareServer) -> None:
    """Wait until what was said is written."""
    keeper = server.system.registry.find("/barertc_history")
    assert keeper is not None
    await keeper.ask(Settled(), within=PATIENCE)


async def thread(server: BareServer, owner: str, other: str, before: int = 0) -> Any:
    """Return a page of a conversation as one of the two reads it."""
    await settled(server)
    answer = await ask(
        server, "history", JWTToken=server.token(owner), Username=other, BeforeID=before
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def texts(server: BareServer, owner: str, other: str) -> list[str]:
    return [each["message"] for each in (await thread(server, owner, other))["Messages"]]


async def write(sender: BareTester, text: str, to: str) -> int:
    """Write to one, and return the message's id once the server is through with it."""
    await sender.say(text, f"@{to}")
    shown = await sender.until("message", channel=f"@{to}", username=sender.name)
    await through(sender)
    return int(shown["msgID"])


async def through(sender: BareTester) -> None:
    """Wait until the server is through with all that somebody has sent."""
    await sender.send("mark")
    while not (await sender.told()).endswith("mark"):
        pass


async def test_a_conversation_is_read_page_by_page_by_both_sides(server: BareServer) -> None:
    async with (
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
        server.person("cid", claims={}) as cid,
    ):
        ids = [await write(ann, f"**{number}**", "bob") for number in range(22)]
        last = await write(bob, "and *you*?", "ann")
        await write(cid, "secret", "bob")
        for owner, other in (("ann", "bob"), ("bob", "ann")):
            page = await thread(server, owner, other)
            assert page["OK"] is True
            assert page["Remaining"] == 3
            first = page["Messages"][0]
            assert {"username": "bob", "message": "<p>and <em>you</em>?</p>", "msgID": last} == {
                key: first[key] for key in ("username", "message", "msgID")
            }
            assert first["timestamp"].endswith("Z")
            assert [each["msgID"] for each in page["Messages"]] == [last, *ids[:2:-1]]
            rest = await thread(server, owner, other, before=ids[3])
            assert [each["msgID"] for each in rest["Messages"]] == ids[2::-1]
            assert rest["Remaining"] == 0
        assert await texts(server, "ann", "cid") == []


async def test_partners_are_named_page_by_page(server: BareServer) -> None:
    others = [f"friend{number:02}" for number in range(11)]
    async with server.person("ann", claims={}):
        nobody = await ask(server, "usernames", JWTToken=server.token("ann"))
        assert (nobody.status_code, nobody.json()["Error"]) == (500, NOTHING_KEPT)
        for name in others:
            async with server.person(name, claims={}) as other:
                await write(other, "hi", "ann")
        await settled(server)
        for sort, page, names in (
            ("newest", 1, others[:1:-1]), ("newest", 2, others[1::-1]), ("oldest", 1, others[:9]),
            ("z-a", 2, others[1::-1]), ("a-z", 3, []),
        ):  # fmt: skip
            answer = await ask(
                server, "usernames", JWTToken=server.token("ann"), Sort=sort, Page=page
            )
            assert answer.json() == {"OK": True, "Usernames": names, "Count": 11, "Pages": 2}


async def test_a_name_finds_nobody_elses_messages(server: BareServer) -> None:
    """The original matches names by LIKE patterns: `%` read and erased everybody's messages."""
    async with (
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}),
        server.person("%", claims={}) as percent,
        server.person("b_b", claims={}) as under,
    ):
        await write(ann, "for bob", "bob")
        await write(percent, "from percent", "ann")
        await write(under, "from under", "ann")
        assert await texts(server, "ann", "%") == ["<p>from percent</p>"]
        assert await texts(server, "ann", "b_b") == ["<p>from under</p>"]
        assert await texts(server, "%", "bob") == []
        assert await texts(server, "%", "%") == []
        for name in ("%", "b_b"):
            erased = await ask(server, "clear", JWTToken=server.token(name))
            assert erased.json() == {"OK": True, "MessagesErased": 1}
        erased = await ask(server, "clear", APIKey=KEY, Username="%")
        assert erased.json() == {"OK": True, "MessagesErased": 0}
        assert await texts(server, "bob", "ann") == ["<p>for bob</p>"]


async def test_history_is_erased_by_a_person_or_by_the_back_office(server: BareServer) -> None:
    async with (
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
        server.person("cid", claims={}) as cid,
    ):
        await write(ann, "1", "bob")
        await write(bob, "2", "ann")
        await write(bob, "3", "cid")
        await write(cid, "4", "ann")
        erased = await ask(server, "clear", JWTToken=server.token("ann"))  # without waiting
        assert erased.json() == {"OK": True, "MessagesErased": 3}
        assert await texts(server, "bob", "ann") == []
        assert await texts(server, "cid", "bob") == ["<p>3</p>"]
        wrong = await ask(server, "clear", APIKey="no", Username="bob")
        assert wrong.status_code == 401
        erased = await ask(server, "clear", APIKey=KEY, Username="bob")
        assert erased.json() == {"OK": True, "MessagesErased": 1}
        assert await texts(server, "cid", "bob") == []


async def test_only_what_reached_somebody_between_proven_names_is_kept(tmp_path: Path) -> None:
    async with (
        history_server(tmp_path) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
        server.person("guest") as guest,
    ):
        await write(ann, "to a guest", "guest")
        await write(guest, "from a guest", "ann")
        await write(ann, "to myself", "ann")
        await write(ann, "to nobody", "nobody")
        await ann.say("to all")
        await bob.send("mute", username="ann")
        await bob.rest()
        await write(ann, "to who is deaf", "bob")
        await bob.send("unmute", username="ann")
        await bob.rest()
        await write(ann, "heard", "bob")
        await settled(server)
        for other in ("guest", "ann", "nobody", "lobby"):
            assert await texts(server, "ann", other) == [], other
        assert await texts(server, "ann", "bob") == ["<p>heard</p>"]
    # A guest of a name that a token proves reads nothing: the web API wants the token.
    async with history_server(tmp_path) as server, server.person("ann"):
        answer = await ask(server, "history", Username="bob")
        assert answer.status_code == 400


async def test_a_picture_is_not_kept(tmp_path: Path) -> None:
    gif = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    async with (
        history_server(tmp_path) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
    ):
        await ann.send("file", channel="@bob", message="x.gif", bytes=gif)
        assert "<img" in (await bob.until("message"))["message"]
        await write(ann, "text", "bob")
        assert await texts(server, "ann", "bob") == ["<p>text</p>"]


async def test_what_a_filter_makes_of_a_message_is_kept(tmp_path: Path) -> None:
    rules = [
        {"keywords": ["badword"], "censor": True, "forward": True},
        {"keywords": ["worse"], "forward": False},
    ]
    async with (
        history_server(tmp_path, filters=rules) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
    ):
        await write(ann, "a badword here", "bob")
        shown = (await bob.until("message"))["message"]
        assert "badword" not in shown
        await write(ann, "a worse one", "bob")
        assert await texts(server, "bob", "ann") == [shown]


async def test_what_is_taken_back_is_gone_from_history(tmp_path: Path) -> None:
    async with history_server(tmp_path) as server, server.person("bob", claims={}) as bob:
        async with server.person("ann", claims={}) as ann:
            first, second = await write(ann, "1", "bob"), await write(ann, "2", "bob")
            await ann.send("takeback", msgID=first)
            await bob.until("takeback", msgID=first)
            await through(ann)
            assert await texts(server, "bob", "ann") == ["<p>2</p>"]
        # In another session it is history that knows whose it was.
        async with server.person("eve", claims={}) as eve, server.person("ann", claims={}) as ann:
            for who in (eve, bob):
                await who.send("takeback", msgID=second)
                assert await who.told() == "That is not your message to take back."
            await ann.send("takeback", msgID=second)
            await ann.until("takeback", msgID=second)
            await bob.until("takeback", msgID=second)
            assert [each for each in await eve.rest() if each["action"] == "takeback"] == []
            await through(ann)
            assert await texts(server, "bob", "ann") == []
            await ann.send("takeback", msgID=second)
            await ann.told()


async def test_a_message_of_before_a_restart_is_taken_back(tmp_path: Path) -> None:
    with fresh_place("sqlite", tmp_path) as place:
        prepare(place)
        async with (
            history_server(tmp_path, lambda: SqlStore(place)) as server,
            server.person("bob", claims={}),
            server.person("ann", claims={}) as ann,
        ):
            id_ = await write(ann, "1", "bob")
            await settled(server)
        async with (
            history_server(tmp_path, lambda: SqlStore(place)) as server,
            server.person("bob", claims={}) as bob,
            server.person("eve", claims={}) as eve,
        ):
            async with server.person("ann") as guest:  # who has the name, and proves nothing
                await guest.send("takeback", msgID=id_)
                assert await guest.told() == "That is not your message to take back."
            async with server.person("ann", claims={}) as ann:
                await ann.send("takeback", msgID=id_)
                await bob.until("takeback", msgID=id_)
                assert [each for each in await eve.rest() if each["action"] == "takeback"] == []
                await through(ann)
                assert await texts(server, "bob", "ann") == []


async def test_a_report_of_a_direct_message_has_the_thread_with_it(tmp_path: Path) -> None:
    async with (
        webhook_site() as site,
        history_server(tmp_path, webhooks=[{"name": "report", "url": site.url}]) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
    ):
        for number in range(32):
            await write(bob, f"*insult* {number} a < b", "ann")
        await settled(server)
        for channel in ("@bob", "lobby"):
            await ann.send(
                "report", channel=channel, username="bob", timestamp="now", reason="rude",
                message="the last", comment="my comment",
            )  # fmt: skip
            assert "success" in await ann.told()
        about_thread, about_lobby = (got["Report"]["Comment"] for got in site.got)
        assert about_lobby == "my comment"
        lines = about_thread.split("\n")
        assert lines[:2] == ["my comment", "The latest messages with @bob, oldest first:"]
        assert len(lines) == 32
        assert lines[2].endswith("@bob: insult 2 a < b")
        assert lines[-1].endswith("@bob: insult 31 a < b")


async def test_old_messages_go_at_the_start(tmp_path: Path) -> None:
    with fresh_place("sqlite", tmp_path) as place:
        prepare(place)
        async with (
            history_server(tmp_path, lambda: SqlStore(place)) as server,
            server.person("bob", claims={}),
            server.person("ann", claims={}) as ann,
        ):
            recent = await write(ann, "new", "bob")
            await settled(server)
            store = server.services.store()
            for id_ in range(3):
                old = KeptMessage(id_, "ann", "bob", "old", 1_000_000_000)
                await store.ask(KeepMessage("barertc", old, 100, 100), within=PATIENCE)
        with capture_logs() as lines:
            async with history_server(tmp_path, lambda: SqlStore(place)) as server:
                with trio.fail_after(PATIENCE):
                    while not any(line["event"] == "history.expired" for line in lines):
                        await trio.sleep(0.01)
                store = server.services.store()
                page = await store.ask(ListMessages("barertc", "ann", "bob", 0, 9), within=PATIENCE)
                assert [message.id for message in page.messages] == [recent]
        [line] = [line for line in lines if line["event"] == "history.expired"]
        assert line["messages"] == 3


async def test_too_large_a_message_is_shown_and_not_kept(tmp_path: Path) -> None:
    async with (
        history_server(tmp_path, history={"message_bytes": 100}) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
    ):
        with capture_logs() as lines:
            await write(ann, "x" * 200, "bob")
            assert "xxx" in (await bob.until("message"))["message"]
            await write(ann, "small", "bob")
            assert await texts(server, "ann", "bob") == ["<p>small</p>"]
        assert [line["event"] for line in lines if "unfit" in line["event"]] == [
            "history.message_unfit"
        ]
        assert "xxx" not in repr(lines)


# --- the database away


@asynccontextmanager
async def proxied_server(folder: Path, **more: Any) -> AsyncIterator[tuple[BareServer, Proxy]]:
    """Serve with a history on PostgreSQL, behind a proxy."""
    with fresh_place("postgresql", folder, answer_seconds=2.0) as place:
        prepare(place)
        url = make_url(place.url)
        async with proxy_to(url.host or "127.0.0.1", url.port or 5432) as proxy:
            behind = url.set(host="127.0.0.1", port=proxy.port)
            far = replace(place, url=behind.render_as_string(hide_password=False))
            async with history_server(folder, lambda: SqlStore(far), **more) as server:
                yield server, proxy


@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize("how", ["down", "silent"])
async def test_with_the_database_away_chat_goes_on(tmp_path: Path, how: str) -> None:
    async with (
        proxied_server(tmp_path) as (server, proxy),
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
    ):
        with capture_logs() as lines:
            first = await write(ann, "before", "bob")
            assert await texts(server, "ann", "bob") == ["<p>before</p>"]
            if how == "down":
                proxy.down()
            else:
                proxy.stall()
            began = trio.current_time()
            lost = [await write(ann, f"lost {number}", "bob") for number in range(3)]
            await bob.until("message", message="<p>lost 2</p>")
            assert trio.current_time() - began < 5.0  # not three times the seconds of the database
            for path in ("history", "usernames", "clear"):
                answer = await ask(server, path, JWTToken=server.token("ann"), Username="bob")
                assert (answer.status_code, answer.json()["Error"]) == (500, AWAY), path
            await ann.send("takeback", msgID=first)
            await bob.until("takeback", msgID=first)
            await ann.say("still here")
            await bob.until("message", message="<p>still here</p>")
            await settled(server)
        # Said once each; a busy machine may have been too slow for the first one already.
        said = [line["event"] for line in lines if "available" in line["event"]]
        said = [event for event in said if event.startswith("history.")]
        assert said[-1] == "history.unavailable"
        assert said[::2] == ["history.unavailable"] * len(said[::2])
        assert said[1::2] == ["history.available"] * len(said[1::2])
        assert "lost 0" not in repr(lines)
        if how == "down":
            await proxy.up()
        else:
            proxy.resume()
        with trio.fail_after(PATIENCE):
            while not (await ask_ok(server)):
                await trio.sleep(0.1)
        after = await write(ann, "after", "bob")
        page = await thread(server, "ann", "bob")
        ids = [each["msgID"] for each in page["Messages"]]
        assert ids[0] == after
        assert set(ids) <= {after, first, *lost}


async def ask_ok(server: BareServer) -> bool:
    answer = await ask(server, "history", JWTToken=server.token("ann"), Username="bob")
    return answer.status_code == 200


class Hanging(MemoryStore):
    """A store that answers nothing while it is told to."""

    hangs = False

    async def handle(self, message: Message) -> object:
        if Hanging.hangs:
            self.ctx.defer()
            return None
        return await super().handle(message)


async def test_what_waits_is_bounded_and_nothing_of_it_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hanging, "hangs", True)
    monkeypatch.setattr("api.barertc.kept_history.WRITE_SHARE", 12.0)  # nothing fails meanwhile
    limits = {"waiting": 4, "waiting_bytes": 2000}
    async with (
        history_server(tmp_path, Hanging, history=limits) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
    ):
        with capture_logs() as lines:
            for number in range(20):
                await write(ann, f"psst {number}", "bob")
            await bob.until("message", message="<p>psst 19</p>")
            await write(ann, "y" * 3000, "bob")
        full = [line for line in lines if line["event"] == "history.queue_full"]
        assert len(full) == 1
        assert full[0]["bytes"] < 2000
        assert "psst" not in repr(lines)
        Hanging.hangs = False


class OnSlowDisk(MemoryStore):
    """A store on a disk that takes a tenth of a second for each message."""

    async def handle(self, message: Message) -> object:
        if isinstance(message, KeepMessage):
            await trio.sleep(0.1)
        return await super().handle(message)


async def test_the_end_waits_for_what_a_slow_disk_has_still_to_take(tmp_path: Path) -> None:
    async with (
        history_server(tmp_path, OnSlowDisk) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}),
    ):
        for number in range(25):
            await ann.say(f"no {number}", "@bob")
        await through(ann)
        await server.services.lifecycle.drain(0.0, PATIENCE)
        page = await server.services.store().ask(
            ListMessages("barertc", "ann", "bob", 0, 50), within=PATIENCE
        )
        assert len(page.messages) == 25


async def test_a_message_taken_back_while_the_database_was_away_is_forgotten_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.barertc.kept_history.FORGET_AGAIN_SECONDS", 0.05)
    async with (
        history_server(tmp_path, Hanging) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}) as bob,
    ):
        id_ = await write(ann, "oops", "bob")
        assert await texts(server, "bob", "ann") == ["<p>oops</p>"]
        monkeypatch.setattr("api.barertc.kept_history.WRITE_SHARE", 0.02)  # not of what is kept
        monkeypatch.setattr(Hanging, "hangs", True)
        await ann.send("takeback", msgID=id_)
        await bob.until("takeback", msgID=id_)
        await trio.sleep(0.3)
        monkeypatch.setattr(Hanging, "hangs", False)
        with trio.fail_after(PATIENCE):
            while await texts(server, "bob", "ann"):
                await trio.sleep(0.02)


async def test_a_chat_keeps_nothing_by_itself(tmp_path: Path) -> None:
    async with (
        history_server(tmp_path, history={"enabled": False}) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}),
    ):
        await write(ann, "hi", "bob")
        assert server.system.registry.find("/barertc_history") is None
        page = await server.services.store().ask(
            ListMessages("barertc", "ann", "bob", 0, 9), within=PATIENCE
        )
        assert page.messages == ()


async def test_a_crash_of_the_keeper_loses_the_message_in_hand_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_once = StoreHistory.write
    histories = []

    async def write_but_the_first(self: StoreHistory, order: Any) -> Any:
        histories.append(self)
        if isinstance(order, KeepMessage) and order.message.html == "<p>one</p>":
            raise RuntimeError("a fault")
        return await write_once(self, order)

    monkeypatch.setattr(StoreHistory, "write", write_but_the_first)
    async with (
        history_server(tmp_path) as server,
        server.person("ann", claims={}) as ann,
        server.person("bob", claims={}),
    ):
        for text in ("one", "two", "three"):
            await write(ann, text, "bob")
        assert await texts(server, "ann", "bob") == ["<p>three</p>", "<p>two</p>"]
        assert histories[-1]._waiting_bytes == 0
