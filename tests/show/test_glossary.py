"""The words that explain headers and SDP lines."""

from __future__ import annotations

import captures
import pytest

import analyzer
from analyzer.explain.entries import of_kind

HEADERS, SDP = of_kind("header_fields"), of_kind("sdp_lines")
COMPACT = {letter: name for name, entry in HEADERS.items() for letter in entry.also}


def canonical(name: str) -> str | None:
    """What the parser calls a header field of this name; None where it knows none."""
    return analyzer.parse(f"OPTIONS sip:a@b SIP/2.0\r\n{name}: x\r\n\r\n".encode()).headers[0].canonical


def test_headers_have_the_names_that_the_parser_gives_them() -> None:
    assert {name: found for name in HEADERS if (found := canonical(name)) not in (name, None)} == {}


def test_compact_forms() -> None:
    assert {letter: canonical(letter) for letter in COMPACT} == COMPACT


@pytest.mark.slow
@pytest.mark.xdist_group(captures.TOGETHER)
def test_every_header_of_the_samples_is_explained() -> None:
    """But those that nobody has registered."""
    capture = captures.together()
    messages = capture.messages_of(capture.table("messages")["message"].to_list())
    found = {header.canonical for message in messages for header in message.parsed.headers}
    assert found - {None} - set(HEADERS) == set()


def test_each_is_a_sentence() -> None:
    assert [entry.word for entry in (*HEADERS.values(), *SDP.values()) if not entry.text("en").endswith(".")] == []


def test_each_has_its_standard() -> None:
    standards = {entry.standard for entry in (*HEADERS.values(), *SDP.values())}
    assert [standard for standard in standards if not standard.startswith(("RFC ", "TS "))] == []
