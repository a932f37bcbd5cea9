"""Bodies of the web API: the same models validate and are published as OpenAPI.

Keys are matched without case, exact ones first, and null is a key left out, as in the original,
which is written in Go (fact sheet section 1).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.barertc.tokens import NAME_LENGTH, LoginClaims

MAX_BLOCKED_AT_ONCE = 100  # each pair of them is blocked
MAX_USERNAMES = 10_000

Username = Annotated[str, Field(max_length=NAME_LENGTH)]
ApiKey = Annotated[str, Field(alias="APIKey", max_length=4096, repr=False)]
Token = Annotated[str, Field(alias="JWTToken", max_length=16_384, repr=False)]


class ApiBody(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = {(field.alias or name) for name, field in cls.model_fields.items()}
        folded = {name.lower(): each for name, each in value.items()}
        found = {name: folded[name.lower()] for name in names if name.lower() in folded}
        found |= {name: value[name] for name in names if name in value}
        return {name: each for name, each in found.items() if each is not None}


class KeyedBody(ApiBody):
    """A request of the web site's back office, which has the key."""

    api_key: ApiKey = ""


class AuthenticateBody(KeyedBody):
    """POST /api/authenticate"""

    claims: Annotated[LoginClaims, Field(alias="Claims")] = LoginClaims()


class ShutdownBody(KeyedBody):
    """POST /api/shutdown"""


class BlocklistBody(KeyedBody):
    """POST /api/blocklist"""

    username: Annotated[Username, Field(alias="Username")] = ""
    blocklist: Annotated[
        list[Username], Field(alias="Blocklist", max_length=MAX_USERNAMES, fail_fast=True)
    ] = []


class BlockNowBody(KeyedBody):
    """POST /api/block/now"""

    usernames: Annotated[
        list[Username], Field(alias="Usernames", max_length=MAX_BLOCKED_AT_ONCE, fail_fast=True)
    ] = []


class DisconnectNowBody(KeyedBody):
    """POST /api/disconnect/now"""

    usernames: Annotated[
        list[Username], Field(alias="Usernames", max_length=MAX_USERNAMES, fail_fast=True)
    ] = []
    message: Annotated[str, Field(alias="Message", max_length=65_536)] = ""
    kick: Annotated[bool, Field(alias="Kick")] = False


class AmendBody(KeyedBody):
    """POST /api/amend-jwt"""

    username: Annotated[Username, Field(alias="Username")] = ""
    token: Token = ""


class ProfileBody(ApiBody):
    """POST /api/profile"""

    token: Token = ""
    username: Annotated[Username, Field(alias="Username")] = ""


class HistoryBody(ApiBody):
    """POST /api/message/history; the latest page where `BeforeID` is 0."""

    token: Token = ""
    username: Annotated[Username, Field(alias="Username")] = ""
    before_id: Annotated[int, Field(alias="BeforeID", ge=0, lt=2**63)] = 0


class UsernamesBody(ApiBody):
    """POST /api/message/usernames; an unknown `Sort` is "newest"."""

    token: Token = ""
    sort: Annotated[str, Field(alias="Sort", max_length=64)] = "newest"
    page: Annotated[int, Field(alias="Page", lt=2**31)] = 1


class ClearBody(KeyedBody):
    """POST /api/message/clear: with a person's token, or with the key and a name."""

    token: Token = ""
    username: Annotated[Username, Field(alias="Username")] = ""


# --- answers: for the document, and for those who read it


class CameraCounts(BaseModel):
    Blue: int
    Red: int


class StatisticsAnswer(BaseModel):
    UserCount: int
    Usernames: list[str]
    Cameras: CameraCounts


class OkAnswer(BaseModel):
    OK: Literal[True] = True


class FailedAnswer(BaseModel):
    OK: Literal[False] = False
    Error: str


class AuthenticateAnswer(OkAnswer):
    JWT: str


class DisconnectAnswer(OkAnswer):
    Removed: int


class ProfileField(BaseModel):
    Name: str
    Value: str


class ProfileAnswer(OkAnswer):
    """As the web site's webhook has answered; it may hold more."""

    model_config = ConfigDict(extra="allow")

    Headline: str = ""
    ProfileFields: list[ProfileField]


class HistoryMessage(BaseModel):
    """One direct message; `timestamp` as in RFC 3339, `message` is HTML."""

    username: str
    message: str
    msgID: int  # noqa: N815  as on the wire
    timestamp: str


class HistoryAnswer(OkAnswer):
    Messages: list[HistoryMessage]
    Remaining: int


class UsernamesAnswer(OkAnswer):
    Usernames: list[str]
    Count: int
    Pages: int


class ClearAnswer(OkAnswer):
    MessagesErased: int


def first_problem(error: ValidationError) -> str:
    """Say what is wrong with a body, holding nothing of its values."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"]
