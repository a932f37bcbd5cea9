"""What axe-core, the checker of web pages for people with disabilities, finds on a page."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.support.npm import npm_packages

AXE = "axe-core@4.14.1"
RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations
        .filter(({impact}) => impact === "serious" || impact === "critical")
        .map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map(node => node.html).join(" ")}`);
}"""


def serious_findings(page: Page) -> list[str]:
    """Return what is serious or critical on the page as it is now; [] where nothing is.

    The checker is evaluated by the debugger, which a Content-Security-Policy does not stop. From
    then on the page is one without motion: a colour on its way to another one tells nothing.
    """
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(_source())
    found: list[str] = page.evaluate(RUN)
    return found


@cache
def _source() -> str:
    script = npm_packages(AXE) / "axe-core" / "axe.min.js"
    return script.read_text("utf-8") + ";undefined"
