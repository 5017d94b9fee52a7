"""The words that explain headers and SDP lines."""

from __future__ import annotations

from places import SAMPLES

import analyzer
from analyzer.show.glossary import COMPACT, HEADERS, SDP


def parsed(name: str) -> analyzer.message.Header:
    return analyzer.parse(f"OPTIONS sip:a@b SIP/2.0\r\n{name}: x\r\n\r\n".encode()).headers[0]


def test_headers_have_the_names_that_the_parser_gives_them() -> None:
    assert {name: parsed(name).canonical for name in HEADERS if parsed(name).canonical not in (name, None)} == {}


def test_compact_forms() -> None:
    assert {letter: parsed(letter).canonical for letter in COMPACT} == COMPACT


def test_every_header_of_the_samples_is_explained() -> None:
    """But those that nobody has registered."""
    found = set()
    for path in SAMPLES.glob("*.pcap"):
        capture = analyzer.read(path)
        messages = capture.messages_of(capture.table("messages")["message"].to_list())
        found |= {header.canonical for message in messages for header in message.parsed.headers}
    assert found - {None} - set(HEADERS) == set()


def test_each_is_a_sentence_with_its_standard() -> None:
    wrong = {
        name
        for name, (sentence, standard) in {**HEADERS, **SDP}.items()
        if not sentence.endswith(".") or not standard.startswith(("RFC ", "3GPP TS "))
    }
    assert wrong == set()
