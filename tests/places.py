"""Where the samples and the captures of other people are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_pcaps"
SHARED = ROOT.parent / "shared"

#: Tests skipped, by what is absent; told at the end of the run.
skipped: Counter[str] = Counter()


def shared(*parts: str) -> Path:
    """A folder beside the project with other people's data; the test is skipped, and counted, where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        skipped[f"{path.relative_to(ROOT.parent)} is not beside the project"] += 1
        pytest.skip(f"no {path.relative_to(ROOT.parent)} beside the project")
    return path
