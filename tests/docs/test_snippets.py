"""The Python of README and docs runs as it stands there, on a sample in the place of its captures.

The commands are tried in ``test_pages``; those after which their output stands, in ``docs/make_examples.py``.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import captures
import duckdb
import pandas
import polars
import pytest
from click.testing import CliRunner
from places import ROOT, SAMPLES

import analyzer
from analyzer.cli import group
from analyzer.store import batch

#: Seven calls with seven outcomes, so that the pages' call 3 and call 7 are there.
SAMPLE = SAMPLES / "outcomes.pcap"
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = {
    page.relative_to(ROOT).as_posix(): blocks
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")))
    if (blocks := PYTHON.findall(page.read_text(encoding="utf-8")))
}
STORE = "/stores/core"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the pages name; whatever capture they read as usual is the sample, which is read once."""
    shutil.copy(SAMPLE, tmp_path / "trace.pcap")
    (tmp_path / "limits.toml").write_text('thresholds = ["asr < 0.6"]')
    monkeypatch.chdir(tmp_path)
    read, sample = analyzer.read, captures.read(SAMPLE)

    def once(origin: str, **how: Any) -> analyzer.Capture:
        return read(origin, **how) if how else sample

    monkeypatch.setattr(analyzer, "read", once)
    return tmp_path


@pytest.mark.slow
@pytest.mark.xdist_group(SAMPLE.name)
@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page: str, place: Path) -> None:
    cap = analyzer.read("trace.pcap")
    known = {"analyzer": analyzer, "cap": cap, "pandas": pandas, "pd": pandas, "polars": polars, "duckdb": duckdb}
    # What Spark does is tried in tests/store/test_store_spark.py.
    text = "\n".join(block for block in PAGES[page] if not block.startswith("spark."))
    if "pyshark" in text and shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    if STORE in text:
        batch.run(["trace.pcap"], place / "store", batch.Options())
        text = text.replace(STORE, str(place / "store"))
    for form in ("csv", "json"):
        if f"messages.{form}" in text:
            words = ["messages", "trace.pcap", "--format", form, "-o", f"messages.{form}"]
            assert CliRunner().invoke(group, words).exit_code == 0
    if re.search(r"\bkey\b", text):
        known["key"] = cap.table("messages")["message"][0]
    if re.search(r"\(packets\)", text):
        known["packets"] = cap.call(1).packets()
    exec(compile(text, page, "exec"), known)
