"""The paths below /security: where tokens come from, and the keys that verify them."""

from __future__ import annotations

from quart import Blueprint, Response, request

from api.auvious.bodies import TokenError
from api.auvious.errors import SECURITY_ERRORS, TokenRefused
from api.auvious.grants import grant
from api.auvious.routes import answer, json_answer
from api.auvious.state import DIALECT, AuviousState
from api.auvious.token_request import read_request
from api.http.asking import budget, client, form

SECURITY = ("/security/oauth", "/security/.well-known")
JWKS_SECONDS = 300


def add_oauth_routes(blueprint: Blueprint, state: AuviousState) -> None:
    """Put the token and the keys under /security, and //security, see `routes.add_routes`."""
    oauth = OAuth(state)
    for prefix, name in (("", ""), ("/", "_again")):
        blueprint.add_url_rule(
            f"{prefix}/security/oauth/token", f"token{name}", oauth.token, methods=["POST"]
        )
        blueprint.add_url_rule(
            f"{prefix}/security/.well-known/jwks.json", f"jwks{name}", oauth.jwks, methods=["GET"]
        )


class OAuth:
    def __init__(self, state: AuviousState) -> None:
        self._state = state

    async def token(self) -> Response:
        """Issue a token (RFC 6749, section 5)."""
        fields = await form()
        address = client().address
        try:
            asked = read_request(
                request.args.items(multi=True),
                fields.items(multi=True),
                request.headers.get("Authorization", ""),
            )
            response = answer(await grant(self._state, asked, address, budget()))
        except TokenRefused as refused:
            self._state.services.login_refused(DIALECT, refused.error, address)
            response = token_error(refused)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Pragma"] = "no-cache"
        return response

    async def jwks(self) -> Response:
        """Publish the keys that verify tokens (RFC 7517)."""
        response = json_answer({"keys": self._state.ring.public()})
        response.headers["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
        return response


def token_error(refused: TokenRefused) -> Response:
    response = security_error(refused.error, refused.description, refused.status)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="auvious"'
    if refused.retry_after:
        response.headers["Retry-After"] = str(int(refused.retry_after) + 1)
    return response


def security_error(error: str, description: str, status: int) -> Response:
    body = TokenError(error=error, error_description=description)
    return json_answer(body.model_dump(), status)


def security_refusal(status: int) -> Response:
    """Return the error below /security for a status that the server around us decides."""
    error, description = SECURITY_ERRORS.get(status, ("invalid_request", "refused"))
    return security_error(error, description, status)
