"""The audio of calls: was it heard both ways, and if not, who was not heard."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import seconds
from analyzer.columns.sound import is_audio
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed

_ENOUGH = 3 * SECOND
"""Audio one way for so long, and nothing the other way, is no late beginning."""
_AFTER_END = SECOND
"""Packets on their way when the BYE came."""


def heard(calls: pl.DataFrame, streams: pl.DataFrame, announced_media: pl.DataFrame) -> pl.DataFrame:
    """``calls`` with ``media loss mos``: which sides' audio was captured, and how it came."""
    audio = announced_media.filter(pl.col("media") == "audio").select("call").unique()
    asked = calls.filter(pl.col("answered_at").is_not_null()).join(audio, on="call", how="semi").select("call")
    own = (
        _of_audio(streams)
        .group_by("call")
        .agg(
            caller=(pl.col("sent_by") == "caller").any(),
            callee=(pl.col("sent_by") == "callee").any(),
            loss=pl.col("loss").max(),
            mos=pl.col("mos").min(),
        )
    )
    sides = asked.join(own.select("call", "caller", "callee"), on="call", how="left", maintain_order="left")
    sides = sides.with_columns(pl.col("caller", "callee").fill_null(value=False)).select(
        "call",
        media=pl.when("caller", "callee")
        .then(pl.lit("both_ways"))
        .when("caller")
        .then(pl.lit("caller_only"))
        .when("callee")
        .then(pl.lit("callee_only"))
        .otherwise(pl.lit("not_captured")),
    )
    found = calls.drop("media", "loss", "mos").join(sides, on="call", how="left", maintain_order="left")
    found = found.join(own.select("call", "loss", "mos"), on="call", how="left", maintain_order="left")
    return typed(found, schema.CALLS)


def _of_audio(streams: pl.DataFrame) -> pl.DataFrame:
    """Those of calls that are audio, as far as is known."""
    return streams.filter(pl.col("call").is_not_null(), is_audio())


def call_media(
    streams: pl.DataFrame, announced_media: pl.DataFrame, calls: pl.DataFrame, sip_ways: pl.DataFrame
) -> pl.DataFrame:
    """The table ``call_media``: one row for each answered call that agreed on audio.

    That the other way is silent is concluded only where its packets pass here: the address that the silent side
    announced sent other packets, of RTP or SIP, past the place of the capture. An asymmetric mirror shows one way of
    all calls.
    """
    answered = calls.filter(pl.col("answered_at").is_not_null())
    audio = announced_media.filter(pl.col("media") == "audio")
    own = audio.join(answered.select("call"), on="call", how="semi")
    sent = _of_audio(streams)
    sides = (
        sent.group_by("call", "sent_by")
        .agg(
            packets=(pl.col("expected") - pl.col("lost")).max(),
            duration=(ns("last_at") - ns("first_at")).max(),
            first=ns("first_at").min(),
        )
        .filter(pl.col("sent_by").is_not_null())
    )
    caller, callee = (
        sides.filter(pl.col("sent_by") == side).drop("sent_by").rename(
            {name: f"{side}_{name}" for name in ("packets", "duration", "first")}
        )
        for side in ("caller", "callee")
    )  # fmt: skip
    all_streams = sent.group_by("call").agg(
        first=ns("first_at").min(),
        last=ns("last_at").max(),
        loss=pl.col("loss").max(),
        jitter_s=pl.col("jitter_s").max(),
        silence_s=pl.col("silence_s").max(),
        mos=pl.col("mos").min(),
    )
    one_way_agreed = own.filter(pl.col("direction") != "sendrecv")["call"].unique()
    rows = (
        answered.join(own.select("call").unique(), on="call", how="semi", maintain_order="left")
        .join(caller, on="call", how="left", maintain_order="left")
        .join(callee, on="call", how="left", maintain_order="left")
        .join(all_streams, on="call", how="left", maintain_order="left")
        .join(_heard_from(own, streams, sip_ways), on="call", how="left", maintain_order="left")
        .join(_goes_on(own, streams, answered), on="call", how="left", maintain_order="left")
        .with_columns(
            pl.col("caller_packets", "callee_packets", "caller_duration", "callee_duration").fill_null(0),
            pl.col("caller_passes", "callee_passes", "pair_passes", "goes_on").fill_null(value=False),
            both_agreed=~pl.col("call").is_in(one_way_agreed.implode()),
            lasted=pl.when(pl.col("talk_s").is_null()).then(True).otherwise(pl.col("talk_s") * SECOND >= _ENOUGH),
        )
    )
    there, back = pl.col("caller_packets") > 0, pl.col("callee_packets") > 0
    passes = pl.col("caller_passes"), pl.col("callee_passes")
    expected = pl.col("both_agreed") & pl.col("lasted") & ~pl.col("goes_on")
    media = (
        pl.when(there & back)
        .then(pl.lit("both_ways"))
        .when(there & (pl.col("caller_duration") >= _ENOUGH) & passes[1] & expected)
        .then(pl.lit("from_caller"))
        .when(back & (pl.col("callee_duration") >= _ENOUGH) & passes[0] & expected)
        .then(pl.lit("from_callee"))
        .when(~there & ~back & pl.col("pair_passes") & expected)
        .then(pl.lit("none"))
        .otherwise(pl.lit("unknown"))
    )
    both_from = pl.max_horizontal("caller_first", "callee_first")
    late = (both_from - ns("answered_at")).clip(0, None)
    after = pl.col("last") - ns("ended_at")
    return typed(
        rows.with_columns(media=media).with_columns(
            silent_side=pl.col("media").replace_strict(
                {"from_caller": "callee", "from_callee": "caller", "none": "both"}, default=None
            ),
            first_at=pl.from_epoch("first", "ns").dt.replace_time_zone("UTC"),
            delay_s=pl.when(there & back).then(seconds(late)),
            after_end_s=pl.when(after > _AFTER_END).then(seconds(after)),
        ),
        schema.CALL_MEDIA,
    )


