"""What senders must not do with Via, Call-ID and tags, and do: each message still belongs to what it is of."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pcaps import RAW_IP, pcap, udp
from places import ROOT, SAMPLES, shared

import analyzer
from analyzer.reading import native
from analyzer.sip.calls import attempts
from analyzer.sip.dialogs import dialogs
from analyzer.sip.identities import mended
from analyzer.sip.transactions import transactions
from tests.ims.ims_wire import joined_rows
from tests.sip import frames, wire


def calls(dialogue: str, *, end: float = 1000.0) -> list[dict[str, Any]]:
    messages, at_end = mended(frames.messages(dialogue)), frames.at(end)
    found = transactions(messages, frames.failures(), end=at_end)
    return attempts(messages, found, dialogs(messages, found, end=at_end), end=at_end).calls.to_dicts()


def of_calls(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def codes(dialogue: str) -> list[tuple[int, str]]:
    """The messages that were mended, and why."""
    return mended(frames.messages(dialogue)).drop_nulls("_mended").select("message", "_mended").rows()


# -- identities used again ---------------------------------------------------------------------------------------------

FIRST = """
UAC -> UAS  INVITE branch=a                    @0
UAS -> UAC  200 INVITE branch=a to_tag=y       @2
UAC -> UAS  ACK branch=b to_tag=y              @2.1
UAC -> UAS  BYE branch=c cseq=2 to_tag=y       @12
UAS -> UAC  200 BYE branch=c cseq=2 to_tag=y   @12.1
"""
SECOND = """
UAC -> UAS  INVITE branch=d                    @30
UAS -> UAC  200 INVITE branch=d to_tag={tag}   @33
UAC -> UAS  ACK branch=e to_tag={tag}          @33.1
UAC -> UAS  BYE branch=f cseq=2 to_tag={tag}   @48
UAS -> UAC  200 BYE branch=f cseq=2 to_tag={tag}  @48.1
"""


@pytest.mark.parametrize("tag", ["z", "y"])
def test_an_identity_used_again_after_its_call_is_another_call(tag: str) -> None:
    rows = calls(FIRST + SECOND.format(tag=tag))
    assert of_calls(rows, "setup_s", "talk_s") == [(2.0, 10.0), (3.0, 15.0)]
    assert codes(FIRST + SECOND.format(tag=tag)) == [(6, "sip_call_identity_reused")]


def test_an_identity_may_be_used_for_a_third_time() -> None:
    third = SECOND.replace("@30", "@60").replace("@33", "@64").replace("@48", "@70").replace("branch=", "branch=t")
    rows = calls(FIRST + SECOND.format(tag="z") + third.format(tag="zz"))
    assert of_calls(rows, "setup_s", "talk_s") == [(2.0, 10.0), (3.0, 15.0), (4.0, 6.0)]


@pytest.mark.parametrize(("ack", "tag", "found"), [("ACK", "z", 2), ("ACK", "y", 1), ("OPTIONS", "z", 1)])
def test_an_identity_used_again_though_the_first_bye_was_not_captured(ack: str, tag: str, found: int) -> None:
    """Its caller had acknowledged the answer, so it is no fork (RFC 3261 §13.2.2.4); the same To tag is one dialog."""
    without_end = FIRST.split("UAC -> UAS  BYE")[0].replace("ACK", ack)
    assert len(calls(without_end + SECOND.format(tag=tag))) == found


def test_an_identity_used_again_after_a_refusal_is_another_call() -> None:
    refused = """
    UAC -> UAS  INVITE branch=a               @0
    UAS -> UAC  486 INVITE branch=a to_tag=y  @2
    UAC -> UAS  ACK branch=a to_tag=y         @2.1
    """
    rows = calls(refused + SECOND.format(tag="z"))
    assert of_calls(rows, "outcome", "setup_s", "talk_s") == [("busy", None, None), ("answered", 3.0, 15.0)]


UNCHANGED = {
    "the call is still up": FIRST.split("UAC -> UAS  BYE")[0] + "UAC -> UAS INVITE branch=d @30\n",
    "failover": """
    UAC -> P  INVITE branch=a               @0
    P -> UAC  503 INVITE branch=a to_tag=p  @0.1
    UAC -> Q  INVITE branch=b               @9
    """,
    "credentials with the same CSeq": """
    UAC -> P  INVITE branch=a                         @0
    P -> UAC  401 INVITE branch=a to_tag=p challenge  @0.1
    UAC -> P  INVITE branch=b credentials             @30
    """,
    "a proxy forks one branch after the other": """
    P -> A  INVITE branch=b,a               @0
    A -> P  486 INVITE branch=b,a to_tag=m  @5
    P -> B  INVITE branch=c,a               @9
    """,
    "a node that keeps all identities tries another": """
    UAC -> P  INVITE branch=a               @0
    P -> A  INVITE branch=b                 @0.1
    A -> P  486 INVITE branch=b to_tag=m    @5
    P -> B  INVITE branch=c                 @9
    """,
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_an_identity_that_is_not_over_is_one_call(name: str) -> None:
    assert (len(calls(UNCHANGED[name])), codes(UNCHANGED[name])) == (1, [])


# -- responses with another Via ----------------------------------------------------------------------------------------

ASKED = "P -> UAS  INVITE branch=b,a  @0\n"


def test_a_response_without_the_top_via_belongs_to_the_request_that_waits() -> None:
    (row,) = calls(
        ASKED
        + """
    UAS -> P  180 INVITE branch=a via_sent_by=uac to_tag=y  @1
    UAS -> P  603 INVITE branch=a via_sent_by=uac to_tag=y  @4
    P -> UAS  ACK branch=b to_tag=y                         @4.1
    """
    )
    assert of_calls([row], "outcome", "status", "alert_s") == [("rejected", 603, 1.0)]


def test_a_call_answered_through_a_changed_via_has_its_times() -> None:
    (row,) = calls(
        ASKED
        + """
    UAS -> P  200 INVITE branch=a via_sent_by=uac to_tag=y  @3
    P -> UAS  ACK branch=k to_tag=y                         @3.1
    P -> UAS  BYE branch=m,n cseq=2 to_tag=y                @9
    UAS -> P  200 BYE branch=n via_sent_by=uac cseq=2 to_tag=y  @9.1
    """
    )
    assert of_calls([row], "outcome", "outcome_detail", "setup_s", "talk_s") == [("answered", "normal", 3.0, 6.0)]


@pytest.mark.parametrize("server", ["UAS", "UAS2"])
def test_sent_by_is_no_condition_for_a_response(server: str) -> None:
    text = ASKED + f"{server} -> P  486 INVITE branch=b,a via_sent_by=other to_tag=y  @1\n"
    assert (of_calls(calls(text), "outcome"), codes(text)) == ([("busy",)], [(2, "sip_via_changed")])


NOT_ITS_OWN = {
    "another pair of addresses": ASKED + "X -> P  486 INVITE branch=q via_sent_by=uac to_tag=y  @1\n",
    "another CSeq": ASKED + "UAS -> P  486 INVITE branch=q via_sent_by=uac cseq=9 to_tag=y  @1\n",
    "another From tag": ASKED + "UAS -> P  486 INVITE branch=q via_sent_by=uac from_tag=w to_tag=y  @1\n",
    "before the request": "UAS -> P  486 INVITE branch=q via_sent_by=uac to_tag=y  @0\n" + ASKED.replace("@0", "@1"),
    "two requests wait": ASKED + "P -> UAS INVITE branch=c,a @0.1\nUAS -> P 486 INVITE branch=q to_tag=y @1\n",
    "the request has its final": ASKED
    + "UAS -> P  486 INVITE branch=b,a via_sent_by=p to_tag=y  @1\nUAS -> P  603 INVITE branch=q to_tag=y @2\n",
}


@pytest.mark.parametrize("name", NOT_ITS_OWN)
def test_a_response_that_no_single_request_waits_for_stays_alone(name: str) -> None:
    assert codes(NOT_ITS_OWN[name]) == []


# -- CANCELs with another branch ---------------------------------------------------------------------------------------

CANCELLED = "UAC -> P INVITE branch=a @0\n{more}UAC -> {server} CANCEL branch={branch} @1\n"


@pytest.mark.parametrize(
    ("branch", "server", "more", "expected"),
    [
        ("a", "P", "", []),
        ("w", "P", "", [(2, "sip_cancel_branch_differs")]),
        pytest.param("w", "Q", "", [], id="to another server"),
        pytest.param("w", "P", "UAC -> P INVITE branch=b @0.5\n", [], id="two INVITEs"),
    ],
)
def test_a_cancel_with_the_branch_of_no_invite_is_marked(
    branch: str, server: str, more: str, expected: list[tuple[int, str]]
) -> None:
    assert codes(CANCELLED.format(branch=branch, server=server, more=more)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("branch=a cseq=2", "sip_cancel_differs"),
        ("branch=a from_tag=w", "sip_cancel_differs"),
        ("branch=a to_tag=y", "sip_cancel_differs"),
        ("branch=w cseq=2", "sip_cancel_branch_differs"),
    ],
)
def test_a_cancel_that_is_not_quite_its_invites_is_marked_and_counts(words: str, expected: str) -> None:
    dialogue = f"""
        UAC -> P INVITE branch=a                @0
        P -> UAC 180 INVITE branch=a to_tag=y   @0.5
        UAC -> P CANCEL {words}                 @6
        P -> UAC 200 CANCEL {words.replace(" to_tag=y", "")} to_tag=y @6.1
        P -> UAC 487 INVITE branch=a to_tag=y   @6.2
    """
    assert codes(dialogue) == [(3, expected)]
    assert of_calls(calls(dialogue), "outcome", "released_by") == [("cancelled", "caller")]


def test_a_cancel_on_each_hop_with_the_branch_of_that_hop_is_right() -> None:
    dialogue = """
        UAC -> P INVITE branch=a    @0
        P -> UAS INVITE branch=b,a  @0.1
        UAC -> P CANCEL branch=a    @6
        P -> UAS CANCEL branch=b    @6.1
    """
    assert codes(dialogue) == []


# -- on the wire -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("near", "far"),
    [("a", "a"), ("a", "q,b,a"), ("a", "q,r,b,a"), ("a", "a,b"), ("q,a", "b,a"), ("q,r,a", "b,a"), ("q", "b,a")],
)
def test_a_response_with_other_vias_is_on_the_hop_of_its_request(near: str, far: str) -> None:
    text = f"""
    UAC -> P    INVITE branch=a sdp=offer                                  @0
    P   -> UAS  INVITE branch=b,a sdp=offer                                @0.01
    UAS -> P    200 INVITE branch={far} to_tag=y sdp=answer                @2
    P   -> UAC  200 INVITE branch={near} to_tag=y sdp=answer header=X-P:1  @2.01
    UAC -> P    ACK branch=c to_tag=y                                      @2.03
    P   -> UAS  ACK branch=d,c to_tag=y                                    @2.04
    """
    capture = wire.read(text, offer=wire.audio(1), answer=wire.audio(2, formats="8"))
    assert capture.table("calls").select("setup_s", "codecs").rows() == [(2.01, "PCMA/8000")]
    assert capture.table("offer_answer_violations").is_empty()
    assert capture.table("transactions")["final_delay_s"].to_list() == [2.01, 1.99]
    answers = capture.table("messages").filter(pl.col("status") == 200)
    assert answers["via_count"].to_list() == [far.count(",") + 1, near.count(",") + 1]


@pytest.mark.parametrize("cseq", ["36893488147419103232 INVITE", "x INVITE", "1", "INVITE"])
def test_a_response_whose_cseq_cannot_be_read_answers_the_request_of_its_branch(cseq: str) -> None:
    """RFC 4475 §3.1.2.4 has such a request, which is to be answered 400."""

    def message(start: str, tag: str, number: str) -> bytes:
        return (
            f"{start}\r\nVia: SIP/2.0/UDP uac;branch=z9hG4bKa\r\nFrom: <sip:a@x>;tag=x\r\nTo: <sip:b@x>{tag}\r\n"
            f"Call-ID: c\r\nCSeq: {number}\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    asked = udp("10.0.0.1", "10.0.0.2", message("INVITE sip:b@x SIP/2.0", "", cseq), ident=1)
    said = udp("10.0.0.2", "10.0.0.1", message("SIP/2.0 400 Bad Request", ";tag=y", cseq), ident=2)
    capture = analyzer.read(io.BytesIO(pcap(RAW_IP, [(0, asked), (10**8, said)])))
    assert capture.table("transactions").select("status", "outcome").rows() == [(400, "completed")]
    assert set(capture.table("problems")["code"]) >= {"sip_cseq_invalid"}
    assert "sip_response_cut" not in set(capture.table("problems")["code"])


def test_the_problems_say_which_message_was_mended() -> None:
    def message(start: str, via: str, tag: str = "") -> bytes:
        return (
            f"{start}\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bKa\r\nFrom: <sip:a@x>;tag=x\r\nTo: <sip:b@x>{tag}\r\n"
            "Call-ID: i\r\nCSeq: 1 INVITE\r\nContact: <sip:a@x>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    packets = [
        (1_000_000_000, udp("192.0.2.1", "192.0.2.2", message("INVITE sip:b@x SIP/2.0", "one.example"), ident=1)),
        (2_000_000_000, udp("192.0.2.2", "192.0.2.1", message("SIP/2.0 486 Busy", "two.example", ";tag=y"), ident=2)),
    ]
    capture = analyzer.read(io.BytesIO(pcap(RAW_IP, packets)))
    problems = capture.table("problems").select("problem", "code", "layer", "frame")
    assert problems.rows() == [(1, "sip_via_changed", "sip", 2)]
    assert capture.table("calls")["outcome"].to_list() == ["busy"]


def changed_vias(count: int) -> bytes:
    """A capture of so many calls whose 486 came with another Via than that of its INVITE, one of them with a NUL."""
    packets: list[tuple[int, bytes]] = []
    for number in range(count):
        for second, start, via, tag in (
            (0, "INVITE sip:b@x SIP/2.0", "one", ""),
            (1, "SIP/2.0 486 Busy", "two", ";tag=y"),
        ):
            text = (
                f"{start}\r\nVia: SIP/2.0/UDP {via}.example;branch=z9hG4bK{number}\r\nFrom: <sip:a@x>;tag=x\r\n"
                f"To: <sip:b@x>{tag}\r\nCall-ID: {number}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
                f"Contact: <sip:a@192.0.2.1>\r\nX-Odd: \0\r\nContent-Length: 0\r\n\r\n"
            ).encode()
            ends = ("192.0.2.1", "192.0.2.2") if second == 0 else ("192.0.2.2", "192.0.2.1")
            packets.append(((2 * number + second + 1) * 10**9, udp(*ends, text, ident=len(packets) + 1)))
    return bytes(pcap(RAW_IP, packets))


@pytest.mark.parametrize(
    ("most", "listed", "left_out"), [(0, 0, 5), (1, 1, 4), (4, 4, 1), (5, 5, None), (None, 5, None)]
)
def test_the_problems_of_mended_messages_obey_the_limit(most: int | None, listed: int, left_out: int | None) -> None:
    limits = {} if most is None else {"max_problems_per_code": most}
    problems = analyzer.read(io.BytesIO(changed_vias(5)), limits=limits).table("problems")
    assert problems["problem"].to_list() == list(range(1, problems.height + 1))
    of_code = problems.filter(code="sip_via_changed")
    assert of_code["file"].count() == listed
    more = of_code.filter(pl.col("file").is_null())["detail"].to_list()
    assert more == (
        [] if left_out is None else [f"{left_out} more of this code are not listed (max_problems_per_code)"]
    )


def test_what_is_left_out_is_told_after_all_problems_of_all_files(tmp_path: Path) -> None:
    """As the core's own are: NUL bytes are its, changed Vias are not."""
    for name in ("a.pcap", "b.pcap"):
        (tmp_path / name).write_bytes(changed_vias(2))
    problems = analyzer.read(tmp_path, limits={"max_problems_per_code": 1}).table("problems")
    assert problems["file"].is_null().to_list() == [False, False, True, True]
    assert set(problems["code"].tail(2)) == {"sip_nul", "sip_via_changed"}


