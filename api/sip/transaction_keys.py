"""What tells one transaction from another (RFC 3261 17.1.3, 17.2.3), and our own Via."""

from __future__ import annotations

from hashlib import blake2b

from sipmessage import Request

from api.sip.flows import Flow
from api.sip.messages import call_id, cseq, tag, top_via

COOKIE = "z9hG4bK"  # begins a branch that is unique, of RFC 3261


def server_key(request: Request, flow: Flow, method: str) -> bytes:
    """Return by what a request is found again, as if it had another method.

    An ACK and a CANCEL have the key of the INVITE they mean, with method "INVITE". The sender's
    host is a part of it: nobody cancels a call from elsewhere. The request's top Via must be as
    it came. Without a branch of RFC 3261 the fields of RFC 2543 are taken, but for the tag of
    To, which an ACK has got from our answer.
    """
    via = top_via(request)
    branch = (via.parameters.get("branch") or "") if via is not None else ""
    parts: tuple[str, ...]
    # The cookie's case is not significant, so little as that of any token.
    if via is not None and len(branch) > len(COOKIE) and branch.lower().startswith(COOKIE.lower()):
        parts = (branch.lower(), via.sent_by)
    else:
        parts = (
            "RFC 2543",
            str(request.uri),
            tag(request, "From"),
            call_id(request),
            str(cseq(request).sequence),
            request.headers.get("Via") or "",
        )
    text = "\n".join((flow.transport, flow.remote[0], method, *parts))
    return blake2b(text.encode(errors="replace"), digest_size=16).digest()


def via_of(flow: Flow, branch: str) -> str:
    """Return the Via of a request of ours (RFC 3261 18.1.1, RFC 3581)."""
    host, port = flow.local
    host = f"[{host}]" if ":" in host else host
    return f"SIP/2.0/{flow.transport.upper()} {host}:{port};branch={branch};rport"


def with_via(request: Request, via: str) -> Request:
    """Return a copy of a request, with one Via, before all else."""
    made = Request(request.method, request.uri, request.body)
    made.headers.set("Via", via)
    for name in request.headers.keys():  # noqa: SIM118 - no dict
        if name.lower() != "via":
            made.headers.setlist(name, list(request.headers.getlist(name)))
    return made
