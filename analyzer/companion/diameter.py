"""Messages of Diameter to transactions (RFC 6733 §6.2): a request on one hop and its answer."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import elapsed
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed

_PATIENCE = 10 * SECOND
"""A request sent so shortly before the end of the capture may still be answered: how long a node waits is left to
operators (TS 29.228 §8), who choose less than the watchdog's 30 s (RFC 3539 §3.4.1)."""


def diameter(messages: pl.DataFrame) -> pl.DataFrame:
    """The table ``diameter``. ``messages`` as the core gives them, in the order in which they were read."""
    named = messages.rename({"key": "diameter_message"})
    return named.sort("time", nulls_last=True, maintain_order=True).select(schema.DIAMETER.names)


def diameter_transactions(messages: pl.DataFrame, *, end: int | None) -> pl.DataFrame:
    """The table ``diameter_transactions`` of the rows of ``diameter``; ``end`` is the time of the last packet (ns)."""
    seen = messages.filter(~pl.col("duplicate"))
    requests = seen.filter(pl.col("request")).group_by("exchange", maintain_order=True)
    asked = requests.agg(
        pl.col(
            "application", "command", "application_id", "command_code", "transport", "session_id", "destination_host",
            "user_name", "public_identity", "msisdn", "server_name", "framed_ip", "icid", "said", "media",
            "src_ip", "src_port", "dst_ip", "dst_port", "origin_host", "file", "frame",
        ).first(),
        started_at=pl.col("first_byte_at").first(),
        request_copies=pl.len(),
    )  # fmt: skip
    answers = seen.filter(~pl.col("request")).group_by("exchange", maintain_order=True)
    answered = answers.agg(
        pl.col(
            "application", "command", "application_id", "command_code", "transport", "session_id", "user_name",
            "public_identity", "msisdn", "server_name", "icid", "src_ip", "src_port", "dst_ip", "dst_port",
            "origin_host", "result_code", "result", "experimental_vendor", "experimental_result_code",
            "experimental_result", "file",
        ).first(),
        answer_frame=pl.col("frame").first(),
        answered_at=pl.col("time").first(),
    )  # fmt: skip
    both = asked.join(answered, on="exchange", how="full", coalesce=True, suffix="_a", maintain_order="left_right")
    experimental = pl.col("result_code").is_null() & pl.col("experimental_result_code").is_not_null()
    either = ("application", "application_id", "command_code", "transport", "session_id")
    subject = ("user_name", "public_identity", "msisdn", "icid", "file")
    table = both.with_columns(
        *(pl.coalesce(name, f"{name}_a").alias(name) for name in (*either, *subject)),
        # The abbreviation of the request is that of the answer with another last letter.
        command=pl.coalesce("command", pl.col("command_a").str.replace("A$", "R")),
        client_ip=pl.coalesce("src_ip", "dst_ip_a"),
        client_port=pl.coalesce("src_port", "dst_port_a"),
        server_ip=pl.coalesce("dst_ip", "src_ip_a"),
        server_port=pl.coalesce("dst_port", "src_port_a"),
        client_host=pl.col("origin_host"),
        server_host=pl.coalesce("origin_host_a", "destination_host"),
        server_name=pl.coalesce("server_name_a", "server_name"),
        delay_s=elapsed("started_at", "answered_at"),
        request_copies=pl.col("request_copies").fill_null(0),
        outcome=outcome(end, _PATIENCE),
        result_code=pl.coalesce("result_code", "experimental_result_code"),
        result=pl.when(experimental).then("experimental_result").otherwise("result"),
        experimental_vendor=pl.when(experimental).then("experimental_vendor"),
    )
    ordered = table.sort(pl.coalesce("started_at", "answered_at"), nulls_last=True, maintain_order=True)
    return typed(ordered, schema.DIAMETER_TRANSACTIONS)


def outcome(end: int | None, patience: int) -> pl.Expr:
    """``answered unanswered pending orphan`` of rows with ``started_at`` and ``answered_at``."""
    started = ns("started_at")
    late = started > (end - patience) if end is not None else pl.lit(value=False)
    return (
        pl.when(pl.col("started_at").is_null())
        .then(pl.lit("orphan"))
        .when(pl.col("answered_at").is_not_null())
        .then(pl.lit("answered"))
        .when(late)
        .then(pl.lit("pending"))
        .otherwise(pl.lit("unanswered"))
    )
