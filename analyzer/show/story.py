"""The story of one call on a page: what went wrong and where, who called whom, the way it took, where its time went.

Each section is a function of the call's rows of a few tables; one that has nothing to tell is left out. What they look
at is made ready as whole columns (:func:`ready`), for the one call or for hundreds at once; a row is a dictionary then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from analyzer.diagnose import after_the_answer
from analyzer.diagnose.explanation import BROKE, explain_rows, looked_at, on_behalf, silent
from analyzer.diagnose.verdict import OF_PEOPLE, verdicts
from analyzer.explain.phrases import Say, phrases
from analyzer.show import waterfall as waterfalls
from analyzer.show.doubt import with_doubt
from analyzer.show.text import fit, markup, pad, safe, seconds, width, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl

    #: Gives a table by its name: the rows of the call, or of several.
    Tables = Callable[[str], pl.DataFrame]
    Row = dict[str, Any]
    #: Gives the call's rows of what :func:`ready` makes, by the same name.
    Rows = Callable[[str], list[Row]]
    #: Role of each node by ``ip:port``, and by address alone where all its ports have the same.
    Roles = dict[str, str]

WENT_WRONG = "what went wrong"
_OF_CDRS = (
    *("call", "caller", "callee", "calling_party_address", "called_asserted_identity", "requested_party_address"),
    *(f"{side}_{what}" for side in ("calling", "called") for what in ("rat", "plmn", "visited_network", "roaming")),
    *("icid", "orig_ioi", "term_ioi", "transit_iois"),
)
_MOST_FINDINGS = 2
_LEAST_SHARE = 0.01  # of the set-up time: nodes and links with less are told together
_MOST_LINES = 12  # of a section; a call that runs wild has hundreds of legs and exchanges


@dataclass(frozen=True, slots=True)
class Section:
    """Some lines of the page under one name; the lines are safe text."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A page about one call: prints as text, and is a card in a notebook."""

    title: str
    sections: tuple[Section, ...]
    #: The name of the section with the verdict; a call that went as it should has none.
    wrong: str = WENT_WRONG

    def text(self) -> str:
        """The title, then each section with its lines set in."""
        blocks = ((section.name, *(f"  {line}" for line in section.lines)) for section in self.sections)
        return "\n".join(("\n".join(block) + "\n") for block in ((self.title,), *blocks))

    __str__ = text

    def _repr_html_(self) -> str:
        parts = "".join(
            f"<tr><th style='vertical-align:top;text-align:left'>{markup(section.name)}</th>"
            f"<td><pre style='margin:0;text-align:left'>{markup(chr(10).join(section.lines))}</pre></td></tr>"
            for section in self.sections
        )
        return f"<strong>{markup(self.title)}</strong><table>{parts}</table>"


def story(
    title: str,
    tables: Tables,
    endpoints: pl.DataFrame,
    *,
    columns: int = 100,
    ascii_only: bool = False,
    language: str = "en",
    tz: str = "UTC",
) -> Story:
    """The page of one call; ``tables`` gives its rows of each table, ``endpoints`` is the whole table.

    Lines are at most ``columns`` wide where words allow it; ``ascii_only`` draws ways and bars without other signs.
    """
    roles = roles_of(endpoints)
    say = phrases(language)
    verdict = tuple(folded(_verdict(tables, roles, language, tz), columns - 2))
    first = (Section(say(WENT_WRONG), bounded(list(verdict), say)),) if verdict else ()
    others = sections(rows_of(tables), roles, columns=columns, ascii_only=ascii_only, language=language)
    return Story(safe(title), (*first, *others), wrong=say(WENT_WRONG))


def sections(
    rows: Rows, roles: Roles, *, columns: int = 100, ascii_only: bool = False, language: str = "en"
) -> tuple[Section, ...]:
    """The sections of the story below its verdict; ``roles`` are those of all endpoints (:func:`roles_of`)."""
    room = columns - 2
    say = phrases(language)
    told = (
        (say("evidence"), folded(_refused(rows, roles, say), room)),
        (say("findings"), _findings(rows, room, say)),
        (say("who"), folded(_who(rows, say), room)),
        (say("service"), _services(rows)),
        (say("media"), _media(rows, say)),
        (say("way"), way(rows("ways"), roles, room, ascii_only=ascii_only)),
        (say("set-up"), _phases(rows, say)),
        (say("where its time went"), _time(rows, roles, room, ascii_only=ascii_only)),
        (say("what it waited for"), waits(rows("peer_delays"), say)),
        (say("charging"), folded(_charging(rows, say), room)),
    )
    found = ((name, list(lines)) for name, lines in told)
    return tuple(Section(name, bounded(lines, say)) for name, lines in found if lines)


