"""Tables that follow what a filter picks: their rows belong to messages, calls, nodes or packets that it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.api.units import WITH_UNIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

#: ``file frame`` of the messages picked.
FRAMES = "_frames"


def of_frames(name: str, rows: pl.DataFrame, frames: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``files`` or ``problems`` that concern these packets."""
    on = ["file"] if name == "files" else ["file", "frame"]
    return rows.join(frames.select(on).unique(), on=on, how="semi", maintain_order="left")


def _of(*owners: str) -> tuple[str, ...]:
    """The tables whose rows belong to rows of these."""
    return tuple(name for name, table in schema.TABLES.items() if {owner for _, owner, _ in table.owners} & {*owners})


#: ``related_transactions`` knows which call or registration their rows belong to, and most belong to none: a condition
#: on the rows picks rows.
EXCHANGES = _of("related_transactions")
#: Tables about nodes: ``endpoints`` knows which of these a filter keeps.
OF_NODES = _of("endpoints")
#: Tables whose rows belong to a message, a dialog, a call or an address: they need not be there when a filter is
#: applied. What is told of nodes, of what was asked beside SIP, and of cases comes after them.
DEPENDENT = (
    "clocks",
    *(
        name
        for name in _of("messages", "dialogs", "calls", "registrations")
        if name not in (*WITH_UNIT, "dialogs", "endpoints")
    ),
    *("endpoints", *OF_NODES, *EXCHANGES, *_of("finding_cases")),
)


def known_by(name: str) -> str | None:
    """The table that tells which rows of this one a filter keeps, itself ``DEPENDENT``: that of what they belong to."""
    return next((table for _, table, _ in schema.TABLES[name].owners if table in DEPENDENT), None)


def of_kept(name: str, frame: pl.DataFrame, kept: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows of the ``DEPENDENT`` table ``name`` whose messages, dialogs, calls or addresses are among those kept."""
    import polars as pl

    if name == "clocks":
        return frame  # they belong to no call
    if name == "endpoints":
        return frame.join(_addresses_of(kept["messages"]), on=["ip", "port"], how="semi", maintain_order="left")
    if name == "reference_points":  # both ends of it
        return frame.filter(pl.col(side).is_in(kept["endpoints"]["node"].implode()) for side in ("node", "peer"))
    owners = schema.TABLES[name].owners
    found = (pl.col(column).is_in(kept[table][key].implode()) for column, table, key in owners)
    return frame.filter(pl.any_horizontal(*found).fill_null(value=False))


def _addresses_of(messages: pl.DataFrame) -> pl.DataFrame:
    """The addresses and ports that sent or received them."""
    import polars as pl

    sides = [messages.select(ip=f"{side}_ip", port=f"{side}_port") for side in ("src", "dst")]
    return pl.concat(sides).unique()
