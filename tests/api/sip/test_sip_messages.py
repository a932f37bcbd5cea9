"""What is a SIP message and what is none: names, lists, folding, limits, and any bytes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage import Request, Response

from api.sip.header_text import pieces, read_address, read_via
from api.sip.messages import (
    BadMessage,
    address,
    address_text,
    call_id,
    content_type,
    credentials,
    cseq,
    encode,
    header,
    header_list,
    number,
    parameter,
    parse,
    response_to,
    tag,
    tokens,
    top_via,
    with_tag,
)
from tests.api.sip.sip_requests import their_request
from tests.api.sip.torture import torture_messages

START = "OPTIONS sip:room@192.0.2.1 SIP/2.0"
FIELDS = {
    "Via": "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1",
    "From": "<sip:a@b.example>;tag=1",
    "To": "<sip:room@192.0.2.1>",
    "Call-ID": "c",
    "CSeq": "1 OPTIONS",
}
NAMES = ["From", "To", "Contact", "Via", "CSeq", "Expires", "Content-Type", "Authorization", "X"]


def written(start: str = START, body: bytes = b"", *more: str, **fields: str) -> bytes:
    """Return a request; `fields` replace those with their names, "_" is "-", "" leaves out."""
    named = FIELDS | {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [start, *(f"{name}: {value}" for name, value in named.items() if value), *more, "", ""]
    return "\r\n".join(lines).encode() + body


def refusal(data: bytes) -> BadMessage:
    with pytest.raises(BadMessage) as refused:
        parse(data)
    return refused.value


def test_short_names_and_lists_are_those_in_full() -> None:
    data = written(
        START, b"ab", "v: SIP/2.0/TCP 192.0.2.3;branch=x, sip/2.0/udp 192.0.2.4 : 5060",
        'm: "a, b" <sip:x@y.example;p=1>;q=1, <sip:z@y.example>', "k: timer,\r\n\t100rel", "L: 2",
        "c: Application/SDP;charset=x", "x: 1800;refresher=uac",
    )  # fmt: skip
    message = parse(data)
    assert len(message.headers.getlist("Via")) == 3
    assert [read_via(each).sent_by for each in message.headers.getlist("Via")] == [
        "192.0.2.2", "192.0.2.3", "192.0.2.4:5060",
    ]  # fmt: skip
    assert header_list(message, "contact") == [
        '"a, b" <sip:x@y.example;p=1>;q=1', "<sip:z@y.example>",
    ]  # fmt: skip
    assert tokens(message, "Supported") == ["timer", "100rel"]
    assert content_type(message) == "application/sdp"
    assert number(message, "Session-Expires") == 1800
    assert parameter(header(message, "Session-Expires"), "Refresher") == "uac"
    assert message.body == b"ab"
    assert address_text(message, "Contact") == "sip:x@y.example;p=1"


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("OPTIONS sip:room@192.0.2.1 sip/2.0", None),
        ("OPTIONS SIP:room@192.0.2.1 SIP/2.0", None),
        ("OPTIONS sip:room@192.0.2.1 SIP/3.0", 505),
        ("OPTIONS sip:room@192.0.2.1 HTTP/1.1", 400),
        ("OPTIONS sip:room@192.0.2.1:70000 SIP/2.0", 400),
        ("OPTIONS sip:room@192.0.2.1;self=1 SIP/2.0", 400),
        ("OPTIONS mailto:room@192.0.2.1 SIP/2.0", 416),
        ("OPTIONS room SIP/2.0", 400),
        (f"OPTIONS sip:{'a' * 2000}@b SIP/2.0", 400),
        ("OPTIONS  SIP/2.0", 400),
        ("OPTIONS", 400),
    ],
)
def test_start_lines(start: str, status: int | None) -> None:
    if status is None:
        assert isinstance(parse(written(start)), Request)
    else:
        assert refusal(written(start)).status == status


def test_methods_are_told_apart_by_case() -> None:
    assert refusal(written("options sip:room@192.0.2.1 SIP/2.0")).status == 400


@pytest.mark.parametrize("name", list(FIELDS))
def test_what_is_missing_is_refused_without_an_answer(name: str) -> None:
    bad = refusal(written(**{name.replace("-", "_"): ""}))
    assert (bad.status, bad.answerable) == (400, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"CSeq": "2147483648 OPTIONS"},
        {"CSeq": "9" * 5000 + " OPTIONS"},
        {"CSeq": "-1 OPTIONS"},
        {"CSeq": "OPTIONS"},
        {"CSeq": "1 BYE"},
        {"CSeq": "\u0663 OPTIONS"},
        {"Content_Length": "-1"},
        {"Content_Length": "1"},
        {"Content_Length": "9" * 5000},
        {"Content_Length": "\u0663"},
        {"Max_Forwards": "256"},
        {"Max_Forwards": "x"},
        {"Call_ID": "two words"},
        {"From": "nobody"},
        {"From": '"open <sip:a@b.example>'},
        {"From": "<sip:a@b.example"},
        {"To": "<sip:a@b.example>;=1"},
        {"Contact": "<>"},
        {"Route": "<sip:a@b.example>, x"},
        {"Bad name": "1"},
        {"X": "a\nb"},
    ],
)
def test_values_that_are_refused_and_answered(fields: dict[str, str]) -> None:
    bad = refusal(written(**fields))
    assert bad.status == 400
    assert bad.answerable is not None
    assert response_to(bad.answerable, 400).code == 400


def test_the_largest_numbers_are_taken() -> None:
    message = parse(written(CSeq="2147483647 OPTIONS", Expires="4294967295", Min_SE="4294967296"))
    assert cseq(message).sequence == 2**31 - 1
    assert number(message, "Expires") == 2**32 - 1
    assert number(message, "Min-SE") is None


def test_sizes_have_limits() -> None:
    via = "Via: SIP/2.0/UDP 192.0.2.3;branch=x"
    assert len(parse(written(START, b"", *[via] * 63)).headers.getlist("Via")) == 64
    assert refusal(written(START, b"", *[via] * 64)).status == 400
    assert refusal(written(START, b"", "v: " + ",".join(["SIP/2.0/UDP h"] * 64))).status == 400
    assert refusal(written(START, b"x" * 65_536)).status == 513
    assert refusal(written(START, b"", *["X: 1"] * 300)).status == 513
    assert refusal(written(START, b"", f"X: {'x' * 9000}")).status == 513
    assert refusal(written(START, b"", *[f"X: {'x' * 8000}"] * 3)).status == 513
    assert refusal(written("A" * 65 + START)).status == 400


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n\r\n", b"\0", b"\xff" * 40 + b"\r\n\r\n", written().replace(b"\r\n", b"\n"),
     written(From="<sip:\udcff@b>;tag=1".encode("utf-8", "replace").decode()) [:-2]],
)  # fmt: skip
def test_what_is_no_message_is_refused_without_an_answer(data: bytes) -> None:
    assert refusal(data).answerable is None


def test_headers_that_are_no_utf_8_are_refused() -> None:
    assert refusal(written().replace(b"Call-ID: c", b"Call-ID: \xe9")).status == 400


def test_an_ack_is_never_answered() -> None:
    data = written(START.replace("OPTIONS", "ACK"), CSeq="1 ACK", Max_Forwards="999")
    assert refusal(data).answerable is None


def test_a_line_break_in_what_we_write_adds_no_header() -> None:
    response = response_to(their_request("OPTIONS"), 400, "Bad\r\nX: 1")
    response.headers.set("Warning", "a\r\nContent-Length: 7\r\n\r\nb")
    again = parse(encode(response))
    assert isinstance(again, Response)
    assert header(again, "X") == ""
    assert number(again, "Content-Length") == 0


def test_a_response_copies_what_it_has_to_as_it_stands() -> None:
    request = parse(
        written(From="A <sip:a@b.example;x=%41>;tag=a*b'c", Record_Route="<sip:p;lr>, <sip:q;lr>")
    )
    assert isinstance(request, Request)
    response = response_to(request, 180, to_tag="t")
    assert header(response, "From") == "A <sip:a@b.example;x=%41>;tag=a*b'c"
    assert tag(response, "From") == "a*b'c"
    assert header(response, "To") == "<sip:room@192.0.2.1>;tag=t"
    assert response.headers.getlist("Record-Route") == ["<sip:p;lr>", "<sip:q;lr>"]
    assert response.phrase == "Ringing"
    assert response_to(request, 486).headers.getlist("Record-Route") == []


def test_a_tag_stays() -> None:
    assert with_tag("<sip:a;tag=x>", "t") == "<sip:a;tag=x>;tag=t"
    assert with_tag("<sip:a>; TAG = x", "t") == "<sip:a>; TAG = x"


def test_parameters_are_those_of_the_header() -> None:
    assert parameter('"a;tag=1" <sip:a;tag=2>;tag=3', "tag") == "3"
    assert parameter("<sip:a;tag=2>", "tag") is None
    assert parameter('x;y="a\\"b"', "Y") == 'a"b'
    assert parameter("x;lr", "lr") == ""
    assert read_address('"<x>" <sip:a@b?c=d>').uri == "sip:a@b?c=d"


@pytest.mark.parametrize(
    "value",
    [
        "<" * 8000,
        '"\\' * 4000,
        ";" * 8000,
        'a="\\",' * 1000,
        f"tel:{'1' * 8000}!",
        f"{'a' * 8000}@",
        f"sip:{'a-' * 4000}",
        f"sip:a;{'b=c;' * 2000}",
        f"<tel:{'1' * 1000}!>",
        f"<sip:a:{'0' * 1000}>",
    ],
    ids=range(10),
)  # fmt: skip
def test_no_header_takes_long_to_read(value: str) -> None:
    begun = time.process_time()
    for name in ("From", "Contact", "Via", "Route"):
        try:
            message = parse(written(**{name: value}))
        except BadMessage:
            continue
        address(message, name)
    assert time.process_time() - begun < 2


def read_everything(message: Request | Response) -> None:
    for name in NAMES:
        for get in (header, header_list, tokens, number, address, address_text, tag):
            get(message, name)
    cseq(message), call_id(message), content_type(message), top_via(message)


def parsed_or_refused(data: bytes) -> None:
    try:
        message = parse(data)
    except BadMessage as bad:
        if bad.answerable is not None:
            encode(response_to(bad.answerable, bad.status, bad.words, "t"))
            read_everything(bad.answerable)
        return
    read_everything(message)
    # What we write can be read again, if only the URI is one that comes out as it went in.
    again = encode(message)
    if isinstance(message, Response):
        assert encode(parse(again)) == again


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    parsed_or_refused(data)
    parsed_or_refused(data + b"\r\n\r\n")
    parsed_or_refused(written()[:-2] + data + b"\r\n\r\n")


@given(st.sampled_from(torture_messages()), st.data())
def test_messages_that_were_changed_are_parsed_or_refused(
    torture: object, draw: st.DataObject
) -> None:
    data = bytearray(torture.data)  # type: ignore[attr-defined]
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(data)))
        end = draw.draw(st.integers(at, min(len(data), at + 20)))
        data[at:end] = draw.draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from([b"", b"\r\n", b'"', b"<", b">", b",", b";", b"%", b"=", b":"]),
            )
        )
    parsed_or_refused(bytes(data))


@given(st.text(alphabet='ab "<>,;:=\\?@%sip', max_size=60))
def test_any_value_of_a_header_is_parsed_or_refused(value: str) -> None:
    for name in ("From", "To", "Via", "Contact", "Route", "Call_ID"):
        parsed_or_refused(written(**{name: value}))


@given(
    st.lists(
        st.text(alphabet='ab"\\;=', max_size=8).map(
            lambda text: f'"{text}"' if '"' not in text and "\\" not in text else "x"
        ),
        min_size=1,
    )
)
def test_lists_are_split_where_they_were_joined(values: list[str]) -> None:
    assert pieces(",".join(values), ",") == values


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (
            'Digest Realm="a \\"b, c", qop="auth,auth-int" , nc=00000001,uri="sip:a@b;x=1"',
            ("digest", {
                "realm": 'a "b, c', "qop": "auth,auth-int", "nc": "00000001", "uri": "sip:a@b;x=1",
            }),
        ),
        ("Digest a=1, a=2", None),
        ("Digest", None),
        ("Bearer abc", None),
        ('Digest a="', None),
        ("Digest a=1,,b=2", None),
        ("", None),
        ("Digest " + 'a="\\",a="",' * 600 + "!", None),
    ],
    ids=range(8),
)  # fmt: skip
def test_credentials_are_read_in_one_pass(
    value: str, read: tuple[str, dict[str, str]] | None
) -> None:
    assert credentials(value) == read
