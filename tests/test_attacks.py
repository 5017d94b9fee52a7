"""What a process does to its user when files, devices and other processes are against it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import places
import pytest

import analyzer
from analyzer.api.capture import Capture
from analyzer.reading.written import replaced

#: Each starts a process, some many.
pytestmark = pytest.mark.slow

SAMPLE = places.SAMPLES / "ims_core.pcap"
SHORT = places.SAMPLES / "basic_call.pcap"


def command(*words: str | bytes | Path, **how: object) -> subprocess.CompletedProcess[bytes]:
    run = [sys.executable, "-m", "analyzer", *words]
    return subprocess.run(run, capture_output=True, timeout=120, check=False, **how)  # type: ignore[call-overload,no-any-return]


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["calls"], ["files"], ["ladder", "1"], ["report", "-o", b"\xff.html"]])
def test_a_file_whose_name_is_not_utf8_is_read(tmp_path: Path, words: list[str | bytes]) -> None:
    name = os.fsencode(tmp_path) + b"/b\xffx.pcap"
    shutil.copy(SHORT, name)
    done = command(*words, name, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_such_a_name_is_shown_with_its_bytes_as_codes(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/b\xffx.pcap")
    shutil.copy(SHORT, name)
    capture = analyzer.read(name)
    assert Path(capture.files["file"][0]).name == r"b\xffx.pcap"
    assert capture.message(int(capture.messages["message"][0])).text.startswith(b"INVITE")


def test_a_filter_that_is_not_utf8_finds_nothing() -> None:
    done = command("calls", SHORT, "--call-id", b"\xff")
    assert (done.returncode, done.stderr) == (0, b"sip-analyzer: no calls that the filter picks\n")


def test_streams_of_one_name_are_two_captures() -> None:
    both = analyzer.read([io.BytesIO(SHORT.read_bytes()), io.BytesIO(SAMPLE.read_bytes())])
    keys = both.messages["message"].tolist()
    assert len(both.messages_of(keys)) == len(keys)
    assert both.files["file"].tolist() == ["stream", "stream (2)"]


# ---- devices ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize(
    "words",
    [
        *(["messages", "--format", form] for form in ("table", "csv", "json", "jsonl", "parquet")),
        ["report"],
        ["plot", "outcomes"],
        ["ladder", "1"],
        ["export"],
    ],
    ids=" ".join,
)
def test_a_full_device_is_one_sentence(tmp_path: Path, words: list[str]) -> None:
    output = tmp_path / ("full.html" if words[0] == "report" else "full.svg")
    output.symlink_to("/dev/full")
    done = command(*words, SHORT, "-o", output)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert done.stderr == f"sip-analyzer: {output}: No space left on device\n".encode()
    assert command(*words, SHORT, "-o", tmp_path / output.name.replace("full", "free")).returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_standard_output_is_one_sentence() -> None:
    with open("/dev/full", "wb") as full:
        run = [sys.executable, "-m", "analyzer", "summary", SHORT]
        done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr == b"sip-analyzer: output: No space left on device\n"


# ---- several processes -----------------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with replaced(path) as first:
        Path(first).write_text("first, and long")
        with replaced(path) as second:
            Path(second).write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first, and long"


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("first, and long")

    def write() -> None:
        with replaced(path) as part:
            Path(part).write_text("half of")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_text() == "first, and long"
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "table.csv", tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replaced(link) as part:
        Path(part).write_text("new")
    assert (path.read_text(), link.is_symlink(), path.stat().st_mode & 0o777) == ("new", True, 0o640)


# ---- a capture that is not what it was -------------------------------------------------------------------------------

SECOND: dict[str, Callable[[Capture], object]] = {
    "headers": lambda capture: capture.headers("User-Agent"),
    "text": lambda capture: capture.message(int(capture.messages["message"][0])),
    "export": lambda capture: capture.export(io.BytesIO()),
    "diameter": lambda capture: capture.table("related_transactions"),
    "lean": lambda capture: capture.table("hops"),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def replace(path: Path) -> None:
    path.write_bytes(SHORT.read_bytes())


def shift(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:24] + data[24 : 24 + 16 + int.from_bytes(data[32:36], "little")] + data[24:])


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [cut, replace, shift, remove])
@pytest.mark.parametrize("second", SECOND)
def test_a_changed_capture_is_always_refused(tmp_path: Path, change: Callable[[Path], None], second: str) -> None:
    path = Path(shutil.copy(SAMPLE, tmp_path / "trace.pcap"))
    capture = analyzer.read(path, tables=["messages"] if second != "lean" else ["calls"])
    change(path)
    with pytest.raises(analyzer.CaptureChanged) as refused:
        SECOND[second](capture)
    assert str(refused.value) == f"{path} has changed since it was read: read it again"


@pytest.mark.parametrize("second", SECOND)
def test_a_capture_that_grows_is_read_as_far_as_it_went(tmp_path: Path, second: str) -> None:
    path = Path(shutil.copy(SAMPLE, tmp_path / "trace.pcap"))
    capture = analyzer.read(path, tables=["messages"] if second != "lean" else ["calls"])
    before = capture.table("messages").height
    with path.open("ab") as file:
        file.write(SAMPLE.read_bytes()[24:])
    SECOND[second](capture)
    assert capture.table("messages").height == before


def test_a_fork_says_that_it_cannot_read() -> None:
    """Its copy of the process has none of the threads: it would wait for them for ever."""
    code = f"""
import os, analyzer
capture = analyzer.read({str(SHORT)!r})
capture.table("calls")
child = os.fork()
if not child:
    try:
        {{}}
    except analyzer.AnalyzerError as error:
        os._exit(7 if "forked" in str(error) else 8)
    os._exit(9)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    for asked in (f"analyzer.read({str(SHORT)!r})", "capture.table('legs')"):
        run = [sys.executable, "-c", code.replace("{}", asked)]
        assert subprocess.run(run, capture_output=True, timeout=60, check=False).returncode == 7


# ---- many files ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_five_thousand_files_with_few_descriptors(tmp_path: Path) -> None:
    """All at the same time, so that each is a capture point of its own."""
    for number in range(5_000):
        (tmp_path / f"{number}.pcap").symlink_to(SHORT)
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); sys.argv[0] = 'x'; "
    code += "from analyzer.__main__ import main; main()"
    run = [sys.executable, "-c", code, "files", str(tmp_path), "--format", "csv"]
    done = subprocess.run(run, capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 5_001)
