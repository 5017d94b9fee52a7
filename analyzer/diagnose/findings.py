"""The rules at work: what each found, without what another explains, one finding for all that have one cause.

::

    tables --> find() of each rule --> cases, one for each call, registration, request or node
           --> without those that rest on an absence, where the capture lost packets
           --> without those that another finding of the same call explains
           --> findings: the cases of one rule and one cause, ranked by the calls that they hurt

A rule is run only where the capture has something for it to look at (``Rule.seen``, ``Rule.of``), and the tables that
it names are made only then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import polars as pl

from analyzer import schema
from analyzer.columns.typed import typed
from analyzer.diagnose import rules
from analyzer.diagnose.rule import Rule, filled
from analyzer.language import SPOKEN

NEEDS: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *("core_messages", "core_files", "core_problems", "calls"),
            *(rule.of for rule in rules.ALL if rule.of is not None),
            *chain(*(rule.needs for rule in rules.ALL)),
        )
    )
)
"""The nodes of the graph that the rules name."""
COLUMNS: tuple[str, ...] = tuple(dict.fromkeys(("file", "frame", *chain(*(rule.columns for rule in rules.ALL)))))
"""The columns of the core that they look at beyond those that are always read."""

_MOST_FRAMES = 3
_MOST_NODES = 4
_MOST_NUMBERS = 12
#: Findings of one rule; what has fewer cases than these is counted together in one more.
_MOST_FINDINGS = 5
_SEVERITIES = ["error", "warning", "info"]
#: How much one call (registration, request) weighs that a finding hurt: an error broke it, a warning may have. A
#: warning goes before an error where it hurt more than four times as many calls.
_HARM = {"error": 16, "warning": 4, "info": 0}
#: A warning about requests outside calls: nobody lost a call by it.
_HARM_OUTSIDE = 1
#: Problems that say that bytes are missing in the capture, not on the wire.
_LOST = ["tcp_bytes_missing", "sctp_message_incomplete", "file_corrupt"]
#: What texts and the order of cases want of messages.
OF_MESSAGES = ("message", "file", "frame", "time")
_OWN = ("call", "message", "message2", "node", "cause", "severity", "confidence", "case")


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """The tables ``findings`` and ``finding_cases``."""

    findings: pl.DataFrame
    cases: pl.DataFrame


def diagnosis(ask: Callable[[str], Any]) -> Diagnosis:
    """All that the rules find; ``ask`` gives each of :data:`NEEDS` by its name."""
    return diagnosed(rules.ALL, ask)


def diagnosed(known: tuple[Rule, ...], ask: Callable[[str], Any]) -> Diagnosis:
    """The same of some rules."""
    found = cases(known, ask, seen(ask("core_messages")))

    def messages_of(keys: pl.Series) -> pl.DataFrame:
        messages: pl.DataFrame = ask("core_messages")
        return messages.filter(pl.col("message").is_in(keys.implode())).select(OF_MESSAGES)

    return concluded(known, found, ask("calls"), messages_of)


def cases(known: tuple[Rule, ...], ask: Callable[[str], Any], seen: frozenset[str | int]) -> dict[str, pl.DataFrame]:
    """What each of these rules finds in the nodes that ``ask`` gives, by its code; ``seen`` in the capture."""
    lossy = _lost_packets(ask("core_files"), ask("core_problems"))
    found: dict[str, pl.DataFrame] = {}
    for rule in known:
        if (rule.absence and lossy) or not (rule.seen is None or rule.seen & seen):
            continue
        if rule.of is not None and ask(rule.of).is_empty():
            continue
        rows = rule.find(*(ask(need) for need in rule.needs))
        if rows.height:
            found[rule.code] = _as_cases(rows, rule)
    return found


def concluded(
    known: tuple[Rule, ...],
    found: dict[str, pl.DataFrame],
    calls: pl.DataFrame,
    messages_of: Callable[[pl.Series], pl.DataFrame],
) -> Diagnosis:
    """The tables, of all cases by the code of their rule: ``calls`` with ``call no``, and what gives
    :data:`OF_MESSAGES` of messages, in the order of the whole, by their keys."""
    found = _in_order(found, known, messages_of)
    found = _unexplained(found, known)
    return _tables(found, {rule.code: rule for rule in known}, calls, messages_of)


def _in_order(
    found: dict[str, pl.DataFrame], known: tuple[Rule, ...], messages_of: Callable[[pl.Series], pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """The cases in the order of their messages, so that the first is the earliest; where a rule looks at all, in its
    own."""
    found = {rule.code: found[rule.code] for rule in known if rule.code in found}
    apart = {rule.code for rule in known if not rule.of_all} & {*found}
    if not apart:
        return found
    keys = pl.concat(found[code].select(_key())["_key"] for code in sorted(apart)).drop_nulls().unique()
    places = messages_of(keys).select(_key="message").with_row_index("_place")
    for code in apart:
        rows = found[code].with_columns(_key()).join(places, on="_key", how="left", maintain_order="left")
        found[code] = rows.sort("_place", nulls_last=True, maintain_order=True).drop("_key", "_place")
    return found


def _key() -> pl.Expr:
    return pl.coalesce("message", "call").alias("_key")


def seen(messages: pl.DataFrame) -> frozenset[str | int]:
    """The methods and final statuses of the capture."""
    methods = messages["method"].unique().drop_nulls().to_list()
    statuses = messages["status"].unique().drop_nulls().to_list()
    return frozenset([*methods, *statuses])


def _lost_packets(files: pl.DataFrame, problems: pl.DataFrame) -> bool:
    """Whether the capture lost packets: what it does not show may have been on the wire all the same."""
    return bool((files["dropped"].sum() or 0) > 0 or problems["code"].is_in(_LOST).any())


def _as_cases(rows: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """With every column that the engine reads; ``unit`` is what may be explained by another finding of the same."""
    kinds = {"call": pl.Int64, "message": pl.Int64, "message2": pl.Int64, "case": pl.Int64, "node": pl.String}
    missing = [pl.lit(None, kind).alias(name) for name, kind in kinds.items() if name not in rows.columns]
    rows = rows.with_columns(missing)
    if "cause" not in rows.columns:
        rows = rows.with_columns(cause="node")
    if "severity" not in rows.columns:
        rows = rows.with_columns(severity=pl.lit(rule.severity))
    if "confidence" not in rows.columns:
        rows = rows.with_columns(confidence=pl.lit(rule.confidence))
    return rows.with_columns(pl.col("cause").cast(pl.String), unit=pl.coalesce("call", "case", "message"))


def _unexplained(found: dict[str, pl.DataFrame], known: tuple[Rule, ...]) -> dict[str, pl.DataFrame]:
    """Without the cases that another finding of the same call (registration, message) explains."""
    for rule in known:
        if rule.code not in found:
            continue
        units = found[rule.code].select("unit").drop_nulls().unique()
        for code in rule.explains:
            if code in found and code != rule.code:
                found[code] = found[code].join(units, on="unit", how="anti", maintain_order="left")
    return {code: rows for code, rows in found.items() if rows.height}


def _tables(
    found: dict[str, pl.DataFrame],
    by_code: Mapping[str, Rule],
    calls: pl.DataFrame,
    messages_of: Callable[[pl.Series], pl.DataFrame],
) -> Diagnosis:
    groups = {code: _grouped(rows) for code, rows in found.items()}
    if not groups:
        none = (pl.DataFrame(schema=table.polars()) for table in (schema.FINDINGS, schema.FINDING_CASES))
        return Diagnosis(*none)
    heads = pl.concat(
        [
            rows.select(
                *("group", "cases", "calls", "call", "numbers", "severity", "confidence", "evidence", "message"),
                *("nodes", "last", "hurt"),
                code=pl.lit(code),
            )
            for code, rows in groups.items()
        ]
    )
    heads = heads.with_columns(
        # What is only worth knowing comes last; the others by harm.
        _info=pl.col("severity") == "info",
        _graveness=pl.when(pl.col("severity") == "warning", pl.col("calls") == 0, pl.col("message").is_not_null())
        .then(_HARM_OUTSIDE)
        .otherwise(pl.col("severity").replace_strict(_HARM, return_dtype=pl.Int64)),
        _of_capture=pl.col("message").is_null() & pl.col("call").is_null(),
        # A fault of several nodes is as heavy as all its findings: the first of them stands for it.
        _weight=pl.when(pl.col("hurt").rank("ordinal", descending=True).over("code", "severity") == 1)
        .then(pl.col("hurt").sum().over("code", "severity"))
        .otherwise("hurt"),
    )
    # What is about the capture itself puts all its calls in doubt.
    hurt = pl.when("_of_capture").then(pl.max_horizontal("_weight", pl.lit(calls.height))).otherwise("_weight")
    heads = heads.with_columns(_harm=hurt * pl.col("_graveness")).sort(
        "_info", "_harm", "_graveness", "_of_capture", "hurt", "confidence", "code", "message",
        descending=[False, True, True, True, True, True, False, False], nulls_last=True, maintain_order=True,
    ).with_columns(finding=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))  # fmt: skip
    cases = pl.concat(
        rows.select("_group", "call", "message", "node", code=pl.lit(code)) for code, rows in found_groups(found)
    )
    numbered = cases.join(heads.select("code", "finding", _group="group"), on=["code", "_group"], maintain_order="left")
    numbered = numbered.with_columns(rule=pl.col("code").replace({code: rule.id for code, rule in by_code.items()}))
    numbered = numbered.sort("finding", maintain_order=True)
    table = _with_words(heads, groups, by_code, calls, messages_of)
    return Diagnosis(table, typed(numbered, schema.FINDING_CASES))


def found_groups(found: dict[str, pl.DataFrame]) -> list[tuple[str, pl.DataFrame]]:
    """The cases of each rule with the number of the finding that they are of (``_group``)."""
    return [(code, _with_group(rows)) for code, rows in found.items()]


def _with_group(rows: pl.DataFrame) -> pl.DataFrame:
    """``_group``: the cases of one cause and severity; of many causes those with the fewest cases are one group."""
    size = pl.len().over("cause", "severity")
    rows = rows.with_columns(_size=size)
    order = rows.group_by("cause", "severity", maintain_order=True).agg(pl.col("_size").first())
    order = order.sort("_size", descending=True, maintain_order=True)
    place = pl.int_range(pl.len()).over("severity").clip(upper_bound=_MOST_FINDINGS)
    graver = pl.col("severity").replace_strict(_SEVERITIES, range(len(_SEVERITIES)), return_dtype=pl.Int64)
    order = order.with_columns(_group=place + graver * (_MOST_FINDINGS + 1))
    return rows.join(
        order.drop("_size"), on=["cause", "severity"], how="left", nulls_equal=True, maintain_order="left"
    ).drop("_size")


def _grouped(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each finding of a rule: counts, evidence, and of its first case what the texts quote."""
    rows = _with_group(rows)
    quoted = [name for name in rows.columns if name not in (*_OWN, "unit", "_group")]
    calls = pl.col("call").drop_nulls()
    return (
        rows.group_by("_group", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("cases"),
            calls.n_unique().cast(pl.Int64).alias("calls"),
            pl.col("unit").n_unique().cast(pl.Int64).alias("hurt"),
            calls.first().alias("call"),
            calls.unique(maintain_order=True).head(_MOST_NUMBERS).alias("numbers"),
            pl.col("severity").first(),
            pl.col("confidence").first().cast(pl.Float64),
            pl.col("message").drop_nulls().head(_MOST_FRAMES).alias("evidence"),
            pl.col("message2").drop_nulls().head(1).alias("also"),
            pl.col("message").first(),
            pl.col("message").drop_nulls().last().alias("last"),
            pl.col("node").drop_nulls().unique(maintain_order=True).alias("nodes"),
            *(pl.col(name).first() for name in quoted),
        )
        .rename({"_group": "group"})
        .with_columns(evidence=pl.col("evidence").list.head(1).list.concat(["also", pl.col("evidence").list.slice(1)]))
        .with_columns(pl.col("evidence").list.head(_MOST_FRAMES))
        .drop("also")
    )


