"""Offers and answers: RFC 3264 in SIP by RFC 6337, each pattern and each breach worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import captures
import polars as pl
import pytest
from places import SAMPLES, shared

import analyzer
from tests.sip.wire import SESSION, audio, read

BODIES = {"a": audio(1), "b": audio(2, formats="0"), "a2": audio(1, 2), "b2": audio(2, 2, formats="0")}

# What follows a first exchange in the INVITE and its 200.
SETTLED = """
    UAC -> UAS  INVITE sdp=a                       @0
    UAS -> UAC  200 INVITE to_tag=y sdp=b          @1
    UAC -> UAS  ACK to_tag=y                       @1.1
"""


def of(capture: analyzer.Capture, table: str, *names: str) -> list[Any]:
    """The rows of a table in these columns, times in seconds after the start."""
    frame = capture.table(table)
    times = [name for name in names if frame.schema[name] == pl.Datetime("ns", "UTC")]
    start = capture.table("messages")["time"].min()
    rows = frame.with_columns(((pl.col(times) - start).dt.total_nanoseconds() / 1e9).round(6)).select(names).rows()
    return [row[0] for row in rows] if len(names) == 1 else rows


# -- the patterns of RFC 6337 table 1 ----------------------------------------------------------------------------------

EARLY = """
    UAC -> UAS  INVITE sdp=a                       @0
    UAS -> UAC  183 INVITE to_tag=y rseq=1 sdp=b   @1
    UAC -> UAS  PRACK cseq=2 to_tag=y rack=1       @1.1
    UAS -> UAC  200 PRACK cseq=2 to_tag=y          @1.2
"""
PATTERNS = {
    1: (SETTLED, [(1, "local", 0, 1)]),
    2: (
        """
        UAC -> UAS  INVITE                             @0
        UAS -> UAC  200 INVITE to_tag=y sdp=b          @1
        UAC -> UAS  ACK to_tag=y sdp=a                 @1.5
        """,
        [(2, "remote", 1, 1.5)],
    ),
    3: (EARLY + "UAS -> UAC 200 INVITE to_tag=y @2\nUAC -> UAS ACK to_tag=y @2.1", [(3, "local", 0, 1)]),
    4: (
        """
        UAC -> UAS  INVITE                             @0
        UAS -> UAC  183 INVITE to_tag=y rseq=7 sdp=b   @1
        UAC -> UAS  PRACK cseq=2 to_tag=y rack=7 sdp=a @1.25
        UAS -> UAC  200 PRACK cseq=2 to_tag=y          @1.5
        UAS -> UAC  200 INVITE to_tag=y                @2
        UAC -> UAS  ACK to_tag=y                       @2.1
        """,
        [(4, "remote", 1, 1.25)],
    ),
    5: (
        """
        UAC -> UAS  INVITE sdp=a                        @0
        UAS -> UAC  183 INVITE to_tag=y rseq=1 sdp=b    @1
        UAC -> UAS  PRACK cseq=2 to_tag=y rack=1 sdp=a2 @1.5
        UAS -> UAC  200 PRACK cseq=2 to_tag=y sdp=b2    @1.75
        """,
        [(3, "local", 0, 1), (5, "local", 1.5, 1.75)],
    ),
    6: (
        EARLY
        + """
        UAS -> UAC  UPDATE from_tag=y to_tag=x sdp=b2     @2
        UAC -> UAS  200 UPDATE from_tag=y to_tag=x sdp=a2 @2.5
        """,
        [(3, "local", 0, 1), (6, "remote", 2, 2.5)],
    ),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_of_rfc_6337_is_known(pattern: int) -> None:
    dialogue, expected = PATTERNS[pattern]
    assert of(read(dialogue, **BODIES), "offers", "pattern", "offered_by", "offered_at", "answered_at") == expected


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_patterns_break_no_rule(pattern: int) -> None:
    assert of(read(PATTERNS[pattern][0], **BODIES), "offer_answer_violations", "code") == []


@pytest.mark.parametrize(
    ("pattern", "roles"),
    [
        (1, ["offer", "answer"]),
        (2, ["offer", "answer"]),
        (4, ["offer", "answer"]),
        (5, ["offer", "answer", "offer", "answer"]),
    ],
)
def test_roles(pattern: int, roles: list[str]) -> None:
    assert of(read(PATTERNS[pattern][0], **BODIES), "sdp", "role") == roles


PREVIEWED = """
    UAC -> UAS  INVITE sdp=a                       @0
    UAS -> UAC  183 INVITE to_tag=y sdp=b          @1
    UAS -> UAC  200 INVITE to_tag=y sdp=b          @2
    UAC -> UAS  ACK to_tag=y                       @2.1
