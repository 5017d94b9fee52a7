"""What commands share: captures, filters, and how a capture is read with progress and warnings."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from analyzer import schema
from analyzer.cli import command, complete
from analyzer.cli.terminal import Progress, note
from analyzer.language import LANGUAGES
from analyzer.reading.engines import ENGINES

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.capture import Capture
    from analyzer.api.filters import Filter

Function = TypeVar("Function", bound=Callable[..., Any])

EXIT_DAMAGED = 1
EXIT_CROSSED = 3

#: The environment variable that holds a key for --mask; on the command line others would see it.
MASK_KEY = "SIP_ANALYZER_MASK_KEY"


def _no_numbers(ctx: click.Context, _argument: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """A number that is no file is that of a call, in the wrong place: it never stands for all calls."""
    for word in words:
        if re.fullmatch(r"[0-9]+([-,][0-9]+)*", word) and not os.path.exists(word):
            takes = any(parameter.name == "call" for parameter in ctx.command.params)
            how = f"calls are picked by --call {word}" if takes else "this command takes no number of a call"
            raise click.UsageError(f"{word} is no file; {how}.")
    return words


def captures(function: Function) -> Function:
    """The argument CAPTURE... and the options on how it is read."""
    before = len(getattr(function, "__click_params__", ()))
    function = _captures(function)
    added: list[click.Parameter] = function.__click_params__[before:]  # type: ignore[attr-defined]
    command.OF_READING.update(str(parameter.name) for parameter in added if isinstance(parameter, click.Option))
    return function


def _captures(function: Function) -> Function:
    for decorate in reversed(
        (
            click.argument(
                "captures",
                nargs=-1,
                required=True,
                metavar="CAPTURE...",
                callback=_no_numbers,
                # Shells complete the names of files for this type.
                type=click.Path(allow_dash=True, readable=False),
            ),
            click.option(
                "--capture-point",
                "capture_points",
                multiple=True,
                metavar="NAME=GLOB",
                help="Assign the files that match GLOB to the capture point NAME; can be given several times.",
            ),
            click.option(
                "--link-type",
                "link_types",
                multiple=True,
                metavar="GIVEN=READ_AS",
                help="Read packets of one link type as another: USER0=ETHERNET, USER1=RAW; can be given several times.",
            ),
            click.option(
                "--keylog",
                multiple=True,
                metavar="FILE",
                help="Keys of TLS: a key log (SSLKEYLOGFILE), or a server's RSA key (PEM); can be given several times.",
            ),
            click.option(
                "--esp-keys",
                multiple=True,
                metavar="FILE",
                help="Keys of IPsec: esp_sa of Wireshark, or what `ip xfrm state` prints; can be given several times.",
            ),
            click.option(
                "--srtp-keys",
                type=click.Choice(["sdp"]),
                help="Decrypt SRTP with the keys in its session descriptions (RFC 4568); reads twice.",
            ),
            click.option(
                "--align-clocks",
                is_flag=True,
                help="Correct the clock offsets between capture points, as in `clocks`; reads twice.",
            ),
            click.option("--digits", is_flag=True, help="Show which digits were pressed, in `dtmf`: they may be PINs."),
            click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Threads to read with."),
            click.option(
                "--engine",
                type=click.Choice(ENGINES),
                default=ENGINES[0],
                show_default=True,
                help="Engine that opens the captures; pyshark uses tshark to dissect and decrypt.",
            ),
            click.option(
                "--tshark-option",
                "tshark_options",
                multiple=True,
                metavar="NAME:VALUE",
                help="Wireshark preference for --engine pyshark: tls.keylog_file:keys.txt; can be given several times.",
            ),
            click.option(
                "--nodes",
                type=click.Path(exists=True, dir_okay=False),
                metavar="FILE",
                help="Override roles and names of nodes: a TOML file, see docs/nodes.md.",
            ),
            click.option(
                "--mask",
                is_flag=True,
                help="Replace numbers, names, addresses, locations and message texts with pseudonyms, new ones in "
                "each run.",
            ),
            click.option(
                "--mask-key",
                type=click.File("rb"),
                metavar="FILE",
                help=f"Mask with the key in FILE (or in {MASK_KEY}): the same pseudonyms each time. Keep it secret.",
            ),
            click.option(
                "--mask-domains",
                is_flag=True,
                help="Mask the operator too: MNC and MCC in domains (mnc001.mcc262.3gppnetwork.org) and cells.",
            ),
        )
    ):
        function = decorate(function)
    return function


# Option, field of Filter, placeholder, help.
_FILTERS = (
    ("--call", "call", "NUMBERS", "Numbers of calls, as in `calls`: 3 or 3,7-9."),
    ("--call-id", "call_id", "ID", "Call-ID; * stands for any text."),
    ("--from", "from_", "TEXT", "Text in the caller or From."),
    ("--to", "to", "TEXT", "Text in the callee, To or Request-URI."),
    ("--number", "number", "NUMBER", "Telephone number of either side; 7 digits or more match its end."),
    ("--ip", "ip", "ADDRESS", "Address, address:port or network that sent or received one of the messages."),
    ("--point", "point", "NAME", "Capture point that saw one of the messages, as in `files`."),
    ("--method", "method", "METHODS", "One of the messages has one of these methods: INVITE,REFER."),
    ("--status", "status", "STATUS", "Final status: 486, 4xx or 4xx,503."),
    ("--outcome", "outcome", "OUTCOMES", "Outcome: busy,no_answer; failed stands for all that are failures."),
    (
        "--since",
        "since",
        "TIME",
        "Started at this time or later: 2024-05-01T12:00:00Z, without an offset in --tz; or 08:00, -1h, yesterday, "
        "which count from the end of the capture.",
    ),
    ("--until", "until", "TIME", "Started before this time."),
    ("--day", "day", "DATE", "Started on this day in --tz: 2026-11-21."),
)
_BY_ROW_HELP = {
    "--method": "Rows with one of these methods: INVITE,REFER.",
    "--status": "Rows with this final status: 486, 4xx or 4xx,503.",
}


_COMPLETE = {"method": complete.methods, "outcome": complete.outcomes}


def filters(table: str | None) -> Callable[[Function], Function]:
    """The shared filters. ``table`` is what ``--where`` speaks of; None where there is no table to speak of."""

    def decorate(function: Function) -> Function:
        options = []
        for flag, field, metavar, text in _FILTERS:
            if table in ("messages", "transactions"):
                text = _BY_ROW_HELP.get(flag, text)
            complete_it = _COMPLETE.get(field)
            options.append(click.option(flag, field, metavar=metavar, help=text, shell_complete=complete_it))
        options.append(
            click.option(
                "--where",
                metavar="SQL",
                help=f'Condition over the columns of {table or "calls"}: "{schema.find(table or "calls").example}".',
            )
        )
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


by_option = click.option(
    "--by",
    metavar="COLUMNS",
    shell_complete=complete.groups,
    help="Columns to group by, separated by commas: peer,status.",
)
every_option = click.option("--every", metavar="LENGTH", help="Length of the intervals of time: 30s, 1m, 1h, 1d.")
only_option = click.option(
    "--only", metavar="KPIS", shell_complete=complete.kpis, help="Only these KPIs, separated by commas: asr,pdd_s."
)


def _chosen_zone(_ctx: click.Context, _option: click.Parameter, asked: str | None) -> str:
    """The zone asked for, else that of the variable TZ, else UTC."""
    from analyzer import timezones

    if asked == "local":
        return timezones.local()
    return asked or timezones.of_environment() or "UTC"


tz_option = click.option(
    "--tz",
    metavar="ZONE",
    callback=_chosen_zone,
    shell_complete=complete.zones,
    help="Time zone for input and output: Europe/Berlin, or local. Default: that of the variable TZ, else UTC.",
)

rule_option = click.option(
    "--rule",
    metavar="RULE",
    shell_complete=complete.rules,
    help="Only these rules, by number or name, with their whole text: R39,ack_missing.",
)


def width_option(least: int) -> Callable[[Function], Function]:
    """``--width``, for what is written in lines."""
    return click.option(
        "-w",
        "--width",
        type=click.IntRange(min=least),
        metavar="COLUMNS",
        help="Width in columns; default: that of the terminal.",
    )


def chosen_rules(asked: str) -> list[str]:
    """The names of the rules of diagnosis that were asked for by number or name."""
    from analyzer.diagnose import rules

    known = {name.lower(): rule.code for rule in rules.ALL for name in (rule.id, rule.code)}
    names = [name.strip() for name in asked.split(",") if name.strip()]
    unknown = [name for name in names if name.lower() not in known]
    if unknown or not names:
        raise click.UsageError(
            f"--rule: there is no rule {', '.join(unknown) or 'without a name'}; docs/findings.md lists them."
        )
    return [known[name.lower()] for name in names]


language_option = click.option(
    "--lang",
    "language",
    type=click.Choice(LANGUAGES),
    help="Language of the text: en (English) or zh (Chinese); default: that of the locale.",
)


def make_filter(table: str, tz: str, values: dict[str, Any]) -> Filter:
    """The Filter of what was typed; raises FilterError before anything is read."""
    from analyzer.api.filters import CRITERIA, Filter
    from analyzer.timezones import zone

    if tz != "UTC":
        zone(tz)
    if (day := values.pop("day", None)) is not None:
        values |= _of_day(day, values)
    return Filter(**{name: values[name] for name in CRITERIA if name in values}, table=table, tz=tz)


def _of_day(day: str, values: dict[str, Any]) -> dict[str, str]:
    """``since`` and ``until`` of a day."""
    from datetime import date, timedelta

    if values.get("since") is not None or values.get("until") is not None:
        raise click.UsageError("--day: give it without --since and --until.")
    try:
        begin = date.fromisoformat(day)
    except ValueError:
        raise click.UsageError(f"--day {day!r}: a date is wanted: 2026-11-21.") from None
    return {"since": begin.isoformat(), "until": (begin + timedelta(days=1)).isoformat()}


@dataclass
class Reading:
    """A capture that was read, and what to say about it when the output is out."""

    unmasked: Capture
    sources: tuple[str, ...]
    mask_key: bytes | None = None
    mask_domains: bool = False

    @cached_property
    def capture(self) -> Capture:
        """All of it, as it may be shown."""
        if self.mask_key is None:
            return self.unmasked
        return self.unmasked.mask(self.mask_key, domains=self.mask_domains)

    def shown(self, chosen: Filter | None) -> Capture:
        """What a filter picks, as it may be shown: a filter looks at the original, and the mask comes last."""
        return self.capture.filter(chosen) if chosen else self.capture

    def table(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of a table of all, as they may be shown: to mask the others would take longer than to make them."""
        source = self.capture.source
        picked = self.unmasked.table(name).select(columns)
        return picked if self.mask_key is None else source.masked(name, picked)  # type: ignore[attr-defined]

    def narrowed(self, chosen: Filter) -> Reading:
        """What a filter picks, as if only that had been read: others pick of it."""
        return replace(self, unmasked=self.unmasked.filter(chosen)) if chosen else self

    @property
    def name(self) -> str:
        """What was read, in a word."""
        names = [os.path.basename(os.path.normpath(source)) for source in self.sources]
        return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"

    def close(self, *, about_problems: bool = True, crossed: bool = False) -> None:
        """Say in one line what was wrong with the capture; leave with status 3 if a threshold was ``crossed``,
        else with status 1 if a file of it was cut or corrupt."""
        import shlex

        ctx = click.get_current_context()
        names = " ".join(shlex.quote(source) for source in self.sources[:3]) + (" ..." if len(self.sources) > 3 else "")
        said = []
        if self.capture.damaged:
            said.append("cut, corrupt or unreadable in part")
        problems = self.unmasked.source.problem_count()
        if problems and about_problems:
            said.append(f"{problems} problem{'s' if problems > 1 else ''}: sip-analyzer problems {names}")
        if left_out := getattr(self.unmasked.source, "left_out", ""):
            said.append(left_out)
        if said:
            note(f"{names}: {'; '.join(said)}")
        if crossed:
            ctx.exit(EXIT_CROSSED)
        if self.capture.damaged:
            ctx.exit(EXIT_DAMAGED)


