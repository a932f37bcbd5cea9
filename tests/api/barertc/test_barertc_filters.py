"""Filters: what they catch, what becomes of it, and that no text makes them slow."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.barertc.moderation import filters
from api.barertc.moderation.filters import FilterRule, Filters, keyword_problems
from api.barertc.text.markdown import plain_text, render_nowait
from tests.support.examples import examples


def said(text: str, *keywords: str) -> str:
    caught = Filters([FilterRule(keywords)]).catch(text, private=False)
    return text if caught is None else caught.text


@pytest.mark.parametrize(
    ("keywords", "text", "expected"),
    [
        (("darn",), "well darn it", "well **** it"),
        (("darn",), "DARN", "DARN"),
        (("(?i)darn",), "Darn dARN", "**** ****"),
        ((r"\bass\b",), "an ass in class", "an *** in class"),
        (("swear words",), "swear words!", "***********!"),
        (("bad", "badly"), "badly", "*****"),
        (("abc", "bcd"), "abcd", "****"),
        (("ö+", "😀"), "hööö 😀", "h*** *"),
        (("a.*z",), "xabz", "x***"),
        (("(?s)a.b",), "a\nb", "*\n*"),
        (("darn",), "hello", "hello"),
        (("x",), "\ud800x", "?*"),
    ],
)
def test_words_are_covered_by_as_many_stars(
    keywords: tuple[str, ...], text: str, expected: str
) -> None:
    assert said(text, *keywords) == expected


def test_the_first_filter_that_catches_decides() -> None:
    rules = [
        FilterRule((), response="never"),
        FilterRule(("one",), censor=False, forward=True, report=True, response="first"),
        FilterRule(("one", "two"), response="second"),
    ]
    first = Filters(rules).catch("one two", private=False)
    second = Filters(rules).catch("two", private=False)
    assert first is not None
    assert second is not None
    assert (first.text, first.forward, first.report, first.response) == (
        "one two",
        True,
        True,
        "first",
    )
    assert (second.text, second.forward, second.report, second.response) == (
        "***", False, False, "second",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("public", "private", "in_private", "with_operator", "catches"),
    [
        (True, False, False, False, True),
        (True, False, True, False, False),
        (False, True, False, False, False),
        (False, True, True, False, True),
        (True, True, True, True, False),
        (True, True, False, True, True),
    ],
)
def test_filters_hold_where_they_are_meant(
    public: bool, private: bool, in_private: bool, with_operator: bool, catches: bool
) -> None:
    it = Filters([FilterRule(("x",), public=public, private=private)])
    assert (it.catch("x", private=in_private, with_operator=with_operator) is not None) == catches


@pytest.mark.parametrize("text", ["x", "a x b", "xxx", "one x\ntwo xx", "axxb", "xx\n\nxx", "- x"])
def test_markdown_shows_the_stars(text: str) -> None:
    caught = Filters([FilterRule(("x",))]).catch(text, private=False)
    assert caught is not None
    shown = plain_text(render_nowait(caught.markdown))
    assert shown.count("*") == text.count("x")
    assert "<em>" not in render_nowait(caught.markdown)


@pytest.mark.parametrize(
    ("keyword", "words"),
    [
        ("(", "is no regular expression of RE2"),
        ("a\\", "is no regular expression of RE2"),
        ("a)|(b", "is no regular expression of RE2"),
        ("(?=a)", "is no regular expression of RE2"),
        (r"(a)\1", "is no regular expression of RE2"),
        (r"\pL{1000}", "too large"),
        ("((a{100}){100}){100}", "is no regular expression of RE2"),
        ("x" * 501, "is longer than 500"),
        ("", "no character"),
        ("x*", "no character"),
        (r"\b", "no character"),
        ("$", "no character"),
        ("\ud800", "is no text"),
    ],
)
def test_keywords_that_cannot_be_used_are_found_with_the_configuration(
    keyword: str, words: str
) -> None:
    [(index, found)] = keyword_problems(["fine", keyword])
    assert index == 1
    assert words in found
    with pytest.raises(ValueError, match=re.escape(words)):
        Filters([FilterRule((keyword,))])


def test_keywords_are_limited_together() -> None:
    assert list(keyword_problems([])) == []
    assert list(keyword_problems(["(?P<n>a)", "(?P<n>b)"])) == []
    assert list(keyword_problems([f"(?i)word{index}ä" for index in range(500)])) == []
    assert [index for index, _ in keyword_problems(["x"] * 501)] == [None]
    assert [index for index, _ in keyword_problems([r"\w{1,900}"] * 400)] == [None]


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        (("(x+x+)+y",), "x" * 1_000_000),
        (("a.*z|a",), "a" * 65_536),
        (("(a|b)*a(a|b){200}",), "ab" * 32_768),
        (("(?s)(.*a){20}",), "b" * 1_000_000),
        (tuple("a" * length + ".*z|a" for length in range(1, 400)), "a" * 65_536),
        (tuple("abcdefghij"), "abcdefghij" * 10_000),
    ],
)
def test_no_text_makes_a_filter_slow(keywords: tuple[str, ...], text: str) -> None:
    it = Filters([FilterRule(keywords)])
    began = time.thread_time()
    caught = it.catch(text, private=False)
    assert time.thread_time() - began < 2.0  # 0.02 s at most when it was measured
    assert caught is None or len(caught.text) == len(text)


def test_what_is_left_of_too_many_matches_is_covered_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "SEARCHED", 20)
    assert said("a b a b a b a b", "a") == "* b ***********"


@settings(max_examples=examples(300))
@given(
    st.lists(st.text("abc. é", min_size=1, max_size=3).filter(str.strip), min_size=1, max_size=4),
    st.text("abc. é\n😀", max_size=30),
)
def test_plain_words_are_covered_as_one_would_by_hand(words: list[str], text: str) -> None:
    keywords = tuple(re.escape(word) for word in words)
    hidden = {
        index
        for word in words
        for match in re.finditer(re.escape(word), text)
        for index in range(*match.span())
    }
    expected = "".join("*" if index in hidden else each for index, each in enumerate(text))
    assert said(text, *keywords) == expected
