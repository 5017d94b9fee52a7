"""What KPIs of calls have in common: which attempts were answered, and which say nothing."""

from __future__ import annotations

import polars as pl

from analyzer.kpi.record import Excluded

OUTCOME, DETAIL, STATUS = pl.col("outcome"), pl.col("outcome_detail"), pl.col("status")

ANSWERED = OUTCOME == "answered"
ATTEMPT = OUTCOME != "joined"

#: The attempt itself was not captured.
JOINED = Excluded("began before the capture", OUTCOME == "joined")
#: Its end was not captured: neither a success nor a failure.
UNFINISHED = Excluded("unfinished", OUTCOME == "unfinished")
#: A branch that lost against another, or a call that another one took over: the call that was answered counts.
ELSEWHERE = Excluded("answered elsewhere", OUTCOME == "answered_elsewhere")
REDIRECTED = Excluded("redirected", OUTCOME == "redirected")
ACTIVE = Excluded("still active", DETAIL == "active")

#: Nothing tells whether it ended in order: its session went silent, or of its answer the ACK alone was captured.
END_UNKNOWN = Excluded("whose end is not known", DETAIL.is_in(["expired", "final_unseen"]))

UNDECIDED = (JOINED, UNFINISHED, ELSEWHERE)