"""


def test_an_unreliable_18x_previews_the_answer() -> None:
    """RFC 3261 §13.2.1: the answer is in the reliable response."""
    capture = read(PREVIEWED, **BODIES)
    assert of(capture, "sdp", "role", "preview") == [("offer", False), ("answer", True), ("answer", False)]
    assert of(capture, "offers", "answered_at") == [2]


def test_previews_alone_agree_on_nothing() -> None:
    capture = read(PREVIEWED.rsplit("UAS", 2)[0] + "UAS -> UAC 486 INVITE to_tag=y @3", **BODIES)
    assert of(capture, "offers", "state", "status", "codecs") == [("rejected", 486, None)]


PREVIEW_ONLY = PREVIEWED.replace("200 INVITE to_tag=y sdp=b ", "200 INVITE to_tag=y ")


def test_a_preview_is_the_answer_where_the_2xx_has_none() -> None:
    """RFC 3261 §13.2.1: the caller takes the first description that it gets."""
    capture = read(PREVIEW_ONLY, **BODIES)
    assert of(capture, "offers", "state", "answered_at", "codecs", "remote_connection", "remote_port") == [
        ("agreed", 1, "PCMU/8000", "10.0.0.2", 4000)
    ]
    assert of(capture, "calls", "codecs") == ["PCMU/8000"]
    assert of(capture, "offer_answer_violations", "code") == ["answer_missing"]


def test_of_several_previews_the_first_is_the_answer() -> None:
    second = "UAS -> UAC 180 INVITE to_tag=y sdp=c @1.5\n    UAS -> UAC  200"
    capture = read(PREVIEW_ONLY.replace("UAS -> UAC  200", second), **BODIES, c=audio(2, 2, formats="8"))
    assert of(capture, "calls", "codecs") == ["PCMU/8000"]


def test_the_preview_of_a_branch_that_was_not_answered_is_no_answer() -> None:
    capture = read(PREVIEW_ONLY.replace("200 INVITE to_tag=y", "200 INVITE to_tag=z"), **BODIES)
    assert of(capture, "offers", "state", "codecs") == [("unanswered", None)]
    assert of(capture, "calls", "codecs") == [None]


def test_an_offer_is_read_on_a_hop_that_has_it() -> None:
    """Of the hop next to the caller only the responses were captured."""
    capture = read(
        """
        P   -> UAS  INVITE branch=b,a sdp=a                 @0
        UAS -> P    180 INVITE branch=b,a to_tag=y          @0.1
        P   -> UAC  180 INVITE branch=a to_tag=y            @0.2
        UAS -> P    200 INVITE branch=b,a to_tag=y sdp=b    @3
        P   -> UAC  200 INVITE branch=a to_tag=y sdp=b      @3.1
        P   -> UAS  ACK branch=k,l to_tag=y                 @3.2
        """,
        **BODIES,
    )
    assert of(capture, "offers", "state", "offered_at", "answered_at") == [("agreed", 0, 3)]
    assert of(capture, "dialogs", "early_at", "confirmed_at") == [(0.1, 3)]
    assert of(capture, "calls", "codecs", "answered_at") == [("PCMU/8000", 3)]


def test_an_offer_in_a_2xx_is_read_on_a_hop_that_has_its_invite() -> None:
    capture = read(
        """
        P   -> UAS  INVITE branch=b,a                       @0
        UAS -> P    200 INVITE branch=b,a to_tag=y sdp=b    @3
        P   -> UAC  200 INVITE branch=a to_tag=y sdp=b      @3.1
        P   -> UAS  ACK branch=k,l to_tag=y sdp=a           @3.2
        """,
        **BODIES,
    )
    assert of(capture, "offers", "pattern", "state", "offered_at") == [(2, "agreed", 3)]


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("offer_on_one_hop", "PCMA/8000 PCMU/8000"),
        ("answer_only_in_183", "PCMA/8000 telephone-event/8000"),
    ],
)
def test_media_of_captures_of_other_people(name: str, codecs: str) -> None:
    assert of(analyzer.read(shared("cases", f"{name}.pcap")), "calls", "codecs") == [codecs]


def test_what_is_not_of_a_session_has_no_role() -> None:
    capture = read("A -> B OPTIONS @0\nB -> A 200 OPTIONS to_tag=y sdp=b @1", **BODIES)
    assert of(capture, "sdp", "role") == ["unknown"]
    assert of(capture, "offers", "state") == []


def test_a_response_whose_request_is_older_than_the_capture_is_not_guessed_at() -> None:
    assert of(read("B -> A 200 INVITE to_tag=y sdp=b @1", **BODIES), "sdp", "role") == ["unknown"]


def test_capabilities_in_a_488_are_no_answer() -> None:
    """RFC 3261 §21.4.26."""
    capture = read("A -> B INVITE sdp=a @0\nB -> A 488 INVITE to_tag=y sdp=b @1", **BODIES)
    assert of(capture, "sdp", "role") == ["offer", "unknown"]
    assert of(capture, "offers", "state", "status") == [("rejected", 488)]


def test_each_branch_of_a_fork_answers_for_itself() -> None:
    capture = read(
        """
        UAC -> P  INVITE sdp=a                        @0
        P -> UAC  183 INVITE to_tag=y rseq=1 sdp=b    @1
        P -> UAC  183 INVITE to_tag=z rseq=1 sdp=b2   @2
        """,
        **BODIES,
    )
    assert of(capture, "offers", "offered_at", "answered_at", "state") == [(0, 1, "agreed"), (0, 2, "agreed")]
    assert capture.table("offers")["dialog"].n_unique() == 2


def test_an_exchange_is_read_at_the_hop_of_the_caller() -> None:
    capture = read(
        """
        UAC -> P    INVITE branch=a sdp=a                            @0
        P   -> UAS  INVITE branch=b,a sdp=a                          @0.1
        UAS -> P    200 INVITE branch=b,a to_tag=y sdp=b             @1
        P   -> UAC  200 INVITE branch=a to_tag=y sdp=b               @1.1
        UAC -> P    ACK branch=k to_tag=y                            @1.2
        UAS -> P    INVITE branch=c from_tag=y to_tag=x sdp=b2       @5
        P   -> UAC  INVITE branch=d,c from_tag=y to_tag=x sdp=b2     @5.1
        UAC -> P    200 INVITE branch=d,c from_tag=y to_tag=x sdp=a2 @5.2
        P   -> UAS  200 INVITE branch=c from_tag=y to_tag=x sdp=a2   @5.3
        """,
        **BODIES,
    )
    assert of(capture, "offers", "offered_by", "offered_at", "answered_at") == [("local", 0, 1.1), ("remote", 5.1, 5.2)]
    assert capture.table("sdp").height == 8


def test_a_volte_call_over_five_hops_has_two_exchanges() -> None:
    """TS 24.930: 183 answers, UPDATE tells that the bearers stand. Each description is seen five times."""
    capture = captures.read(SAMPLES / "volte_call.pcap")
    expected = [(3, "none", "none", True), (6, "sendrecv", "sendrecv", False)]
    assert of(capture, "offers", "pattern", "qos_local", "qos_remote", "qos_pending") == expected
    assert (of(capture, "calls", "codecs"), capture.table("sdp").height) == (["AMR-WB/16000"], 20)


# -- states ------------------------------------------------------------------------------------------------------------


def test_an_offer_without_an_answer_yet_is_pending() -> None:
    assert of(read("A -> B INVITE sdp=a @0", **BODIES), "offers", "state") == ["pending"]


def test_a_refused_offer_in_a_dialog_changes_nothing() -> None:
    """RFC 6141: the session goes on as agreed before."""
    more = "UAC -> UAS INVITE cseq=2 to_tag=y sdp=a2 @5\nUAS -> UAC 488 INVITE cseq=2 to_tag=y @6"
    capture = read(SETTLED + more, **BODIES)
    assert of(capture, "offers", "state", "status") == [("agreed", 200), ("rejected", 488)]
    assert of(capture, "calls", "codecs") == ["PCMU/8000"]


def test_codecs_of_a_call_are_those_last_agreed() -> None:
    more = """
        UAC -> UAS  INVITE cseq=2 to_tag=y sdp=a2      @5
        UAS -> UAC  200 INVITE cseq=2 to_tag=y sdp=new @6
        UAC -> UAS  ACK cseq=2 to_tag=y                @6.1
    """
    capture = read(SETTLED + more, **BODIES, new=audio(2, 2, formats="8 0 8"))
    assert of(capture, "calls", "codecs") == ["PCMA/8000 PCMU/8000"]


def test_preconditions_of_either_side() -> None:
    """RFC 3312 §5: in the answer stands what its writer knows of both sides."""
    lines = "a=curr:qos local {}\na=curr:qos remote {}\na=des:qos mandatory local sendrecv\n"
    bodies = {"a": audio(1) + lines.format("none", "none"), "b": audio(2) + lines.format("sendrecv", "none")}
    capture = read(EARLY, **bodies)
    assert of(capture, "offers", "qos_local", "qos_remote", "qos_pending") == [("none", "sendrecv", False)]


# -- breaches ----------------------------------------------------------------------------------------------------------

TWO = audio(1, 2) + "m=video 5000 RTP/AVP 31\n"
BREACHES = {
    "answer_missing in 2xx": (
        "A -> B INVITE sdp=a @0\nB -> A 200 INVITE to_tag=y @1",
        {},
        ["answer_missing"],
    ),
    "answer_missing in ACK": (
        "A -> B INVITE @0\nB -> A 200 INVITE to_tag=y sdp=b @1\nA -> B ACK to_tag=y @1.1",
        {},
        ["answer_missing"],
    ),
    "answer_missing in PRACK": (
        "A -> B INVITE @0\nB -> A 183 INVITE to_tag=y rseq=1 sdp=b @1\nA -> B PRACK cseq=2 to_tag=y rack=1 @1.1",
        {},
        ["answer_missing"],
    ),
    "answer_missing in 2xx of UPDATE": (
        SETTLED + "UAC -> UAS UPDATE cseq=2 to_tag=y sdp=a2 @3\nUAS -> UAC 200 UPDATE cseq=2 to_tag=y @4",
        {},
        ["answer_missing"],
    ),
    "offer_missing": (
        "A -> B INVITE @0\nB -> A 200 INVITE to_tag=y @1\nA -> B ACK to_tag=y @1.1",
        {},
        ["offer_missing"],
    ),
    "answer_not_asked": (SETTLED.replace("ACK to_tag=y", "ACK to_tag=y sdp=a"), {}, ["answer_not_asked"]),
    "answer_changed": (
        PREVIEWED.replace("200 INVITE to_tag=y sdp=b", "200 INVITE to_tag=y sdp=b2"),
        {},
        ["answer_changed"],
    ),
    "media_count_differs": (SETTLED, {"a": TWO}, ["media_count_differs"]),
    "media_type_differs": (SETTLED, {"b": BODIES["b"].replace("audio", "text")}, ["media_type_differs"]),
    "protocol_differs": (SETTLED, {"b": BODIES["b"].replace("AVP", "AVPF")}, ["protocol_differs"]),
    "direction_not_allowed": (SETTLED, {"a": audio(1, 1, "sendonly")}, ["direction_not_allowed"]),
    "no_common_format": (SETTLED, {"b": audio(2, formats="18")}, ["no_common_format"]),
    "offer_before_answer": (
        """
        A -> B  INVITE sdp=a                        @0
        B -> A  183 INVITE to_tag=y sdp=b           @1
        A -> B  UPDATE cseq=2 to_tag=y sdp=a2       @2
        B -> A  200 UPDATE cseq=2 to_tag=y sdp=b2   @3
        B -> A  200 INVITE to_tag=y sdp=b           @4
        """,
        {},
        ["offer_before_answer"],
    ),
    "version_not_raised": (
        SETTLED + "UAC -> UAS UPDATE cseq=2 to_tag=y sdp=n @3\nUAS -> UAC 200 UPDATE cseq=2 to_tag=y sdp=b @4",
        {"n": audio(1, 1, "recvonly"), "b": audio(2, 1, formats="0")},
        ["version_not_raised", "direction_not_allowed"],
    ),
    "media_lines_dropped": (
        SETTLED + "UAC -> UAS UPDATE cseq=2 to_tag=y sdp=n @3\nUAS -> UAC 200 UPDATE cseq=2 to_tag=y sdp=b2 @4",
        {"a": TWO, "b": BODIES["b"] + "m=video 0 RTP/AVP 31\n", "n": audio(1, 3)},
        ["media_lines_dropped"],
    ),
}


@pytest.mark.parametrize("name", BREACHES)
def test_each_breach_is_a_row(name: str) -> None:
    dialogue, bodies, codes = BREACHES[name]
    assert of(read(dialogue, **BODIES | bodies), "offer_answer_violations", "code") == codes


@pytest.mark.parametrize(
    "bodies",
    [
        {"b": audio(2, formats="18 0")},  # RFC 3264 §6.1: further formats may stand beside a common one
        {
            "a": audio(1, formats="97") + "a=rtpmap:97 iLBC/8000\n",
            "b": audio(2, formats="99") + "a=rtpmap:99 ilbc/8000\n",
        },
        {"b": audio(2, formats="18", port=0)},  # of a rejected stream nothing is to be said
    ],
    ids=["more", "other payload type", "rejected"],
)
def test_what_looks_like_a_breach_and_is_none(bodies: dict[str, str]) -> None:
    assert of(read(SETTLED, **BODIES | bodies), "offer_answer_violations", "code") == []


def test_of_a_message_that_was_cut_nothing_is_said() -> None:
    """The snap length took the media line of the answer."""
    assert of(captures.read(SAMPLES / "format_snaplen.pcap"), "offer_answer_violations", "code") == []


# -- offers of both sides that cross -----------------------------------------------------------------------------------

LATER = {"a3": audio(1, 3), "b3": audio(2, 3, formats="0")}
ACCEPTED = "crossing_offer_accepted"


def crossing(method: str, *, first: str, second: str, second_at: float = 10.06, **bodies: str) -> analyzer.Capture:
    """An UPDATE of the caller and a request of the callee, 10 ms later; ``first`` answers the callee's, ``second`` the
    caller's, with SDP where they accept."""
    body = {"200": "sdp=a3"}.get(first, ""), {"200": "sdp=b3"}.get(second, "")
    dialogue = f"""
        UAC -> UAS  UPDATE cseq=2 to_tag=y sdp=a2                               @10
        UAS -> UAC  {method} cseq=7 from_tag=y to_tag=x sdp=b2                  @10.01
        UAC -> UAS  {first} {method} cseq=7 from_tag=y to_tag=x {body[0]}       @10.03
        UAS -> UAC  {second} UPDATE cseq=2 to_tag=y {body[1]}                   @{second_at}
    """
    lines = sorted(dialogue.strip().splitlines(), key=lambda line: float(line.rsplit("@", 1)[1]))
    return read(SETTLED + "\n".join(lines), **BODIES | LATER | bodies)


