"""Calls are known by their numbers: in every table, for every command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result
from places import SAMPLES
from world import Capture, tables

from analyzer import schema
from analyzer.api.filters import Filter
from analyzer.api.picking import apply
from analyzer.cli import group
from analyzer.cli.main import BY_HAND
from analyzer.errors import FilterError
from analyzer.show import views

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("asked", "picked"), [("1", [1]), ("1,2", [1, 2]), ("1-2", [1, 2]), (" 2 , 1", [1, 2]), (2, [2]), ("2-9", [2])]
)
def test_numbers_and_ranges_pick_calls(asked: str | int, picked: list[int]) -> None:
    assert apply(Filter(call=asked), tables())["calls"]["no"].to_list() == picked


@pytest.mark.parametrize("asked", ["", "3-1", "a1@home", "1,", "1--2", "-1", "²"])
def test_other_words_are_no_numbers_of_calls(asked: str) -> None:
    with pytest.raises(FilterError, match="3 or 3,7-9"):
        Filter(call=asked)


def test_a_number_that_no_call_has_is_told_which_there_are() -> None:
    with pytest.raises(FilterError, match=r"call 7.*1 to 2"):
        apply(Filter(call="7"), tables())


@pytest.mark.parametrize("asked", ["1,2", "1-2", "all"])
def test_ladders_of_several_calls_below_each_other(run: Run, asked: str) -> None:
    drawn = run("ladder", asked, "a.pcap").stdout
    each = [run("ladder", number, "a.pcap").stdout for number in ("1", "2")]
    headings = [line for line in drawn.splitlines() if line.startswith("Call ")]
    assert [heading.partition(":")[0] for heading in headings] == ["Call 1", "Call 2"]
    assert all(ladder in drawn for ladder in each)


def test_several_ladders_go_into_a_text_file_alone(run: Run, tmp_path: Path) -> None:
    assert run("ladder", "all", "a.pcap", "-o", str(tmp_path / "a.txt")).exit_code == 0
    assert "Call 2: " in (tmp_path / "a.txt").read_text(encoding="utf-8")
    result = run("ladder", "all", "a.pcap", "-o", str(tmp_path / "a.html"))
    assert (result.exit_code, "report CAPTURE --call 1-3" in result.stderr) == (2, True)


def test_several_ladders_with_one_that_is_not_there(run: Run) -> None:
    result = run("ladder", "1,7", "a.pcap")
    assert (result.exit_code, result.stdout, "1 to 2" in result.stderr) == (2, "", True)


@pytest.mark.parametrize(("command", "also"), [("call", "report CAPTURE --call 1-2"), ("audio", "ladder 1-2")])
def test_one_call_at_a_time_says_which_commands_take_several(run: Run, command: str, also: str) -> None:
    result = run(command, "1-2", "a.pcap", *(["-o", "a.wav"] if command == "audio" else []))
    assert (result.exit_code, also in result.stderr) == (2, True)


@pytest.mark.parametrize("name", ["transactions", "dialogs"])
def test_tables_of_calls_begin_with_number_and_parties(run: Run, name: str) -> None:
    result = run(name, "a.pcap", "--call", "1", "--format", "json")
    row = json.loads(result.stdout)[0]
    assert (row["no"], row["caller"], row["callee"]) == (1, "+49301234567", "alice@home")


def test_rows_outside_calls_have_no_number(run: Run) -> None:
    rows = json.loads(run("transactions", "a.pcap", "--method", "OPTIONS", "--format", "json").stdout)
    assert [row["no"] for row in rows] == [None]


def test_the_number_can_be_asked_for_alone(run: Run) -> None:
    assert run("dialogs", "a.pcap", "--columns", "no,usage", "--format", "csv").stdout.splitlines()[0] == "no,usage"


def test_people_do_not_see_the_key_of_a_call() -> None:
    for entry in schema.TABLES.values():
        if views.belongs_to_calls(entry.name):
            frame = views.numbered(entry.name, _nothing(entry.name), lambda name, columns: _nothing(name)[columns])
            shown = views.default(entry.name, frame).columns
            assert (shown[0], "call" in shown) == ("no", False), entry.name


def _nothing(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema=schema.TABLES[name].polars())


@pytest.mark.parametrize("words", [("export", "1"), ("waterfall", "1"), ("report", "1-3"), ("summary", "1,2")])
def test_a_bare_number_is_never_all_calls(run: Run, capture: Capture, words: tuple[str, str]) -> None:
    result = run(words[0], words[1], "a.pcap", *(["-o", "x.pcapng"] if words[0] == "export" else []))
    assert (result.exit_code, f"--call {words[1]}" in result.stderr, capture.asked) == (2, True, {})


def test_every_command_that_reads_captures_takes_numbers_of_calls() -> None:
    context = click.Context(group)
    # They take one thing by its name, or write all of it.
    alone = {"audio", "batch", "call", "ladder", "message", "registration", "serve"}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        names = {parameter.name for parameter in command.params}
        if "captures" in names and name not in alone:
            assert "call" in names, name
    assert alone & {*BY_HAND}


def test_a_message_by_its_frame() -> None:
    """The third packet of the sample is the 486 (sample_pcaps/busy.py)."""
    words = ["message", "3", str(SAMPLES / "busy.pcap")]
    assert "\nSIP/2.0 486 Busy Here\n" in CliRunner().invoke(group, words, catch_exceptions=False).stdout
