"""Bodies of the REST API, in and out. The same models validate and are published as OpenAPI."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    @model_validator(mode="before")
    @classmethod
    def null_is_left_out(cls, values: object) -> object:
        """Take a null for a field left out, as in the channelling protocol."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value is not None}


class SessionPatch(_Body):
    """PATCH /api/v1/sessions/{id}/"""

    id: str
    sid: str
    useridcombo: str
    secret: str = ""


class UserRequest(_Body):
    """POST /api/v1/users"""

    id: str = ""
    sid: str = ""


class ErrorAnswer(_Body):
    code: str
    message: str
    success: bool = False


class TokenAnswer(_Body):
    token: str
    success: bool = True


class RoomAnswer(_Body):
    success: bool = True
    name: str
    url: str


class SessionAnswer(_Body):
    nonce: str
    userid: str
    success: bool = True


class UserAnswer(_Body):
    nonce: str
    userid: str
    useridcombo: str
    secret: str
    timestamp: int
    success: bool = True
