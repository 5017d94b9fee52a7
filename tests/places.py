"""Where the samples and the captures of other people are."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_pcaps"
SHARED = ROOT.parent / "shared"


def shared(*parts: str) -> Path:
    """A folder beside the project with other people's data; the test is skipped where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {path.relative_to(ROOT.parent)} beside the project")
    return path
