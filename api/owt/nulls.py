"""What a JSON null means: to the original's validators it is a value, and of no type they know.

So an optional property may be left out, but not be null. Where the original did not validate, or
took nulls out of a request first, the models here say so themselves (`X | None`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

T = TypeVar("T")


class _NoNull:
    """Takes null out of what a field of pydantic accepts; its default may be None all the same."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        assert schema["type"] == "nullable"  # noqa: S101  it stands on optional fields only
        return cast("CoreSchema", schema["schema"])


Maybe = Annotated[T | None, _NoNull()]
"""A property that may be left out; None is for one that was."""


def without_nulls(value: Any) -> Any:
    """Return JSON without what is null in it, at every depth."""
    match value:
        case dict():
            return {key: without_nulls(each) for key, each in value.items() if each is not None}
        case list():
            return [without_nulls(each) for each in value if each is not None]
    return value
