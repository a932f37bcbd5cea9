"""Login tokens: JWTs that say who comes in and as what (fact sheet 2.8).

The web site signs them with the secret that it shares with us, or has us sign them. HS256; of
others, HS384 and HS512 are taken as well. A token without `exp` does not end, as in the original.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OctKey
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    model_validator,
)

from actors.words.site import (
    Rule,
    Standing,
)

SIGNED_WITH: Final = "HS256"
ALGORITHMS = ["HS256", "HS384", "HS512"]
LIFE_SECONDS = 300
LEEWAY_SECONDS = 60  # a site's clock may be ahead of ours
LONGEST_TOKEN = 8192
NAME_LENGTH = 128
TEXT_LENGTH = 2048  # of any other claim, in characters
MAX_RULES = 32


class BadLoginToken(Exception):
    """No token of ours, changed, or ended; the text holds nothing of it and may be shown."""


def _or(default: object) -> BeforeValidator:
    """Take null for a claim that is left out, as Go does."""
    return BeforeValidator(lambda value: default if value is None else value)


Text = Annotated[str, _or(""), Field(max_length=TEXT_LENGTH)]
Flag = Annotated[bool, _or(False)]


class LoginClaims(BaseModel):
    """What a token says of somebody; names are matched without case, others are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    sub: Annotated[str, _or(""), Field(max_length=NAME_LENGTH)] = ""
    nick: Text = ""
    op: Flag = False
    vip: Flag = False
    img: Text = ""
    url: Text = ""
    emoji: Text = ""
    gender: Text = ""
    rules: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        FailFast(),
        _or([]),
        Field(max_length=MAX_RULES),
    ] = []

    @model_validator(mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        folded = {name.lower(): each for name, each in value.items() if isinstance(name, str)}
        return folded | {name: value[name] for name in cls.model_fields if name in value}

    @property
    def standing(self) -> Standing:
        """Return what they say beside the name; rules that nobody knows are left out."""
        return Standing(
            self.nick, self.op, self.vip, self.img, self.url, self.emoji, self.gender,
            frozenset(Rule(rule) for rule in self.rules if rule in set(Rule)),
        )  # fmt: skip

    @classmethod
    def of(cls, name: str, standing: Standing) -> LoginClaims:
        """Return the claims that say this."""
        return cls(
            sub=name, nick=standing.nick, op=standing.operator, vip=standing.vip,
            img=standing.avatar, url=standing.profile_url, emoji=standing.emoji,
            gender=standing.gender, rules=sorted(standing.rules),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who holds a token, exactly as it names him, and what it says of him; "" names nobody."""

    name: str
    standing: Standing


class LoginTokens:
    """Signs and verifies with the secret of the moment; an empty one signs and verifies nothing."""

    def __init__(self, secret: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, claims: LoginClaims) -> str:
        """Return a token good for five minutes, whatever ends and begins the claims name.

        Raises BadLoginToken where it would be too long to be taken again.
        """
        now = int(self._clock())
        said = claims.model_dump(exclude_defaults=True) | {
            "sub": claims.sub, "exp": now + LIFE_SECONDS, "iat": now, "nbf": now,
        }  # fmt: skip
        token = jwt.encode({"alg": SIGNED_WITH, "typ": "JWT"}, said, self._key(), [SIGNED_WITH])
        if len(token) > LONGEST_TOKEN:
            raise BadLoginToken("the claims are too long")
        return token

    def sign_for(self, bearer: Bearer) -> str:
        """Return a fresh token that says of somebody what his last one said."""
        return self.sign(LoginClaims.of(bearer.name, bearer.standing))

    def verify(self, token: str) -> Bearer:
        """Return who holds this. Raises BadLoginToken, whatever is given; never waits."""
        if not 0 < len(token) <= LONGEST_TOKEN:
            raise BadLoginToken("no token, or too long")
        try:
            found = jwt.decode(token, self._key(), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
            raise BadLoginToken("the token is not valid") from None
        self._check_times(found)
        try:
            claims = LoginClaims.model_validate(found)
        except (ValidationError, RecursionError):
            raise BadLoginToken("the token's claims are not valid") from None
        return Bearer(claims.sub, claims.standing)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        for name in ("exp", "nbf", "iat"):
            value = claims.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise BadLoginToken("the token's times are not numbers")
            if name == "exp" and not now < value:  # not a number is no time either
                raise BadLoginToken("the token has expired")
            if name != "exp" and not value <= now + LEEWAY_SECONDS:
                raise BadLoginToken("the token is not valid yet")

    def _key(self) -> OctKey:
        secret = self._secret()
        if not secret:
            raise BadLoginToken("there is no secret to check tokens with")
        with warnings.catch_warnings():  # `hints` of the settings says that a short one is weak
            warnings.simplefilter("ignore", SecurityWarning)
            return OctKey.import_key(secret)


def claims_document(bearer: Bearer) -> dict[str, object]:
    """Return the claims as the page is told them, times left out."""
    return LoginClaims.of(bearer.name, bearer.standing).model_dump()


def rules_document(rules: frozenset[Rule]) -> dict[str, bool]:
    """Return `jwtRules` as clients know them: who may not see cameras may not send one either."""
    return {
        "IsNoVideoRule": Rule.NO_VIDEO in rules,
        "IsNoImageRule": Rule.NO_IMAGE in rules,
        "IsNoBroadcastRule": not rules.isdisjoint({Rule.NO_BROADCAST, Rule.NO_VIDEO}),
        "IsRedCamRule": Rule.RED_CAMERA in rules,
        "IsNoDarkVideoRule": Rule.NO_DARK_VIDEO in rules,
    }


__all__ = [
    "BadLoginToken",
    "Bearer",
    "LoginClaims",
    "LoginTokens",
    "claims_document",
    "rules_document",
]
