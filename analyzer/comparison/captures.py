"""Two captures compared: KPIs and failures with intervals, and the nodes and links that a change comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from analyzer.columns.times import SECOND
from analyzer.comparison import change
from analyzer.comparison.comparability import ENDS, Doubt, doubts
from analyzer.comparison.kpi_changes import kpi_changes
from analyzer.kpi.intervals import wilson
from analyzer.kpi.kpis import LOW_N

if TYPE_CHECKING:
    Tables = Callable[[str], pl.DataFrame]
    Measure = Callable[..., pl.DataFrame]

#: Parts of a set-up that people, or another part, take.
_NOT_OF_THE_NETWORK = ("ringing", "serial_fork")


@dataclass(frozen=True)
class CaptureSide:
    """A capture as it is compared: what it is called, its tables by their names, and its measured tables."""

    label: str
    tables: Tables
    measure: Measure


class ComparedCaptures:
    """Capture A, as a rule the one before, and capture B side by side. Every frame has a row per thing compared."""

    def __init__(self, a: CaptureSide, b: CaptureSide) -> None:
        self.a = a
        self.b = b

    @cached_property
    def doubts(self) -> tuple[Doubt, ...]:
        """Why values of the two may not be comparable, weightiest first."""
        return tuple(doubts(self.a.tables, self.b.tables))

    @cached_property
    def kpis(self) -> pl.DataFrame:
        """``kpi figure unit a_n b_n a b change low high verdict why``: a row per KPI; of a delay its median and p95."""
        return kpi_changes(self.a.measure("kpis"), self.b.measure("kpis"), self.doubts)

    @cached_property
    def by_role(self) -> bool:
        """The captures have no node in common, so that nodes are compared by their role."""
        nodes = [_network_nodes(side.tables) for side in (self.a, self.b)]
        return nodes[0].join(nodes[1], on="node", how="semi").is_empty()

    @cached_property
    def failures(self) -> pl.DataFrame:
        """``method status a_n b_n a b change low high verdict``: requests that failed, as a share of those of the
        method; ``verdict``: new, gone, more, fewer, no_difference_shown or low_n."""
        counts = [_failures(side) for side in (self.a, self.b)]
        return _shares(counts[0], counts[1], ["method", "status"]).sort(
            pl.col("change").abs(), "method", "status", descending=[True, False, False], nulls_last=True
        )

    @cached_property
    def failing_nodes(self) -> pl.DataFrame:
        """``node role a_n b_n a b change low high verdict``: calls that a node failed first, as a share of all.

        The changes add up to that of the share of calls that failed.
        """
        counts = [_failed_by(side.tables, by_role=self.by_role) for side in (self.a, self.b)]
        roles = pl.concat(counts).group_by("node").agg(pl.col("role").drop_nulls().mode().min())
        rows = _shares(counts[0].drop("role"), counts[1].drop("role"), ["node"]).join(roles, on="node", how="left")
        names = ("node", "role", *(name for name in rows.columns if name not in ("node", "role")))
        return rows.select(names).sort(pl.col("change").abs(), "node", descending=[True, False], nulls_last=True)

    @cached_property
    def parts(self) -> pl.DataFrame:
        """``kind node role a_n b_n a_s b_s change low high share verdict``: what a node, link or end took of the set-up
        of answered calls, in the mean over all of them, without ringing.

        The changes add up to that of the mean set-up time without ringing; ``share`` is the part of that change.
        """
        calls = [_answered(side.tables).height for side in (self.a, self.b)]
        means = [_part_means(side.tables, by_role=self.by_role) for side in (self.a, self.b)]
        on = ["kind", "node"]
        rows = (
            means[0]
            .join(means[1], on=on, how="full", coalesce=True, suffix="_b")
            .rename({"mean": "a_s", "mean_b": "b_s", "var": "a_var", "var_b": "b_var"})
        )
        rows = rows.with_columns(a_n=pl.lit(calls[0], pl.Int64), b_n=pl.lit(calls[1], pl.Int64)).with_columns(
            # What never was in a capture with calls took no time there.
            a_s=pl.when(pl.col("a_n") > 0).then(pl.col("a_s").fill_null(0)),
            b_s=pl.when(pl.col("b_n") > 0).then(pl.col("b_s").fill_null(0)),
        )
        figures = (pl.col(name) for name in ("a_n", "a_s", "a_var", "b_n", "b_s", "b_var"))
        rows = rows.with_columns(change=pl.col("b_s") - pl.col("a_s"), _reach=change.of_means(*figures))
        rows = rows.with_columns(
            low=pl.col("change") - pl.col("_reach"),
            high=pl.col("change") + pl.col("_reach"),
            share=pl.when(pl.col("change").sum() != 0).then(pl.col("change") / pl.col("change").sum()),
        ).with_columns(verdict=_verdict(("slower", "faster")))
        labels = pl.concat(_labels(side.tables, by_role=self.by_role) for side in (self.a, self.b))
        roles = labels.group_by("node").agg(pl.col("role").filter(pl.col("role") != "unknown").mode().min())
        rows = rows.join(roles, on="node", how="left", maintain_order="left")
        names = (*on, "role", "a_n", "b_n", "a_s", "b_s", "change", "low", "high", "share", "verdict")
        return rows.select(names).sort(pl.col("change").abs(), *on, descending=[True, False, False], nulls_last=True)


def _verdict(words: tuple[str, str]) -> pl.Expr:
    """``words``: for a change above and below zero."""
    few = (pl.col("a_n") < LOW_N) | (pl.col("b_n") < LOW_N)
    return (
        pl.when(pl.col("change").is_null())
        .then(pl.lit("no_data"))
        .when(few)
        .then(pl.lit("low_n"))
        .when(pl.col("low") > 0)
        .then(pl.lit(words[0]))
        .when(pl.col("high") < 0)
        .then(pl.lit(words[1]))
        .otherwise(pl.lit("no_difference_shown"))
    )


def _shares(a: pl.DataFrame, b: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """``on a_n b_n a b change low high verdict`` of counts ``part`` of ``whole``; ``whole`` may depend on the first."""
    rows = a.join(b, on=on, how="full", coalesce=True, suffix="_b", nulls_equal=True)
    sides = []
    for side, part, whole in (("a", "part", "whole"), ("b", "part_b", "whole_b")):
        counted = pl.col(part).fill_null(0)
        # Where none failed so, how many there were is known from the other rows.
        of = pl.col(whole).fill_null(pl.col(whole).max().over(on[0])) if on[0] == "method" else pl.col(whole).max()
        low, high = wilson(counted, of)
        sides += [counted.alias(f"{side}_part"), of.alias(f"{side}_n"), (counted / of).alias(side)]
        sides += [low.alias(f"{side}_low"), high.alias(f"{side}_high")]
    rows = rows.select(*on, *sides).filter((pl.col("a_part") > 0) | (pl.col("b_part") > 0))
    rows = rows.with_columns(change.of_values("a", "b"))
    told = _verdict(("more", "fewer"))
    shown = told.is_in(["more", "fewer"])
    verdict = (
        pl.when(shown & (pl.col("a_part") == 0))
        .then(pl.lit("new"))
        .when(shown & (pl.col("b_part") == 0))
        .then(pl.lit("gone"))
        .otherwise(told)
    )
    return rows.select(*on, "a_part", "b_part", "a_n", "b_n", "a", "b", "change", "low", "high", verdict=verdict)


def _network_nodes(tables: Tables) -> pl.DataFrame:
    """Nodes that more than one subscriber uses, as far as their role says."""
    return tables("nodes").filter(~pl.col("role").is_in([*ENDS, "unknown"])).select("node", "role")


def _labels(tables: Tables, *, by_role: bool) -> pl.DataFrame:
    """``address node role`` of endpoints; a subscriber's device, and where nodes go by role any, is its role."""
    known = tables("endpoints").select("address", "node", "role")
    alike = pl.col("role").is_in(ENDS) | (pl.lit(by_role) & (pl.col("role") != "unknown"))
    return known.with_columns(node=pl.when(alike).then("role").otherwise("node"))


