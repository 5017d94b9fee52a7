"""The E-model (ITU-T G.107): what loss and delay leave of a conversation, as a rating and as a mean opinion score."""

from __future__ import annotations

import polars as pl

from analyzer.columns.durations import seconds

#: Codecs with an equipment impairment and a robustness to loss (Ie, Bpl): ITU-T G.113 (11/2007) Appendix I, with
#: concealment of lost packets; of AMR by the bit rate, where it is that of GSM-EFR or IS-641. Without a robustness
#: there is a rating where nothing was lost. Of Opus there are no values; those of EVS (G.113 (09/2024) Appendix V) are
#: of the fullband model, G.107.2, which is not used.
IMPAIRMENTS: dict[str, tuple[float, float | None]] = {
    "PCMU": (0, 25.1),
    "PCMA": (0, 25.1),
    "G729": (11, 19.0),
    "G723": (15, 16.1),
    "GSM-EFR": (5, 10.0),
    "AMR 12.2": (5, 10.0),
    "AMR 7.4": (10, None),
}
#: The same for wideband, Ie,WB: ITU-T G.113 (2007) Amendment 1, Appendix IV, and (09/2024) table IV.1: heard with one
#: ear. Its robustness to loss (table IV.4) is that of three bit rates heard with both, and belongs to other values.
WIDEBAND: dict[str, tuple[float, float | None]] = {
    "G722": (13, None),
    "AMR-WB 6.6": (41, None),
    "AMR-WB 8.85": (26, None),
    "AMR-WB 12.65": (13, None),
    "AMR-WB 14.25": (10, None),
    "AMR-WB 15.85": (7, None),
    "AMR-WB 18.25": (5, None),
    "AMR-WB 19.85": (3, None),
    "AMR-WB 23.05": (1, None),
    "AMR-WB 23.85": (8, None),
}
_BASE, _WIDE_BASE = 93.2, 129.0
"""R of a call without impairments, with all other parameters at their defaults (G.107 table 3; G.107.1 §7.7)."""
_WIDER = 1.29
"""R of wideband over R of the same opinion on the scale of G.107 (G.107.1 Annex A)."""
_LONG_DELAY = 177.3
_CODEC_FRAMES = 2
"""Packets of delay in sender and receiver that every codec has: one is filled, one is played."""


def rated(streams: pl.DataFrame) -> pl.DataFrame:
    """``streams`` with ``r_factor``, ``mos`` and ``rating``.

    Needs ``media codec modes received expected bursts`` (losses without a loss right before) and, null where not known,
    ``packet_s jitter_s rtcp_round_trip_s``. A stream of several bit rates is rated as its worst. Wideband is rated on a
    scale of 129, and its opinion score is that of the same R / 1.29. The delay is that of two packets, of a jitter
    buffer of twice the mean jitter, and half the round trip where RTCP tells it. Lost packets in a row are worse than
    single ones: BurstR is how long losses are, over how long they would be by chance (G.107 §7.4).
    """
    name = pl.col("codec").str.split("/").list.first().str.to_uppercase()
    of_codec = pl.when(pl.col("modes").is_null()).then(name).otherwise(pl.format("{} {}", name, _worst(name)))
    known = IMPAIRMENTS | WIDEBAND
    ie = of_codec.replace_strict({key: float(value) for key, (value, _) in known.items()}, default=None)
    bpl = of_codec.replace_strict(
        {key: value for key, (_, value) in known.items()}, default=None, return_dtype=pl.Float64
    )
    wide = of_codec.is_in(list(WIDEBAND)).fill_null(value=False)
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
        _wide=wide,
        _of=of_codec,
    )
    lost = (95 - pl.col("_ie")) * pl.col("_loss") / (pl.col("_loss") / pl.col("_burst") + pl.col("_bpl"))
    effective = pl.col("_ie") + pl.when(pl.col("_loss") > 0).then(lost).otherwise(0.0)
    base = pl.when("_wide").then(_WIDE_BASE).otherwise(_BASE)
    beyond = pl.col("_delay") - _LONG_DELAY
    delayed = 0.024 * pl.col("_delay") + 0.11 * beyond * (beyond > 0)
    found = found.with_columns(r_factor=(base - delayed - effective).clip(0, None))
    words = pl.format(
        "{}: {}, Ie {}, Bpl {}, loss {} %, BurstR {}, delay {} ms{}",
        pl.when("_wide").then(pl.lit("G.107.1")).otherwise(pl.lit("G.107")),
        pl.col("_of"),
        pl.col("_ie"),
        pl.col("_bpl").cast(pl.String).fill_null("not used"),
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
        .when(pl.col("_ie").is_null() & name.is_in(["AMR", "AMR-WB"]))
        .then(
            pl.format("not rated: G.113 has no values for {} at the bit rates that were sent, if these are known", name)
        )
        .when(pl.col("_ie").is_not_null())
        .then(pl.format("not rated: packets are lost, and no robustness to loss (Bpl) of {} is used", pl.col("_of")))
        .otherwise(pl.format("not rated: G.113 Appendix I and IV (2007, Amendment 1) have no values for {}", name))
    )
    is_rated = pl.col("r_factor").is_not_null() & (pl.col("media").is_null() | (pl.col("media") == "audio"))
    return found.with_columns(
        r_factor=pl.when(is_rated).then("r_factor"),
        mos=pl.when(is_rated).then(mos(pl.col("r_factor") / pl.when("_wide").then(_WIDER).otherwise(1.0))),
        rating=pl.when(is_rated).then(words).otherwise(why_not),
    ).drop("_ie", "_bpl", "_loss", "_burst", "_delay", "_wide", "_of")


def _worst(name: pl.Expr) -> pl.Expr:
    """Of the bit rates of a stream that of the greatest impairment; "?" where one has no value."""
    rates = pl.col("modes").str.split(" ").fill_null([])
    found = pl.lit("?")
    for codec in ("AMR", "AMR-WB"):
        of_codec = {
            key.removeprefix(f"{codec} "): value
            for key, (value, _) in (IMPAIRMENTS | WIDEBAND).items()
            if key.startswith(f"{codec} ")
        }
        by_impairment = sorted(of_codec, key=lambda rate: -of_codec[rate])
        worst = pl.coalesce(
            *(pl.when(rates.list.contains(rate)).then(pl.lit(rate)) for rate in by_impairment), pl.lit("?")
        )
        all_known = rates.list.set_difference(by_impairment).list.len() == 0
        found = pl.when((name == codec) & all_known).then(worst).otherwise(found)
    return found


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
