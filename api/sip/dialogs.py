"""Dialogs: what the two ends of a call know of each other (RFC 3261, section 12)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipmessage import URI, Request

from api.sip.flows import Flow
from api.sip.header_text import read_address, read_uri
from api.sip.messages import (
    Message,
    address_text,
    call_id,
    cseq,
    header,
    header_list,
    tag,
    with_tag,
)

MOST_FORWARDS = "70"
MOST_ROUTES = 16


@dataclass(slots=True)
class Dialog:
    """One end of a dialog, or of one that may come: without `remote_tag` it is not there yet.

    `local` and `remote` are the values of From and To as our end writes them: ours has its tag.
    """

    call_id: str
    local_tag: str
    local: str
    remote: str
    target: URI
    contact: str
    flow: Flow
    remote_tag: str = ""
    routes: list[str] = field(default_factory=list)
    local_sequence: int = 0
    remote_sequence: int = -1

    def request(self, method: str, number: int | None = None) -> Request:
        """Return a request in the dialog; `number` is its CSeq, else the next one (12.2.1.1)."""
        if number is None:
            self.local_sequence += 1
            number = self.local_sequence
        target, routes = self.target, self.routes
        strict = _strict(routes[0]) if routes else None
        if strict is not None:
            target, routes = strict, [*routes[1:], f"<{self.target}>"]
        request = Request(method, target)
        headers = request.headers
        headers.add("Max-Forwards", MOST_FORWARDS)
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{number} {method}")
        for route in routes:
            headers.add("Route", route)
        if method in ("INVITE", "UPDATE"):
            headers.add("Contact", self.contact)
        headers.add("Content-Length", "0")
        return request

    def in_order(self, request: Request) -> bool:
        """Take note of a request's CSeq; False where it is not above the last one (12.2.2)."""
        number = cseq(request).sequence
        if number <= self.remote_sequence:
            return False
        self.remote_sequence = number
        return True

    def refresh_target(self, message: Message) -> None:
        """Send to the Contact of this from now on; of requests and answers that move it."""
        self.target = contact_uri(message) or self.target

    def established(self, response: Message) -> None:
        """Take tag, route set and target of a response to our INVITE (12.1.2)."""
        self.remote_tag = tag(response, "To")
        self.remote = header(response, "To")
        self.routes = header_list(response, "Record-Route")[:MOST_ROUTES][::-1]
        self.refresh_target(response)


def contact_uri(message: Message) -> URI | None:
    """Return the URI of Contact; None without one that requests can go to."""
    try:
        found = read_uri(address_text(message, "Contact").partition("?")[0])
    except (TypeError, ValueError):
        return None
    return None if found.scheme == "tel" else found


def _strict(route: str) -> URI | None:
    """Return the URI of a router without "lr", to which requests are addressed (12.2.1.1)."""
    try:
        found = read_uri(read_address(route).uri.partition("?")[0])
    except (TypeError, ValueError):
        return None
    return None if "lr" in found.parameters else found


def contact_of(flow: Flow, user: str) -> str:
    """Return the value of our Contact: where the flow ends here, over its transport."""
    host, port = flow.local
    shown = f"[{host}]" if ":" in host else host
    parameter = "" if flow.transport == "udp" else f";transport={flow.transport}"
    return f"<{URI('sip', shown, user or None, port=port)}{parameter}>"


def called(request: Request, local_tag: str, flow: Flow) -> Dialog | None:
    """Return the dialog that an INVITE begins at its callee (12.1.1); None if it lacks for it."""
    target, routes = contact_uri(request), header_list(request, "Record-Route")
    if target is None or len(routes) > MOST_ROUTES or not tag(request, "From"):
        return None
    return Dialog(
        call_id(request), local_tag, with_tag(header(request, "To"), local_tag),
        header(request, "From"), target, contact_of(flow, request.uri.user or ""), flow,
        tag(request, "From"), routes, remote_sequence=cseq(request).sequence,
    )  # fmt: skip
