"""What happened in a capture, on one screen."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from analyzer.diagnose.blind_spots import blind_spots
from analyzer.show.text import safe, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

TABLES = ("files", "findings", "transactions", "calls", "registrations", "nodes", "problems", "account")
"""The tables that a summary is made of, beside ``messages``; ``findings`` and ``nodes`` may be left out."""

_NAME = 15  # columns of the names at the left
_MOST = 8  # values shown of an open list, the rest is counted together
_MOST_FINDINGS = 5
_MOST_NAMED = 12  # nodes told by name

# Neither answered nor failed: the capture did not see how they began or ended (no attempt in RFC 6076 §4's sense).
_NOT_COUNTED = ("unfinished", "joined")
# Calls that ended otherwise than by a failure; a 487 tells that the caller, or a fork that lost, was cancelled.
_NOT_FAILED = (*_NOT_COUNTED, "answered", "answered_elsewhere", "redirected", "cancelled")


def summary(tables: Mapping[str, pl.DataFrame], *, tz: str = "UTC", width: int = 100) -> str:
    """The summary of a capture, from its tables: `TABLES`, and of ``messages`` method, status, addresses and copies.

    Percentiles are nearest-rank over the calls that have the value (n beside them); the answer ratio leaves out calls
    whose end or begin the capture does not hold. Duplicates count nowhere but in their own line.
    """
    lines = _Lines(width)
    carried = _total(tables["account"].filter(layer="sip", reason="message")["packets"])
    unseen = blind_spots(tables)
    if tables["messages"].is_empty():
        packets = _total(tables["files"]["packets"])
        number = f"{packets:,} packet{'s' if packets != 1 else ''}"
        if carried:
            lines.say("SIP", f"none that the filter picks in {number}")
        elif unseen:
            # The first reason is the answer to the first question.
            lines.say("SIP", f"no SIP message in {number}: {unseen.pop(0).sentence}")
    for name, sentence in unseen:
        lines.say(name, sentence)
    _capture(lines, tables, tz)
    if "findings" in tables:
        _findings(lines, tables["findings"])
    if tables["messages"].height:
        _messages(lines, tables["messages"])
        if "nodes" in tables:
            _nodes(lines, tables["nodes"])
        else:
            lines.say("nodes", "told by `sip-analyzer nodes`: here are too many messages")
        _calls(lines, tables["calls"])
        _registrations(lines, tables["registrations"])
        _failing(lines, tables)
    problems = tables["problems"]
    lines.add("problems", _counted(problems, "code"), count=problems.height)
    account = tables["account"].sort("packets", descending=True, maintain_order=True)
    went = [
        # Neither is this the number of messages: fragments and segments of one, and several in one segment.
        f"{packets:,} with SIP" if (layer, reason) == ("sip", "message") else f"{layer} {reason} {packets:,}"
        for layer, reason, packets in account.select("layer", "reason", "packets").rows()
    ]
    lines.add("packets", went, count=_total(account["packets"]))
    if carried and carried != tables["messages"].height:
        lines.say("", "a packet with SIP may hold a part of a message, or several messages")
    return lines.text()


class _Lines:
    """Name, count, and a list that runs on under itself."""

    def __init__(self, width: int) -> None:
        self._lines: list[str] = []
        self._width = max(width, 50)

    def add(self, name: str, parts: Iterable[str], *, count: int | None = None) -> None:
        """One fact; nothing where there is nothing to say."""
        number = "" if count is None else f"{count:,}"
        start = f"{name:<{_NAME}}{number:>9}  " if count is not None else f"{name:<{_NAME}}"
        # A blank inside a part is no place to break.
        text = ", ".join(safe(part).replace(" ", "\xa0") for part in parts)
        wrapped = textwrap.wrap(text, self._width - len(start), break_on_hyphens=False) or [""]
        self._lines.append((start + wrapped[0]).replace("\xa0", " ").rstrip())
        self._lines += [(" " * len(start) + line).replace("\xa0", " ") for line in wrapped[1:]]

    def say(self, name: str, sentence: str) -> None:
        """One fact in words; may break at any blank."""
        wrapped = textwrap.wrap(safe(sentence), self._width - _NAME, break_on_hyphens=False)
        self._lines += [f"{name if row == 0 else '':<{_NAME}}{text}" for row, text in enumerate(wrapped)]

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines) + "\n"


def _capture(lines: _Lines, tables: Mapping[str, pl.DataFrame], tz: str) -> None:
    files = tables["files"]
    names = files["file"].to_list()
    shown = [str(name) for name in names[:3]] + ([f"{len(names) - 3} more"] if len(names) > 3 else [])
    points = files["point"].drop_nulls().unique(maintain_order=True).to_list()
    if len(points) > 1:
        shown.append(f"{len(points)} capture points: {' '.join(map(str, points[:4]))}")
    lines.add("files", shown, count=len(names))
    first, last = files["first_at"].min(), files["last_at"].max()
    if first is not None and last is not None:
        import polars as pl

        ends = pl.Series([first, last], dtype=files["first_at"].dtype)
        zone = "Z" if tz == "UTC" else "%:z"
        begin, end = ends.dt.convert_time_zone(tz).dt.to_string(f"%Y-%m-%d %H:%M:%S%.3f{zone}").to_list()
        span = (ends.cast(pl.Int64)[1] - ends.cast(pl.Int64)[0]) / 1e9
        lines.add("time", [f"{begin} to {end}", _duration(span)])
    dropped = files["dropped"].drop_nulls()
    packets = [f"{_total(dropped):,} lost by the capture itself"] if len(dropped) and _total(dropped) else []
    cut = files.filter("cut").height
    if cut:
        packets.append(f"{cut} file{'s' if cut > 1 else ''} cut or corrupt in part")
    if packets:
        lines.add("capture", packets)


def _findings(lines: _Lines, findings: pl.DataFrame) -> None:
    """The few that matter, the one that hurt most first; those that are only worth knowing are counted."""
    told = findings.filter(findings["severity"] != "info")
    if told.is_empty():
        return
    counts = _counted(findings, "severity")
    lines.add("findings", counts, count=findings.height)
    for row in told.head(_MOST_FINDINGS).iter_rows(named=True):
        hurt = row["calls"] or row["cases"]
        many = f"{hurt:,} {'call' if row['calls'] else 'case'}{'' if hurt == 1 else 's'}"
        at = f" at {row['nodes'].split(' ')[0]}" if row["nodes"] else ""
        lines.say(f"  {row['rule']}", f"{row['severity']}: {row['title']}{at} ({many})")
    if told.height > _MOST_FINDINGS:
        lines.say("", f"and {told.height - _MOST_FINDINGS} more: sip-analyzer findings")


def _messages(lines: _Lines, observations: pl.DataFrame) -> None:
    import polars as pl

    said = observations.select("duplicate", "retransmission", "transport", "method", "status")
    messages = said.filter(~pl.col("duplicate"))
    again = messages["retransmission"].sum()
    parts = _counted(messages, "transport")
    parts.append(f"sent again {again:,} ({_share(int(again), messages.height)})")
    if observations.height > messages.height:
        parts.append(f"and {observations.height - messages.height:,} duplicates not counted")
    lines.add("messages", parts, count=messages.height)
    requests = messages.filter(pl.col("status").is_null())
    lines.add("  requests", _counted(requests, "method"), count=requests.height)
    responses = messages.filter(pl.col("status").is_not_null())
    classes = responses.select(response=pl.format("{}xx", pl.col("status") // 100)).sort("response")
    counts = classes.group_by("response", maintain_order=True).len().rows()
    lines.add("  responses", [f"{name} {count:,}" for name, count in counts], count=responses.height)


def _nodes(lines: _Lines, nodes: pl.DataFrame) -> None:
    """How many nodes of each role; and which, of roles that few have."""
    lines.add("nodes", _counted(nodes, "role"), count=nodes.height)
    few = nodes.filter(~nodes["role"].is_in(["UE", "UA", "unknown"]))
    if 0 < few.height <= _MOST_NAMED:
        lines.add(
            "  of these", [f"{role} {name or node}" for role, name, node in few.select("role", "name", "node").rows()]
        )


def _calls(lines: _Lines, calls: pl.DataFrame) -> None:
    import polars as pl

    from analyzer.columns.distribution import nearest_rank

    lines.add("calls", _counted(calls, "outcome"), count=calls.height)
    if calls.is_empty():
        return
    special = calls.filter(pl.col("outcome_detail").is_not_null() & (pl.col("outcome_detail") != "normal"))
    if special.height:
        kinds = special.select(kind=pl.format("{} {}", "outcome", "outcome_detail"))
        lines.add("  of these", _counted(kinds, "kind"), count=special.height)
    counted = calls.filter(~pl.col("outcome").is_in(_NOT_COUNTED))
    answered = counted.filter(pl.col("outcome") == "answered").height
    left_out = calls.height - counted.height
    if counted.height:
        ratio = f"{_share(answered, counted.height)}: {answered:,} of {counted.height:,}"
        lines.add("  answered", [ratio + (f" ({left_out:,} unfinished or joined left out)" if left_out else "")])
    for name, column in (("  post-dial", "pdd_s"), ("  set-up", "setup_s")):
        n = calls[column].count()
        if n:
            figures = [nearest_rank(pl.col(column), percent).alias(str(percent)) for percent in (50, 95)]
            median, high = calls.select(figures).row(0)
            lines.add(name, [f"median {seconds(median)}, p95 {seconds(high)} (n {n:,})"])


def _registrations(lines: _Lines, registrations: pl.DataFrame) -> None:
    if registrations.height:
        lines.add("registrations", _counted(registrations, "outcome"), count=registrations.height)


def _failing(lines: _Lines, tables: Mapping[str, pl.DataFrame]) -> None:
    """What ended calls and registrations that failed, most frequent first: the final status, or why there is none."""
    import polars as pl

    ended = pl.col("status").cast(pl.String)
    calls = tables["calls"].filter(~pl.col("outcome").is_in(_NOT_FAILED))
    if calls.height:
        why = calls.with_columns(
            why=ended.fill_null(pl.coalesce("outcome_detail", "outcome").str.replace_all("_", " "))
        )
        lines.add("failed calls", _counted(why, "why", "reason_phrase"), count=calls.height)
    registrations = tables["registrations"]
    failed = registrations.filter(outcome="failed")
    if failed.height:
        refused = tables["transactions"].filter(method="REGISTER", outcome="transport_error")["call_id"]
        silent = pl.when(pl.col("call_id").is_in(refused.implode())).then(pl.lit("transport error"))
        # A challenge ends an attempt that failed only where it answers credentials.
        rejected = pl.col("status").is_in([401, 407])
        ended = pl.when(rejected).then(pl.concat_str(ended, pl.lit(" credentials rejected"))).otherwise(ended)
        why = failed.with_columns(why=ended.fill_null(silent.otherwise(pl.lit("no response"))))
        lines.add("failed regs", _counted(why, "why"), count=failed.height)
    challenged = registrations.filter(outcome="challenged")
    if challenged.height:
        again = challenged.filter(pl.col("challenges") > 1).height
        parts = _counted(challenged, "status")
        if again:
            parts.append(f"asked for credentials more than once {again:,}")
        lines.add("  challenged", [*parts, "no other final answer seen"], count=challenged.height)


def _counted(frame: pl.DataFrame, *columns: str) -> list[str]:
    """Values and how often, most frequent first; equal ones by name."""
    import polars as pl

    counts = frame.group_by(columns[0]).agg(pl.len().alias("n"), *(pl.col(name).first() for name in columns[1:]))
    rows = counts.sort(["n", columns[0]], descending=[True, False], nulls_last=True).select(*columns, "n").rows()
    shown = [" ".join(str(value) for value in row[:-1] if value is not None) or "?" for row in rows[:_MOST]]
    parts = [f"{name} {row[-1]:,}" for name, row in zip(shown, rows, strict=False)]
    if len(rows) > _MOST:
        parts.append(f"{len(rows) - _MOST} others {sum(row[-1] for row in rows[_MOST:]):,}")
    return parts


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "undefined"


def _total(column: pl.Series) -> int:
    return int(column.sum() or 0)


def _duration(span: float) -> str:
    whole = int(span)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if whole < 60:
        return seconds(span)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (whole % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