@pytest.mark.parametrize(("method", "standard"), [("INVITE", "RFC 3261 §14.2"), ("UPDATE", "RFC 3311 §5.2")])
def test_crossing_offers_that_were_both_accepted_are_a_breach_of_both_sides(method: str, standard: str) -> None:
    capture = crossing(method, first="200", second="200")
    found = of(capture, "offer_answer_violations", "code", "standard")
    assert found == [(ACCEPTED, standard), (ACCEPTED, "RFC 3311 §5.2")]


def test_what_crossing_offers_agreed_on_is_not_certain() -> None:
    capture = crossing("INVITE", first="200", second="200")
    assert of(capture, "offers", "state", "direction") == [
        ("agreed", "sendrecv"),
        ("uncertain", None),
        ("uncertain", None),
    ]


def test_a_hold_by_crossing_offers_is_not_certain() -> None:
    capture = crossing("INVITE", first="200", second="200", a2=audio(1, 2, "sendonly"), b3=audio(2, 3, "recvonly"))
    assert (capture.table("holds").height, of(capture, "calls", "hold_s")) == (0, [None])


def test_crossing_offers_without_a_hold_leave_none_in_doubt() -> None:
    capture = crossing("INVITE", first="200", second="200")
    assert of(capture, "calls", "hold_s") == [0]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_crossing_offers_refused_with_491_break_no_rule(method: str) -> None:
    capture = crossing(method, first="491", second="491")
    assert of(capture, "offer_answer_violations", "code") == []


