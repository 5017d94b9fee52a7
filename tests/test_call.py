"""A call in Python: its story, its ladder in every format, and how a notebook shows it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import captures
import merged
import pytest
from places import SAMPLES

import analyzer
from analyzer.api.message import Message
from analyzer.errors import AnalyzerError, NotFound


def call(name: str, no: int = 1) -> analyzer.Call:
    return captures.read(SAMPLES / f"{name}.pcap").call(no)


def marks(name: str, no: int = 1) -> list[tuple[str, str]]:
    return [(mark.kind, mark.text) for mark in call(name, no).timeline().marks]


def test_phases_are_those_of_the_samples_truth() -> None:
    phases = call("hold_resume").timeline().phases
    assert [(phase.name, phase.lasted) for phase in phases] == [
        ("setup", "0.150 s"),
        ("ringing", "2.000 s"),
        ("talk", "40.000 s"),
        ("release", "0.012 s"),
    ]


def test_a_transfer_is_told_with_its_progress() -> None:
    assert [text for kind, text in marks("blind_transfer") if kind == "transfer"] == [
        "transfer to sip:carol@example.com asked for by 192.0.2.20",
        "transfer: 100 Trying",
        "transfer: 200 OK",
    ]


def test_an_invite_that_nobody_answers() -> None:
    assert marks("timeout") == [
        ("no_response", "INVITE to 192.0.2.99: no response seen, sent 7 times in 31.500 s"),
    ]


@pytest.mark.parametrize("no", [1, 2])
def test_a_broken_transport_is_told(no: int) -> None:
    assert [kind for kind, _ in marks("transport_error", no)] == ["transport_error"]


def test_the_fork_that_lost_is_told() -> None:
    assert [text for kind, text in marks("forked_one_cancelled") if kind == "fork"] == ["branch tag=2bc444a8 given up"]


def test_duplicates_are_counted() -> None:
    # The sample shows each packet twice.
    found = call("doubled")
    model = found.timeline()
    assert 2 * model.duplicates == len(found.messages)
    assert f"not drawn: {model.duplicates} seen twice by the capture" in str(found.ladder())


def test_the_reference_hop() -> None:
    assert call("volte_call").timeline(hop="reference").lanes == ("10.45.0.2", "10.46.0.1")


def test_one_leg_by_its_number_or_its_call_id() -> None:
    told = json.loads((SAMPLES / "truth" / "volte_failures.json").read_text())
    call_ids = told["calls"][1]["call_ids"]
    found = call("volte_failures", 2)
    assert [found.timeline(leg=number).call_ids for number in (1, 2, 3)] == [(call_id,) for call_id in call_ids]
    assert [found.timeline(leg=call_id).call_ids for call_id in call_ids] == [(call_id,) for call_id in call_ids]


def test_a_leg_that_there_is_not_is_told_with_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"no leg '4' here; 1 is .+, 2 is .+, 3 is "):
        call("volte_failures", 2).ladder(leg=4)


def test_a_ladder_prints_as_text() -> None:
    ladder = call("busy").ladder()
    assert str(ladder) == repr(ladder) == ladder.text(100)
    assert "486 Busy Here" in str(ladder)


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        (".txt", "2025-03-03"),
        (".svg", "<svg "),
        (".html", "<!DOCTYPE html>"),
        (".mmd", "sequenceDiagram"),
        (".puml", "@startuml"),
    ],
)
def test_the_suffix_says_the_format(tmp_path: Path, suffix: str, start: str) -> None:
    path = call("busy").ladder().save(tmp_path / f"call{suffix}")
    assert path.read_text(encoding="utf-8").startswith(start)


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match=r"\.svg"):
        call("busy").ladder().save(tmp_path / "call.docx")


def test_a_page_holds_the_messages_as_captured() -> None:
    found = call("busy")
    page = found.ladder().html()
    assert page.count("<pre>") == len(found.messages)
    assert '<a href="#h-Call-ID">Call-ID</a>: ' in page
    assert '<a href="#s-a-rtpmap">a=rtpmap</a>:8 PCMA/8000' in page


def test_a_page_says_what_is_missing(tmp_path: Path) -> None:
    copy = tmp_path / "busy.pcap"
    copy.write_bytes((SAMPLES / "busy.pcap").read_bytes())
    ladder = analyzer.read(copy).call(1).ladder()
    copy.unlink()
    assert "not shown: " in ladder.html()


def secrets(text: bytes) -> list[bytes]:
    return re.findall(rb'response="([0-9a-f]{32})"', text)


def test_digest_responses_are_hidden_in_what_is_shown() -> None:
    capture = captures.read(SAMPLES / "proxy_auth.pcap")
    messages = capture.messages_of(capture.table("messages")["message"].to_list())
    responses = {secret.decode() for message in messages for secret in secrets(message.text)}
    shown = capture.call(1).ladder().html() + "".join(message._repr_html_() for message in messages)
    assert responses
    assert [secret for secret in responses if secret in shown] == []
    assert "(hidden)" in shown


def test_hiding_leaves_everything_else_as_it_is() -> None:
    capture = captures.read(SAMPLES / "proxy_auth.pcap")
    for message in capture.messages_of(capture.table("messages")["message"].to_list()):
        expected = message.text
        for secret in secrets(message.text):
            expected = expected.replace(secret, b"(hidden)")
        assert message.without_secrets == expected


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        # RFC 4568 §9.1, and k= of RFC 4566 §5.12
        (
            b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4",
            b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:(hidden)|2^20|1:4",
        ),
        (b"k=clear:secret", b"k=clear:(hidden)"),
        (b"a=rtpmap:8 PCMA/8000", b"a=rtpmap:8 PCMA/8000"),
    ],
)
def test_keys_of_sdp_are_hidden(line: bytes, shown: bytes) -> None:
    head = b"INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
    assert Message({"message": 1}, head + line + b"\r\n").without_secrets == head + shown + b"\r\n"


@pytest.mark.slow
@pytest.mark.parametrize("origin", merged.ORIGINS[:1])
def test_notebooks_show_calls_and_messages_without_markup_from_the_wire(origin: str) -> None:
    capture = merged.capture(origin)
    keys = capture.table("messages")["message"].to_list()
    shown = [capture.call(no)._repr_html_() for no in capture.table("calls")["no"]]
    shown += [message._repr_html_() for message in capture.messages_of(keys[::4])]
    for fragment in shown:
        ET.fromstring(f"<div>{fragment}</div>")  # all of it is well-formed, so nothing broke out of its place
        assert re.search(r"<(script|img)", fragment) is None
