"""What a shell completes: columns, values of a column, names of KPIs and rules; files it knows itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def columns(ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The columns of the command's table, behind those that are there already."""
    from analyzer import schema
    from analyzer.show import views

    name = (ctx.info_name or "").replace("-", "_")
    known = {**schema.TABLES, **schema.ASKED, **schema.MEASURES}
    if name not in known:
        return []
    names = (*views.in_front(name), *known[name].names)
    return _behind_commas(typed, names, {column.name: column.meaning for column in known[name].columns})


def outcomes(ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The outcomes of the command's table, else those of calls."""
    from analyzer import schema

    entry = schema.TABLES.get((ctx.info_name or "").replace("-", "_"), schema.TABLES["calls"])
    column = next((column for column in entry.columns if column.name == "outcome"), None)
    allowed = (
        column.allowed if column is not None and column.allowed else schema.TABLES["calls"].column("outcome").allowed
    )
    return _behind_commas(typed, allowed)


def methods(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The methods of SIP (IANA, Session Initiation Protocol Methods)."""
    known = "INVITE ACK BYE CANCEL REGISTER OPTIONS PRACK SUBSCRIBE NOTIFY PUBLISH INFO REFER MESSAGE UPDATE"
    return _behind_commas(typed, known.split())


def groups(ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Columns that a measured table can be grouped by."""
    from analyzer import schema

    entry = schema.MEASURES.get((ctx.info_name or "").replace("-", "_"))
    made_of = entry.of if entry is not None else ()
    names = dict.fromkeys(("peer", *(name for of in made_of for name in schema.TABLES[of].names)))
    return _behind_commas(typed, names)


def kpis(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The names of the KPIs."""
    from analyzer.kpi.catalogue import KPIS

    return _behind_commas(typed, KPIS)


def rules(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The rules of diagnosis, by number and name."""
    from analyzer.diagnose.rules import ALL

    return _behind_commas(typed, [name for rule in ALL for name in (rule.id, rule.code)])


def zones(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The time zones of IANA."""
    from zoneinfo import available_timezones

    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in ("local", *sorted(available_timezones())) if name.startswith(typed)]


def _behind_commas(typed: str, known: Iterable[str], helps: dict[str, str] | None = None) -> list[CompletionItem]:
    """Words for the last place of a list with commas; a sign in front, as that of ``--sort``, stays."""
    from click.shell_completion import CompletionItem

    before, comma, last = typed.rpartition(",")
    sign = "-" if last.startswith("-") else ""
    given = {word.strip().lstrip("-") for word in before.split(",")}
    return [
        CompletionItem(f"{before}{comma}{sign}{word}", help=(helps or {}).get(word))
        for word in known
        if word.startswith(last.lstrip("-")) and word not in given
    ]
