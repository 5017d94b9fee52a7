"""Where the samples and the captures of other people are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_pcaps"
SHARED = ROOT.parent / "shared"

#: Tests skipped for want of a folder, by folder; told at the end of the run.
skipped: Counter[str] = Counter()


def shared(*parts: str) -> Path:
    """A folder beside the project with other people's data; the test is skipped, and counted, where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        skipped["/".join(parts)] += 1
        pytest.skip(f"no {path.relative_to(ROOT.parent)} beside the project")
    return path
