"""Runs the notebooks of this directory in place, so that they read well without being run: make notebooks."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


@contextlib.contextmanager
def kernel() -> Iterator[Callable[[Path], nbformat.NotebookNode]]:
    """Gives a notebook with fresh outputs, and raises where a cell does.

    One kernel runs them all: what they import is imported once, and none finds the names of the one before.
    """
    forget = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%reset -f")])
    client = NotebookClient(forget, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(HERE)}})

    def run(path: Path) -> nbformat.NotebookNode:
        notebook = nbformat.read(path, as_version=4)
        for client.nb in (forget, notebook):
            client.execute(cleanup_kc=False)
        # When and on what machine it ran says nothing to its reader.
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
        notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        return notebook

    with client.setup_kernel(cleanup_kc=True):
        yield run


def main() -> None:
    """Run those that are named, or all."""
    with kernel() as run:
        for path in map(Path, sys.argv[1:] or sorted(HERE.glob("*.ipynb"))):
            nbformat.write(run(path), path)


if __name__ == "__main__":
    main()