def rows_of(tables: Tables) -> Rows:
    """The rows of one call, each table asked for once."""
    return cache(lambda name: ready(name, tables).to_dicts())


def ready(name: str, tables: Tables) -> pl.DataFrame:
    """The rows of a table that stories look at, those of each call in the order in which they are told; ``ways`` are
    the hops of INVITEs."""
    import polars as pl

    if name == "ways":
        return ways(tables, "INVITE")
    frame = tables(name)
    if name == "messages":
        return looked_at(frame)
    if name == "findings":
        frame = frame.filter(pl.col("severity") != "info")
    elif name == "failure_path":
        frame = frame.sort("step", maintain_order=True)
    elif name == "waterfall":
        frame = frame.sort("part", maintain_order=True)
    elif name == "cdrs":
        frame = frame.sort("service_request_at", nulls_last=True, maintain_order=True).select(_OF_CDRS)
    return frame


def ways(tables: Tables, method: str) -> pl.DataFrame:
    """The hops of the INVITEs (or REGISTERs) that open something, each sent once, in time order."""
    import polars as pl

    first = tables("messages").filter(pl.col("method") == method, pl.col("status").is_null())
    first = first.filter(pl.col("to_tag").is_null(), ~pl.col("retransmission")).select("message", "call_id")
    hops = tables("hops").select("call", "message", "previous", "sender", "receiver", "reference_point", "time")
    found = hops.join(first, on="message", maintain_order="left")
    return found.sort("time", nulls_last=True, maintain_order=True)


def what_went_wrong(
    tables: Tables, endpoints: pl.DataFrame, *, language: str = "en", tz: str = "UTC"
) -> tuple[str, ...]:
    """The first section of the story alone, unbroken: the verdict, the same on every page about a call."""
    return _verdict(tables, roles_of(endpoints), language, tz)


def _verdict(tables: Tables, roles: Roles, language: str, tz: str) -> tuple[str, ...]:
    calls = tables("calls")
    found = verdicts(calls, tables, namer(roles), say=phrases(language), tz=tz)
    return tuple(safe(line) for verdict in found.values() for line in verdict.lines)


def namer(roles: Roles) -> Callable[[str | None], str]:
    """Role and whole address of a node, as a verdict names it."""

    def named(address: str | None) -> str:
        role = None if address is None else roles.get(address) or roles.get(address.rpartition(":")[0].strip("[]"))
        return " ".join(filter(None, (role, address))) or "?"

    return named


def folded(lines: Iterable[str], room: int) -> Iterator[str]:
    """Sentences in lines that fit; those that go on are set in."""
    for line in lines:
        first, *others = [line] if width(line) <= room else wrapped(line, room)
        yield first
        yield from (f"  {other}" for other in others)


def bounded(lines: list[str], say: Say) -> tuple[str, ...]:
    if len(lines) <= _MOST_LINES:
        return tuple(lines)
    return (*lines[: _MOST_LINES - 1], say("and {n:,} more").format(n=len(lines) - _MOST_LINES + 1))


def roles_of(endpoints: pl.DataFrame) -> Roles:
    import polars as pl

    endpoints = with_doubt(endpoints)
    known = endpoints.filter(pl.col("role") != "unknown")
    hosts = endpoints.group_by("ip").agg(pl.col("role").unique()).filter(pl.col("role").list.len() == 1)
    of_hosts = hosts.select("ip", pl.col("role").list.first()).filter(pl.col("role") != "unknown")
    return dict(of_hosts.rows()) | dict(known.select("address", "role").rows())


def _named(address: str | None, roles: Roles) -> str:
    """Role and address of a node; the port only where it is not that of SIP."""
    if address is None:
        return "?"
    host = address.removesuffix(":5060")
    role = roles.get(address) or roles.get(host.strip("[]"))
    return f"{role} {host}" if role else host


