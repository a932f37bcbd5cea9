"""Masks: which texts of an event are never to be logged or shown, named by JSONPath. Pure.

The dialect of the documents is Jayway's, so `=~ /pattern/i` and `in [...]` are understood. What a
stranger may make us compute is bounded: steps of one evaluation, and what a pattern may look like.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from jsonpath import JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.filter import BaseExpression
from jsonpath.parse import Parser
from jsonpath.stream import TokenStream

from api.auvious.metered import TooMuchWork, meter, metered

MOST_MASKS = 32
LONGEST_PATH = 256  # characters
MOST_STEPS = 100_000  # about half a second
LONGEST_EVENT = 262_144  # bytes
LONGEST_PATTERN = 64
LONGEST_SUBJECT = 1024
_REPEATS = re.compile(r"[*+?{]")
_UNSAFE = re.compile(r"\)[*+?{]|\\[1-9]|\(\?")


class MaskRefused(Exception):
    """A mask cannot be applied; the text says why, in words fit for the caller."""


class _Parser(Parser):
    def parse_regex(self, stream: TokenStream) -> BaseExpression:
        """Refuse patterns whose matching may take exponential time."""
        pattern = stream.current().value
        repeats = len(_REPEATS.findall(pattern.replace("*?", "*").replace("+?", "+")))
        if len(pattern) > LONGEST_PATTERN or repeats > 2 or _UNSAFE.search(pattern):
            raise MaskRefused("has a regular expression that is too complicated")
        try:
            return super().parse_regex(stream)
        except re.error:
            raise MaskRefused("has an invalid regular expression") from None


class _Environment(JSONPathEnvironment):
    parser_class = _Parser

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        for name in ("match", "search"):  # take patterns from the event itself
            del self.function_extensions[name]

    def compare(self, left: object, operator: str, right: object) -> bool:
        if operator == "=~" and isinstance(left, str):
            if len(left) > LONGEST_SUBJECT:
                raise MaskRefused("compares a text that is too long with a regular expression")
            meter.charge(1 + len(left) ** 2 // 500)
        return super().compare(left, operator, right)


_environment = _Environment()
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def masked_copy(event: dict[str, Any], masks: Sequence[str], payload: bytes) -> bytes:
    """Return the event as JSON with every text that a mask finds replaced by as many asterisks.

    `payload` is the event as it was sent; its numbers keep all their digits. A mask that finds
    nothing is fine. Raises MaskRefused: a mask is no JSONPath, finds something that is no text, or
    takes too long. Computes, at worst for a second: belongs into a thread.
    """
    if len(masks) > MOST_MASKS:
        raise MaskRefused(f"must not be more than {MOST_MASKS}")
    if len(payload) > LONGEST_EVENT:
        raise MaskRefused(f"cannot be applied to an event of more than {LONGEST_EVENT} bytes")
    document = metered(event)
    meter.begin(MOST_STEPS)
    found: list[tuple[int | str, ...]] = []
    for mask in masks:
        try:
            found += _find(document, mask)
        except TooMuchWork:
            raise MaskRefused("take too long to find") from None
        except (JSONPathError, RecursionError, ValueError, TypeError, LookupError, ArithmeticError):
            raise MaskRefused("must be JSONPath expressions") from None
    copy = _decoder.decode(payload)
    for parts in found:
        _blot(copy, parts)
    return _encoder.encode(copy)


def _find(document: Any, mask: str) -> list[tuple[int | str, ...]]:
    """Return where a mask finds texts."""
    if not mask.startswith("$") or len(mask) > LONGEST_PATH:
        raise MaskRefused(f"must begin with $ and have at most {LONGEST_PATH} characters")
    meter.factor = 1 + len(mask) // 32
    found = []
    for match in _environment.compile(mask).finditer(document):
        meter.charge(1)
        if not isinstance(match.obj, str):
            raise MaskRefused("must find texts only")
        found.append(tuple(match.parts))
    return found


def _blot(document: Any, parts: tuple[int | str, ...]) -> None:
    """Replace the text at this place by as many asterisks."""
    *way, last = parts
    for part in way:
        document = document[_key(document, part)]
    last = _key(document, last)
    document[last] = "*" * len(document[last])


def _key(document: Any, part: int | str) -> int | str:
    """Return the key as it is in this container; a mask may find names, which are no texts."""
    key = str(part) if isinstance(document, dict) else part
    if isinstance(document, dict) and key not in document:
        raise MaskRefused("must find texts only")
    return key
