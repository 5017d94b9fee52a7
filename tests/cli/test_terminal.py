"""Progress, colour, and readers that leave."""

from __future__ import annotations

import codecs
import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.cli import terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "colour"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),  # https://no-color.org: when present and not empty
        (Terminal(), {"TERM": "dumb"}, False),
    ],
)
def test_colour(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, environment: dict[str, str], colour: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert terminal.coloured(stream) is colour


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


def test_no_progress_in_the_first_second(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    progress = terminal.Progress()
    clock[0] += 0.9
    progress(1, 2, 3)
    progress.clear()
    assert capsys.readouterr().err == ""


def test_progress(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    progress = terminal.Progress()
    clock[0] += 1.5
    progress(600_000_000, 1_200_000_000, 500_000)
    assert capsys.readouterr().err == "\r\x1b[Kreading: 50 % of 1,200 MB, 500,000 messages"


def test_progress_of_a_stream_without_an_end(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    progress = terminal.Progress()
    clock[0] += 1.5
    progress(600_000_000, 0, 1)
    assert capsys.readouterr().err == "\r\x1b[Kreading: 600 MB, 1 messages"


def test_progress_is_taken_away(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    progress = terminal.Progress()
    clock[0] += 1.5
    progress(1, 2, 3)
    progress.clear()
    assert capsys.readouterr().err.endswith("\r\x1b[K")


@pytest.mark.parametrize(
    ("text", "written"),
    [("a… → b", b"a~ > b"), ("“Zoë” ─│█▏", b'"Zo\xeb" -|#:'), ("小", b"\\u5c0f"), ("…小…", b"~\\u5c0f~")],
)
def test_signs_that_a_terminal_lacks_have_plainer_ones_as_wide(text: str, written: bytes) -> None:
    codecs.register_error("plainer", terminal.plainer)
    assert text.encode("latin-1", "plainer") == written


PROGRAM = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import polars as pl, world, analyzer.api.read
held = world.tables() | {{"problems": world.frame("problems", [])}}
held["messages"] = pl.concat([held["messages"]] * 5000)
analyzer.api.read.read = lambda *_, **__: world.Capture(held)
sys.argv = ["sip-analyzer", "messages", "a", "--format", sys.argv[1]]
from analyzer.__main__ import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_reader_that_leaves_is_quiet(form: str) -> None:
    words = [sys.executable, "-c", PROGRAM, form]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(timeout=60), said) == (0, b"")


INTERRUPTED = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
for name in ("gc", "analyzer.cli.apart"):
    sys.modules.pop(name, None)
from analyzer.__main__ import main
main()
"""


@pytest.mark.slow  # a process each
@pytest.mark.parametrize(("while_importing", "status"), [("gc", -signal.SIGINT), ("analyzer.cli.apart", 130)])
def test_ctrl_c_among_the_first_imports_is_quiet(while_importing: str, status: int) -> None:
    ran = subprocess.run([sys.executable, "-c", INTERRUPTED, while_importing], capture_output=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (status, b"", b"")
