"""The measured tables by name, and which tables each is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from analyzer.measure.latency import latency, outliers
from analyzer.measure.processing import processing
from analyzer.measure.responses import failures, links, responses
from analyzer.measure.setups import phase_times, setup_shares

_MADE: dict[str, tuple[Callable[..., pl.DataFrame], tuple[str, ...]]] = {
    "responses": (responses, ("transactions", "messages")),
    "links": (links, ("transactions",)),
    "failures": (failures, ("transactions", "messages", "calls", "refusal_steps")),
    "processing": (processing, ("hops",)),
    "phase_times": (phase_times, ("phases", "calls")),
    "setup_shares": (setup_shares, ("waterfall", "nodes", "calls")),
    "latency": (latency, ("calls", "transactions")),
    "outliers": (outliers, ("calls", "transactions")),
}


def measure(name: str, table: Callable[[str], pl.DataFrame | None], **how: Any) -> pl.DataFrame:
    """The measured table of that name; ``table`` gives the tables it is made of; a None in ``how`` is left out."""
    function, names = _MADE[name]
    given = {option: value for option, value in how.items() if value is not None}
    return function(*(table(name) for name in names), **given)
