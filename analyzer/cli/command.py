"""What all commands have in common: help in sections, the options of reading last, and whether there are colours."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

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
                other = "Reading" if parameter.name in OF_READING else "Options"
                place = next((name for name, names in _SECTIONS.items() if parameter.name in names), other)
                sections[place].append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


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
