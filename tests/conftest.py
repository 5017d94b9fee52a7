"""What the tests share: where the samples and the captures of other people are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_pcaps"
SHARED = ROOT.parent / "shared"

_skipped: Counter[str] = Counter()


def shared(*parts: str) -> Path:
    """A folder beside the project with other people's data; the test is skipped, and counted, where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        _skipped["/".join(parts)] += 1
        pytest.skip(f"no {path.relative_to(ROOT.parent)} beside the project")
    return path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, count in _skipped.items():
        terminalreporter.write_line(f"{count} tests skipped: shared/{what} is not beside the project")
