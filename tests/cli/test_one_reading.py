"""A command knows beforehand what its tables rest on: the captures are read once for it."""

from __future__ import annotations

from pathlib import Path

import places
import pytest
from click.testing import CliRunner

from analyzer import schema
from analyzer.cli import group
from analyzer.reading import native

#: Beside tables: what reads whole captures, or some of their columns, on ways of its own.
OTHERS = (
    ("summary",),
    ("call", "1"),
    ("ladder", "1"),
    ("report", "--format", "md"),
    ("report", "-o", "FOLDER/report.html"),
    *(("plot", name, "-o", "FOLDER/plot.svg") for name in ("failures", "kpi_heat_map", "media_over_time")),
)


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: object) -> None:
        raise AssertionError("read twice")

    for name in ("again", "more_headers"):
        monkeypatch.setattr(native.Reading, name, again)


@pytest.mark.parametrize("words", [*((name,) for name in [*schema.TABLES, *schema.MEASURES]), *OTHERS], ids=" ".join)
def test_a_command_reads_its_captures_once(words: tuple[str, ...], tmp_path: Path) -> None:
    """Also where it has no row to show, and for the line about problems at the end."""
    asked = [word.replace("FOLDER", str(tmp_path)) for word in words]
    done = CliRunner().invoke(group, [*asked, str(places.SAMPLES / "busy.pcap")], catch_exceptions=False)
    assert done.exit_code == 0
