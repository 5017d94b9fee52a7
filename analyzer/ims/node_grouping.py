"""Addresses and ports to nodes: which ports are one speaker of SIP, and what it is called.

A speaker has several ports: a TCP client has one for each connection, a P-CSCF and a UE have four for their security
association (TS 33.203 §7.1). Two processes may share an address. So ports of one address are one node where a message
shows it: its top Via names the other port (RFC 3261 §18.1.1), it answers what came to the other port, or it is what
came to the other port with one more Via (§16.6).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from analyzer.columns import address, uri


def ends(messages: pl.DataFrame) -> pl.DataFrame:
    """One row per address and port: ``ip port sent received first_at last_at``.

    ``messages`` without duplicates. What the capture gives no address of has no row.
    """
    sides = [
        messages.lazy()
        .group_by(ip=pl.col(f"{side}_ip"), port=pl.col(f"{side}_port"))
        .agg(pl.len().alias(count), pl.col("time").min().alias("first_at"), pl.col("time").max().alias("last_at"))
        for side, count in (("src", "sent"), ("dst", "received"))
    ]
    return _summed(pl.concat(sides, how="diagonal")).collect()


def together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The ends of several parts, with their number ``end``, by first message."""
    found = _summed(pl.concat(parts).lazy()).sort("first_at", "ip", "port").collect()
    return found.with_row_index("end").with_columns(pl.col("end").cast(pl.Int64))


def _summed(ends: pl.LazyFrame) -> pl.LazyFrame:
    return (
        ends.group_by("ip", "port")
        .agg(
            pl.col("sent").sum().cast(pl.Int64),
            pl.col("received").sum().cast(pl.Int64),
            pl.col("first_at").min(),
            pl.col("last_at").max(),
        )
        .filter(pl.col("ip").is_not_null(), pl.col("port").is_not_null())
    )


def with_end(frame: pl.DataFrame, found: pl.DataFrame, side: str, *, name: str = "end") -> pl.DataFrame:
    """The frame with a column that has the end of one side of its messages."""
    known = found.select(pl.col("ip").alias(f"{side}_ip"), pl.col("port").alias(f"{side}_port"), pl.col(name))
    return frame.join(
        known.rename({name: f"{side}_{name}"}), on=[f"{side}_ip", f"{side}_port"], how="left", maintain_order="left"
    )


def with_nodes(found: pl.DataFrame, requests: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """The ends with ``node_id``, the end that stands for the node: where most requests came to, else most messages.

    ``requests`` with ``src_end dst_end src_ip via_sent_by`` and, where the sender received a copy, ``p_dst_end``;
    ``answers`` with ``src_end dst_end`` of final responses and ``r_src_end r_dst_end`` of their requests.
    """
    of_ip = found.select("end", "ip")
    pairs = [
        requests.select(a="src_end", b="p_dst_end"),
        answers.select(a="src_end", b="r_dst_end"),
        answers.select(a="dst_end", b="r_src_end"),
        _same_sender(requests),
        _named_port(requests, found),
    ]
    edges = pl.concat([pair.drop_nulls().filter(pl.col("a") != pl.col("b")).unique() for pair in pairs]).unique()
    edges = edges.join(of_ip, left_on="a", right_on="end").join(of_ip, left_on="b", right_on="end", suffix="_b")
    same = edges.filter(pl.col("ip") == pl.col("ip_b")).select("a", "b").sort("a", "b")
    groups = pl.Series("group", _united(found.height, same.rows()), dtype=pl.Int64)
    asked = requests.group_by(end="dst_end").agg(asked=pl.len())
    grouped = found.with_columns(groups).join(asked, on="end", how="left")
    order = [pl.col("asked").fill_null(0), pl.col("sent") + pl.col("received"), -pl.col("port")]
    main = grouped.sort(order, descending=True).unique("group", keep="first", maintain_order=True)
    nodes = main.select("group", node_id="end")
    return grouped.join(nodes, on="group", how="left").drop("group", "asked").sort("end")


def _same_sender(requests: pl.DataFrame) -> pl.DataFrame:
    """Ports of one address that write the same name into their top Via."""
    named = requests.filter(~address.is_literal(uri.host_of_sent_by(pl.col("via_sent_by"))))
    named = named.select("src_ip", "via_sent_by", b="src_end").unique()
    return named.select(a=pl.col("b").min().over("src_ip", "via_sent_by"), b="b")


def _named_port(requests: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The port a request came from, and the port of the same address that its top Via names."""
    named = requests.select("src_end", sent_by=uri.host_port_of_sent_by(pl.col("via_sent_by"))).unique()
    known = found.select(b="end", sent_by=address.sockets("ip", "port"))
    return named.join(known, on="sent_by").select(a="src_end", b="b")


def _united(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The number of the group of each of ``count`` things, of which these pairs belong together."""
    parent = list(range(count))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for one, other in pairs:
        parent[root(one)] = root(other)
    return [root(one) for one in range(count)]


def addresses(found: pl.DataFrame, requests: pl.DataFrame) -> pl.DataFrame:
    """Which node a ``host:port`` of a URI or Via is: rows ``at node_id``, each ``at`` once.

    An address is that of its end; a name that of whoever writes it into Via, else of whom requests reach that have it
    in their topmost Route. With the default port a name of any port will do.
    """
    literal = found.select(at=address.sockets("ip", "port"), node_id="node_id", weight=pl.lit(1 << 40, pl.Int64))
    writes = requests.select(at=uri.host_port_of_sent_by(pl.col("via_sent_by")), node_id="src_node_id")
    reached = requests.select(at="route_at", node_id="dst_node_id")
    votes = [
        frame.drop_nulls().group_by("at", "node_id").agg(weight=pl.len().cast(pl.Int64) * weight)
        for frame, weight in ((writes, 1 << 20), (reached, 1))
    ]
    ranked = pl.concat([literal, *votes]).group_by("at", "node_id").agg(pl.col("weight").sum())
    return (
        ranked.sort(["weight", "node_id"], descending=[True, False]).unique("at", keep="first").select("at", "node_id")
    )


def names(found: pl.DataFrame, requests: pl.DataFrame) -> pl.DataFrame:
    """The name of each node, as most messages have it: rows ``node_id name``; of equals the first by alphabet."""
    sent_by = uri.host_of_sent_by(pl.col("via_sent_by"))
    own = requests.filter(pl.col("records")).select(node_id="src_node_id", name=uri.host(pl.col("record_route")))
    called = [
        requests.select(node_id="src_node_id", name=sent_by),
        own,
        # The next hop is the topmost Route (RFC 3261 §16.6 item 7), unless whoever sends it has been told otherwise.
        requests.select(node_id="dst_node_id", name=uri.host(pl.col("route"))),
    ]
    counted = (
        pl.concat(called).drop_nulls().filter(~address.is_literal(pl.col("name"))).group_by("node_id", "name").len()
    )
    return (
        counted.sort(["len", "name"], descending=[True, False])
        .unique("node_id", keep="first", maintain_order=True)
        .select("node_id", "name")
    )
