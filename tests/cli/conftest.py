from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from world import Capture, tables

import analyzer.api.read
from analyzer.cli import group


@pytest.fixture
def capture() -> Capture:
    """What the command will read."""
    return Capture(tables())


@pytest.fixture
def run(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs ``sip-analyzer`` with these words; any capture that is named is the one of the fixture."""

    def read(origins: list[str], **options: Any) -> Capture:
        capture.asked = {"origins": origins, **options}
        return capture

    monkeypatch.setattr(analyzer.api.read, "read", read)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(group, list(words), prog_name="sip-analyzer", catch_exceptions=False)

    return invoke
