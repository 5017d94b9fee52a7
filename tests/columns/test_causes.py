"""Reason (RFC 3326) and Warning (RFC 3261 §20.43) taken apart."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from analyzer.columns import causes


def one(parts: dict[str, pl.Expr], value: str | None) -> tuple[Any, ...]:
    return pl.DataFrame({"said": [value]}, schema={"said": pl.String}).select(**parts).row(0)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Q.850;cause=17;text="User busy"', ("Q.850", 17, "user busy", "User busy")),
        ('SIP ;cause=200 ;text="Call completed elsewhere"', ("SIP", 200, None, "Call completed elsewhere")),
        ('q.850 ; cause = "1"', ("Q.850", 1, "unallocated (unassigned) number", None)),
        ("RELEASE_CAUSE;cause=5", ("RELEASE_CAUSE", 5, "SIP response time-out", None)),
        ("FAILURE_CAUSE;cause=3", ("FAILURE_CAUSE", 3, "indication of failed resources allocation", None)),
        ("preemption ;cause=5", ("PREEMPTION", 5, "network preemption", None)),
        ('Q.850;text="a;cause=9";cause=16', ("Q.850", 16, "normal call clearing", "a;cause=9")),
        ('SIP;cause=480;text="a, b", Q.850;cause=1', ("SIP", 480, None, "a, b")),
        (r'SIP;cause=1;text="say \"no\""', ("SIP", 1, None, 'say "no"')),
        ("S1AP-NAS;cause=2", ("S1AP-NAS", 2, None, None)),
        ("Q.850", ("Q.850", None, None, None)),
        (";;;", (None, None, None, None)),
        (None, (None, None, None, None)),
    ],
)
def test_reason(header: str | None, expected: tuple[Any, ...]) -> None:
    """The examples of RFC 3326 §2, several values, quoted pairs, and rubbish."""
    assert one(causes.reason("said"), header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "307 isi.edu \"Session parameter 'foo' not understood\"",
            (307, "isi.edu", "Session parameter 'foo' not understood"),
        ),
        ('399 10.0.0.1:5060 "barred"', (399, "10.0.0.1:5060", "barred")),
        ("399", (399, None, None)),
        ("whatever", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_warning(header: str | None, expected: tuple[Any, ...]) -> None:
    """The example of RFC 3261 §20.43, and what is not as it should be."""
    assert one(causes.warning("said"), header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('SIP;cause=480, Q.850;cause=17;text="User busy, very"', 'Q.850;cause=17;text="User busy, very"'),
        ('SIP;cause=503;text="a, Q.850;cause=1"', 'SIP;cause=503;text="a, Q.850;cause=1"'),
        ("Q.850;cause=34, SIP;cause=503", "Q.850;cause=34"),
    ],
)
def test_the_q850_value_of_several_is_what_was_behind_a_status(header: str, expected: str) -> None:
    frame = pl.DataFrame({"reason_header": [header]})
    assert frame.select(causes.q850_first("reason_header")).item() == expected
