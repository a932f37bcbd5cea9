"""An operator at the console page: a tab, the keys, and what can be seen in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Locator, Page, Request, expect

from tests.support.keyboard import Keyboard
from tests.support.person import ARTIFACTS, PATIENCE, SILENT_HANDLERS, type_into

TOKEN = "a token for the test"
CONFIG = f'[operator]\ntoken = "{TOKEN}"\n'
# What was refused, or not answered, is an error line of the browser's own.
REFUSED = re.compile(r"Failed to load resource: (net::|.* status of (401|404|409|503) )")


class AtConsole:
    """One tab. `troubles` collects what the browser complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.keys = Keyboard(page)
        self.troubles: list[str] = []
        self._url = f"{url}-/"
        page.add_init_script(SILENT_HANDLERS)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda line: line.type == "error" and self.troubles.append(line.text))
        page.on("dialog", lambda dialog: self.troubles.append(f"a dialog: {dialog.message}"))
        page.goto(self._url)

    def enters(self, token: str = TOKEN) -> None:
        """Log in by keys; the cursor is in the field already."""
        expect(self.page.get_by_label("Operator token")).to_be_focused()
        self.keys.types(token)
        self.keys.press("Enter")
        if token == TOKEN:
            expect(self.page.locator("#heading")).to_be_focused()

    def opens(self, view: str) -> None:
        """Go to a view by its link, which has the focus on its heading."""
        self.page.get_by_label("Views").get_by_role("link", name=view, exact=True).click()
        expect(self.page.locator("#heading")).to_have_text(view)

    def goes(self, address: str) -> None:
        """Go where a bookmark leads."""
        self.page.goto(f"{self._url}{address}")

    def finds(self, label: str, text: str) -> None:
        """Type into a field of the view, in place of what is there."""
        type_into(self.page.locator("#view").get_by_label(label, exact=True), text)

    @contextmanager
    def following(self, name: str, text: str) -> Iterator[None]:
        """Have a filter of the log become that text in the block; then such lines are followed.

        The page follows anew whenever typing rests, and so perhaps by a part of the text at first.
        """

        def by_all_of_it(request: Request) -> bool:
            url = urlsplit(request.url)
            return url.path.endswith("/log/live") and (
                parse_qs(url.query).get(name, [""])[0] == text
            )

        with self.page.expect_request(by_all_of_it):
            yield
        expect(self.page.locator("#view")).to_contain_text("Following")

    def row(self, table: str, name: str) -> Locator:
        """Return the row of a table whose first cell has that title."""
        rows = self.page.get_by_role("table", name=table).get_by_role("row")
        return rows.filter(has=self.page.get_by_title(name, exact=True))

    def confirms(self, *fields: tuple[str, str], yes: str) -> None:
        """Fill in the open dialog and say yes, by keys alone."""
        for label, text in fields:
            if self.keys.on != label:
                self.keys.reach(label)
            self.keys.types(text)
        self.keys.activate(yes)
        expect(self.page.get_by_role("dialog")).to_be_hidden()

    def fits(self) -> bool:
        """Whether nothing is wider than the page."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        return wide

    def saves(self, button: str) -> str:
        """Press a button that saves a file; return what is in it."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=button, exact=True).click()
        return download.value.path().read_text("utf-8-sig")

    def saves_json(self, button: str) -> Any:
        return json.loads(self.saves(button))

    def picture(self, name: str) -> None:
        """Keep a screenshot among the artefacts."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")


@contextmanager
def at_console(browser: Browser, url: str, **options: Any) -> Iterator[AtConsole]:
    """Open the console in a context of its own; its browser must not complain."""
    options.setdefault("viewport", {"width": 1280, "height": 800})
    with browser.new_context(**options) as context:
        context.set_default_timeout(PATIENCE)
        console = AtConsole(context.new_page(), url)
        yield console
        assert [text for text in console.troubles if not REFUSED.match(text)] == []