def _with_words(
    heads: pl.DataFrame,
    groups: Mapping[str, pl.DataFrame],
    by_code: Mapping[str, Rule],
    calls: pl.DataFrame,
    messages_of: Callable[[pl.Series], pl.DataFrame],
) -> pl.DataFrame:
    """The table ``findings``: the texts in the language that is set, frames and numbers looked up."""
    wanted = pl.concat([heads["evidence"].explode(), heads["last"]]).drop_nulls().unique()
    messages = messages_of(wanted)
    places = {key: (f"{file}:{frame}", frame, time) for key, file, frame, time in messages.iter_rows()}
    asked = heads["numbers"].explode().drop_nulls().unique()
    numbers = dict(calls.filter(pl.col("call").is_in(asked.implode())).select("call", "no").iter_rows())
    language = SPOKEN.get()
    quoted = {(code, row["group"]): row for code, rows in groups.items() for row in rows.iter_rows(named=True)}
    out = []
    for head in heads.iter_rows(named=True):
        rule = by_code[head["code"]]
        text = rule.text(language)
        nos = sorted(numbers[call] for call in head["numbers"] or [] if call in numbers)
        nodes = head["nodes"] or []
        seen = [places[key] for key in head["evidence"] or [] if key in places]
        node = nodes[0] if nodes else None
        values = quoted[head["code"], head["group"]] | {
            "calls": head["calls"],
            "cases": head["cases"],
            "no": nos[0] if nos else None,
            "frame": seen[0][1] if seen else None,
            "node": node,
            "ip": node.rpartition(":")[0].strip("[]") if node else None,
            "port": node.rpartition(":")[2] if node else None,
        }
        more = head["calls"] - len(nos)
        out.append(
            {
                "finding": head["finding"],
                "rule": rule.id,
                "code": rule.code,
                "severity": head["severity"],
                "confidence": head["confidence"],
                "calls": head["calls"],
                "cases": head["cases"],
                "call_numbers": " ".join(map(str, nos)) + (f" +{more}" if more > 0 else "") if nos else None,
                "nodes": " ".join(nodes[:_MOST_NODES] + ([f"+{len(nodes) - _MOST_NODES}"] * (len(nodes) > _MOST_NODES)))
                or None,
                "first_at": seen[0][2] if seen else None,
                "last_at": places[head["last"]][2] if head["last"] in places else None,
                "frames": [place for place, _, _ in seen],
                "title": text.title,
                "explanation": " ".join(f"{filled(text.observed, values)} {text.explanation}".split()),
                "causes": "; ".join(text.causes),
                "confirm": filled(text.confirm, values),
                "remedy": text.remedy,
                "standard": rule.standard,
                "call": head["call"],
                "message": head["message"],
            }
        )
    kinds = schema.FINDINGS.polars()
    return pl.DataFrame(out, schema=kinds | {"first_at": messages.schema["time"], "last_at": messages.schema["time"]})
