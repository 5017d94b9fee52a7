"""Points in time: nanoseconds since 1970, the unit of every calculation."""

from __future__ import annotations

import polars as pl

SECOND = 1_000_000_000

#: Before and after every time that a capture can have, and far enough from the ends of 64 bits to add durations to.
LONG_AGO, NEVER = -(2**62), 2**62
#: The longest interval that Expires and Session-Expires can give, in seconds (RFC 3261 §20.19, RFC 4028 §4): more would
#: overflow in nanoseconds.
LONGEST_EXPIRES = 2**32


def ns(column: str) -> pl.Expr:
    """A time stamp or a duration as its integer of nanoseconds.

    >>> frame = pl.DataFrame({"time": pl.Series([1_500], dtype=pl.Datetime("ns", "UTC"))})
    >>> frame.select(ns("time")).item()
    1500
    """
    return pl.col(column).to_physical()


def sent_at(messages: pl.DataFrame, rows: pl.Series) -> pl.Series:
    """When messages were sent, as far as can be seen: the first byte of a request, the last of a response (ns)."""
    status, sent, got = (pl.col(name).gather(rows) for name in ("status", "first_byte_at", "time"))
    return messages.select(pl.when(status.is_null()).then(sent).otherwise(got).to_physical()).to_series()


def duration(seconds: pl.Expr) -> pl.Expr:
    """An interval of Expires or Session-Expires in ns, at most :data:`LONGEST_EXPIRES`."""
    return seconds.clip(0, LONGEST_EXPIRES) * SECOND
