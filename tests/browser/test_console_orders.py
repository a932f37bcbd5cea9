"""What an operator orders at the console, by keyboard alone, and how people meet it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from websockets.exceptions import ConnectionClosed

from tests.support.at_console import CONFIG, AtConsole, at_console
from tests.support.axe import serious_findings
from tests.support.guest import Guest
from tests.support.owt_page import CONFIG as OWT
from tests.support.owt_page import Application, Tab
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

ROOM_NAME = "Name of the room"
NAME = "Your name, for the log (optional)"
REASON = "Reason, shown to people"
SECONDS = "Seconds until the name may be used again; empty: as configured"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("orders"), config=CONFIG + OWT) as server:
        yield server


@pytest.fixture
def console(browser: Browser, server: ServerProcess) -> Iterator[AtConsole]:
    with at_console(browser, server.url, accept_downloads=True) as console:
        console.enters()
        yield console


def test_a_room_is_closed_with_a_reason_and_its_name_opened_again(
    console: AtConsole, server: ServerProcess
) -> None:
    page, keys = console.page, console.keys
    with Guest(server.url) as ann, Guest(server.url) as late:
        ann.join("Überraschung", "Ann")
        expect(console.row("Rooms", "Überraschung")).to_be_visible()
        keys.activate("Close Überraschung")
        expect(page.get_by_role("dialog", name="Close this room?")).to_contain_text("Überraschung")
        assert keys.on == REASON
        assert set(keys.reaches_every_control()) == {
            REASON, SECONDS, NAME, "Cancel", "Close the room",
        }  # fmt: skip
        keys.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.get_by_role("button", name="Close Überraschung")).to_be_focused()
        keys.press("Enter")
        console.confirms(
            (REASON, "The building <b>closes</b>."), (SECONDS, "600"), (NAME, "Olga Ω"),
            yes="Close the room",
        )  # fmt: skip
        expect(page.locator("#told")).to_have_text("Closed: Überraschung")
        told = ann.next("Closed")["Data"]["Closed"]
        assert (told["Kind"], told["Reason"]) == ("room", "The building <b>closes</b>.")
        closed = server.wait_for("room.closed_by_operator", within=30)
        assert closed["by"] == "Olga Ω"

        late.send("Hello", {"Version": "1", "Ua": "", "Name": "Überraschung", "Type": ""})
        assert late.next("Error")["Data"]["Code"] == "room_closed"
        names = page.get_by_role("table", name="Closed names")
        expect(names).to_contain_text("The building <b>closes</b>.")
        expect(names).to_contain_text("Olga Ω")
        assert keys.on != ""  # the row that had the focus is gone; it is somewhere
        keys.activate("Open again: überraschung")
        console.confirms(yes="Open it")
        expect(names).to_be_hidden()
        expect(page.locator("#heading")).to_be_focused()
        assert server.wait_for("room.opened_again", within=30)["by"] == "Olga Ω"
        late.join("Überraschung", "Late")
        expect(console.row("Rooms", "Überraschung")).to_be_visible()


def test_a_name_that_nobody_has_taken_is_closed(console: AtConsole, server: ServerProcess) -> None:
    page, keys = console.page, console.keys
    dialog = page.get_by_role("dialog", name="Close a name?")
    keys.activate("Close a name")
    expect(dialog).to_be_visible()
    assert keys.on == ROOM_NAME
    assert set(keys.reaches_every_control()) == {
        ROOM_NAME, "Dialect of the room", REASON, SECONDS, NAME, "Cancel", "Close the name",
    }  # fmt: skip
    assert serious_findings(page) == []
    keys.reach("Close the name")
    keys.press("Enter")
    expect(dialog).to_be_visible()  # without a name there is nothing to close
    keys.press("Escape")
    expect(page.get_by_role("button", name="Close a name")).to_be_focused()
    keys.press("Enter")
    keys.types("Kaffee <b>& Tee</b>")
    console.confirms((REASON, "Later."), (NAME, "Olga"), yes="Close the name")
    expect(page.locator("#told")).to_have_text("Closed: Kaffee <b>& Tee</b>")
    names = page.get_by_role("table", name="Closed names")
    expect(names).to_contain_text("kaffee <b>& tee</b>")
    with Guest(server.url) as guest:
        guest.send("Hello", {"Version": "1", "Ua": "", "Name": "Kaffee <b>& Tee</b>", "Type": ""})
        assert guest.next("Error")["Data"]["Reason"] == "Later."
        keys.activate("Open again: kaffee <b>& tee</b>")
        console.confirms(yes="Open it")
        expect(names).to_be_hidden()
        guest.join("Kaffee <b>& Tee</b>", "Ann")
    keys.activate("Close a name")
    keys.types("Soon")
    keys.press("Enter")
    expect(page.locator("#told")).to_have_text("Closed: Soon")
    expect(names).to_contain_text("soon")
    keys.activate("Open again: soon")
    keys.reach("Cancel")
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(names).to_contain_text("soon")  # it was thought better of


def test_a_person_is_found_and_put_out(console: AtConsole, server: ServerProcess) -> None:
    page, keys = console.page, console.keys
    with Guest(server.url) as ann, Guest(server.url) as bob:
        ann.join("tea", "Ann")
        bob.join("tea", "Bob")
        expect(console.row("Rooms", "tea")).to_contain_text("2")
        keys.reach("tea")
        keys.press("Enter")
        expect(page.locator("#heading")).to_have_text("tea")
        expect(console.row("People", "Bob")).to_be_visible()
        keys.reach("Bob")
        keys.press("Enter")
        expect(page.locator("#heading")).to_have_text("Bob")
        expect(page.locator(".facts")).to_contain_text(bob.id)
        keys.activate("Put out")
        console.confirms((REASON, "Enough."), (NAME, "Olga"), yes="Put out")
        assert bob.next("Closed")["Data"]["Closed"]["Reason"] == "Enough."
        with pytest.raises(ConnectionClosed):
            bob.next("nothing more")
        expect(page.locator("#gone")).to_be_visible()
        out = server.wait_for("peer.put_out", within=30)
        assert (out["peer"], out["by"]) == (bob.id, "Olga")
        keys.reach("tea")
        keys.press("Enter")
        expect(page.get_by_role("table", name="People").get_by_role("link")).to_have_text(["Ann"])


def test_a_stream_is_muted_and_a_recording_saved_and_deleted(
    console: AtConsole, server: ServerProcess, browser: Browser, site: str
) -> None:
    page, keys = console.page, console.keys
    application = Application(server)
    with browser.new_context() as context:
        ann = Tab(context.new_page(), application, "Ann", site)
        stream = ann.publish()
        recording, file = application.record(stream, "mkv")
        console.row("Rooms", "browsers (" + application.room + ")").get_by_role("link").click()
        streams = page.get_by_role("table", name="Streams")
        expect(streams).to_contain_text("kbit/s")
        expect(streams).to_contain_text("vp8")
        mute = page.get_by_role("button", name=re.compile("^Mute audio of Ann"))
        keys.activate(mute.get_attribute("aria-label") or "")
        console.confirms((NAME, "Olga"), yes="Mute")
        expect(streams).to_contain_text("audio, muted")
        assert server.wait_for("stream.muted", within=30)["by"] == "Olga"
        unmute = page.get_by_role("button", name=re.compile("^Unmute audio of Ann"))
        expect(unmute).to_be_focused()
        keys.press("Enter")
        console.confirms(yes="Unmute")
        expect(mute).to_be_focused()

        console.opens("Recordings")
        row = console.row("Recordings", recording)
        expect(row).to_contain_text("recording")
        expect(row.get_by_role("button")).to_have_count(0)
        application.ask("DELETE", f"/v1/rooms/{application.room}/recordings/{recording}")
        expect(row.get_by_role("button")).to_have_text(["Download", "Delete"])
        keys.reach(f"Download {recording}")
        with page.expect_download() as download:
            keys.press("Enter")
        assert download.value.path().read_bytes() == file.read_bytes() != b""
        keys.activate(f"Delete {recording}")
        console.confirms((NAME, "Olga"), yes="Delete it")
        expect(row).to_have_count(0)
        assert not file.exists()
        assert server.wait_for("recording.deleted", within=30)["by"] == "Olga"
