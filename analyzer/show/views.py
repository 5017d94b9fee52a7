"""The columns a person wants to see first, for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.columns.address import socket_of
from analyzer.show.text import SHORT_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

CALL = ("no", "caller", "callee")
"""What people know a call by; in front of each table whose rows belong to calls."""
# Tables that name the parties in their own words.
_PARTIES = frozenset({"from_uri", "local_uri", "calling_party_address", "sender", "sent_by"})
# Their rows are about several calls at once, and name them.
_OF_MANY = ("findings",)


def belongs_to_calls(table: str) -> bool:
    """Whether :func:`numbered` puts the number and the parties of a call in front of its rows."""
    if table not in schema.TABLES or table in _OF_MANY:
        return False
    names = schema.TABLES[table].names
    return table == "sdp" or ("call" in names and "no" not in names)


# The columns of a table that a narrow terminal shows, the most important first; the others come after them.
_FIRST = {
    "calls": ("no", "caller", "callee", "outcome", "status", "started_at", "pdd_s", "setup_s", "talk_s"),
    "transactions": ("no", "started_at", "client", "server", "method", "status", "outcome", "final_delay_s"),
    "messages": ("no", "time", "frame", "src", "dst", "method", "status", "reason_phrase"),
    "dialogs": ("no", "usage", "local_uri", "remote_uri", "state", "end_reason", "ended_by", "confirmed_at"),
    "registrations": ("no", "aor", "outcome", "status", "started_at", "registrar", "kind", "challenges"),
    "call_failures": ("no", "caller", "callee", "status", "failing_node", "role", "on_behalf_of", "reason", "rule"),
    "failure_path": ("no", "step", "role", "address", "method", "status", "changed"),
    "failures": ("method", "status", "node", "requests", "calls", "reason_phrase", "first_at", "no"),
    "findings": ("finding", "rule", "severity", "calls", "title", "nodes"),
    "sdp": ("no", "role", "media", "codecs", "connection", "port", "direction"),
    "offers": ("no", "media", "state", "status", "codecs", "direction", "offered_by", "offered_at"),
    "holds": ("no", "held_by", "duration_s", "started_at", "media"),
    "phases": ("no", "phase", "begins", "ends", "duration_s"),
    "waterfall": ("no", "part", "kind", "address", "method", "status", "duration_s"),
    "legs": ("no", "first_node", "last_node", "hops", "parent_call_id", "strength", "score"),
    "hops": ("no", "time", "method", "status", "sender", "receiver", "reference_point", "delay_s"),
    "nodes": ("node", "role", "name", "confidence"),
    "endpoints": ("address", "role", "name", "node", "confidence"),
    "streams": ("no", "sent_by", "media", "codec", "packets", "loss", "jitter_s", "mos", "src", "dst"),
    "call_media": ("no", "media", "silent_side", "loss", "jitter_s", "mos"),
    "services": ("no", "service", "detail", "method", "evidence"),
    "headers": ("name", "value", "method", "status", "src", "dst"),
    "problems": ("code", "layer", "file", "frame", "detail"),
    "files": ("file", "packets", "first_at", "last_at", "dropped", "cut"),
}


def first(table: str) -> tuple[str, ...]:
    """What a narrow terminal shows of a table, the most important first."""
    return _FIRST.get(table, ())


def of_registrations(table: str) -> bool:
    """Whether :func:`numbered` puts the number of a registration in front of its rows."""
    return table in ("registrations", "ims_registrations", "challenges")


def in_front(table: str) -> tuple[str, ...]:
    """The columns that :func:`numbered` adds."""
    return CALL if belongs_to_calls(table) else CALL[:1] if of_registrations(table) else ()


def numbered(table: str, frame: pl.DataFrame, columns_of: Callable[[str, Sequence[str]], pl.DataFrame]) -> pl.DataFrame:
    """The rows with ``no``, ``caller`` and ``callee`` of their calls in front; null outside calls. Registrations have
    their number. ``columns_of`` gives columns of a table of the whole capture."""
    import polars as pl

    if of_registrations(table):
        numbers = columns_of("registrations", ["registration"])
        numbers = numbers.with_columns(no=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
        found = frame.join(numbers, on="registration", how="left", maintain_order="left")
        return found.select("no", *frame.columns)
    calls = columns_of("calls", ["call", *CALL])
    if table == "sdp":
        of_messages = columns_of("messages", ["message", "call"])
        calls = of_messages.join(calls, on="call").drop("call").rename({"message": "call"})
        found = frame.join(calls, left_on="message", right_on="call", how="left", maintain_order="left")
    else:
        found = frame.join(calls, on="call", how="left", maintain_order="left")
    return found.select(*CALL, *frame.columns)


def default(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The short selection of a table, for reading; whole tables have all columns of ``schema``."""
    import polars as pl

    entry = schema.find(table)
    shown = entry.shown or entry.names
    if table in schema.MEASURES:
        # It begins with the columns that it is grouped by.
        return frame.drop(name for name in entry.names if name not in shown)
    ends = (name for name in ("src", "dst", "client", "server") if {f"{name}_ip", f"{name}_port"} <= set(frame.columns))
    made = [socket_of(name).alias(name) for name in ends]
    if table == "messages":
        made.append(
            pl.when("duplicate")
            .then(pl.lit("duplicate"))
            .when("retransmission")
            .then(pl.lit("sent again"))
            .when(~pl.col("complete"))
            .then(pl.lit("cut"))
            .alias("note")
        )
    if table == "dialogs":
        made += [_short(name) for name in ("local_tag", "remote_tag")]
    if belongs_to_calls(table) and {*CALL} <= {*frame.columns}:
        parties = () if _PARTIES & {*shown} else CALL[1:]
        shown = ["no", *parties, *(name for name in shown if name != "call")]
    if of_registrations(table) and "no" in frame.columns:
        shown = ["no", *shown]
    return frame.with_columns(made).select(shown)


def _short(tag: str) -> pl.Expr:
    """A tag cut to what tells it from others; whole in the other formats and with ``--columns``."""
    import polars as pl

    long = pl.col(tag).str.len_chars() > SHORT_TAG
    return pl.when(long).then(pl.format("{}…", pl.col(tag).str.head(SHORT_TAG - 1))).otherwise(tag).alias(tag)
