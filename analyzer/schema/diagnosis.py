"""Findings."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import MaskClass as M
from analyzer.schema.column import words
from analyzer.schema.table import ESTIMATE, Section, Table

# A column is a row of a table, and is laid out as one.
# fmt: off

FINDINGS = Table(
    "findings",
    "One cause of trouble, with all the calls that it hurt.",
    (
        C("finding", "int", "1..n, the one that hurt most first."),
        C("rule", "text", "Number of the rule; docs/findings.md lists them.", mask=M.OPEN),
        C("code", "text", "Name of the rule.", mask=M.OPEN),
        C("severity", "text", "Severity.", values=(("error", "calls or registrations failed or broke"),
          ("warning", "they may have"), ("info", "worth knowing")), mask=M.OPEN),
        C("confidence", "share", "Confidence in the conclusion."),
        C("calls", "int", "Number of calls that it hurt."),
        C("cases", "int", "Number of cases: calls, registrations, requests outside calls, or nodes."),
        C("call_numbers", "text", "Numbers of the first of these calls, as in calls.no.", mask=M.OPEN),
        C("nodes", "text", "ip:port of the nodes at fault, or where it was observed, separated by spaces.",
          mask=M.SENTENCE),
        C("first_at", "time", "Time of the first message that shows it."),
        C("last_at", "time", "Time of the first message of the last case."),
        C("frames", "texts", "Packets that show it, as file:frame.", mask=M.FILE),
        C("title", "text", "What is wrong, in one line.", mask=M.OPEN),
        C("explanation", "text", "What was observed, and what that means.", mask=M.SENTENCE),
        C("causes", "text", "Likely causes, the likeliest first, separated by semicolons.", mask=M.OPEN),
        C("confirm", "text", "Command or display filter that shows it; CAPTURE stands for the files you read.",
          mask=M.SENTENCE),
        C("remedy", "text", "What to do.", mask=M.OPEN),
        C("standard", "text", "Clause that the rule rests on.", mask=M.OPEN),
        C("call", "key", "First of these calls; null outside calls."),
        C("message", "key", "First message that shows it; null for a finding about the capture."),
    ),
    made_by="analyzer.diagnose.findings:diagnosis",
    scope=ESTIMATE,
    belongs_to=("finding",),
    shown=words("finding rule severity calls cases title nodes call_numbers confidence frames"),
    section=Section(0, "Findings", "No rule of diagnosis found anything."),
    spoken=True,
    note=(
        "A finding swallows its consequences, and calls with one cause are one finding. Rules that conclude from "
        "something missing are silent where the capture itself lost packets. finding_cases lists every case. The "
        "command prints three lines a finding; the whole text: --rule RULE; the table: --wide."
    ),
    example="severity = 'error' and calls > 1",
)

FINDING_CASES = Table(
    "finding_cases",
    "One call, registration, request or node that a finding is about.",
    (
        C("finding", "int", "Number of the finding, as in findings."),
        C("rule", "text", "Number of the rule.", mask=M.OPEN),
        C("code", "text", "Name of the rule.", mask=M.OPEN),
        C("call", "key", "Call; null outside calls."),
        C("message", "key", "Message that shows it; null for a finding about the capture."),
        C("node", "text", "ip:port of the node at fault, or where it was observed.", mask=M.HOST),
    ),
    made_by="analyzer.diagnose.findings:diagnosis",
    scope=ESTIMATE,
    belongs_to=("call", "message"),
    shown=words("finding rule code node call message"),
    note="The calls behind each row of findings.",
    example="code = 'ack_missing'",
)
