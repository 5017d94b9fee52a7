"""Messages to hops: which message each message was made from, by which node, and how long that took.

A proxy puts its Via on top of a request and takes it off the response (RFC 3261 §16.6 item 8, §16.7 item 3). So of a
request that leaves a node all but the topmost Via is the Via stack of the one that came in, and of a response it is the
other way round. Where several entries are new, nodes in between were not captured. Four weaker rules follow, each for
what the ones before it left over:

=========  ==========================================================================================================
linked_by
=========  ==========================================================================================================
via        the Via stacks are those of neighbours, or of nodes further apart (``unseen`` says by how many)
cancel     a proxy makes CANCELs of its own (RFC 3261 §16.10); they go the way of the INVITEs that they cancel
order      same Call-ID, tags and CSeq came in before at the address that this one leaves from: topology hiding makes
           tokens of Vias (TS 24.229 §5.10.4), session border controllers take them off
leg        a B2BUA makes a request of its own for another leg of the call: what came in on the one went out on the other
=========  ==========================================================================================================

Times of two capture points do not compare, so a delay is taken at one point that saw both messages, and is null where
there is none.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.address import socket_of
from analyzer.columns.durations import seconds
from analyzer.columns.nothing import once_of_nothing
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed

# What a node makes of a message, it makes of it while its transaction lives (RFC 3261 §17: 64*T1).
_WHILE_WAITING = 32 * SECOND


@once_of_nothing
def hops(
    messages: pl.DataFrame, via_tails: pl.DataFrame, legs: pl.DataFrame, calls: pl.Series, *, aligned: bool = False
) -> pl.DataFrame:
    """The ``hops`` table without ``reference_point``, in the order of ``messages``.

    ``messages`` and ``via_tails`` as the core gives them; ``legs`` are the strong links of one leg to the next:
    `_call` of both (``_call``, ``_call_from``) and the address of the node between them on each side (``node_out``,
    ``node_in``); ``calls`` the call of each message; ``aligned`` says that the clocks of all capture points were set
    right.
    """
    rows = _counted(messages)
    seen = observations(messages, rows)
    found = _by_via(rows, seen)
    found = _and(found, _by_tails(_without(rows, found), rows, seen, via_tails))
    found = _and(found, _of_cancels(messages, rows, found, seen))
    found = _and(found, _by_order(_without(rows, found), rows, seen))
    found = _and(found, _over_legs(_without(rows, found), rows, seen, legs))
    return _table(messages, rows, _delays(found, seen, aligned=aligned), found, calls)


_FOUND = {"row": pl.UInt32, "previous_row": pl.UInt32, "unseen": pl.Int64, "linked_by": pl.String}


def _counted(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages that count, by their row; ``key`` groups those that may be copies of one another."""
    request = pl.col("status").is_null()
    return (
        messages.lazy()
        .with_row_index("row")
        .filter(~pl.col("duplicate"), pl.col("_leg").is_not_null(), pl.col("via_count") > 0)
        .select(
            "row",
            "message",
            "via_count",
            "_via",
            "_via_rest",
            "_call",
            "method",
            "status",
            "max_forwards",
            "src_ip",
            "src_port",
            "dst_ip",
            "dst_port",
            request=request,
            # Hop by hop: never sent on (RFC 3261 §16.7 item 2, §9.2, §17.1.1.3).
            own=(pl.col("status") == 100).fill_null(value=False)
            | ((pl.col("method") == "CANCEL") & ~request)
            | ((pl.col("method") == "ACK") & pl.col("transaction").is_not_null()),
            key=pl.struct("_leg", "_dialog", "cseq", "method", "status").hash(),
        )
        .collect()
    )


