"""Where the set-up time of each call went: the way that it waited on, from the INVITE to the final response, in parts.

At the reference hop a set-up is requests of the caller and what each waited for, in turn: INVITE and 183, PRACK and its
200, UPDATE and 200. Each such *trip* goes down from the reference hop to whoever answered, and back::

    INVITE ──link── node ──link── node ──link── far_end
                                                   │
    183    ──link── node ──link── node ──link──────┘
      │ caller
    UPDATE ──link── ...                         far_end, ringing
    200    ...

Both ways are followed from their far end back, from each message to the one that it was made from (`hops`), over legs
too. A failing response that a node made of another, or for a timer of its own, is followed to whoever that node waited
for (:mod:`analyzer.ims.waited_for`): that is its far end. What a node takes is from the last byte in to the first byte
out at a capture point that saw both, so the parts add up to the set-up time to the nanosecond. Where the way goes from
one capture point to another, their clocks come in: on the way there the one way round, on the way back the other. So of
a link between two points both directions are told as one part, in which clocks cancel out.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import seconds
from analyzer.columns.typed import typed
from analyzer.ims import waited_for
from analyzer.ims.hops import observations
from analyzer.ims.waited_for import LONGEST_WAY as _LONGEST_WAY

# Where an event stands in its trip: on the way down, at the far end, on the way up.
_DOWN, _RINGS, _UP = 0, 1, 2
_FARTHEST_BACK = 1_000.0


def waterfall(messages: pl.DataFrame, trips: pl.DataFrame, hops: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """The ``waterfall`` table, in the order of ``calls`` and of the way.

    ``messages`` as the core gives them, ``trips`` as :class:`analyzer.ims.phases.SetUps` has them, ``hops`` and
    ``calls`` the tables of these names.
    """
    if trips.is_empty():
        return pl.DataFrame(schema=schema.WATERFALL.polars())
    rows = _rows(messages, hops, trips)
    rows, kept_waiting = _with_causes(rows, trips, one_clock=messages["_point"].n_unique() < 2)
    events = _events(trips.with_row_index("trip"), rows, kept_waiting)
    events = events.join(rows, on="row", maintain_order="left").sort("call", "trip", "place", "order")
    seen = _in_order(observations(messages, events.select("row", "message").unique()), events)
    parts = _balanced(_parts(_timed(*_in_time(events, seen), seen)))
    order = calls.select("call")
    return _table(order.join(parts, on="call", maintain_order="left_right"))


def _rows(messages: pl.DataFrame, hops: pl.DataFrame, trips: pl.DataFrame) -> pl.DataFrame:
    """What `hops` say of the messages of these calls, by their rows; ``previous`` is a row, too."""
    numbers = messages.lazy().with_row_index("row").select("row", "message", "retransmission", "_point")
    of_calls = hops.lazy().filter(
        pl.col("call").is_in(trips["call"].unique().implode()), pl.col("method").is_in(["INVITE", "PRACK", "UPDATE"])
    )
    rows = (
        of_calls.select(
            "message", "previous", "transaction", "method", "status", "sender", "receiver", "node", "time", of="call"
        )
        .join(numbers, on="message")
        .join(
            numbers.select("message", previous_row="row"),
            left_on="previous",
            right_on="message",
            how="left",
            maintain_order="left",
        )
        .drop("previous")
        .collect()
        .sort("row")
    )
    return rows.with_columns(_elsewhere(rows))


def _with_causes(rows: pl.DataFrame, trips: pl.DataFrame, *, one_clock: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows, of which failing responses have the row that they were made of; and whom their sender waited for."""
    failed = trips.join(rows.filter(pl.col("status") >= 300).select(response="row"), on="response")["call"]
    invites = rows.filter(pl.col("of").is_in(failed.unique().implode()), pl.col("method") == "INVITE")
    invites = invites.select("transaction", "status", "time", order="row", message="row", previous="previous_row")
    made = waited_for.made(invites.filter(pl.col("status").is_null()))
    found = waited_for.waited_for(invites, made, one_clock=one_clock)
    rows = rows.join(found.causes.rename({"message": "row"}), on="row", how="left", maintain_order="left")
    rows = rows.with_columns(previous_row=pl.coalesce("previous_row", "cause")).drop("cause", "of", "time")
    return rows, found.kept_waiting


