"""Calls between networks that let no UDP through: told as that, and carried by a relay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserType, expect

from tests.browser.conftest import FAKE_DEVICES, FLAGS, Newcomer
from tests.support.coturn import asking, coturn
from tests.support.programs import need
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

SECRET = "between the two of us"
PATIENCE = 90_000  # milliseconds
CLARA = "Clara of the long name that goes on for two lines and more"
# Chromium then has no candidates of its own, as where a network lets nothing but TCP through.
NO_UDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"

PAIR = """
async () => {
  const reports = [...(await made.connections.at(-1).getStats()).values()];
  const { selectedCandidatePairId: id } = reports.find(({ type }) => type === "transport");
  const pair = reports.find((report) => report.id === id);
  const kind = (key) => reports.find((report) => report.id === pair[key]).candidateType;
  return [kind("localCandidateId"), kind("remoteCandidateId")];
}
"""


@pytest.fixture(scope="module")
def walled_browser(_chromium: BrowserType) -> Iterator[Browser]:
    flags = [*FLAGS, FAKE_DEVICES, NO_UDP]
    with _chromium.launch(executable_path=need("chromium"), args=flags) as browser:
        yield browser


def test_without_a_way_the_tile_says_so_and_why_and_the_server_is_told(
    newcomer: Newcomer, walled_browser: Browser
) -> None:
    ada, clara = (newcomer(name, within=walled_browser) for name in ("Ada", CLARA))
    told = ada.tells("CallFailed")
    ada.page.clock.install()
    ada.join("walls")
    clara.join("walls")
    tile = ada.tile(CLARA)
    expect(tile.locator(".note")).to_contain_text("Connecting…")
    ada.page.wait_for_function("() => made.connections.at(-1)?.remoteDescription")
    ada.page.clock.fast_forward(15_000)
    expect(tile).to_contain_text(f"No direct way to {CLARA} was found.")
    ada.page.set_viewport_size({"width": 320, "height": 256})
    tile.get_by_role("button", name="Why?").click()
    dialog = ada.page.get_by_role("dialog", name=f"Why is there no way to {CLARA}?")
    expect(dialog).to_contain_text("This server has none; who runs it can set one up.")
    expect(dialog.get_by_text("it was not reached")).to_be_hidden()
    dialog.get_by_role("button", name="Done").click()
    failed = ada.told_whole(told)
    assert told == [failed]
    assert failed.pop("To")
    assert failed.pop("Reason") == "no_route"
    for kinds in (failed.pop("Local"), failed.pop("Remote")):
        assert kinds in ([], ["host"])  # of TCP, at which browsers do not listen
    assert failed == {}
    again = "() => made.connections.length >= 3"
    ada.page.wait_for_function(again, timeout=PATIENCE)  # the other page takes its 15 s
    expect(tile).to_contain_text(f"No direct way to {CLARA} was found.")
    ada.says("We can still write.")
    clara.opens_chat()
    clara.sees_in_chat("We can still write.")


def test_a_relay_with_the_configuration_of_the_guide_carries_the_call(
    newcomer: Newcomer,
    walled_browser: Browser,
    own_server: Callable[..., ServerProcess],
    tmp_path: Path,
) -> None:
    with coturn(tmp_path, SECRET) as port, asking(port, SECRET) as trial:
        url = f"turn:127.0.0.1:{port}?transport=tcp"
        config = f'[ice]\nturn_urls = ["{url}"]\nturn_secret = "{SECRET}"\n'
        server = own_server(config=config)
        ada, clara = (
            newcomer(name, within=walled_browser, url=server.url) for name in ("Ada", "Clara")
        )
        ada.join("relayed")
        clara.join("relayed")
        ada.sees_moving("Clara")
        clara.sees_moving("Ada")
        assert ada.page.evaluate(PAIR) == ["relay", "relay"]
        figures, _ = trial.communicate(timeout=60)
        assert "Total lost packets 0 " in figures
        for person in (ada, clara):
            person.press("Leave")
