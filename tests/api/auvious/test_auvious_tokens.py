"""Access tokens and the keys behind them."""

from __future__ import annotations

import base64
import hmac
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import RSAKey

from actors.endpoint.rules import Owner
from api.auvious.keys import FILE, KeyRing, rotate
from api.auvious.tokens import TokenInvalid, Tokens
from api.process.secret_store import DataDirError
from tests.actors.core.puppet import logged

SECONDS = 3600


class Clock:
    def __init__(self) -> None:
        self.now = 2_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key for the tests that do not change it: making one takes its time."""
    folder = tmp_path_factory.mktemp("keys")
    rotate(folder)
    return folder


def tokens(folder: Path, clock: Clock | None = None) -> Tokens:
    clock = clock or Clock()
    return Tokens(KeyRing(folder, SECONDS, clock), clock)


def issue(made: Tokens, seconds: int = SECONDS, roles: tuple[str, ...] = ("ROLE_USER",)) -> str:
    return made.issue("ann", "acme", roles, "customer", "rtc-api", seconds)[0]


def test_a_token_says_who_it_speaks_for(folder: Path) -> None:
    clock = Clock()
    made = tokens(folder, clock)
    principal = made.verify(issue(made))
    assert principal.owner == Owner("acme", "ann")
    assert principal.client == "customer"
    assert principal.roles == {"ROLE_USER"}
    assert principal.expires_at == clock.now + SECONDS
    assert not principal.is_service
    assert made.verify(issue(made, roles=("ROLE_SERVICE",))).is_service


def test_a_token_has_the_claims_of_the_documents(folder: Path) -> None:
    token = issue(tokens(folder))
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]
    )
    assert header == {"alg": "RS256", "typ": "JWT", "kid": KeyRing(folder, SECONDS).current.id}
    assert claims.pop("jti")
    assert claims == {
        "sub": "ann", "userId": "ann", "organization_id": "acme", "authorities": ["ROLE_USER"],
        "client_id": "customer", "scope": "rtc-api", "iat": 2_000_000_000, "exp": 2_000_003_600,
    }  # fmt: skip


def test_a_token_ends(folder: Path) -> None:
    clock = Clock()
    made = tokens(folder, clock)
    token = issue(made, 300)
    clock.now += 299
    made.verify(token)
    clock.now += 1
    with pytest.raises(TokenInvalid):
        made.verify(token)


def test_a_token_of_another_key_is_not_ours(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TokenInvalid):
        tokens(folder).verify(issue(tokens(tmp_path)))


def forged(folder: Path, alg: str, key: Any, **header: Any) -> str:
    claims = {"sub": "ann", "organization_id": "acme", "authorities": [], "client_id": "x",
              "exp": 9e9}  # fmt: skip
    kid = KeyRing(folder, SECONDS).current.id
    return jwt.encode({"alg": alg, "kid": kid} | header, claims, key, algorithms=[alg])


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def test_a_forged_token_is_refused(folder: Path) -> None:
    made = tokens(folder)
    public = KeyRing(folder, SECONDS).current.public()
    rsa = RSAKey.import_key({name: public[name] for name in ("kty", "n", "e")})
    signed = ".".join([encoded({"alg": "HS256", "kid": public["kid"]}), issue(made).split(".")[1]])
    mac = hmac.digest(rsa.as_pem(private=False), signed.encode(), "sha256")
    header = encoded({"alg": "none", "typ": "JWT"})
    body = issue(made).split(".")[1]
    for token in (
        f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}",
        forged(folder, "RS256", RSAKey.generate_key(2048)),
        forged(folder, "RS512", RSAKey.generate_key(2048)),
        f"{header}.{body}.",
        f"{header}.{body}.{issue(made).split('.')[2]}",
    ):
        with pytest.raises(TokenInvalid):
            made.verify(token)


@pytest.fixture(scope="module")
def made(folder: Path) -> tuple[Tokens, str]:
    found = tokens(folder)
    return found, issue(found)


@given(data=st.data())
def test_whatever_is_given_is_verified_or_refused(
    made: tuple[Tokens, str], data: st.DataObject
) -> None:
    verifier, token = made
    kind = data.draw(st.sampled_from(["text", "changed", "header"]))
    if kind == "text":
        given_token = data.draw(st.text(max_size=50))
    elif kind == "changed":
        at = data.draw(st.integers(0, len(token) - 1))
        given_token = token[:at] + data.draw(st.characters()) + token[at + 1 :]
    else:
        head = data.draw(st.sampled_from(
            [b"[]", b"{}", b'{"alg":[]}', b'{"alg":"RS256","kid":[]}', b'{"alg":"RS256","kid":{}}',
             b'{"alg":"RS256"}', b'{"alg":"RS256","crit":["x"]}', b"[" * 3000, b"5", b"\xff",
             b'{"alg":"RS256","b64":false,"crit":["b64"]}'])
        )  # fmt: skip
        given_token = ".".join(
            [base64.urlsafe_b64encode(head).rstrip(b"=").decode(), *token.split(".")[1:]]
        )
    if given_token != token:
        # The last character holds bits that do not count: another spelling of the same.
        try:
            verifier.verify(given_token)
        except TokenInvalid:
            return
        assert given_token[:-1] == token[:-1]


@pytest.mark.parametrize("token", ["", "x" * 8193, "." * 8192, "[" * 8000, "\ud800", "a.b.c"])
def test_nonsense_is_refused(folder: Path, token: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens(folder).verify(token)


# --- keys


def test_keys_are_private_and_kept(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    first = KeyRing(tmp_path / "data", SECONDS)
    file = tmp_path / "data" / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KeyRing(tmp_path / "data", SECONDS).current.id == first.current.id
    (public,) = first.public()
    assert public.keys() == {"kty", "n", "e", "kid", "use", "alg"}
    assert (public["use"], public["alg"]) == ("sig", "RS256")


def test_no_key_is_made_while_none_is_needed(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, SECONDS, needed=False)
    ring.reload()
    assert ring.public() == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TokenInvalid):
        Tokens(ring).verify("a.b.c")


def test_a_rotated_key_verifies_until_its_tokens_have_ended(tmp_path: Path) -> None:
    clock = Clock()
    ring = KeyRing(tmp_path, SECONDS, clock)
    made = Tokens(ring, clock)
    old_token = issue(made)
    former = ring.current.id

    new = rotate(tmp_path)
    assert ring.current.id == former, "not before the reload"
    clock.now += 1000
    late_token = issue(made)
    with logged() as lines:
        ring.reload()
    assert [line["event"] for line in lines] == ["auvious.keys_rotated"]
    assert ring.current.id == new
    assert [key["kid"] for key in ring.public()] == [new, former]

    made.verify(old_token)
    clock.now += SECONDS - 1
    made.verify(late_token)
    restarted = KeyRing(tmp_path, SECONDS, clock)
    Tokens(restarted, clock).verify(late_token)
    clock.now += 2
    assert ring.find(former) is None
    assert [key["kid"] for key in ring.public()] == [new]
    ring.reload()
    assert len(json.loads((tmp_path / FILE).read_text())["keys"]) == 1, "forgotten for good"


def test_a_key_outlives_the_longest_token_it_has_signed(tmp_path: Path) -> None:
    clock = Clock()
    token = issue(Tokens(KeyRing(tmp_path, 7200, clock), clock), 7200)
    rotate(tmp_path)
    restarted = Tokens(KeyRing(tmp_path, 300, clock), clock)  # with shorter tokens
    clock.now += 7100
    assert restarted.verify(token).user == "ann"


KEY = '{"keys":[{"jwk":%s,"token_seconds":%s,"retired_at":%s}]}'
RSA = json.dumps(RSAKey.generate_key(2048).as_dict(private=True))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "5", '"keys"', "[" * 99_999),
        *('{"keys":' + keys + "}" for keys in ("5", "null", "[]", "{}", '"x"', "[5]", '["jwk"]')),
        *('{"keys":[{}]}', '{"keys":[{"jwk":{"kty":"RSA"}}]}'),
        *(KEY % (jwk, 0, "null") for jwk in ("null", "[]", '"x"', '{"kty":5}')),
        *(KEY % (RSA, seconds, "null") for seconds in ("1e999", "[]", "null", '"x"')),
        *(KEY % (RSA, 0, retired) for retired in ('"soon"', "-1e999", "[]")),
    ],
)
def test_a_damaged_file_is_never_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DataDirError, match="damaged"):
        KeyRing(tmp_path, SECONDS)
    with pytest.raises(DataDirError, match="damaged"):
        rotate(tmp_path)
    assert (tmp_path / FILE).read_text() == text


def test_a_reload_of_a_damaged_file_changes_nothing(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, SECONDS)
    before = ring.current.id
    (tmp_path / FILE).write_text("{")
    with logged() as lines:
        ring.reload()
    assert [line["event"] for line in lines] == ["auvious.keys_rejected"]
    assert ring.current.id == before


def test_a_file_others_can_read_is_warned_of(tmp_path: Path) -> None:
    KeyRing(tmp_path, SECONDS)
    (tmp_path / FILE).chmod(0o644)
    with logged() as lines:
        KeyRing(tmp_path, SECONDS)
    assert [line["event"] for line in lines] == ["secrets.exposed"]


def test_a_folder_that_cannot_be_used_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DataDirError, match="cannot keep keys"):
        KeyRing(tmp_path / "data", SECONDS)
