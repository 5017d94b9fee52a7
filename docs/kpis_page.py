"""The page kpis.md: how each KPI is made, from its record (analyzer/kpi)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analyzer import schema
from analyzer.kpi.catalogue import FAMILIES
from analyzer.kpi.kpis import LOW_N
from analyzer.kpi.populations import OVERLAPPING, POPULATIONS
from analyzer.kpi.record import Kpi

HEAD = f"""# KPIs: how each number is made

`sip-analyzer kpis trace.pcap` and `cap.kpis()` measure the key performance indicators on this page from the tables: no
KPI decides anew whether a call was answered. This page is generated from `analyzer/kpi` by `make docs`; each worked
example is a test.

```
sip-analyzer kpis trace.pcap
sip-analyzer kpis trace.pcap --by node --every 5m
sip-analyzer kpis trace.pcap --only asr,ner,pdd_s --by from_node,to_node
```

```python
cap.kpis(by="node", every="5m")
cap.kpis(only="ser,seer", by="rat")
cap.measure("kpis", by="reference_point")  # as a polars.DataFrame
```

## How to read a row

- **value** is `numerator` / `denominator`, and null if the denominator is zero (RFC 6076 §4). The value of a duration
  is its mean; `p50_s`, `p95_s` and `p99_s` are nearest-rank percentiles of the same values. A peak is neither.
- **n** is the number of calls, registrations or requests that count, **excluded** the number of those of the same kind
  that do not, **excluded_why** the reasons. They do not stand in the denominator.
- **point** is where the value was measured. Calls and registrations are measured at their reference hop
  ([numbers.md](numbers.md)), so each counts once, over all its hops and legs.
- **low, high** are the ends of the 95 % interval of a share (Wilson). The interval of a percentile is that of order
  statistics: `p50_low_s` to `p50_high_s`, `p95_low_s` to `p95_high_s`. An end is null if n is too small for it: the
  median needs 6 values, the upper end of the 95th percentile 72.
- **note** has words of warning: `no_data` if there is nothing to measure; `low_n` if fewer than {LOW_N} count;
  `clock_stepped` if the time of a file goes backwards (durations may be wrong); `packets_lost` if the capture reports
  lost packets.

## Groups, intervals and the whole

For each KPI one row is over everything (`total`). It is made of the calls themselves: ratios are summed above and
below, and values are pooled; nothing is averaged twice. A group without anything of the kind has no row. A KPI whose
table lacks a column of `--by` has no row.

`--every` makes intervals by the start of what is counted; erlang and concurrent_calls follow calls into the intervals
into which they last. Rates divide by the seconds that the files cover: gaps between files are no time. A filter takes
calls away, but no time.

A row counts in several groups of {{overlapping}}: a call for each node that it passed, each pair of nodes (`from_node`,
`to_node`), each reference point and each service that it used. These groups add up to more than the whole.

| population | measured at | grouped by |
|---|---|---|
{{populations}}

## How often the intervals hold the truth

Of 1,000 seeded samples of n calls with a known answer ratio, or with log-normal delays, so many 95 % intervals hold the
truth (`benchmarks/intervals.py`). Calls are whole numbers, so no interval of a ratio holds it in 95 % exactly; that of
a percentile does so in 95 % or more. `none`: 30 values have no upper bound of their 95th percentile.

| n | ratio 0.5 | 0.8 | 0.95 | 0.99 | median | p95 |
|---|---|---|---|---|---|---|
| 30 | 96.2 % | 96.7 % | 95.5 % | 97.0 % | 95.6 % | none |
| 100 | 93.9 % | 94.7 % | 97.1 % | 92.0 % | 96.0 % | 98.7 % |
| 1,000 | 94.7 % | 94.9 % | 95.3 % | 95.9 % | 95.9 % | 95.5 % |

## Thresholds

```
sip-analyzer kpis trace.pcap --thresholds limits.toml
```

