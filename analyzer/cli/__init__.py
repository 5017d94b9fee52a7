"""The command ``sip-analyzer``: arguments -> one Capture call -> print.

Each command is a module of its own name here, loaded when it is called: ``--help`` imports nothing but click.
"""

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

# In the order people need them. A test holds each line equal to the first line of the command's own help.
COMMANDS = {
    "summary": "What happened here, on one screen.",
    "report": "What happened here, as one HTML page to send on.",
    "calls": "One row per call attempt, over all its hops, legs, forks and retries.",
    "call": "One call: its facts, transactions, dialogs and ladder.",
    "ladder": "One call as a ladder of messages between hosts.",
    "legs": "One row per leg of a call, and the leg that a B2BUA made it from.",
    "hops": "One row per message on its way: made from which, by which node, how fast.",
    "setups": "One row per call: when its set-up passed which message, and where it stalled.",
    "phases": "One row per phase of the set-up of a call: what was waited for, and how long.",
    "waterfall": "One row per part of the way that a set-up waited on: which node took how long.",
    "refusals": "One row per call that failed: who said no, on whose behalf, and why.",
    "refusal_steps": "One row per node that said no or passed it on.",
    "registrations": "One row per registration attempt.",
    "ims_registrations": "One row per registration attempt: what an IMS says in it.",
    "challenges": "One row per challenge to a REGISTER, AKA taken apart, and what came of it.",
    "bindings": "One row per time without a gap in which a contact was bound.",
    "reg_events": "One row per contact in a NOTIFY of the event package reg.",
    "cdrs": "One row per leg of a call, as a charging data record.",
    "access_networks": "One row per access network that a party was in, taken apart.",
    "capabilities": "One row per thing that a user agent or the network says it can do.",
    "services": "One row per service of a dialog or of a request outside dialogs.",
    "subscriptions": "One row per subscription: asked, granted, told, ended.",
    "publications": "One row per PUBLISH, and the entity-tags that chain them.",
    "sms": "One row per short message over IP, and how it went.",
    "nodes": "One row per address and port that spoke SIP, with its role.",
    "node_evidence": "One row per node and rule that speaks for a role of it.",
    "reference_points": "One row per two nodes that asked each other, with the reference point between them.",
    "beside": "One row per exchange of Diameter or DNS that belongs to a call or registration.",
    "waits": "How long calls and registrations waited for the HSS, the PCRF and DNS.",
    "diameter": "One row per message of Diameter.",
    "diameter_transactions": "One row per Diameter request and its answer.",
    "dns": "One row per DNS query and its response.",
    "transactions": "One row per transaction and hop.",
    "dialogs": "One row per dialog: a Call-ID and a pair of tags, over all its hops.",
    "offers": "One row per offer/answer exchange of a dialog and m= line.",
    "holds": "One row per time that a stream was on hold.",
    "violations": "One row per breach of the rules of offer and answer.",
    "sdp": "One row per message and m= line of its session description.",
    "responses": "How many transactions, each on its hop, got which response.",
    "failures": "The requests that failed, most frequent first, and which node said so first.",
    "links": "What each link loses: copies sent again, timeouts, time to the first response.",
    "processing": "How long nodes take to send messages on: median, percentiles, extremes.",
    "phase_times": "How long the phases of a set-up take: median, percentiles, extremes, share.",
    "setup_shares": "What nodes, links and ends take of the set-up: median, percentiles, share.",
    "latency": "Set-up latency: median, percentiles and extremes of the delays of calls.",
    "outliers": "The calls with a delay far outside the others of their group.",
    "plot": "One figure as SVG, PNG or PDF.",
    "messages": "One row per sighting of a SIP message.",
    "headers": "One row per header field of the names asked for, in any message.",
    "message": "One message: verbatim text and header tree.",
    "export": "The packets of calls as a capture of their own, for Wireshark.",
    "clocks": "How far the clocks of capture points are off, and how they drift.",
    "losses": "Messages that one capture point saw and another on the same way did not.",
    "files": "One row per capture file that was read.",
    "problems": "One row per thing that is wrong with a capture or a message.",
    "account": "Where packets went: the rows add up to the packets read.",
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
    """The group: knows the names of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; imports its module."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"analyzer.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's own, with a hint for those who leave the command out."""
        name = args[0] if args else ""
        if name not in COMMANDS and os.path.exists(name):
            ctx.fail(f"No command given before {name!r}. Try: sip-analyzer summary {name}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

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


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors a user can do something about are one line on stderr."""
    try:
        yield
    except AnalyzerError as error:
        raise Failure(str(error)) from error
    except KeyboardInterrupt:
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        _quiet_stdout()
        raise click.exceptions.Exit(0) from None
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
    or nothing could be read.
    """
