"""Chat text: GitHub-style Markdown becomes HTML that is safe to show to everybody. Pure.

In this order: Markdown (markdown-it-py) makes HTML, a sanitiser (nh3) keeps what a policy for
content of strangers allows, and only then what we add ourselves comes in: the player of a YouTube
link.

A sender decides what is rendered, so the work must not grow faster than his text. Markdown itself
is read in linear time; what would grow faster is bounded: nesting, bare links, tags of raw HTML,
cells of tables. Definitions of links are not supported: one long address could be repeated by each
`[a]`.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs, urlsplit

import nh3
import trio
from linkify_it import LinkifyIt
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

LONGEST = 16_384
"""Characters that are read as Markdown; a longer text is shown as it was typed."""
LONGEST_HTML = 1_048_576
"""Characters of HTML before the sanitiser; a text that becomes more is shown as it was typed."""
DEPTH = 20
"""Levels of lists, quotes and emphasis; what is deeper is text."""
BARE_LINKS = 64
"""Addresses without brackets; a text with more of them has none made into a link."""
TAGS_TIMES_LINES = 10_000
"""Raw HTML is text where its tags times the lines are more: each line repeats an open tag."""
CELLS = 4096
"""Tables are text where the bars of the fullest line times the lines are more: rows are filled."""
BRIEF = 512
"""Characters up to which `render` stays on the loop: ten milliseconds for the worst of them."""

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "center", "cite", "code", "dd", "del", "details", "dfn",
    "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd",
    "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub",
    "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_SANITISER = nh3.Cleaner(
    tags=_TAGS,
    attributes={
        "a": {"href", "title"},
        "abbr": {"title"},
        "img": {"src", "alt", "title"},
        "ol": {"start"},
        "td": {"align", "colspan", "rowspan"},
        "th": {"align", "colspan", "rowspan"},
    },
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",  # an image of "/path" would have every viewer call us
    link_rel="nofollow noopener noreferrer",
    set_tag_attribute_values={
        "a": {"target": "_blank"},
        "img": {"loading": "lazy", "referrerpolicy": "no-referrer"},
    },
)
_TEXT_ONLY = nh3.Cleaner(tags=set(), link_rel=None)
_LIKE_A_LINK = re.compile(r"://|@|www\.|mailto:", re.IGNORECASE)
_WEB_ADDRESS = re.compile(
    r"[\w.-]+\.[a-z0-9-]{2,}(?::\d{1,5})?(?:[/?#][^\s<>\"|]*)?", re.IGNORECASE
)
_HREF = re.compile(r'<a href="([^"]+)"')
_VIDEO = re.compile(r"[A-Za-z0-9_-]{11}", re.ASCII)
_IDLE: defaultdict[tuple[bool, bool, bool], list[MarkdownIt]] = defaultdict(list)
_YOUTUBE = ("youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com")


async def render(text: str, threads: trio.CapacityLimiter) -> str:
    """Return what `render_nowait` returns; a text that is not brief is read in a thread.

    `threads` bounds how many texts are read at a time: each takes the interpreter in turn with the
    loop, so there should be one or two for a whole site. Whoever calls keeps his texts in order.
    """
    if len(text) <= BRIEF:
        return render_nowait(text)
    return await trio.to_thread.run_sync(render_nowait, text, limiter=threads)


def render_nowait(text: str) -> str:
    """Return a chat text as safe HTML without white space around it: `hi` is `<p>hi</p>`.

    "" when nothing remains; then there is nothing to send (fact sheet section 2.3). Never fails.
    """
    text = text.encode("utf-8", "replace").decode()  # half surrogate pairs are no text
    if len(text) > LONGEST:
        return as_typed(text)
    lines = text.count("\n") + text.count("\r") + 1
    tags, fullest = text.count("<"), max(line.count("|") for line in text.split("\n"))
    abilities = (
        tags * (tags + lines) <= TAGS_TIMES_LINES,
        len(_LIKE_A_LINK.findall(text)) <= BARE_LINKS,
        fullest * lines <= CELLS,
    )
    made = _read(text, abilities)
    if len(made) > LONGEST_HTML:
        return as_typed(text)
    safe = _SANITISER.clean(made).strip()
    video = _first_video(safe)
    return f"{safe}\n{_player(video)}" if video else safe


def as_typed(text: str) -> str:
    """Return a text as HTML that shows every character of it; "" for white space only."""
    text = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd").strip()
    return f"<p>{escape(text)}</p>".replace("\n", "<br>\n") if text else ""


def escape(text: str) -> str:
    """Return a text, a name for example, as it is written inside HTML and inside its attributes."""
    return html.escape(text, quote=True)


def plain_text(rendered: str) -> str:
    """Return the text of HTML that was rendered here, for where no HTML is shown."""
    return html.unescape(_TEXT_ONLY.clean(rendered)).strip()


def _first_video(safe: str) -> str | None:
    for match in _HREF.finditer(safe):
        found = _video_of(html.unescape(match[1]))
        if found:
            return found
    return None


def _video_of(url: str) -> str | None:
    """Return the id of the YouTube video that an address leads to."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:  # a malformed address
        return None
    first, _, rest = parts.path.removeprefix("/").partition("/")
    found = ""
    if host == "youtu.be":
        found = first
    elif host in _YOUTUBE and first == "watch":
        found = parse_qs(parts.query).get("v", [""])[0]
    elif host in _YOUTUBE and first in ("shorts", "embed"):
        found = rest.partition("/")[0]
    return found if _VIDEO.fullmatch(found) else None


def _player(video: str) -> str:
    return (
        '<iframe class="youtube-embed" width="560" height="315"'
        f' src="https://www.youtube.com/embed/{video}" title="YouTube video player"'
        ' frameborder="0" loading="lazy" referrerpolicy="strict-origin-when-cross-origin"'
        ' allow="encrypted-media; picture-in-picture" allowfullscreen></iframe>'
    )


def _read(text: str, abilities: tuple[bool, bool, bool]) -> str:
    """Return the HTML of Markdown, by a parser that no other thread uses meanwhile."""
    idle = _IDLE[abilities]
    try:
        parser = idle.pop()
    except IndexError:
        parser = _parser(*abilities)
    try:
        return str(parser.render(text))
    finally:
        idle.append(parser)


def _parser(raw_html: bool, bare_links: bool, tables: bool) -> MarkdownIt:
    options = {"html": raw_html, "linkify": bare_links, "breaks": True, "maxNesting": DEPTH}
    parser = MarkdownIt("gfm-like", options).disable("reference")
    if not tables:
        parser.disable("table")
    parser.core.ruler.push("aligned_cells", _align_cells)
    parser.linkify = linkify = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": True})
    for unwanted in ("ftp:", "//"):
        linkify.add(unwanted, None)
    linkify.add("www.", {"validate": _end_of_www, "normalize": _with_scheme})
    return parser


def _end_of_www(linkify: LinkifyIt, text: str, start: int) -> int:
    """Return how many characters after "www." belong to an address that begins with it."""
    match = _WEB_ADDRESS.match(text, start)
    return len(match[0].rstrip("?!.,:;*_~'\")")) if match else 0


def _with_scheme(linkify: LinkifyIt, match: Any) -> None:
    match.url = f"http://{match.url}"


def _align_cells(state: StateCore) -> None:
    """Say with an attribute how a table's cells are aligned: styles do not pass the sanitiser."""
    for token in state.tokens:
        if token.type in ("th_open", "td_open"):
            _align(token)


def _align(token: Token) -> None:
    style = str(token.attrs.pop("style", ""))
    if style:
        token.attrs["align"] = style.removeprefix("text-align:")