def observations(messages: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """When each point saw each message that counts: the first time, and in the order of time."""
    if messages["_point"].n_unique() < 2:
        numbers = rows["row"]
        seen = messages.select(
            point=pl.col("_point").gather(numbers), at=ns("time").gather(numbers),
            first=ns("first_byte_at").gather(numbers),
        )  # fmt: skip
        return pl.concat([rows.select("row"), seen], how="horizontal")
    of_original = rows.select("row", original="message")
    all_rows = messages.select(
        pl.coalesce("original", "message").alias("original"), "_point", at=ns("time"), first=ns("first_byte_at")
    )
    return (
        all_rows.join(of_original, on="original", maintain_order="left")
        .unique(["row", "_point"], keep="first", maintain_order=True)
        .select("row", point="_point", at="at", first="first")
    )


# -- the ways to find what a message was made from ---------------------------------------------------------------------


def _latest_before(made: pl.DataFrame, origins: pl.DataFrame, seen: pl.DataFrame, within: int | None) -> pl.DataFrame:
    """For each row of ``made`` the latest of ``origins`` with the same ``link`` that a point saw before it.

    Both have ``row`` and ``link``; most links have one origin, which is it whatever the clocks say unless ``within``
    (ns) asks for times. Where no point saw both, the order of the rows decides.
    """
    wanted = origins.filter(pl.col("link").is_in(made["link"].unique().implode()))
    number = wanted.group_by("link").agg(pl.len(), pl.col("row").first().alias("previous_row"))
    single = number.filter(pl.col("len") == 1) if within is None else number.clear()
    one = made.join(single.select("link", "previous_row"), on="link", maintain_order="left").select(
        "row", "link", "previous_row"
    )
    several = number if within is not None else number.filter(pl.col("len") > 1)
    if several.is_empty():
        return one
    several = several.select("link")
    made = made.join(several, on="link", how="semi", maintain_order="left").select("row", "link")
    origins = origins.join(several, on="link", how="semi", maintain_order="left").select("row", "link")
    at_points = _asof(made.join(seen, on="row"), origins.join(seen, on="row"), ["link", "point"], within)
    at_points = at_points.unique(["row", "link"], keep="first", maintain_order=True)
    if within is not None or seen["point"].n_unique() < 2:
        return pl.concat([one, at_points])
    met = made.join(seen, on="row").join(origins.join(seen, on="row"), on=["link", "point"], how="semi")
    rest = made.join(met, on="row", how="anti", maintain_order="left")
    return pl.concat([one, at_points, _by_rows(rest, origins)])


def _by_rows(made: pl.DataFrame, origins: pl.DataFrame) -> pl.DataFrame:
    """The latest before each, else the first behind it, by their rows.

    Duplicates were marked by this order, so it is the same in all that is told of the capture; how far two rows are
    from each other depends on what else was captured.
    """
    made, origins = made.sort("row"), origins.sort("row").with_columns(before="row", behind="row")
    before, behind = (origins.select("row", "link", name) for name in ("before", "behind"))
    made = made.join_asof(before, on="row", by="link", strategy="backward", check_sortedness=False)
    made = made.join_asof(behind, on="row", by="link", strategy="forward", check_sortedness=False)
    return made.select("row", "link", previous_row=pl.coalesce("before", "behind")).drop_nulls()


def _asof(made: pl.DataFrame, origins: pl.DataFrame, by: list[str], within: int | None) -> pl.DataFrame:
    """By the time of the earliest byte of what was made, and the last of what it was made from."""
    origins = origins.select(*by, "at", previous_row="row").drop_nulls("at").sort("at", "previous_row")
    made = made.drop_nulls("first").sort("first", "point")
    found = made.join_asof(
        origins, left_on="first", right_on="at", by=by, strategy="backward", tolerance=within, check_sortedness=False
    )
    return found.filter(pl.col("previous_row").is_not_null(), pl.col("previous_row") != pl.col("row")).select(
        "row", "link", "previous_row"
    )


def _link(stack: str) -> pl.Expr:
    return pl.struct("key", stack).hash().alias("link")


def _by_via(rows: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    forwarded = rows.filter(~pl.col("own"))
    several = pl.col("via_count") > 1
    requests, responses = forwarded.filter("request"), forwarded.filter(~pl.col("request"))
    made = [requests.filter(several).select("row", _link("_via_rest")), responses.select("row", _link("_via"))]
    origins = [requests.select("row", _link("_via")), responses.filter(several).select("row", _link("_via_rest"))]
    # A stack of one entry more and one of the same entries never have the same link but for a request and a response.
    found = _latest_before(pl.concat(made), pl.concat(origins), seen, None)
    return _as_found(found, pl.lit(0, pl.Int64), "via")


def _by_tails(rest: pl.DataFrame, rows: pl.DataFrame, seen: pl.DataFrame, via_tails: pl.DataFrame) -> pl.DataFrame:
    """The same where several entries are new: of those that a message could be made from, the nearest."""
    rest = rest.filter(~pl.col("own"))
    forwarded = rows.filter(~pl.col("own"))
    tails = via_tails.select("depth", "_tail", message="_message")
    far = (pl.col("request") & (pl.col("via_count") > 2)) | ~pl.col("request")
    tails = tails.join(forwarded.select("message", "row", "key", "request"), on="message")
    links = tails.select(
        "row", "request", "depth", pl.struct("key", pl.col("_tail").alias("_via")).hash().alias("link")
    )
    rest = rest.filter(far)
    wanted = rest.select("row", _link("_via"), "request")
    origins = forwarded.filter("request").select("row", _link("_via"))
    requests = links.filter("request").join(wanted.select("row"), on="row", how="semi")
    requests = requests.join(origins.select("link").unique(), on="link", how="semi").sort("row", "depth")
    requests = requests.unique("row", keep="first", maintain_order=True)
    responses = wanted.filter(~pl.col("request"))
    entering = links.filter(~pl.col("request")).join(responses.select("link").unique(), on="link", how="semi")
    nearest = entering.filter(pl.col("depth") == pl.col("depth").min().over("link"))
    depths = pl.concat([requests.select("row", "depth"), _depths(responses, nearest)])
    made = pl.concat([requests.select("row", "link"), responses.select("row", "link")])
    found = _latest_before(made, pl.concat([origins, nearest.select("row", "link")]), seen, None)
    found = found.join(depths, on="row", maintain_order="left")
    return _as_found(found, pl.col("depth") - 1, "via")


def _depths(made: pl.DataFrame, origins: pl.DataFrame) -> pl.DataFrame:
    return made.join(origins.select("link", "depth").unique(), on="link").select("row", "depth")


def _of_cancels(messages: pl.DataFrame, rows: pl.DataFrame, found: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """A CANCEL has the branch of the INVITE it cancels on its hop (RFC 3261 §9.1)."""
    cancels = rows.filter(pl.col("method") == "CANCEL", "request")
    if cancels.is_empty():
        return pl.DataFrame(schema=_FOUND)
    of_cancelled = pl.col("_call").is_in(cancels["_call"].unique().implode())
    invites = _with_branches(rows.filter(pl.col("method") == "INVITE", "request", of_cancelled), messages)
    cancels = _with_branches(cancels, messages)
    before = found.join(invites.select("row", into="branch"), on="row").join(
        invites.select(previous_row="row", link="branch"), on="previous_row"
    )
    before = before.unique("into", keep="first", maintain_order=True).select("link", "unseen", branch="into")
    made = cancels.join(before, on="branch", maintain_order="left")
    cancelled = _latest_before(made, cancels.select("row", link="branch"), seen, None)
    return _as_found(cancelled.join(made.select("row", "unseen"), on="row"), pl.col("unseen"), "cancel")


def _with_branches(rows: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """``row branch``: what an INVITE and the CANCELs of it on its hop have in common."""
    said = messages.select(pl.col("_leg", "cseq", "via_branch", "via_sent_by").gather(rows["row"]))
    return rows.select("row", branch=said.select(pl.struct(pl.all()).hash()).to_series())


def _by_order(rest: pl.DataFrame, rows: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    forwardable = ~pl.col("own") & ((pl.col("method") != "CANCEL") | ~pl.col("request"))
    rest = rest.filter(forwardable)
    rows = rows.filter(forwardable)
    found = pl.DataFrame(schema=_FOUND)
    # Several nodes on one machine differ by their ports; a client's port over TCP is nobody's address.
    for ends in (("ip", "port"), ("ip",)):
        out, into = ([f"{side}_{end}" for end in ends] for side in ("src", "dst"))
        made = rest.select("row", link=pl.struct("key", *(pl.col(name).alias(name[4:]) for name in out)).hash())
        origins = rows.select("row", link=pl.struct("key", *(pl.col(name).alias(name[4:]) for name in into)).hash())
        linked = _as_found(_latest_before(made, origins, seen, _WHILE_WAITING), pl.lit(0, pl.Int64), "order")
        # A request that went on has been counted down, or begins anew behind a B2BUA (RFC 3261 §16.6 item 3).
        forwards = rows.select("row", "max_forwards")
        linked = linked.join(forwards, on="row").join(
            forwards.select(previous_row="row", before="max_forwards"), on="previous_row"
        )
        counted = (pl.col("max_forwards") < pl.col("before")) | (pl.col("max_forwards") >= 69)
        linked = linked.filter(counted.fill_null(value=True)).select(list(_FOUND))
        found = pl.concat([found, linked])
        rest = _without(rest, linked)
    return found


def _over_legs(rest: pl.DataFrame, rows: pl.DataFrame, seen: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    if legs.is_empty():
        return pl.DataFrame(schema=_FOUND)
    # Requests and responses cross the node both ways.
    there = legs.select(_call="_call", other="_call_from", leaves="node_out", comes="node_in")
    back = legs.select(_call="_call_from", other="_call", leaves="node_in", comes="node_out")
    ways = pl.concat([there, back]).unique(maintain_order=True).with_row_index("way")
    rest, rows = rest.filter(~pl.col("own")), rows.filter(~pl.col("own"))
    link = pl.struct("way", "method", "status").hash().alias("link")
    made = rest.join(ways, left_on=["_call", "src_ip"], right_on=["_call", "leaves"]).select("row", link)
    arrived = rows.join(ways, left_on=["_call", "dst_ip"], right_on=["other", "comes"]).select("row", link)
    found = _as_found(_latest_of(made, arrived, seen), pl.lit(0, pl.Int64), "leg")
    # What came in at the node was not captured: the last that was seen on its way there.
    made = _without(made, found)
    under_way = rows.join(ways, left_on="_call", right_on="other").select("row", link)
    return _and(found, _as_found(_latest_of(made, under_way, seen), pl.lit(None, pl.Int64), "leg"))


def _latest_of(made: pl.DataFrame, origins: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Of what was made of several legs the latest origin."""
    found = _latest_before(made, origins, seen, _WHILE_WAITING)
    return found.sort("row", "previous_row").unique("row", keep="last", maintain_order=True)


def _as_found(found: pl.DataFrame, unseen: pl.Expr, linked_by: str) -> pl.DataFrame:
    return found.select("row", "previous_row", unseen=unseen, linked_by=pl.lit(linked_by))


def _without(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return rows.join(found.select("row"), on="row", how="anti", maintain_order="left")


def _and(found: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([found, more.select(list(_FOUND))])


# -- the table ---------------------------------------------------------------------------------------------------------


def _table(
    messages: pl.DataFrame, rows: pl.DataFrame, delays: pl.DataFrame, found: pl.DataFrame, calls: pl.Series
) -> pl.DataFrame:
    table = rows.select("row").join(found, on="row", how="left", maintain_order="left")
    table = table.join(delays, on="row", how="left", maintain_order="left")
    said = messages.select(
        pl.col("message", "transaction", "method", "status", "time", "src_ip", "src_port", "dst_ip", "dst_port").gather(
            table["row"]
        ),
        pl.col("retransmission").gather(table["row"]),
        calls.gather(table["row"]).alias("call"),
    )
    came = messages.select(
        pl.col("message").gather(table["previous_row"]).alias("previous"),
        pl.col("retransmission").gather(table["previous_row"]).alias("came_again"),
        pl.col("point").gather(table["row"]).alias("sighted"),
    )
    points = messages.select("_point", "point").unique("_point")
    table = pl.concat([table, said, came], how="horizontal").join(
        points.select(delay_point="_point", point="point"), on="delay_point", how="left", maintain_order="left"
    )
    table = table.with_columns(sender=socket_of("src"), receiver=socket_of("dst"))
    came_to = table["receiver"].gather(table["row"].search_sorted(table["previous_row"]))
    table = table.with_columns(
        # Where a node is reached: the port that it sends requests from may be any.
        node=pl.when(pl.col("previous").is_not_null()).then(
            pl.when(pl.col("status").is_null()).then(came_to).otherwise("sender")
        ),
        # What a node sends again by its own timer was not on its way through it for so long.
        delay_s=seconds(pl.when(~pl.col("retransmission") | pl.col("came_again")).then("delay")),
        point=pl.coalesce("point", "sighted"),
    )
    return typed(table, schema.HOPS, without=("reference_point",))


def _delays(found: pl.DataFrame, seen: pl.DataFrame, *, aligned: bool) -> pl.DataFrame:
    """From the last byte of what came in to the first of what went out, at the first point that saw both.

    Where clocks were set right (``aligned``) and no point saw both: from the first that saw the one to the first that
    saw the other.
    """
    pairs = found.select("row", "previous_row")
    out = seen.select("row", "point", "first")
    into = seen.select("point", "at", previous_row="row")
    both = pairs.join(out, on="row").join(into, on=["previous_row", "point"])
    both = both.select("row", delay_point="point", delay=pl.col("first") - pl.col("at"))
    if aligned:
        firsts = seen.group_by("row", maintain_order=True).agg(pl.col("at", "first").min())
        across = pairs.join(firsts.select("row", "first"), on="row").join(
            firsts.select("at", previous_row="row"), on="previous_row"
        )
        across = across.select("row", delay_point=pl.lit(None, pl.Int64), delay=pl.col("first") - pl.col("at"))
        both = pl.concat([both, across], how="vertical_relaxed")
    both = both.filter(pl.col("delay") >= 0)
    if both["row"].is_unique().all():
        return both
    return both.sort("row", "delay_point", nulls_last=True).unique("row", keep="first", maintain_order=True)
