"""Defaults from sip-analyzer.toml: here, then the user's; the command line wins, and an unknown key is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from world import Capture

from analyzer.cli import settings

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and a home without files."""
    (tmp_path / "home" / "sip-analyzer").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def of_user(here: Path, text: str) -> None:
    (here / "home" / "sip-analyzer" / settings.NAME).write_text(text, encoding="utf-8")


def of_directory(text: str) -> None:
    Path(settings.NAME).write_text(text, encoding="utf-8")


def test_the_zone_of_the_file_is_that_of_the_table(run: Run) -> None:
    of_directory('tz = "Asia/Kolkata"')
    assert "15:30:00.000+05:30" in run("calls", "a.pcap").stdout


def test_the_command_line_goes_before_the_file(run: Run) -> None:
    of_directory('tz = "Asia/Kolkata"')
    assert "10:00:00.000Z" in run("calls", "a.pcap", "--tz", "UTC").stdout


def test_the_directory_goes_before_the_user(run: Run, here: Path) -> None:
    of_user(here, 'tz = "Europe/Berlin"\nthreads = 3')
    of_directory('tz = "Asia/Kolkata"')
    assert "+05:30" in run("calls", "a.pcap").stdout


def test_what_only_the_user_says_holds_too(run: Run, here: Path, capture: Capture) -> None:
    of_user(here, "threads = 3")
    of_directory('tz = "Asia/Kolkata"')
    run("calls", "a.pcap")
    assert capture.asked["threads"] == 3


def test_a_table_is_an_option_given_several_times(run: Run, capture: Capture) -> None:
    of_directory('[capture-point]\ncore = "core-*.pcap"\naccess = "a*.pcap"')
    run("calls", "a.pcap")
    assert tuple(capture.asked["capture_points"]) == ("core=core-*.pcap", "access=a*.pcap")


def test_a_path_is_beside_the_file_that_names_it(run: Run, here: Path, capture: Capture) -> None:
    (here / "home" / "sip-analyzer" / "nodes.toml").touch()
    of_user(here, 'nodes = "nodes.toml"')
    run("calls", "a.pcap")
    assert Path(capture.asked["nodes"]).resolve() == here / "home" / "sip-analyzer" / "nodes.toml"


def test_another_file_may_be_named(run: Run) -> None:
    of_directory('tz = "Asia/Kolkata"')
    Path("other.toml").write_text('tz = "Europe/Berlin"')
    assert "12:00:00.000+02:00" in run("--config", "other.toml", "calls", "a.pcap").stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('tzz = "UTC"', "unknown key 'tzz'. Did you mean tz?"),
        ("tz = 3 4", "sip-analyzer.toml: "),
        ('mask = "yes"', "mask = 'yes': true or false is wanted"),
        ('capture-point = "core"', "a list or a table is wanted"),
        ("tz = true", "a text or number is wanted"),
        ('call = "3"', "unknown key 'call'"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(run: Run, capture: Capture, text: str, says: str) -> None:
    of_directory(text)
    result = run("calls", "a.pcap")
    assert (result.exit_code, says in result.stderr, capture.asked) == (2, True, {})