def _elsewhere(rows: pl.DataFrame) -> pl.Expr:
    """Whether the node had sent the INVITE elsewhere before, and it was refused there: forwarding, serial forking."""
    invites = rows.filter(pl.col("method") == "INVITE", pl.col("status").is_null())
    came = invites.select(previous_row="row", came="transaction")
    made = invites.select("row", "transaction", "previous_row").join(came, on="previous_row", maintain_order="left")
    refused = rows.filter(pl.col("method") == "INVITE", pl.col("status") >= 300)
    refused = refused.group_by("transaction").agg(refused=pl.col("row").min())
    made = made.join(refused, on="transaction", how="left", maintain_order="left")
    later = made.filter(pl.col("refused").min().over("came") < pl.col("row"))["row"]
    return pl.col("row").is_in(later.implode()).alias("serial_fork")


# -- the way there and back --------------------------------------------------------------------------------------------


def _events(trips: pl.DataFrame, rows: pl.DataFrame, kept_waiting: pl.DataFrame) -> pl.DataFrame:
    """The messages that each trip passed: ``call``, ``trip``, ``place``, ``order``, ``row``."""
    up = _back(trips.select("call", "trip", row="response"), rows, until=None)
    answered = up.filter(pl.col("back") == pl.col("back").max().over("trip")).join(
        rows, on="row", maintain_order="left"
    )
    # Who sent a failure for a timer of its own is not the far end: that is whom it waited for.
    answered = answered.join(kept_waiting, on="transaction", how="left", maintain_order="left")
    answered = answered.with_columns(transaction=pl.coalesce("waited", "transaction"))
    bottom = _bottom(trips, answered, rows)
    first = rows.select("row", until="transaction")
    until = trips.select("trip", row="request").join(first, on="row", maintain_order="left").select("trip", "until")
    down = _with_first_copies(_back(bottom, rows, until=until), rows)
    up = _with_first_copies(up, rows)
    # The request at the reference hop, where what was sent on is a later copy of it, or nothing tells.
    sent = trips.select("call", "trip", row="request").join(down.select("trip", "row"), on=["trip", "row"], how="anti")
    down = pl.concat([down, sent.with_columns(back=pl.lit(_FARTHEST_BACK))])
    parts = [
        down.select("call", "trip", place=pl.lit(_DOWN), order=-pl.col("back"), row="row"),
        _ringing(answered, rows).select("call", "trip", place=pl.lit(_RINGS), order=pl.lit(0.0), row="row"),
        up.select("call", "trip", place=pl.lit(_UP), order=-pl.col("back"), row="row"),
    ]
    return pl.concat(parts)


