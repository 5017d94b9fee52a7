"""The notebooks run, and are kept with what their cells show."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from places import ROOT

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
nbformat = pytest.importorskip("nbformat")


@pytest.fixture(scope="module")
def run():
    """A notebook with fresh outputs, of one kernel for all of them."""
    spec = importlib.util.spec_from_file_location("make_notebooks", ROOT / "notebooks" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.kernel() as found:
        yield found


def shown(notebook) -> list[str]:
    """The text of each output: what a reader of the page sees, without pictures."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output["data"]["text/plain"] for output in outputs if "data" in output]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_shows_what_it_showed_when_it_was_written(path: Path, run) -> None:
    kept = nbformat.read(path, as_version=4)
    assert shown(run(path)) == shown(kept)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_of_code_is_kept_with_what_it_shows(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells)
