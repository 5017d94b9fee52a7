"""What the whole run shares."""

from __future__ import annotations

import places
import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, count in places.skipped.items():
        terminalreporter.write_line(f"{count} tests skipped: {what}")
