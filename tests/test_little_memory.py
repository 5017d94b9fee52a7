"""What a command says where its process may have little memory (``ulimit -v``): a table, or one line on what to do."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import places
import pytest

import analyzer
from analyzer.reading import address_space

#: Each starts a process, some many.
pytestmark = pytest.mark.slow

SAMPLE = places.SAMPLES / "ims_core.pcap"
MB = 1_000_000


def command(limit: int, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The command under a limit of so many MB of address space."""
    return subprocess.run(
        [sys.executable, "-m", "analyzer", *words],
        capture_output=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit * MB, limit * MB)),
    )


def told(done: subprocess.CompletedProcess[bytes], limit: int) -> bool:
    """It ended as it should: with its output and nothing else, or with one line that says what to do."""
    if done.returncode == 0:
        return done.stderr == b"" and done.stdout != b""
    said = done.stderr.decode()
    names_it = f"this process may have {limit} MB of address space (ulimit -v {limit * MB // 1024})" in said
    return done.returncode == 2 and said.count("\n") == 1 and names_it and "or unlimited" in said


@pytest.mark.parametrize("limit", [200, 300, 400])
def test_too_little_for_anything_is_told(limit: int) -> None:
    done = command(limit, "calls", str(SAMPLE))
    assert (done.returncode, done.stdout) == (2, b"")
    assert told(done, limit), done.stderr


@pytest.mark.parametrize("limit", [460, 512, 600, 800])
@pytest.mark.parametrize("words", [["calls"], ["nodes"], ["report", "-o", "page.html"]], ids=lambda words: words[0])
def test_little_is_enough_or_told(limit: int, words: list[str], tmp_path: Path) -> None:
    words = [str(tmp_path / "page.html") if word == "page.html" else word for word in words]
    done = command(limit, words[0], str(SAMPLE), *words[1:])
    assert told(done, limit) or (words[0] == "report" and done.returncode == 0 and done.stderr == b""), done.stderr


def test_enough_gives_the_same_table_as_no_limit() -> None:
    unlimited = subprocess.run(
        [sys.executable, "-m", "analyzer", "calls", str(SAMPLE)], capture_output=True, timeout=120, check=False
    )
    done = command(1500, "calls", str(SAMPLE))
    assert (done.returncode, done.stdout, done.stderr) == (0, unlimited.stdout, unlimited.stderr)


def test_other_errors_and_statuses_are_as_without_a_limit() -> None:
    missing = command(1500, "calls", "no_such.pcap")
    assert missing.returncode == 2
    assert missing.stderr.startswith(b"sip-analyzer: no_such.pcap: ")
    cut = command(1500, "files", str(places.SAMPLES / "format_cut.pcap"))
    assert cut.returncode == 1
    assert command(100, "--help").returncode == 0


def test_advice_grows_with_the_captures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_space, "limit", lambda: 512 * MB)
    few, many = (
        int(re.search(r"ulimit -v (\d+), or", address_space.advice(captures))[1])  # type: ignore[index]
        for captures in (0, 10_000 * MB)
    )
    assert few >= 512 * MB // 1024
    assert many >= few + 10_000 * MB // 1024


def test_a_limit_that_was_too_low_is_not_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_space, "limit", lambda: 8_000 * MB)
    (advised,) = re.findall(r"ulimit -v (\d+), or", address_space.advice())
    assert int(advised) * 1024 > 8_000 * MB


def test_the_package_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_space, "limit", lambda: 300 * MB)
    with pytest.raises(analyzer.AnalyzerError, match=r"300 MB of address space"):
        analyzer.read(SAMPLE)


def test_polars_has_as_many_threads_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    for limit, threads in ((None, 0), (600 * MB, 1), (3_000 * MB, 8), (100_000 * MB, 64)):
        monkeypatch.setattr(address_space, "limit", lambda limit=limit: limit)
        assert address_space.threads() == threads
