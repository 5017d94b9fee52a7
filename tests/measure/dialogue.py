"""A Capture over a dialogue that can be read (``tests/sip/frames.py`` says how it is written)."""

from __future__ import annotations

import polars as pl
from sip import frames

from analyzer import schema
from analyzer.api.capture import Capture
from analyzer.api.graph_source import GraphSource, inputs_of
from analyzer.graph.graph import Graph


def capture(text: str, *, ends: float = 600, failures: str = "") -> Capture:
    """The tables of a capture that ends so many seconds after its start."""
    empty = {name: pl.DataFrame(schema=schema.TABLES[name].polars()) for name in ("problems", "account")}
    last = pl.Series([frames.at(ends)], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
    files = (
        pl.DataFrame(schema=schema.FILES.polars())
        .clear(1)
        .with_columns(last.alias("last_at"), last.alias("ended_at"), cut=pl.lit(value=False))
    )
    for table in (schema.DESCRIPTIONS, schema.EVIDENCE, schema.IMS_HEADERS, schema.VIA_TAILS, *schema.CORE_MEDIA):
        empty[table.name] = pl.DataFrame(schema=table.polars())
    empty["tls_connections"] = pl.DataFrame(schema=schema.TLS_CONNECTIONS.polars())
    core = {"messages": frames.messages(text), "failures": frames.failures(failures), "files": files}
    others = {"node_overrides": (), "clocks_aligned": False, "read_companions": None, "max_problems_per_code": 1000}
    others |= {"digits_shown": False}
    return Capture(GraphSource(Graph(inputs_of(core | empty) | others)))