def test_an_offer_accepted_before_the_own_was_refused_is_a_breach_and_agreed_all_the_same() -> None:
    capture = crossing("INVITE", first="200", second="491")
    assert of(capture, "offer_answer_violations", "code") == [ACCEPTED]
    assert of(capture, "offers", "state") == ["agreed", "rejected", "agreed"]


def test_an_offer_accepted_after_the_own_was_refused_is_no_breach() -> None:
    capture = crossing("UPDATE", first="491", second="200")
    assert of(capture, "offer_answer_violations", "code") == []
    assert of(capture, "offers", "state") == ["agreed", "agreed", "rejected"]


def test_offers_of_both_sides_one_after_the_other_do_not_cross() -> None:
    capture = crossing("UPDATE", first="200", second="200", second_at=10.005)
    assert of(capture, "offers", "state") == ["agreed"] * 3
    assert of(capture, "offer_answer_violations", "code") == []


def test_an_offer_that_was_sent_again_after_the_answer_may_have_come_late() -> None:
    """The first copy of the UPDATE may have been lost: the callee knew of no crossing."""
    dialogue = (
        SETTLED
        + """
    UAC -> UAS  UPDATE cseq=2 to_tag=y sdp=a2               @10
    UAS -> UAC  UPDATE cseq=7 from_tag=y to_tag=x sdp=b2     @10.01
    UAC -> UAS  200 UPDATE cseq=7 from_tag=y to_tag=x sdp=a3 @10.03
    UAC -> UAS  UPDATE cseq=2 to_tag=y sdp=a2               @10.5
    UAS -> UAC  200 UPDATE cseq=2 to_tag=y sdp=b3           @10.53
    """
    )
    capture = read(dialogue, **BODIES | LATER)
    violations = capture.table("offer_answer_violations").join(capture.table("messages"), on="message")
    assert violations.select("code", "src_ip").rows() == [(ACCEPTED, "10.0.0.1")]


