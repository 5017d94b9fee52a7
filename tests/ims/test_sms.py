"""Short messages over IP: what came of them is what the relay layer reports (TS 24.341, TS 24.011)."""

from __future__ import annotations

from typing import Any

import captures
import polars as pl
import pytest
from ims_wire import read
from places import SAMPLES

import analyzer
from analyzer.ims.sms_causes import RP_CAUSE

SMS = "type=application/vnd.3gpp.sms"
# TS 24.011 §7.3.1: RP-DATA to the network, reference 5, service centre 49171, SMS-SUBMIT with TP-MR 9 to 49172.
SUBMIT = "00 05 00 04 91 94 71 F1 0A 01 09 05 91 94 71 F2 00 00 00".replace(" ", "")
SEND = f"UE -> GW  MESSAGE from=sip:+491701@e to=tel:+49171 call=out {SMS} hex={SUBMIT}  @0.000\n"
TAKEN = "GW -> UE  202 MESSAGE from=sip:+491701@e to=tel:+49171 call=out to_tag=g  @0.020\n"
LATER = "UE -> GW  OPTIONS call=end  @{0}\n"


def rows(dialogue: str) -> list[dict[str, Any]]:
    return read(dialogue).table("sms").to_dicts()


def report(hexed: str, *, to: str = "sip:+491701@e", call: str = "back", at: float = 1.0, said: str = "") -> str:
    return f"GW -> UE  MESSAGE from=sip:gw.e to={to} call={call} {said} {SMS} hex={hexed}  @{at:.3f}\n"


def test_the_relay_and_transfer_layers_are_taken_apart() -> None:
    row = rows(SEND + TAKEN)[0]
    names = ("direction", "service_centre", "rp_reference", "tp_type", "tp_reference", "tp_address", "status")
    assert [row[name] for name in names] == ["originated", "49171", 5, "SMS-SUBMIT", 9, "49172", 202]


def test_a_202_alone_delivers_nothing() -> None:
    """TS 24.011 §10: TR1M is at most 45 s."""
    assert rows(SEND + TAKEN + LATER.format("44.900"))[0]["outcome"] == "pending"
    assert rows(SEND + TAKEN + LATER.format("45.100"))[0]["outcome"] == "unanswered"


def test_a_report_is_found_by_the_call_id_that_it_replies_to() -> None:
    row = rows(SEND + TAKEN + report("0305", said="header=In-Reply-To:out"))[0]
    assert (row["outcome"], row["matched_by"], row["report_delay_s"]) == ("delivered", "in_reply_to", 1.0)


def test_a_report_without_it_is_found_by_reference_and_ue() -> None:
    row = rows(SEND + TAKEN + report("0305"))[0]
    assert (row["outcome"], row["matched_by"]) == ("delivered", "rp_reference")


@pytest.mark.parametrize(
    "stray",
    [
        report("0305", to="sip:+491702@e"),  # of another UE
        report("0306"),  # of another reference
        report("0205"),  # to the network
        report("0305", at=121.0),  # too late
    ],
)
def test_a_report_of_something_else_reports_on_something_else(stray: str) -> None:
    outcomes = [row["outcome"] for row in rows(SEND + TAKEN + stray + LATER.format("130"))]
    assert outcomes == ["unanswered", "report_only"]


def test_of_two_messages_with_one_reference_the_call_id_decides() -> None:
    again = SEND.replace("call=out", "call=two").replace("@0.000", "@0.500")
    found = rows(SEND + again + report("0305", said="header=In-Reply-To:two") + LATER.format("60"))
    assert [row["outcome"] for row in found] == ["unanswered", "delivered"]


@pytest.mark.parametrize(("cause", "words"), [*RP_CAUSE.items(), (77, "RP cause 77")])
def test_an_rp_error_rejects_and_tells_its_cause(cause: int, words: str) -> None:
    row = rows(SEND + TAKEN + report(f"0505 01{cause:02X}".replace(" ", "")))[0]
    assert (row["outcome"], row["rp_cause"], row["rp_cause_text"]) == ("rejected", cause, words)


def test_what_sip_refuses_was_never_carried() -> None:
    assert rows(SEND + TAKEN.replace("202", "403"))[0]["outcome"] == "refused"


@pytest.mark.parametrize("length", range(2, len(SUBMIT), 2))
def test_a_body_that_ends_too_early_is_a_row_that_says_so(length: int) -> None:
    row = rows(SEND.replace(SUBMIT, SUBMIT[:length]))[0]
    assert row["malformed"]


def test_one_short_message_over_several_hops_is_one_row() -> None:
    onward = (
        SEND.replace("UE -> GW", "GW -> SC").replace("call=out", "call=out via=p,MESSAGE1out").replace("0.000", "0.01")
    )
    assert len(rows(SEND + onward)) == 1


