"""The reference hop: the one place where the times and statuses of a dialog or call are taken.

It lies between the two nodes that the INVITE passed with the fewest Vias in the first leg, the earliest of these. Times
at two taps do not compare, so whatever else belongs to the dialog or call is read there too, where it was captured
there. A request of the side that opened the dialog has its fewest Vias at the reference hop; one of the other side has
other Vias, and is known by the two nodes, or else by having its most there.
"""

from __future__ import annotations

import polars as pl

#: The columns with the client and the server of a reference hop.
ENDS = ("near_ip", "near_port", "far_ip", "far_port")
_FAR = 1 << 33  # above any row number and any number of Vias


def ends(from_client: pl.Expr) -> list[pl.Expr]:
    """:data:`ENDS` of the hop on which a message was captured that its client sent, or got."""
    return [
        pl.when(from_client).then(f"{sent}_{part}").otherwise(f"{got}_{part}").alias(f"{node}_{part}")
        for node, sent, got in (("near", "src", "dst"), ("far", "dst", "src"))
        for part in ("ip", "port")
    ]


def distance() -> pl.Expr:
    """How far from the reference hop a message was captured: 0 is there, by address and port; 1 by address alone.

    2: at least the client sent or received it; 3: elsewhere. Columns read: ``src_ip src_port dst_ip dst_port`` of the
    message, and :data:`ENDS` of the hop.
    """

    def passed(source: str, target: str, *parts: str) -> pl.Expr:
        ends = (("src", source), ("dst", target))
        return pl.all_horizontal(
            pl.col(f"{end}_{part}") == pl.col(f"{node}_{part}") for end, node in ends for part in parts
        )

    def between(*parts: str) -> pl.Expr:
        return passed("near", "far", *parts) | passed("far", "near", *parts)

    at_client = (pl.col("src_ip") == pl.col("near_ip")) | (pl.col("dst_ip") == pl.col("near_ip"))
    return pl.when(between("ip", "port")).then(0).when(between("ip")).then(1).when(at_client).then(2).otherwise(3)


def nearest(rows: pl.LazyFrame, by: str, *, latest: bool = False) -> pl.LazyFrame:
    """Of each ``by`` the ``row`` nearest to the reference hop; of several there the first, or the ``latest``.

    ``rows`` with the columns that :func:`distance` reads, and ``row``, their number in time order.
    """
    place = -pl.col("row").cast(pl.Int64) if latest else pl.col("row")
    return rows.sort(distance(), place).unique(by, keep="first", maintain_order=True)


def depth(opens: pl.Expr, via_count: pl.Expr, here: pl.Expr) -> pl.Expr:
    """Orders the copies of one request, captured from hop to hop: the lowest is that nearest to the reference hop.

    ``opens``: the side that opened the dialog sent it; ``here``: it passed between the nodes of the reference hop.
    """
    return pl.when(opens).then(via_count).when(here).then(-via_count).otherwise(_FAR - via_count)
