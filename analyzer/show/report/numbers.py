"""The verdict on a capture and its key numbers: each says over how many samples, what was left out, and which rows it
is about.

A link is a fragment of the page (``calls?outcome=busy``): the table it names, filtered to the rows behind the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

import polars as pl

from analyzer.columns.distribution import nearest_rank
from analyzer.diagnose.blind_spots import blind_spots
from analyzer.diagnose.explanation import BROKE
from analyzer.diagnose.verdict import FAILED, OF_PEOPLE
from analyzer.explain.phrases import Say
from analyzer.show import tooltips
from analyzer.show.doubt import roles_of
from analyzer.show.text import duration, safe, seconds
from analyzer.timezones import zone

# What an outcome says of the network: it did its work, people ended the attempt, it failed, or nobody knows.
ENDS: dict[str, tuple[str, ...]] = {
    "answered": ("answered",),
    "answered elsewhere": ("answered_elsewhere",),
    "ended by people": OF_PEOPLE,
    "failed": FAILED,
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

    outcome: str
    name: str
    tone: str
    end: str
    calls: int
    share: str
    link: str
    per_mille: int


def count(say: Say, number: int, one: str, many: str) -> str:
    """A number of things, in words.

    >>> count(str, 1, "{n:,} call", "{n:,} calls"), count(str, 1200, "{n:,} call", "{n:,} calls")
    ('1 call', '1,200 calls')
    """
    return say(one if number == 1 else many).format(n=number)


def share(part: int, whole: int, say: Say = str) -> str:
    """As a percentage; nothing where there is nothing to divide by."""
    return f"{100 * part / whole:.1f} %" if whole else say("none")


# ---- the verdict -----------------------------------------------------------------------------------------------------


def verdict(
    tables: Mapping[str, pl.DataFrame], say: Say = str, language: str = "en", tz: str = "UTC"
) -> list[Sentence]:
    """What happened, the most important first."""
    sentences = [
        *_about_findings(tables, say, tz),
        *_about_calls(tables, say, language),
        *_about_registrations(tables, say, language),
        *_about_requests(tables, say),
        *_about_reading(tables, say),
    ]
    return sentences or [_sentence("plain", say("Nothing stands out."))]


def _about_findings(tables: Mapping[str, pl.DataFrame], say: Say, tz: str) -> Iterable[Sentence]:
    """The few that matter, the one that hurt most first."""
    found = tables.get("findings")
    if found is None:
        return
    roles = roles_of(tables.get("nodes"))
    for row in found.filter(found["severity"] != "info").head(_MOST_FINDINGS).iter_rows(named=True):
        of_calls = count(say, row["calls"], "{n:,} call", "{n:,} calls")
        hurt = of_calls if row["calls"] else count(say, row["cases"], "{n:,} case", "{n:,} cases")
        tone = "bad" if row["severity"] == "error" else "warn"
        link = _link(row["title"], f"findings?code={row['code']}")
        node = row["nodes"].split(" ")[0] if row["nodes"] else ""
        at = f", {roles[node]} {node}" if node in roles else f", {node}" if node else ""
        since = ""
        if row["calls"] > 1 and row["first_at"] is not None:
            since = say(" since {time}").format(time=f"{row['first_at'].astimezone(zone(tz)):%Y-%m-%d %H:%M:%S}")
        yield _sentence(tone, link, f" ({hurt}{at}{since}). {row['explanation']} {row['remedy']}")


def _sentence(tone: str, *parts: str | Part) -> Sentence:
    return Sentence(tone, tuple(part if isinstance(part, Part) else Part(safe(part)) for part in parts))


def _filled(tone: str, template: str, **parts: str | Part | list[Part]) -> Sentence:
    """The template with what stands in braces filled in, links among them.

    >>> _filled("plain", "{a} of {b}.", a=_link("one", "x"), b="all").text
    'one of all.'
    """
    made: list[str | Part] = []
    for literal, name, _, _ in Formatter().parse(template):
        made += [literal] if literal else []
        if name:
            part = parts[name]
            made += part if isinstance(part, list) else [part]
    return _sentence(tone, *made)


def _link(text: str, link: str) -> Part:
    return Part(safe(text), link)


def _listed(parts: Iterable[Part]) -> list[Part]:
    """With commas between."""
    joined: list[Part] = []
    for part in parts:
        joined += [Part(", "), part] if joined else [part]
    return joined


def _first(parts: list[Part], say: Say) -> list[Part]:
    """The first of them, and how many more there are."""
    more = [Part(say("{n:,} other kinds").format(n=len(parts) - _MOST))] if len(parts) > _MOST else []
    return _listed([*parts[:_MOST], *more])


def _about_calls(tables: Mapping[str, pl.DataFrame], say: Say, language: str) -> Iterable[Sentence]:
    calls, messages = tables["calls"], tables["messages"]
    if messages.is_empty():
        packets = count(say, int(tables["files"]["packets"].sum() or 0), "{n:,} packet", "{n:,} packets")
        spots = blind_spots(tables, say)[:1]
        why = [safe(say(" First of all, {why}.").format(why=spot.sentence)) for spot in spots]
        went = _link(say("where they went"), "account")
        yield _filled(
            "bad", say("No SIP message in {packets}: {went}.{why}"), packets=packets, went=went, why="".join(why)
        )
        return
    if calls.is_empty():
        seen = messages.filter(~pl.col("duplicate"))
        kinds = [f"{method} {number:,}" for method, number in counted(seen, "method")]
        more = say(" and {n:,} other methods").format(n=len(kinds) - _MOST) if len(kinds) > _MOST else ""
        whole = count(say, seen.height, "{n:,} SIP message", "{n:,} SIP messages")
        told = f"{', '.join(kinds[:_MOST])}{more}"
        yield _filled("plain", say("No call among {messages}: {kinds}."), messages=whole, kinds=told)
        return
    ends = by_end(calls)
    told_ends = [
        _link(f"{number:,} {say(name)} ({share(number, calls.height)})", f"calls?outcome={','.join(ENDS[name])}")
        for name, number in ends.items()
        if number
    ]
    broke = _broke(calls)
    tone = "bad" if ends["failed"] or broke.height else "good" if ends["answered"] else "plain"
    whole_calls = _link(count(say, calls.height, "{n:,} call", "{n:,} calls"), "calls")
    yield _filled(tone, say("{calls}: {ends}."), calls=whole_calls, ends=_listed(told_ends))
    yield from _about_failed(calls, say, language)
    yield from _about_broken(broke, say)
    yield from _about_delays(calls, say)


def _call(number: int, say: Say) -> Part:
    return _link(say("call {no}").format(no=number), f"call/{number}")


def _about_failed(calls: pl.DataFrame, say: Say, language: str) -> Iterable[Sentence]:
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
        shown = tooltips.called(outcome if status is None else status, name, language)
        link = f"calls?outcome={outcome}" + (f"&status={status}" if status is not None else "&status=")
        told.append(_link(f"{shown} ({number:,})", link))
    if causes.height > named:
        rest = int(causes["n"][named:].sum())
        told.append(Part(say("{kinds:,} other causes ({n:,})").format(kinds=causes.height - named, n=rest)))
    first = int(failed["no"].min())  # type: ignore[arg-type]
    yield _filled(
        "bad", say("Failed with {causes}; the first one is {call}."), causes=_listed(told), call=_call(first, say)
    )


def _broke(calls: pl.DataFrame) -> pl.DataFrame:
    """The calls that were answered and did not go as they should."""
    return calls.filter(pl.col("outcome") == "answered", pl.col("outcome_detail").is_in(BROKE))


def _about_broken(broke: pl.DataFrame, say: Say) -> Iterable[Sentence]:
    if broke.is_empty():
        return
    kinds = [
        _link(f"{name} ({number:,})", f"calls?outcome=answered&outcome_detail={name}")
        for name, number in counted(broke, "outcome_detail")
    ]
    first = int(broke["no"].min())  # type: ignore[arg-type]
    yield _filled(
        "bad",
        say("{calls} broke: {kinds}; the first one is {call}."),
        calls=count(say, broke.height, "{n:,} answered call", "{n:,} answered calls"),
        kinds=_listed(kinds),
        call=_call(first, say),
    )


def _about_delays(calls: pl.DataFrame, say: Say) -> Iterable[Sentence]:
    values = calls.select("no", "pdd_s").drop_nulls().sort("pdd_s", maintain_order=True)
    if values.is_empty():
        return
    slowest = values.row(-1, named=True)
    median, high = _percentiles(values, "pdd_s", 50, 95)
    last = _call(slowest["no"], say)
    if values.height == 1:
        told = say("The caller heard something after {median} (post-dial delay of {call}).")
        yield _filled("plain", told, median=median, call=last)
        return
    most = say("half of {n:,} calls within {median}, 95 % within {high}")
    yield _filled(
        "plain",
        say("Post-dial delay: {most}; the longest was {longest} ({call})."),
        most=_link(most.format(n=values.height, median=median, high=high), "calls?has=pdd_s&sort=-pdd_s"),
        longest=seconds(slowest["pdd_s"]),
        call=last,
    )


def _about_registrations(tables: Mapping[str, pl.DataFrame], say: Say, language: str) -> Iterable[Sentence]:
    registrations = tables["registrations"]
    if registrations.is_empty():
        return
    counts = counted(registrations, "outcome")
    told = [
        _link(f"{number:,} {tooltips.called(name, name, language)}", f"registrations?outcome={name}")
        for name, number in counts
    ]
    bad = any(name == "failed" for name, _ in counts)
    whole = count(say, registrations.height, "{n:,} registration", "{n:,} registrations")
    yield _filled(
        "bad" if bad else "good",
        say("{registrations}: {outcomes}."),
        registrations=_link(whole, "registrations"),
        outcomes=_listed(told),
    )


def _about_requests(tables: Mapping[str, pl.DataFrame], say: Say) -> Iterable[Sentence]:
    messages = tables["messages"].select("duplicate", "retransmission").filter(~pl.col("duplicate"))
    again = int(messages["retransmission"].sum())
    if again:
        yield _filled(
            "warn",
            say("{share} of the messages were {again}: {n} of {whole}."),
            share=share(again, messages.height),
            again=_link(say("sent again"), "calls?sort=-retransmissions"),
            n=f"{again:,}",
            whole=f"{messages.height:,}",
        )
    transactions = tables["transactions"]
    for outcome, told in (
        ("timeout", say("{requests} got no response, counted on each hop: {kinds}.")),
        ("transport_error", say("{requests} ran into a broken transport, counted on each hop: {kinds}.")),
    ):
        silent = transactions.filter(outcome=outcome)
        if silent.height:
            kinds = ", ".join(f"{method} {number:,}" for method, number in counted(silent, "method")[:_MOST])
            requests = count(say, silent.height, "{n:,} request", "{n:,} requests")
            yield _filled("warn", told, requests=requests, kinds=kinds)


def _about_reading(tables: Mapping[str, pl.DataFrame], say: Say) -> Iterable[Sentence]:
    """What the capture may not show."""
    breaches = tables["offer_answer_violations"]
    if breaches.height:
        kinds = [
            _link(f"{code} ({number:,})", f"offer_answer_violations?code={code}")
            for code, number in counted(breaches, "code")
        ]
        whole = _link(count(say, breaches.height, "{n:,} breach", "{n:,} breaches"), "offer_answer_violations")
        told = say("{breaches} of the rules of offer and answer: {kinds}.")
        yield _filled("warn", told, breaches=whole, kinds=_first(kinds, say))
    for spot in blind_spots(tables, say)[1 if tables["messages"].is_empty() else 0 :]:
        told = f"{spot.sentence[0].upper()}{spot.sentence[1:]}"
        yield _filled("warn", say("{sentence}."), sentence=told)
    files = tables["files"]
    cut = files.filter("cut").height
    if cut:
        told = count(say, cut, "{n:,} file cut or corrupt in part", "{n:,} files cut or corrupt in part")
        yield _filled("warn", say("{files}."), files=_link(told, "files?cut=yes"))
    dropped = int(files["dropped"].sum() or 0)
    if dropped:
        packets = count(say, dropped, "{n:,} packet", "{n:,} packets")
        told = say("The capture itself lost {packets}: what seems missing may be there.")
        yield _filled("warn", told, packets=packets)
    problems = tables["problems"]
    if problems.height:
        kinds = [_link(f"{code} ({number:,})", f"problems?code={code}") for code, number in counted(problems, "code")]
        whole = _link(count(say, problems.height, "{n:,} problem", "{n:,} problems"), "problems")
        yield _filled("warn", say("{problems}: {kinds}."), problems=whole, kinds=_first(kinds, say))


# ---- the numbers -----------------------------------------------------------------------------------------------------


def tiles(tables: Mapping[str, pl.DataFrame], say: Say = str, language: str = "en") -> list[Tile]:
    """The key numbers, in the order people ask for them; without calls none that calls alone have."""
    calls, registrations = tables["calls"], tables["registrations"]
    span = span_of(tables["files"]) or say("no time span")
    of_calls = [
        _answered(calls, say),
        _failed(calls, say, language),
        _delay(calls, "pdd_s", say("Post-dial delay"), say("INVITE to the first of 180, early media, 200"), say),
        _delay(calls, "setup_s", say("Set-up"), say("INVITE to 200"), say),
    ]
    return [
        Tile(say("Calls"), f"{calls.height:,}", "calls", below=(Part(span),)),
        *(of_calls if calls.height else ()),
        _registered(registrations, say, language),
        _again(tables, say),
        Tile(
            say("Problems"),
            f"{tables['problems'].height:,}",
            "problems",
            "warn" if tables["problems"].height else "plain",
            (Part(say("odd in files or messages")),),
        ),
    ]


def _answered(calls: pl.DataFrame, say: Say) -> Tile:
    counted_calls = calls.filter(~pl.col("outcome").is_in(ENDS["begin or end not seen"]))
    answered = calls.filter(outcome="answered").height
    left_out = calls.height - counted_calls.height
    ratio = say("{n:,} of {whole:,}").format(n=answered, whole=counted_calls.height)
    below = [_link(ratio, "calls?outcome=answered")]
    broke = _broke(calls).height
    if broke:
        told = say("{n:,} broke").format(n=broke)
        below += [Part("; "), _link(told, f"calls?outcome=answered&outcome_detail={','.join(BROKE)}")]
    if left_out:
        unseen = ",".join(ENDS["begin or end not seen"])
        told = say("{n:,} whose begin or end was not seen left out").format(n=left_out)
        below += [Part("; "), _link(told, f"calls?outcome={unseen}")]
    return Tile(
        say("Answered"),
        share(answered, counted_calls.height, say),
        "calls?outcome=answered",
        "warn" if broke else "good" if answered else "plain",
        tuple(below),
    )


def _failed(calls: pl.DataFrame, say: Say, language: str) -> Tile:
    failed = by_end(calls)["failed"]
    link = f"calls?outcome={','.join(ENDS['failed'])}"
    kinds = [
        _link(f"{tooltips.called(name, name.replace('_', ' '), language)} {number:,}", f"calls?outcome={name}")
        for name, number in counted(calls, "outcome")
        if name in ENDS["failed"]
    ]
    none = say("of {n:,}").format(n=calls.height)
    below = _listed(kinds[:_MOST]) or [Part(none)]
    return Tile(say("Failed"), f"{failed:,}", link, "bad" if failed else "plain", tuple(below))


def _delay(calls: pl.DataFrame, column: str, name: str, what: str, say: Say) -> Tile:
    n = calls[column].count()
    if not n:
        return Tile(name, say("none"), "", "plain", (Part(say("no call has it")),))
    median, high = _percentiles(calls, column, 50, 95)
    below = [_link(f"p95 {high}", f"calls?has={column}&sort=-{column}")]
    below.append(Part(say(", n {n:,} of {whole:,}; {what}").format(n=n, whole=calls.height, what=what)))
    heading = say("{name}, median").format(name=name)
    return Tile(heading, median, f"calls?has={column}&sort=-{column}", "plain", tuple(below))


def _registered(registrations: pl.DataFrame, say: Say, language: str) -> Tile:
    kinds = [
        _link(f"{tooltips.called(name, name, language)} {number:,}", f"registrations?outcome={name}")
        for name, number in counted(registrations, "outcome")
    ]
    failed = registrations.filter(outcome="failed").height
    below = _listed(kinds) or [Part(say("none seen"))]
    return Tile(
        say("Registrations"), f"{registrations.height:,}", "registrations", "bad" if failed else "plain", tuple(below)
    )


def _again(tables: Mapping[str, pl.DataFrame], say: Say) -> Tile:
    observations = tables["messages"]
    messages = observations.filter(~pl.col("duplicate"))
    again = int(messages["retransmission"].sum())
    twice = observations.height - messages.height
    below = [Part(say("{n:,} of {whole:,} messages").format(n=again, whole=messages.height))]
    if twice:
        below.append(Part(say("; {n:,} seen twice by the capture not counted").format(n=twice)))
    value = share(again, messages.height, say)
    return Tile(say("Sent again"), value, "calls?sort=-retransmissions", below=tuple(below))


def outcomes(calls: pl.DataFrame, say: Say = str, language: str = "en") -> list[Bar]:
    """How the calls ended, most frequent first."""
    counts = counted(calls, "outcome")
    most = max((number for _, number in counts), default=1)
    ends = {outcome: end for end, outcomes in ENDS.items() for outcome in outcomes}
    return [
        Bar(
            outcome=name,
            name=tooltips.called(name, name.replace("_", " "), language),
            tone=TONES[ends[name]],
            end=say(ends[name]),
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
