"""What pages say of their calls: what is taken of it, and how much."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.words.quality import CallFailedReason, Quality
from api.http.call_reports import (
    FAILURE_SECONDS,
    FAILURES_AT_ONCE,
    QUALITY_SECONDS,
    BadReport,
    FailedCall,
    QualityReport,
    ReportRate,
    read_report,
)
from api.spreed.wire import CallFailedDocument, body_of, decode


def test_a_report_is_kept_as_quality() -> None:
    report = read_report(
        b'{"loss":0.01,"roundTrip":0.05,"jitter":0.004,"bitsIn":1,"bitsOut":2,"connections":2}',
        QualityReport,
    )
    assert report.quality(17.0) == Quality(0.01, 0.05, 0.004, 1, 2, 2, 17.0)


def test_what_a_page_does_not_know_it_leaves_out_or_says_as_null() -> None:
    assert read_report(b"{}", QualityReport).quality(1.0) == Quality(at=1.0)
    assert read_report(b'{"loss":null,"other":[1]}', QualityReport) == QualityReport()


@pytest.mark.parametrize(
    "document",
    [
        b"", b"[]", b"null", b"7", b"{", b'{"loss":1.01}', b'{"loss":-0.1}', b'{"loss":NaN}',
        b'{"loss":"0"}', b'{"roundTrip":1e9}', b'{"jitter":true}', b'{"connections":1.5}',
        b'{"connections":-1}', b'{"connections":10001}', b'{"bitsIn":1e300}', b'{"bitsOut":{}}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_cannot_be_is_no_report(document: bytes) -> None:
    with pytest.raises(BadReport):
        read_report(document, QualityReport)


def test_a_failed_call_has_a_reason_and_kinds_of_candidates() -> None:
    document = b'{"username":"x","reason":"no_route","local":["host","srflx"],"remote":["relay"]}'
    call = read_report(document, FailedCall)
    assert call == FailedCall(CallFailedReason.NO_ROUTE, ["host", "srflx"], ["relay"])


def test_spreed_spells_it_in_its_own_way() -> None:
    incoming = decode(
        b'{"Type":"CallFailed","CallFailed":{"To":"a","Reason":"dtls","Local":["host"],"Remote":[]}}'
    )
    found = body_of(incoming, CallFailedDocument)
    assert (found.to, found.call) == ("a", FailedCall(CallFailedReason.DTLS, ["host"]))


@pytest.mark.parametrize(
    "document",
    [
        b"{}", b'{"reason":"because"}', b'{"reason":null}',
        b'{"reason":"dtls","local":["192.0.2.7"]}',
        b'{"reason":"dtls","local":"host"}', b'{"reason":"dtls","remote":[["host"]]}',
        b'{"reason":"dtls","local":[%b"host"]}' % (b'"host",' * 32),
    ],
)  # fmt: skip
def test_other_reasons_and_kinds_are_no_failed_call(document: bytes) -> None:
    with pytest.raises(BadReport):
        read_report(document, FailedCall)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_nothing_that_is_sent_raises_anything_else(text: str) -> None:
    for kind in (QualityReport, FailedCall):
        for document in (text, f'{{"loss":{text}}}', f'{{"reason":"dtls","local":{text}}}'):
            with suppress(BadReport):
                read_report(document.encode(), kind)


def test_reports_of_quality_are_looked_at_now_and_then() -> None:
    rate = ReportRate()
    times = [0.0, 0.1, QUALITY_SECONDS - 0.1, QUALITY_SECONDS, QUALITY_SECONDS + 1]
    assert [rate.takes_quality(now) for now in times] == [True, False, False, True, False]


def test_failed_calls_are_counted_up_to_a_rate() -> None:
    rate = ReportRate()
    assert sum(rate.takes_failure(100.0) for _ in range(100)) == FAILURES_AT_ONCE
    assert not rate.takes_failure(100.0 + FAILURE_SECONDS / 2)
    assert rate.takes_failure(100.0 + FAILURE_SECONDS)
    assert not rate.takes_failure(100.0 + FAILURE_SECONDS)
    assert sum(rate.takes_failure(10_000.0) for _ in range(100)) == FAILURES_AT_ONCE
