"""Masks by JSONPath: what is blotted, what is refused, and that neither takes long."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auvious.jayway import MaskRefused
from api.auvious.masks import LONGEST_EVENT, LONGEST_PATH, MOST_MASKS, masked_copy

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


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        ("name", {"name": "******"}),
        ("nested.name", {"nested.name": "*******"}),
        ("['nested'].name", {"nested.name": "*******"}),
        ("$.['nested'].name", {"nested.name": "*******"}),
        ("$.nested.0", {"nested.0": "****"}),
        (".name", {"name": "******", "nested.name": "*******"}),
        ("$.items[01].value", {"items.1.value": "***"}),
    ],
)
def test_a_path_may_be_written_as_jayway_takes_it(mask: str, found: dict[str, str]) -> None:
    assert changed(mask) == found


JAYWAY: dict[str, Any] = {
    "list": [
        {"n": 8, "p": "a", "tags": ["x", "y"], "s": "zero"},
        {"n": "8", "p": "b", "tags": [], "s": "one"},
        {"n": 8.0, "p": "", "tags": ["z", 8], "s": "two"},
        {"p": "É", "object": {"a": 1}, "s": "three"},
        {"n": True, "p": None, "tags": "x", "s": "four"},
        {"n": 12345678901234567, "p": "8.0", "tags": {"x": 1}, "s": "five"},
    ],
    "w": ["x", "z"],
    "texts": ["a", "b", "c", "d", "e"],
    "in": {"size": "big", "$ref": "r", "@at": "a"},
}


# What Jayway 2.10.0 finds in the document above, but for the lines that say "more".
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("@.n == '8'", "012"), ("'8' == @.n", "01"), ("@.n != '8'", "345"),
        ("@.n === '8'", "1"), ("@.n === 8", "02"), ("@.n !== 8", "1345"),
        ("@.p == '8.0'", "5"), ("8 == @.p", "5"), ("@.n == 12345678901234567", "5"),
        ("@.nope == @.nope", ""), ("@.nope != @.nope", "012345"), ("@.n < 1e1", "02"),
        ("@.p in ['a', 'b']", "01"), ("@.n in ['8']", "012"), ("@.n IN [8]", "012"),
        ("@.p nin ['a', 'b']", "2345"), ("@.p nin $.nope", ""), ("@.p nin @.object", "3"),
        ("@.tags subsetof ['x', 'y', 'z']", "01"), ("@.tags subsetof ['x', 'y', '8', 'z']", "012"),
        ("@.tags anyof ['x']", "0"), ("@.tags ANYOF $.w", "02"), ("@.tags anyof [8]", "2"),
        ("@.tags noneof ['x']", "12"), ("!(@.tags noneof ['x'])", "05"),
        ("@.n == 8 || @.tags anyof ['x']", "012"), ("@.n == 9 || @.tags anyof ['x']", "0"),
        ("@.tags size 2", "02"), ("@.p size 1", "013"), ("@.tags size 1", "4"),
        ("@.p empty true", "2"), ("@.p empty false", "0135"),
        ("@.tags empty true", "1"), ("@.object empty false", "3"),  # more: an error there
        ("@.tags contains 'x'", "045"),  # more: members of objects are not looked at there
        ("@.tags contains '8'", "2"), ("@.p contains '.'", "5"),
        ("@.p =~ /A/i", "0"), ("@.p =~ /(?i)A/", "0"), ("/(?i)A/ =~ @.p", "0"),
        ("@.p =~ /\\W/", "3"), ("@.p =~ /(?i)é/", ""), ("@.n =~ /8/", "01"),
        ("@.n =~ /8.0|true/", "24"), ("@.tags =~ /X/i", "04"), ("@.object =~ /a?/", "012345"),
    ],
)  # fmt: skip
def test_filters_find_what_jayway_finds(condition: str, found: str) -> None:
    copy = blotted(JAYWAY, f"$.list[?({condition})].s")
    assert "".join(str(i) for i, each in enumerate(copy["list"]) if each["s"][0] == "*") == found


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ("[0:4:2]", "****e"), ("[1::3]", "a****"), ("[:3:2]", "***de"), ("[-1:2]", "**cd*"),
        ("[-9:2]", "*****"),  # Jayway's -9 is before the start, and 0 and 1 are in between
        ("[3:0:-1]", "a***e"), ("[0:2:-1]", "**cde"), ("[1:-1]", "a***e"), ("[::2]", "*****"),
    ],
)  # fmt: skip
def test_slices_find_at_least_what_jayway_finds(places: str, found: str) -> None:
    assert "".join(blotted(JAYWAY, f"$.texts{places}")["texts"]) == found


@pytest.mark.parametrize(
    ("mask", "name"),
    [("$..size", "size"), ("$.in.size", "size"), ("$.in.$ref", "$ref"), ("in.@at", "@at")],
)
def test_words_of_filters_and_signs_are_names_too(mask: str, name: str) -> None:
    assert set(blotted(JAYWAY, mask)["in"][name]) == {"*"}


def test_masks_add_up_and_may_overlap() -> None:
    assert changed("$.name", "$..name", "$.nowhere") == {"name": "******", "nested.name": "*******"}


def test_the_event_itself_stays_as_it_is() -> None:
    before = json.dumps(EVENT)
    masked_copy(EVENT, ["$..name"], SENT)
    assert json.dumps(EVENT) == before


@pytest.mark.parametrize(
    "mask",
    [
        "", " name", "..name", "^", "$[", "$..", "$$", "$.name.length()", "@.name",
        "$.items[?(@.key =~ /(/)]", "$.items[?match(@.key, 'x')]", "$.items[?search(@.key, 'x')]",
        "$." + "a" * LONGEST_PATH, "$.nested[~name]", "$.~", "$.nested.~", "$[" * 100,
        "$.items[?(@.key == 1e999)]", "$.items[?(@.key empty)]", "$.items[?(size 1)]",
        "$.items[?(@.key =~ /a(?i)b/)]", "$.items[?(@.key =~ /(?x)a/)]",
        "$.items[?(@.key ==== 'open')]", "$.items[?(@.key matches /a/)]", "$[?(@.a == -1e999)]",
        "$[?" + "(" * 200 + "@.x" + ")" * 100,
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
        "$.list[?($..* anyof $..*)].none",
        "$.list[?($..s subsetof $..s)].none",
        "$.list[?($..s =~ /.*s.*x/)].none",
        "$.list[?(@.n == '" + "9" * 200 + "')].none",
        "$.list" + "[-9:9:2]" * 25 + ".none",
    ],
)
def test_no_mask_takes_long(event: dict[str, Any], mask: str) -> None:
    sent = json.dumps(event).encode()
    began = time.thread_time()
    with suppress(MaskRefused):
        masked_copy(event, [mask] * MOST_MASKS, sent)
    assert time.thread_time() - began < 5, "seconds of CPU; a quarter of one is usual"


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
