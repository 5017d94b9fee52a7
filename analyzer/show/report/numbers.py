"""The verdict on a capture and its key numbers: each says over how many samples, what was left out, and which rows it
is about.

A link is a fragment of the page (``calls?outcome=busy``): the table it names, filtered to the rows behind the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from analyzer.columns.distribution import nearest_rank
from analyzer.diagnose.blind_spots import blind_spots
from analyzer.diagnose.explanation import BROKE
from analyzer.show.text import duration, safe, seconds

# What an outcome says of the network: it did its work, people ended the attempt, it failed, or nobody knows.
ENDS: dict[str, tuple[str, ...]] = {
    "answered": ("answered",),
    "answered elsewhere": ("answered_elsewhere",),
    "ended by people": ("busy", "no_answer", "cancelled", "rejected", "redirected"),
    "failed": (*("unreachable", "negotiation_failed", "auth_failed", "server_failure", "client_error", "timeout"),),
    "begin or end not seen": ("unfinished", "joined"),
}
TONES = {
    "answered": "good",
    "answered elsewhere": "good",
    "ended by people": "people",
    "failed": "bad",
    "begin or end not seen": "unknown",
}
_MOST_FINDINGS = 4
_MOST = 4  # values of an open list that a sentence names


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence; ``link``: the rows it is about."""

    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing to know. ``tone``: good, bad, warn or plain."""

    tone: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Without its links."""
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Tile:
    """A key number, what it is, and below it the numbers it rests on."""

    name: str
    value: str
    link: str = ""
    tone: str = "plain"
    below: tuple[Part, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Bar:
    """One outcome: how many calls ended so. ``per_mille`` of the most frequent one is the length of its bar."""

    name: str
    tone: str
    end: str
    calls: int
    share: str
    link: str
    per_mille: int


def count(number: int, one: str, many: str | None = None) -> str:
    """A number of things, in words.

    >>> count(1, "call"), count(1200, "call"), count(2, "capture of it", "captures of it")
    ('1 call', '1,200 calls', '2 captures of it')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """As a percentage; nothing where there is nothing to divide by."""
    return f"{100 * part / whole:.1f} %" if whole else "none"


# ---- the verdict -----------------------------------------------------------------------------------------------------


def verdict(tables: Mapping[str, pl.DataFrame]) -> list[Sentence]:
    """What happened, the most important first."""
    sentences = [
        *_about_findings(tables),
        *_about_calls(tables),
        *_about_registrations(tables),
        *_about_requests(tables),
        *_about_reading(tables),
    ]
    return sentences or [_sentence("plain", "Nothing stands out.")]


def _about_findings(tables: Mapping[str, pl.DataFrame]) -> Iterable[Sentence]:
    """The few that matter, the one that hurt most first."""
    found = tables.get("findings")
    if found is None:
        return
    for row in found.filter(found["severity"] != "info").head(_MOST_FINDINGS).iter_rows(named=True):
        hurt = count(row["calls"], "call") if row["calls"] else count(row["cases"], "case")
        tone = "bad" if row["severity"] == "error" else "warn"
        link = _link(row["title"], f"findings?code={row['code']}")
        at = f", {row['nodes'].split(' ')[0]}" if row["nodes"] else ""
        yield _sentence(tone, link, f" ({hurt}{at}). {row['explanation']} {row['remedy']}")


def _sentence(tone: str, *parts: str | Part) -> Sentence:
    return Sentence(tone, tuple(part if isinstance(part, Part) else Part(safe(part)) for part in parts))


def _link(text: str, link: str) -> Part:
    return Part(safe(text), link)


def _listed(parts: Iterable[Part]) -> list[Part]:
    """With commas between."""
    joined: list[Part] = []
    for part in parts:
        joined += [Part(", "), part] if joined else [part]
    return joined


def _first(parts: list[Part]) -> list[Part]:
    """The first of them, and how many more there are."""
    more = [Part(f"{len(parts) - _MOST:,} other kinds")] if len(parts) > _MOST else []
    return _listed([*parts[:_MOST], *more])


def _about_calls(tables: Mapping[str, pl.DataFrame]) -> Iterable[Sentence]:
    calls, messages = tables["calls"], tables["messages"]
    if messages.is_empty():
        packets = int(tables["files"]["packets"].sum() or 0)
        why = [f" First of all, {spot.sentence}." for spot in blind_spots(tables)[:1]]
        went = _link("where they went", "account")
        yield _sentence("bad", f"No SIP message in {count(packets, 'packet')}: ", went, ".", *why)
        return
    if calls.is_empty():
        seen = messages.filter(~pl.col("duplicate"))
        kinds = [f"{method} {number:,}" for method, number in counted(seen, "method")]
        more = f" and {len(kinds) - _MOST:,} other methods" if len(kinds) > _MOST else ""
        yield _sentence(
            "plain", f"No call among {count(seen.height, 'SIP message')}: {', '.join(kinds[:_MOST])}{more}."
        )
        return
    ends = by_end(calls)
    told = [
        _link(f"{number:,} {name} ({share(number, calls.height)})", f"calls?outcome={','.join(ENDS[name])}")
        for name, number in ends.items()
        if number
    ]
    broke = _broke(calls)
    tone = "bad" if ends["failed"] or broke.height else "good" if ends["answered"] else "plain"
    yield _sentence(tone, _link(count(calls.height, "call"), "calls"), ": ", *_listed(told), ".")
    yield from _about_failed(calls)
    yield from _about_broken(broke)
    yield from _about_delays(calls)


def _about_failed(calls: pl.DataFrame) -> Iterable[Sentence]:
    """What the failed calls failed with, most frequent first."""
    failed = calls.filter(pl.col("outcome").is_in(ENDS["failed"]))
    if failed.is_empty():
        return
    causes = (
        failed.group_by("outcome", "status")
        .agg(pl.len().alias("n"), pl.col("no").min(), pl.col("reason_phrase").drop_nulls().mode().min())
        .sort(["n", "no"], descending=[True, False])
    )
    told = []
    # One that is left over would take no less room in other words.
    named = causes.height if causes.height == _MOST + 1 else _MOST
    for outcome, status, number, _, phrase in causes.head(named).rows():
        # Without a status the outcome says why.
        name = outcome.replace("_", " ") if status is None else f"{status} {phrase or ''}".rstrip()
        link = f"calls?outcome={outcome}" + (f"&status={status}" if status is not None else "&status=")
        told.append(_link(f"{name} ({number:,})", link))
    if causes.height > named:
        told.append(Part(f"{causes.height - named:,} other causes ({int(causes['n'][named:].sum()):,})"))
    first = int(failed["no"].min())  # type: ignore[arg-type]
    yield _sentence(
        "bad", "Failed with ", *_listed(told), "; the first one is ", _link(f"call {first}", f"call/{first}"), "."
    )


def _broke(calls: pl.DataFrame) -> pl.DataFrame:
    """The calls that were answered and did not go as they should."""
    return calls.filter(pl.col("outcome") == "answered", pl.col("outcome_detail").is_in(BROKE))


def _about_broken(broke: pl.DataFrame) -> Iterable[Sentence]:
    if broke.is_empty():
        return
    kinds = [
        _link(f"{name} ({number:,})", f"calls?outcome=answered&outcome_detail={name}")
        for name, number in counted(broke, "outcome_detail")
    ]
    first = int(broke["no"].min())  # type: ignore[arg-type]
    yield _sentence(
        "bad",
        f"{count(broke.height, 'answered call')} broke: ",
        *_listed(kinds),
        "; the first one is ",
        _link(f"call {first}", f"call/{first}"),
        ".",
    )


def _about_delays(calls: pl.DataFrame) -> Iterable[Sentence]:
    values = calls.select("no", "pdd_s").drop_nulls().sort("pdd_s", maintain_order=True)
    if values.is_empty():
        return
    slowest = values.row(-1, named=True)
    median, high = _percentiles(values, "pdd_s", 50, 95)
    last = _link(f"call {slowest['no']}", f"call/{slowest['no']}")
    if values.height == 1:
        yield _sentence("plain", f"The caller heard something after {median} (post-dial delay of ", last, ").")
        return
    yield _sentence(
        "plain",
        "Post-dial delay: ",
        _link(f"half of {values.height:,} calls within {median}, 95 % within {high}", "calls?has=pdd_s&sort=-pdd_s"),
        f"; the longest was {seconds(slowest['pdd_s'])} (",
        last,
        ").",
    )


def _about_registrations(tables: Mapping[str, pl.DataFrame]) -> Iterable[Sentence]:
    registrations = tables["registrations"]
    if registrations.is_empty():
        return
    counts = counted(registrations, "outcome")
    told = [_link(f"{number:,} {name}", f"registrations?outcome={name}") for name, number in counts]
    bad = any(name == "failed" for name, _ in counts)
    yield _sentence(
        "bad" if bad else "good",
        _link(count(registrations.height, "registration"), "registrations"),
        ": ",
        *_listed(told),
        ".",
    )


def _about_requests(tables: Mapping[str, pl.DataFrame]) -> Iterable[Sentence]:
    messages = tables["messages"].select("duplicate", "retransmission").filter(~pl.col("duplicate"))
    again = int(messages["retransmission"].sum())
    if again:
        yield _sentence(
            "warn",
            f"{share(again, messages.height)} of the messages were ",
            _link("sent again", "calls?sort=-retransmissions"),
            f": {again:,} of {messages.height:,}.",
        )
    transactions = tables["transactions"]
    for outcome, said in (("timeout", "got no response"), ("transport_error", "ran into a broken transport")):
        silent = transactions.filter(outcome=outcome)
        if silent.height:
            kinds = ", ".join(f"{method} {number:,}" for method, number in counted(silent, "method")[:_MOST])
            yield _sentence("warn", f"{count(silent.height, 'request')} {said}, counted on each hop: {kinds}.")


def _about_reading(tables: Mapping[str, pl.DataFrame]) -> Iterable[Sentence]:
    """What the capture may not show."""
    breaches = tables["offer_answer_violations"]
    if breaches.height:
        kinds = [
            _link(f"{code} ({number:,})", f"offer_answer_violations?code={code}")
            for code, number in counted(breaches, "code")
        ]
        whole = _link(count(breaches.height, "breach", "breaches"), "offer_answer_violations")
        yield _sentence("warn", whole, " of the rules of offer and answer: ", *_first(kinds), ".")
    for spot in blind_spots(tables)[1 if tables["messages"].is_empty() else 0 :]:
        yield _sentence("warn", f"{spot.sentence[0].upper()}{spot.sentence[1:]}.")
    files = tables["files"]
    cut = files.filter("cut").height
    if cut:
        yield _sentence("warn", _link(f"{count(cut, 'file')} cut or corrupt in part", "files?cut=yes"), ".")
    dropped = int(files["dropped"].sum() or 0)
    if dropped:
        yield _sentence("warn", f"The capture itself lost {count(dropped, 'packet')}: what seems missing may be there.")
    problems = tables["problems"]
    if problems.height:
        kinds = [_link(f"{code} ({number:,})", f"problems?code={code}") for code, number in counted(problems, "code")]
        yield _sentence("warn", _link(count(problems.height, "problem"), "problems"), ": ", *_first(kinds), ".")


# ---- the numbers -----------------------------------------------------------------------------------------------------


def tiles(tables: Mapping[str, pl.DataFrame]) -> list[Tile]:
    """The key numbers, in the order people ask for them."""
    calls, registrations = tables["calls"], tables["registrations"]
    return [
        Tile("Calls", f"{calls.height:,}", "calls", below=(Part(span_of(tables["files"]) or "no time span"),)),
        _answered(calls),
        _failed(calls),
        _delay(calls, "pdd_s", "Post-dial delay", "INVITE to the first of 180, early media, 200"),
        _delay(calls, "setup_s", "Set-up", "INVITE to 200"),
        _registered(registrations),
        _again(tables),
        Tile(
            "Problems",
            f"{tables['problems'].height:,}",
            "problems",
            "warn" if tables["problems"].height else "plain",
            (Part("odd in files or messages"),),
        ),
    ]


def _answered(calls: pl.DataFrame) -> Tile:
    counted_calls = calls.filter(~pl.col("outcome").is_in(ENDS["begin or end not seen"]))
    answered = calls.filter(outcome="answered").height
    left_out = calls.height - counted_calls.height
    below = [_link(f"{answered:,} of {counted_calls.height:,}", "calls?outcome=answered")]
    broke = _broke(calls).height
    if broke:
        below += [Part("; "), _link(f"{broke:,} broke", f"calls?outcome=answered&outcome_detail={','.join(BROKE)}")]
    if left_out:
        unseen = ",".join(ENDS["begin or end not seen"])
        below += [
            Part("; "),
            _link(f"{left_out:,} whose begin or end was not seen left out", f"calls?outcome={unseen}"),
        ]
    return Tile(
        "Answered",
        share(answered, counted_calls.height),
        "calls?outcome=answered",
        "warn" if broke else "good" if answered else "plain",
        tuple(below) if calls.height else (Part("no calls"),),
    )


def _failed(calls: pl.DataFrame) -> Tile:
    failed = by_end(calls)["failed"]
    link = f"calls?outcome={','.join(ENDS['failed'])}"
    kinds = [
        _link(f"{name.replace('_', ' ')} {number:,}", f"calls?outcome={name}")
        for name, number in counted(calls, "outcome")
        if name in ENDS["failed"]
    ]
    below = _listed(kinds[:_MOST]) or [Part("no calls" if calls.is_empty() else f"of {calls.height:,}")]
    return Tile("Failed", f"{failed:,}", link, "bad" if failed else "plain", tuple(below))


def _delay(calls: pl.DataFrame, column: str, name: str, what: str) -> Tile:
    n = calls[column].count()
    if not n:
        return Tile(name, "none", "", "plain", (Part("no call has it"),))
    median, high = _percentiles(calls, column, 50, 95)
    below = [_link(f"p95 {high}", f"calls?has={column}&sort=-{column}")]
    below.append(Part(f", n {n:,} of {calls.height:,}; {what}"))
    return Tile(f"{name}, median", median, f"calls?has={column}&sort=-{column}", "plain", tuple(below))


def _registered(registrations: pl.DataFrame) -> Tile:
    kinds = [
        _link(f"{name} {number:,}", f"registrations?outcome={name}")
        for name, number in counted(registrations, "outcome")
    ]
    failed = registrations.filter(outcome="failed").height
    below = _listed(kinds) or [Part("none seen")]
    return Tile(
        "Registrations", f"{registrations.height:,}", "registrations", "bad" if failed else "plain", tuple(below)
    )


def _again(tables: Mapping[str, pl.DataFrame]) -> Tile:
    observations = tables["messages"]
    messages = observations.filter(~pl.col("duplicate"))
    again = int(messages["retransmission"].sum())
    twice = observations.height - messages.height
    below = [Part(f"{again:,} of {messages.height:,} messages")]
    if twice:
        below.append(Part(f"; {twice:,} seen twice by the capture not counted"))
    return Tile("Sent again", share(again, messages.height), "calls?sort=-retransmissions", below=tuple(below))


def outcomes(calls: pl.DataFrame) -> list[Bar]:
    """How the calls ended, most frequent first."""
    counts = counted(calls, "outcome")
    most = max((number for _, number in counts), default=1)
    ends = {outcome: end for end, outcomes in ENDS.items() for outcome in outcomes}
    return [
        Bar(
            name=name.replace("_", " "),
            tone=TONES[ends[name]],
            end=ends[name],
            calls=number,
            share=share(number, calls.height),
            link=f"calls?outcome={name}",
            per_mille=-(-1000 * number // most),
        )
        for name, number in counts
    ]


# ---- shared ----------------------------------------------------------------------------------------------------------


def by_end(calls: pl.DataFrame) -> dict[str, int]:
    """How many calls ended in each of the ways of :data:`ENDS`."""
    return {name: calls.filter(pl.col("outcome").is_in(outcomes)).height for name, outcomes in ENDS.items()}


def _percentiles(frame: pl.DataFrame, column: str, *percents: int) -> list[str]:
    figures = (nearest_rank(pl.col(column), percent).alias(str(percent)) for percent in percents)
    return [seconds(value) for value in frame.select(figures).row(0)]


def span_of(files: pl.DataFrame) -> str:
    """From the first to the last packet, in words."""
    first, last = files["first_at"].cast(pl.Int64).min(), files["last_at"].cast(pl.Int64).max()
    return duration(last - first) if isinstance(first, int) and isinstance(last, int) else ""


def counted(frame: pl.DataFrame, column: str) -> list[tuple[Any, int]]:
    """The values of a column and how often, most frequent first; equal ones by name."""
    counts = frame.drop_nulls(column).group_by(column).agg(pl.len().alias("n"))
    return counts.sort(["n", column], descending=[True, False]).rows()