def _with_first_copies(way: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The way with the message that was sent first, where a later copy of it went on; ``back`` is a half more."""
    way = way.with_columns(pl.col("back").cast(pl.Float64))
    same = ["transaction", "status", "sender"]
    copies = way.join(rows.filter("retransmission").select("row", *same), on="row", maintain_order="left")
    if copies.is_empty():
        return way
    copied = pl.col("transaction").is_in(copies["transaction"].drop_nulls().unique().implode())
    firsts = rows.filter(~pl.col("retransmission"), copied).unique(same, keep="first", maintain_order=True)
    firsts = copies.drop("row").join(firsts.select(*same, "row"), on=same, nulls_equal=True)
    firsts = firsts.select("call", "trip", "row", back=pl.col("back") + 0.5)
    return pl.concat([way, firsts.join(way.select("trip", "row"), on=["trip", "row"], how="anti")])


def _back(starts: pl.DataFrame, rows: pl.DataFrame, *, until: pl.DataFrame | None) -> pl.DataFrame:
    """Each message that the one in ``row`` was made from, one after the other: ``back`` counts them from 0.

    With ``until`` (a transaction per trip) no further than to that.
    """
    previous = rows.select("row", "transaction", "previous_row")
    at = starts.select("call", "trip", "row", back=pl.lit(0))
    way = [at]
    while not at.is_empty() and len(way) < _LONGEST_WAY:
        further = at.join(previous, on="row", maintain_order="left")
        if until is not None:
            further = further.join(until, on="trip", maintain_order="left")
            further = further.filter(pl.col("transaction") != pl.col("until"))
        at = further.filter(pl.col("previous_row").is_not_null())
        at = at.select("call", "trip", row="previous_row", back=pl.col("back") + 1)
        way.append(at)
    return pl.concat(way)


def _bottom(trips: pl.DataFrame, answered: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The request as it came to the far end: in the transaction of the response where that answers it, else the last
    that was made from it."""
    requests = rows.filter(pl.col("status").is_null())
    first = requests.unique("transaction", keep="first", maintain_order=True)
    asked = trips.select("trip", "call", row="request").join(
        rows.select("row", "method", "transaction"), on="row", maintain_order="left"
    )
    same = answered.select("trip", "transaction", "method")
    bottom = asked.select("trip", "call", "method").join(same, on=["trip", "method"])
    bottom = bottom.join(first.select("transaction", "row"), on="transaction").select("call", "trip", "row")
    # A PRACK or UPDATE has one way only (RFC 3261 §12.2).
    made = requests.filter(~pl.col("retransmission")).join(
        requests.select(previous_row="row", origin="transaction"), on="previous_row", maintain_order="left"
    )
    made = made.unique("origin", keep="first", maintain_order=True).select("transaction", "origin")
    at = asked.join(bottom, on="trip", how="anti", maintain_order="left").select("call", "trip", "transaction")
    for _ in range(_LONGEST_WAY):
        further = at.join(made.select(transaction="origin", below="transaction"), on="transaction", how="left")
        if further["below"].null_count() == further.height:
            break
        at = further.select("call", "trip", transaction=pl.coalesce("below", "transaction"))
    last = at.join(first.select("transaction", "row"), on="transaction").select("call", "trip", "row")
    return pl.concat([bottom, last])


def _ringing(answered: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The first 180 of who sent the final response, on the same hop."""
    finals = answered.filter(pl.col("status") >= 200, pl.col("method") == "INVITE")
    rings = rows.filter(pl.col("status") == 180).unique("transaction", keep="first", maintain_order=True)
    found = finals.select("call", "trip", "transaction", final="row").join(
        rings.select("transaction", "row"), on="transaction", maintain_order="left"
    )
    return found.filter(pl.col("row") < pl.col("final"))


# -- how long each part took -------------------------------------------------------------------------------------------


def _in_order(seen: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """The observations, none of which was there before it began.

    Fragments and segments may be captured in another order than they are stamped: then the wire took no time. Delays
    run from the first byte of a request to the last of a response, so these stay.
    """
    of_row = events.select("row", "status").unique()
    seen = seen.join(of_row, on="row", how="left", maintain_order="left")
    request = pl.col("status").is_null()
    return seen.with_columns(
        first=pl.when(request).then("first").otherwise(pl.min_horizontal("first", "at")),
        at=pl.when(request).then(pl.max_horizontal("first", "at")).otherwise("at"),
    ).drop("status")


def _in_time(events: pl.DataFrame, seen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events without those that came after what was made of them: a copy of them did it, which was not captured.

    By their number ``event``; and their pairs.
    """
    for _ in range(_LONGEST_WAY):
        events = events.with_row_index("event")
        pairs = _pairs(events, seen)
        in_time = pairs.filter(pl.col("first") >= pl.col("at"))["event"]
        late = pairs.filter(~pl.col("event").is_in(in_time.implode())).select("event").unique()
        if late.is_empty():
            return events, pairs
        # What begins a trip stays: what was made of it before goes.
        first = events.group_by("trip").agg(pl.col("event").min())["event"].implode()
        out = late.select(pl.when(pl.col("event").is_in(first)).then(pl.col("event") + 1).otherwise("event"))
        events = events.filter(~pl.col("event").is_in(out.to_series().implode())).drop("event")
    events = events.with_row_index("event")
    return events, _pairs(events, seen)


def _pairs(events: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Each event of a trip with the next, at every point that saw both: ``at`` the one was there, ``first`` began the
    other."""
    pairs = events.select(
        "event", "trip", "row", next_row=pl.col("row").shift(-1), next_trip=pl.col("trip").shift(-1)
    ).filter(pl.col("next_trip") == pl.col("trip"))
    both = pairs.join(seen.select("row", "point", "at"), on="row")
    return both.join(seen.select("point", "first", next_row="row"), on=["next_row", "point"])


def _timed(events: pl.DataFrame, pairs: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """The events with the capture points (``in_point``, ``out_point``) at which they came and went on, and when there:
    the first byte came at ``first`` (ns), the last was there at ``last``.

    An event and the next are timed at a point that saw both: the first at which their order is right.
    """
    if seen["point"].n_unique() > 1:
        pairs = pairs.sort("event", pl.col("first") < pl.col("at"), "point")
        pairs = pairs.unique("event", keep="first", maintain_order=True)
    at_point = pairs.select("event", out_point="point")
    events = events.join(at_point, on="event", how="left", maintain_order="left")
    came = _before("out_point", "call", "trip")
    events = events.with_columns(in_point=pl.coalesce(came, "_point"), out_point=pl.coalesce("out_point", "_point"))
    firsts = seen.select("row", "first", in_point="point")
    lasts = seen.select("row", out_point="point", last="at")
    events = events.join(firsts, on=["row", "in_point"], how="left", maintain_order="left")
    return events.join(lasts, on=["row", "out_point"], how="left", maintain_order="left")


def _before(name: str, *of: str) -> pl.Expr:
    """A column of the event before, where that is of the same call (or trip): they follow each other."""
    same = pl.all_horizontal(pl.col(unit) == pl.col(unit).shift(1) for unit in of)
    return pl.when(same).then(pl.col(name).shift(1))


def _parts(events: pl.DataFrame) -> pl.DataFrame:
    """Two parts per event: from the one before to its first byte, and on the wire until it went on.

    ``ns`` is by two clocks where ``from_point`` and ``to_point`` differ.
    """
    names = ("trip", "place", "last", "out_point", "message", "sender", "receiver", "retransmission", "transaction")
    events = events.with_columns(_before(name, "call").alias(f"before_{name}") for name in names)
    same_trip = pl.col("before_trip") == pl.col("trip")
    turns = pl.col("place") != pl.col("before_place")
    linked = pl.col("previous_row").is_not_null()
    kind = (
        pl.when(~same_trip)
        .then(pl.lit("caller"))
        .when(turns & (pl.col("before_place") == _RINGS))
        .then(pl.lit("ringing"))
        .when(turns)
        .then(pl.lit("far_end"))
        .when(pl.col("retransmission") & ~pl.col("before_retransmission"))
        .then(pl.lit("retransmission"))
        .when("serial_fork")
        .then(pl.lit("serial_fork"))
        .when(linked)
        .then(pl.lit("node"))
        .otherwise(pl.lit("unseen"))
    )
    way = pl.when(pl.col("status").is_null()).then(pl.lit("request")).otherwise(pl.lit("response"))
    whose = ["node", "retransmission", "serial_fork"]
    moved = events.filter(pl.col("before_message").is_not_null()).with_columns(kind=kind)
    moved = moved.select(
        "call", "event", "trip", "kind", "method", "status",
        half=pl.lit(0),
        way=pl.when(pl.col("kind").is_in(whose)).then(way),
        address=pl.when(pl.col("kind") == "unseen")
        .then(None)
        .when(pl.col("kind").is_in(["far_end", "ringing"]))
        .then(
            pl.when(pl.col("before_place") == _DOWN)
            .then("before_receiver")
            # A phone that rang in vain did not send what ends the call.
            .when(pl.col("before_transaction") != pl.col("transaction"))
            .then("before_sender")
            .otherwise("sender")
        )
        .otherwise(pl.coalesce("node", "sender")),
        peer=pl.lit(None, pl.String),
        ns=pl.col("first") - pl.col("before_last"),
        from_point="before_out_point", to_point="in_point", from_message="before_message", to_message="message",
    )  # fmt: skip
    request = pl.col("status").is_null()
    wire = events.select(
        "call", "event", "trip", "method", "status",
        kind=pl.lit("transit"),
        half=pl.lit(1),
        way=way,
        address=pl.when(request).then("sender").otherwise("receiver"),
        peer=pl.when(request).then("receiver").otherwise("sender"),
        ns=pl.col("last") - pl.col("first"),
        from_point="in_point", to_point="out_point", from_message="message", to_message="message",
    )  # fmt: skip
    wire = wire.filter((pl.col("ns") != 0) | (pl.col("from_point") != pl.col("to_point")))
    return pl.concat([moved, wire.select(moved.columns)]).sort("event", "half")


def _balanced(parts: pl.DataFrame) -> pl.DataFrame:
    """The parts; of those by two clocks the ones between the same two nodes as one, for both ways together.

    Where the ways there and back do not cross from point to point between the same nodes, all such parts of the trip
    are one.
    """
    crossing = pl.col("from_point") != pl.col("to_point")
    crossings = parts.filter(crossing)
    if crossings.is_empty():
        return parts
    ends = pl.concat_list(_host("address"), _host("peer")).list.sort().list.join(" ", ignore_nulls=True)
    step = pl.when(pl.col("from_point") < pl.col("to_point")).then(1).otherwise(-1)
    pair = pl.struct(low=pl.min_horizontal("from_point", "to_point"), high=pl.max_horizontal("from_point", "to_point"))
    crossings = crossings.with_columns(between=ends, step=step, pair=pair)
    level = pl.col("step").sum().over("trip", "between", "pair") == 0
    crossings = crossings.with_columns(level=level.all().over("trip", "between"))
    crossings = crossings.with_columns(between=pl.when("level").then("between"))
    joined = crossings.group_by("trip", "between", maintain_order=True).agg(
        pl.all().exclude("ns", "to_message", "level", "step", "pair").first(),
        pl.col("ns").sum(),
        level=pl.col("level").first(),
    )
    joined = joined.with_columns(
        way=pl.lit(None, pl.String),
        kind=pl.when("level").then("kind").otherwise(pl.lit("unseen")),
        address=pl.when("level").then("address"),
        peer=pl.when("level").then("peer"),
        to_message="from_message",
    )
    balanced = pl.concat([parts.filter(~crossing), joined.select(parts.columns)]).sort("event", "half")
    contradicted = joined.filter(pl.col("kind") != "unseen", pl.col("ns") < 0)["trip"]
    return balanced if contradicted.is_empty() else _undivided(balanced, contradicted)


def _undivided(parts: pl.DataFrame, trips: pl.Series) -> pl.DataFrame:
    """The parts; each of these trips is one that nobody saw.

    Clocks cancel out of there and back together, which take no less than no time: where they do, a copy that one
    point saw answers for another that it did not see, and how the trip divides is not known.
    """
    of_trip = pl.col("trip").is_in(trips.unique().implode()) & (pl.col("kind") != "caller")
    whole = (
        parts.filter(of_trip)
        .group_by("trip", maintain_order=True)
        .agg(pl.all().exclude("ns", "to_message", "way", "kind", "address", "peer").first(), pl.col("ns").sum())
        .with_columns(
            way=pl.lit(None, pl.String),
            kind=pl.lit("unseen"),
            address=pl.lit(None, pl.String),
            peer=pl.lit(None, pl.String),
            to_message="from_message",
        )
    )
    return pl.concat([parts.filter(~of_trip), whole.select(parts.columns)]).sort("event", "half")


def _host(socket: str) -> pl.Expr:
    """An address without its port, which differs between the two ways over TCP."""
    return pl.col(socket).str.replace(r":\d+$", "")


def _table(parts: pl.DataFrame) -> pl.DataFrame:
    ns = pl.col("ns")
    table = parts.with_columns(
        part=pl.int_range(1, pl.len() + 1).over("call"),
        offset_s=seconds(ns.cum_sum().over("call") - ns),
        duration_s=seconds(ns),
    )
    return typed(table, schema.WATERFALL)
