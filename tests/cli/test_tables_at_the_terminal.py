"""Tables fit the terminal, are sorted, and have short names for their formats; first guesses of commands work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import polars as pl
import pytest
from click.shell_completion import ShellComplete
from click.testing import Result

from analyzer.cli import group
from analyzer.cli.main import ALIASES
from analyzer.show.text import Room, fitting, table, width

Run = Callable[..., Result]

FRAME = pl.DataFrame(
    {
        "no": [1, 2],
        "caller": ["a very long name of a caller", "short"],
        "nothing": [None, None],
        "status": [486, None],
        "words": ["x" * 60, "王小明" * 20],
    },
    schema_overrides={"nothing": pl.String},
)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_no_line_is_wider_than_its_room(columns: int) -> None:
    lines = table(FRAME, room=Room(columns)).splitlines()
    assert len(lines) == 3
    assert max(map(width, lines)) <= columns


def test_columns_are_left_out_from_the_least_important(run: Run) -> None:
    assert fitting(FRAME, Room(30, first=("status", "no", "words"))) == ["no", "status", "words"]


def test_a_column_without_values_takes_no_room() -> None:
    assert "nothing" not in fitting(FRAME, Room(500))


def test_numbers_are_never_cut() -> None:
    wide = pl.DataFrame({"key": [1234567890123456789], "text": ["x" * 50]})
    assert "1234567890123456789" in table(wide, room=Room(25))


def test_a_narrow_table_names_what_it_left_out(run: Run) -> None:
    result = run("calls", "a.pcap", "--width", "40")
    assert max(map(len, result.stdout.splitlines())) <= 40
    assert "with --wide: " in result.stderr


def test_a_pipe_gets_the_whole_table(run: Run) -> None:
    result = run("calls", "a.pcap")
    assert "with --wide" not in result.stderr
    assert result.stdout == run("calls", "a.pcap", "--wide", "--width", "40").stdout


@pytest.mark.parametrize(
    ("asked", "order"), [("no", [1, 2]), ("-no", [2, 1]), ("-setup_s", [1, 2]), ("setup_s", [1, 2])]
)
def test_sorted_with_what_is_missing_last(run: Run, asked: str, order: list[int]) -> None:
    """Call 2 was not answered: it has no setup_s."""
    rows = json.loads(run("calls", "a.pcap", f"--sort={asked}", "--json").stdout)
    assert [row["no"] for row in rows] == order


def test_short_names_of_formats(run: Run) -> None:
    for short, form in (("--json", "json"), ("--csv", "csv")):
        assert run("calls", "a.pcap", short).stdout == run("calls", "a.pcap", "--format", form).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("calls", "a.pcap", "--sort", "pdd"), "--sort: calls has no pdd. Did you mean pdd_s?"),
        (("calls", "a.pcap", "--columns", "caler"), "Did you mean caller"),
        (("calls", "a.pcap", "--outcome", "bussy"), "Did you mean busy?"),
        (("calls", "a.pcap", "--where", "calle = 'x'"), "Did you mean "),
        (("calls", "a.pcap", "--json", "--csv"), "one format at a time"),
        (("calls", "a.pcap", "--since", "noon"), "08:00, -1h, today, yesterday"),
        (("calls", "a.pcap", "--since", "24:00"), "08:00"),
    ],
)
def test_what_is_nearly_right_is_told_the_right_word(run: Run, words: tuple[str, ...], says: str) -> None:
    result = run(*words)
    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr


# ---- times -----------------------------------------------------------------------------------------------------------
# The calls of world.py begin on 2024-05-01 at 10:00 and 11:00; its last message is at 11:20 or later that day.


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (("--since", "10:30"), [2]),
        (("--until", "10:30"), [1]),
        (("--since", "12:30", "--tz", "Europe/Berlin"), [2]),
        (("--since", "today"), [1, 2]),
        (("--until", "today"), []),
        (("--since", "yesterday 18:00"), [1, 2]),
        (("--since", "-2d"), [1, 2]),
        (("--since", "now"), []),
    ],
)
def test_times_count_from_the_end_of_the_capture(run: Run, words: tuple[str, ...], numbers: list[int]) -> None:
    rows = json.loads(run("calls", "a.pcap", "--json", *words).stdout)
    assert [row["no"] for row in rows] == numbers


def test_the_zone_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert "15:30:00.000+05:30" in run("calls", "a.pcap").stdout
    assert "15:30:00.000+05:30" in run("calls", "a.pcap", "--tz", "local").stdout
    assert "10:00:00.000Z" in run("calls", "a.pcap", "--tz", "UTC").stdout


# ---- commands --------------------------------------------------------------------------------------------------------


def test_the_help_has_six_groups_and_every_command_once(run: Run) -> None:
    told = run("--help").stdout
    groups = [line for line in told.splitlines() if line.endswith(":") and not line.startswith((" ", "Options"))]
    assert len(groups) == 6
    names = group.list_commands(click.Context(group))
    assert len(names) == len(set(names))
    assert [name for name in names if f"\n  {name} " not in told] == []


def test_the_options_of_reading_come_last(run: Run) -> None:
    told = run("calls", "--help").stdout
    places = [told.index(heading) for heading in ("Options:", "Filters:", "Masking:", "Reading:", "--capture-point")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("guess", "name"), [("stats", "summary"), ("rtp", "streams"), ("diff", "compare"), ("diagnose", "findings")]
)
def test_a_first_guess_is_another_name(guess: str, name: str) -> None:
    context = click.Context(group)
    found, meant = group.get_command(context, guess), group.get_command(context, name)
    assert found is not None
    assert found is meant


def test_no_guess_hides_a_command() -> None:
    assert {*ALIASES} & {name.replace("-", "_") for name in group.list_commands(click.Context(group))} == set()


@pytest.mark.parametrize("words", [("help",), ("help", "calls"), ("version",), ("-V",)])
def test_words_for_what_is_an_option(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert (result.exit_code, bool(result.stdout)) == (0, True)


@pytest.mark.parametrize(
    ("typed", "last", "offered"),
    [
        (["calls", "--outcome"], "bu", "busy"),
        (["calls", "--columns"], "no,cal", "no,caller"),
        (["calls", "--sort"], "no,-pdd", "no,-pdd_s"),
        (["calls", "--tz"], "Asia/Shang", "Asia/Shanghai"),
        (["kpis", "--only"], "as", "asr"),
        (["findings", "--rule"], "ack_m", "ack_missing"),
        (["latency", "--by"], "pe", "peer"),
    ],
)
def test_shells_complete_values(typed: list[str], last: str, offered: str) -> None:
    found = ShellComplete(group, {}, "sip-analyzer", "_X").get_completions(typed, last)
    assert offered in [item.value for item in found]


def test_shells_complete_files() -> None:
    (item,) = ShellComplete(group, {}, "sip-analyzer", "_X").get_completions(["calls"], "tr")
    assert item.type == "file"


def test_a_report_and_a_plot_have_a_name_of_their_own(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("plot", "outcomes", "captures/a.pcap.gz")
    assert "written to a.outcomes.svg" in result.stderr
    run("plot", "outcomes", "captures/a.pcap.gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.outcomes-2.svg", "a.outcomes.svg"]