@pytest.mark.shared
def test_crossing_offers_of_a_real_report() -> None:
    """pjsip/pjproject#1166: both sides accept what the other offers."""
    capture = analyzer.read(shared("cases") / "offers_cross.pcap")
    assert of(capture, "offer_answer_violations", "code") == [ACCEPTED, ACCEPTED]
    assert of(capture, "calls", "hold_s") == [None]


# -- bodies ------------------------------------------------------------------------------------------------------------


def test_a_description_without_media_lines_has_no_rows_and_is_an_answer_all_the_same() -> None:
    bare = SESSION.format(1, 1), SESSION.format(2, 1)
    capture = read(SETTLED, a=bare[0], b=bare[1])
    assert (of(capture, "sdp", "index"), of(capture, "offer_answer_violations", "code")) == ([], [])


def test_broken_sdp_is_read_as_far_as_it_goes() -> None:
    capture = read("A -> B INVITE sdp=a @0", a="nonsense\nm=audio 4000 RTP/AVP 0\n")
    assert of(capture, "sdp", "codecs") == ["PCMU/8000"]
    problems = capture.table("problems").filter(layer="sdp")
    assert problems["code"].to_list() == ["sdp_line_malformed", "sdp_field_missing"]


@pytest.mark.slow
def test_no_key_of_srtp_reaches_a_table() -> None:
    capture = read(
        "A -> B INVITE sdp=a @0",
        a=audio(1) + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:TOPSECRET\nk=clear:TOPSECRET\na=ice-pwd:TOPSECRET\n",
    )
    assert of(capture, "sdp", "crypto") == ["AES_CM_128_HMAC_SHA1_80"]
    for name in analyzer.schema.TABLES:
        assert "TOPSECRET" not in str(capture.table(name).to_dicts())