def test_the_limit_is_the_cores_where_none_is_set() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    said = re.search(r"\| max_problems_per_code \| ([\d_]+) \|", page)
    assert said is not None
    assert int(said[1]) == native.Reading(native.sources(SAMPLES / "busy.pcap"), 1, None).max_problems_per_code


CASES: dict[str, list[tuple[Any, ...]]] = {
    "redirect_list_tried": [("answered", "normal", 200, 0.9, 59.1)],
    "call_id_used_again": [("answered", "normal", 200, 2.0, 10.0), ("answered", "normal", 200, 3.0, 15.0)],
    "cancel_other_branch": [("no_answer", None, 480, None, None)],
    "invite_not_captured": [("joined", "rejected", 603, None, None), ("joined", "active", 200, None, None)],
    "response_via_changed": [("rejected", "declined", 603, None, None), ("busy", None, 486, None, None)],
}


@pytest.mark.parametrize("name", CASES)
def test_the_captures_of_such_senders(name: str) -> None:
    table = analyzer.read(shared("cases", f"{name}.pcap")).table("calls")
    assert table.select("outcome", "outcome_detail", "status", "setup_s", "talk_s").rows() == CASES[name]


def test_what_is_in_order_is_left_as_it_is() -> None:
    messages = frames.messages(FIRST)
    assert mended(messages).drop("_mended", "_via_count").equals(messages)
    assert mended(messages)["_mended"].dtype == pl.String


