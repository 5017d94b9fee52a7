"""The verdict of a call: what went wrong, at which node, since when, and what to check. One place for every output.

::

    call_failures --> who failed the call, and when            } the first line
    calls         --> of a call without a failure: what broke  }
    findings      --> why, and how many calls since when         the second
    findings      --> what to do                                 the third

A call that went as it should has none. A call that was answered has one if something broke it, or if a rule of
diagnosis found an error or a warning in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzer.diagnose.explanation import BROKE
from analyzer.sip import next_hops

if TYPE_CHECKING:
    import polars as pl

Say = Callable[[str], str]
Row = Mapping[str, Any]

#: Outcomes of calls that failed: no person ended them (RFC 6076 §4.8 counts them as ineffective or failed).
FAILED = ("unreachable", "negotiation_failed", "auth_failed", "server_failure", "client_error", "timeout")
#: Outcomes that are what people did: nothing is broken.
OF_PEOPLE = ("busy", "no_answer", "cancelled", "rejected", "redirected")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What went wrong with one call; the texts are not yet safe for a terminal or a page.

    ``sentence`` names the node, ``cause`` the finding with its calls, ``check`` what to do; the last two may be empty.
    """

    sentence: str
    cause: str = ""
    check: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """One to three lines."""
        return tuple(line for line in (self.sentence, self.cause, self.check) if line)


def verdicts(
    calls: pl.DataFrame,
    tables: Callable[[str], pl.DataFrame],
    named: Callable[[str | None], str],
    *,
    say: Say = str,
    tz: str = "UTC",
) -> dict[int, Verdict]:
    """By its key the verdict of each of these calls that has one.

    Args:
        calls: rows of ``calls``.
        tables: gives call_failures, findings, finding_cases and transactions, of these calls or of all.
        named: role and address of the node at an ``ip:port``.
        say: the lookup of the language.
        tz: the zone in which times are told.
    """
    failures = {row["call"]: row for row in tables("call_failures").iter_rows(named=True)}
    found = _findings(tables)
    asked = _asked(tables("transactions"), failures.values())
    told = {}
    columns = ("call", "outcome", "outcome_detail", "status", "reason_phrase", "started_at", "answered_at", "ended_at")
    for call in calls.select(columns).iter_rows(named=True):
        finding = found.get(call["call"])
        sentence = _sentence(call, failures.get(call["call"]), finding, asked, named, say)
        if sentence:
            told[call["call"]] = Verdict(sentence, *_because(call, failures.get(call["call"]), finding, say, tz))
    return told


def _findings(tables: Callable[[str], pl.DataFrame]) -> dict[int, Row]:
    """The first finding of each call that is more than worth knowing: they are ranked by harm."""
    import polars as pl

    findings = tables("findings").filter(pl.col("severity") != "info")
    if findings.is_empty():
        return {}
    cases = tables("finding_cases").drop_nulls("call").join(findings.select("finding"), on="finding", how="semi")
    first = cases.group_by("call").agg(pl.col("finding").min())
    by_number = {row["finding"]: row for row in findings.iter_rows(named=True)}
    return {call: by_number[number] for call, number in first.iter_rows()}


def _asked(transactions: pl.DataFrame, failures: Iterable[Row]) -> dict[tuple[int, str], int]:
    """How often the INVITE of a call was sent to the node that did not answer."""
    import polars as pl

    silent = {row["unresponsive_node"] for row in failures} - {None}
    if not silent:
        return {}
    own = transactions.filter(method="INVITE").with_columns(
        server=pl.when(pl.col("server_ip").str.contains(":"))
        .then(pl.format("[{}]:{}", "server_ip", "server_port"))
        .otherwise(pl.format("{}:{}", "server_ip", "server_port"))
    )
    own = own.filter(pl.col("server").is_in(list(silent))).drop_nulls("call")
    counts = own.group_by("call", "server").agg(pl.col("request_copies").sum())
    return {(call, server): copies for call, server, copies in counts.iter_rows()}


def _sentence(
    call: Row,
    failure: Row | None,
    finding: Row | None,
    asked: Mapping[tuple[int, str], int],
    named: Callable[[str | None], str],
    say: Say,
) -> str:
    if failure is not None:
        return _failed(call, failure, asked, named, say)
    at = named(_node(finding)) if _node(finding) else ""
    if call["outcome"] == "answered" and call["outcome_detail"] in BROKE:
        talked = _between(call["answered_at"], call["ended_at"])
        where = say(" at {node}").format(node=at) if at else ""
        return _filled(_BROKE(say)[call["outcome_detail"]], after=talked, say=say) + where
    if finding is not None and call["outcome"] in ("answered", "answered_elsewhere", "joined"):
        told = say("the call was answered, but: {title} at {node}" if at else "the call was answered, but: {title}")
        return told.format(title=finding["title"], node=at)
    if finding is not None:
        return (say("{title} at {node}") if at else say("{title}")).format(title=finding["title"], node=at)
    return ""


