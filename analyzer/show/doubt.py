"""A role that one hint alone supports, or that another role rivals, has a question mark wherever people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.ims import roles

if TYPE_CHECKING:
    import polars as pl

_SURE = 0.7


def with_doubt(nodes: pl.DataFrame) -> pl.DataFrame:
    """``nodes`` or ``endpoints`` with ``S-CSCF?`` for an S-CSCF of little confidence.

    The kinds of node outside an IMS (proxy, registrar) are what a node was seen doing, and need no more than one hint.

    >>> import polars as pl
    >>> seen = pl.DataFrame({"role": ["I/S-CSCF", "S-CSCF", "proxy"], "confidence": [0.6, 0.7, 0.6]})
    >>> with_doubt(seen)["role"].to_list()
    ['I/S-CSCF?', 'S-CSCF', 'proxy']
    """
    import polars as pl

    if "confidence" not in nodes.columns:
        return nodes
    of_ims = [role for role in nodes["role"].drop_nulls().unique() if set(roles.split(role)) & set(roles.IMS)]
    doubted = pl.col("role").is_in(of_ims) & (pl.col("confidence") < _SURE)
    return nodes.with_columns(role=pl.when(doubted).then(pl.col("role") + "?").otherwise("role"))


def roles_of(nodes: pl.DataFrame | None) -> dict[str, str]:
    """The role of each of ``nodes`` that has one, as people read it."""
    if nodes is None:
        return {}
    return dict(with_doubt(nodes).filter(nodes["role"] != "unknown").select("node", "role").iter_rows())