# An application server takes it from the S-CSCF and sends it on to the IP-SM-GW under a Call-ID of its own.
FROM = "from=sip:+491701@e to=tel:+49171"
TO_AS = f"""
    UE -> S   MESSAGE {FROM} call=out via=a {SMS} hex={SUBMIT}               @0.000
    S -> AS   MESSAGE {FROM} call=out via=s,a {SMS} hex={SUBMIT}             @0.010
    AS -> S   202 MESSAGE {FROM} call=out via=s,a to_tag=t                   @0.030
    S -> UE   202 MESSAGE {FROM} call=out via=a to_tag=t                     @0.040
"""
ONWARD = f"AS -> GW  MESSAGE {FROM} call=two via=t {SMS} hex={SUBMIT}  @0.020\n"
# The report goes back the same way: the gateway names the Call-ID that it knows, the AS the one that the UE knows.
REPORTS = f"""
    GW -> AS  MESSAGE from=sip:gw.e to=sip:+491701@e call=r1 via=g header=In-Reply-To:two {SMS} hex=0305       @1.000
    AS -> S   MESSAGE from=sip:gw.e to=sip:+491701@e call=r2 via=t2 header=In-Reply-To:out {SMS} hex=0305      @1.010
    S -> UE   MESSAGE from=sip:gw.e to=sip:+491701@e call=r2 via=s2,t2 header=In-Reply-To:out {SMS} hex=0305   @1.020
"""


def test_one_short_message_over_a_b2bua_is_one_row() -> None:
    (row,) = rows(TO_AS + ONWARD + REPORTS)
    assert (row["legs"], row["call_id"], row["status"], row["status_delay_s"]) == (2, "out", 202, 0.04)
    assert (row["outcome"], row["matched_by"], row["report_delay_s"]) == ("delivered", "in_reply_to", 1.02)


def test_a_call_id_that_only_the_far_side_knows_finds_the_report() -> None:
    """The AS passes In-Reply-To on as it is."""
    (row,) = rows(TO_AS + ONWARD + REPORTS.replace("In-Reply-To:out", "In-Reply-To:two"))
    assert (row["outcome"], row["matched_by"], row["report_delay_s"]) == ("delivered", "in_reply_to", 1.02)


@pytest.mark.parametrize(
    "other",
    [
        ONWARD.replace("AS ->", "XX ->"),  # from where it never was
        ONWARD.replace("AS ->", "S ->"),  # from a proxy, which passed it on as it was
        ONWARD.replace("+491701", "+491702"),  # of another UE
        ONWARD.replace(SUBMIT, SUBMIT.replace("0005", "0006", 1)),  # of another reference
        ONWARD.replace(SUBMIT, SUBMIT.replace("9471F2", "9471F3")),  # to another number
        ONWARD.replace("0.020", "6.020"),  # late
        ONWARD.replace("0.020", "0.005"),  # before
    ],
    ids=["place", "proxy", "UE", "reference", "octets", "late", "before"],
)
def test_short_messages_that_are_only_alike_stay_apart(other: str) -> None:
    assert [row["legs"] for row in rows(TO_AS + other)] == [1, 1]


def test_a_chain_of_b2buas_is_one_row() -> None:
    third = ONWARD.replace("AS -> GW", "GW -> SC").replace("call=two via=t", "call=three via=u").replace("020", "025")
    assert [row["legs"] for row in rows(TO_AS + ONWARD + third)] == [3]


def status_report(*, reference: str = "09", number: str = "9471F2", to: str = "sip:+491701@e", at: float = 9) -> str:
    """SMS-STATUS-REPORT (TS 23.040 §9.2.2.3): TP-MR, TP-RA, TP-SCTS, TP-DT, TP-ST 0."""
    told = f"01 A0 04 919471F1 00 16 06 {reference} 05 91{number} 52303080000040 52303080000040 00".replace(" ", "")
    return f"GW -> UE  MESSAGE from=sip:gw.e to={to} call=told{at:.0f} {SMS} hex={told}  @{at:.3f}\n"


def test_a_status_report_names_what_it_reports_on() -> None:
    submitted, told = rows(SEND + TAKEN + status_report())
    assert (told["tp_type"], told["reports_on"]) == ("SMS-STATUS-REPORT", submitted["sms"])
    assert submitted["reports_on"] is None


def test_of_two_with_one_reference_it_is_of_the_later() -> None:
    """TP-MR counts to 255 and begins again (TS 23.040 §9.2.3.6)."""
    again = SEND.replace("call=out", "call=two").replace("@0.000", "@5.000")
    found = rows(SEND + again + status_report())
    assert found[2]["reports_on"] == found[1]["sms"]


@pytest.mark.parametrize(
    "stray",
    [
        status_report(reference="0A"),
        status_report(number="9471F3"),
        status_report(to="sip:+491702@e"),
    ],
    ids=["reference", "recipient", "UE"],
)
def test_a_status_report_of_something_else_names_nothing(stray: str) -> None:
    assert [row["reports_on"] for row in rows(SEND + TAKEN + stray)] == [None, None]


@pytest.mark.slow
def test_no_text_that_somebody_wrote_is_in_any_table() -> None:
    capture = captures.read(SAMPLES / "sms.pcap")
    for name in analyzer.schema.TABLES:
        frame = capture.table(name)
        texts = frame.select(pl.col(pl.String))
        assert not texts.select(pl.any_horizontal(pl.all().str.contains("noon").any())).to_series().any(), name


def test_numbers_are_masked() -> None:
    masked = captures.read(SAMPLES / "sms.pcap").mask("an example, not a secret").table("sms")
    told = masked.select("sender", "receiver", "service_centre", "tp_address").unpivot()["value"].drop_nulls().to_list()
    assert not {"491701234567", "491710760000", "491729876543"}.intersection(told)
