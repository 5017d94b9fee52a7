"""The HTML page as a browser shows it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import captures
import pytest
from chromium import program
from places import SAMPLES

pytestmark = pytest.mark.browser


def shown(page: Path, profile: Path, fragment: str = "") -> str:
    """The page's elements after its script has run."""
    words = [program(), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom"]
    done = subprocess.run(
        [*words, f"{page.as_uri()}{fragment}"], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.mark.parametrize("number", [0, 4])
def test_the_message_asked_for_stands_beside_the_picture(tmp_path: Path, number: int) -> None:
    """So the policy lets our script run, and the script finds the message and its explanations."""
    ladder = captures.read(SAMPLES / "hostile.pcap").call(1).ladder()
    page = shown(ladder.save(tmp_path / "call.html"), tmp_path / "profile", f"#m{number}" if number else "")
    panel = page[page.index('<div id="chosen"') : page.index("</aside>")]
    assert re.search(r"<h2>[\d.]+ (\S+)", panel).group(1) == ladder.timeline.events[number].what.split()[0]
    assert "Identifier of this dialog" in panel  # Call-ID
    assert "<script" not in panel