def _goes_on(own: pl.DataFrame, streams: pl.DataFrame, answered: pl.DataFrame) -> pl.DataFrame:
    """The calls to one of whose announced addresses a stream goes that began for another call and did not stop: whose
    sound it is after that, its numbers do not say."""
    during = answered.select("call", at=ns("answered_at") + _AFTER_END, end=ns("ended_at").fill_null(2**62))
    said = own.select("call", "ip", "port").unique().join(during, on="call").sort("end")
    sent = streams.select(ip="dst_ip", port="dst_port", of="call", first=ns("first_at"), last=ns("last_at")).sort(
        "first"
    )
    newest = said.join_asof(sent, left_on="end", right_on="first", by=["ip", "port"], check_sortedness=False).filter(
        pl.col("of").ne_missing(pl.col("call")), pl.col("last") >= pl.col("at")
    )
    return newest.select("call", goes_on=True).unique()


def _heard_from(own: pl.DataFrame, streams: pl.DataFrame, sip_ways: pl.DataFrame) -> pl.DataFrame:
    """Of each call ``caller_passes callee_passes``: packets of an address that this side announced pass here, SIP or
    RTP, and packets to it from where they go, for a mirror may copy one direction alone; ``pair_passes``: RTP from one
    of the announced addresses to the other does, so that theirs would be seen."""
    links = pl.concat([rows.select(ip="src_ip", ip_to="dst_ip") for rows in (streams, sip_ways)]).unique()
    senders = links.join(links.select(ip="ip_to", ip_to="ip"), on=["ip", "ip_to"], how="semi").select("ip").unique()
    sides = {side: own.filter(pl.col("side") == side).select("call", "ip").unique() for side in ("caller", "callee")}
    passing = {f"{side}_passes": said.join(senders, on="ip", how="semi") for side, said in sides.items()}
    ways = streams.select(ip="src_ip", ip_to="dst_ip").unique()
    pairs = sides["caller"].join(sides["callee"], on="call", suffix="_to")
    both = pl.concat([pairs, pairs.select("call", ip="ip_to", ip_to="ip")])
    passing["pair_passes"] = both.join(ways, on=["ip", "ip_to"], how="semi")
    calls = own.select("call").unique()
    return calls.with_columns(
        pl.col("call").is_in(rows["call"].unique().implode()).alias(name) for name, rows in passing.items()
    )