# -- the very messages of a call, once more ----------------------------------------------------------------------------

# As a capture that is played again has them: the branches are those of the first call, too.
REPLAYED = {
    "with another To tag": SECOND.replace("branch=d", "branch=a").format(tag="z"),
    "with the same To tag": SECOND.replace("branch=d", "branch=a").replace("branch=e", "branch=b").format(tag="y"),
    "message by message": SECOND.replace("branch=d", "branch=a")
    .replace("branch=e", "branch=b")
    .replace("branch=f", "branch=c")
    .format(tag="y"),
}


@pytest.mark.parametrize("name", REPLAYED)
def test_a_call_played_again_is_another_call(name: str) -> None:
    rows = calls(FIRST + REPLAYED[name])
    assert of_calls(rows, "setup_s", "talk_s") == [(2.0, 10.0), (3.0, 15.0)]
    assert [row["retransmissions"] for row in rows] == [0, 0]


def test_a_call_played_again_over_a_proxy_is_one_more_call() -> None:
    call = """
    UAC -> P    INVITE branch=a                   @{0}
    P   -> UAS  INVITE branch=b,a                 @{0}.01
    UAS -> P    200 INVITE branch=b,a to_tag=y    @{1}
    P   -> UAC  200 INVITE branch=a to_tag=y      @{1}.01
    UAC -> P    ACK branch=k to_tag=y             @{1}.02
    P   -> UAS  ACK branch=l,k to_tag=y           @{1}.03
    UAC -> P    BYE branch=m cseq=2 to_tag=y      @{2}
    P   -> UAS  BYE branch=n,m cseq=2 to_tag=y    @{2}.01
    """
    rows = calls(call.format(0, 2, 12) + call.format(40, 43, 58) + call.format(80, 81, 82))
    assert of_calls(rows, "hops", "setup_s", "talk_s") == [(2, 2.01, 9.99), (2, 3.01, 14.99), (2, 1.01, 0.99)]


