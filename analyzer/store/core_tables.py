"""The tables of the core as a store has them: their columns, and those that it does not keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.graph.node import CORE
from analyzer.reading import native

if TYPE_CHECKING:
    import polars as pl


def core_columns() -> dict[str, list[tuple[str, str]]]:
    return dict(native.core().tables())


def columns_of(table: str) -> dict[str, Any]:
    """The columns of a table of the core and their types; none of another table."""
    import polars as pl

    kinds = {"text": pl.String(), "int": pl.Int64(), "time": pl.Datetime("ns", "UTC"), "bool": pl.Boolean()}
    return {column: kinds[kind] for column, kind in core_columns().get(table, [])}


#: Tables of the core that a store has not: media and TLS connections, which go across its parts.
NOT_KEPT = ("tls_connections", "rtp_streams", "rtp_intervals", "rtp_events", "rtcp_reports", "msrp_sessions")


def not_kept() -> dict[str, pl.DataFrame]:
    """These, without rows, by the names that nodes have for them."""
    import polars as pl

    return {name: pl.DataFrame(schema=columns_of(table)) for name, table in CORE.items() if table in NOT_KEPT}
