"""What happened in a capture, on one screen."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from analyzer.diagnose.blind_spots import blind_spots
from analyzer.diagnose.verdict import FAILED
from analyzer.explain.phrases import Say, phrases
from analyzer.show.doubt import roles_of, with_doubt
from analyzer.show.findings import hurt
from analyzer.show.text import pad, safe, seconds, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

TABLES = ("files", "findings", "transactions", "calls", "registrations", "nodes", "problems", "account")
"""The tables that a summary is made of, beside ``messages``; ``findings`` and ``nodes`` may be left out."""
OF_MESSAGES = ("duplicate", "retransmission", "transport", "method", "status", "src_ip", "dst_ip", "via_branch")
"""The columns of ``messages`` that it looks at."""
OF_TRANSACTIONS = ("method", "outcome", "call_id")
"""The columns of ``transactions`` that it looks at, and reports without a page do."""

_NAME = 15  # columns of the names at the left
_MOST = 8  # values shown of an open list, the rest is counted together
_MOST_FINDINGS = 5
_MOST_NAMED = 12  # nodes told by name

# Neither answered nor failed: the capture did not see how they began or ended (no attempt in RFC 6076 §4's sense).
_NOT_COUNTED = ("unfinished", "joined")
_MOST_FAILING = 4  # kinds of requests outside calls that failed


def summary(tables: Mapping[str, pl.DataFrame], *, tz: str = "UTC", width: int = 100, language: str = "en") -> str:
    """The summary of a capture, from its tables: `TABLES`, and of ``messages`` method, status, addresses and copies.

    Percentiles are nearest-rank over the calls that have the value (n beside them); the answer ratio leaves out calls
    whose end or begin the capture does not hold. Duplicates count nowhere but in their own line.
    """
    say = phrases(language)
    lines = _Lines(width, language)
    carried = _total(tables["account"].filter(layer="sip", reason="message")["packets"])
    unseen = blind_spots(tables, say)
    if tables["messages"].is_empty():
        packets = _total(tables["files"]["packets"])
        number = say("{n:,} packet" if packets == 1 else "{n:,} packets").format(n=packets)
        if carried:
            lines.say("SIP", say("none that the filter picks in {packets}").format(packets=number))
        elif unseen:
            # The first reason is the answer to the first question.
            why = unseen.pop(0).sentence
            lines.say("SIP", say("no SIP message in {packets}: {why}").format(packets=number, why=why))
    for name, sentence in unseen:
        lines.say(name, sentence)
    _capture(lines, tables, tz, say)
    if "findings" in tables:
        _findings(lines, tables["findings"], roles_of(tables.get("nodes")), tz, say)
    if tables["messages"].height:
        _failing(lines, tables, tz, say, language)
        _calls(lines, tables["calls"], say, language)
        _registrations(lines, tables["registrations"], say, language)
        _messages(lines, tables["messages"], say)
        if "nodes" in tables:
            _nodes(lines, tables["nodes"], say)
        else:
            lines.say(say("nodes"), say("told by `sip-analyzer nodes`: here are too many messages"))
    problems = tables["problems"]
    lines.add(say("problems"), _counted(problems, "code", say=say), count=problems.height)
    account = tables["account"].sort("packets", descending=True, maintain_order=True)
    went = [
        # Neither is this the number of messages: fragments and segments of one, and several in one segment.
        say("{n:,} with SIP").format(n=packets)
        if (layer, reason) == ("sip", "message")
        else f"{layer} {reason} {packets:,}"
        for layer, reason, packets in account.select("layer", "reason", "packets").rows()
    ]
    lines.add(say("packets"), went, count=_total(account["packets"]))
    if carried and carried != tables["messages"].height:
        lines.say("", say("a packet with SIP may hold a part of a message, or several messages"))
    return lines.text()


class _Lines:
    """Name, count, and a list that runs on under itself."""

    def __init__(self, width: int, language: str) -> None:
        self._lines: list[str] = []
        self._width = max(width, 50)
        self._language = language

    def _wrapped(self, text: str, columns: int) -> list[str]:
        """English breaks at its blanks, Chinese between characters too."""
        if self._language == "en":
            return textwrap.wrap(text, columns, break_on_hyphens=False)
        return wrapped(text, columns)

    def add(self, name: str, parts: Iterable[str], *, count: int | None = None) -> None:
        """One fact; nothing where there is nothing to say."""
        number = "" if count is None else f"{count:,}"
        start = f"{pad(name, _NAME)}{number:>9}  " if count is not None else pad(name, _NAME)
        # A blank inside a part is no place to break.
        text = ", ".join(safe(part).replace(" ", "\xa0") for part in parts)
        left = _NAME + 11 * (count is not None)
        parted = self._wrapped(text, self._width - left) or [""]
        self._lines.append((start + parted[0]).replace("\xa0", " ").rstrip())
        self._lines += [(" " * left + line).replace("\xa0", " ") for line in parted[1:]]

    def say(self, name: str, sentence: str) -> None:
        """One fact in words; may break at any blank."""
        parted = self._wrapped(safe(sentence), self._width - _NAME)
        self._lines += [f"{pad(name if row == 0 else '', _NAME)}{text}" for row, text in enumerate(parted)]

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines) + "\n"


def _capture(lines: _Lines, tables: Mapping[str, pl.DataFrame], tz: str, say: Say) -> None:
    files = tables["files"]
    names = files["file"].to_list()
    shown = [str(name) for name in names[:3]] + ([say("{n} more").format(n=len(names) - 3)] if len(names) > 3 else [])
    points = files["point"].drop_nulls().unique(maintain_order=True).to_list()
    if len(points) > 1:
        named = " ".join(map(str, points[:4]))
        shown.append(say("{n} capture points: {names}").format(n=len(points), names=named))
    lines.add(say("files"), shown, count=len(names))
    first, last = files["first_at"].min(), files["last_at"].max()
    if first is not None and last is not None:
        import polars as pl

        ends = pl.Series([first, last], dtype=files["first_at"].dtype)
        zone = "Z" if tz == "UTC" else "%:z"
        begin, end = ends.dt.convert_time_zone(tz).dt.to_string(f"%Y-%m-%d %H:%M:%S%.3f{zone}").to_list()
        span = (ends.cast(pl.Int64)[1] - ends.cast(pl.Int64)[0]) / 1e9
        lines.add(say("time"), [say("{begin} to {end}").format(begin=begin, end=end), _duration(span)])
    dropped = files["dropped"].drop_nulls()
    lost = _total(dropped)
    packets = [say("{n:,} lost by the capture itself").format(n=lost)] if lost else []
    cut = files.filter("cut").height
    if cut:
        told = say("{n} file cut or corrupt in part" if cut == 1 else "{n} files cut or corrupt in part")
        packets.append(told.format(n=cut))
    if packets:
        lines.add(say("capture"), packets)


def _findings(lines: _Lines, findings: pl.DataFrame, roles: Mapping[str, str], tz: str, say: Say) -> None:
    """The few that matter, the one that hurt most first; those that are only worth knowing are counted."""
    told = findings.filter(findings["severity"] != "info")
    if told.is_empty():
        return
    lines.add(say("findings"), _counted(findings, "severity", say=say), count=findings.height)
    for row in told.head(_MOST_FINDINGS).iter_rows(named=True):
        many = hurt(row, say)
        node = row["nodes"].split(" ")[0] if row["nodes"] else ""
        at = say(" at {node}").format(node=f"{roles[node]} {node}" if node in roles else node) if node else ""
        several = row["calls"] > 1 and row["first_at"] is not None
        since = say("{many} since {time}").format(many=many, time=_at(row["first_at"], tz)) if several else many
        lines.say(f"  {row['rule']}", f"{row['severity']}: {row['title']}{at}{say(' ({many})').format(many=since)}")
    if told.height > _MOST_FINDINGS:
        lines.say("", say("and {n} more: sip-analyzer findings").format(n=told.height - _MOST_FINDINGS))


def _messages(lines: _Lines, observations: pl.DataFrame, say: Say) -> None:
    import polars as pl

    said = observations.select("duplicate", "retransmission", "transport", "method", "status")
    messages = said.filter(~pl.col("duplicate"))
    again = messages["retransmission"].sum()
    parts = _counted(messages, "transport", say=say)
    share = _share(int(again), messages.height, say)
    parts.append(say("sent again {n:,} ({share})").format(n=again, share=share))
    if observations.height > messages.height:
        twice = observations.height - messages.height
        parts.append(say("and {n:,} duplicates not counted").format(n=twice))
    lines.add(say("messages"), parts, count=messages.height)
    requests = messages.filter(pl.col("status").is_null())
    lines.add(f"  {say('requests')}", _counted(requests, "method", say=say), count=requests.height)
    responses = messages.filter(pl.col("status").is_not_null())
    classes = responses.select(response=pl.format("{}xx", pl.col("status") // 100)).sort("response")
    counts = classes.group_by("response", maintain_order=True).len().rows()
    lines.add(f"  {say('responses')}", [f"{name} {count:,}" for name, count in counts], count=responses.height)


def _nodes(lines: _Lines, nodes: pl.DataFrame, say: Say) -> None:
    """How many nodes of each role; and which, of roles that few have."""
    lines.add(say("nodes"), _counted(nodes, "role", say=say), count=nodes.height)
    few = with_doubt(nodes).filter(~nodes["role"].is_in(["UE", "UA", "unknown"]))
    if 0 < few.height <= _MOST_NAMED:
        named = [f"{role} {name or node}" for role, name, node in few.select("role", "name", "node").rows()]
        lines.add(f"  {say('of these')}", named)


def _calls(lines: _Lines, calls: pl.DataFrame, say: Say, language: str) -> None:
    import polars as pl

    from analyzer.columns.distribution import nearest_rank

    lines.add(say("calls"), _counted(calls, "outcome", say=say, language=language), count=calls.height)
    if calls.is_empty():
        return
    special = calls.filter(pl.col("outcome_detail").is_not_null() & (pl.col("outcome_detail") != "normal"))
    if special.height:
        kinds = special.select(kind=pl.format("{} {}", "outcome", "outcome_detail"))
        lines.add(f"  {say('of these')}", _counted(kinds, "kind", say=say), count=special.height)
    counted = calls.filter(~pl.col("outcome").is_in(_NOT_COUNTED))
    answered = counted.filter(pl.col("outcome") == "answered").height
    left_out = calls.height - counted.height
    if counted.height:
        share = _share(answered, counted.height, say)
        ratio = say("{share}: {n:,} of {whole:,}").format(share=share, n=answered, whole=counted.height)
        left = say(" ({n:,} unfinished or joined left out)").format(n=left_out) if left_out else ""
        lines.add(f"  {say('answered')}", [ratio + left])
    for name, column in ((say("post-dial"), "pdd_s"), (say("set-up"), "setup_s")):
        n = calls[column].count()
        if n:
            figures = [nearest_rank(pl.col(column), percent).alias(str(percent)) for percent in (50, 95)]
            median, high = calls.select(figures).row(0)
            told = say("median {median}, p95 {high} (n {n:,})")
            lines.add(f"  {name}", [told.format(median=seconds(median), high=seconds(high), n=n)])


def _registrations(lines: _Lines, registrations: pl.DataFrame, say: Say, language: str) -> None:
    if registrations.height:
        parts = _counted(registrations, "outcome", say=say, language=language)
        lines.add(say("registrations"), parts, count=registrations.height)


def _failing(lines: _Lines, tables: Mapping[str, pl.DataFrame], tz: str, say: Say, language: str) -> None:
    """What failed, calls first, then registrations, then other requests, most frequent first: the final status, or why
    there is none. Calls that people ended (busy, cancelled ...) did not fail."""
    import polars as pl

    ended = pl.col("status").cast(pl.String)
    calls = tables["calls"].filter(pl.col("outcome").is_in(FAILED))
    if calls.height:
        why = calls.with_columns(
            why=ended.fill_null(pl.coalesce("outcome_detail", "outcome").str.replace_all("_", " "))
        )
        parts = _counted(why, "why", "reason_phrase", say=say, language=language)
        lines.add(say("failed calls"), parts, count=calls.height)
    registrations = tables["registrations"]
    failed = registrations.filter(outcome="failed")
    if failed.height:
        refused = tables["transactions"].filter(method="REGISTER", outcome="transport_error")["call_id"]
        silent = pl.when(pl.col("call_id").is_in(refused.implode())).then(pl.lit(say("transport error")))
        # A challenge ends an attempt that failed only where it answers credentials.
        rejected = pl.col("status").is_in([401, 407])
        ended = pl.when(rejected).then(pl.concat_str(ended, pl.lit(say(" credentials rejected")))).otherwise(ended)
        why = failed.with_columns(why=ended.fill_null(silent.otherwise(pl.lit(say("no response")))))
        lines.add(say("failed regs"), _counted(why, "why", say=say), count=failed.height)
    challenged = registrations.filter(outcome="challenged")
    if challenged.height:
        again = challenged.filter(pl.col("challenges") > 1).height
        parts = _counted(challenged, "status", say=say)
        if again:
            parts.append(say("asked for credentials more than once {n:,}").format(n=again))
        lines.add(f"  {say('challenged')}", [*parts, say("no other final answer seen")], count=challenged.height)
    if "failures" in tables:
        _other_failures(lines, tables["failures"], tz, say)


def _other_failures(lines: _Lines, failures: pl.DataFrame, tz: str, say: Say) -> None:
    """The requests outside calls and registrations that failed, from the measured table, and where, since when."""
    import polars as pl

    others = failures.filter(~pl.col("method").is_in(["INVITE", "REGISTER"]), pl.col("calls") == 0)
    if others.is_empty():
        return
    lines.add(say("failed others"), _summed(others), count=_total(others["requests"]))
    for row in others.head(_MOST_FAILING).iter_rows(named=True):
        status = "" if row["status"] is None else f" {row['status']}"
        at = say(" at {node}").format(node=row["node"]) if row["node"] else ""
        since = "" if row["first_at"] is None else say(" since {time}").format(time=_at(row["first_at"], tz))
        lines.say(
            "", f"{row['method']}{status} {row['reason_phrase'] or ''}".rstrip() + f"{at}{since} {row['requests']:,}"
        )
    if others.height > _MOST_FAILING:
        lines.say("", say("and {n} more: sip-analyzer failures").format(n=others.height - _MOST_FAILING))


def _summed(failures: pl.DataFrame) -> list[str]:
    import polars as pl

    methods = failures.group_by("method", maintain_order=True).agg(pl.col("requests").sum())
    return [f"{method} {n:,}" for method, n in methods.sort(["requests", "method"], descending=[True, False]).rows()]


def _at(moment: Any, tz: str) -> str:
    from analyzer.timezones import zone

    return f"{moment.astimezone(zone(tz)):%H:%M:%S}" + ("Z" if tz == "UTC" else "")


def _counted(frame: pl.DataFrame, *columns: str, say: Say, language: str = "en") -> list[str]:
    """Values and how often, most frequent first; equal ones by name. In a ``language`` other than English statuses and
    outcomes are told with what they are called in it."""
    import polars as pl

    counts = frame.group_by(columns[0]).agg(pl.len().alias("n"), *(pl.col(name).first() for name in columns[1:]))
    rows = counts.sort(["n", columns[0]], descending=[True, False], nulls_last=True).select(*columns, "n").rows()
    shown = [" ".join(str(value) for value in row[:-1] if value is not None) or "?" for row in rows[:_MOST]]
    if language != "en":
        from analyzer.show.tooltips import called

        shown = [called(row[0], name, language) for row, name in zip(rows, shown, strict=False)]
    parts = [f"{name} {row[-1]:,}" for name, row in zip(shown, rows, strict=False)]
    if len(rows) > _MOST:
        rest = sum(row[-1] for row in rows[_MOST:])
        parts.append(say("{kinds} others {n:,}").format(kinds=len(rows) - _MOST, n=rest))
    return parts


def _share(part: int, whole: int, say: Say) -> str:
    return f"{100 * part / whole:.1f} %" if whole else say("undefined")


def _total(column: pl.Series) -> int:
    return int(column.sum() or 0)


def _duration(span: float) -> str:
    whole = int(span)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if whole < 60:
        return seconds(span)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (whole % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