def test_a_refusal_played_again_is_another_call() -> None:
    refused = """
    UAC -> UAS  INVITE branch=a               @{0}
    UAS -> UAC  486 INVITE branch=a to_tag=y  @{0}.5
    UAC -> UAS  ACK branch=a to_tag=y         @{0}.6
    """
    assert len(calls(refused.format(0) + refused.format(30))) == 2


@pytest.mark.parametrize(
    "late",
    [
        "UAC -> UAS  INVITE branch=a                @12.5\n",  # and nobody answers it
        "UAC -> UAS  INVITE branch=a                @2.05\nUAS -> UAC  200 INVITE branch=a to_tag=y @2.08\n",
    ],
)
def test_a_copy_that_came_late_is_no_other_call(late: str) -> None:
    lines = sorted((FIRST + late).strip().splitlines(), key=lambda line: float(line.rsplit("@", 1)[1]))
    assert of_calls(calls("\n".join(lines)), "setup_s", "talk_s") == [(2.0, 10.0)]


def test_copies_of_a_request_are_not_compared_with_all_its_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    """An INVITE sent again and again, each time refused and acknowledged."""
    flood = "".join(
        f"UAC -> UAS INVITE branch=a @{at}\nUAS -> UAC 486 INVITE branch=a to_tag=y @{at}.1\n"
        f"UAC -> UAS ACK branch=a to_tag=y @{at}.2\n"
        for at in range(100)
    )
    messages = frames.messages(flood)
    heights = joined_rows(monkeypatch)
    mended(messages)
    assert max(heights) <= messages.height
