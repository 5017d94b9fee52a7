"""Two calls side by side: each pair differs in one thing, and that is what is said."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from click.testing import CliRunner
from places import SAMPLES

import analyzer
from analyzer.cli import group
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
BODIES = {"offer": wire.audio(1), "answer": wire.audio(2)}


@cache
def read(dialogue: str, **bodies: str) -> analyzer.Call:
    return wire.read(dialogue, **bodies).call(1)


def call(dialogue: str = CALL, *, bodies: dict[str, str] | None = None, **said: str) -> analyzer.Call:
    filled = {"invite": "", "forwarded": "0.010", "prack": PRACK, **said}
    return read(dialogue.format(**filled), **(bodies or BODIES))


def test_calls_of_other_people_over_other_addresses_are_alike() -> None:
    lines = CALL.format(invite="", forwarded="0.010", prack=PRACK).replace("to_tag=y", "to_tag=o").splitlines()
    own = "call_id=elsewhere from_tag=z to=sip:carol@example.com 'header=Date: Fri, 1 Jan 2027 00:00:00 GMT'"
    # Nodes become addresses in the order in which they come: here others than in the first call.
    other = "X -> Y OPTIONS @0.000\n" + "\n".join(line.replace("@", f"{own} @") for line in lines)
    other = other.replace("branch=", "branch=x")
    found = analyzer.compare(call(), wire.read(other, **BODIES).call(1)).data
    assert [(one.kind, one.field) for one in found.differences if one.matters] == []
    assert all(row.a is not None and row.b is not None for row in found.rows)
    assert len(found.rows) == 12


def test_a_header_field_is_the_first_difference_where_it_is_the_only_one() -> None:
    a = call(invite="'header=Supported: 100rel, timer'")
    b = call(invite="'header=Supported: timer'")
    first = analyzer.compare(a, b).data.first
    assert first is not None
    assert (first.kind, first.row, first.field.name, first.field.lacks) == ("header", 0, "Supported", ("100rel",))


def test_the_order_of_a_list_is_no_difference_and_compact_forms_are_the_same_field() -> None:
    a = call(invite="'header=Supported: 100rel, timer' 'header=Allow: INVITE, ACK'")
    b = call(invite="'header=k: timer' 'header=Supported: 100rel' 'header=Allow: ACK, INVITE'")
    assert analyzer.compare(a, b).data.first is None


def test_a_codec_is_the_first_difference_where_it_is_the_only_one() -> None:
    b = call(bodies={"offer": wire.audio(1, formats="0"), "answer": wire.audio(2)})
    first = analyzer.compare(call(), b).data.first
    assert first is not None
    assert (first.kind, first.field.name, first.field.lacks) == ("sdp", "m=audio codecs", ("PCMA/8000",))


def test_the_order_of_codecs_is_a_difference_for_it_is_that_of_preference() -> None:
    b = call(bodies={"offer": wire.audio(1, formats="0 8"), "answer": wire.audio(2)})
    first = analyzer.compare(call(), b).data.first
    assert first is not None
    assert (first.field.name, first.field.lacks, first.field.gains) == ("m=audio codecs", (), ())
    assert "another order" in analyzer.compare(call(), b).first


def test_a_missing_prack_is_said_with_the_one_who_did_not_send_it() -> None:
    comparison = analyzer.compare(call(), call(prack=""))
    assert comparison.data.first.kind == "missing"
    assert comparison.first == "UA 10.0.0.1 sends PRACK to proxy 10.0.0.2 in A, but not in B."
    assert analyzer.compare(call(prack=""), call()).data.first.kind == "additional"


def test_a_slower_node_is_no_difference_of_messages_and_is_named_among_the_times() -> None:
    found = analyzer.compare(call(), call(forwarded="0.060")).data
    assert found.first is None
    assert found.slowest is not None
    assert found.slowest.name == "node proxy 10.0.0.2"
    assert found.slowest.more_s == pytest.approx(0.05)


def test_a_message_sent_again_is_a_difference() -> None:
    sent = "P -> UAS    INVITE branch=p,a"
    again = CALL.replace(sent, f"UAC -> P  INVITE branch=a sdp=offer @0.005\n{sent}")
    first = analyzer.compare(call(), call(again)).data.first
    assert first is not None
    assert (first.kind, first.row) == ("retransmission", 0)


def test_another_answer_is_said_of_the_node_that_gave_it_and_not_of_those_that_passed_it_on() -> None:
    refused = """
    UAC -> P    INVITE branch=a sdp=offer @0.000
    P -> UAS    INVITE branch=p,a sdp=offer @0.010
    UAS -> P    488 INVITE branch=p,a to_tag=y @0.100
    P -> UAS    ACK branch=p to_tag=y @0.110
    P -> UAC    488 INVITE branch=a to_tag=y @0.120
    UAC -> P    ACK branch=a to_tag=y @0.130
    """
    comparison = analyzer.compare(call(), call(refused))
    told = "UA 10.0.0.3 answers the INVITE of proxy 10.0.0.2 with 488 Said in B, with 200 Said in A."
    assert comparison.first == told
    assert comparison.data.parting == comparison.data.first


def test_a_hop_that_one_capture_did_not_see_is_no_difference() -> None:
    """The 183 and 200 of the proxy are those of the callee behind it: that was captured elsewhere."""
    core = CALL.format(invite="", forwarded="0.010", prack=PRACK).splitlines()
    tapped = "\n".join(line for line in core if "UAS" not in line)
    found = analyzer.compare(call(), wire.read(tapped, **BODIES).call(1)).data
    assert found.first is None
    assert len(found.not_captured) == 6


def test_an_invite_that_was_not_passed_on_is_explained_by_the_answer_given_instead() -> None:
    rejected = "UAC -> P INVITE branch=a sdp=offer @0.000\nP -> UAC 403 INVITE branch=a to_tag=y @0.010"
    assert analyzer.compare(call(), call(rejected)).first == (
        "UA 10.0.0.2 answers the INVITE of UA 10.0.0.1 with 403 Said in B, with 200 Said in A."
    )


def test_messages_on_other_hops_may_interleave_in_another_order() -> None:
    trying = "P -> UAC 100 INVITE branch=a @{at}\n"
    early, late = (CALL.replace("UAS -> P    183", f"{trying.format(at=at)}UAS -> P    183") for at in (0.02, 0.005))
    found = analyzer.compare(call(early), call(late)).data
    assert found.differences == ()


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
    plain = run(f"{SAMPLES}/volte_call.pcap#1", f"{SAMPLES}/ims_core.pcap#1", "--format", "json")[1]
    masked = run(f"{SAMPLES}/volte_call.pcap#1", f"{SAMPLES}/ims_core.pcap#1", "--format", "json", "--mask")[1]
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
