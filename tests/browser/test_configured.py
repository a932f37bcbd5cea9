"""The page follows what the operator has configured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

StartServer = Callable[..., ServerProcess]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[limits]\npeers_per_room = 1", "The room is full."),
        ("[limits]\nrooms = 1", "no space for another room"),
        (
            "[spreed]\nauthorize_room_creation = true\npublic_rooms = '^taken$'\n"
            "[spreed.users]\nenabled = true",
            "people with an account",
        ),
    ],
)
def test_a_refused_join_is_explained(
    own_server: StartServer, newcomer: Newcomer, config: str, words: str
) -> None:
    server = own_server(config=config)
    ada, clara = newcomer("Ada", url=server.url), newcomer("Clara", url=server.url)
    ada.join("taken")
    clara.open("taken" if "peers" in config else "another")
    clara.press("Join")
    expect(clara.page.get_by_role("alert")).to_contain_text(words)
    expect(clara.page.get_by_role("button", name="Join", exact=True)).to_be_enabled()


def test_the_page_works_below_a_path(own_server: StartServer, newcomer: Newcomer) -> None:
    url = own_server(config='[spreed]\nbase_path = "/meet/"').url + "meet/"
    ada, clara = newcomer("Ada", url=url), newcomer("Clara", url=url)
    ada.open("")
    ada.press("Make a new room")
    expect(ada.page.get_by_text("You are about to enter")).to_be_visible()
    room = ada.page.url.removeprefix(url)
    ada.enter_name()
    ada.press("Join")
    clara.join(room)
    ada.sees_moving("Clara")


def test_a_conference_room_is_a_room_like_any_other(
    own_server: StartServer, newcomer: Newcomer
) -> None:
    url = own_server(config='[spreed]\nconference_rooms = ["^board"]').url
    ada, clara = newcomer("Ada", url=url), newcomer("Clara", url=url)
    ada.join("board")
    clara.join("board")
    ada.sees_moving("Clara")
    clara.sees_moving("Ada")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(clara.page.locator("#locked")).to_be_visible()


def test_calls_use_the_stun_and_turn_servers_of_the_server(
    own_server: StartServer, newcomer: Newcomer
) -> None:
    config = """
[ice]
servers = [{ urls = ["stun:127.0.0.1:9"] }]
turn_urls = ["turn:127.0.0.1:9?transport=tcp"]
turn_secret = "a secret between two servers"
"""
    url = own_server(config=config).url
    ada, clara = newcomer("Ada", url=url), newcomer("Clara", url=url)
    ada.join("relayed")
    clara.join("relayed")
    ada.sees_moving("Clara")
    servers = ada.page.evaluate("made.connections.at(-1).getConfiguration().iceServers")
    assert servers[0]["urls"] == ["stun:127.0.0.1:9"]
    assert servers[1]["urls"] == ["turn:127.0.0.1:9?transport=tcp"]
    assert servers[1]["username"]
    assert servers[1]["credential"]


def test_a_server_with_access_tokens_asks_for_one(
    own_server: StartServer, newcomer: Newcomer, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens.csv"
    tokens.write_text("opensesame:everybody\n")
    server = own_server(config=f'[spreed]\ntoken_file = "{tokens}"\nrequire_access_token = true')
    ada = newcomer("Ada", url=server.url)
    ada.open("cave")
    ada.enter_name()
    ada.press("Join")
    dialog = ada.page.get_by_role("dialog", name="This server asks for an access code")
    expect(dialog).to_be_visible()
    ada.answers("Access code", "wrong", "Continue")
    expect(dialog.get_by_role("alert")).to_have_text("That access code is not valid.")
    ada.answers("Access code", "opensesame", "Continue")
    expect(ada.page.locator("#call")).to_be_visible()
    # The refusals are the browser's to complain about, and were meant.
    ada.troubles = [line for line in ada.troubles if "403" not in line and "401" not in line]
