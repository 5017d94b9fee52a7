"""Streams of RTP, and the calls they are of.

A stream goes where its receiver announced that it wants it (RFC 3264 §5.1); that decides. Where nobody announced the
address it goes to, the one it comes from may be known: senders use one port for both ways (symmetric RTP, RFC 4961).
Last, what comes from where the stream of the other side goes to is the other way of that one, as behind a NAT that a
border element latches on to.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import elapsed, seconds
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed
from analyzer.media import amr, quality
from analyzer.media import announced as announcements

_BEFORE = 2 * SECOND
"""Media may be faster than the message that announces where they go, which passes more nodes."""
_AFTER_END = 30 * SECOND
"""A stream that begins so long after a call is of another one that announced nothing."""
_OTHER = {"caller": "callee", "callee": "caller"}
#: RFC 3551 §6.
_STATIC = {
    0: "PCMU/8000", 3: "GSM/8000", 4: "G723/8000", 5: "DVI4/8000", 6: "DVI4/16000", 7: "LPC/8000", 8: "PCMA/8000",
    9: "G722/8000", 10: "L16/44100/2", 11: "L16/44100", 12: "QCELP/8000", 13: "CN/8000", 14: "MPA/90000",
    15: "G728/8000", 16: "DVI4/11025", 17: "DVI4/22050", 18: "G729/8000", 25: "CelB/90000", 26: "JPEG/90000",
    28: "nv/90000", 31: "H261/90000", 32: "MPV/90000", 33: "MP2T/90000", 34: "H263/90000",
}  # fmt: skip
_ENDS = ("src_ip", "src_port", "dst_ip", "dst_port")


def streams(
    core_streams: pl.DataFrame, core_reports: pl.DataFrame, announced_media: pl.DataFrame, calls: pl.DataFrame
) -> pl.DataFrame:
    """The table ``streams``. ``core_streams core_reports``: what the core found of RTP and RTCP; ``announced_media`` as
    :func:`analyzer.media.announced.announced_media` gives it."""
    found = _joined(core_streams, announced_media, calls)
    found = _with_reports(found, core_reports)
    found = quality.bursts(
        found.with_columns(
            *quality.in_seconds("jitter", "jitter_p95", "jitter_max", "silence"),
            packet_s=pl.col("step") / pl.col("clock"),
            duration_s=elapsed("first_at", "last_at"),
            lost=pl.col("expected") - pl.col("received"),
            # Each loss that does not follow another one.
            bursts=pl.col("c13") + pl.col("c14") + pl.col("c23"),
            clock_hz="clock",
            redundancy=pl.col("said_again") / pl.col("packets"),
            unauthenticated="refused",
            silence_at=pl.when(pl.col("silence_ns") > 0).then("silence_at"),
        ).with_columns(loss=pl.col("lost") / pl.col("expected"))
    )
    return typed(quality.rated(found), schema.STREAMS)


def _joined(rows: pl.DataFrame, announced: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """The streams with ``call sent_by announced_by joined_by media codec``."""
    over = calls.select("call", end=ns("ended_at"))
    known = announced_of(rows, announced.with_row_index("announcement").join(over, on="call", how="left"))
    codecs = announcements.codecs_of(announced)
    known = known.drop(*_ENDS, "at", "last", "call_sender")
    found = rows.join(known, on="stream", how="left", maintain_order="left")
    own = codecs.select("announcement", "payload_type", "codec", "fmtp")
    found = found.join(own, on=["announcement", "payload_type"], how="left", maintain_order="left")
    found = found.join(_noise(found, codecs), on="stream", how="left", maintain_order="left").with_columns(
        comfort_noise=pl.col("comfort_noise") + pl.col("noise").fill_null(0)
    )
    static = pl.col("payload_type").replace_strict(_STATIC, default=None, return_dtype=pl.String)
    fax = pl.when(pl.col("carried_by") == "udptl").then(pl.lit("T38"))
    return amr.framed(found.with_columns(codec=pl.coalesce("codec", static, fax)))


def announced_of(rows: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Of each stream (``stream``, its ends and times) the announcement that it belongs to.

    ``said`` are announcements: ``announcement call side message media ip port at end``, the last when the call was over
    (ns). Columns: ``stream``, the ends as announced, ``at last`` (ns), ``call sent_by announced_by joined_by
    announcement media``, and ``call_sender``, the call that announced where it comes from.
    """
    said = said.sort("at")
    # Between whom a relay carries it, and not the relay itself, is what was announced.
    ends = {end: pl.coalesce(f"relayed_{end}", end) for end in _ENDS}
    begins = rows.select("stream", **ends, at=ns("first_at"), last=ns("last_at")).sort("at")
    by_receiver = _announced(begins, said, ("dst_ip", "dst_port"))
    by_sender = _announced(begins, said, ("src_ip", "src_port"))
    both = begins.join(by_receiver, on="stream", how="left").join(by_sender, on="stream", how="left", suffix="_sender")
    to, by = pl.col("call").is_not_null(), pl.col("call_sender").is_not_null()
    known = both.select(
        "stream",
        *_ENDS,
        call=pl.coalesce("call", "call_sender"),
        sent_by=pl.when(to).then(pl.col("side").replace(_OTHER)).otherwise("side_sender"),
        announced_by=pl.coalesce("message", "message_sender"),
        joined_by=pl.when(to).then(pl.lit("receiver")).when(by).then(pl.lit("sender")),
        announcement=pl.coalesce("announcement", "announcement_sender"),
        media=pl.coalesce("media", "media_sender"),
        at="at",
        last="last",
        call_sender="call_sender",
    )
    return _with_reverse(known)


