"""A request that is sent again with the credentials that were asked for."""

from __future__ import annotations

from sipmessage import Request, Response

from api.sip.auth import Credentials, authorization, challenges
from api.sip.header_values import written_again
from api.sip.messages import header


def with_credentials(
    request: Request, response: Response, credentials: Credentials, number: int
) -> Request | None:
    """Return a request that meets a 401 or 407; None if it cannot be met."""
    asked, told = (
        ("WWW-Authenticate", "Authorization")
        if response.code == 401
        else ("Proxy-Authenticate", "Proxy-Authorization")
    )
    met = challenges(response.headers.getlist(asked))
    if not met:
        return None
    # RFC 3261, section 22.3: the same credentials twice are wrong, unless the nonce was old.
    if header(request, told) and not met[0].stale:
        return None
    again = written_again(request, number)
    for name in ("Authorization", "Proxy-Authorization"):
        if name != told and header(request, name):
            again.headers.setlist(name, list(request.headers.getlist(name)))
    again.headers.set(told, authorization(credentials, met[0], request.method, str(request.uri)))
    return again
