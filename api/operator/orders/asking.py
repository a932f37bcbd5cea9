"""What all orders need of a request: its body, who gives it, and an answer."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from quart import Response, request

from api.http.asking import client
from api.operator.errors import refuse

BY_LENGTH = 64

M = TypeVar("M", bound=BaseModel)


class OperatorRefusal(Exception):
    """The answer to an order that is not carried out."""

    def __init__(self, status: int, message: str = "", code: str = "") -> None:
        super().__init__(status)
        self.status, self.message, self.code = status, message, code

    @property
    def response(self) -> Response:
        return refuse(self.status, self.message, self.code)


async def read(model: type[M]) -> M:
    """Return the body of the current request; none is an empty one. Raises OperatorRefusal."""
    try:
        return model.model_validate_json(await request.get_data() or b"{}")
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        raise OperatorRefusal(400, f"{place}: {wrong['msg']}" if place else wrong["msg"]) from None


def orderer() -> dict[str, str]:
    """Return who gives the current order, as log lines have it. Raises OperatorRefusal.

    `by` is what he calls himself, where he does.
    """
    name = request.headers.get("X-Operator", "").strip()
    with suppress(ValueError):  # else as it came
        name = name.encode("latin-1").decode("utf-8")
    if len(name) > BY_LENGTH or not name.isprintable():
        raise OperatorRefusal(400, f"X-Operator is at most {BY_LENGTH} printable characters.")
    address = client().address
    return {"by": name, "address": address} if name else {"address": address}


def answer(value: object, status: int = 200) -> Response:
    """Return an answer as JSON."""
    response = Response(json.dumps(value), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def done() -> Response:
    """Return the answer that says nothing."""
    response = Response("", 204)
    response.headers["Cache-Control"] = "no-store"
    return response
