"""A report as text for mails and tickets (Markdown), and as data for programs (JSON): the same facts as on the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import polars as pl

from analyzer.comparison.comparability import Doubt
from analyzer.explain.phrases import Say, phrases
from analyzer.kpi.kpis import LOW_N
from analyzer.measure.grouping import INTERVAL
from analyzer.measure.measures import measure
from analyzer.show import kpi_texts
from analyzer.show.comparison.verdicts import doubt_sentence
from analyzer.show.report import indicators, numbers
from analyzer.show.text import safe
from analyzer.timezones import zone

_WORST = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says, whatever its form. ``before``: the table ``kpis`` of another capture, ``doubts`` why both may
    not be comparable; ``crossings`` as ``kpi.thresholds.crossings`` gives them."""

    tables: Mapping[str, pl.DataFrame]
    tz: str = "UTC"
    title: str = ""
    language: str = "en"
    crossings: pl.DataFrame | None = None
    before: pl.DataFrame | None = None
    doubts: tuple[Doubt, ...] = ()
    #: Gives a measured table by its name.
    measure: Callable[..., pl.DataFrame] | None = None
    kpis: pl.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kpis", indicators.measured(self.tables, self.tz, self.measured))

    @property
    def say(self) -> Say:
        """Its language."""
        return phrases(self.language)

    @property
    def verdict(self) -> list[numbers.Sentence]:
        """What crosses a threshold, then what happened."""
        verdict = numbers.verdict(self.tables, self.say, self.language, self.tz)
        told = [*crossed(self.crossings, self.tz, self.say), *verdict]
        return [*told, *doubted(self.doubts, self.say)]

    @property
    def named(self) -> str:
        """The title, else the names of the files."""
        files = [PurePath(str(name)).name for name in self.tables["files"]["file"]]
        return safe(self.title or f"SIP report: {', '.join(files[:3])}{' ...' if len(files) > 3 else ''}")

    @property
    def failures(self) -> pl.DataFrame:
        """The most frequent failures, with the node that first sent them."""
        found = self.measured("failures", by="method,status,node").head(_WORST)
        return found.select("method", "status", "node", "reason_phrase", "requests", "share", "calls", "no")

    @property
    def links(self) -> pl.DataFrame:
        """The links that lose most."""
        found = self.measured("links")
        lossy = found.filter((pl.col("resent_share") > 0) | (pl.col("timeouts") > 0))
        names = (
            "client_ip",
            "server_ip",
            "transactions",
            "timeouts",
            "timeout_share",
            "resent_share",
            "response_p95_s",
        )
        return lossy.sort("timeout_share", "resent_share", descending=True, nulls_last=True).head(_WORST).select(names)

    @property
    def nodes(self) -> pl.DataFrame:
        """The nodes through which most calls failed for want of the network, of those that enough calls passed."""
        found = self.measured("kpis", by="node", only="isa")
        found = found.filter(~pl.col("total"), pl.col("n") >= LOW_N, pl.col("value") > 0)
        worst = found.sort("value", "n", descending=True, maintain_order=True).head(_WORST)
        roles = self.tables["endpoints"].select("node", "role").unique("node", keep="first", maintain_order=True)
        worst = worst.join(roles, on="node", how="left", maintain_order="left")
        return worst.select("node", "role", isa="value", failed=pl.col("numerator").cast(pl.Int64), calls="n")

    def measured(self, name: str, **how: Any) -> pl.DataFrame:
        """A measured table, of these tables unless there is another way to it."""
        return measure(name, self._table, **how) if self.measure is None else self.measure(name, **how)

    def _table(self, name: str) -> pl.DataFrame | None:
        if name == "failing_nodes":
            return self.tables["call_failures"].select("call", "failing_node")
        return self.tables.get(name)


def crossed(crossings: pl.DataFrame | None, tz: str, say: Say) -> list[numbers.Sentence]:
    """What crosses a threshold, as sentences of the verdict, the most important first."""
    if crossings is None:
        return []
    found = list(kpi_texts.sentences(crossings, tz, say))
    whole = [(tone, say("{sentence}.").format(sentence=f"{text[0].upper()}{text[1:]}")) for tone, text in found]
    told = [numbers.Sentence(tone, (numbers.Part(text),)) for tone, text in whole]
    more = len(told) - 2 * _WORST
    told = told[: 2 * _WORST]
    if more > 0:
        told.append(numbers.Sentence("warn", (numbers.Part(say("{n:,} more thresholds.").format(n=more)),)))
    return told


def doubted(doubts: Sequence[Doubt], say: Say) -> list[numbers.Sentence]:
    """Why the values of before may not be comparable (there A is before)."""
    told = [say("{sentence} (A is before, B this capture)").format(sentence=doubt_sentence(one, say)) for one in doubts]
    return [numbers.Sentence("warn", (numbers.Part(sentence),)) for sentence in told]


# ---- Markdown --------------------------------------------------------------------------------------------------------


