"""What changed between two captures, in sentences and in cells of tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from analyzer.comparison.captures import ComparedCaptures
from analyzer.comparison.comparability import Doubt
from analyzer.explain.phrases import Say
from analyzer.kpi import catalogue
from analyzer.kpi.kpis import LOW_N
from analyzer.show.text import safe, seconds

#: KPIs and parts named in a sentence.
_MOST_NAMED = 6
_SHOWN = ("better", "worse", "changed")
#: A part of the set-up that took less of the change than this is not named.
_LEAST_SHARE = 0.1


def verdict_words(say: Say) -> dict[str, str]:
    """Verdicts as they are shown."""
    return {
        "better": say("better"),
        "worse": say("worse"),
        "changed": say("changed"),
        "no_difference_shown": say("no difference shown"),
        "low_n": say("low n"),
        "no_data": say("no data"),
        "not_comparable": say("not comparable"),
        "traffic": say("depends on traffic"),
        "new": say("new"),
        "gone": say("gone"),
        "more": say("more"),
        "fewer": say("fewer"),
        "slower": say("slower"),
        "faster": say("faster"),
    }


def sentences(captures: ComparedCaptures, say: Say, language: str = "en") -> tuple[str, ...]:
    """The verdict, safe text: why values may not be comparable, what is worse and better, and where it comes from."""
    return tuple(_sentences(captures, say, language))


def _sentences(captures: ComparedCaptures, say: Say, language: str) -> Iterator[str]:
    for doubt in captures.doubts:
        yield doubt_sentence(doubt, say)
    kpis = captures.kpis
    told = {
        "worse": say("Worse: {names}."),
        "better": say("Better: {names}."),
        "changed": say("Changed: {names}."),
    }
    for verdict, words in told.items():
        rows = kpis.filter(pl.col("verdict") == verdict).to_dicts()
        if rows:
            named = [f"{title(row, say, language)} {change_of(row)}" for row in rows[:_MOST_NAMED]]
            more = say("{n} more").format(n=len(rows) - _MOST_NAMED) if len(rows) > _MOST_NAMED else ""
            yield words.format(names=", ".join([*named, more] if more else named))
    judged = kpis.filter(pl.col("verdict").is_in([*_SHOWN, "no_difference_shown"])).height
    differ = kpis.filter(pl.col("verdict").is_in(_SHOWN)).height
    if judged:
        yield say(
            "{differ} of {judged} figures differ by more than their 95 % interval; of so many about {chance:.0f} would "
            "by chance alone."
        ).format(differ=differ, judged=judged, chance=judged / 20)
    else:
        yield say("No KPI has {n} cases in both captures: no verdict.").format(n=LOW_N)
    yield from _failures(captures, say)
    yield from _where(captures, say)


def doubt_sentence(doubt: Doubt, say: Say) -> str:
    """One reason against comparing, in a sentence."""
    texts = {
        "empty": say("Not comparable: {side} has no SIP message."),
        "one_direction": (
            say("Not comparable: {side} shows requests only; one direction was captured, or nobody answered.")
            if doubt.facts.get("what") == "requests"
            else say("Not comparable: {side} shows responses only; one direction was captured.")
        ),
        "other_hop": say("Calls are not comparable: A measures them between {a}, B between {b}."),
        "other_nodes": say("The captures have no node in common: nodes are compared by their role."),
        "other_hour": say("The captures are of other hours of the day (A {a}, B {b} UTC): traffic differs by hour."),
        "other_length": say("The captures differ in length: A {a_s:.0f} s, B {b_s:.0f} s."),
        "stepped": say("The clock of {side} was set back while capturing: delays may be wrong."),
        "lost": say("{side} lost {n:,} packets while capturing: failures and retransmissions may be missing."),
    }
    facts = {name: safe(value) if isinstance(value, str) else value for name, value in doubt.facts.items()}
    return texts[doubt.kind].format(**facts)


def _failures(captures: ComparedCaptures, say: Say) -> Iterator[str]:
    told = {
        "new": say("New failures: {names}."),
        "gone": say("Failures that are gone: {names}."),
        "more": say("More failures: {names}."),
        "fewer": say("Fewer failures: {names}."),
    }
    for verdict, words in told.items():
        rows = captures.failures.filter(pl.col("verdict") == verdict).to_dicts()
        named = [f"{failure(row, say)} ({row['a_part']:,} → {row['b_part']:,})" for row in rows[:_MOST_NAMED]]
        if named:
            yield words.format(names=", ".join(named))
    for row in captures.failing_nodes.filter(pl.col("verdict").is_in(["new", "more"])).to_dicts():
        yield say("{node} fails {b:.1%} of all calls in B, {a:.1%} in A.").format(
            node=safe(node(row)), a=row["a"], b=row["b"]
        )


def _where(captures: ComparedCaptures, say: Say) -> Iterator[str]:
    """Which nodes, links and ends the change of the set-up time comes from."""
    parts = captures.parts.filter(pl.col("verdict").is_in(["slower", "faster"]))
    for row in parts.filter(pl.col("share").abs() >= _LEAST_SHARE).head(_MOST_NAMED).to_dicts():
        words = (
            say("{part} takes {change} more of a set-up in B ({low} to {high}).")
            if row["change"] > 0
            else say("{part} takes {change} less of a set-up in B ({low} to {high}).")
        )
        yield words.format(
            part=safe(part(row)),
            change=seconds(abs(row["change"])),
            low=signed(row["low"]),
            high=signed(row["high"]),
        )


def title(row: dict[str, Any], say: Say, language: str) -> str:
    """What a KPI is called, with its figure."""
    return f"{catalogue.KPIS[row['kpi']].titles[language]}{_figure(row, say)}"


def name(row: dict[str, Any], say: Say) -> str:
    """The name of a KPI in the table, with its figure."""
    return f"{row['kpi']}{_figure(row, say)}"


def _figure(row: dict[str, Any], say: Say) -> str:
    return "" if row["figure"] == "value" else f", {say('median') if row['figure'] == 'p50' else 'p95'}"


def value(number: float | None, unit: str) -> str:
    """A value with its unit; ``-`` where there is none."""
    if number is None:
        return "-"
    if unit == "share":
        return f"{number:.2%}"
    return seconds(number) if unit == "s" else f"{number:,.2f}"


def signed(number: float | None, unit: str = "s") -> str:
    """A change with its sign; of a share in percentage points."""
    if number is None:
        return "-"
    sign = "+" if number > 0 else ""
    if unit == "share":
        return f"{sign}{100 * number:.2f} pp"
    return f"{sign}{seconds(number) if unit == 's' else f'{number:,.2f}'}"


def change_of(row: dict[str, Any]) -> str:
    """``93.20% → 88.10%``."""
    return f"{value(row['a'], row['unit'])} → {value(row['b'], row['unit'])}"


def interval(row: dict[str, Any], unit: str) -> str:
    """``-1.2 pp to +0.3 pp``; an end that nothing bounds is open."""
    if row["low"] is None and row["high"] is None:
        return "-"
    return f"{signed(row['low'], unit)} … {signed(row['high'], unit)}"


def failure(row: dict[str, Any], say: Say) -> str:
    """``INVITE 503``, ``BYE without response``."""
    status = say("without response") if row["status"] is None else str(row["status"])
    return safe(f"{row['method'] or '?'} {status}")


def node(row: dict[str, Any]) -> str:
    """A node with its role, where both are known and not the same."""
    address = (row["node"] or "?").removesuffix(":5060")
    role = row.get("role")
    return address if role in (None, "unknown", row["node"]) else f"{role} {address}"


def part(row: dict[str, Any]) -> str:
    """``node TAS 10.1.0.6``."""
    kind = str(row["kind"]).replace("_", " ")
    return f"{kind} {node(row)}"
