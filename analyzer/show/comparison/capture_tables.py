"""The tables of two captures side by side: headings and cells, for text and page alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from analyzer.comparison.captures import ComparedCaptures
from analyzer.explain.phrases import Say
from analyzer.show.comparison import verdicts
from analyzer.show.comparison.verdicts import interval, signed, value

#: Rows of failures, nodes and parts without a verdict that are shown.
MOST_ROWS = 12


@dataclass(frozen=True, slots=True)
class Shown:
    """A table: its heading, its columns, and per row what it says and its cells; ``right``: columns of numbers."""

    heading: str
    columns: tuple[str, ...]
    rows: list[tuple[str, list[str]]]
    right: tuple[int, ...]
    below: str = ""


def tables(captures: ComparedCaptures, say: Say, language: str, *, short: bool = False) -> Iterator[Shown]:
    """KPIs, failures by code, failures by node, set-up time by part; those without rows are left out.

    ``short``: a KPI is called by its name in the table ``kpis``.
    """
    words = verdicts.verdict_words(say)
    yield _kpis(captures, say, words, language, short=short)
    shares = (
        (say("failures by code"), captures.failures, lambda row: verdicts.failure(row, say)),
        (say("calls failed, by the node that failed them first"), captures.failing_nodes, verdicts.node),
    )
    ends = ("A", "B", say("change"), say("95 % interval"), say("verdict"))
    for heading, frame, name in shares:
        rows = [
            (
                row["verdict"],
                [
                    name(row),
                    f"{row['a_part']:,} / {row['a_n']:,}",
                    f"{row['b_part']:,} / {row['b_n']:,}",
                    signed(row["change"], "share"),
                    interval(row, "share"),
                    words[row["verdict"]],
                ],
            )
            for row in _few(frame)
        ]
        if rows:
            yield Shown(heading, ("", *ends), rows, (1, 2, 3), _left_out(frame, say))
    rows = [
        (
            row["verdict"],
            [
                verdicts.part(row),
                *(value(row[name], "s") for name in ("a_s", "b_s")),
                signed(row["change"]),
                interval(row, "s"),
                words[row["verdict"]],
            ],
        )
        for row in _few(captures.parts)
    ]
    if rows:
        heading = say("set-up time by node and link: mean over answered calls, without ringing")
        yield Shown(heading, ("", *ends), rows, (1, 2, 3), _left_out(captures.parts, say))


def _kpis(captures: ComparedCaptures, say: Say, words: dict[str, str], language: str, *, short: bool) -> Shown:
    frame = captures.kpis
    silent = {side: dict.fromkeys(frame.filter(pl.col(side).is_null())["kpi"]) for side in "ab"}
    rows = [
        (
            row["verdict"],
            [
                verdicts.name(row, say) if short else verdicts.title(row, say, language),
                *(value(row[name], row["unit"]) for name in "ab"),
                f"{row['a_n']:,} / {row['b_n']:,}",
                signed(row["change"], row["unit"]),
                interval(row, row["unit"]),
                words[row["verdict"]],
            ],
        )
        for row in frame.filter(pl.col("verdict") != "no_data").to_dicts()
    ]
    told = (
        (say("No data in A or B: {names}."), [name for name in silent["a"] if name in silent["b"]]),
        (say("No data in A: {names}."), [name for name in silent["a"] if name not in silent["b"]]),
        (say("No data in B: {names}."), [name for name in silent["b"] if name not in silent["a"]]),
    )
    below = " ".join(sentence.format(names=", ".join(names)) for sentence, names in told if names)
    columns = ("", "A", "B", "n", say("change"), say("95 % interval"), say("verdict"))
    return Shown(say("KPIs"), columns, rows, (1, 2, 3, 4), below)


def _few(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows with a verdict, and the first of the others."""
    told = frame["verdict"].is_in(["new", "gone", "more", "fewer", "slower", "faster"])
    return frame.filter(told | (pl.int_range(frame.height, eager=True) < MOST_ROWS)).to_dicts()


def _left_out(frame: pl.DataFrame, say: Say) -> str:
    left = frame.height - len(_few(frame))
    return say("{n:,} more rows, none with a difference shown, are in --format json.").format(n=left) if left else ""
