"""The console with names that strangers choose: of all scripts, long, and made of markup."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from tests.support.at_console import CONFIG, AtConsole, at_console
from tests.support.axe import serious_findings
from tests.support.guest import Guest
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

ARABIC = "غرفة الاجتماعات الكبيرة جدا في المبنى القديم"
JAPANESE = "とても長い名前の会議室です"
FAMILY = "👨‍👩‍👧‍👦 Family"
LONG = "a-very-long-name-" * 11 + "of-200-chars."
MARKUP = "<img src=x onerror=alert(1)>"
FORMULA = "=HYPERLINK(1)"
NAMES = (ARABIC, JAPANESE, FAMILY, LONG, MARKUP, FORMULA)
HIDDEN = """
[...document.querySelectorAll("dialog[open] button")].filter((button) => {
  const { top, bottom } = button.getBoundingClientRect();
  return top < 0 || bottom > innerHeight;
}).map((button) => button.textContent)
"""
SIZES = ((1280, 800), (640, 360), (360, 640), (320, 256))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with a room of each name, in which somebody is who is called so, too."""
    with (
        ServerProcess(tmp_path_factory.mktemp("names"), config=CONFIG) as server,
        ExitStack() as stack,
    ):
        for name in NAMES:
            stack.enter_context(Guest(server.url)).join(name, name)
        yield server


@pytest.fixture
def console(browser: Browser, server: ServerProcess) -> Iterator[AtConsole]:
    with at_console(browser, server.url, reduced_motion="reduce") as console:
        assert serious_findings(console.page) == []
        console.page.emulate_media(color_scheme="dark")
        assert serious_findings(console.page) == []
        console.picture("console-login-dark")
        console.enters()
        yield console


def looks_good(console: AtConsole, name: str) -> None:
    """Check a view at all sizes, light and dark, and keep pictures of it."""
    page = console.page
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert console.fits(), (width, name)
            assert page.evaluate(HIDDEN) == [], (width, name)
            console.picture(f"console-{name}-{width}-{scheme}")
            if width in (1280, 360):
                assert serious_findings(page) == [], (width, scheme)
    page.set_viewport_size({"width": 1280, "height": 800})


def test_names_of_all_scripts_are_shown_as_they_are_at_every_size(console: AtConsole) -> None:
    page = console.page
    for name in NAMES:
        cell = console.row("Rooms", name).get_by_role("link")
        expect(cell).to_have_text(name)
        box = cell.bounding_box()
        assert box is not None
        assert box["width"] < 400
    looks_good(console, "rooms")
    console.row("Rooms", LONG).get_by_role("link").click()
    expect(page.locator("#heading")).to_have_text(LONG)
    expect(console.row("People", LONG)).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("open to all")
    looks_good(console, "room")
    console.row("People", LONG).get_by_role("link").click()
    expect(page.locator(".facts")).to_contain_text("not known yet")
    looks_good(console, "person")
    console.opens("Actors")
    console.finds("Path or kind", "room")
    for name in NAMES:
        expect(page.get_by_role("cell").or_(page.get_by_role("rowheader"))
               .filter(has_text=f"/spreed:Room:{name.lower()}")).to_be_visible()  # fmt: skip
    looks_good(console, "actors")
    page.get_by_role("button", name=f"Stop /conferencing/rooms/spreed:Room:{ARABIC}").click()
    looks_good(console, "dialog")
    console.keys.press("Escape")
    console.opens("Log")
    looks_good(console, "log")


def test_tables_are_searched_sorted_and_saved(console: AtConsole) -> None:
    page, keys = console.page, console.keys
    rooms = page.get_by_role("table", name="Rooms")
    expect(rooms.get_by_role("row")).to_have_count(1 + len(NAMES))
    keys.reach("Room")
    keys.press("Enter")
    names = rooms.get_by_role("link")
    expect(names).to_have_text(sorted(NAMES, key=str.casefold))
    expect(rooms.locator("[aria-sort]")).to_have_text("Room")
    expect(rooms.locator("[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    keys.press("Enter")
    expect(names).to_have_text(sorted(NAMES, key=str.casefold, reverse=True))
    expect(rooms.locator("[aria-sort]")).to_have_attribute("aria-sort", "descending")
    keys.reach("Search", key="Shift+Tab")
    keys.types("FAMILY")
    expect(names).to_have_text([FAMILY])

    (room,) = console.saves_json("Rooms as JSON")
    assert (room["title"], room["people"], room["dialect"]) == (FAMILY, 1, "spreed")
    console.finds("Search", "hyperlink")
    expect(names).to_have_text([FORMULA])
    head, line = csv.reader(console.saves("Rooms as CSV").splitlines())
    assert dict(zip(head, line, strict=True))["title"] == f"'{FORMULA}"

    console.opens("People")
    console.finds("Search", LONG[:20])
    people = page.get_by_role("table", name="People")
    expect(people.get_by_role("row")).to_have_count(2)
    (person,) = console.saves_json("People as JSON")
    assert (person["name"], person["room_name"]) == (LONG, LONG)
    console.finds("Search", "")
    console.finds("Id", person["peer"])
    expect(people.get_by_role("row")).to_have_count(2)


CELLS = {
    "plain": '"plain"',
    'a "quoted", word': '"a ""quoted"", word"',
    "=1+1": '"\'=1+1"',
    "+1": '"\'+1"',
    "-1": '"\'-1"',
    "@SUM(A1)": '"\'@SUM(A1)"',
    "\t=1": '"\'\t=1"',
    " =1": '"\' =1"',
    "＝1": '"\'＝1"',
    "\r=1": '"\'\r=1"',
    "a;=1": '"a;\'=1"',
    'a;"=1': '"a;\'""=1"',
    "a; b=1": '"a; b=1"',
    "a\n\t@b": '"a\n\'\t@b"',
}


def test_no_cell_of_a_saved_table_is_a_formula(console: AtConsole) -> None:
    script = """async (texts) => {
        const { csv } = await import("/static/quintet/console/export.js");
        return texts.map((text) => csv(["text", "number"], [[text, -1]]));
    }"""
    for written, wanted in zip(
        console.page.evaluate(script, list(CELLS)), CELLS.values(), strict=True
    ):
        assert written == f'\ufeff"text","number"\r\n{wanted},-1\r\n'