# ---- failures --------------------------------------------------------------------------------------------------------


def _failures(side: CaptureSide) -> pl.DataFrame:
    """``method status part whole``: requests that failed, and all of their method, each once over all its hops."""
    tables = side.tables
    calls = tables("calls")
    messages = tables("messages").select("to_tag", transaction="message")
    requests = tables("transactions").join(messages, on="transaction", how="left", maintain_order="left")
    # An INVITE that begins a call counts as the call does.
    begins = (pl.col("method") == "INVITE") & pl.col("to_tag").is_null() & pl.col("call").is_not_null()
    others = requests.filter(~begins.fill_null(value=False)).unique(["call_id", "cseq", "method"])
    counts = others.group_by("method").agg(whole=pl.len().cast(pl.Int64))
    invites = pl.DataFrame({"method": ["INVITE"], "whole": [calls.height]})
    wholes = pl.concat([counts, invites]).group_by("method").agg(pl.col("whole").sum())
    failed = side.measure("failures", by="method,status").select("method", "status", part="requests")
    # Methods of which nothing failed are kept: how many there were is known.
    return failed.join(wholes, on="method", how="full", coalesce=True)


def _failed_by(tables: Tables, *, by_role: bool) -> pl.DataFrame:
    """``node role part whole``: calls that failed, by the node that failed them first, and all attempts."""
    calls = tables("calls").filter(~pl.col("outcome").is_in(["joined", "unfinished"]))
    labels = _labels(tables, by_role=by_role)
    failed = tables("call_failures").join(calls, on="call", how="semi").select(address="failing_node")
    failed = failed.join(labels, on="address", how="left").with_columns(pl.col("node").fill_null(pl.col("address")))
    counts = failed.group_by("node").agg(pl.col("role").mode().min(), part=pl.len().cast(pl.Int64))
    nobody = pl.DataFrame({"node": [None], "role": [None], "part": [0]}, schema=counts.schema)
    whole = pl.lit(calls.height, pl.Int64).alias("whole")
    return (counts if counts.height else nobody).with_columns(whole)


