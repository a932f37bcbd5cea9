"""What rooms and members say to each other is plain data: it may go to another machine."""

from __future__ import annotations

import dataclasses
import pkgutil
import types
import typing
from collections.abc import Iterator
from enum import Enum
from fractions import Fraction
from importlib import import_module

import pytest

import actors.words
from actors.core.errors import Refused
from actors.words.calls import CallLeg

PLAIN = (str, int, float, bool, bytes, Fraction, type(None))
HANDLES = (CallLeg,)  # of what stays where its sockets are; a room there carries it
CONTAINERS = (tuple, frozenset, typing.Union, types.UnionType, typing.Literal)


def words() -> Iterator[type]:
    """Yield the dataclasses of `actors/words`."""
    for module in pkgutil.iter_modules(actors.words.__path__, "actors.words."):
        for found in vars(import_module(module.name)).values():
            is_word = isinstance(found, type) and dataclasses.is_dataclass(found)
            if is_word and found.__module__ == module.name:
                yield found


def what_is_not_plain(kind: object) -> Iterator[object]:
    """Yield the parts of a type that are no plain data."""
    origin = typing.get_origin(kind)
    if origin is typing.Literal or kind is Ellipsis or kind in (*PLAIN, *HANDLES):
        return
    if origin in CONTAINERS:
        for part in typing.get_args(kind):
            yield from what_is_not_plain(part)
    elif isinstance(kind, typing.TypeVar) or not isinstance(kind, type):
        yield kind
    elif issubclass(kind, Enum | Refused):
        return
    elif dataclasses.is_dataclass(kind):
        if not kind.__dataclass_params__.frozen:
            yield kind
        for part in typing.get_type_hints(kind).values():
            yield from what_is_not_plain(part)
    else:
        yield kind


@pytest.mark.parametrize("word", sorted(words(), key=str), ids=lambda word: word.__name__)
def test_a_word_holds_plain_data_only(word: type) -> None:
    assert list(what_is_not_plain(word)) == []


def test_what_is_not_plain_is_found() -> None:
    @dataclasses.dataclass(frozen=True)
    class Wrong:
        names: tuple[str, ...]
        table: list[int]
        ref: object

    assert list(what_is_not_plain(typing.get_type_hints(Wrong)["table"])) == [list[int]]
    assert list(what_is_not_plain(object)) == [object]
    assert list(what_is_not_plain(tuple[str, ...])) == []
