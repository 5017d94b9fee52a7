"""Units: what a filter picks as a whole. A call; outside calls a registration; else a transaction; else a message.

Every key is that of the earliest message, so a unit is one integer, and its first message is the one whose key it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

#: Tables whose rows are units of their own, or belong to one.
WITH_UNIT = ("messages", "transactions", "calls", "registrations")


def with_units(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables whose rows belong to one unit each, with its key as ``_unit``."""
    import polars as pl

    registrations = tables["registrations"].with_columns(_unit=pl.col("registration"))
    transactions = tables["transactions"]
    # Which REGISTERs make one attempt: the latest attempt of that Call-ID that had begun.
    attempts = registrations.select("call_id", "started_at", "_unit").drop_nulls().sort("started_at")
    registers = (
        transactions.filter((pl.col("method") == "REGISTER") & pl.col("call").is_null())
        .select("transaction", "call_id", started_at=pl.coalesce("started_at", "final_at"))
        .drop_nulls()
        .sort("started_at")
        .join_asof(attempts, on="started_at", by="call_id", check_sortedness=False)
        .select("transaction", _attempt="_unit")
    )
    transactions = (
        transactions.join(registers, on="transaction", how="left", maintain_order="left")
        .with_columns(_unit=pl.coalesce("call", "_attempt", "transaction"))
        .drop("_attempt")
    )
    of_transaction = transactions.select("transaction", _of_transaction="_unit")
    messages = (
        tables["messages"]
        .join(of_transaction, on="transaction", how="left", maintain_order="left")
        .with_columns(_unit=pl.coalesce("call", "_of_transaction", "message"))
        .drop("_of_transaction")
    )
    # A duplicate goes with its first observation.
    first_sightings = messages.select(original="message", _of_original="_unit")
    messages = (
        messages.join(first_sightings, on="original", how="left", maintain_order="left")
        .with_columns(_unit=pl.coalesce("_of_original", "_unit"))
        .drop("_of_original")
    )
    return {
        "messages": messages,
        "transactions": transactions,
        "calls": tables["calls"].with_columns(_unit=pl.col("call")),
        "registrations": registrations,
    }


def units_of(table: str, rows: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    import polars as pl

    def of_messages(key: str, column: str) -> pl.Series:
        return messages.filter(pl.col(key).is_in(rows[column].implode()))["_unit"]

    if table == "node_evidence":
        return of_messages("message", "message").unique()
    if table in ("nodes", "reference_points"):
        nodes = pl.concat([rows["node"], rows["peer"]]) if "peer" in rows.columns else rows["node"]
        parts = (
            nodes.unique()
            .to_frame("at")
            .select(
                ip=pl.col("at").str.replace(r":[0-9]+$", "").str.strip_chars("[]"),
                port=pl.col("at").str.extract(r":([0-9]+)$").cast(pl.Int64),
            )
        )
        return units_of("endpoints", parts, messages)
    if table == "endpoints":
        sides = [
            messages.join(
                rows.select("ip", "port"), left_on=[f"{side}_ip", f"{side}_port"], right_on=["ip", "port"], how="semi"
            )
            for side in ("src", "dst")
        ]
        return pl.concat([side["_unit"] for side in sides]).unique()
    if table in WITH_UNIT:
        return rows["_unit"].unique()
    owners = schema.TABLES[table].owners
    if table == "dialogs":
        owners = [("dialog", "dialogs", "dialog"), *owners]
    # Calls and registrations are units themselves.
    units = (of_messages(key, column) if key in ("message", "dialog") else rows[column] for column, _, key in owners)
    return pl.concat([found.drop_nulls().rename("unit") for found in units]).unique()


def heads(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The first message of each unit, with what the tables of calls and registrations know of it."""
    import polars as pl

    calls = frames["calls"].select("_unit", "caller", "callee", "started_at")
    registrations = frames["registrations"].select("_unit", "aor", "contact")
    return (
        frames["messages"]
        .filter(pl.col("message") == pl.col("_unit"))
        .join(calls, on="_unit", how="left")
        .join(registrations, on="_unit", how="left")
    )