# -- the worked examples of RFC 4317 -----------------------------------------------------------------------------------

# Section: exchanges in order, each with the side that offers, and of every stream its state, codecs and direction as
# Alice, who calls, sees it. Worked by hand from the text of the RFC.
BOTH = "sendrecv"
ILBC, PCMU, H261, MPV, DTMF = "iLBC/8000", "PCMU/8000", "H261/90000", "MPV/90000", "telephone-event/8000"
RFC_4317: dict[str, list[tuple[str, list[tuple[str, str | None, str | None]]]]] = {
    "2-1": [("local", [("agreed", PCMU, BOTH), ("agreed", MPV, BOTH)])],
    "2-2": [
        ("local", [("agreed", "PCMU/8000 PCMA/8000", BOTH), ("rejected", None, None)]),
        ("local", [("agreed", PCMU, BOTH), ("removed", None, None)]),
    ],
    "2-3": [("local", [("agreed", ILBC, BOTH), ("agreed", H261, BOTH)])],
    "2-4": [("local", [("agreed", ILBC, BOTH), ("agreed", DTMF, "sendonly")])],
    "2-5": [
        ("local", [("agreed", ILBC, BOTH), ("agreed", H261, BOTH)]),
        ("remote", [("agreed", ILBC, BOTH), ("agreed", H261, BOTH)]),
    ],
    "2-6": [("local", [("rejected", None, None), ("agreed", f"{ILBC} {DTMF}", BOTH)])],
    "2-7": [
        ("local", [("agreed", ILBC, BOTH), ("agreed", H261, BOTH)]),
        ("local", [("agreed", ILBC, BOTH), ("agreed", f"{H261} {MPV}", BOTH)]),
    ],
    "2-8": [("local", [("agreed", PCMU, BOTH), ("agreed", MPV, BOTH)])],
    "3-1": [("local", [("agreed", ILBC, "recvonly")]), ("remote", [("agreed", ILBC, BOTH)])],
    "3-2": [
        ("local", [("agreed", ILBC, BOTH), ("agreed", DTMF, "sendonly")]),
        # Alice answers PCMU and iLBC without a direction to Bob's sendonly: of what she says, receiving is agreed.
        ("remote", [("agreed", f"{PCMU} {ILBC}", "recvonly"), ("agreed", DTMF, "sendonly")]),
    ],
    "4-1": [
        ("local", [("agreed", ILBC, BOTH)]),
        ("remote", [("agreed", ILBC, BOTH), ("agreed", DTMF, "sendonly")]),
    ],
    "4-2": [("local", [("agreed", PCMU, BOTH)]), ("local", [("agreed", PCMU, BOTH), ("agreed", H261, BOTH)])],
    "4-3": [
        ("local", [("agreed", ILBC, BOTH), ("agreed", H261, BOTH)]),
        ("remote", [("agreed", ILBC, BOTH), ("removed", None, None)]),
    ],
    "5-1": [("local", []), ("local", [("agreed", ILBC, BOTH)])],
    # c=0.0.0.0 (RFC 3264 §8.4): who says so cannot be sent to.
    "5-2": [("local", [("agreed", ILBC, "sendonly")]), ("local", [("agreed", ILBC, BOTH)])],
    "5-3": [("local", [("agreed", ILBC, "recvonly")]), ("remote", [("agreed", ILBC, BOTH)])],
}