def read(values: dict[str, Any], *, tables: tuple[str, ...] | None = None, headers: tuple[str, ...] = ()) -> Reading:
    """The capture that the arguments name, read with progress on a terminal. ``tables``: those to be looked at, and
    ``headers``: the header fields."""
    from analyzer.api.read import read as read_capture

    sources = tuple(values["captures"])
    for point in values["capture_points"]:
        if not all(point.partition("=")):
            raise click.BadParameter(f"{point!r}: NAME=GLOB is wanted: --capture-point core='core-*.pcap'")
    progress = Progress() if sys.stderr.isatty() else None
    try:
        capture = read_capture(
            list(sources),
            capture_points=values["capture_points"],
            link_types=values["link_types"],
            keylog=values["keylog"],
            esp_keys=values["esp_keys"],
            srtp_keys=values["srtp_keys"],
            threads=values["threads"] or 0,
            progress=progress,
            tables=tables,
            headers=headers,
            engine=values["engine"],
            tshark_options=values["tshark_options"],
            nodes=values["nodes"],
            align_clocks=values["align_clocks"],
            digits=values["digits"],
        )
    finally:
        if progress is not None:
            progress.clear()
    domains = values["mask_domains"]
    masked = values["mask"] or values["mask_key"] or domains
    return Reading(capture, sources, mask_key(values["mask_key"]) if masked else None, domains)


def read_beside(first: Reading, origin: str, values: dict[str, Any]) -> Reading:
    """Another capture read as the first was, and masked with the same key."""
    plain = {**values, "captures": (origin,), "mask": False, "mask_key": None, "mask_domains": False}
    return replace(read(plain), mask_key=first.mask_key, mask_domains=first.mask_domains)


def mask_key(file: IO[bytes] | None) -> bytes:
    """The key of that file, else of the environment, else one that is drawn."""
    if file is not None:
        return file.read().strip()
    return os.environ[MASK_KEY].encode() if os.environ.get(MASK_KEY) else os.urandom(32)
