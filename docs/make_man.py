"""Makes the manual page of the command, from what its help says: ``make man``, then ``man build/man/sip-analyzer.1``.

man(7) is the language; nothing in a text may be taken for a request, so each line is guarded.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import click

from analyzer import __version__, cli
from analyzer.cli.command import OF_READING
from analyzer.cli.main import ALIASES, _groups, _said

PAGE = Path("build/man/sip-analyzer.1")

_SETTINGS = """\
Defaults of options stand in the file sip-analyzer.toml of the working directory, over that in
$XDG_CONFIG_HOME/sip-analyzer (~/.config/sip-analyzer); --config FILE names another. A key is an option without its
dashes: tz = "Asia/Shanghai", lang = "zh", nodes = "nodes.toml", thresholds = "kpis.toml", and a table for an option
that is given several times: [capture-point] with core = "core-*.pcap". The command line wins; an unknown key is an
error."""
_ENVIRONMENT = (
    ("TZ", "Time zone where --tz is not given: an IANA name."),
    ("LC_ALL, LC_MESSAGES, LANG", "Language of texts where --lang is not given: Chinese for zh, else English."),
    ("NO_COLOR", "No colours."),
    ("SIP_ANALYZER_MASK_KEY", "Key of --mask."),
    ("XDG_CONFIG_HOME", "Where the user's sip-analyzer/sip-analyzer.toml is."),
)
_STATUS = (
    ("0", "The capture was read."),
    ("1", "A capture file was cut or corrupt in part; what could be read is printed."),
    ("2", "Wrong usage, or nothing could be read."),
    ("3", "A value crosses a threshold."),
    ("130", "Interrupted."),
)
_EXAMPLES = (
    "sip-analyzer summary trace.pcapng",
    "sip-analyzer call 3 trace.pcapng -o call.html --mask",
    "sip-analyzer failures captures/ --by status,node --since 08:00",
    "sip-analyzer compare yesterday.pcap today.pcap",
)


def page() -> str:
    """The page as man(7) has it."""
    group = cli.group
    context = click.Context(group, info_name="sip-analyzer")
    lines = [
        f'.TH SIP-ANALYZER 1 "" "sip-analyzer {__version__}" "User Commands"',
        ".SH NAME",
        "sip-analyzer \\- read SIP out of packet captures and tell what happened",
        ".SH SYNOPSIS",
        ".B sip-analyzer",
        "\\fICOMMAND\\fR [\\fIOPTION\\fR]... \\fICAPTURE\\fR...",
        ".SH DESCRIPTION",
        *_paragraphs(group.help or ""),
    ]
    for heading, names in _groups().items():
        lines += [f'.SH "COMMANDS: {_plain(heading).upper()}"']
        for name in names:
            lines += [".TP", f".B {_plain(name)}", _plain(_said(name))]
    there = {alias: name for alias, name in ALIASES.items() if group.get_command(context, name)}
    other = ", ".join(f"{alias} ({name.replace('_', '-')})" for alias, name in there.items())
    lines += [".SH ALIASES", _plain(other)]
    report, calls = (group.get_command(context, name) for name in ("report", "calls"))
    assert report is not None
    assert calls is not None
    shared = [option for option in calls.params if isinstance(option, click.Option)]
    lines += [".SH OPTIONS OF TABLES AND FILTERS", *_options([o for o in shared if o.name not in OF_READING], calls)]
    lines += [".SH OPTIONS ON READING", *_options([o for o in shared if o.name in OF_READING], calls)]
    lines += [".SH FILES", *_paragraphs(_SETTINGS)]
    for heading, pairs in (("ENVIRONMENT", _ENVIRONMENT), ("EXIT STATUS", _STATUS)):
        lines += [f".SH {heading}"]
        for name, text in pairs:
            lines += [".TP", f".B {_plain(name)}", _plain(text)]
    lines += [".SH EXAMPLES", ".nf", *(_plain(example) for example in _EXAMPLES), ".fi"]
    return "\n".join(lines) + "\n"


def _options(options: list[click.Option], command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for option in options:
        record = option.get_help_record(context)
        if record is not None:
            yield from (".TP", f".B {_plain(record[0])}", _plain(" ".join(record[1].split())))


def _paragraphs(text: str) -> Iterator[str]:
    for number, part in enumerate(text.replace("\b", "").strip().split("\n\n")):
        if number:
            yield ".PP"
        yield _plain(" ".join(part.split()))


def _plain(text: str) -> str:
    """Text that man takes for text: a backslash, and a point or quote at the beginning, are guarded (man(7))."""
    guarded = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{guarded}" if guarded.startswith((".", "'")) else guarded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    path: Path = parser.parse_args().output
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
