"""``sip-analyzer report``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from analyzer.cli import command as command_line
from analyzer.cli import crossings, options, output_names, terminal
from analyzer.cli.main import BY_HAND
from analyzer.language import chosen as chosen_language

FORMS = ("html", "md", "json", "openmetrics")
_SUFFIXES = {".html": "html", ".htm": "html", ".md": "md", ".json": "json", ".prom": "openmetrics"}


@command_line.command(
    "report",
    help=f"{BY_HAND['report']}\n\nVerdict, numbers and plots first, then tables that sort, search and filter; every"
    " number leads to its calls, every call to its ladder. The page loads nothing from the network. With a filter: of"
    " the calls it picks. Of a small capture it also holds the text of each message, digest responses and keys hidden."
    " As md: verdict, KPIs, failures, nodes and links; as json the same for programs; as openmetrics the KPIs for"
    " monitoring. Exit status 3 if a value crosses a threshold.",
    epilog="Example: sip-analyzer report trace.pcap -o reports/trace.html --tz Europe/Berlin",
)
@options.captures
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write to FILE; its directory is created if necessary. Default: CAPTURE.report.html here; other formats go to"
    " standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="Format; default: the suffix of -o FILE (.html, .md, .json, .prom).",
)
@click.option("--title", default="", metavar="TEXT", help="Title of the report; default: the name of the file.")
@click.option("--texts/--no-texts", default=None, help="Include or omit the text of messages, whatever their number.")
@click.option(
    "--before",
    "earlier",
    type=click.Path(),
    metavar="CAPTURE",
    help="Another capture, such as that of yesterday, whose KPIs stand beside those of this one.",
)
@crossings.option
@options.filters(None)
@options.tz_option
@options.language_option
def command(
    output: str | None,
    form: str | None,
    title: str,
    texts: bool | None,
    earlier: str | None,
    thresholds: str | None,
    language: str | None,
    **values: Any,
) -> None:
    """Write the report."""
    chosen = options.make_filter("calls", values["tz"], values)
    form = _form(form, output)
    named = output is not None
    if form == "html" and output is None:
        output = output_names.default(values["captures"], "report.html")
    groups = crossings.groups_of(thresholds)
    from analyzer.api.reports import tables_of

    reading = options.read(values, tables=tables_of(form))
    capture = reading.shown(chosen)
    before = None
    if earlier is not None:
        before = options.read_beside(reading, earlier, values).shown(chosen)
    how: dict[str, Any] = {"tz": values["tz"], "title": title, "texts": texts, "before": before, "form": form}
    how |= {"language": chosen_language(language), "thresholds": groups}
    if output is None:
        from analyzer.api.reports import text_of

        how["before"] = None if before is None else before.source
        click.echo(text_of(capture.source, **how), nl=False)
    else:
        folder = Path(output).parent
        made = not folder.exists()
        capture.report(output, **how)
        if made:
            terminal.note(f"the folder {folder} was not there, and was made")
        if not named:
            terminal.note(f"written to {output}")
    reading.close(crossed=crossings.tell(capture, groups, values["tz"]))


def _form(form: str | None, output: str | None) -> str:
    suffix = "" if output is None else Path(output).suffix.lower()
    found = form or _SUFFIXES.get(suffix)
    if found is None and output is None:
        return "html"
    if found is None:
        where = f"-o {output}" if output else "report"
        raise click.UsageError(f"{where}: say --format, or end the name of -o FILE in {', '.join(_SUFFIXES)}.")
    if found == "html" and output is not None and _SUFFIXES.get(suffix) != "html":
        raise click.UsageError(f"-o {output}: a report is a page, its name must end in .html.")
    return found