# ---- set-up ----------------------------------------------------------------------------------------------------------


def _answered(tables: Tables) -> pl.DataFrame:
    """The answered calls whose set-up was followed along its path."""
    calls = tables("calls").filter(pl.col("outcome") == "answered").select("call")
    return calls.join(tables("waterfall"), on="call", how="semi")


def _part_means(tables: Tables, *, by_role: bool) -> pl.DataFrame:
    """``kind node mean var``: what each took in a call, over all answered calls; nothing in those it had no part in."""
    calls = _answered(tables)
    labels = _labels(tables, by_role=by_role).drop("role")
    rows = tables("waterfall").join(calls, on="call", how="semi")
    rows = rows.filter(~pl.col("kind").is_in(_NOT_OF_THE_NETWORK), pl.col("duration_s").is_not_null())
    for end, name in (("address", "_from"), ("peer", "_to")):
        rows = rows.join(labels.rename({"node": name}), left_on=end, right_on="address", how="left")
    ends = [pl.col(name).fill_null(pl.col(end)) for end, name in (("address", "_from"), ("peer", "_to"))]
    rows = rows.with_columns(node=pl.concat_str(ends, separator=" - ", ignore_nulls=True))
    # In integers: sums of floats depend on the order of rows, and the same captures would differ by some picoseconds.
    durations = (pl.col("duration_s") * SECOND).round().cast(pl.Int128)
    of_calls = rows.group_by("kind", "node", "call").agg(ns=durations.sum())
    n = max(calls.height, 1)
    sums = of_calls.group_by("kind", "node").agg(pl.col("ns").sum(), squares=(pl.col("ns") * pl.col("ns")).sum())
    sums = sums.with_columns(
        total=pl.col("ns").cast(pl.Float64) / SECOND, squares=pl.col("squares").cast(pl.Float64) / SECOND**2
    )
    mean = pl.col("total") / n
    return sums.select("kind", "node", mean=mean, var=((pl.col("squares") / n - mean**2) * n / max(n - 1, 1)).clip(0))
