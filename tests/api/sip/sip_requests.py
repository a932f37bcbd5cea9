"""Requests and responses for the tests of the wire of SIP."""

from __future__ import annotations

from sipmessage import URI, Request, Response

from api.sip.flows import Flow
from api.sip.messages import parse, response_to

UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5062))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5062))


def their_request(
    method: str, branch: str = "z9hG4bKtheirs", *, cseq: int = 1, call: str = "call"
) -> Request:
    """Return a request as it comes from the other side."""
    request = parse(
        (
            f"{method} sip:room@192.0.2.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 10.0.0.7:5060;rport;branch={branch}\r\n"
            "From: <sip:caller@192.0.2.2>;tag=theirs\r\nTo: <sip:room@192.0.2.1>\r\n"
            f"Call-ID: {call}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\r\n"
        ).encode()
    )
    assert isinstance(request, Request)
    return request


def our_request(method: str) -> Request:
    """Return a request that a user agent hands down: without a Via."""
    request = Request(method, URI.parse("sip:callee@192.0.2.2"))
    request.headers.set("From", "<sip:room@192.0.2.1>;tag=ours")
    request.headers.set("To", "<sip:callee@192.0.2.2>")
    request.headers.set("Call-ID", "out")
    request.headers.set("CSeq", f"7 {method}")
    request.headers.set("Route", "<sip:192.0.2.2;lr>")
    request.headers.set("Max-Forwards", "70")
    return request


def answer_to(sent: bytes, status: int) -> Response:
    """Return the other side's response to the bytes of a request of ours."""
    request = parse(sent)
    assert isinstance(request, Request)
    return response_to(request, status, to_tag="theirs")
