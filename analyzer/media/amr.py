"""AMR and AMR-WB (RFC 4867) and EVS (TS 26.445 Annex A) in RTP: which form of payload a stream has, and which bit
rates."""

from __future__ import annotations

import polars as pl

#: Bit rates by mode, kbit/s (TS 26.101 table 1a, TS 26.201 table 1a).
RATES = {
    "amr": ("4.75", "5.15", "5.9", "6.7", "7.4", "7.95", "10.2", "12.2"),
    "amr_wb": ("6.6", "8.85", "12.65", "14.25", "15.85", "18.25", "19.85", "23.05", "23.85"),
}
#: TS 26.445 tables A.4 and A.5. 5.9 is asked for, and sent as 2.8, 7.2 and 8.
EVS_PRIMARY = ("2.8", "7.2", "8", "9.6", "13.2", "16.4", "24.4", "32", "48", "64", "96", "128")
EVS_RATES = (*EVS_PRIMARY, *(f"io-{rate}" for rate in RATES["amr_wb"]))
_CODECS = {"amr": "AMR", "amr_wb": "AMR-WB"}
#: Of a hundred packets so many have to have the length of their frame type.
_MOST = 90


def framed(streams: pl.DataFrame) -> pl.DataFrame:
    """``streams`` with ``framing modes mode_changes requested_modes``, null where the codec is another or packets do
    not fit; frames of silence are added to ``comfort_noise``. Needs ``codec payload_type fmtp`` of the receiver."""
    name = pl.col("codec").str.split("/").list.first().str.to_uppercase()
    found = {
        "framing": pl.lit(None, pl.String),
        "modes": pl.lit(None, pl.String),
        "mode_changes": pl.lit(None, pl.Int64),
    }
    found |= {"requested_modes": pl.lit(None, pl.String), "comfort_noise": pl.col("comfort_noise")}
    for key, codec in _CODECS.items():
        fits = (name == codec) & _fit(key)
        own = _told(key, pl.col(f"{key}_form"), RATES[key], RATES[key])
        found = {column: pl.when(fits).then(value).otherwise(found[column]) for column, value in own.items()}
    # A length may be that of either form: where there is one form alone, it is that (A.3.1).
    alone = parameter("hf-only").eq_missing("1")
    compact = (name == "EVS") & _fit("evs_compact") & ~(alone & _fit("evs_header_full"))
    full = (name == "EVS") & _fit("evs_header_full") & ~compact
    asked = ("5.9", *EVS_RATES[1:])
    for form, fits in (("compact", compact), ("header_full", full)):
        own = _told(f"evs_{form}", pl.lit(form), EVS_RATES, asked)
        found = {column: pl.when(fits).then(value).otherwise(found[column]) for column, value in own.items()}
    return streams.with_columns(**found)


def parameter(name: str) -> pl.Expr:
    """The value of a parameter of ``fmtp``, which is that of one payload type; null if it is not there."""
    return pl.col("fmtp").str.extract(rf"(?i)(?:^|[;\s]){name}\s*=\s*([^;\s]+)", 1)


def _fit(key: str) -> pl.Expr:
    return pl.col(f"{key}_fits") * 100 >= pl.col("received") * _MOST


def _told(key: str, form: pl.Expr, rates: tuple[str, ...], asked: tuple[str, ...]) -> dict[str, pl.Expr]:
    return {
        "framing": form,
        "modes": _rates(pl.col(f"{key}_modes"), rates),
        "mode_changes": pl.col(f"{key}_changes"),
        "requested_modes": _rates(pl.col(f"{key}_requests"), asked),
        "comfort_noise": pl.col("comfort_noise") + pl.col(f"{key}_silence"),
    }


def _rates(bits: pl.Expr, rates: tuple[str, ...]) -> pl.Expr:
    """The rates of the modes whose bits are set, joined by spaces; null of none."""
    named = [pl.when(bits // (1 << mode) % 2 == 1).then(pl.lit(rate)) for mode, rate in enumerate(rates)]
    text = pl.concat_str(named, separator=" ", ignore_nulls=True)
    return pl.when(text != "").then(text)
