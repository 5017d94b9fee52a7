"""Short messages over IP (TS 24.341): what was submitted, and the report of the relay layer that says how it went.

The 200 or 202 to a MESSAGE says that SIP carried it, no more. Whether the service centre (or, towards a UE, the UE)
took the short message is said by an RP-ACK or RP-ERROR, which comes in a MESSAGE of its own the other way and names the
first by In-Reply-To (TS 24.341 §5.3.1.3, §5.3.2.4) and by the RP message reference (TS 24.011 §8.2.3).

A B2BUA (an application server before the IP-SM-GW) sends it on under another Call-ID. That is the same short message
where every octet of both layers is the same, its RP message reference among them, of the same UE, and where one leg
begins, soon after, at the address that the other ended at. Anything less leaves two rows.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns import identity, linked_rows
from analyzer.columns.durations import elapsed
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed
from analyzer.ims.sms_causes import RP_CAUSE, TP_FAILURE, TP_STATUS

# TR1M and TR1N, the longest that a report is waited for (TS 24.011 §10: 35 to 45 s).
_LONGEST_WAIT = 45 * SECOND
# A report that names no Call-ID is that of a message which waits for it still, with time for it to pass the network.
_LATEST_REPORT = 120 * SECOND
# What a node sends on under another Call-ID, it sends on within this time.
_ONWARD = 5 * SECOND
# Of two numbers so many digits at their ends are compared: a service centre writes a national one internationally.
_SUFFIX = 7

_DATA = ["RP-DATA", "RP-SMMA"]
_SUBMITTED, _REPORTED = pl.col("submitted_ns"), pl.col("report_ns")


def sms(
    messages: pl.DataFrame, transactions: pl.DataFrame, parts: pl.DataFrame, *, end: int | None = None
) -> pl.DataFrame:
    """The table ``sms``, by time: a row for each short message, at the hop with the fewest Vias of its first leg.

    ``parts`` as the core gives them; ``end`` the time of the capture's last packet (ns).
    """
    copies = _copies(messages, parts)
    seen = _same(_requests(copies, transactions, parts), copies)
    data_legs = seen.filter(pl.col("rp_type").is_in(_DATA)).rename({"one": "sent"})
    report_legs = seen.filter(~pl.col("rp_type").is_in(_DATA)).rename({"one": "report_no"})
    pairs = _pairs(data_legs, report_legs)
    data, reports = (legs.filter(pl.col("first")) for legs in (data_legs, report_legs))
    pairs = pairs.join(_arrivals(pairs, data, report_legs, copies), on="sent", how="left", maintain_order="left")
    told = reports.select(
        "report_no", "rp_cause", "tp_failure", report="message", report_type="rp_type", report_malformed="malformed"
    )
    data = data.drop("rp_cause", "tp_failure").rename({"time_ns": "submitted_ns"})
    table = data.join(pairs, on="sent", how="left", maintain_order="left").join(
        told, on="report_no", how="left", maintain_order="left"
    )
    alone = reports.join(pairs, on="report_no", how="anti", maintain_order="left").with_columns(
        report="message", report_ns="time_ns", report_type="rp_type"
    )
    # What it reports on is older than the capture: the parties are those of the short message.
    alone = alone.rename({"sender": "receiver", "receiver": "sender"}).with_columns(
        to_network=~pl.col("to_network"), rp_type=pl.lit(None, pl.String), status=None, final_ns=None
    )
    table = pl.concat([table, alone], how="diagonal")
    waited = pl.lit(end, pl.Int64) >= _SUBMITTED + _LONGEST_WAIT
    table = table.with_columns(
        outcome=pl.when(_SUBMITTED.is_null())
        .then(pl.lit("report_only"))
        .when(pl.col("report_type") == "RP-ACK")
        .then(pl.lit("delivered"))
        .when(pl.col("report_type") == "RP-ERROR")
        .then(pl.lit("rejected"))
        .when(pl.col("status") >= 300)
        .then(pl.lit("refused"))
        .when(waited.fill_null(value=True))
        .then(pl.lit("unanswered"))
        .otherwise(pl.lit("pending")),
        direction=pl.when("to_network").then(pl.lit("originated")).otherwise(pl.lit("terminated")),
        # As subscribers are written everywhere.
        service_centre=pl.when("to_network").then("rp_destination").otherwise("rp_originator").str.strip_prefix("+"),
        tp_address=pl.col("tp_address").str.strip_prefix("+"),
        rp_cause_text=_named("rp_cause", RP_CAUSE, "RP cause"),
        tp_failure_text=_named("tp_failure", TP_FAILURE, "TP failure cause"),
        tp_status_text=_named("tp_status", TP_STATUS, "TP status"),
        status_delay_s=elapsed("submitted_ns", "final_ns"),
        report_delay_s=elapsed("submitted_ns", "report_ns"),
        malformed=pl.col("malformed") | pl.col("report_malformed").fill_null(value=False),
        submitted_at=_SUBMITTED,
        report_at=_REPORTED,
        sms="message",
    )
    table = table.join(_reported_on(table), on="sent", how="left", maintain_order="left")
    table = table.sort(pl.coalesce("submitted_ns", "report_ns"), maintain_order=True)
    return typed(table, schema.SMS)


def _named(column: str, names: dict[int, str], unknown: str) -> pl.Expr:
    number = pl.col(column)
    named = number.replace_strict(list(names), list(names.values()), default=None, return_dtype=pl.String)
    return pl.when(number.is_not_null()).then(pl.coalesce(named, pl.format(f"{unknown} {{}}", number)))


def _copies(messages: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Each MESSAGE with a relay layer on each of its hops."""
    carried = parts.filter(pl.col("rp_type").is_not_null())
    sent = (
        (pl.col("method") == "MESSAGE") & pl.col("status").is_null() & ~pl.col("duplicate") & ~pl.col("retransmission")
    )
    columns = (
        *("message", "_leg", "cseq", "via_count", "transaction", "call_id", "from_uri", "to_uri", "request_uri"),
        *("asserted_identity", "preferred_identity", "src_ip", "src_port", "dst_ip", "dst_port"),
    )
    return (
        messages.filter(sent)
        .select(*columns, time_ns=ns("first_byte_at"), at=ns("time"))
        .join(carried, on="message", how="semi", maintain_order="left")
    )


