"""Bad input: a clear message with what, where and why; what could be read is delivered; the exit status says so."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import SAMPLES

import analyzer

BASIC = SAMPLES / "basic_call.pcap"


def command(*words: object, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    words = (sys.executable, "-m", "analyzer", *words)
    return subprocess.run([str(word) for word in words], capture_output=True, input=given, check=False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello, this is no capture at all", "not a"),
        (bytes.fromhex("d4c3b2a1") + b"\0" * 8, "cut"),
        (b"PK\x03\x04" + b"\0" * 40, "zip"),
        (b"snoop\0\0\0" + b"\0" * 40, "snoop"),
    ],
)
def test_what_is_no_capture_says_so_and_leaves_with_2(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.pcap"
    path.write_bytes(content)
    with pytest.raises(analyzer.CaptureError, match=str(path)) as error:
        analyzer.read(path)
    assert error.value.path == str(path)
    done = command("calls", path)
    said = done.stderr.decode()
    assert done.returncode == 2
    assert reason in said
    assert "Traceback" not in said


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "none.pcap"
    done = command("summary", path)
    assert done.returncode == 2
    assert done.stderr.decode() == f"sip-analyzer: {path}: No such file or directory; check the path\n"


@pytest.mark.parametrize("keep", range(25, BASIC.stat().st_size, 97))
def test_a_file_cut_anywhere_gives_what_is_before_the_cut(keep: int, tmp_path: Path) -> None:
    """Frame for frame the same rows, and exit status 1, unless the cut falls between two packets."""
    path = tmp_path / "cut.pcap"
    path.write_bytes(BASIC.read_bytes()[:keep])
    whole, cut = analyzer.read(BASIC), analyzer.read(path)
    rows = cut.table("messages")
    assert rows["message"].to_list() == whole.table("messages")["message"].head(rows.height).to_list()
    assert cut.damaged == (cut.table("problems").height > 0)


def test_a_cut_file_prints_its_tables_and_leaves_with_1(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(BASIC.read_bytes()[:-10])
    done = command("messages", path, "--format", "csv")
    assert done.returncode == 1
    assert done.stdout.count(b"\n") == 7  # a heading and six of seven messages
    assert b"cut" in done.stderr


def test_one_unreadable_file_among_others_is_a_problem(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pcap"
    odd.write_bytes(b"no capture")
    capture = analyzer.read([odd, BASIC])
    assert capture.damaged
    assert capture.table("calls").height == 1
    assert capture.table("problems")["code"].to_list() == ["file_unreadable"]


@pytest.mark.slow
def test_no_sip_is_said_in_one_sentence_with_what_there_was_instead(tmp_path: Path) -> None:
    header = BASIC.read_bytes()[:24]
    frame = bytes.fromhex("ffffffffffff0200000000010806") + b"\0" * 28
    record = (0).to_bytes(8, "little") + len(frame).to_bytes(4, "little") * 2 + frame
    path = tmp_path / "arp.pcap"
    path.write_bytes(header + record)
    done = command("summary", path)
    assert done.returncode == 0
    assert b"no SIP" in done.stdout + done.stderr
    assert b"arp" in done.stdout


@pytest.mark.slow
def test_standard_input_file_objects_and_compressed_files_read_alike(tmp_path: Path) -> None:
    whole = analyzer.read(BASIC).table("calls")
    packed = tmp_path / "capture"  # known by its magic, not by its name
    packed.write_bytes(gzip.compress(BASIC.read_bytes()[:200]) + gzip.compress(BASIC.read_bytes()[200:]))
    assert analyzer.read(packed).table("calls").equals(whole)
    assert analyzer.read(io.BytesIO(BASIC.read_bytes())).table("calls").equals(whole)
    direct = command("calls", BASIC, "--format", "csv")
    piped = command("calls", "-", "--format", "csv", given=BASIC.read_bytes())
    assert piped.stdout == direct.stdout
    assert piped.returncode == 0


def test_a_limit_that_is_reached_is_a_problem_and_loses_nothing_else() -> None:
    path = SAMPLES / "tcp_ugly.pcap"
    held = analyzer.read(path, limits={"max_tcp_buffer_bytes": 1})
    assert "tcp_buffer_limit" in held.table("problems")["code"].to_list()
    with pytest.raises(ValueError, match="max_flows"):
        analyzer.read(path, limits={"max_nothing": 1})


def test_message_text_is_what_was_sent(tmp_path: Path) -> None:
    """A message over many TCP segments comes back whole, byte for byte as the sample's script wrote it."""
    capture = analyzer.read(SAMPLES / "tcp_ugly.pcap")
    for row in capture.table("messages").iter_rows(named=True):
        message = capture.message(row["message"])
        assert len(message.text) == row["length"]
        assert message.parsed.header("Call-ID")[0].value == row["call_id"]
        assert (message.parsed.status, len(message.parsed.body)) == (row["status"], row["body_length"])


def test_standard_input_that_is_closed_is_said() -> None:
    done = subprocess.run(["sh", "-c", f"{sys.executable} -m analyzer calls - <&-"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (2, b"sip-analyzer: -: standard input is closed\n")


@pytest.mark.parametrize("words", ["--help", "--version", "calls --help", f"calls {BASIC}", f"ladder 1 {BASIC}"])
def test_a_full_disk_is_one_line(words: str) -> None:
    with Path("/dev/full").open("wb") as full:
        line = [sys.executable, "-m", "analyzer", *words.split()]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (2, b"sip-analyzer: output: No space left on device\n")


def test_a_folder_that_may_not_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user of the tests may be one who is refused nothing."""
    (tmp_path / "good.pcap").write_bytes(BASIC.read_bytes())
    closed = tmp_path / "closed"
    closed.mkdir()
    listed = os.scandir

    def scandir(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    problems = analyzer.read(tmp_path).table("problems")
    assert problems.select("code", "file").rows() == [("file_unreadable", str(closed))]


def test_an_address_in_the_place_of_a_file_is_told() -> None:
    with pytest.raises(analyzer.CaptureError, match="is an address, and no file: copy the file here, or have"):
        analyzer.read("http://192.0.2.1/trace.pcap")