# ---- what went wrong -------------------------------------------------------------------------------------------------


def _refused(rows: Rows, roles: Roles, say: Say) -> Iterator[str]:
    """Who said no, why, who changed it on its way back, and the frames in which that is seen."""
    calls = rows("calls")
    for row in rows("call_failures"):
        yield from _said(row, say)
        for step in rows("failure_path"):
            if step["changed"] and step["status"] is not None:
                text = say("{node} passed it on as {status}")
                yield safe(text.format(node=_named(step["address"], roles), status=step["status"]))
        (call,) = calls
        yield from map(safe, explain_rows(call, rows("messages"), rows("failure_path"), say=say))
    if not rows("call_failures"):
        for call in calls:
            if call["outcome"] == "answered" and call["outcome_detail"] in BROKE:
                told = explain_rows(call, rows("messages"), [], say=say)
            else:
                told = after_the_answer.sentences_of_rows(call, rows("messages"), say=say)
            yield from map(safe, told)
    # What people ended did not stall.
    people = any(call["outcome"] in ("answered_elsewhere", *OF_PEOPLE) for call in calls)
    for row in [] if people else rows("setups"):
        if row["stalled_detail"]:
            text = say("it stalled in {phase}: {detail}")
            yield safe(text.format(phase=row["stalled"], detail=_stalled(row["stalled_detail"], say)))


def _stalled(detail: str, say: Say) -> str:
    """What ``setups`` says of the phase and of the event that ended it, in the language of the reader."""
    words, _, ending = detail.partition("; ")
    by, what = ending.removeprefix("ended by "), ending.startswith("ended by ")
    told = say("ended by {what}").format(what=by) if what and by != "a timer" else say(ending)
    return say("; ").join((say(words), told))


def _findings(rows: Rows, room: int, say: Say) -> Iterator[str]:
    """What the rules of diagnosis found, with what to do; the evidence is in the table."""
    for number, row in enumerate(rows("findings")[:_MOST_FINDINGS]):
        others = row["calls"] - 1
        many = say(" (with {n:,} other calls)") if others > 1 else say(" (with {n:,} other call)")
        with_others = many.format(n=others) if others > 0 else ""
        yield safe(f"{row['rule']} {say(row['severity'])}{say(': ')}{row['title']}{with_others}")
        # What to do about the first one is in the verdict.
        remedy = [f"{say('to do')}{say(': ')}{row['remedy']}"] if number else []
        for text in (row["explanation"], *remedy, f"{say('confirm')}{say(': ')}{row['confirm']}"):
            yield from (f"  {line}" for line in wrapped(safe(text), room - 2))


def _said(row: dict[str, Any], say: Say) -> Iterator[str]:
    who = " ".join(part for part in (row["role"], row["name"], row["address"]) if part and part != "unknown")
    what = " ".join(str(part) for part in (row["first_status"], row["reason_phrase"]) if part is not None)
    lines = [f"{who}{say(': ')}{what or 'CANCEL'}"] if who else []
    nobody = silent(row, say=say)
    if nobody:
        # Who failed the call comes first.
        lines.insert(0 if row["failing_node"] == row["unresponsive_node"] else len(lines), nobody)
    yield from map(safe, lines)
    yield safe(on_behalf(row, say=say))
    if row["reason_protocol"]:
        cause = f"{row['reason_protocol']} {row['reason_cause']}" if row["reason_cause"] else row["reason_protocol"]
        words = [row["reason"] or "", f"“{row['reason_text']}”" if row["reason_text"] else ""]
        yield safe(f"Reason {cause}{say(': ')}{say(', ').join(filter(None, words)) or say('without words')}")
    if row["warning_code"] is not None:
        text = say("Warning {code} from {agent}: {text}")
        yield safe(text.format(code=row["warning_code"], agent=row["warning_agent"], text=row["warning_text"]))
    if row["partial"]:
        yield say("a node further on may have rejected the call; that part was not captured")


# ---- who, and what for -----------------------------------------------------------------------------------------------