@pytest.mark.shared
@pytest.mark.parametrize("section", RFC_4317)
def test_worked_examples_of_rfc_4317(section: str) -> None:
    folder = shared("vectors", "ietf__rfc4317-sdp-offer-answer")
    files = sorted(path for path in folder.glob("*.sdp") if f"-{section}-" in path.name)
    expected = RFC_4317[section]
    assert len(files) == 2 * len(expected)
    bodies = {f"s{number}": path.read_text().replace("\r\n", "\n") for number, path in enumerate(files)}
    capture = read(_exchanges(files, [side for side, _ in expected]), **bodies)

    lines = [(side, index, *line) for side, exchange in expected for index, line in enumerate(exchange)]
    assert of(capture, "offers", "offered_by", "index", "state", "codecs", "direction") == lines


def _exchanges(files: list[Path], sides: list[str]) -> str:
    """INVITE and re-INVITEs that carry the descriptions in their order."""
    lines = []
    for number, side in enumerate(sides):
        at = 10 * number
        ends, tags = ("A -> B", "") if side == "local" else ("B -> A", "from_tag=y to_tag=x")
        back = " -> ".join(reversed(ends.split(" -> ")))
        tags = tags or ("to_tag=y" if number else "")
        lines += [
            f"{ends} INVITE cseq={number + 1} {tags} sdp=s{2 * number} @{at}",
            f"{back} 200 INVITE cseq={number + 1} {tags or 'to_tag=y'} sdp=s{2 * number + 1} @{at + 1}",
            f"{ends} ACK cseq={number + 1} {tags or 'to_tag=y'} @{at + 2}",
        ]
    assert len(files) == 2 * len(sides)
    return "\n".join(lines)
