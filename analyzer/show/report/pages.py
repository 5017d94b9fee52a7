"""The story of calls for the page of each: the way with roles, phases, bars, media (:mod:`analyzer.show.story`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import polars as pl

from analyzer.show import story
from analyzer.show.report import columns, room

MOST = 300
"""Calls that have their story in a report: those that failed come first."""
#: Tables of which a story has rows of its call, beside those that the page is made of.
NEEDS = ("cdrs", "services", "hops", "setups", "phases", "waterfall", "peer_delays", "call_media", "streams")


def packed(
    tables: Mapping[str, pl.DataFrame], more: Callable[[str], pl.DataFrame], *, tz: str, language: str
) -> tuple[str, list[int]]:
    """The sections of each story by the number of its call, as compressed JSON; and the numbers of calls without.

    ``more`` gives the tables of :data:`NEEDS`, whole.
    """
    ranked = tables["calls"].with_columns(rank=room.rank(tables)).sort("rank", "no")
    chosen = ranked.head(MOST)
    own = _Own(tables, more, chosen["call"])
    made = {}
    for call, no in chosen.select("call", "no").iter_rows():
        told = story.story("", own.of(call), tables["endpoints"], language=language, tz=tz)
        # The verdict stands above them already.
        made[no] = [[part.name, list(part.lines)] for part in told.sections if part.name != told.wrong]
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    return columns.encoded(text), ranked["no"].slice(MOST).sort().to_list()


class _Own:
    """The rows of each of some calls: every table is parted once."""

    def __init__(
        self, tables: Mapping[str, pl.DataFrame], more: Callable[[str], pl.DataFrame], calls: pl.Series
    ) -> None:
        self._tables, self._more, self._calls = tables, more, calls
        self._parted: dict[str, dict[tuple[object, ...], pl.DataFrame]] = {}
        self._none: dict[str, pl.DataFrame] = {}

    def of(self, call: int) -> Callable[[str], pl.DataFrame]:
        """Gives the rows of this call by the name of a table."""
        return lambda name: self._rows(name, call)

    def _rows(self, name: str, call: int) -> pl.DataFrame:
        if name == "findings":
            findings = self._tables["findings"]
            numbers = self._rows("finding_cases", call)["finding"]
            return findings.filter(pl.col("finding").is_in(numbers.implode()))
        if name not in self._parted:
            frame = self._tables[name] if name in self._tables else self._more(name)
            if "call" not in frame.columns:
                own = self._tables["messages"].select("message", "call")
                frame = frame.join(own, on="message", maintain_order="left")
            known = frame.filter(pl.col("call").is_in(self._calls.implode()))
            self._parted[name] = known.partition_by("call", as_dict=True, maintain_order=True)
            self._none[name] = known.clear()
        return self._parted[name].get((call,), self._none[name])
