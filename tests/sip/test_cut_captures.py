"""What a snap length cut off is unknown: it is no value, makes no call, and lets no timer run out."""

from __future__ import annotations

from pathlib import Path

import captures
import polars as pl
import pytest
from pcaps import Packet, packets, pcap
from places import SAMPLES, shared

import analyzer

#: Ethernet, IPv4 and UDP in front of a message.
HEADERS = 14 + 20 + 8
# What is not known may read so; what is known reads as in the whole capture.
UNKNOWN = {None, "unfinished", "joined"}


def of(name: str) -> list[Packet]:
    ((link, found),) = packets(SAMPLES / name).items()
    assert link == 1
    return found


def cut(path: Path, found: list[Packet], snap: int) -> analyzer.Capture:
    path.write_bytes(pcap(1, found, snap))
    return analyzer.read(path)


def calls(capture: analyzer.Capture, *columns: str) -> list[tuple[object, ...]]:
    return capture.table("calls").select(columns).rows()


def in_order(found: list[Packet], *names: str) -> list[Packet]:
    """The messages with these header fields first, as other user agents write them (RFC 3261 §7.3.1)."""

    def place(line: bytes) -> int:
        name = line.partition(b":")[0].strip().lower().decode()
        return names.index(name) if name in names else len(names)

    def again(packet: bytes) -> bytes:
        head, end, body = packet[HEADERS:].partition(b"\r\n\r\n")
        start, *lines = head.split(b"\r\n")
        return packet[:HEADERS] + b"\r\n".join([start, *sorted(lines, key=place)]) + end + body

    return [(time, again(packet)) for time, packet in found]


@pytest.mark.parametrize("snap", [100, 180, 256, 272, 280, 284, 300, 310, 500])
@pytest.mark.parametrize("name", ["basic_call.pcap", "no_answer.pcap"])
def test_a_call_is_told_as_it_was_or_not_at_all(tmp_path: Path, name: str, snap: int) -> None:
    whole, part = captures.read(SAMPLES / name), cut(tmp_path / "a.pcap", of(name), snap)
    columns = ("outcome", "outcome_detail", "status", "caller", "callee", "call_ids", "answered_at", "setup_s")
    assert calls(part, *columns) in ([], calls(whole, *columns))
    known = dict(whole.table("transactions").select("method", "outcome").rows())
    outcomes = part.table("transactions").select("method", "outcome").rows()
    assert all(outcome in ("pending", known.get(method)) for method, outcome in outcomes)


@pytest.mark.parametrize("snap", [280, 400, 600, 1000])
def test_a_call_through_an_ims_is_told_as_it_was_or_is_unknown(tmp_path: Path, snap: int) -> None:
    name = "volte_call.pcap"
    whole, part = captures.read(SAMPLES / name), cut(tmp_path / "a.pcap", of(name), snap)
    (known,) = calls(whole, "outcome", "status")
    found = calls(part, "outcome", "status")
    assert len(found) <= 1
    for outcome, status in found:
        assert outcome in UNKNOWN | {known[0]}
        assert status in (None, known[1])
    for column in ("call_id", "from_uri", "to_uri", "from_tag", "to_tag", "via_branch", "request_uri", "cseq"):
        values = [set(capture.table("messages")[column].drop_nulls()) for capture in (part, whole)]
        assert values[0] <= values[1], column


@pytest.mark.parametrize("snap", [90, 130, 160])
def test_no_timer_runs_out_where_the_answers_were_cut(tmp_path: Path, snap: int) -> None:
    """180 after 0.2 s and 480 after 45 s are there, without the branch that says what they answer."""
    part = cut(tmp_path / "a.pcap", of("no_answer.pcap"), snap)
    assert part.table("transactions").filter(method="INVITE")["outcome"].to_list() == ["pending"]
    assert calls(part, "outcome") == []


@pytest.mark.parametrize("snap", [90, 130, 300])
def test_a_timer_runs_out_where_nothing_answered(tmp_path: Path, snap: int) -> None:
    """The control: cut as well, and no response was ever captured (Timer B, RFC 3261 §17.1.1.2)."""
    part = cut(tmp_path / "a.pcap", of("timeout.pcap"), snap)
    assert "timeout" in part.table("transactions").filter(method="INVITE")["outcome"].to_list()