```toml
thresholds = ["asr < 60 %", "pdd_s.p95 > 5", "call_drop > 0.02"]    # over all

[nodes]                        # any name; each has groups of its own
by = "node"
every = "1h"
thresholds = ["ser < 0.5", "sdd_s > 2"]
```

A threshold names a KPI, for a duration perhaps a percentile (`p50`, `p95`, `p99`; without one its mean), and the side
that is bad. The column `crossed` marks the rows that cross one, of the groups and intervals that `--by` and `--every`
give, and the row over all. A line on stderr tells each value that crosses, and the exit status is 3.

A share or duration of fewer than {LOW_N}, or a 95th percentile of so few that it has no upper bound, crosses nothing:
it is marked `low n`. In Python, `cap.crossings("limits.toml")` has a row for each value that crosses or would.
"""


def kpis() -> str:
    """The page."""
    overlapping = ", ".join(f"`{name}`" for name in sorted(OVERLAPPING))
    populations = "\n".join(f"| {p.name} | {p.point} | {_grouped(p.name)} |" for p in POPULATIONS.values())
    head = HEAD.replace("{overlapping}", overlapping).replace("{populations}", populations)
    families = (f"\n## {heading}\n{''.join(map(_section, records))}" for heading, records in FAMILIES.items())
    return head + "".join(families)


def _grouped(name: str) -> str:
    population = POPULATIONS[name]
    table = "transactions" if name == "requests" else name
    own = set(schema.TABLES[table].names)
    further = ", ".join(f"`{column}`" for column in population.columns if column not in own)
    if name == "messages":
        return ", ".join(f"`{column}`" for column in population.columns)
    return f"columns of `{table}`, {further}"


def _section(kpi: Kpi) -> str:
    above, below = kpi.formula
    excluded = [reason.why for reason in kpi.excluded]
    rows = [
        ("Value", f"{above} / {below}" if below != "1" else above),
        ("Unit", {"share": "share, 0 to 1", "s": "seconds"}.get(kpi.unit, kpi.unit)),
        ("Defined in", kpi.standard),
        ("Measured over", f"{kpi.of}, at the {kpi.point or POPULATIONS[kpi.of].point}"),
        ("Excluded", "; ".join([*excluded, *([kpi.missing] if kpi.missing else [])])),
        ("Chosen", kpi.chosen),
        ("Example", _example(kpi)),
    ]
    told = "".join(f"| {what} | {text} |\n" for what, text in rows if text)
    return f"\n### {kpi.name}\n\n**{kpi.titles['en']}**. {kpi.texts['en']}\n\n| | |\n|---|---|\n{told}"


def _example(kpi: Kpi) -> str:
    example = kpi.example
    rows = "; ".join(f"{count} × {_row(row)}" for count, row in example.rows)
    left_out = f", {example.excluded} excluded" if example.excluded else ""
    if example.numerator is None or example.denominator is None:
        return f"{rows}: {example.value:g}"
    return f"{rows}: {example.numerator:g} / {example.denominator:g} = {example.value:g}{left_out}"


_WORDS = {
    "_bye_at": "BYE at {} s",
    "_bye_accepted_at": "2xx to it at {} s",
    "_bye_refused_at": "refused at {} s",
    "_since": "answered at {} s",
    "_until": "ended at {} s",
    "started_at": "started at {} s",
    "ringing_at": "180 at {} s",
    "ended_at": "ended at {} s",
    "request_copies": "request sent {} times",
    "response_copies": "response sent {} times",
}
_FLAGS = {
    ("_bye_unanswered", True): "BYE unanswered",
    ("duplicate", True): "duplicate",
    ("duplicate", False): "message",
}


def _row(row: Mapping[str, Any]) -> str:
    """A row of an example in words."""
    told = []
    for name, value in row.items():
        if (name, value) in _FLAGS:
            told.append(_FLAGS[name, value])
        elif name in _WORDS:
            told.append(_WORDS[name].format(f"{value:g}"))
        elif name.endswith("_s"):
            told.append(f"{name} {value:g} s")
        else:
            told.append(str(value).replace("_", " "))
    return " ".join(told)
