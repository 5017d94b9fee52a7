"""What comes first where a report has not room for all, and what it says of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from analyzer.diagnose.explanation import BROKE
from analyzer.explain.phrases import Say
from analyzer.measure.measures import measure
from analyzer.show.report import numbers


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not on the page and why, and the command that shows it."""

    sentence: str
    command: str
    shows: str


def rank(tables: Mapping[str, pl.DataFrame]) -> pl.Expr:
    """Of ``calls``: 0 for those that failed or broke after the answer, 1 for those far slower than others, 2."""
    slow = of_the_network(measure("outliers", lambda name: tables[name]))["call"].unique()
    broke = (pl.col("outcome") == "answered") & pl.col("outcome_detail").is_in(BROKE).fill_null(value=False)
    failed = pl.col("outcome").is_in(numbers.ENDS["failed"]) | broke
    return pl.when(failed).then(0).when(pl.col("call").is_in(slow.implode())).then(1).otherwise(2)


def of_the_network(outliers: pl.DataFrame) -> pl.DataFrame:
    """Of ``outliers`` the delays that the network makes: how long it rings and how long people talk is their doing."""
    return outliers.filter(~pl.col("delay").is_in(["ring", "talk"]))


#: Which rows of a table come first, in words.
FIRST = {
    "calls": "those that failed, then those that were slow,",
    "registrations": "those that failed",
    "nodes": "those of the network",
}
# Of registrations and nodes: true for what a reader looks for last.
_LAST = {
    "registrations": pl.col("outcome") != "failed",
    "nodes": pl.col("role").is_in(["UE", "UA", "unknown"]),
}


def first_rows(frame: pl.DataFrame, name: str, tables: Mapping[str, pl.DataFrame], most: int) -> pl.DataFrame:
    """At most so many rows of a table, in their order: those that a reader wants to see first."""
    if frame.height <= most:
        return frame
    last = rank(tables) if name == "calls" else _LAST.get(name, pl.lit(0))
    place = frame.select(last=last, row=pl.int_range(pl.len())).sort("last", "row").head(most)["row"]
    return frame[place.sort()]


def with_texts(tables: Mapping[str, pl.DataFrame], shown: pl.DataFrame, most: int) -> pl.Series:
    """The keys of at most so many of these messages (``message call call_id``): those of whole calls and whole
    Call-IDs of REGISTERs, those that failed first."""
    if shown.height <= most:
        return shown["message"]
    calls = tables["calls"].select("call", last=rank(tables))
    failed = tables["registrations"].filter(outcome="failed")["call_id"].unique()
    units = shown.join(calls, on="call", how="left", maintain_order="left").with_columns(
        pl.col("last").fill_null(pl.when(pl.col("call_id").is_in(failed.implode())).then(0).otherwise(3)),
        unit=pl.coalesce(pl.col("call").cast(pl.String), pl.concat_str(pl.lit("register "), "call_id")),
    )
    sizes = units.group_by("unit", maintain_order=True).agg(pl.col("last").min(), pl.len())
    fitting = sizes.filter(pl.col("len") <= most).sort("last", maintain_order=True)
    fitting = fitting.filter(pl.col("len").cum_sum() <= most)
    return units.join(fitting, on="unit", how="semi", maintain_order="left")["message"]


def ladders(calls: Iterable[int], registrations: Iterable[int], most: int, say: Say = str) -> LeftOut | None:
    """For the numbers of calls and registrations without a ladder."""
    first = [*calls], [*registrations]
    count = len(first[0]) + len(first[1])
    if not count:
        return None
    of = numbers.count(say, count, "{n:,} call or registration", "{n:,} calls and registrations")
    told = say(
        "The ladders of {these} are not in this report, which has room for {size} of them: those that failed come "
        "first, then calls that were slow, then the earliest."
    )
    one = say("draws that of call {no}").format(no=first[0][0]) if first[0] else ""
    return LeftOut(
        told.format(these=of, size=_size(most)),
        f"sip-analyzer ladder {first[0][0] if first[0] else 'CALL-ID'} FILE",
        one or say("draws that of the registration with this Call-ID"),
    )


def long_ladders(calls: Iterable[int], most: int, say: Say = str) -> LeftOut | None:
    """For the numbers of calls with more messages than a ladder has."""
    found = [*calls]
    if not found:
        return None
    told = say(
        "1 call has more than {most:,} messages: the ladder omits those in the middle."
        if len(found) == 1
        else "{n:,} calls have more than {most:,} messages: the ladder omits those in the middle."
    )
    return LeftOut(
        told.format(n=len(found), most=most),
        f"sip-analyzer ladder {found[0]} FILE",
        say("draws all of call {no}").format(no=found[0]),
    )


def texts(count: int, most: int, say: Say = str) -> LeftOut | None:
    """For so many messages of calls and registrations without their text."""
    if not count:
        return None
    of = numbers.count(
        say, count, "{n:,} message of calls and registrations", "{n:,} messages of calls and registrations"
    )
    told = say(
        "The text of {these} is not in this report, which has room for that of {most:,}: those of calls and "
        "registrations that failed come first, then those of calls that were slow."
    )
    return LeftOut(
        told.format(these=of, most=most),
        "sip-analyzer report --texts FILE -o OUT.html",
        say("includes all; a filter, such as --call-id, picks a part of the calls"),
    )


def told(calls: Iterable[int], most: int, say: Say = str) -> list[LeftOut]:
    """For the numbers of calls whose page has no story."""
    found = [*calls]
    if not found:
        return []
    text = say("Way, phases, bars and media are told of {most:,} calls, of those that failed first; {n:,} are without.")
    return [
        LeftOut(
            text.format(most=most, n=len(found)),
            f"sip-analyzer call {found[0]} FILE",
            say("tells those of call {no}").format(no=found[0]),
        )
    ]


def _size(characters: int) -> str:
    """
    >>> _size(12_000_000), _size(500)
    ('12 MB', '500 bytes')
    """
    return f"{characters / 1e6:g} MB" if characters >= 100_000 else f"{characters:,} bytes"
