"""Masks by JSONPath: what is blotted, what is refused, and that neither takes long."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auvious.masks import LONGEST_EVENT, LONGEST_PATH, MOST_MASKS, MaskRefused, masked_copy

EVENT: dict[str, Any] = {
    "type": "UserCreatedEvent",
    "name": "geheim",
    "nested": {"name": "Grüße 🙂", "count": 5, "0": "zero"},
    "items": [
        {"key": "Secret-1", "value": "one"},
        {"key": "open", "value": "two"},
        {"key": "secret-2", "value": "three"},
    ],
    "empty": "",
}
SENT = json.dumps(EVENT).encode()


def blotted(event: dict[str, Any], *masks: str) -> Any:
    return json.loads(masked_copy(event, masks, json.dumps(event).encode()))


def changed(*masks: str) -> dict[str, Any]:
    """Return what differs in the masked copy, by a readable path."""

    def walk(old: Any, new: Any, path: str) -> dict[str, Any]:
        if isinstance(old, dict):
            return {
                k: v for key in old for k, v in walk(old[key], new[key], f"{path}.{key}").items()
            }
        if isinstance(old, list):
            pairs = enumerate(zip(old, new, strict=True))
            return {k: v for i, (a, b) in pairs for k, v in walk(a, b, f"{path}.{i}").items()}
        return {} if old == new else {path.lstrip("."): new}

    return walk(EVENT, blotted(EVENT, *masks), "")


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        ("$.name", {"name": "******"}),
        ("$['name']", {"name": "******"}),
        ("$..name", {"name": "******", "nested.name": "*******"}),
        ("$.nested.name", {"nested.name": "*******"}),
        ("$.nested['0']", {"nested.0": "****"}),
        ("$.items[*].value", {"items.0.value": "***", "items.1.value": "***",
                              "items.2.value": "*****"}),
        ("$.items[-1].value", {"items.2.value": "*****"}),
        ("$.items[0:2].value", {"items.0.value": "***", "items.1.value": "***"}),
        ("$.items[?(@.key == 'open')].value", {"items.1.value": "***"}),
        ("$.items[?(@.key =~ /secret-.*/i)].value", {"items.0.value": "***",
                                                    "items.2.value": "*****"}),
        ("$.items[?(@.key in ['open'])].value", {"items.1.value": "***"}),
        ("$.empty", {}),
        ("$.nowhere", {}),
        ("$.name.deeper", {}),
    ],
)  # fmt: skip
def test_each_text_found_becomes_as_many_asterisks(mask: str, found: dict[str, str]) -> None:
    assert changed(mask) == found


def test_masks_add_up_and_may_overlap() -> None:
    assert changed("$.name", "$..name", "$.nowhere") == {"name": "******", "nested.name": "*******"}


def test_the_event_itself_stays_as_it_is() -> None:
    before = json.dumps(EVENT)
    masked_copy(EVENT, ["$..name"], SENT)
    assert json.dumps(EVENT) == before


@pytest.mark.parametrize(
    "mask",
    [
        "", "name", "nested.name", "^", "$[", "$..", "$$", "$.name.length()", "@.name",
        "$.items[?(@.key =~ /(/)]", "$.items[?match(@.key, 'x')]", "$.items[?search(@.key, 'x')]",
        "$." + "a" * LONGEST_PATH, "$.nested[~name]", "$.~", "$.nested.~", "$[" * 100,
        "$[?" + "(" * 200 + "@.x" + ")" * 100, "$[?(@.a == 1e999)]", "$[?(@.a == -1e999)]",
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused(mask: str) -> None:
    with pytest.raises(MaskRefused):
        masked_copy(EVENT, [mask], SENT)


@pytest.mark.parametrize(
    "mask", ["$", "$.nested", "$.items", "$.nested.count", "$..*", "$.items[*]"]
)
def test_what_finds_something_that_is_no_text_is_refused(mask: str) -> None:
    with pytest.raises(MaskRefused, match="texts only"):
        masked_copy(EVENT, ["$.name", mask], SENT)


def test_an_event_may_be_too_large_for_masks() -> None:
    masked_copy(EVENT, ["$.name"], SENT.ljust(LONGEST_EVENT))
    with pytest.raises(MaskRefused):
        masked_copy(EVENT, ["$.name"], SENT.ljust(LONGEST_EVENT + 1))


def test_there_are_only_so_many_masks() -> None:
    masked_copy(EVENT, ["$.name"] * MOST_MASKS, SENT)
    with pytest.raises(MaskRefused):
        masked_copy(EVENT, ["$.name"] * (MOST_MASKS + 1), SENT)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a|a)*b", "(?:a?){9}", "a*a*a*", r"(a)\1", "a?a?a?aaa", "x" * 65, "(a*)?"],
)
def test_patterns_that_may_take_for_ever_are_refused(pattern: str) -> None:
    with pytest.raises(MaskRefused, match="complicated"):
        masked_copy(EVENT, [f"$.items[?(@.key =~ /{pattern}/)].value"], SENT)


DEEP: Any = "x"
for _ in range(90):
    DEEP = {"a": DEEP, "b": ["x"] * 20}
WIDE = {"list": [{"n": n, "s": "s" * 900} for n in range(270)]}


@pytest.mark.parametrize("event", [DEEP, WIDE], ids=["deep", "wide"])
@pytest.mark.parametrize(
    "mask",
    [
        "$..*..*..*..x",
        "$..[?(@..x)]..[?(@..y)].z",
        "$.list" + "[*,*,*,*]" * 20 + ".none",
        "$.list[" + "?@==$," * 30 + "?@==$].s",
        "$.list[?(@.s =~ /.*s.*x/)].s",
        "$.list[?($.list == $.list)].none",
        "$..[?(@ in $..*)].none",
        "$..[" + "?@.n==1," * 25 + "0].none",
    ],
)
def test_no_mask_takes_long(event: dict[str, Any], mask: str) -> None:
    sent = json.dumps(event).encode()
    began = time.perf_counter()
    with suppress(MaskRefused):
        masked_copy(event, [mask] * MOST_MASKS, sent)
    assert time.perf_counter() - began < 5, "seconds; a quarter of one is usual"


pieces = st.sampled_from(
    ["$", ".", "..", "*", "[", "]", "?", "(", ")", "@", "'", '"', "name", "items", "0", "-1", ":",
     ",", "==", "=~", "/x/", "&&", "||", "!", "|", "&", "~", "^", "#", "_", " ", "in", "\\", "ü"]
)  # fmt: skip


@given(st.lists(pieces, max_size=14).map("".join))
def test_any_text_is_applied_or_refused(rest: str) -> None:
    try:
        copy = blotted(EVENT, "$" + rest)
    except MaskRefused:
        return
    assert copy.keys() == EVENT.keys()