def _who(rows: Rows, say: Say) -> Iterator[str]:
    records = rows("cdrs")
    sides = {"calling": say("calling"), "called": say("called")}
    room = max(map(width, sides.values()))
    names = next(({"calling": call["caller_name"], "called": call["callee_name"]} for call in rows("calls")), {})
    for side, record in (("calling", records[:1]), ("called", records[-1:])):
        for row in record:
            party = row["caller" if side == "calling" else "callee"]
            name = f" “{names[side]}”" if names.get(side) else ""
            yield safe(f"{pad(sides[side], room)} {party or '?'}{name}{_details(row, side, say)}")


def _details(row: dict[str, Any], side: str, say: Say) -> str:
    parts = (
        (say("asserted"), row["calling_party_address" if side == "calling" else "called_asserted_identity"]),
        (say("dialled"), row["requested_party_address"] if side == "calling" else None),
        (say("over"), " ".join(part for part in (row[f"{side}_rat"], row[f"{side}_plmn"]) if part)),
        (say("visiting"), row[f"{side}_visited_network"]),
        (say("roaming:"), row[f"{side}_roaming"]),
    )
    return "".join(f"{say('; ')}{name} {value}" for name, value in parts if value)


def _services(rows: Rows) -> Iterator[str]:
    found: dict[tuple[str, str], Row] = {}
    for row in rows("services"):
        found.setdefault((row["service"], row["detail"]), row)
    for row in found.values():
        detail = f" ({row['detail']})" if row["detail"] else ""
        yield safe(f"{row['service']}{detail}: {fit(row['evidence'] or '', 80)}")


# ---- the way ---------------------------------------------------------------------------------------------------------


def way(hops: Iterable[Row], roles: Roles, room: int, *, ascii_only: bool) -> Iterator[str]:
    """The nodes that the INVITE (or REGISTER) passed, a line for each leg, and one more for each fork of it that went
    another way; ``hops`` are rows of :func:`ways`."""
    legs: dict[str, int] = {}
    lines: list[tuple[int, list[str]]] = []
    # The line that ends with a message: what its receiver makes of it goes on there, a second copy begins another.
    ends: dict[tuple[int, str], list[str]] = {}
    for row in hops:
        number = legs.setdefault(row["call_id"], len(legs) + 1)
        line = ends.pop((row["previous"], row["call_id"]), None)
        if line is None:
            line = [f"{number}  {_named(row['sender'], roles)}"]
            lines.append((number, line))
        point = row["reference_point"] or ""
        line += [f"{f'-{point}->' if ascii_only else f'─{point}→'} {_named(row['receiver'], roles)}"]
        ends[row["message"], row["call_id"]] = line
    ordered = [line for _, line in sorted(lines, key=lambda numbered: numbered[0])]
    # The INVITE that follows a challenge goes where the first went, and on.
    for line in _no_beginnings(ordered):
        yield from _wrapped(line, room)


def _no_beginnings(lines: list[list[str]]) -> list[list[str]]:
    """Those that no later line begins with."""
    kept = []
    beginnings: dict[str, Any] = {}
    for line in reversed(lines):
        here, is_new = beginnings, False
        for piece in line:
            is_new = is_new or piece not in here
            here = here.setdefault(piece, {})
        if is_new:
            kept.append(line)
    return kept[::-1]


def _wrapped(pieces: Iterable[str], room: int) -> Iterator[str]:
    line = ""
    for piece in map(safe, pieces):
        if line and width(line) + 1 + width(piece) > room:
            yield line
            line = f"     {piece}"
        else:
            line = f"{line} {piece}" if line else piece
    if line:
        yield line


# ---- where the time went ---------------------------------------------------------------------------------------------


def _phases(found: Rows, say: Say) -> Iterator[str]:
    rows = found("phases")
    names = max((len(row["phase"]) for row in rows), default=0)
    span = say("{begin} to {end}")
    spans = [span.format(begin=row["begins"], end=row["ends"] or say("nothing")) for row in rows]
    longest = max(map(width, spans), default=0)
    for row, told in zip(rows, spans, strict=True):
        took = seconds(row["duration_s"]) if row["duration_s"] is not None else say("no end")
        note = f"  {_note(row['note'], say)}" if row["note"] else ""
        yield safe(f"{row['phase']:<{names}}  {pad(told, longest)}  {' ' * (9 - width(took))}{took}{note}")


