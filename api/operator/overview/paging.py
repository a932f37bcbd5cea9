"""Parameters of a request, and pages of long lists, made in slices: nobody waits for one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, islice
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from quart import Response, request

from actors.core import Slices
from api.logs.lines import printable

MOST_PER_PAGE = 500
RUN = 256  # records that are sorted at a stretch

Q = TypeVar("Q", bound="Query")
T = TypeVar("T")
SortKey = Callable[[T], Any]
Order = Literal["asc", "desc"]


class BadParameter(Exception):
    """`str()` names the parameter, and says what is wrong with it."""


class Query(BaseModel):
    """The parameters of an operation; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(Query):
    """Which part of a list is wanted."""

    page: int = Field(1, ge=1, le=1_000_000, description="Which page; the first is 1.")
    per_page: int = Field(50, ge=1, le=MOST_PER_PAGE, description="How many a page has.")

    @property
    def start(self) -> int:
        """How many come before this page."""
        return (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of `total` records."""

    records: Sequence[T]
    total: int
    page: int
    per_page: int


def asked(kind: type[Q]) -> Q:
    """Return the parameters of the current request. Raises BadParameter."""
    return read_query(kind, request.args.items(multi=True))


def read_query(kind: type[Q], pairs: Iterable[tuple[str, str]]) -> Q:
    """Make the parameters of what was sent. Raises BadParameter."""
    given = list(pairs)
    for name, times in Counter(name for name, _ in given).items():
        if times > 1:
            raise BadParameter(f"{_shown(name)}: it is given more than once.")
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise BadParameter(f"{_shown(first['loc'])}: {_words(first)}.") from None


async def in_order(
    records: Iterable[T],
    query: PageQuery,
    key: SortKey[T],
    slices: Slices,
    *,
    descending: bool = False,
) -> Page[T]:
    """Return one page of records by their keys; those whose key is None come last, either way."""
    present: list[list[tuple[Any, int, T]]] = [[]]
    missing: list[T] = []
    for number, record in enumerate(records):
        await slices.rest()
        value = key(record)
        if value is None:
            missing.append(record)
            continue
        if len(present[-1]) >= RUN:
            present.append([])
        present[-1].append((value, -number if descending else number, record))
    for run in present:
        run.sort(key=_place, reverse=descending)
        await slices.rest()
    sorted_ = (record for _, _, record in merge(*present, key=_place, reverse=descending))
    found: list[T] = []
    for number, record in enumerate(islice(chain(sorted_, missing), query.start + query.per_page)):
        if number >= query.start:
            found.append(record)
        await slices.rest()
    total = sum(map(len, present)) + len(missing)
    return Page(found, total, query.page, query.per_page)


async def page_answer(
    name: str, page: Page[T], shown: Callable[[T], object], slices: Slices
) -> Response:
    """Answer one page, as `{name: […], "total", "page", "per_page"}`."""
    head = {"total": page.total, "page": page.page, "per_page": page.per_page}
    records = await json_list(page.records, shown, slices)
    return json_answer(b"{%s:%s,%s" % (json.dumps(name).encode(), records, _members(head)))


async def json_list(records: Iterable[T], shown: Callable[[T], object], slices: Slices) -> bytes:
    """Return records as a JSON array."""
    parts = []
    for record in records:
        parts.append(json.dumps(shown(record)).encode())
        await slices.rest()
    return b"[%s]" % b",".join(parts)


def json_answer(document: object, status: int = 200) -> Response:
    """Answer with JSON: bytes as they are, anything else written as JSON."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    response = Response(body, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _place(entry: tuple[Any, int, Any]) -> tuple[Any, int]:
    return entry[0], entry[1]


def _members(values: Mapping[str, object]) -> bytes:
    """Write the members of an object that has begun already, and its end."""
    return json.dumps(values)[1:].encode()


def _words(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such parameter"
    words: str = error["msg"].removeprefix("Value error, ")
    return words.rstrip(".")


def _shown(name: object) -> str:
    text = ".".join(map(str, name)) if isinstance(name, tuple) else str(name)
    return printable(text[:80])[:80] or "(without a name)"
