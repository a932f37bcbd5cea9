"""The operator's console in a real browser: token, figures, views, the tree, and chat sites."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import NewChatter
from tests.support.at_console import CONFIG, AtConsole, at_console
from tests.support.chatter import CHAT
from tests.support.guest import Guest
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser


# A tab that has no token yet asks for the figures when it is given one, and not every five seconds.
ASKS_ONCE = """
if (!sessionStorage.getItem("quintet.operator.token")) window.setInterval = () => 0;
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests here; each takes rooms of its own."""
    with ServerProcess(tmp_path_factory.mktemp("a console's"), config=CONFIG) as server:
        yield server


@pytest.fixture
def console(browser: Browser, server: ServerProcess) -> Iterator[AtConsole]:
    with at_console(browser, server.url) as console:
        yield console


def test_a_wrong_token_is_told_and_the_right_one_shows_the_figures(
    console: AtConsole, server: ServerProcess
) -> None:
    page = console.page
    page.add_init_script(ASKS_ONCE)
    page.reload()
    command = f"quintet secrets --config {shlex.quote(str(server.config))} operator.token"
    expect(page.locator("#where code")).to_have_text(command)
    console.enters("wrong")
    expect(page.get_by_role("alert")).to_have_text("That is not the operator's token.")
    assert console.keys.reaches_every_control() == ["Show", "Operator token"]
    console.keys.reach("Operator token")
    console.enters()
    expect(page.get_by_role("status")).to_have_text("Ready")
    figures = page.get_by_label("Figures")
    expect(figures).to_contain_text("–CPU")  # not known before there was something to compare
    page.reload()
    expect(page.locator("#heading")).to_be_focused()
    expect(figures).not_to_contain_text("–CPU")
    processors = figures.locator(".figure").filter(has_text="CPU").locator("strong")
    assert 0 <= float(processors.inner_text().removesuffix(" %")) < 3200
    line = figures.get_by_role("img", name=re.compile("^People, last 30 minutes: from 0 to 0"))
    expect(line.locator("path")).to_have_attribute("d", re.compile("M.*L"))  # both visits
    console.keys.activate("Forget token")
    expect(page.get_by_label("Operator token")).to_be_focused()
    expect(page.get_by_label("Operator token")).to_have_value("")
    expect(figures).to_be_hidden()
    assert page.evaluate("sessionStorage.length") == 0


def test_every_view_is_reached_by_keys_and_goes_back(console: AtConsole) -> None:
    console.enters()
    page, keys, heading = console.page, console.keys, console.page.locator("#heading")
    views = ("People", "Recordings", "Log", "Actors", "Devices", "Rooms")
    for view in views:
        keys.activate(view)
        expect(heading).to_have_text(view)
        expect(heading).to_be_focused()
        expect(page).to_have_title(f"{view} · Quintet console")
        expect(page.locator("#views [aria-current]")).to_have_text(view)
        assert set(keys.reaches_every_control()) >= {"Forget token", *views}
    page.go_back()
    expect(heading).to_have_text("Devices")
    expect(page.locator("#view")).to_contain_text("No peer of the SkyWay gateway is here.")


def test_the_tree_is_read_level_by_level_and_an_actor_is_stopped_by_keys(
    console: AtConsole, server: ServerProcess
) -> None:
    console.enters()
    page, keys = console.page, console.keys
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with Guest(server.url) as guest:
        guest.join("a/b: c", "Ann")
        console.opens("Actors")
        expect(console.row("Actors", "/conferencing")).to_be_visible()
        expect(console.row("Actors", "/conferencing/rooms")).to_have_count(0)
        expect(page.locator("#view")).to_contain_text("MiB of memory")
        shows = page.get_by_role("button", name=re.compile("below .conferencing$"))
        keys.reach(shows.get_attribute("aria-label") or "")
        keys.press("Enter")
        expect(console.row("Actors", "/conferencing/rooms")).to_be_visible()
        expect(shows).to_be_focused()
        expect(shows).to_have_text("Hide")
        keys.press("Enter")
        expect(console.row("Actors", "/conferencing/rooms")).to_have_count(0)

        keys.reach("Path or kind")
        keys.types("/nowhere")
        expect(page.locator("#view")).to_contain_text("No actor of that path or kind lives.")
        keys.types("room")
        stop = page.get_by_role("button", name="Stop /conferencing/rooms/spreed:Room:a/b: c")
        expect(stop).to_have_count(1)
        name = stop.get_attribute("aria-label") or ""
        keys.activate(name)
        assert set(keys.reaches_every_control()) == {
            "Your name, for the log (optional)", "Keep it", "Stop it",
        }  # fmt: skip
        keys.activate("Keep it")
        expect(stop).to_be_focused()
        keys.press("Enter")
        console.confirms(("Your name, for the log (optional)", "Olga"), yes="Stop it")
        expect(page.locator("#told")).to_contain_text("Stopped: /conferencing/rooms/")
    assert server.wait_for("actor.stop_ordered", within=30)["by"] == "Olga"
    lookups = [url for url in asked if "/-/actors?" in url]
    assert lookups
    assert all("depth=1" in url or "kind=" in url for url in lookups)


def test_who_is_asked_again_at_once_is_not_answered_with_the_former_answer(
    console: AtConsole,
) -> None:
    script = """async () => {
        const { confirmed } = await import("/static/quintet/console/dialog.js");
        const dialog = document.getElementById("dialog");
        const order = { title: "?", about: "", text: "", yes: "Yes" };
        const ask = () => confirmed({ operator: "" }, order);
        const closed = new Promise((resolve) => {
            dialog.addEventListener("close", resolve, { once: true });
        });
        const first = ask();
        dialog.close("");
        const second = ask();
        await closed;  // which comes when the second is open
        dialog.close("yes");
        return [await first, await second];
    }"""
    assert console.page.evaluate(script) == [None, {}]


def test_people_webcams_and_bans_of_a_chat_are_shown(
    browser: Browser, chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    with_chat = CHAT.replace('["barertc"]', '["barertc", "operator"]', 1)
    server = own_server(config=f"{with_chat}\n{CONFIG}")
    olga, bert, cleo = (chatter(name, url=server.url) for name in ("Olga", "Bert", "Cleo"))
    olga.enters_with_token(op=True)
    bert.enters()
    cleo.enters()
    bert.starts_camera("My camera is explicit")
    olga.chooses("Cleo", "Operator: ban")
    olga.confirms("Ban")
    with at_console(browser, server.url) as console:
        console.enters()
        console.page.get_by_role("table", name="Rooms").get_by_role("link").click()
        site = console.page.get_by_label("Chat site", exact=True)
        expect(site.get_by_role("heading")).to_have_text(["People: 2", "Webcams: 1", "Bans: 1"])
        items = site.get_by_role("listitem")
        expect(items.nth(0)).to_have_text("Bert · guest")
        expect(items.nth(1)).to_have_text("Olga · operator")
        expect(items.nth(2)).to_have_text("Bert · explicit")
        expect(items.nth(3)).to_contain_text("Cleo · until ")
        console.picture("console-chat")
        bert.page.locator("#leave").click()
        expect(items.filter(has_text="Bert")).to_have_count(0)


def test_the_worst_connection_comes_first(console: AtConsole, server: ServerProcess) -> None:
    page = console.page
    measured = {"jitter": 0.004, "bitsIn": 900_000, "bitsOut": 1_200_000, "connections": 1}
    with ExitStack() as stack:
        ann, bob, cleo, dan, eve, fay = (stack.enter_context(Guest(server.url)) for _ in range(6))
        for guest, name, room in (
            (ann, "Ann", "ward well"),
            (bob, "Bob", "ward ill"),
            (cleo, "Cleo", "ward ill"),
        ):
            guest.join(room, name)

        def all_tell() -> None:
            """Tell how their connections do, which holds for half a minute."""
            for guest, loss, round_trip in ((ann, 0.0, 0.02), (bob, 0.2, 0.6), (cleo, 0.04, 0.1)):
                quality = {"loss": loss, "roundTrip": round_trip, **measured}
                guest.send("Quality", {"Type": "Quality", "Quality": quality})

        console.enters()
        console.finds("Search", "ward")  # rooms of other tests may still be there, empty
        all_tell()
        rooms = page.get_by_role("table", name="Rooms").get_by_role("link")
        expect(page.locator("#view .rated")).to_have_text(["bad", "good"])
        expect(rooms).to_have_text(["ward ill", "ward well"])
        dan.join(
            "ward quiet", "Dan"
        )  # of nobody there is anything known; the more people, the earlier
        for guest, name in ((eve, "Eve"), (fay, "Fay")):
            guest.join("ward talk", name)
        expect(rooms).to_have_text(["ward ill", "ward well", "ward talk", "ward quiet"])
        all_tell()
        console.opens("People")
        people = page.get_by_role("table", name="People").get_by_role("row")
        expect(people.nth(1)).to_contain_text("Bob")
        expect(people.nth(1)).to_contain_text("600 ms")
        expect(people.nth(2)).to_contain_text("Cleo")
        expect(people.nth(3)).to_contain_text("Ann")
        console.row("People", "Bob").get_by_role("link", name="Bob").click()
        all_tell()
        expect(page.locator(".facts")).to_contain_text("20 %")
        expect(page.locator(".facts")).to_contain_text("900 kbit/s in, 1.2 Mbit/s out")
