"""What all commands have in common: help in sections, the options of reading last, and whether there are colours."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from analyzer.language import chosen
from analyzer.show.text import wrapped

Function = TypeVar("Function", bound=Callable[..., Any])

#: Options by the section of the help that they stand in, below those that are a command's own.
_SECTIONS: dict[str, frozenset[str]] = {
    "Filters": frozenset(
        ("call", "call_id", "from_", "to", "number", "ip", "method", "status", "outcome", "since", "until", "where")
    ),
    "Masking": frozenset(("mask", "mask_key", "mask_domains")),
}
OF_READING: set[str] = set()
"""The names of the options on how a capture is read and masked: those that ``options.captures`` adds."""


class Command(click.Command):
    """A command whose help begins with what is its own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options in sections: its own, filters, masking, reading."""
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Options", *_SECTIONS, "Reading")}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                continue  # it stands in the line of usage
            record = parameter.get_help_record(ctx)
            if record is not None:
                record = (record[0], in_language(record[1]))
                other = "Reading" if parameter.name in OF_READING else "Options"
                place = next((name for name, names in _SECTIONS.items() if parameter.name in names), other)
                sections[place].append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(in_language(name, "headings")):
                    formatter.write_dl(records)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What it does; in Chinese the sentences of its table or command, where there are any."""
        told = in_chinese(self.name or "") if chosen() == "zh" else ""
        if not told:
            super().format_help_text(ctx, formatter)
            return
        formatter.write_paragraph()
        with formatter.indentation():
            for line in wrapped(told, formatter.width - formatter.current_indent):
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def in_chinese(name: str) -> str:
    """What a command does, in Chinese; empty where nobody has written it."""
    from analyzer.explain.entries import data
    from analyzer.explain.entries import in_chinese as of_table

    return str(data("help_zh")["commands"].get(name) or of_table(name.replace("-", "_")))


_WHERE = re.compile(r"Condition over the columns of (\w+): (.*)\.", re.DOTALL)


def in_language(text: str, kind: str = "options") -> str:
    """A text of the help in the language of the locale; what click puts behind it, such as a default, stays."""
    if chosen() == "en":
        return text
    from analyzer.explain.entries import data

    known: dict[str, str] = data("help_zh")[kind]
    if found := _WHERE.fullmatch(text):
        template = "Condition over the columns of {table}: {example}."
        return known[template].format(table=found[1], example=found[2])
    bare, mark, behind = text.partition("  [")
    return known.get(bare, bare) + mark + behind


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """``click.command`` of such a command."""
    return click.command(name, cls=Command, **settings)


def _no_colour(_ctx: click.Context, _option: click.Parameter, given: bool) -> None:
    if given:
        os.environ["NO_COLOR"] = "1"


def no_colour(function: Function) -> Function:
    """``--no-color``: as the environment variable NO_COLOR says it."""
    return click.option(
        "--no-color",
        "--no-colour",
        is_flag=True,
        expose_value=False,
        callback=_no_colour,
        help="No colours, as with NO_COLOR=1 in the environment.",
    )(function)
