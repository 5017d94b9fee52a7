"""The header fields Event and Subscription-State (RFC 6665 §8.2)."""

from __future__ import annotations

import polars as pl


def package(event: pl.Expr) -> pl.Expr:
    """The event package in lower case, without parameters.

    >>> pl.select(package(pl.lit("Presence;id=7"))).item()
    'presence'
    """
    return event.str.extract(r"^\s*([^\s;]+)").str.to_lowercase()


def left_s(subscription_state: pl.Expr) -> pl.Expr:
    """The ``expires`` parameter of Subscription-State: for how many seconds a subscription still stands.

    >>> pl.select(left_s(pl.lit("active;expires=60"))).item()
    60
    """
    return subscription_state.str.extract(r"(?i);\s*expires\s*=\s*(\d{1,10})").cast(pl.Int64)
