"""One hostile text through every way out: it must not command a terminal, break a row, or run in a spreadsheet."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Callable

import polars as pl
import pytest
from click.testing import Result
from world import Capture, frame

from analyzer.cli.output import FORMATS

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\x00\x7f\r\nnew\tline"
    "\u2028\u2029\u202egpj.exe\u2066\u200b\ufeff\u3164\U000e0041 日本"
)
Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def hostile(capture: Capture) -> None:
    """Every cell of text in every table is hostile."""
    for name, held in capture.held.items():
        capture.held[name] = held.with_columns(
            [pl.lit(HOSTILE).alias(column) for column, kind in held.schema.items() if kind == pl.String]
            + [pl.concat_list(pl.lit(HOSTILE)).alias(column) for column, kind in held.schema.items() if kind == pl.List]
        )
    capture.known[10] = HOSTILE.encode()


def commands(text: str) -> set[str]:
    """What of a text would act on a terminal, or deceive; line ends aside."""
    categories = {character: unicodedata.category(character) for character in text}
    return {c for c, category in categories.items() if category in ("Cc", "Cf", "Zl", "Zp") and c != "\n"} | (
        set(text) & {"\u3164"}
    )


MEASURES = ("responses --by reason_phrase", "failures", "links", "latency --by caller,outcome", "outliers --by callee")


@pytest.mark.parametrize("words", MEASURES)
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "parquet"])
def test_measured_tables(run: Run, words: str, form: str) -> None:
    result = run(*words.split(), "a.pcap", "--format", form)
    assert (result.exit_code, commands(result.stdout), commands(result.stderr)) == (0, set(), set())


TABLES = ("files", "messages", "transactions", "dialogs", "calls", "registrations", "problems", "account")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "parquet"])
def test_tables(run: Run, table: str, form: str) -> None:
    result = run(table, "a.pcap", "--format", form, "--columns", "all")
    assert (result.exit_code, commands(result.stdout), commands(result.stderr)) == (0, set(), set())


@pytest.mark.parametrize(
    "words",
    [("summary", "a.pcap"), ("call", "1", "a.pcap"), ("ladder", "1", "a.pcap"), ("message", "10", "a.pcap")],
    ids=lambda words: words[0],
)
def test_texts(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert (result.exit_code, commands(result.stdout)) == (0, set())


@pytest.mark.parametrize("form", ["text", "svg", "html", "mermaid", "plantuml"])
def test_ladders(run: Run, form: str) -> None:
    result = run("ladder", "1", "a.pcap", "--format", form)
    assert (result.exit_code, commands(result.stdout)) == (0, set())


@pytest.mark.parametrize("table", TABLES)
def test_a_row_is_a_line(run: Run, capture: Capture, table: str) -> None:
    result = run(table, "a.pcap", "--columns", "all")
    assert result.stdout.count("\n") == capture.held[table].height + 1


def test_json_brings_the_text_whole(run: Run) -> None:
    assert json.loads(run("calls", "a.pcap", "--format", "json").stdout)[0]["caller"] == HOSTILE


def test_a_csv_row_is_a_line(run: Run) -> None:
    assert len(run("calls", "a.pcap", "--format", "csv").stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(1+1)", "'@SUM(1+1)"),
        ("＝1+1", "'＝1+1"),
        ("+49301234567", "+49301234567"),
        ("+49 (30) 123-4567", "+49 (30) 123-4567"),
        ("-5", "-5"),
        ("+", "'+"),
        ("+49301234567;npdi", "'+49301234567;npdi"),
        ("\t=1+1", "\\t=1+1"),
        ("\r=1+1", "\\r=1+1"),
        ("sip:+49301234567@home", "sip:+49301234567@home"),
        ('a",=1+1,"b', 'a",=1+1,"b'),  # stays in its cell
    ],
)
def test_csv_cells_do_not_run(run: Run, capture: Capture, text: str, cell: str) -> None:
    capture.held["problems"] = frame("problems", [{"problem": 1, "detail": text}])
    result = run("problems", "a.pcap", "--format", "csv", "--columns", "detail")
    assert list(csv.reader(result.stdout.splitlines())) == [["detail"], [cell]]
