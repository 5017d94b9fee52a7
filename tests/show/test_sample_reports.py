"""The reports that are kept in reports/ are what their commands write today."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from places import ROOT
from report_data import data_of, unpacked

from analyzer.cli import group

_SPEC = importlib.util.spec_from_file_location("make_reports", ROOT / "reports" / "make.py")
assert _SPEC is not None
assert _SPEC.loader is not None
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)


def contents(page: str) -> tuple[str, object]:
    """What a report says. How figures are drawn and data is compressed depends on the libraries installed, and the
    version of ours on the day."""
    data = data_of(page)
    data["tables"] = {name: unpacked(packed) for name, packed in data["tables"].items()}
    for chunks in data["ladders"].values():
        for chunk in chunks:
            chunk["data"] = unpacked(chunk["data"])
    shown = re.sub(r"<figure.*?</figure>|sip-analyzer \d[\w.]*", "", page, flags=re.DOTALL)
    return re.sub(r'(id="data">).*?(</script>)', r"\1\2", shown, flags=re.DOTALL), data


@pytest.mark.parametrize("words", make.commands(), ids=lambda words: Path(words[words.index("-o") + 1]).name)
def test_a_kept_report_is_what_its_command_writes(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not: make reports."""
    monkeypatch.chdir(ROOT)
    place = words.index("-o") + 1
    kept = ROOT / words[place]
    made = tmp_path / kept.name
    result = CliRunner().invoke(group, [*words[:place], str(made), *words[place + 1 :]], catch_exceptions=False)
    assert result.exit_code in (0, 1)
    assert contents(made.read_text(encoding="utf-8")) == contents(kept.read_text(encoding="utf-8"))


def test_every_report_has_its_command() -> None:
    written = {words[words.index("-o") + 1] for words in make.commands()}
    assert {f"reports/{path.name}" for path in (ROOT / "reports").glob("*.html")} == written