def markdown(facts: Facts) -> str:
    """The report as Markdown: verdict, KPIs, what failed and where."""
    say = facts.say
    marks = {"good": "✓", "bad": "✕", "warn": "!", "plain": "-"}
    parts = [f"# {_md(facts.named)}", "", _md(" · ".join(_about(facts)))]
    parts += ["", f"## {say('Verdict')}", ""]
    parts += [f"- {marks[one.tone]} {_md(one.text)}" for one in facts.verdict]
    parts += ["", f"## {say('Key performance indicators')}", "", *_kpis(facts)]
    for heading, frame in (
        (say("Failures"), facts.failures),
        (say("Nodes on the way of failed calls"), facts.nodes),
        (say("Links that lose messages"), facts.links),
    ):
        if frame.height:
            parts += ["", f"## {heading}", "", *_table(frame)]
    return "\n".join(parts) + "\n"


def _about(facts: Facts) -> list[str]:
    files = facts.tables["files"]
    first, last = files["first_at"].min(), files["last_at"].max()
    told = []
    if first is not None and last is not None:
        ends = [f"{at.astimezone(zone(facts.tz)):%Y-%m-%d %H:%M:%S}" for at in (first, last)]  # type: ignore[union-attr]
        told.append(f"{ends[0]} - {ends[1]} ({facts.tz}), {numbers.span_of(files)}")
    seen = facts.tables["messages"].filter(~pl.col("duplicate")).height
    say = facts.say
    told.append(numbers.count(say, seen, "{n:,} SIP message", "{n:,} SIP messages"))
    told.append(numbers.count(say, facts.tables["calls"].height, "{n:,} call", "{n:,} calls"))
    return told


def _kpis(facts: Facts) -> list[str]:
    say = facts.say
    found = indicators.lines(facts.kpis, facts.crossings, facts.before, facts.doubts, facts.language)
    heads = ["KPI", say("value"), *([say("before")] if facts.before is not None else [])]
    heads += ["n", "p95", say("over time"), say("note")]
    rows = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for line in found:
        title = line.kpi.titles.get(facts.language, line.kpi.titles["en"])
        note = "; ".join(part for part in (*line.crossed, line.note, line.excluded) if part)
        cells = [f"`{line.kpi.name}` {title}", f"**{line.value}**" if line.crossed else line.value]
        verdict, change = line.changed
        now = say("now {verdict}").format(verdict=say(verdict)) if verdict else ""
        compared = f"{line.before} ({now}: {change})" if now else line.before
        cells += [compared] if facts.before is not None else []
        cells += [f"{line.n:,}", line.p95, f"`{line.blocks}`" if line.blocks.strip() else "", note]
        rows.append("| " + " | ".join(map(_cell, cells)) + " |")
    none = indicators.without_data(facts.kpis)
    return [*rows, *(["", say("No data: {kpis}.").format(kpis=", ".join(none))] if none else [])]


def _table(frame: pl.DataFrame) -> list[str]:
    rows = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * frame.width]
    cells = ([_md(_value(name, value)) for name, value in row.items()] for row in frame.iter_rows(named=True))
    return [*rows, *("| " + " | ".join(row) + " |" for row in cells)]


def _value(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f} s" if name.endswith("_s") else f"{100 * value:.1f} %"
    return f"{value:,}" if isinstance(value, int) and name != "status" else str(value)


def _md(text: str) -> str:
    """Text that Markdown takes as it is: what is captured is hostile."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>|#" else sign for sign in safe(text))


def _cell(text: str) -> str:
    """A cell with words of ours alone, whose code and bold stay."""
    return text if text.startswith(("`", "**")) else _md(text)


# ---- JSON ------------------------------------------------------------------------------------------------------------


def as_json(facts: Facts) -> str:
    """The report as one JSON object: shares are 0 to 1, durations seconds, times RFC 3339 in UTC."""
    files = facts.tables["files"]
    counts = facts.tables["calls"].group_by("outcome").len("n").sort(["n", "outcome"], descending=[True, False])
    over_time = facts.kpis.filter(~pl.col("total")).drop("total") if INTERVAL in facts.kpis.columns else None
    found = {
        "title": facts.named,
        "first_at": _time(files["first_at"].min()),
        "last_at": _time(files["last_at"].max()),
        "files": [PurePath(str(name)).name for name in files["file"]],
        "messages": facts.tables["messages"].filter(~pl.col("duplicate")).height,
        "verdict": [{"tone": one.tone, "text": one.text} for one in facts.verdict],
        "outcomes": dict(counts.iter_rows()),
        "kpis": _rows(_totals(facts.kpis)),
        "kpis_over_time": [] if over_time is None else _rows(over_time),
        "before": None if facts.before is None else _rows(_totals(facts.before)),
        "crossings": None if facts.crossings is None else _rows(facts.crossings),
        "failures": _rows(facts.failures),
        "nodes": _rows(facts.nodes),
        "links": _rows(facts.links),
    }
    return json.dumps(found, ensure_ascii=True, indent=1) + "\n"


def _totals(kpis: pl.DataFrame) -> pl.DataFrame:
    return kpis.filter("total").drop("total", *([INTERVAL] if INTERVAL in kpis.columns else []))


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {name: _time(value) if name == INTERVAL else value for name, value in row.items()}
        for row in frame.iter_rows(named=True)
    ]


def _time(at: Any) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
