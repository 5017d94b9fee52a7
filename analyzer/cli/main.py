"""The group of commands: finds them by name, lists them, and turns errors into one line and an exit status."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from analyzer.errors import AnalyzerError
from analyzer.reading import address_space

#: Commands that are no tables, each a module of this package, in the order of the help; ``--help`` imports none.
BY_HAND = {
    "browse": "Look around: calls, their ladders, their messages; also without the word browse.",
    "summary": "The whole capture on one screen.",
    "report": "The whole analysis as one HTML page to share.",
    "call": "One call: its facts, transactions, dialogs and ladder.",
    "ladder": "One call as a ladder of messages between hosts.",
    "message": "One message: verbatim text and header tree.",
    "compare": "Two captures or two calls side by side: what changed, and where.",
    "headers": "Header fields by name, in any message.",
    "plot": "One figure as SVG, PNG or PDF.",
    "export": "The packets of calls as a separate capture, for Wireshark.",
    "serve": "A local page to look around in, also for captures too large for a report.",
    "mcp": "Let an assistant ask about captures (Model Context Protocol).",
    "explain": "What a word means: a status, a cause, a header field, a column.",
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
        if _is_capture(name):
            return "browse", self.get_command(ctx, "browse"), args
        from difflib import get_close_matches

        near = get_close_matches(name.replace("_", "-"), self.list_commands(ctx), cutoff=0.6)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        ctx.fail(f"No such command {name!r}.{hint}")
        raise AssertionError

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, family by family."""
        from analyzer import schema

        for heading, names in _groups().items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name, BY_HAND.get(name) or schema.find(name.replace("-", "_")).row) for name in names]
                )

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


def _groups() -> dict[str, list[str]]:
    """The names of commands under the headings of the help."""
    from analyzer.schema.catalogue import FAMILIES

    families = {
        heading: [table.name.replace("_", "-") for table in tables if not table.asked]
        for heading, tables in FAMILIES.items()
    }
    return {"One screen, one page, one call": list(BY_HAND), **families}


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
@click.version_option(package_name="sip-analyzer", prog_name="sip-analyzer", message="%(prog)s %(version)s")
def group() -> None:
    """Read SIP out of packet captures and tell what happened.

    A CAPTURE is a pcap or pcapng file (also compressed), a glob, a directory, or - for standard input; several are
    read as one.

    Exit status: 0 read; 1 a capture file was cut or corrupt in part (what could be read is printed); 2 wrong usage,
    or nothing could be read; 3 a value crosses a threshold (--thresholds).
    """
