"""Requests as bytes and what they mean; every broken field of one is reported at once. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from pydantic import ValidationError

from actors.endpoint.outbox import EndpointEvent
from api.auvious.bodies import Command, SendEventToUser
from api.auvious.event_rules import problems_of
from api.auvious.jayway import MaskRefused
from api.auvious.masks import masked_copy

C = TypeVar("C", bound=Command)

NOT_AN_OBJECT = {"body": "must be a JSON object"}
_WORDS = {
    "missing": "must not be null",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "list_type": "must be an array",
    "string_too_short": "must not be empty",
}
_PHRASES = (
    ("Value error, ", ""),
    ("Input should be", "must be"),
    ("String should have", "must have"),
)


class Invalid(Exception):
    """A request is refused with 400; `problems` are field → what is wrong with it."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Sending:
    """A request to send an event; `organization` is "" where the sender's own counts."""

    user: str
    organization: str
    endpoint: str | None
    event: EndpointEvent
    shown_type: str


def parse(model: type[C], body: bytes) -> C:
    """Read a command. Raises Invalid."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Invalid(_problems(error)) from None


def parse_sending(body: bytes, *, service: bool) -> Sending:
    """Read a sendEvent request; a service has to name an organization. Raises Invalid.

    The event is delivered as the very bytes of its member.
    """
    raw = _members(body)
    problems: dict[str, str] = {}
    command: SendEventToUser | None = None
    try:
        command = SendEventToUser.model_validate_json(body)
    except ValidationError as error:
        problems = _problems(error)
        if problems == NOT_AN_OBJECT:
            raise Invalid(problems) from None
    if (
        service
        and "organizationId" not in problems
        and raw.get("organizationId", b"null")
        in (
            b"null",
            b'""',
        )
    ):
        problems["organizationId"] = "must not be null"
    payload = raw.get("event", b"null")
    event: dict[str, object] = {}
    if "event" in problems:  # the masks are looked at all the same
        payload = b"{}"
    else:
        event = json.loads(payload)
        problems |= problems_of(event)
    masked, shown_type = payload, event.get("type")
    if "masks" not in problems and (masks := _masks(raw)):
        try:
            masked = masked_copy(event, masks, payload)
            shown_type = msgspec.json.decode(masked).get("type")
        except MaskRefused as refusal:
            problems["masks"] = str(refusal)
    if problems or command is None:
        raise Invalid(problems)
    return Sending(
        command.user,
        (command.organization or "") if service else "",
        command.endpoint or None,
        EndpointEvent(payload, masked, 1 if command.qos == 1 else 0),
        str(shown_type),
    )


def _members(body: bytes) -> dict[str, bytes]:
    """Return the members of an object as the bytes they are. Raises Invalid."""
    try:
        body.decode()
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        for member in members.values():
            msgspec.json.decode(member)  # what is skipped is not checked
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Invalid(NOT_AN_OBJECT) from None
    return {name: bytes(member) for name, member in members.items()}


def _masks(raw: dict[str, bytes]) -> list[str]:
    masks: list[str] | None = json.loads(raw.get("masks", b"null"))
    return masks or []


def _problems(error: ValidationError) -> dict[str, str]:
    problems: dict[str, str] = {}
    for each in error.errors(include_url=False, include_context=True, include_input=True):
        if not each["loc"]:
            return NOT_AN_OBJECT
        field = str(each["loc"][0])
        missing = each["input"] is None and each["type"].endswith("_type")
        words = _WORDS.get("missing" if missing else each["type"], each["msg"])
        for theirs, ours in _PHRASES:
            words = words.replace(theirs, ours)
        problems.setdefault(field, words)
    return problems
