"""A report for monitoring: the KPIs as OpenMetrics text, one sample each, over the whole capture.

Names are those of the KPIs and tables behind ``sip_``, with their unit as OpenMetrics wants it: a share is a gauge in
``_ratio``, a duration a summary in ``_seconds`` with its quantiles, sum and count. A KPI without data has no sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from analyzer.kpi.catalogue import KPIS
from analyzer.kpi.record import Kpi

_SUFFIX = {"share": "ratio", "s": "seconds"}
_QUANTILES = (("0.5", "p50_s"), ("0.95", "p95_s"), ("0.99", "p99_s"))


def openmetrics(tables: Mapping[str, pl.DataFrame], kpis: pl.DataFrame, crossings: pl.DataFrame | None = None) -> str:
    """The text; ``kpis`` is the table of that name."""
    families: list[str] = []
    for row in kpis.filter("total").iter_rows(named=True):
        if row["value"] is not None:
            families += _of_kpi(KPIS[row["kpi"]], row)
    families += _counts("sip_calls", "Calls by outcome", tables["calls"], ("outcome",))
    families += _counts("sip_registrations", "Registrations by outcome", tables["registrations"], ("kind", "outcome"))
    seen = tables["messages"].filter(~pl.col("duplicate"))
    families += _family("sip_messages", "gauge", "", "SIP messages without duplicates")
    families.append(f"sip_messages {seen.height}")
    last = tables["files"]["last_at"].max()
    if last is not None:
        families += _family("sip_capture_end_seconds", "gauge", "seconds", "Time of the last packet, since 1970")
        families.append(f"sip_capture_end_seconds {last.timestamp()!r}")  # type: ignore[union-attr]
    if crossings is not None:
        families += _family("sip_threshold_crossed", "gauge", "", "Values that cross the threshold")
        crossed = crossings.filter(state="crossed").group_by("threshold", maintain_order=True).len()
        families += [f"sip_threshold_crossed{_labels({'threshold': t})} {n}" for t, n in crossed.iter_rows()]
    return "".join(f"{line}\n" for line in [*families, "# EOF"])


def name(kpi: Kpi) -> str:
    """The name of its metric family.

    >>> name(KPIS["ser"]), name(KPIS["pdd_s"]), name(KPIS["caps"]), name(KPIS["resent_share"])
    ('sip_ser_ratio', 'sip_pdd_seconds', 'sip_caps', 'sip_resent_ratio')
    """
    stem = kpi.name.removesuffix("_s").removesuffix("_share")
    return "_".join(part for part in ("sip", stem, _SUFFIX.get(kpi.unit, "")) if part)


def _family(called: str, kind: str, unit: str, text: str) -> list[str]:
    told = [f"# TYPE {called} {kind}"]
    if unit:
        told.append(f"# UNIT {called} {unit}")
    return [*told, f"# HELP {called} {_escaped(text, quotes=False)}"]


def _of_kpi(kpi: Kpi, row: Mapping[str, float]) -> Iterator[str]:
    called = name(kpi)
    text = f"{kpi.titles['en']}, {kpi.standard}"
    if kpi.kind == "duration":
        yield from _family(called, "summary", "seconds", text)
        for quantile, column in _QUANTILES:
            if row[column] is not None:
                yield f'{called}{{quantile="{quantile}"}} {row[column]!r}'
        yield f"{called}_sum {row['numerator']!r}"
        yield f"{called}_count {row['n']}"
        return
    yield from _family(called, "gauge", _SUFFIX.get(kpi.unit, ""), text)
    yield f"{called} {row['value']!r}"
    if kpi.kind == "share":
        # With these, shares of several captures can be added up: a mean of ratios says nothing.
        for part in ("numerator", "denominator"):
            of = f"{called.removesuffix('_ratio')}_{part}"
            yield from _family(of, "gauge", "", f"{part} of {called}")
            yield f"{of} {row[part]!r}"


def _counts(called: str, text: str, table: pl.DataFrame, by: tuple[str, ...]) -> Iterator[str]:
    yield from _family(called, "gauge", "", text)
    for row in table.group_by(by).len("n").sort(by, nulls_last=True).iter_rows(named=True):
        labels = {column: row[column] or "unknown" for column in by}
        yield f"{called}{_labels(labels)} {row['n']}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items()) + "}"


def _escaped(text: str, *, quotes: bool = True) -> str:
    """As OpenMetrics escapes: backslash, line feed, and in labels the quotation mark."""
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"')
