"""What is wrong with a request, as the validators of published servers word it.

Each problem is the path, what should be, and in JSON what was looked for, such as
`request.media should have required property 'video' "video"`; several are joined by commas.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from api.owt.portal.errors import INVALID_SIGNALING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_PROBLEMS = 10
_TYPES = {
    "string_type": "string",
    "bool_type": "boolean",
    "int_type": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "finite_number": "number",
    "model_type": "object",
    "model_attributes_type": "object",
    "dict_type": "object",
    "list_type": "array",
}
_CHOICES = frozenset({"request", "signaling", "audio", "video"})
"""Properties of several shapes, after which a path names the shape: that is no part of the wire."""


def in_words(error: ValidationError) -> str:
    """Return the first problems, joined."""
    found = error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
    return ",".join(dict.fromkeys(_problem(each) for each in found))


def _problem(problem: ErrorDetails) -> str:
    path, context = _path(problem["loc"]), problem.get("ctx", {})
    if path == "request.signaling" and problem["type"].startswith("union_tag"):
        return INVALID_SIGNALING
    match problem["type"]:
        case "missing":
            path, _, name = path.rpartition(".")
            return f"{path} should have required property '{name}' {json.dumps(name)}"
        case "string_pattern_mismatch":
            pattern = context["pattern"]
            return f'{path} should match pattern "{pattern}" {json.dumps(pattern)}'
        case "literal_error":
            allowed = re.findall(r"'([^']*)'|(False)", context["expected"])
            values = [text or False for text, _ in allowed]
            return f"{path} should be equal to one of the allowed values {json.dumps(values)}"
        case "string_too_long":
            most = context["max_length"]
            return f"{path} should NOT be longer than {most} characters {most}"
        case "greater_than_equal" | "less_than_equal" as kind:
            limit = context["ge" if kind == "greater_than_equal" else "le"]
            sign = ">=" if kind == "greater_than_equal" else "<="
            return f'{path} should be {sign} {limit:g} "{sign}",{limit:g}'
        case kind if kind in _TYPES:
            return f"{path} should be {_TYPES[kind]} {json.dumps(_TYPES[kind])}"
    return f"{path} should match exactly one schema in oneOf null"


def _path(location: tuple[int | str, ...]) -> str:
    """Return the place as the wire has it, beginning with "request"."""
    steps: list[str] = []
    after_choice = location[:1] == ("request",)
    for step in location[1:] if after_choice else location:
        text = str(step)
        if not after_choice and not text.startswith("constrained-"):
            steps.append(text)
        after_choice = not after_choice and text in _CHOICES
    return ".".join(["request", *steps])
