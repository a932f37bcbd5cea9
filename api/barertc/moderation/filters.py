"""Words that an operator does not want to be said, [[barertc.filters]]. Pure.

Keywords are regular expressions of RE2, which are those of the original, too: they are matched in
linear time, whatever the operator wrote and a stranger says. Each filter is one expression for the
search that every message goes through; only a message that is caught is searched once more by each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import re2

MOST_KEYWORDS = 500
"""Keywords of one filter."""
LONGEST_KEYWORD = 500
"""Characters of a keyword."""
MEMORY = 8_388_608
"""Bytes that a filter's expression may take; a larger one is found with the configuration."""
SEARCHED = 4_000_000
"""Characters that are searched to censor one text; beyond them the rest is censored whole."""


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One entry of [[barertc.filters]]; what each field does is in config.example.toml."""

    keywords: tuple[str, ...] = ()
    public: bool = True
    private: bool = True
    censor: bool = True
    forward: bool = False
    report: bool = False
    response: str = ""


@dataclass(frozen=True, slots=True)
class Caught:
    """What becomes of a message that a filter has caught.

    `text` is what is said on, censored with as many `*` as characters if the rule says so;
    `markdown` is the same so that Markdown shows these stars. If not `forward`, only the sender
    sees it, as his own echo. `report`: send a report; `response`: what ChatServer answers the
    sender, "" for nothing.
    """

    text: str
    markdown: str
    forward: bool
    report: bool
    response: str


def keyword_problems(keywords: Sequence[str]) -> Iterator[tuple[int | None, str]]:
    """Find what is wrong with the keywords of a filter: the place of one, None for all, and words.

    For the check of the configuration: the words follow the key.
    """
    if len(keywords) > MOST_KEYWORDS:
        yield None, f"has more than {MOST_KEYWORDS} keywords"
        return
    found = False
    for index, keyword in enumerate(keywords):
        for words in _wrong_with(keyword):
            found = True
            yield index, words
    if not found and keywords:
        try:
            _compiled(_either(keywords))
        except re2.error as error:
            yield None, f"has keywords that do not go together: {_words_of(error)}"


class Filters:
    """The filters of a site, in order. Raises ValueError for what `keyword_problems` finds."""

    def __init__(self, rules: Iterable[FilterRule]) -> None:
        self._filters = [_Filter(rule) for rule in rules if rule.keywords]

    def catch(self, text: str, *, private: bool, with_operator: bool = False) -> Caught | None:
        """Return what the first filter that catches a text does with it; None if none does.

        `private`: in a direct message. One to or from an operator is never caught.
        """
        if not self._filters or (private and with_operator):
            return None
        text = text.encode("utf-8", "replace").decode()  # half surrogate pairs are no text
        for each in self._filters:
            if (each.rule.private if private else each.rule.public) and each.catches(text):
                return each.caught(text)
        return None


class _Filter:
    def __init__(self, rule: FilterRule) -> None:
        for _, words in keyword_problems(rule.keywords):
            raise ValueError(words)
        self.rule = rule
        self._any = _compiled(_either(rule.keywords))
        self._each = [_compiled(keyword) for keyword in rule.keywords]

    def catches(self, text: str) -> bool:
        return self._any.search(text) is not None

    def caught(self, text: str) -> Caught:
        rule = self.rule
        said = markdown = text
        if rule.censor:
            hidden = self._hidden(text)
            said = "".join("*" if hide else each for each, hide in zip(text, hidden, strict=True))
            markdown = "".join(
                "\\*" if hide else each for each, hide in zip(text, hidden, strict=True)
            )
        return Caught(said, markdown, rule.forward, rule.report, rule.response)

    def _hidden(self, text: str) -> bytearray:
        """Return for each character whether a keyword covers it; line ends stay."""
        hidden = bytearray(len(text))
        left = SEARCHED
        for pattern in self._each:
            at = 0
            for start, end in _matches(pattern, text):
                hidden[start:end] = b"\1" * (end - start)
                at = end
                left -= len(text) - end + 1
                if left < 0:  # RE2 is linear for one search, not for all of them
                    break
            if left < 0:
                hidden[at:] = b"\1" * (len(text) - at)
                break
        for index, character in enumerate(text):
            if character in "\r\n":
                hidden[index] = 0
        return hidden


def _matches(pattern: Any, text: str) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text):
        yield match.span()


def _wrong_with(keyword: str) -> Iterator[str]:
    if len(keyword) > LONGEST_KEYWORD:
        yield f"is longer than {LONGEST_KEYWORD} characters"
        return
    try:
        pattern = _compiled(keyword)
    except re2.error as error:
        yield f"is no regular expression of RE2: {_words_of(error)}"
    except UnicodeError:
        yield "is no text"
    else:
        matches = (pattern.search(text) for text in ("", "a", "a b. 1"))
        if any(match is not None and not match[0] for match in matches):
            yield "matches where there is no character, so every message would be caught"


def _words_of(error: Exception) -> str:
    [reason] = error.args
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _either(keywords: Sequence[str]) -> str:
    return "|".join(f"(?:{keyword})" for keyword in keywords)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    options.never_capture = True
    return re2.compile(pattern, options)
