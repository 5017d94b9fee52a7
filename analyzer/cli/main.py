"""The group of commands: finds them by name, lists them, and turns errors into one line and an exit status."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten
from typing import Any

import click

from analyzer.cli.command import in_chinese, in_language
from analyzer.errors import AnalyzerError, alike
from analyzer.language import chosen
from analyzer.reading import address_space
from analyzer.show.text import fit

#: Commands that are no tables, each a module of this package, in the order of the help; ``--help`` imports none.
BY_HAND = {
    "browse": "Look around: calls, their ladders, their messages; also without the word browse.",
    "summary": "The whole capture on one screen.",
    "report": "The whole analysis as one HTML page to share.",
    "call": "One call: its facts, transactions, dialogs and ladder.",
    "registration": "One registration: what went wrong, with whom, until when, ladder.",
    "ladder": "One call as a ladder of messages between hosts.",
    "audio": "One call as a wave file: G.711, each side on a channel.",
    "message": "One message: verbatim text and header tree.",
    "compare": "Two captures or two calls side by side: what changed, and where.",
    "headers": "Header fields by name, in any message.",
    "plot": "One figure as SVG, PNG or PDF.",
    "live": "Calls as they end or fail: from an interface, a pipe, or agents of HEP.",
    "batch": "Captures into a store: Parquet tables that every command reads, more of them each night.",
    "export": "The packets of calls as a separate capture, for Wireshark.",
    "serve": "A local page to look around in, also for captures too large for a report.",
    "mcp": "Let an assistant ask about captures (Model Context Protocol).",
    "explain": "What a word means: a status, a cause, a header field, a column.",
}

#: What people type first for what has another name here; those whose command is there.
ALIASES = {
    "stats": "summary",
    "info": "summary",
    "overview": "summary",
    "list": "calls",
    "ls": "calls",
    "show": "call",
    "why": "call",
    "story": "call",
    "flow": "ladder",
    "sequence": "ladder",
    "diagram": "ladder",
    "diff": "compare",
    "diagnose": "findings",
    "diagnosis": "findings",
    "errors": "findings",
    "check": "findings",
    "refusals": "call_failures",
    "rejections": "call_failures",
    "failed": "failures",
    "register": "registrations",
    "regs": "registrations",
    "rtp": "streams",
    "media": "call_media",
    "rtcp": "rtcp_reports",
    "violations": "offer_answer_violations",
    "kpi": "kpis",
    "html": "report",
    "save": "export",
    "extract": "export",
    "graph": "plot",
    "figure": "plot",
    "header": "headers",
    "packets": "account",
    "search": "messages",
    "describe": "explain",
    "meaning": "explain",
    "watch": "live",
    "tui": "browse",
    "web": "serve",
}

#: The groups of the help: what comes first, and which families of tables each has.
_FIRST = ("summary", "findings", "calls", "call", "registration", "ladder", "compare", "report")
_GROUPS = {
    "Calls, their set-up and messages": (
        "Findings",
        "Calls, dialogs and messages of SIP",
        "Set-up of calls, its delays and failures",
    ),
    "Registrations, nodes, services": (
        "Nodes, hops and registrations in an IMS",
        "Services, capabilities and charging",
    ),
    "Media": ("Media: RTP and RTCP",),
    "Figures over many calls": ("Measured tables, figures over the others",),
    "The capture, and what is beside SIP": ("The capture itself", "Diameter and DNS next to SIP"),
}

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class Failure(click.ClickException):
    """An error the user can do something about; exit status 2."""

    exit_code = EXIT_USAGE

    def show(self, file: object = None) -> None:
        """One line on stderr."""
        from analyzer.show.text import safe_lines

        text = safe_lines(self.message.encode("utf-8", "surrogateescape"))
        click.echo(f"sip-analyzer: {text}", err=True)


class Commands(click.Group):
    """The group: makes a command when it is asked for. Names may be typed with dashes or underscores."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return [name for names in _groups().values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name: its module, or the entry of the catalogue."""
        name = cmd_name.replace("-", "_")
        if name in ALIASES and name not in _known():
            name = ALIASES[name]
        if name not in self.commands and (made := self._made(name)):
            self.commands[name] = made
        return self.commands.get(name)

    @staticmethod
    def _made(name: str) -> click.Command | None:
        if name in BY_HAND:
            command = importlib.import_module(f"analyzer.cli.{name}").command
            assert isinstance(command, click.Command)
            return command
        from analyzer import schema

        entry = schema.TABLES.get(name) or schema.MEASURES.get(name)
        if entry is None:
            return None
        from analyzer.cli.tables import command_of

        return command_of(entry)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's own, with a hint for a misspelt command, and for those who leave the command out."""
        name = args[0] if args else ""
        if name.startswith("-") or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        if name in ("help", "version"):
            return self._spelt_as_option(ctx, args)
        if _is_capture(name):
            return "browse", self.get_command(ctx, "browse"), args
        ctx.fail(f"No such command {name!r}.{alike(name.replace('_', '-'), self.list_commands(ctx))}")
        raise AssertionError

    def _spelt_as_option(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """``help``, ``help calls`` and ``version`` are what their options are."""
        if args[0] == "help" and len(args) > 1:
            return super().resolve_command(ctx, [args[1], "--help"])
        from importlib.metadata import version

        click.echo(ctx.get_help() if args[0] == "help" else f"sip-analyzer {version('sip-analyzer')}")
        ctx.exit(0)
        raise AssertionError

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, group by group, a line each."""
        for heading, names in _groups().items():
            wide = max(map(len, names), default=0)
            with formatter.section(in_language(heading, "headings")):
                formatter.write_dl([(name, _line(name, formatter.width - wide - 6)) for name in names])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Click's own; it prints ``--help`` and ``--version``."""
        with _told():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        with _told():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


def _is_capture(name: str) -> bool:
    """A file, a directory or a pattern that files match, or the name of a capture that is not there: who names no
    command looks around in it, or is told that there is none."""
    import glob

    named = any(f"{name}.".find(f"{suffix}.") > 0 for suffix in (".pcap", ".pcapng", ".cap"))
    return named or os.path.exists(name) or (glob.has_magic(name) and any(glob.iglob(name, recursive=True)))


def _known() -> set[str]:
    """The names of all commands, with underscores."""
    return {name.replace("-", "_") for names in _groups().values() for name in names}


def _line(name: str, columns: int) -> str:
    """A sentence about the command in one line, in the language of the locale."""
    told = in_chinese(name).partition("。")[0] if chosen() == "zh" else ""
    return fit(f"{told}。", columns) if told else shorten(_said(name), columns, placeholder=" …")


def _said(name: str) -> str:
    """A sentence about the command."""
    if name in BY_HAND:
        return BY_HAND[name]
    from analyzer import schema

    return schema.find(name.replace("-", "_")).row


def _groups() -> dict[str, list[str]]:
    """The names of commands under the headings of the help; a family that no group has is one of its own."""
    from analyzer.schema.catalogue import FAMILIES

    families = {
        heading: [table.name.replace("_", "-") for table in tables if not table.asked]
        for heading, tables in FAMILIES.items()
    }
    start = [*_FIRST, *(name for name in BY_HAND if name not in _FIRST)]
    groups = {"Start here": start}
    for group, headings in _GROUPS.items():
        found = (name for heading in headings for name in families.pop(heading, []))
        groups[group] = [name for name in found if name not in start]
    return groups | families


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors a user can do something about are one line on stderr."""
    try:
        yield
    except AnalyzerError as error:
        raise Failure(str(error)) from error
    except MemoryError as error:
        raise Failure(address_space.advice()) from error
    except KeyboardInterrupt:
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        _quiet_stdout()
        raise click.exceptions.Exit(0) from None
    except UnicodeEncodeError as error:
        raise Failure(f"{error.object!a} is not UTF-8") from error
    except OSError as error:
        if error.errno == errno.EPIPE:
            _quiet_stdout()
            raise click.exceptions.Exit(0) from None
        raise Failure(f"{error.filename or 'output'}: {error.strerror or error}") from error


def _quiet_stdout() -> None:
    """The reader has gone (``| head``): what is still buffered goes nowhere, so that the last flush is silent too."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):  # not a real file, as in tests
        return


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Try: sip-analyzer summary trace.pcapng; sip-analyzer COMMAND -h shows an example of each.",
)
@click.version_option(
    None, "-V", "--version", package_name="sip-analyzer", prog_name="sip-analyzer", message="%(prog)s %(version)s"
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Defaults of options from FILE; otherwise from sip-analyzer.toml here, over that in ~/.config/sip-analyzer.",
)
@click.pass_context
def group(ctx: click.Context, config: str | None) -> None:
    """Read SIP out of packet captures and tell what happened.

    A CAPTURE is a pcap or pcapng file (also compressed), a glob, a directory, or - for standard input; several are
    read as one.

    Exit status: 0 read; 1 a capture file was cut or corrupt in part (what could be read is printed); 2 wrong usage,
    or nothing could be read; 3 a value crosses a threshold (--thresholds).
    """
    from analyzer.cli import settings

    places = [Path(config)] if config else settings.files()
    if places:
        # The report takes each option that may stand there.
        from analyzer.cli.command import OF_READING

        report = group.get_command(ctx, "report")
        options = settings.known(report, frozenset(OF_READING)) if report is not None else {}
        ctx.default_map = settings.ForEach(settings.defaults(places, options))  # type: ignore[assignment]
