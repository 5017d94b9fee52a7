"""The E-model (ITU-T G.107): what loss and delay leave of a conversation, as a rating and as a mean opinion score."""

from __future__ import annotations

import polars as pl

from analyzer.columns.durations import seconds

#: Codecs with an equipment impairment and a robustness to loss (Ie, Bpl): ITU-T G.113 Appendix I, with concealment of
#: lost packets. Of AMR and AMR-WB both depend on the mode, of EVS and Opus there are none.
IMPAIRMENTS = {
    "PCMU": (0, 25.1),
    "PCMA": (0, 25.1),
    "G729": (11, 19.0),
    "G723": (15, 16.1),
    "GSM-EFR": (5, 10.0),
}
_BASE = 93.2
"""R of a call without impairments, with all other parameters at their defaults (G.107 table 3)."""
_LONG_DELAY = 177.3
_CODEC_FRAMES = 2
"""Packets of delay in sender and receiver that every codec has: one is filled, one is played."""


def rated(streams: pl.DataFrame) -> pl.DataFrame:
    """``streams`` with ``r_factor``, ``mos`` and ``rating``.

    Needs ``media codec received expected bursts`` (losses without a loss right before) and, null where not known,
    ``packet_s jitter_s rtcp_round_trip_s``. The delay is that of two packets, of a jitter buffer of twice the mean
    jitter, and half the round trip where RTCP tells it. Lost packets in a row are worse than single ones: BurstR is how
    long losses are, over how long they would be by chance (G.107 §7.4).
    """
    name = pl.col("codec").str.split("/").list.first().str.to_uppercase()
    ie, bpl = (name.replace_strict({k: float(v[i]) for k, v in IMPAIRMENTS.items()}, default=None) for i in (0, 1))
    loss = (1 - pl.col("received") / pl.col("expected")).clip(0, 1)
    losses = pl.col("expected") - pl.col("received")
    by_chance = 1 / (1 - loss)
    burst = (losses / pl.col("bursts") / by_chance).clip(1, None)
    delay = (
        pl.col("packet_s").fill_null(0.02) * _CODEC_FRAMES
        + 2 * pl.col("jitter_s").fill_null(0)
        + pl.col("rtcp_round_trip_s").fill_null(0) / 2
    )
    found = streams.with_columns(
        _ie=ie,
        _bpl=bpl,
        _loss=loss * 100,
        _burst=pl.when((losses > 0) & (pl.col("bursts") > 0) & (loss < 1)).then(burst).otherwise(1.0),
        _delay=delay * 1000,
    )
    effective = pl.col("_ie") + (95 - pl.col("_ie")) * pl.col("_loss") / (
        pl.col("_loss") / pl.col("_burst") + pl.col("_bpl")
    )
    beyond = pl.col("_delay") - _LONG_DELAY
    delayed = 0.024 * pl.col("_delay") + 0.11 * beyond * (beyond > 0)
    found = found.with_columns(r_factor=(_BASE - delayed - effective).clip(0, 100))
    words = pl.format(
        "G.107: {}, Ie {}, Bpl {}, loss {} %, BurstR {}, delay {} ms{}",
        name,
        pl.col("_ie"),
        pl.col("_bpl"),
        pl.col("_loss").round(2),
        pl.col("_burst").round(2),
        pl.col("_delay").round(0).cast(pl.Int64),
        pl.when(pl.col("rtcp_round_trip_s").is_null())
        .then(pl.lit(" without the way through the network"))
        .otherwise(pl.lit("")),
    )
    why_not = (
        pl.when(pl.col("media").ne_missing("audio") & pl.col("media").is_not_null())
        .then(pl.lit("not rated: no audio"))
        .when(name.is_null())
        .then(pl.lit("not rated: the codec is not known"))
        .otherwise(pl.format("not rated: G.113 Appendix I has no values for {}", name))
    )
    is_rated = pl.col("r_factor").is_not_null() & (pl.col("media").is_null() | (pl.col("media") == "audio"))
    return found.with_columns(
        r_factor=pl.when(is_rated).then("r_factor"),
        mos=pl.when(is_rated).then(mos(pl.col("r_factor"))),
        rating=pl.when(is_rated).then(words).otherwise(why_not),
    ).drop("_ie", "_bpl", "_loss", "_burst", "_delay")


def mos(rating: pl.Expr) -> pl.Expr:
    """The mean opinion score of a rating (G.107 Annex B).

    >>> pl.select(mos(pl.lit(93.2)).round(2)).item()
    4.41
    """
    return (
        pl.when(rating <= 0)
        .then(1.0)
        .when(rating >= 100)
        .then(4.5)
        .otherwise((1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6).clip(1, 4.5))
    )


def bursts(streams: pl.DataFrame) -> pl.DataFrame:
    """``streams`` with ``burst_loss burst_s gap_loss``, from the transitions ``c11 .. c33`` of the core (RFC 3611 A.2).

    Without a loss there is neither burst nor gap.
    """
    c11, c13, c14, c22, c23, c33 = (
        pl.col(name).cast(pl.Float64) for name in ("c11", "c13", "c14", "c22", "c23", "c33")
    )
    c31, c32 = c13, c23
    total = c11 + c14 + c13 + c22 + c23 + c31 + c32 + c33
    p32 = c32 / (c31 + c32 + c33)
    p23 = pl.when(c22 + c23 < 1).then(1.0).otherwise(1 - c22 / (c22 + c23))
    in_burst = (c23 + c33) > 0
    gap_packets = (c11 + c14 + c13) / c13
    return streams.with_columns(
        burst_loss=pl.when(in_burst).then(p23 / (p23 + p32)),
        burst_s=pl.when(in_burst & (c13 > 0)).then((total / c13 - gap_packets) * pl.col("packet_s")),
        gap_loss=pl.when(c11 + c14 > 0).then(c14 / (c11 + c14)),
    )


def in_seconds(*names: str) -> list[pl.Expr]:
    """Columns ``NAME_ns`` as ``NAME_s``."""
    return [seconds(pl.col(f"{name}_ns")).alias(f"{name}_s") for name in names]
