"""The words that explain headers and SDP lines."""

from __future__ import annotations

import pytest
from places import SAMPLES

import analyzer
from analyzer.show.glossary import COMPACT, HEADERS, SDP


def parsed(name: str) -> analyzer.reading.parsing.Header:
    return analyzer.parse(f"OPTIONS sip:a@b SIP/2.0\r\n{name}: x\r\n\r\n".encode()).headers[0]


@pytest.mark.parametrize("name", HEADERS)
def test_headers_have_the_names_that_the_parser_gives_them(name: str) -> None:
    assert parsed(name).canonical in (name, None)


@pytest.mark.parametrize(("letter", "name"), COMPACT.items())
def test_compact_forms(letter: str, name: str) -> None:
    assert parsed(letter).canonical == name


def test_every_header_of_the_samples_is_explained() -> None:
    """But those that nobody has registered."""
    found = set()
    for path in SAMPLES.glob("*.pcap"):
        capture = analyzer.read(path)
        messages = capture.messages_of(capture.table("messages")["message"].to_list())
        found |= {header.canonical for message in messages for header in message.parsed.headers}
    assert found - {None} - set(HEADERS) == set()


@pytest.mark.parametrize("meaning", [*HEADERS.values(), *SDP.values()])
def test_each_is_a_sentence_with_its_standard(meaning: tuple[str, str]) -> None:
    sentence, standard = meaning
    assert sentence.endswith(".")
    assert standard.startswith(("RFC ", "3GPP TS "))
