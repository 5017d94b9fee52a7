"""Dialogues to rows of ``calls``, with times in seconds after the start of the capture."""

from __future__ import annotations

from typing import Any

import polars as pl

from analyzer.sip.calls import CallAttempts, attempts
from analyzer.sip.dialogs import dialogs
from analyzer.sip.transactions import transactions
from tests.sip import frames


def read(dialogue: str, *, end: float = 1000.0, failed: str = "") -> CallAttempts:
    return attempts_of(frames.messages(dialogue), failed, frames.at(end))


def attempts_of(messages: pl.DataFrame, failed: str, end: int | None) -> CallAttempts:
    found = transactions(messages, frames.failures(failed), end=end)
    return attempts(messages, found, dialogs(messages, found, end=end), end=end)


def calls(dialogue: str, **options: Any) -> list[dict[str, Any]]:
    return [_relative(row) for row in read(dialogue, **options).calls.to_dicts()]


def call(dialogue: str, **options: Any) -> dict[str, Any]:
    (row,) = calls(dialogue, **options)
    return row


def _relative(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its times in seconds after the capture's start."""
    start = frames.messages("A -> B INVITE @0")["time"][0]
    return {
        name: (value - start).total_seconds() if name.endswith("_at") and value is not None else value
        for name, value in row.items()
    }


def facts(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def ending(row: dict[str, Any]) -> tuple[Any, ...]:
    return facts(row, "outcome", "outcome_detail", "status", "released_by")


# Alice behind a proxy calls Bob, who rings, answers and hangs up.
BASIC = """
UAC -> P    INVITE branch=a                           @0.000
P   -> UAC  100 INVITE branch=a                       @0.010
P   -> UAS  INVITE branch=b,a                         @0.020
UAS -> P    180 INVITE branch=b,a to_tag=y            @0.500
P   -> UAC  180 INVITE branch=a to_tag=y              @0.510
UAS -> P    200 INVITE branch=b,a to_tag=y            @3.500
P   -> UAC  200 INVITE branch=a to_tag=y              @3.510
UAC -> P    ACK branch=c to_tag=y                     @3.520
P   -> UAS  ACK branch=d,c to_tag=y                   @3.530
UAS -> P    BYE branch=e from_tag=y to_tag=x cseq=1   @63.500
P   -> UAC  BYE branch=f,e from_tag=y to_tag=x cseq=1 @63.530
UAC -> P    200 BYE branch=f,e from_tag=y to_tag=x    @63.540
P   -> UAS  200 BYE branch=e from_tag=y to_tag=x      @63.550
"""
INVITE = "UAC -> P INVITE @0\n"
RINGING = INVITE + "P -> UAC 180 INVITE to_tag=y @1\n"
ANSWERED = RINGING + "P -> UAC 200 INVITE to_tag=y @5\nUAC -> P ACK branch=k to_tag=y @5.1\n"