def _node(finding: Row | None) -> str | None:
    return finding["nodes"].split(" ")[0] if finding is not None and finding["nodes"] else None


def _BROKE(say: Say) -> dict[str, str]:
    return {
        "no_ack": say("the call was answered, but no ACK came, and it ended{after}"),
        "timer_expiry": say("the call was answered, and released by a session timer{after}"),
        "expired": say("the call was answered, and its end was never seen"),
        "dropped": say("the call was answered, and dropped: nobody hung up{after}"),
    }


def _failed(
    call: Row, failure: Row, asked: Mapping[tuple[int, str], int], named: Callable[[str | None], str], say: Say
) -> str:
    """Who failed the call: the node at ``failing_node`` of call_failures comes first."""
    after = _between(call["started_at"], failure["seen_at"])
    status = failure["first_status"]
    answer = f"{status} {failure['reason_phrase'] or ''}".rstrip() if status is not None else ""
    who, silent = named(failure["address"]), failure["unresponsive_node"]
    if silent and (failure["failing_node"] == silent or not answer):
        return _silent(call, failure, asked, named(silent), who if answer else "", answer, after, say)
    if not answer and failure["address"] is None:
        return say("nobody answered the INVITE")
    if not answer:
        given_up = say("{node} gave up{after}: the called side had not answered")
        cancelled = say("the caller gave up{after}: CANCEL from {node}")
        text = cancelled if call["outcome"] in ("cancelled", "no_answer") else given_up
        return _filled(text, node=who, after=after, say=say)
    if failure["on_behalf_of"] == "user":
        text = say("{node} refused the call for its user{after}: {answer}")
        if call["outcome"] == "busy":
            text = say("the called user was busy: {node} answered {answer}{after}")
        elif call["outcome"] == "no_answer":
            text = say("the called user did not answer: {node} sent {answer}{after}")
    elif failure["on_behalf_of"] == "timer":
        text = say("{node} gave up{after}: {answer}")
    else:
        text = say("{node} refused the call{after}: {answer}")
    return _filled(text, node=who, answer=answer, after=after, say=say)


def _silent(
    call: Row,
    failure: Row,
    asked: Mapping[tuple[int, str], int],
    silent: str,
    who: str,
    answer: str,
    after: float | None,
    say: Say,
) -> str:
    copies = asked.get((call["call"], failure["unresponsive_node"]), 0)
    if failure["rule"] == next_hops.NOT_REACHED or failure["on_behalf_of"] == "network":
        first = say("{node} could not be reached").format(node=silent)
    elif copies > 1:
        first = say("{node} did not answer the INVITE, which was sent {n} times").format(node=silent, n=copies)
    else:
        first = say("{node} did not answer the INVITE").format(node=silent)
    if not answer:
        return first
    then = _filled(say("; {node} gave up{after} with {answer}"), node=who, answer=answer, after=after, say=say)
    return first + then


def _because(call: Row, failure: Row | None, finding: Row | None, say: Say, tz: str) -> tuple[str, str]:
    """Why, with how many calls it hurt since when; and what to check."""
    cause = ""
    if failure is not None and failure["reason"]:
        cause = f"{failure['reason_protocol']} {failure['reason_cause']}: {failure['reason']}"
    if finding is None:
        people = call["outcome"] in OF_PEOPLE or call["status"] is None
        return cause, "" if people else say("check: sip-analyzer explain {status}").format(status=call["status"])
    why = f"{finding['title']}{f' ({cause})' if cause else ''}; {finding['rule']}"
    if finding["calls"] > 1 and finding["first_at"] is not None:
        since = say("{why}, {n:,} calls since {time}")
        why = since.format(why=why, n=finding["calls"], time=_time(finding["first_at"], tz))
    return why, say("check: {what}").format(what=finding["remedy"])


def _time(moment: Any, tz: str) -> str:
    from analyzer.timezones import zone

    return str(moment.astimezone(zone(tz)).strftime("%Y-%m-%d %H:%M:%S")) + ("Z" if tz == "UTC" else "")


def _between(start: Any, end: Any) -> float | None:
    return (end - start).total_seconds() if start is not None and end is not None else None


def _filled(text: str, *, after: float | None, say: Say, **values: str) -> str:
    took = say(" after {seconds:.3f} s").format(seconds=after) if after is not None and after > 0 else ""
    return text.format(after=took, **values)