def test_a_request_has_the_call_id_of_its_response(tmp_path: Path) -> None:
    """At 280 bytes only the 100 has a whole Call-ID; branches and tags tell the rest (§8.2.6.2, §17.1.3, §19.3)."""
    part = cut(tmp_path / "a.pcap", of("basic_call.pcap"), 280)
    messages = part.table("messages")
    assert messages["call_id"].null_count() == 6
    assert messages["call"].null_count() == 0
    assert calls(part, "outcome", "outcome_detail") == [("answered", "normal")]
    assert part.table("dialogs").select("state", "end_reason").rows() == [("terminated", "bye")]


ORDERS = {
    "To behind Via": ("call-id", "cseq", "from", "via", "to"),
    "Call-ID behind To": ("cseq", "to", "via", "call-id", "from"),
    "Via at the end": ("to", "from", "call-id", "cseq", "via"),
    "To behind Contact": ("via", "call-id", "cseq", "from", "contact", "to"),
}


@pytest.mark.parametrize("snap", [130, 160, 200, 260, 330, 355])
@pytest.mark.parametrize("order", ORDERS)
def test_a_re_invite_without_its_to_is_no_call(tmp_path: Path, order: str, snap: int) -> None:
    """Two re-INVITEs: whether a cut one has a To tag is not known, and none is told as a call of its own."""
    part = cut(tmp_path / "a.pcap", in_order(of("hold_resume.pcap"), *ORDERS[order]), snap)
    found = calls(part, "outcome", "outcome_detail")
    assert len(found) <= 1
    assert all(outcome in UNKNOWN or (outcome, detail) == ("answered", "normal") for outcome, detail in found)


def test_the_tag_that_is_unknown_is_none_in_the_table(tmp_path: Path) -> None:
    part = cut(tmp_path / "a.pcap", in_order(of("hold_resume.pcap"), *ORDERS["To behind Via"]), 260)
    assert "" not in part.table("messages")["to_tag"]
    assert part.table("messages")["to_tag"].null_count() == part.table("messages").height


def test_a_via_that_was_cut_did_not_change(tmp_path: Path) -> None:
    part = cut(tmp_path / "a.pcap", in_order(of("hold_resume.pcap"), *ORDERS["To behind Via"]), 252)
    assert "sip_via_changed" not in part.table("problems")["code"]


@pytest.mark.parametrize("snap", [60, 90, 120])
@pytest.mark.parametrize("name", ["hold_resume.pcap", "outcomes.pcap", "registration.pcap"])
def test_what_is_alike_as_far_as_it_was_kept_was_not_sent_again(tmp_path: Path, name: str, snap: int) -> None:
    """Neither branch nor CSeq is there (RFC 3261 §17.2.3); whole, none of these samples sends anything again."""
    assert not captures.read(SAMPLES / name).table("messages")["retransmission"].any()
    assert not cut(tmp_path / "a.pcap", of(name), snap).table("messages")["retransmission"].any()


@pytest.mark.parametrize("snap", [150, 300])
def test_a_registration_without_its_expiry_is_neither_bound_nor_removed(tmp_path: Path, snap: int) -> None:
    """The last REGISTER has Expires: 0 (RFC 3261 §10.2.2), behind the cut."""
    whole = captures.read(SAMPLES / "registration.pcap").table("registrations")["outcome"].to_list()
    part = cut(tmp_path / "a.pcap", of("registration.pcap"), snap).table("registrations")["outcome"].to_list()
    assert whole == ["registered", "registered", "deregistered"]
    assert part[-1] is None
    assert all(found in (None, known) for found, known in zip(part, whole, strict=True))


def test_the_case() -> None:
    capture = analyzer.read(shared("cases", "snaplen_cut_header.pcap"))
    assert set(capture.table("messages")["complete"]) == {False}
    assert all(outcome in UNKNOWN | {"answered"} for (outcome,) in calls(capture, "outcome"))
    assert capture.table("transactions").select("method", "outcome", "status").rows() == [
        ("INVITE", "completed", 200), ("BYE", "completed", 200),
    ]  # fmt: skip
    assert capture.table("messages")["call_id"].drop_nulls().n_unique() <= 1
    assert "timeout" not in capture.table("calls")["outcome"]


@pytest.mark.slow
def test_what_was_not_cut_is_no_evidence_of_less(tmp_path: Path) -> None:
    """The control: the same packets whole, also with the header fields in another order, are one answered call."""
    for number, order in enumerate(ORDERS.values()):
        whole = cut(tmp_path / f"{number}.pcap", in_order(of("hold_resume.pcap"), *order), 65_535)
        assert calls(whole, "outcome", "outcome_detail", "status") == [("answered", "normal", 200)]
        assert whole.table("messages")["complete"].all()
        assert whole.table("transactions").filter(pl.col("outcome") == "pending").is_empty()
