"""Chat text: GitHub's Markdown, nothing that could hurt a page, never an error."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from api.barertc.text import markdown
from api.barertc.text.markdown import LONGEST, escape, plain_text, render, render_nowait
from tests.support.examples import examples

LINK = 'target="_blank" rel="nofollow noopener noreferrer"'
PIECES = [
    "[", "]", "(", ")", "*", "_", "~~", "`", "|", "|-|", "<", ">", "\n", "\r", " ", "\t", "-",
    "1. ", "# ", "a", "!", "\\", "&", "&lt;", "@", "www.", "https://a.bc/", "javascript:",
    "data:", "//", "<b>", "</b>", "<p>", "<script>", "<img src=", "<a href='", "'", '"', "<svg>",
    "<style>",    "<iframe src=//a.bc>", " onclick=alert(1) ", "\0", "\ud800", "\u202e", "😀", "https://youtu.be/",
    "dQw4w9WgXcQ", "<!--", "-->", "<math>", "<template>", "<title>", "```\n", "    ",
]  # fmt: skip
HOSTILE = [
    "[", "*", ">", "`", "|", "![", "[[", "[](", "![[]()", "<", "<b>", "<b a>\n\n", "<!--",
    "<![CDATA[", "://", "<http://", "http://a.b/(", "www.a.bc ", "a@b.co ", "@", "&#", "*__",
    "***a", "a**b", "~~a~", "_*", "- a\n", "> > ", "- - - ", "1. a\n", "# a\n",
    "|a|b|\n|-|-|\n|a|b|\n",
    "[a]: /\n", "\\", "\0", "`a``", "a\n\n", "\n", "\r", "```\n", "    a\n", "&\n|*_1.:[>", "- <[*",
]  # fmt: skip
SECONDS_PER_CHARACTER = 300e-6  # ten times what was measured, for busy machines


class Seen(HTMLParser):
    """What a page would get: tags and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hi", "<p>hi</p>"),
        ("", ""),
        (" \n\t ", ""),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("**b** _i_ ~~s~~ `c`", "<p><strong>b</strong> <em>i</em> <s>s</s> <code>c</code></p>"),
        ("```js\nx < y\n```", "<pre><code>x &lt; y\n</code></pre>"),
        ("> quoted", "<blockquote>\n<p>quoted</p>\n</blockquote>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("https://a.bc/d", f'<p><a href="https://a.bc/d" {LINK}>https://a.bc/d</a></p>'),
        ("(www.a.bc).", f'<p>(<a href="http://www.a.bc" {LINK}>www.a.bc</a>).</p>'),
        ("a@b.co", f'<p><a href="mailto:a@b.co" {LINK}>a@b.co</a></p>'),
        ('[x](https://a.bc "t")', f'<p><a href="https://a.bc" title="t" {LINK}>x</a></p>'),
        ("main.rs and 1.5 and //a.bc", "<p>main.rs and 1.5 and //a.bc</p>"),
        ("[x](/logout)", f"<p><a {LINK}>x</a></p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("<a href='javascript:alert(1)'>x</a>", f"<p><a {LINK}>x</a></p>"),
        ("<script>alert(1)</script>", ""),
        ("<style>p{}</style>", ""),
        ("<iframe src='https://a.bc'></iframe>", ""),
        ("<b onclick=x style=y class=z id=w>b</b>", "<p><b>b</b></p>"),
        ("<form><input><button>go</button></form>", "go"),
        ("[a]: /b\n[a]", "<p>[a]: /b<br>\n[a]</p>"),
        ("a\0b", "<p>a\ufffdb</p>"),
        ("\ud800", "<p>?</p>"),
        ("&lt;b&gt; &amp;", "<p>&lt;b&gt; &amp;</p>"),
        ("@bob :)", "<p>@bob :)</p>"),
    ],
)
def test_markdown_is_shown(text: str, shown: str) -> None:
    assert render_nowait(text) == shown


def test_a_table_keeps_how_its_cells_are_aligned() -> None:
    shown = render_nowait("|a|b|\n|:-|-:|\n|1|2|")
    assert '<th align="left">a</th>' in shown
    assert '<td align="right">2</td>' in shown


def test_a_remote_image_is_shown_without_saying_where() -> None:
    [_, (tag, attributes)] = Seen(render_nowait("![cat](https://a.bc/cat.png)")).tags
    assert (tag, attributes["src"], attributes["alt"]) == ("img", "https://a.bc/cat.png", "cat")
    assert attributes["referrerpolicy"] == "no-referrer"
    for source in ("/logout", "//a.bc/x", "data:image/png;base64,AAAA", "x.png", "javascript:1"):
        assert "src=" not in render_nowait(f"<img src='{source}'>")


