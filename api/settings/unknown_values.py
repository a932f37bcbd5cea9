"""Settings whose wrong values are left out, so that checks across keys find what else is wrong.

A key that was named already has the value UNKNOWN there. A check that looks at it ends at that
point, by `Unknown`: what it would say may only follow from the first mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from api.settings.lines import KeyPath

Model = TypeVar("Model", bound=BaseModel)
Finding = TypeVar("Finding")


class Unknown(Exception):
    """A check has looked at a value that is wrong."""


def _raise(*_: object, **__: object) -> NoReturn:
    raise Unknown


class _UnknownValue:
    """Stands for a value; whatever is done with it raises Unknown."""

    __getattr__ = __call__ = __iter__ = __len__ = __bool__ = __contains__ = __getitem__ = _raise
    __lt__ = __le__ = __gt__ = __ge__ = __int__ = __float__ = __index__ = __fspath__ = _raise
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = _raise
    __str__ = __repr__ = __format__ = _raise
    __eq__ = __ne__ = _raise
    __hash__ = _raise


UNKNOWN: Any = _UnknownValue()


def as_far_as_known(check: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what a check finds before it looks at a value that is wrong."""
    try:
        yield from check
    except Unknown:
        return


def without_wrong_values(
    tables: Mapping[str, Any],
    error: ValidationError,
    validate: Callable[[dict[str, Any]], Model],
    meant: Callable[[KeyPath], str | None],
) -> Model | None:
    """Return the settings of tables that were refused, with UNKNOWN where a value is wrong.

    So is one that stands under a misspelt key: `meant` says which key that was to be. None where
    nothing is left that could be looked at.
    """
    left = deepcopy(dict(tables))
    unknown: list[KeyPath] = []
    for each in error.errors(include_url=False):
        if each["type"] == "extra_forbidden" and (name := meant(each["loc"])):
            unknown.append((*each["loc"][:-1], name))
    while True:
        places = [_key_of(each["loc"], left) for each in error.errors(include_url=False)]
        if not all(places):
            return None
        for place in sorted(places, key=len, reverse=True):
            _remove(place, left)
            unknown.append(place)
        try:
            settings = validate(left)
        except ValidationError as again:
            error = again
        else:
            break
    for place in sorted(unknown, key=len):
        _forget(place, settings)
    return settings


def _key_of(place: KeyPath, tables: Any) -> KeyPath:
    """Return the key to take out for an error there: the last one that the tables have.

    An entry is never taken out of a list, which would give others its place.
    """
    here = tables
    found: KeyPath = ()
    path: KeyPath = ()
    for part in place:
        try:
            here = here[part]
        except (LookupError, TypeError):
            break
        path = (*path, part)
        if isinstance(part, str):
            found = path
    return found


def _remove(place: KeyPath, tables: Any) -> None:
    here = tables
    for part in place[:-1]:
        if part not in here and not isinstance(part, int):
            return  # went with what holds it
        here = here[part]
    here.pop(place[-1], None)


def _forget(place: KeyPath, settings: BaseModel) -> None:
    """Put UNKNOWN where the value was; an unknown key has no place."""
    here: Any = settings
    for part in place[:-1]:
        here = getattr(here, part, None) if isinstance(part, str) else here[part]
        if here is None or here is UNKNOWN:  # all that holds it is
            return
    if isinstance(here, BaseModel) and place[-1] in type(here).model_fields:
        here.__dict__[str(place[-1])] = UNKNOWN