def _note(note: str, say: Say) -> str:
    """What ``phases`` notes of one, in the language of the reader."""
    refused = note.removeprefix("asked again after ")
    return say(note) if refused == note else say("asked again after {status}").format(status=refused)


def _time(rows: Rows, roles: Roles, room: int, *, ascii_only: bool) -> list[str]:
    lanes = waterfalls.lanes_of(rows("waterfall"), roles)
    return waterfalls.drawn(lanes, columns=room, ascii_only=ascii_only, least=_LEAST_SHARE).splitlines()


def waits(rows: Iterable[Row], say: Say) -> Iterator[str]:
    """What was waited for, from rows of ``peer_delays``."""
    for row in rows:
        many = say("{n:,} exchanges") if row["exchanges"] != 1 else say("{n:,} exchange")
        told = [many.format(n=row["exchanges"])]
        if row["failed"]:
            told.append(say("{n:,} failed").format(n=row["failed"]))
        if row["waited_s"] is not None:
            told.append(say("{time} waited").format(time=seconds(row["waited_s"])))
        share = say(" ({share:.0%} of {time})") if row["share"] is not None else ""
        share = share.format(share=row["share"], time=seconds(row["of_s"])) if share else ""
        yield safe(f"{row['peer'] or row['protocol']} {row['peer_ip']}{say(': ')}{say(', ').join(told)}{share}")


def _media(rows: Rows, say: Say) -> Iterator[str]:
    """What was agreed, who held whom, and what was heard."""
    for call in rows("calls"):
        if call["codecs"]:
            yield safe(say("agreed: {codecs}").format(codecs=call["codecs"]))
        for hold in rows("holds"):
            parts = [say("{media} held by {who}").format(media=hold["media"] or "?", who=hold["held_by"])]
            if hold["started_at"] is not None and call["started_at"] is not None:
                begun = seconds((hold["started_at"] - call["started_at"]).total_seconds())
                parts.append(say("{time} after the INVITE").format(time=begun))
            lasts = hold["duration_s"] is None
            parts.append(say("to the end") if lasts else say("for {time}").format(time=seconds(hold["duration_s"])))
            yield safe(say(", ").join(parts))
    streams = rows("streams")
    if not streams:
        return
    silent_sides = {
        "both": say("neither side was heard, though packets of its address pass here"),
        "caller": say("the caller was not heard, though packets of its address pass here"),
        "callee": say("the callee was not heard, though packets of its address pass here"),
    }
    for row in rows("call_media"):
        if row["silent_side"] is not None:
            yield silent_sides[row["silent_side"]]
        if row["after_end_s"] is not None:
            yield say("audio went on for {time} after the end").format(time=seconds(row["after_end_s"]))
    ways = {"caller": say("caller to callee"), "callee": say("callee to caller")}
    for row in streams:
        told = [
            say("{n:,} packets in {time}").format(n=row["packets"], time=seconds(row["duration_s"])),
            say("{share:.1%} lost").format(share=row["loss"]),
            say("jitter {ms:.1f} ms").format(ms=row["jitter_s"] * 1000) if row["jitter_s"] is not None else "",
            f"MOS {row['mos']:.1f}" if row["mos"] is not None else "",
        ]
        what = safe(" ".join(word for word in (row["media"], row["codec"]) if word))
        words = say(", ").join(filter(None, told))
        yield f"{ways.get(row['sent_by'], '?')}  {what}{say(': ')}{words}"


def _charging(rows: Rows, say: Say) -> Iterator[str]:
    """By what the records of the call are found; gaps in them are in ``cdrs``, for those who ask for charging."""
    legs: dict[str, list[int]] = {}
    for number, row in enumerate(rows("cdrs"), 1):
        told = (
            ("icid", row["icid"]),
            ("orig-ioi", row["orig_ioi"]),
            ("term-ioi", row["term_ioi"]),
            ("transit-ioi", row["transit_iois"]),
        )
        words = ", ".join(f"{name} {value}" for name, value in told if value)
        if words:
            legs.setdefault(words, []).append(number)
    for words, numbers in legs.items():
        yield safe(say("leg {numbers}: {words}").format(numbers=", ".join(map(str, numbers)), words=words))
