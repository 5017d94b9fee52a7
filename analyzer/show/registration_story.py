"""The story of one registration on a page: what went wrong, who, with whom, until when, how it was secured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.explain.phrases import Say, phrases
from analyzer.show.story import Section, Story, bounded, folded, namer, roles_of, waits, way, ways
from analyzer.show.text import row_facts, safe, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    Tables = Callable[[str], pl.DataFrame]

_WHO = ("aor", "private_id", "contact", "public_ids", "instance", "access_network", "visited_network")
_SECURITY = ("algorithm", "protected", "security", "security_check", "spis", "outside")
_NETWORK = ("registrar", "path", "service_route")


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
    """The page of one registration; ``tables`` gives its rows of each table, ``endpoints`` is the whole table."""
    say = phrases(language)
    roles, room = roles_of(endpoints), columns - 2
    facts = row_facts(tables("registrations"), tz=tz) | row_facts(tables("ims_registrations"), tz=tz)
    told = (
        (say("what went wrong"), folded(_wrong(tables, namer(roles), say), room)),
        (say("who"), _listed(facts, _WHO)),
        (say("way"), way(ways(tables, "REGISTER").iter_rows(named=True), roles, room, ascii_only=ascii_only)),
        (say("with whom"), _listed(facts, _NETWORK)),
        (say("until when"), _until(tables, facts, tz)),
        (say("security"), _listed(facts, _SECURITY)),
        (say("challenges"), _challenges(tables, tz, say)),
        (say("what it waited for"), waits(tables("peer_delays").iter_rows(named=True), say)),
    )
    found = ((name, list(lines)) for name, lines in told)
    sections = tuple(Section(name, bounded(lines, say)) for name, lines in found if lines)
    return Story(safe(title), sections, wrong=say("what went wrong"))


def _listed(facts: dict[str, str], names: tuple[str, ...]) -> Iterator[str]:
    known = [name for name in names if name in facts]
    wide = max(map(len, known), default=0)
    for name in known:
        yield f"{name:<{wide}}  {facts[name]}"


def _wrong(tables: Tables, named: Callable[[str | None], str], say: Say) -> Iterator[str]:
    """Who refused it, or who did not answer; then why and what to check, as a rule of diagnosis has it."""
    (row,) = tables("registrations").to_dicts()
    if row["outcome"] not in ("failed", "challenged"):
        return
    took = "" if row["delay_s"] is None else say(" after {seconds:.3f} s").format(seconds=row["delay_s"])
    refusal = _refusal(tables("messages"))
    if row["outcome"] == "challenged":
        yield safe(
            say("the device did not answer the challenge of {node}").format(
                node=named(_at(refusal) if refusal else None)
            )
        )
    elif refusal is None:
        yield safe(say("{node} did not answer the REGISTER").format(node=named(row["registrar"] or _asked(tables))))
    else:
        answer = f"{refusal['status']} {refusal['reason_phrase'] or ''}".rstrip()
        text = say("{node} refused the registration{after}: {answer}")
        yield safe(text.format(node=named(_at(refusal)), after=took, answer=answer))
    found = tables("findings")
    for finding in found.filter(found["severity"] != "info").head(1).iter_rows(named=True):
        yield safe(f"{finding['title']}; {finding['rule']}")
        yield safe(say("check: {what}").format(what=finding["remedy"]))


def _refusal(messages: pl.DataFrame) -> dict[str, Any] | None:
    """The last final response that refuses, where it was sent first."""
    import polars as pl

    refused = messages.filter(pl.col("status") >= 300, ~pl.col("duplicate")).sort("time", nulls_last=True)
    if refused.is_empty():
        return None
    last = refused.filter(pl.col("cseq") == refused["cseq"][-1])
    return last.row(0, named=True)


def _at(row: dict[str, Any]) -> str:
    from analyzer.columns.address import socket

    return socket(row["src_ip"], row["src_port"])


def _asked(tables: Tables) -> str | None:
    """Where the REGISTER got furthest."""
    import polars as pl

    from analyzer.columns.address import socket

    asked = tables("messages").filter(pl.col("status").is_null(), ~pl.col("duplicate")).sort("time", nulls_last=True)
    return None if asked.is_empty() else socket(asked["dst_ip"][-1], asked["dst_port"][-1])


def _until(tables: Tables, facts: dict[str, str], tz: str) -> Iterator[str]:
    yield from _listed(facts, ("started_at", "ended_at", "delay_s", "expires_s"))
    bindings = tables("bindings")
    for number in range(bindings.height):
        bound = row_facts(bindings.slice(number, 1), tz=tz)
        yield from _listed(bound, ("expires_at", "ended_at", "end_reason", "event", "refreshes", "lapse_s"))


def _challenges(tables: Tables, tz: str, say: Say) -> Iterator[str]:
    rows = tables("challenges")
    for number, row in enumerate(rows.iter_rows(named=True)):
        at = row_facts(rows.slice(number, 1), tz=tz).get("challenged_at", "?")
        answered = ""
        if row["answered_at"] is not None and row["challenged_at"] is not None:
            took = seconds((row["answered_at"] - row["challenged_at"]).total_seconds())
            answered = say(", answered after {time}").format(time=took)
        what = " ".join(str(row[name]) for name in ("status", "algorithm", "realm") if row[name] is not None)
        yield safe(f"{at}  {what}{say(': ')}{row['outcome'] or '?'}{answered}")
