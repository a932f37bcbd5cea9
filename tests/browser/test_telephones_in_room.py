"""Two telephones and a browser in one room: each hears the others and not himself."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.baresip import telephone
from tests.support.called_rooms import CalledRoom, telephone_server
from tests.support.media_file import look_into
from tests.support.owt_mix_page import BLUE, GREEN, RED, MixTab
from tests.support.tones import hears

pytestmark = pytest.mark.browser


def test_two_telephones_and_a_browser_hear_each_other_and_are_recorded(
    browser: Browser, tmp_path: Path, site: str
) -> None:
    with (
        telephone_server(tmp_path) as server,
        telephone(tmp_path / "one", GREEN.hertz, video=True) as one,
        telephone(tmp_path / "two", BLUE.hertz, codec="G722/16000/1") as two,
    ):
        room = CalledRoom(server, "lobby")
        host, port = server.address()
        mix = f"{room.room}-common"
        for phone in (one, two):
            phone.dial(f"sip:lobby@{host}:{port}")
            phone.until("CALL_ESTABLISHED")
        room.until_calls(2)

        context = browser.new_context()
        tab = MixTab(context.new_page(), room, "Person", site)
        stream = tab.show(RED)
        path = f"/v1.1/rooms/{room.room}/streams/{stream}"
        room.ask("PATCH", path, [{"op": "add", "path": "/info/inViews", "value": "common"}])
        heard = tab.take({"from": mix}, {"from": mix})
        id_, file = room.record(mix, "mkv")

        tab.hears_only(heard, (GREEN, BLUE), (RED,))
        hears(one, RED.hertz, BLUE.hertz, not_=(GREEN.hertz,))
        hears(two, RED.hertz, GREEN.hertz, not_=(BLUE.hertz,))
        one.until_logged("receiving with resolution 640 x 480")
        streams = [it for it in room.below("streams") if it["info"].get("type") == "sip"]
        assert len(streams) == 2
        shown = next(it["id"] for it in streams if it["media"].get("video"))
        seen = tab.take(None, {"from": shown})
        tab.advances(seen, (320, 240))

        room.ask("DELETE", f"/v1/rooms/{room.room}/recordings/{id_}")
        found = look_into(file)
        assert set(found.packets) == {"opus", "vp8"}
        assert found.duration > 2
        context.close()
        one.hang_up()
        two.hang_up()
        room.until_calls(0)