def _requests(copies: pl.DataFrame, transactions: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Each of them once over its hops, by time, with who spoke to whom and what SIP answered."""
    one = ["_leg", "cseq"]
    first = copies.unique(one, keep="first", maintain_order=True).select(*one, key="message")
    seen = copies.sort("via_count", maintain_order=True).unique(one, keep="first", maintain_order=True)
    carried = parts.filter(pl.col("rp_type").is_not_null()).unique("message", keep="first", maintain_order=True)
    finals = transactions.select("transaction", "status", final_ns=ns("final_at"))
    seen = seen.join(carried, on="message", maintain_order="left")
    seen = seen.join(finals, on="transaction", how="left", maintain_order="left")
    seen = seen.join(first, on=one, how="left", nulls_equal=True, maintain_order="left")
    uris = ("from_uri", "to_uri", "request_uri", "asserted_identity", "preferred_identity")
    named = [identity.subscribers(seen[uri]).alias(f"{uri}_sub") for uri in uris]
    seen = seen.with_columns(*named, message="key").sort("time_ns", maintain_order=True)
    return seen.with_columns(
        sender=pl.coalesce("asserted_identity_sub", "preferred_identity_sub", "from_uri_sub"),
        receiver=pl.coalesce("to_uri_sub", "request_uri_sub"),
    )


def _same(seen: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    """``seen`` with the number of the ``one`` short message (or report) that legs of B2BUAs are, which of them is the
    ``first``, and how many ``legs`` it has."""
    seen = seen.with_row_index("one")
    last = copies.filter(pl.col("via_count") == pl.col("via_count").max().over("_leg", "cseq"))
    last = last.select("_leg", "cseq", place=_place("dst"), ended_ns="time_ns")
    same = ["to_network", "rp_type", "rp_reference", "_body", "ue", "place"]
    legs = _with_ue(seen, sends=pl.col("to_network"))
    ended = legs.select("_leg", "cseq", "time_ns", *same[:-1], before="one").join(last, on=["_leg", "cseq"])
    # Never before it began, whatever the clocks of capture points say: so no chain closes to a ring.
    ended = ended.with_columns(ended_ns=pl.max_horizontal("time_ns", "ended_ns")).drop("time_ns")
    begun = legs.filter(pl.col("via_count") == 1).with_columns(place=_place("src"))
    ended = ended.drop_nulls().sort("ended_ns", "before")
    found = (
        begun.select("one", *same, began_ns="time_ns")
        .drop_nulls()
        .sort("began_ns")
        .join_asof(
            ended, left_on="began_ns", right_on="ended_ns", by=same, tolerance=_ONWARD, allow_exact_matches=False,
            check_sortedness=False,
        )
        .drop_nulls("before")
        .sort("one", "ended_ns", "before")
        .unique("one", keep="last", maintain_order=True)
    )  # fmt: skip
    before = seen.join(found.select("one", "before"), on="one", how="left", maintain_order="left")["before"]
    seen = seen.with_columns(one=linked_rows.roots(before), first=before.is_null())
    return seen.with_columns(legs=pl.len().over("one"))


def _place(side: str) -> pl.Expr:
    """An address; with its port where both ends of the hop are one host."""
    ip, port = pl.col(f"{side}_ip"), pl.col(f"{side}_port")
    return pl.when(pl.col("src_ip") == pl.col("dst_ip")).then(pl.format("{}:{}", ip, port)).otherwise(ip)


def _arrivals(pairs: pl.DataFrame, data: pl.DataFrame, reports: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    """When each report came where its short message had been sent, ``sent report_ns``: between the same two addresses;
    where it was not seen there, when it was seen last. ``reports`` on all their legs."""
    ways = pairs.join(data.select("sent", near="src_ip", far="dst_ip"), on="sent")
    ways = ways.join(reports.select("report_no", "_leg", "cseq"), on="report_no")
    here = (pl.col("src_ip") == pl.col("far")) & (pl.col("dst_ip") == pl.col("near"))
    return (
        ways.join(copies.select("_leg", "cseq", "src_ip", "dst_ip", "at"), on=["_leg", "cseq"])
        .group_by("sent")
        .agg(report_ns=pl.coalesce(pl.col("at").filter(here).min(), pl.col("at").max()))
    )


def _reported_on(table: pl.DataFrame) -> pl.DataFrame:
    """What each status report is of (TS 23.040 §9.2.3.6): the latest that its receiver submitted before with its TP-MR
    to its recipient, ``sent reports_on``."""
    kind = pl.col("tp_type")
    rows = table.with_columns(recipient=pl.col("tp_address").str.tail(_SUFFIX))
    same = ["tp_reference", "recipient", "ue"]
    submitted = _with_ue(rows.filter(kind.is_in(["SMS-SUBMIT", "SMS-COMMAND"])), sends=pl.lit(value=True))
    reports = _with_ue(rows.filter(kind == "SMS-STATUS-REPORT"), sends=pl.lit(value=False))
    submitted = (
        submitted.select("submitted_ns", *same, reports_on="message").drop_nulls().sort("submitted_ns", "reports_on")
    )
    return (
        reports.select("sent", "submitted_ns", *same)
        .drop_nulls()
        .sort("submitted_ns")
        .join_asof(submitted.with_columns(of_ns="submitted_ns"), on="submitted_ns", by=same, check_sortedness=False)
        .drop_nulls("reports_on")
        .sort("of_ns", "reports_on")
        .unique("sent", keep="last", maintain_order=True)
        .select("sent", "reports_on")
    )


def _pairs(data: pl.DataFrame, reports: pl.DataFrame) -> pl.DataFrame:
    """Which report is of which short message: ``sent report_no matched_by``, one to one.

    ``data`` and ``reports`` on all their legs.
    """
    asked = data.select("sent", "rp_reference", "to_network", sent_ns="time_ns", in_reply_to="call_id")
    answers = reports.select(
        "report_no", "rp_reference", "time_ns", to_network=~pl.col("to_network"), in_reply_to=_first_call_id()
    )
    # One Call-ID may have carried several, so the reference decides where it can.
    first = answers.unique(["in_reply_to", "to_network", "rp_reference"], keep="first", maintain_order=True)
    named = asked.join(first, on=["in_reply_to", "to_network"], suffix="_told", maintain_order="left_right")
    named = named.with_columns(
        differs=pl.col("rp_reference").ne_missing(pl.col("rp_reference_told")), matched_by=pl.lit("in_reply_to")
    )
    named = _one_to_one(named.sort("differs", "sent_ns", maintain_order=True))
    # Without In-Reply-To: the reference, and the UE of both. A UE has one short message under way in a direction.
    asked = _with_ue(data.join(named, on="sent", how="anti").rename({"time_ns": "sent_ns"}), sends=pl.col("to_network"))
    answers = _with_ue(reports.join(named, on="report_no", how="anti"), sends=pl.col("to_network"))
    answers = answers.with_columns(to_network=~pl.col("to_network"))
    one = ["rp_reference", "to_network", "ue"]
    asked = asked.select("sent", "sent_ns", *one).drop_nulls().sort("sent_ns", maintain_order=True)
    told = answers.select("report_no", "time_ns", *one).drop_nulls().sort("time_ns", maintain_order=True)
    guessed = (
        asked.join_asof(
            told.with_columns(sent_ns="time_ns"),
            on="sent_ns", by=one, strategy="forward", tolerance=_LATEST_REPORT, check_sortedness=False,
        )
        .drop_nulls("report_no")
        .with_columns(matched_by=pl.lit("rp_reference"))
        .sort("sent_ns", "time_ns", maintain_order=True)
    )  # fmt: skip
    return pl.concat([named, _one_to_one(guessed)])


def _first_call_id() -> pl.Expr:
    return pl.col("in_reply_to").str.extract(r"^\s*<?([^\s,<>]+)")


def _with_ue(rows: pl.DataFrame, *, sends: pl.Expr) -> pl.DataFrame:
    """A row for each way in which the UE is written: it sends what goes to the network, and receives what comes."""
    own = pl.concat_list("asserted_identity_sub", "preferred_identity_sub", "from_uri_sub")
    other = pl.concat_list("to_uri_sub", "request_uri_sub")
    rows = rows.with_columns(ue=pl.when(sends).then(own).otherwise(other)).explode("ue", empty_as_null=True)
    return rows.filter(pl.col("ue").is_not_null())


def _one_to_one(pairs: pl.DataFrame) -> pl.DataFrame:
    """The first of each on both sides: the rows come in the order in which they are to be believed."""
    pairs = pairs.unique("sent", keep="first", maintain_order=True)
    pairs = pairs.unique("report_no", keep="first", maintain_order=True)
    return pairs.select("sent", "report_no", "matched_by")
