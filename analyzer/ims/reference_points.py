"""Reference points: what 3GPP calls the interface between two roles (TS 23.228 §4.4)."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.typed import typed
from analyzer.ims.roles import (
    AS,
    ATCF,
    BGCF,
    E_CSCF,
    EATF,
    I_CSCF,
    IBCF,
    KINDS_OF_AS,
    LRF,
    MGCF,
    MRFC,
    MSC,
    P_CSCF,
    S_CSCF,
    UE,
    split,
)

_SERVERS = (AS, *KINDS_OF_AS)
# In the order in which they are told where nodes have several roles: the user's, services, other networks.
_PAIRS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Gm", ((UE, P_CSCF),)),
    ("ISC", tuple((S_CSCF, server) for server in _SERVERS)),
    ("Ma", tuple((I_CSCF, server) for server in _SERVERS)),
    ("Mr", ((S_CSCF, MRFC),)),
    ("Mr'", tuple((server, MRFC) for server in _SERVERS)),
    ("Ml", ((E_CSCF, LRF),)),
    ("I4", ((E_CSCF, EATF),)),
    ("I5", ((I_CSCF, EATF),)),
    ("I2", ((I_CSCF, MSC), (S_CSCF, MSC), (ATCF, MSC))),
    ("Mi", ((S_CSCF, BGCF), (I_CSCF, BGCF), (E_CSCF, BGCF))),
    ("Mg", ((S_CSCF, MGCF), (I_CSCF, MGCF), (E_CSCF, MGCF))),
    ("Mj", ((BGCF, MGCF),)),
    ("Mx", tuple((role, IBCF) for role in (P_CSCF, I_CSCF, S_CSCF, E_CSCF, BGCF, ATCF))),
    ("Ici", ((IBCF, IBCF),)),
    ("Mk", ((BGCF, BGCF),)),
    (
        "Mw",
        (
            *((P_CSCF, other) for other in (I_CSCF, S_CSCF, E_CSCF, P_CSCF)),
            *((ATCF, other) for other in (P_CSCF, I_CSCF, S_CSCF)),
            *((S_CSCF, other) for other in (I_CSCF, S_CSCF, E_CSCF)),
            *((I_CSCF, other) for other in (I_CSCF, E_CSCF)),
        ),
    ),
)
POINTS: dict[frozenset[str], str] = {frozenset(pair): point for point, pairs in _PAIRS for pair in pairs}
"""The reference point between two roles; of a role with itself under the set of one."""
_ORDER = [point for point, _ in _PAIRS]


def reference_point(one: str, other: str) -> str | None:
    """The reference point between two roles as ``nodes.role`` has them; None where there is none, or a role is unknown.

    >>> reference_point("P-CSCF", "I/S-CSCF"), reference_point("I/S-CSCF", "AS"), reference_point("P-CSCF", "proxy")
    ('Mw', 'ISC', None)
    """
    found = {POINTS.get(frozenset((a, b))) for a in split(one) for b in split(other)} - {None}
    return min(found, key=_ORDER.index, default=None)  # type: ignore[arg-type]


def of_pairs(one: pl.Series, other: pl.Series) -> pl.Series:
    """The same for two long columns, each pair looked up once."""
    pairs = pl.DataFrame({"one": one, "other": other})
    known = pairs.unique(maintain_order=True).drop_nulls()
    points = [reference_point(*pair) for pair in known.iter_rows()]
    known = known.with_columns(pl.Series("point", points, dtype=pl.String))
    return pairs.join(known, on=["one", "other"], how="left", maintain_order="left")["point"]


def of_hops(hops: pl.DataFrame, endpoints: pl.DataFrame) -> pl.DataFrame:
    """The hops with ``reference_point``: that between the roles of the nodes at both ends.

    A node may send to itself where one server serves both halves of a call; those are within one network.
    """
    ends = endpoints.select("address", "node", "role")
    ways = hops.select("sender", "receiver").unique(maintain_order=True)
    for side in ("sender", "receiver"):
        of_side = ends.rename({"address": side, "node": f"{side}_node", "role": f"{side}_role"})
        ways = ways.join(of_side, on=side, how="left", maintain_order="left")
    point = of_pairs(ways["sender_role"], ways["receiver_role"])
    apart = (ways["sender_node"] != ways["receiver_node"]) | (point == "Mw")
    ways = ways.select("sender", "receiver", reference_point=pl.when(apart).then(point))
    return hops.join(ways, on=["sender", "receiver"], how="left", nulls_equal=True, maintain_order="left")


def reference_points(requests: pl.DataFrame, endpoints: pl.DataFrame) -> pl.DataFrame:
    """The table ``reference_points``: which nodes sent each other requests, and what lies between them.

    ``requests`` has ``src_node dst_node requests first_at last_at`` for each direction; ``endpoints`` is that table.
    """
    both = requests.filter(pl.col("src_node") != pl.col("dst_node"))
    both = both.with_columns(pl.col("first_at", "last_at").fill_null(-1))
    reverse = both.select("src_node", "dst_node", peer_requests="requests", r_first="first_at", r_last="last_at")
    joined = both.join(
        reverse, left_on=["src_node", "dst_node"], right_on=["dst_node", "src_node"], how="left", maintain_order="left"
    )
    # Of two that ask each other, the one that asked first.
    earlier = pl.col("first_at") - pl.col("r_first")
    first = pl.col("r_first").is_null() | (earlier < 0) | ((earlier == 0) & (pl.col("src_node") < pl.col("dst_node")))
    role = endpoints.select("node", "role").unique("node", keep="first")
    table = (
        joined.filter(first)
        .rename({"src_node": "node", "dst_node": "peer"})
        .join(role, on="node", how="left", maintain_order="left")
        .join(role.rename({"node": "peer", "role": "peer_role"}), on="peer", how="left", maintain_order="left")
    )
    table = table.with_columns(
        reference_point=of_pairs(table["role"], table["peer_role"]),
        peer_requests=pl.col("peer_requests").fill_null(0),
        last_at=pl.max_horizontal("last_at", "r_last"),
    ).with_columns(pl.when(pl.col(name) >= 0).then(name).alias(name) for name in ("first_at", "last_at"))
    return typed(table.sort("first_at", "node", "peer"), schema.REFERENCE_POINTS)
