"""Filling in the index.html of a web client: each value for its place, and nothing breaks out."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.barertc.client_template import PLACEHOLDERS, ClientTemplate

SOURCE = (Path(__file__).parents[2] / "support" / "chat_client" / "index.html").read_text()
VALUES: dict[str, object] = dict.fromkeys(PLACEHOLDERS, "") | {
    ".CacheHash": "abc123", ".Config.Title": "Chat & <more>", ".JWTAuthOK": False,
    ".Config.PermitNSFW": True, ".JWTClaims.ToJSON": {}, ".Config.WebsiteURL": "https://a.test/x",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser sees: title, scripts, addresses of style sheets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        if tag == "script":
            self.scripts.append("")
        if tag == "link":
            self.links.append(dict(attrs)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        if self._inside == "title":
            self.texts.append(data)


def constants(text: str) -> dict[str, Any]:
    """Return the constants of the page's first script; their values are JSON."""
    script = Page(text).scripts[0]
    found = re.findall(r"^ *const (\w+) = (.*);$", script, re.MULTILINE)
    assert len(found) == len(re.findall(r"\bconst\b", SOURCE))
    return {name: json.loads(value) for name, value in found}


def test_the_documented_form_has_every_placeholder() -> None:
    assert ClientTemplate(SOURCE).unknown == ()
    assert all(f"{name}}}" in SOURCE or name == ".JWTAuthOK" for name in PLACEHOLDERS)


def test_values_stand_where_they_belong() -> None:
    text = ClientTemplate(SOURCE).render(VALUES)
    page = Page(text)
    assert "{{" not in text
    assert page.links == ["/static/css/one.css?abc123", "/static/css/two.css?abc123"]
    assert page.texts == ["Chat & <more>"]
    found = constants(text)
    assert found["CacheHash"] == "abc123"
    assert found["WebsiteURL"] == "https://a.test/x"
    assert (found["UserJWTValid"], found["PermitNSFW"]) == (False, True)
    assert found["UserJWTClaims"] == {}


@pytest.mark.parametrize("valid", [True, False])
def test_a_condition_takes_one_of_two_ways(valid: bool) -> None:
    text = ClientTemplate("a{{- if .JWTAuthOK -}}b{{ else }}c{{end}}d").render(
        {".JWTAuthOK": valid}
    )
    assert text == f"a{'b' if valid else 'c'}d"


def test_what_is_not_known_is_named_and_left_out() -> None:
    template = ClientTemplate(
        "<p>{{.New}}</p><script>x = {{.New}}; y = {{ fn .A }}</script>{{/* c */}}"
    )
    assert template.unknown == (".New", "fn .A")
    assert template.render({}) == "<p></p><script>x = null; y = null</script>"


def test_an_end_too_many_breaks_nothing() -> None:
    assert ClientTemplate("{{end}}a{{else}}b{{if .JWTAuthOK}}c").render({}) == "ab"


HOSTILE = st.text(
    st.characters(codec="utf-8") | st.sampled_from(list("<>/\"'`\\$&{}-!\n\r\u2028\u2029")),
    max_size=30,
) | st.sampled_from(
    ["</script><script>alert(1)</script>", "<!--<script>", "\\", '\\"', "${1}", "{{.Config.TURN}}"]
)


@given(HOSTILE, HOSTILE)
def test_no_text_breaks_out_of_its_place(one: str, two: str) -> None:
    values = VALUES | {
        ".Config.Title": one,
        ".Config.Branding": two,
        ".Config.WebsiteURL": one,
        ".JWTTokenString": two,
        ".Config.GetChannels": [{"Name": one, "WelcomeMessages": [two]}],
        ".JWTClaims.ToJSON": {"nick": two},
    }
    text = ClientTemplate(SOURCE).render(values)
    page = Page(text)
    assert page.tags.count("script") == 2
    assert page.tags.count("title") == 1
    found = constants(text)
    assert found["Branding"] == two
    assert found["WebsiteURL"] == one
    assert found["UserJWTToken"] == two
    assert found["PublicChannels"] == [{"Name": one, "WelcomeMessages": [two]}]
    assert found["UserJWTClaims"] == {"nick": two}


@given(HOSTILE, st.sampled_from("\"'`"))
def test_a_text_inside_of_quotation_marks_stays_there(value: str, mark: str) -> None:
    source = f"<script>x = {mark}{{{{.Config.Title}}}}{mark};</script>"
    inner = ClientTemplate(source).render({".Config.Title": value})[len("<script>x = ") + 1 : -11]
    assert not re.search(r"[\"'`$<>\n\r\u2028\u2029]", inner)
    assert json.loads(f'"{inner}"') == value


@given(st.text(st.sampled_from(list("{}.-/* ifendlsCacheHsh<script>")), max_size=60))
def test_any_template_is_rendered(source: str) -> None:
    ClientTemplate(source).render(VALUES)