def _noise(found: pl.DataFrame, codecs: pl.DataFrame) -> pl.DataFrame:
    """``stream`` and ``noise``: packets of comfort noise under a payload type that the description gave to it (RFC 3389
    §4), the type of most packets apart."""
    named = codecs.filter(pl.col("codec").str.to_uppercase().str.starts_with("CN/"), pl.col("payload_type") != 13)
    counted = found.select(
        "stream",
        "announcement",
        payload_type=pl.col("payload_types").str.split(" ").list.slice(1),
        noise=pl.col("type_counts").str.split(" ").list.slice(1),
    )
    counted = counted.join(named.select("announcement").unique(), on="announcement", how="semi")
    counted = counted.explode("payload_type", "noise").with_columns(pl.col("payload_type", "noise").cast(pl.Int64))
    counted = counted.join(named, on=["announcement", "payload_type"], how="semi")
    return counted.group_by("stream").agg(pl.col("noise").sum())


def _announced(begins: pl.DataFrame, said: pl.DataFrame, end: tuple[str, str]) -> pl.DataFrame:
    """Of each stream the newest announcement of one of its ends, of a call that is not long over."""
    found = begins.with_columns(pl.col("at") + _BEFORE).join_asof(
        said.rename({"ip": end[0], "port": end[1], "at": "said_at"}),
        left_on="at",
        right_on="said_at",
        by=list(end),
        check_sortedness=False,
    )
    alive = pl.col("end").is_null() | (pl.col("at") - _BEFORE <= pl.col("end") + _AFTER_END)
    known = found.filter(pl.col("call").is_not_null(), alive)
    return known.select("stream", "call", "side", "message", "announcement", "media")


def _with_reverse(known: pl.DataFrame) -> pl.DataFrame:
    """Streams that nobody announced, of the call whose stream goes the other way between the same ends meanwhile."""
    there = known.filter(pl.col("call").is_not_null())
    back = there.select(
        src_ip="dst_ip", src_port="dst_port", dst_ip="src_ip", dst_port="src_port", there_at="at", there_last="last",
        call="call", sent_by=pl.col("sent_by").replace(_OTHER), announced_by="announced_by", media="media",
        announcement="announcement", call_sender=pl.lit(None, known.schema["call_sender"]),
    ).sort("there_at")  # fmt: skip
    lost = known.filter(pl.col("call").is_null()).select("stream", *_ENDS, "at", "last").sort("at")
    found = lost.join_asof(
        back, left_on="at", right_on="there_at", by=list(_ENDS), strategy="nearest", check_sortedness=False
    )
    found = found.filter(
        pl.col("call").is_not_null(),
        pl.col("at") <= pl.col("there_last") + _AFTER_END,
        pl.col("there_at") <= pl.col("last") + _AFTER_END,
    )
    found = found.with_columns(joined_by=pl.lit("reverse")).select(known.columns)
    return pl.concat([known.join(found, on="stream", how="anti"), found])


#: Means over the reports of the core: of the fraction lost, and of the jitter in units of the stream's clock.
_REPORTED_LOSS = pl.col("fraction_sum") / pl.col("reports") / 256
_REPORTED_JITTER = pl.col("jitter_sum") / pl.col("reports")