@pytest.mark.parametrize(
    "link",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://youtube.com/watch?t=1&v=dQw4w9WgXcQ&x=2",
        "see http://m.youtube.com/watch?v=dQw4w9WgXcQ now",
        "[x](https://youtu.be/dQw4w9WgXcQ?si=abc)",
        "https://www.youtube.com/shorts/dQw4w9WgXcQ",
        "https://www.youtube.com/embed/dQw4w9WgXcQ?start=1",
        "www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://youtu.be/dQw4w9WgXcQ https://youtu.be/aaaaaaaaaaa",
    ],
)
def test_the_first_youtube_link_gets_a_player(link: str) -> None:
    shown = render_nowait(link)
    assert shown.startswith("<p>")
    [player] = [attributes for tag, attributes in Seen(shown).tags if tag == "iframe"]
    assert player["class"] == "youtube-embed"
    assert (player["width"], player["height"]) == ("560", "315")
    assert player["src"] == "https://www.youtube.com/embed/dQw4w9WgXcQ"


@pytest.mark.parametrize(
    "link",
    [
        "https://youtu.be/short",
        "https://youtu.be/dQw4w9WgXcQQ",
        "https://youtu.be.evil.bc/dQw4w9WgXcQ",
        "https://evil.bc/watch?v=dQw4w9WgXcQ",
        "https://evil.bc@youtu.be.bc/dQw4w9WgXcQ",
        "`https://youtu.be/dQw4w9WgXcQ`",
        "https://www.youtube.com/watch?v=dQw4w9%22gXcQ",
        "https://www.youtube.com/@somebody",
        "https://[youtu.be/dQw4w9WgXcQ",
        "https://www.youtube.com/watch?x=dQw4w9WgXcQ",
    ],
)
def test_nothing_else_gets_a_player(link: str) -> None:
    assert "<iframe" not in render_nowait(link)


@settings(max_examples=examples(400))
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=200))
def test_whatever_is_written_only_harmless_tags_come_out(text: str) -> None:
    shown = render_nowait(text)
    assert shown == shown.strip()
    shown.encode()
    for tag, attributes in Seen(shown).tags:
        assert tag in markdown._TAGS | {"iframe"}
        if tag == "iframe":
            assert attributes["class"] == "youtube-embed"
            assert str(attributes["src"]).startswith("https://www.youtube.com/embed/")
            continue
        assert not [name for name in attributes if name.startswith("on")]
        assert not {"style", "class", "id", "srcset"} & set(attributes)
        for name in ("href", "src"):
            address = attributes.get(name) or "https:"
            assert address.lower().startswith(("http:", "https:", "mailto:"))
        if tag == "a":
            assert attributes["rel"] == "nofollow noopener noreferrer"
            assert attributes["target"] == "_blank"


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("length", [LONGEST, 4 * LONGEST])
def test_hostile_text_takes_time_by_its_length_only(piece: str, length: int) -> None:
    text = (piece * length)[:length]
    began = time.thread_time()
    shown = render_nowait(text)
    assert time.thread_time() - began < length * SECONDS_PER_CHARACTER
    assert len(shown) <= 2 * markdown.LONGEST_HTML


@pytest.mark.parametrize("columns", [64, 1000])
def test_rows_that_are_short_do_not_make_a_table_large(columns: int) -> None:
    head = "|" + "a|" * columns + "\n|" + "-|" * columns + "\n"
    shown = render_nowait((head + "|\n" * LONGEST)[:LONGEST])
    assert shown.count("<td") == 0


def test_an_unclosed_tag_is_not_repeated_in_every_line_for_ever() -> None:
    tags = "".join(f"<b title={index}>" for index in range(400))
    shown = render_nowait(f"{tags}\n\n" + "a\n\n" * 2000)
    assert len(shown) < 200_000


def test_deep_nesting_ends_as_text() -> None:
    assert render_nowait(">" * 1000 + "x").count("<blockquote>") <= markdown.DEPTH


def test_a_text_beyond_the_bound_is_shown_as_it_was_typed() -> None:
    text = "**x**\n<b>" + "a" * LONGEST
    shown = render_nowait(text)
    assert shown.startswith("<p>**x**<br>\n&lt;b&gt;a")
    assert plain_text(shown) == text


async def test_long_texts_are_read_beside_each_other_in_threads() -> None:
    """Parsers hold state while they read, so each thread has one to itself."""
    texts = [f"https://a{index}.bc/ " * 60 + "x" * 2000 for index in range(20)]
    got: dict[str, str] = {}
    threads = trio.CapacityLimiter(3)

    async def show(text: str) -> None:
        got[text] = await render(text, threads)

    async with trio.open_nursery() as nursery:
        for text in texts:
            nursery.start_soon(show, text)
    assert got == {text: render_nowait(text) for text in texts}
    assert await render("hi", threads) == "<p>hi</p>"


def test_names_are_escaped_for_text_and_attributes() -> None:
    assert escape('<b>"O\'Neill" & co') == "&lt;b&gt;&quot;O&#x27;Neill&quot; &amp; co"


@settings(max_examples=examples(200))
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=50))
def test_plain_text_undoes_escaping(text: str) -> None:
    assert plain_text(f"<p><b>{escape(text)}</b></p>") == text.strip()
