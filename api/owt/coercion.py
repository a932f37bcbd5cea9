"""Values as the original's database took them: strings for numbers, words for truth, and its words
for what it could not cast (fact sheet, section 4)."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

SHOWN = 100  # characters of a wrong value that its error repeats
LARGEST = 2**53
MANY = 256  # entries of one list
TRUE = (True, 1, "true", "1", "yes")
FALSE = (False, 0, "false", "0", "no")
FRACTION = re.compile(r"(0|[1-9]\d{0,8})(/[1-9]\d{0,8})?", re.ASCII)


def _cast_error(kind: str, value: object, info: ValidationInfo) -> PydanticCustomError:
    return PydanticCustomError(
        "cast", "{words}", {"words": coercion_words(kind, value, path_of(info))}
    )


def coercion_words(kind: str, value: object, path: str) -> str:
    """Say that a value is none of this kind; `path` is the name of the field."""
    shown = json.dumps(value, ensure_ascii=False)[:SHOWN]
    return f'Cast to {kind} failed for value {shown} at path "{path}"'


def path_of(info: ValidationInfo) -> str:
    """Return the name on the wire of the field being validated."""
    return to_camel(info.field_name or "")


def _to_number(value: object, info: ValidationInfo) -> int | float:
    number: int | float
    try:
        match value:
            case bool():
                number = int(value)
            case int() | float():
                number = value
            case str() if value.strip():
                number = float(value)
            case _:
                raise ValueError
        if not math.isfinite(number) or abs(number) > LARGEST:
            raise ValueError
    except (ValueError, OverflowError):
        raise _cast_error("Number", value, info) from None
    return int(number) if number == int(number) else number


def _to_boolean(value: object, info: ValidationInfo) -> bool:
    if not isinstance(value, (bool, int, str)):
        raise _cast_error("Boolean", value, info)
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise _cast_error("Boolean", value, info)


def _to_text(value: object, info: ValidationInfo) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    raise _cast_error("String", value, info)


def _to_list(value: object) -> object:
    """Take one for a list of one. A list that is too long is refused before its entries are."""
    if not isinstance(value, list | tuple):
        return [value]
    if len(value) > MANY:
        raise PydanticCustomError("too_long", "is too long", {"max_length": MANY})
    return value


def _to_fraction(value: object, info: ValidationInfo) -> str:
    """Take "1/3" as the original, and 0.5 as its document says; both become the former."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        near = Fraction(value).limit_denominator(1000)
        return str(near)
    text = _to_text(value, info)
    if not FRACTION.fullmatch(text):
        raise PydanticCustomError(
            "fraction", "{shown} is not a valid fraction string!", {"shown": text[:SHOWN]}
        )
    return text


def between(low: float, high: float) -> BeforeValidator:
    """Bound a number, in the original's words; stands before its type."""

    def check(value: Any, info: ValidationInfo) -> Any:
        number = _to_number(value, info)
        if low <= number <= high:
            return number
        side, edge = ("less than minimum", low) if number < low else ("more than maximum", high)
        raise PydanticCustomError(
            "bound",
            "Path `{path}` ({number}) is {side} allowed value ({edge}).",
            {"path": path_of(info), "number": number, "side": side, "edge": edge},
        )

    return BeforeValidator(check)


def one_of(*allowed: str) -> BeforeValidator:
    """Accept these words only, in the original's words."""

    def check(value: object, info: ValidationInfo) -> str:
        text = _to_text(value, info)
        if text in allowed:
            return text
        raise PydanticCustomError(
            "enum",
            "`{shown}` is not a valid enum value for path `{path}`.",
            {"shown": text[:SHOWN], "path": path_of(info)},
        )

    return BeforeValidator(check)


Number = Annotated[int | float, BeforeValidator(_to_number)]
Boolean = Annotated[bool, BeforeValidator(_to_boolean)]
Text = Annotated[str, BeforeValidator(_to_text)]
FractionText = Annotated[str, BeforeValidator(_to_fraction)]
AsList = BeforeValidator(_to_list)
