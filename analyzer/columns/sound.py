"""Which streams are heard."""

from __future__ import annotations

import polars as pl


def is_audio() -> pl.Expr:
    """A stream of audio, as far as is known, from ``media`` and ``codec``. Telephone events alone are not heard
    (RFC 4733 §1.1): some senders give them a source of their own, whose numbers go on as they like."""
    events = pl.col("codec").str.starts_with("telephone-event").fill_null(value=False)
    return (pl.col("media").fill_null("audio") == "audio") & ~events
