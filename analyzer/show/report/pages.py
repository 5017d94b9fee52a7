"""The story of calls for the page of each: the way with roles, phases, bars, media (:mod:`analyzer.show.story`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from analyzer.show import story
from analyzer.show.report import columns, room

MOST = 300
"""Calls that have their story in a report: those that failed come first."""
#: Tables of which a story has rows of its call, beside those that the page is made of.
NEEDS = ("cdrs", "services", "hops", "setups", "phases", "waterfall", "peer_delays", "call_media", "streams")


def packed(
    tables: Mapping[str, pl.DataFrame], more: Callable[[list[int], str], pl.DataFrame], *, language: str
) -> tuple[str, list[int]]:
    """The sections of each story by the number of its call, as compressed JSON; and the numbers of calls without.

    ``more`` gives the tables of :data:`NEEDS`, as far as they tell of some calls.
    """
    ranked = tables["calls"].with_columns(rank=room.rank(tables)).sort("rank", "no")
    chosen = ranked.head(MOST)
    own = _Own(tables, more, chosen["call"])
    roles = story.roles_of(tables["endpoints"])
    made = {}
    for call, no in chosen.select("call", "no").iter_rows():
        # The verdict stands above them already.
        made[no] = [[part.name, list(part.lines)] for part in story.sections(own.of(call), roles, language=language)]
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    return columns.encoded(text), ranked["no"].slice(MOST).sort().to_list()


class _Own:
    """The rows of each of some calls: every table is made ready and parted once."""

    def __init__(
        self, tables: Mapping[str, pl.DataFrame], more: Callable[[list[int], str], pl.DataFrame], calls: pl.Series
    ) -> None:
        self._tables, self._more, self._calls = tables, more, calls
        self._parted: dict[str, dict[int, list[dict[str, Any]]]] = {}

    def of(self, call: int) -> Callable[[str], list[dict[str, Any]]]:
        """Gives the rows of this call by their name in :func:`story.ready`."""
        return lambda name: self._rows(name).get(call, [])

    def _rows(self, name: str) -> dict[int, list[dict[str, Any]]]:
        if name not in self._parted:
            parted: dict[int, list[dict[str, Any]]] = {}
            for row in story.ready(name, self._known).iter_rows(named=True):
                parted.setdefault(row["call"], []).append(row)
            self._parted[name] = parted
        return self._parted[name]

    def _known(self, name: str) -> pl.DataFrame:
        """The rows of these calls, of whichever there are."""
        frame = self._tables[name] if name in self._tables else self._more(self._calls.to_list(), name)
        if name == "findings":
            # A finding is in the story of each of its calls.
            cases = self._known("finding_cases").select("call", "finding").unique()
            return frame.drop("call").join(cases, on="finding", maintain_order="left")
        return frame.filter(pl.col("call").is_in(self._calls.implode()))
