"""The measured tables by name, made as the catalogue says."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import polars as pl

from analyzer import schema


def measure(name: str, table: Callable[[str], pl.DataFrame | None], **how: Any) -> pl.DataFrame:
    """The measured table of that name; ``table`` gives the tables it is made of, None in place of an optional one; a
    None in ``how`` is left out."""
    entry = schema.MEASURES[name]
    module, _, function = entry.made_by.partition(":")
    make: Callable[..., pl.DataFrame] = getattr(import_module(module), function)
    given = {option: value for option, value in how.items() if value is not None}
    if entry.asks:
        return make(table, **given)
    return make(*(table(name) for name in (*entry.of, *entry.optional)), **given)
