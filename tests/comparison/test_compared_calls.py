"""Two calls side by side: each pair differs in one thing, and that is what is said."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from click.testing import CliRunner
from places import SAMPLES

import analyzer
from analyzer.cli import group
from analyzer.comparison import sides
from analyzer.simulator import Truth, make
from tests.sip import wire

#: A call through a proxy, with a reliable 183 (RFC 3262).
CALL = """
UAC -> P    INVITE branch=a sdp=offer {invite} @0.000
P -> UAS    INVITE branch=p,a sdp=offer {invite} @{forwarded}
UAS -> P    183 INVITE branch=p,a to_tag=y rseq=1 sdp=answer @0.100
P -> UAC    183 INVITE branch=a to_tag=y rseq=1 sdp=answer @0.110
{prack}
UAS -> P    200 INVITE branch=p,a to_tag=y @2.000
P -> UAC    200 INVITE branch=a to_tag=y @2.010
UAC -> P    ACK branch=k to_tag=y @2.020
P -> UAS    ACK branch=q,k to_tag=y @2.030
"""
PRACK = """
UAC -> P    PRACK branch=b cseq=2 rack=1 to_tag=y @0.200
P -> UAS    PRACK branch=r,b cseq=2 rack=1 to_tag=y @0.210
UAS -> P    200 PRACK branch=r,b cseq=2 to_tag=y @0.220
P -> UAC    200 PRACK branch=b cseq=2 to_tag=y @0.230
"""
REFUSED = """
UAC -> P    INVITE branch=a sdp=offer @0.000
P -> UAS    INVITE branch=p,a sdp=offer @0.010
UAS -> P    488 INVITE branch=p,a to_tag=y @0.100
P -> UAS    ACK branch=p to_tag=y @0.110
P -> UAC    488 INVITE branch=a to_tag=y @0.120
UAC -> P    ACK branch=a to_tag=y @0.130
"""
LONG = """
UAC -> P    INVITE branch=a sdp=offer @0.000
P -> Q      INVITE branch=p,a sdp=offer @0.010
Q -> UAS    INVITE branch=q,p,a sdp=offer @0.020
UAS -> Q    200 INVITE branch=q,p,a to_tag=y sdp=answer @1.000
Q -> P      200 INVITE branch=p,a to_tag=y sdp=answer @1.010
P -> UAC    200 INVITE branch=a to_tag=y sdp=answer @1.020
UAC -> P    ACK branch=k to_tag=y @1.030
"""
BODIES = {
    "offer": wire.audio(1),
    "one_codec": wire.audio(1, formats="0"),
    "turned": wire.audio(1, formats="0 8"),
    "answer": wire.audio(2),
}


def call_of(dialogue: str = CALL, **said: str) -> str:
    return dialogue.format(**{"invite": "", "forwarded": "0.010", "prack": PRACK, **said})


def of_others(dialogue: str) -> str:
    """The same by other people over other addresses, at another time."""
    carol = "to=sip:carol@example.com uri=sip:carol@example.com"
    own = f"from_tag=z {carol} 'header=Date: Fri, 1 Jan 2027 00:00:00 GMT'"
    dialogue = dialogue.replace("to_tag=y", "to_tag=o").replace("@", f"{own} @")
    return re.sub(r"\b(UAC|UAS|P)\b(?= |$)", r"\1-2", dialogue)


def with_trying(at: str) -> str:
    return call_of(CALL.replace("UAS -> P    183", f"P -> UAC 100 INVITE branch=a @{at}\nUAS -> P    183"))


_SENT = "P -> UAS    INVITE branch=p,a"
#: The calls of one capture by their Call-IDs: each but the first differs from it in one thing.
CALLS = {
    "good": call_of(),
    "others": of_others(call_of()),
    "list": call_of(invite="'header=Supported: 100rel, timer' 'header=Allow: INVITE, ACK'"),
    "list_turned": call_of(invite="'header=k: timer' 'header=Supported: 100rel' 'header=Allow: ACK, INVITE'"),
    "list_shorter": call_of(invite="'header=Supported: timer' 'header=Allow: INVITE, ACK'"),
    "one_codec": call_of().replace("sdp=offer", "sdp=one_codec"),
    "codecs_turned": call_of().replace("sdp=offer", "sdp=turned"),
    "no_prack": call_of(prack=""),
    "slow": call_of(forwarded="0.060"),
    "again": call_of(CALL.replace(_SENT, f"UAC -> P  INVITE branch=a sdp=offer @0.005\n{_SENT}")),
    "refused": REFUSED,
    "tapped": "\n".join(line for line in call_of().splitlines() if "UAS" not in line),
    "barred": "UAC -> P INVITE branch=a sdp=offer @0.000\nP -> UAC 403 INVITE branch=a to_tag=y @0.010",
    "long": LONG,
    "answered_by_proxy": "\n".join(line for line in LONG.splitlines() if "UAC" in line),
    "trying_late": with_trying("0.020"),
    "trying_early": with_trying("0.005"),
}


def line_of(name: str, number: int, line: str) -> str:
    """The line in the capture of all: calls have Call-IDs and branches of their own, and come after each other."""
    line = re.sub(r"branch=(\S+)", lambda found: f"branch={','.join(name + b for b in found[1].split(','))}", line)
    bob = "" if " to=" in line else "to=sip:bob@example.com uri=sip:bob@example.com"
    return re.sub(r"@([\d.]+)$", lambda at: f"{bob} call_id={name} @{100 * number + float(at[1]):.3f}", line)


@cache
def capture() -> analyzer.Capture:
    lines = [
        line_of(name, number, line)
        for number, (name, dialogue) in enumerate(CALLS.items())
        for line in dialogue.splitlines()
        if line
    ]
    return wire.read("\n".join(lines), **BODIES)


@cache
def compared(a: str, b: str) -> analyzer.CallComparison:
    return analyzer.compare(capture().call(a), capture().call(b))


def test_calls_of_other_people_over_other_addresses_are_alike() -> None:
    found = compared("good", "others").data
    assert found.a.nodes.keys().isdisjoint(found.b.nodes)
    assert found.differences == ()
    assert all(row.a is not None and row.b is not None for row in found.rows)
    assert len(found.rows) == 12


def test_a_header_field_is_the_first_difference_where_it_is_the_only_one() -> None:
    first = compared("list", "list_shorter").data.first
    assert first is not None
    assert (first.kind, first.row, first.field.name, first.field.lacks) == ("header", 0, "Supported", ("100rel",))


def test_the_order_of_a_list_is_no_difference_and_compact_forms_are_the_same_field() -> None:
    assert compared("list", "list_turned").data.differences == ()


def test_a_codec_is_the_first_difference_where_it_is_the_only_one() -> None:
    first = compared("good", "one_codec").data.first
    assert first is not None
    assert (first.kind, first.field.name, first.field.lacks) == ("sdp", "m=audio codecs", ("PCMA/8000",))


def test_the_order_of_codecs_is_a_difference_for_it_is_that_of_preference() -> None:
    first = compared("good", "codecs_turned").data.first
    assert first is not None
    assert (first.field.name, first.field.lacks, first.field.gains) == ("m=audio codecs", (), ())
    assert "another order" in compared("good", "codecs_turned").first


def test_a_missing_prack_is_said_with_the_one_who_did_not_send_it() -> None:
    assert compared("good", "no_prack").data.first.kind == "missing"
    assert compared("good", "no_prack").first == "UA 10.0.0.1 sends PRACK to proxy 10.0.0.2 in A, but not in B."
    assert compared("no_prack", "good").data.first.kind == "additional"


def test_a_slower_node_is_no_difference_of_messages_and_is_named_among_the_times() -> None:
    found = compared("good", "slow").data
    assert found.differences == ()
    assert found.slowest is not None
    assert found.slowest.name == "node proxy 10.0.0.2"
    assert found.slowest.more_s == pytest.approx(0.05)


def test_a_message_sent_again_is_a_difference() -> None:
    first = compared("good", "again").data.first
    assert first is not None
    assert (first.kind, first.row) == ("retransmission", 0)


def test_another_answer_is_said_of_the_node_that_gave_it_and_not_of_those_that_passed_it_on() -> None:
    told = "UA 10.0.0.3 answers the INVITE of proxy 10.0.0.2 with 488 Said in B, with 200 Said in A."
    assert compared("good", "refused").first == told
    assert compared("good", "refused").data.parting == compared("good", "refused").data.first


def test_a_hop_that_one_capture_did_not_see_is_no_difference() -> None:
    """The 183 and 200 of the proxy are those of the callee behind it: that was captured elsewhere."""
    found = compared("good", "tapped").data
    assert found.first is None
    assert len(found.not_captured) == 6


def test_a_hop_to_a_node_that_the_capture_shows_was_not_taken() -> None:
    """The proxy answers as its next hop would, and that next hop is seen in other calls of the capture."""
    told = "proxy 10.0.0.2 sends INVITE to proxy 10.0.0.7 in A, but not in B."
    assert compared("long", "answered_by_proxy").first == told


def test_an_invite_that_was_not_passed_on_is_explained_by_the_answer_given_instead() -> None:
    told = "proxy 10.0.0.2 answers the INVITE of UA 10.0.0.1 with 403 Said in B, with 200 Said in A."
    assert compared("good", "barred").first == told


def test_messages_on_other_hops_may_interleave_in_another_order() -> None:
    assert compared("trying_late", "trying_early").data.differences == ()


def test_of_a_call_that_runs_wild_the_first_messages_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "MOST_MESSAGES", 5)
    comparison = analyzer.compare(capture().call("good"), capture().call("no_prack"))
    assert len(comparison.data.rows) == 6
    assert "The last 7 messages of A are not compared: the call is too long." in comparison.verdict


#: Failures of the simulator's network that a node itself gives, and is known for in its truth.
FAILURES = ("busy", "declined", "forbidden", "as_error", "as_overload", "unknown_user", "no_resources")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[analyzer.Capture, dict[str, dict[str, Any]], Truth]:
    """Calls of an IMS network, answered and failed, by Call-ID with what the simulator knows of them."""
    place = tmp_path_factory.mktemp("network")
    truth = make(place, calls=24, seed=5, mix=dict.fromkeys((*FAILURES, "answered", "unallocated"), 1), translated=0)
    known = {leg["call_id"]: call for call in truth.calls for leg in call["legs"]}
    return analyzer.read(place / "all.pcap"), known, truth


def test_a_failed_call_parts_from_a_good_one_at_the_node_that_failed_it(network) -> None:
    capture, known, truth = network
    address = {node["name"]: node["address"] for node in truth.nodes}
    calls = {row["no"]: known[row["call_ids"][0]] for row in capture.table("calls").to_dicts()}
    good = next(no for no, call in calls.items() if call["scenario"] == "answered")
    parted = {}
    for no, call in calls.items():
        if call["scenario"] in FAILURES:
            found = analyzer.compare(capture.call(good), capture.call(no)).data
            assert found.parting is not None
            parted[no] = found.rows[found.parting.row].b.sender
    assert len(parted) > len(FAILURES)
    assert parted == {no: address[calls[no]["refused_by"]] for no in parted}


def test_a_call_that_leaves_the_network_goes_another_way(network) -> None:
    capture, known, _ = network
    calls = {row["no"]: known[row["call_ids"][0]]["scenario"] for row in capture.table("calls").to_dicts()}
    numbers = [next(no for no, call in calls.items() if call == wanted) for wanted in ("answered", "unallocated")]
    assert "passes the INVITE on to" in analyzer.compare(*map(capture.call, numbers)).first


SAME = [str(SAMPLES / "volte_call.pcap"), "1"]


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, ["compare", *words], prog_name="sip-analyzer")
    return result.exit_code, result.output


def test_a_call_is_like_itself() -> None:
    status, told = run("#".join(SAME), "#".join(SAME), "--all-rows", "--width", "160")
    assert status == 0
    assert "No difference that matters" in told
    messages = analyzer.read(SAME[0]).call(1).table("messages")
    assert sum(line.endswith("  =") for line in told.splitlines()) == messages.height


def test_json_has_the_difference_and_both_calls() -> None:
    status, told = run(f"{SAMPLES}/basic_call.pcap#1", f"{SAMPLES}/busy.pcap#1", "--format", "json")
    data = json.loads(told)
    assert status == 0
    assert (data["a"]["outcome"], data["b"]["outcome"]) == ("answered", "busy")
    assert (data["first"]["kind"], data["first"]["row"]) == ("status", 3)
    assert data["rows"][2]["b"]["status"] == 486


def test_a_page_loads_nothing_and_names_both_calls(tmp_path) -> None:
    page = tmp_path / "compare.html"
    assert run(f"{SAMPLES}/basic_call.pcap#1", f"{SAMPLES}/busy.pcap#1", "-o", str(page))[0] == 0
    told = page.read_text()
    assert "486 Busy Here" in told
    assert "default-src &#x27;none&#x27;" in told or "default-src 'none'" in told
    assert "<script" not in told
    assert " src=" not in told
    assert "href=" not in told


def test_a_masked_comparison_names_nobody() -> None:
    plain = run(f"{SAMPLES}/basic_call.pcap#1", f"{SAMPLES}/busy.pcap#1", "--format", "json")[1]
    masked = run(f"{SAMPLES}/basic_call.pcap#1", f"{SAMPLES}/busy.pcap#1", "--format", "json", "--mask")[1]
    call = json.loads(plain)["a"]
    assert call["caller"] in plain
    assert call["caller"] not in masked
    kinds = [[one["kind"] for one in json.loads(told)["rows"][0]["differences"]] for told in (plain, masked)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("form", ["text", "html", "json"])
def test_hostile_text_is_escaped(form: str) -> None:
    told = run(f"{SAMPLES}/hostile.pcap#1", f"{SAMPLES}/busy.pcap#1", "--format", form)[1]
    assert "\x1b" not in told
    assert "<script" not in told or form != "html"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{s}/busy.pcap#1"], "compare takes two: 1 given"),
        (["{s}/busy.pcap#99", "{s}/busy.pcap#1"], "busy.pcap: no call '99' among 1"),
        (["{s}/registration.pcap#1", "{s}/busy.pcap#1"], "registration.pcap: no call '1' among 0"),
        (["{s}/busy.pcap#", "{s}/busy.pcap#1"], "CAPTURE#CALL is wanted"),
        (["{s}/busy.pcap#1", "{s}/none.pcap#1"], "none.pcap: No such file"),
        (["{s}/busy.pcap#1", "{s}/busy.pcap#1", "-o", "a.pdf"], "end the name in .txt"),
    ],
)
def test_what_cannot_be_compared_is_said(words: list[str], said: str) -> None:
    status, told = run(*(word.format(s=SAMPLES) for word in words))
    assert status == 2
    assert said in told
