"""Dialogs: what the two ends of a call know of each other (RFC 3261, section 12)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipmessage import URI, Address, Request, Response

from api.sip.flows import Flow
from api.sip.header_values import address, addresses, call_id, sequence, tag

MOST_FORWARDS = "70"
MOST_ROUTES = 16


@dataclass(slots=True)
class Dialog:
    """One end of a dialog, or of one that may come: without `remote_tag` it is not there yet.

    `local` and `remote` are the values of From and To, without tags, as our end writes them.
    """

    call_id: str
    local_tag: str
    local: Address
    remote: Address
    target: URI
    contact: str
    flow: Flow
    remote_tag: str = ""
    routes: list[Address] = field(default_factory=list)
    local_sequence: int = 0
    remote_sequence: int = -1

    def request(self, method: str, number: int | None = None) -> Request:
        """Return a request in the dialog; `number` is its CSeq, else the next one (12.2.1.1)."""
        if number is None:
            self.local_sequence += 1
            number = self.local_sequence
        target, routes = self.target, [str(route) for route in self.routes]
        if self.routes and "lr" not in self.routes[0].uri.parameters:  # a strict router
            target = self.routes[0].uri
            routes = [*routes[1:], f"<{self.target}>"]
        request = Request(method, target)
        headers = request.headers
        headers.add("Max-Forwards", MOST_FORWARDS)
        headers.add("From", f"{self.local};tag={self.local_tag}")
        headers.add(
            "To", f"{self.remote};tag={self.remote_tag}" if self.remote_tag else str(self.remote)
        )
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
        number = sequence(request)[0]
        if number <= self.remote_sequence:
            return False
        self.remote_sequence = number
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """Send to the Contact of this from now on; of requests and answers that move it."""
        moved = address(message, "Contact")
        if moved is not None:
            self.target = moved.uri

    def established(self, response: Response) -> None:
        """Take tag, route set and target of a response to our INVITE (12.1.2)."""
        self.remote_tag = tag(response, "To")
        recorded = addresses(response, "Record-Route") or []
        self.routes = recorded[:MOST_ROUTES][::-1]
        self.refresh_target(response)


def bare(named: Address) -> Address:
    """Return an address without its tag and other parameters."""
    return Address(named.uri, named.name)


def contact_of(flow: Flow, user: str) -> str:
    """Return the value of our Contact: where the flow ends here, over its transport."""
    host, port = flow.local
    shown = f"[{host}]" if ":" in host else host
    parameter = "" if flow.transport == "udp" else f";transport={flow.transport}"
    return f"<{URI('sip', shown, user or None, port=port)}{parameter}>"


def called(request: Request, local_tag: str, flow: Flow) -> Dialog | None:
    """Return the dialog that an INVITE begins at its callee (12.1.1); None if it lacks for it."""
    local, remote = address(request, "To"), address(request, "From")
    target = address(request, "Contact")
    routes = addresses(request, "Record-Route")
    if local is None or remote is None or target is None or routes is None:
        return None
    if len(routes) > MOST_ROUTES or target.uri.scheme == "tel" or not call_id(request):
        return None
    return Dialog(
        call_id(request), local_tag, bare(local), bare(remote), target.uri,
        contact_of(flow, request.uri.user or ""), flow, tag(request, "From"), routes,
        remote_sequence=sequence(request)[0],
    )  # fmt: skip
