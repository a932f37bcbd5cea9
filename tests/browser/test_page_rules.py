"""The rules of the meeting page, asked in the browser that runs them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

FAMILY = "👨‍👩‍👧‍👦"
PERSIAN = "می‌خواهم"  # with a zero-width non-joiner
OVERRIDE = "\u202e"

LINES: list[tuple[Any, str]] = [
    ("  Ada \n Lovelace\t", "Ada Lovelace"),
    (f"{FAMILY} Family", f"{FAMILY} Family"),
    (PERSIAN, PERSIAN),
    (f"Ada{OVERRIDE} nimda\u2066", "Ada nimda"),
    ("\u200d\u200b", ""),
    ("", ""),
    (None, ""),
    (7, ""),
    (FAMILY * 10, FAMILY * 5),  # 11 units each, 60 in all
    ("x" * 61, "x" * 60),
    ("x" * 59 + "😀", "x" * 59),
    ("e" + "\u0301" * 90, "e" + "\u0301" * 59),
]

# The text, and what of it becomes a link.
LINKS: list[tuple[str, list[str]]] = [
    ("no address", []),
    ("see http://a.example/x, please", ["http://a.example/x"]),
    ("(https://a.example/x_(y))", ["https://a.example/x_(y)"]),
    ("https://a.example/?q=[1]!?", ["https://a.example/?q=[1]"]),
    ("HTTPS://A.example and https://b.example。", ["HTTPS://A.example", "https://b.example"]),
    (f"https://a.example/{OVERRIDE}gpj.exe", ["https://a.example/"]),
    ("javascript:alert(1) data:text/html,x ftp://a.example file:///x", []),
    ("http:// https://[ http://.", []),
    ('https://a.example/"><img src=x>', ["https://a.example/"]),
    ("https://bank.example@b.example/ http://a:b@b.example", []),  # leads to b.example
    ("https://a.example/@ada?to=b@c.example", ["https://a.example/@ada?to=b@c.example"]),
    ("https://a.example/" + "x" * 2000, []),
    ("https://a.example/ " * 5_000, ["https://a.example/"] * 100),
    ("https://a.example/" + ")" * 1500, ["https://a.example/" + ")" * 1480]),
]

RATINGS = [
    (0, 0, "good"),
    (None, None, "good"),
    (0.03, 0.25, "good"),
    (0.031, 0, "fair"),
    (0, 0.251, "fair"),
    (0.1, 0.5, "fair"),
    (0.11, 0, "bad"),
    (None, 0.51, "bad"),
]


@pytest.fixture(scope="module")
def tab(browser: Browser, server: ServerProcess) -> Page:
    page = browser.new_page()
    page.goto(server.url)
    return page


def _ask(tab: Page, module: str, calls: str, argument: object) -> Any:
    url = f"/static/quintet/meeting/{module}.js"
    return tab.evaluate(f"async (all) => {{ const m = await import('{url}'); {calls} }}", argument)


def test_names_keep_what_makes_them_and_are_cut_between_characters(tab: Page) -> None:
    texts = [text for text, _ in LINES]
    cut = _ask(tab, "text", "return all.map((text) => m.line(text, 60))", texts)
    assert cut == [expected for _, expected in LINES]
    initials = _ask(tab, "text", "return all.map(m.initial)", [f"{FAMILY} Family", "éa", "ada", ""])
    assert initials == [FAMILY, "É", "A", ""]


def test_http_addresses_become_links_and_the_text_stays_as_it_is(tab: Page) -> None:
    found = _ask(
        tab,
        "text",
        """return all.map((text) => {
          const box = document.createElement("p");
          box.append(...m.withLinks(text));
          const links = [...box.querySelectorAll("*")];
          return [
            box.textContent === text,
            links.map((link) => link.textContent),
            links.every(({ rel, target, protocol }) => rel === "noopener noreferrer"
              && target === "_blank" && /^https?:$/.test(protocol)),
          ];
        })""",
        [text for text, _ in LINKS],
    )
    assert found == [[True, links, True] for _, links in LINKS]


def test_connections_are_rated_by_the_bounds_of_the_server(tab: Page) -> None:
    pairs = [{"loss": loss, "roundTrip": seconds} for loss, seconds, _ in RATINGS]
    assert _ask(tab, "quality", "return all.map(m.rate)", pairs) == [word for *_, word in RATINGS]
    words = _ask(
        tab,
        "quality",
        "return all.map(m.inWords)",
        [
            {"rating": "good", "loss": 0.0012, "roundTrip": 0.0345},
            {"rating": "bad", "loss": 0.25, "roundTrip": None},
            {"rating": "fair", "loss": None, "roundTrip": None},
        ],
    )
    assert words == [
        "Good connection: 0.1 % lost, 35 ms there and back",
        "Bad connection: 25 % lost",
        "Fair connection",
    ]


def test_a_single_bad_connection_of_many_is_not_ones_own(tab: Page) -> None:
    def look(round_trip: float | None, lost: int = 0) -> dict[str, float | None]:
        return {
            "lost": lost, "received": 100 - lost, "roundTrip": round_trip, "jitter": 0.002,
            "bitsIn": 1000, "bitsOut": None,
        }  # fmt: skip

    looks = [look(0.02), look(0.9, lost=40), look(0.03), look(None)]
    together = _ask(tab, "quality", "return m.summary(all)", looks)
    assert together == {
        "loss": 0.1, "roundTrip": 0.03, "jitter": 0.002, "bitsIn": 4000, "bitsOut": 0,
        "connections": 4,
    }  # fmt: skip
    assert _ask(tab, "quality", "return m.summary(all)", []) is None


def test_what_the_operator_has_ended_is_told_with_the_reason_and_until_when(tab: Page) -> None:
    def goodbye(kind: str, reason: object, seconds: int) -> list[str]:
        shown = _ask(
            tab,
            "goodbye",
            """const goodbye = new m.Goodbye("<b>tea</b>", () => {});
            goodbye.showClosed(all);
            return [...document.querySelectorAll("#goodbye :is(h1, p, button)")]
              .map((element) => element.textContent);""",
            {"kind": kind, "reason": reason, "seconds": seconds},
        )
        return list(shown)

    closed = goodbye("room", f"Repairs{OVERRIDE}\nuntil <noon>", 600)
    until = closed.pop(3)
    assert closed == [
        "This room was closed",
        "The operator of this server has ended the meeting in “<b>tea</b>”.",
        "Reason: Repairs until <noon>",
        "Back to the lobby",
    ]
    assert until.startswith("It can be entered again from ")
    assert goodbye("person", None, 0) == [
        "You were put out of the meeting",
        "The operator of this server has ended your stay in “<b>tea</b>”.",
        "",
        "",
        "Back to the lobby",
    ]
