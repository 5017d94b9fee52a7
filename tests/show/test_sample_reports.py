"""The reports that are kept in reports/ are what their commands write today."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from places import ROOT
from report_data import data_of, unpacked

from analyzer.cli import group

pytestmark = pytest.mark.slow

_SPEC = importlib.util.spec_from_file_location("make_reports", ROOT / "reports" / "make.py")
assert _SPEC is not None
assert _SPEC.loader is not None
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)


def data(page: str) -> dict[str, Any]:
    """The tables and ladders of a report, unpacked: how they are compressed depends on the libraries installed."""
    found = data_of(page)
    found["tables"] = {name: unpacked(packed) for name, packed in found["tables"].items()}
    for chunks in found["ladders"].values():
        for chunk in chunks:
            chunk["data"] = unpacked(chunk["data"])
    return found


def markup(page: str) -> str:
    """The page around its data. How figures are drawn depends on the libraries, and our version on the day."""
    shown = re.sub(r"<figure.*?</figure>|sip-analyzer \d[\w.]*", "", page, flags=re.DOTALL)
    return re.sub(r'(id="data">).*?(</script>)', r"\1\2", shown, flags=re.DOTALL)


@pytest.mark.parametrize("words", make.commands(), ids=lambda words: Path(words[words.index("-o") + 1]).name)
def test_a_kept_report_has_the_data_that_its_command_writes(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not: make reports. Of the first one the page is looked at too, which is made by one template for all."""
    monkeypatch.chdir(ROOT)
    place = words.index("-o") + 1
    kept, made = ROOT / words[place], tmp_path / "made.html"
    result = CliRunner().invoke(group, [*words[:place], str(made), *words[place + 1 :]], catch_exceptions=False)
    assert result.exit_code in (0, 1)
    ours, theirs = (path.read_text(encoding="utf-8") for path in (made, kept))
    assert data(ours) == data(theirs)
    if words == make.commands()[0]:
        assert markup(ours) == markup(theirs)


def test_every_report_has_its_command() -> None:
    written = {words[words.index("-o") + 1] for words in make.commands()}
    assert {f"reports/{path.name}" for path in (ROOT / "reports").glob("*.html")} == written