def _round_trip_s() -> pl.Expr:
    known = pl.col("round_trips") > 0
    return pl.when(known).then(seconds(pl.col("round_trip_sum_ns") // pl.col("round_trips")))


def _with_reports(found: pl.DataFrame, reports: pl.DataFrame) -> pl.DataFrame:
    """The streams with what their receivers reported while they lasted: from where they go to, of their source."""
    which = ["point", "ssrc", "src_ip"]
    stated = reports.filter(pl.col("reports") > 0).with_columns(since=ns("first_at"), until=ns("last_at")).sort("since")
    # What several report at a time is one; of a source there are as many as it was silent in between.
    behind = pl.col("since") > pl.col("until").cum_max().shift().over(which) + _AFTER_END
    of_source = (
        stated.with_columns(_episode=behind.fill_null(value=False).cum_sum().over(which))
        .group_by(*which, "_episode")
        .agg(
            pl.col("reports", "fraction_sum", "jitter_sum", "round_trip_sum_ns", "round_trips").sum(),
            pl.col("cumulative", "mos_cq_tenths", "mos_lq_tenths").sort_by("until").last(),
            pl.col("since").min(),
            pl.col("until").max(),
        )
    )
    ends = found.select("stream", "point", "ssrc", "first_at", "last_at", src_ip="dst_ip")
    of_stream = (
        ends.join(of_source, on=which, nulls_equal=True)
        .filter(pl.col("since") <= ns("last_at") + _AFTER_END, pl.col("until") >= ns("first_at"))
        .group_by("stream")
        .agg(
            pl.col("reports", "fraction_sum", "jitter_sum", "round_trip_sum_ns", "round_trips").sum(),
            pl.col("cumulative", "mos_cq_tenths", "mos_lq_tenths").sort_by("until").last(),
        )
    )
    joined = found.join(of_stream, on="stream", how="left", maintain_order="left")
    return joined.with_columns(
        rtcp_loss=_REPORTED_LOSS,
        rtcp_lost="cumulative",
        rtcp_jitter_s=_REPORTED_JITTER / pl.col("clock"),
        rtcp_round_trip_s=_round_trip_s(),
        rtcp_mos=pl.coalesce("mos_cq_tenths", "mos_lq_tenths") / 10,
    )


def stream_intervals(core_stream_intervals: pl.DataFrame, streams: pl.DataFrame) -> pl.DataFrame:
    """The table ``stream_intervals``."""
    # Within five seconds too few are lost to tell bursts from chance.
    of_streams = streams.select(
        *("stream", "call", "sent_by", "media", "codec", "src_ip", "modes", "packet_s", "rtcp_round_trip_s")
    )
    rows = core_stream_intervals.join(of_streams, on="stream", how="left", maintain_order="left")
    sent = pl.col("received") + pl.col("lost")
    rows = rows.with_columns(
        *quality.in_seconds("jitter", "jitter_max"),
        started_at="begin",
        loss=pl.when(sent > 0).then(pl.col("lost") / sent),
        expected=sent,
        bursts="lost",
    )
    return typed(quality.rated(rows), schema.STREAM_INTERVALS)


def stream_of_reports(reports: pl.DataFrame, streams: pl.DataFrame) -> pl.Series:
    """The stream that each report is of: the one that was sent when the first came, else the next."""
    point = pl.col("point").fill_null("")
    sent = streams.select(point, "ssrc", "stream", src_ip="dst_ip", _at=ns("first_at")).sort("_at")
    asked = reports.select(point, "ssrc", "src_ip", _at=ns("first_at")).with_row_index("_row").sort("_at")
    by = ["point", "ssrc", "src_ip"]
    then = asked.join_asof(sent, on="_at", by=by, strategy="backward", check_sortedness=False).sort("_row")
    next_one = asked.join_asof(sent, on="_at", by=by, strategy="forward", check_sortedness=False).sort("_row")
    return pl.select(pl.coalesce(then["stream"], next_one["stream"])).to_series()


def rtcp_reports(core_reports: pl.DataFrame, streams: pl.DataFrame) -> pl.DataFrame:
    """The table ``rtcp_reports``."""
    rows = core_reports.with_columns(stream=stream_of_reports(core_reports, streams))
    of_streams = streams.select("stream", "call", "clock_hz")
    rows = rows.join(of_streams, on="stream", how="left", maintain_order="left")
    stated = pl.when(pl.col("reports") > 0)
    rows = rows.with_columns(
        loss=stated.then(_REPORTED_LOSS),
        loss_max=stated.then(pl.col("fraction_max") / 256),
        lost="cumulative",
        jitter_s=stated.then(_REPORTED_JITTER / pl.col("clock_hz")),
        jitter_max_s=stated.then(pl.col("jitter_max") / pl.col("clock_hz")),
        round_trip_s=_round_trip_s(),
        mos_lq=pl.col("mos_lq_tenths") / 10,
        mos_cq=pl.col("mos_cq_tenths") / 10,
        discarded=pl.col("discard_rate") / 256,
        end_system_delay_s=pl.col("end_system_delay_ms") / 1000,
    )
    return typed(rows, schema.RTCP_REPORTS)
