"""Captures of other people with many calls or telephones, counted by hand."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from seen import compare, in_nanoseconds, read

pytestmark = pytest.mark.shared

# sipp plays 771 calls, one every 100 ms over 77 s, for a server beside it: INVITE, 180, 200, ACK, BYE, 200. Calls 1 and
# 10 stay without an ACK, and 4 without a BYE; 768 are complete.
SIPP = "goffinet__sip_captures__uac-uas-scenario-sipp.pcapng"
of_sipp = pytest.mark.xdist_group(SIPP)


@of_sipp
def test_sipp_transactions() -> None:
    transactions = read(SIPP).table("transactions")
    assert Counter(transactions.select("method", "outcome", "status").iter_rows()) == {
        ("INVITE", "completed", 200): 771,
        ("BYE", "completed", 200): 768,
    }


@of_sipp
def test_sipp_nothing_was_sent_twice() -> None:
    messages = read(SIPP).table("messages")
    assert messages.select(pl.col("retransmission", "duplicate").sum()).row(0) == (0, 0)


@of_sipp
def test_sipp_calls() -> None:
    calls = read(SIPP).table("calls")
    assert Counter(calls.select("caller", "callee", "outcome", "released_by", "hops").iter_rows()) == {
        ("sipp@127.0.1.1", "service@127.0.0.1", "answered", "caller", 1): 768,
        ("sipp@127.0.1.1", "service@127.0.0.1", "answered", None, 1): 3,
    }


@of_sipp
def test_sipp_calls_that_did_not_end() -> None:
    """1 and 10 never got their ACK, for more than 64*T1; 4 got it and is up (RFC 3261 §13.3.1.4)."""
    calls = read(SIPP).table("calls").filter(pl.col("ended_at").is_null())
    details = {call_ids[0]: detail for call_ids, detail in calls.select("call_ids", "outcome_detail").iter_rows()}
    assert details == {"1-13128@127.0.1.1": "no_ack", "10-13128@127.0.1.1": "no_ack", "4-13128@127.0.1.1": "active"}


@of_sipp
def test_sipp_last_call() -> None:
    calls = in_nanoseconds(read(SIPP), "calls")
    last = {
        "started_at": "1479420365.266125551",
        "answered_at": "1479420365.266236391",
        "ended_at": "1479420365.267082717",
        "setup_s": 0.00011084,
        "talk_s": 0.000846326,
        "released_by": "caller",
    }
    compare(calls.filter(pl.col("call_ids").list.first() == "771-13128@127.0.1.1"), [last])


# 63 telephones of an office and their Asterisk, half a minute. All register, challenged once each. 62 do it once, for
# 119 s of the 120 they ask for. The softphone 635, over TCP, does it seven times: it registers, removes the binding of
# its former port, registers the new one under another Call-ID, refreshes it twice, removes it and registers afresh;
# two of these overlap, and of one the 200 comes in a segment together with the NOTIFY that follows it. After each
# success Asterisk tells of voice mail in a NOTIFY that nobody subscribed to (67, no To tag: no dialog). 13
# subscriptions to presence are seen, of which 12 are older than the capture. 64 MESSAGEs carry the data of an
# application. And there is a call: 282 to 635, who takes it after 10 s, over two Call-IDs.
OFFICE = "tsytsykvitaliy__digital-forensics-network-forensics-challenge__SIP.pcap"
of_office = pytest.mark.xdist_group(OFFICE)


@of_office
def test_office_transactions() -> None:
    transactions = read(OFFICE).table("transactions")
    assert Counter(transactions.select("method", "outcome", "status").iter_rows()) == {
        ("NOTIFY", "completed", 200): 87,
        ("REGISTER", "completed", 401): 69,
        ("REGISTER", "completed", 200): 69,
        ("MESSAGE", "completed", 200): 58,
        ("MESSAGE", "completed", 202): 6,
        ("SUBSCRIBE", "completed", 200): 11,
        ("SUBSCRIBE", "completed", 401): 1,
        ("INVITE", "completed", 401): 1,
        ("INVITE", "completed", 200): 2,
        ("BYE", "completed", 200): 2,
    }


@of_office
def test_office_dialogs() -> None:
    dialogs = read(OFFICE).table("dialogs")
    assert Counter(dialogs.select("usage", "state", "end_reason").iter_rows()) == {
        ("subscribe", "confirmed", "open"): 1,
        ("subscribe", "confirmed", "joined"): 12,
        ("invite", "terminated", "bye"): 2,
    }


@of_office
def test_office_registrations() -> None:
    registrations = read(OFFICE).table("registrations").filter(pl.col("aor") != "sip:635@10.21.128.1")
    columns = ("outcome", "kind", "challenges", "status", "expires_s")
    assert Counter(registrations.select(columns).iter_rows()) == {("registered", "initial", 1, 200, 119): 62}


@of_office
def test_office_registrations_of_635() -> None:
    registrations = in_nanoseconds(read(OFFICE), "registrations").filter(pl.col("aor") == "sip:635@10.21.128.1")
    old, new = (f"sip:635@10.21.1.132:{port};transport=TCP;ob" for port in (49715, 49731))
    rows = [
        (old, "registered", "initial", 1199, "1503680609.261593", "1503680609.273439", 0.011846),
        (old, "deregistered", "deregister", 0, "1503680609.89697", "1503680609.919748", 0.022778),
        (new, "registered", "initial", 1199, "1503680609.901588", "1503680609.929383", 0.027795),
        (new, "registered", "refresh", 1199, "1503680617.204264", "1503680617.232929", 0.028665),
        (new, "registered", "refresh", 1199, "1503680626.236638", "1503680626.246088", 0.00945),
        (new, "deregistered", "deregister", 0, "1503680626.909541", "1503680626.918454", 0.008913),
        (new, "registered", "initial", 1199, "1503680626.92194", "1503680626.944566", 0.022626),
    ]
    names = ("contact", "outcome", "kind", "expires_s", "started_at", "ended_at", "delay_s")
    compare(registrations.sort("started_at"), [dict(zip(names, row, strict=True)) for row in rows])


@of_office
def test_office_calls() -> None:
    call = {
        "caller": "282",
        "callee": "635",
        "outcome": "answered",
        "started_at": "1503680615.204126",
        "ringing_at": "1503680615.430968",
        "early_media_at": None,
        "answered_at": "1503680625.345562",
        "ended_at": "1503680630.251138",
        "pdd_s": 0.226842,
        "srd_s": 0.226842,
        "setup_s": 10.141436,
        "ring_s": 9.914594,
        "talk_s": 4.905576,
        "legs": 2,
        "released_by": "caller",
        "retransmissions": 1,  # the third 180 has the bytes of the second, the first has them in another order
    }
    compare(in_nanoseconds(read(OFFICE), "calls").sort("no"), [call])


# An IMS call to a subscriber with two telephones. Caller and P-CSCF speak through IPsec; from there on the INVITE goes
# S-CSCF, I-CSCF, S-CSCF, and there it forks, both branches by way of the P-CSCF. One telephone is never heard of (three
# copies of the INVITE, Timer A), the other rings and answers after 2.4 s. The S-CSCF cancels the branch that lost; the
# P-CSCF may not cancel further, for no 1xx came from there (RFC 3261 §9.1), and says 487 itself.
FORK = "open5gs__open5gs__ipsec_to_nonipsec_call.pcapng"
of_fork = pytest.mark.xdist_group(FORK)


@of_fork
def test_fork_is_one_answered_call() -> None:
    calls = read(FORK).table("calls").select("outcome", "outcome_detail", "status", "released_by")
    assert calls.rows() == [("answered", "active", 200, None)]


@of_fork
def test_fork_has_one_dialog() -> None:
    """487 with a tag of the P-CSCF makes none, and the silent telephone none either (RFC 3261 §12.1)."""
    dialogs = read(FORK).table("dialogs").select("usage", "remote_tag", "state", "end_reason")
    assert dialogs.rows() == [("invite", "4133807704", "confirmed", "open")]


@of_fork
def test_fork_branches() -> None:
    transactions = read(FORK).table("transactions").filter(pl.col("via_count") >= 5, pl.col("method") == "INVITE")
    columns = ("server_ip", "outcome", "status", "request_copies")
    assert transactions.sort("started_at").select(columns).rows() == [
        ("10.4.128.21", "cancelled", 487, 1),
        ("10.4.128.21", "completed", 200, 1),
        ("192.168.101.7", "pending", None, 3),
        ("192.168.101.8", "completed", 200, 1),
    ]
