"""One call, one file: the same verdict, ladder and messages in each format, masked if asked, and nothing hostile."""

from __future__ import annotations

import re
from pathlib import Path

import captures
import pytest
from places import SAMPLES

import analyzer
from analyzer.errors import AnalyzerError, NotFound

VERDICT = "P-CSCF 10.1.0.1:5060 refused the call after 0.118 s: 503 Service Unavailable"


def saved(path: Path, name: str, no: int = 1) -> bytes:
    return captures.read(SAMPLES / name).call(no).save(path).read_bytes()


@pytest.mark.parametrize("suffix", ["html", "md", "txt"])
def test_a_file_begins_with_the_verdict_and_has_way_ladder_and_messages(tmp_path: Path, suffix: str) -> None:
    text = saved(tmp_path / f"call.{suffix}", "volte_failures.pcap", 2).decode()
    assert VERDICT in text
    places = [text.index(found) for found in (VERDICT, "─Gm→", "where its time went", "100 Trying")]
    assert places == sorted(places)
    if suffix != "txt":
        assert "P-Access-Network-Info" in text  # a message as captured


@pytest.mark.parametrize(("suffix", "begins"), [("pdf", b"%PDF-"), ("png", b"\x89PNG"), ("svg", b"<svg ")])
def test_a_picture_needs_no_browser(tmp_path: Path, suffix: str, begins: bytes) -> None:
    made = saved(tmp_path / f"call.{suffix}", "busy.pcap")
    assert made.startswith(begins)
    assert saved(tmp_path / f"again.{suffix}", "busy.pcap") == made


def test_paper_is_one_size(tmp_path: Path) -> None:
    """A4, ISO 216: 210 by 297 mm, 595 by 842 points."""
    boxes = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", saved(tmp_path / "call.pdf", "busy.pcap"))
    assert {(round(float(wide)), round(float(high))) for wide, high in boxes} == {(595, 842)}


def test_an_unknown_suffix_is_told_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match=r"\.html, .*\.pdf, .*\.md"):
        captures.read(SAMPLES / "busy.pcap").call(1).save(tmp_path / "call.doc")


@pytest.mark.parametrize("suffix", ["html", "md", "txt"])
def test_a_masked_call_has_nothing_of_the_original(tmp_path: Path, suffix: str) -> None:
    capture = captures.read(SAMPLES / "volte_failures.pcap")
    text = capture.mask("an example, not a secret").call(2).save(tmp_path / f"call.{suffix}").read_text()
    assert [word for word in ("15552000588", "15552000602", "10.100.0.86") if word in text] == []


@pytest.mark.parametrize("suffix", ["html", "md"])
def test_a_hostile_call_stays_text(tmp_path: Path, suffix: str) -> None:
    capture = captures.read(SAMPLES / "hostile.pcap")
    for number in capture.table("calls")["no"]:
        text = capture.call(number).save(tmp_path / f"call.{suffix}").read_text()
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
        if suffix == "html":
            assert text.count("<script") == 1


def test_a_refused_registration_names_the_node_and_what_to_check() -> None:
    """The registrar of the sample refuses mallory's third password with 403 (sample_pcaps/registration.py)."""
    story = captures.read(SAMPLES / "registration_failed.pcap").registration(1).story()
    first, *_, check = story.sections[0].lines
    assert first == "registrar 198.51.100.5:5060 refused the registration: 403 Forbidden"
    assert check.startswith("check: ")


def test_a_registration_tells_with_whom_and_until_when(tmp_path: Path) -> None:
    """600,000 s (TS 24.229 §5.1.1.2.1) from the 200 at 08:00:00.239 on 2025-03-03."""
    registration = captures.read(SAMPLES / "ims_core.pcap").registration(1)
    text = registration.save(tmp_path / "registration.md").read_text()
    assert "I-CSCF 10.46.0.2 ─Mw→ S-CSCF 10.46.0.3" in text
    assert "2025-03-10 06:40:00.239" in text
    assert "what went wrong" not in text


def test_a_registration_that_there_is_not() -> None:
    capture = captures.read(SAMPLES / "registration_failed.pcap")
    with pytest.raises(NotFound, match="no registration 9 among"):
        capture.registration(9)


def test_a_call_says_why_in_a_sentence() -> None:
    capture = captures.read(SAMPLES / "volte_failures.pcap")
    assert [capture.call(no).why().split("\n")[0] for no in (1, 2)] == ["", VERDICT]
    assert isinstance(capture, analyzer.Capture)
