"""AMR and AMR-WB in RTP (RFC 4867): which form of payload a stream has, and which bit rates."""

from __future__ import annotations

import polars as pl

#: Bit rates by mode, kbit/s (TS 26.101 table 1a, TS 26.201 table 1a).
RATES = {
    "amr": ("4.75", "5.15", "5.9", "6.7", "7.4", "7.95", "10.2", "12.2"),
    "amr_wb": ("6.6", "8.85", "12.65", "14.25", "15.85", "18.25", "19.85", "23.05", "23.85"),
}
_CODECS = {"amr": "AMR", "amr_wb": "AMR-WB"}
#: Of a hundred packets so many have to have the length of their frame type.
_MOST = 90


def framed(streams: pl.DataFrame) -> pl.DataFrame:
    """``streams`` with ``framing modes mode_changes requested_modes``, null where the codec is another or packets do
    not fit; frames of silence are added to ``comfort_noise``."""
    name = pl.col("codec").str.split("/").list.first().str.to_uppercase()
    found = {
        "framing": pl.lit(None, pl.String),
        "modes": pl.lit(None, pl.String),
        "mode_changes": pl.lit(None, pl.Int64),
    }
    found |= {"requested_modes": pl.lit(None, pl.String), "comfort_noise": pl.col("comfort_noise")}
    for key, codec in _CODECS.items():
        fits = (name == codec) & (pl.col(f"{key}_fits") * 100 >= pl.col("received") * _MOST)
        own = {
            "framing": pl.col(f"{key}_form"),
            "modes": _rates(pl.col(f"{key}_modes"), RATES[key]),
            "mode_changes": pl.col(f"{key}_changes"),
            "requested_modes": _rates(pl.col(f"{key}_requests"), RATES[key]),
            "comfort_noise": pl.col("comfort_noise") + pl.col(f"{key}_silence"),
        }
        found = {column: pl.when(fits).then(value).otherwise(found[column]) for column, value in own.items()}
    return streams.with_columns(**found)


def _rates(bits: pl.Expr, rates: tuple[str, ...]) -> pl.Expr:
    """The rates of the modes whose bits are set, joined by spaces; null of none."""
    named = [pl.when(bits // (1 << mode) % 2 == 1).then(pl.lit(rate)) for mode, rate in enumerate(rates)]
    text = pl.concat_str(named, separator=" ", ignore_nulls=True)
    return pl.when(text != "").then(text)
