"""Captures of other people, read by hand: what is to be seen in them, from tshark's times and the standards alone.

Of each capture the packets were read one by one before the program was asked. `what` says what happens in it; the rows
say it in the columns of the tables, and only of columns that a reader can tell for sure. Times are seconds since 1970
as tshark prints them; durations are differences of these, worked by hand.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import captures
import polars as pl
import pytest
from places import shared

import analyzer

Row = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What must be seen in a capture: all rows of a table, and its transactions by outcome; None says nothing."""

    name: str
    what: str
    transactions: dict[str, int] | None = None
    dialogs: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    registrations: list[Row] | None = field(default_factory=list)


PROXY = Seen(
    "goffinet__sip_captures__SIP-Call-with-Proxy-Server.pcap",
    """201 calls 101 through a proxy that does not record-route: the INVITE passes two hops (frames 1 and 3), 180 and
    200 come back over them, the ACK and the BYE of 101 go between the two phones directly. A call is measured where
    it starts, so the 180 is frame 6, not 5, and the 200 is frame 8, not 7. The 100 of frame 4 has a To tag; no
    dialog comes of a 100 (RFC 3261 §12.1).""",
    transactions={"completed": 3},
    dialogs=[
        {
            "usage": "invite",
            "local_tag": "1c751049942",
            "remote_tag": "1c2071048551",
            "state": "terminated",
            "early_at": "1312180650.575615",
            "confirmed_at": "1312180651.179161",
            "ended_at": "1312180653.411284",
            "ended_by": "remote",
            "end_reason": "bye",
        }
    ],
    calls=[
        {
            "caller": "201",
            "callee": "101",
            "request_uri": "sip:101@10.33.6.102;user=phone",
            "outcome": "answered",
            "outcome_detail": "normal",
            "status": 200,
            "started_at": "1312180650.454022",
            "ringing_at": "1312180650.575615",
            "early_media_at": None,
            "answered_at": "1312180651.179161",
            "ended_at": "1312180653.411284",
            "pdd_s": 0.121593,
            "srd_s": 0.121593,
            "alert_s": 0.121593,
            "setup_s": 0.725139,
            "ring_s": 0.603546,
            "talk_s": 2.232123,
            "released_by": "callee",
            "hops": 2,
            "legs": 1,
            "retransmissions": 0,
        }
    ],
)

OVER_TCP = Seen(
    "goffinet__sip_captures__SIP-Call-Flow-Over-TCP.pcap",
    """101 calls 201 on one TCP connection, every message in a segment of its own; 201 rings for 4.3 s, answers, and
    hangs up two seconds later (the BYE says so too: Q.850 cause 16).""",
    transactions={"completed": 2},
    dialogs=[{"local_tag": "1c1589367133", "remote_tag": "1c342958875", "ended_by": "remote", "end_reason": "bye"}],
    calls=[
        {
            "caller": "101",
            "callee": "201",
            "outcome": "answered",
            "outcome_detail": "normal",
            "status": 200,
            "started_at": "1311857686.562096",
            "ringing_at": "1311857686.621123",
            "answered_at": "1311857690.905636",
            "ended_at": "1311857693.057152",
            "reason_header": 'Q.850 ;cause=16 ;text="local"',
            "pdd_s": 0.059027,
            "setup_s": 4.34354,
            "ring_s": 4.284513,
            "talk_s": 2.151516,
            "released_by": "callee",
            "hops": 1,
            "retransmissions": 0,
        }
    ],
)

PRACK = Seen(
    "goffinet__sip_captures__RTP-Protocol.pcap",
    """A telephone adapter calls 101 directly. The 180 is reliable and is acknowledged with a PRACK, a transaction of
    its own within the early dialog (RFC 3262 §3). 101 hangs up.""",
    transactions={"completed": 3},
    dialogs=[
        {
            "local_tag": "1c1907983840",
            "remote_tag": "1c866624559",
            "early_at": "1311238105.50829",
            "confirmed_at": "1311238107.461324",
            "ended_at": "1311238112.333833",
            "ended_by": "remote",
        }
    ],
    calls=[
        {
            "caller": "MP114.FXS1@192.168.2.160",
            "callee": "101",
            "outcome": "answered",
            "started_at": "1311238105.41781",
            "ringing_at": "1311238105.50829",
            "answered_at": "1311238107.461324",
            "ended_at": "1311238112.333833",
            "pdd_s": 0.09048,
            "setup_s": 2.043514,
            "ring_s": 1.953034,
            "talk_s": 4.872509,
            "released_by": "callee",
            "hops": 1,
        }
    ],
)

RE_INVITE = Seen(
    "NormB__sipnab__codec-negotiation.pcap",
    """Alice calls Bob on the loopback, and after three seconds of talk changes the codec with a re-INVITE. That is a
    transaction of the same dialog and no second call (RFC 3261 §14), and its 200 is not when the call was answered.""",
    transactions={"completed": 3},
    dialogs=[{"local_tag": "call-1", "remote_tag": "bob-1", "ended_by": "local", "end_reason": "bye"}],
    calls=[
        {
            "caller": "alice@example.com",
            "callee": "bob@example.com",
            "outcome": "answered",
            "started_at": "1782326787.811597",
            "ringing_at": "1782326787.812975",
            "answered_at": "1782326787.814096",
            "ended_at": "1782326793.824182",
            "pdd_s": 0.001378,
            "setup_s": 0.002499,
            "ring_s": 0.001121,
            "talk_s": 6.010086,
            "released_by": "caller",
            "hops": 1,
            "retransmissions": 0,
        }
    ],
)

DIGEST = Seen(
    "goffinet__sip_captures__Forensic_challenge_4.pcap",
    """A scanner sends an OPTIONS and is answered. Three minutes later 555 registers (401, then 200 for an hour) and
    wants to know of new voice mail, but there is no mailbox (SUBSCRIBE: 401, then 404, no dialog). It calls 1000:
    401, the INVITE again with credentials, and 200 at once without ringing. One call, from the first INVITE on (RFC
    6076 §4.3).""",
    transactions={"completed": 8},
    dialogs=[{"usage": "invite", "local_tag": "a6a39689", "remote_tag": "as6740cdf2", "ended_by": "local"}],
    calls=[
        {
            "caller": "555",
            "callee": "1000",
            "outcome": "answered",
            "status": 200,
            "started_at": "1272737782.261857",
            "ringing_at": None,
            "answered_at": "1272737782.273515",
            "ended_at": "1272737821.052671",
            "pdd_s": 0.011658,
            "srd_s": 0.011658,
            "alert_s": None,
            "setup_s": 0.011658,
            "ring_s": None,
            "talk_s": 38.779156,
            "released_by": "caller",
            "hops": 1,
            "legs": 1,
            "retransmissions": 0,
        }
    ],
    registrations=[
        {
            "aor": "sip:555@172.25.105.40",
            "contact": "sip:555@172.25.105.3:43204;rinstance=b0f006e0ba2c80bf",
            "private_id": "555",
            "outcome": "registered",
            "kind": "initial",
            "challenges": 1,
            "status": 200,
            "expires_s": 3600,
            "started_at": "1272737768.031326",
            "ended_at": "1272737768.039213",
            "delay_s": 0.007887,
            "registrar": "172.25.105.40:5060",
        }
    ],
)

TRANSFER = Seen(
    "goffinet__sip_captures__voip-extension.pcap",
    """201 reaches an auto attendant (0), which answers without ringing and transfers the caller to 204: REFER, 202,
    and BYE, sent twice and answered twice. The attendant wants no news and rejects both NOTIFYs (488). 201 then
    calls 204 through the proxy in the same host: the proxy says 180 with a tag of its own before 204 has been
    asked, so there are two early dialogs, of which the first might still be answered 64*T1 after the 200, when the
    capture has ended (RFC 3261 §13.2.2.4). 204 hangs up; at the caller its BYE is frame 607, not 606. REFER and BYE
    of the attendant carry Vias without a branch (RFC 2543); responses are matched all the same.""",
    transactions={"completed": 9},
    dialogs=[
        {
            "usage": "invite",
            "local_tag": "45dda1fd",
            "remote_tag": "e624874541",
            "state": "terminated",
            "early_at": None,
            "confirmed_at": "1251827065.802498",
            "ended_at": "1251827071.748177",
            "ended_by": "remote",
            "end_reason": "bye",
        },
        {
            "local_tag": "4b33797e",
            "remote_tag": "8ff1eedd1f",
            "state": "early",
            "early_at": "1251827071.671096",
            "confirmed_at": None,
            "ended_at": None,
            "end_reason": "open",
        },
        {
            "local_tag": "4b33797e",
            "remote_tag": "4918467",
            "state": "terminated",
            "early_at": "1251827072.057514",
            "confirmed_at": "1251827074.459598",
            "ended_at": "1251827081.317732",
            "ended_by": "remote",
            "end_reason": "bye",
        },
    ],
    calls=[
        {
            "caller": "201",
            "callee": "0@192.168.5.11",
            "outcome": "answered",
            "started_at": "1251827065.711525",
            "ringing_at": None,
            "answered_at": "1251827065.802498",
            "ended_at": "1251827071.748177",
            "pdd_s": 0.090973,
            "srd_s": 0.090973,
            "alert_s": None,
            "setup_s": 0.090973,
            "talk_s": 5.945679,
            "released_by": "callee",
            "hops": 1,
            "retransmissions": 2,
        },
        {
            "caller": "201",
            "callee": "204",
            "outcome": "answered",
            "started_at": "1251827071.655848",
            "ringing_at": "1251827071.671096",
            "answered_at": "1251827074.459598",
            "ended_at": "1251827081.317732",
            "pdd_s": 0.015248,
            "alert_s": 0.015248,
            "setup_s": 2.80375,
            "ring_s": 2.788502,
            "talk_s": 6.858134,
            "released_by": "callee",
            "hops": 2,
            "retransmissions": 0,
        },
    ],
)

TWO_CALL_IDS = Seen(
    "goffinet__sip_captures__test_voip.pcap.pcapng",
    """2003 calls 2001 through an Asterisk, which is a user agent on either side: two Call-IDs. Towards 2003 it asks
    for credentials (401) and says 180 twice in the same bytes; towards 2001 it sends the INVITE again after 0.44 s.
    The second 180 of 2001 comes 0.196 s after the first without an IP identification, so it may be the same packet.
    2001 hangs up. Beside that four OPTIONS are answered, one of a host outside with the branch "0" of RFC 2543.""",
    transactions={"completed": 9},
    dialogs=[
        {"local_tag": "C671489A-18C4512F", "remote_tag": "as3919fe6e", "ended_by": "remote", "end_reason": "bye"},
        {"local_tag": "as1b84bb79", "remote_tag": "5uA0NxsCJ-Y3Nbg9jvudWLHfn.RFRJU.", "ended_by": "remote"},
    ],
    calls=[
        {
            "caller": "2003",
            "callee": "2001",
            "outcome": "answered",
            "started_at": "1447766134.495166",
            "ringing_at": "1447766134.999101",
            "answered_at": "1447766139.362824",
            "ended_at": "1447766146.573695",
            "pdd_s": 0.503935,
            "setup_s": 4.867658,
            "ring_s": 4.363723,
            "talk_s": 7.210871,
            "released_by": "callee",
            "legs": 2,
            "retransmissions": 2,  # one on each leg
        },
    ],
)

WRONG_USER = Seen(
    "goffinet__sip_captures__sip-register-wrong_user-401-403-404.pcapng",
    """telephone0 is nobody: its REGISTER is challenged (401) and with credentials refused (403), and it does not find
    a mailbox either (SUBSCRIBE, 404). Nothing was granted, and a failed registration has no delay (RFC 6076 §4.1).""",
    transactions={"completed": 3},
    registrations=[
        {
            "aor": "sip:telephone0@172.16.98.101;transport=UDP",
            "private_id": "telephone0",
            "outcome": "failed",
            "kind": "initial",
            "challenges": 1,
            "status": 403,
            "expires_s": None,
            "started_at": "1463472001.355666",
            "ended_at": "1463472001.357036",
            "delay_s": None,
            "registrar": "172.16.98.101:5060",
        }
    ],
)

NOT_FOUND = Seen(
    "goffinet__sip_captures__sip-routing-error-wireshark.pcapng",
    """telephone1 and telephone2 register (401, 200). Each calls the other once: 401, the INVITE again with
    credentials, 404; who said so, the server or a phone behind it, cannot be told. Around that they publish their
    presence (489: no such event) and subscribe to voice mail and presence (401, 404, 489; 480 at another server):
    no dialog comes of it.""",
    transactions={"completed": 27},
    calls=[
        {
            "caller": "telephone2@172.16.98.101",
            "callee": "telephone1@172.16.98.101",
            "outcome": "unreachable",
            "outcome_detail": "not_found",
            "status": 404,
            "started_at": "1463594550.892036",
            "ringing_at": None,
            "answered_at": None,
            "ended_at": "1463594550.910026",
            "pdd_s": None,
            "srd_s": None,
            "setup_s": None,
            "talk_s": None,
            "released_by": "unknown",
            "hops": 1,
        },
        {
            "caller": "telephone1@172.16.98.101",
            "callee": "telephone2@172.16.98.101",
            "outcome": "unreachable",
            "status": 404,
            "started_at": "1463594686.496087",
            "ended_at": "1463594686.501598",
            "released_by": "unknown",
        },
    ],
    registrations=[
        {
            "aor": "sip:telephone1@172.16.98.101;transport=UDP",
            "outcome": "registered",
            "challenges": 1,
            "expires_s": 3600,
            "delay_s": 0.001166,
        },
        {
            "aor": "sip:telephone2@172.16.98.101;transport=UDP",
            "outcome": "registered",
            "challenges": 1,
            "expires_s": 3600,
            "delay_s": 0.002122,
        },
    ],
)

NO_ROUTE = Seen(
    "goffinet__sip_captures__private-test-sip.pcapng",
    """telephone2 calls 1111 three times, and the server says 480 (No DNS results) at once; no user was asked, so it is
    unknown who released. Then telephone2 calls telephone1 through the same server (two hops): answered after 59 ms
    without ringing and without a 100 at the caller, who hangs up after 35 s. Of the registrations nothing is said
    here.""",
    registrations=None,
    dialogs=[
        {
            "usage": "invite",
            "local_tag": "3bb75564",
            "remote_tag": "BkgnzqutemMpUsIBP7uMv9JnifhjxFmT",
            "early_at": None,
            "confirmed_at": "1463093421.327862",
            "ended_at": "1463093456.070221",
            "ended_by": "local",
        }
    ],
    calls=[
        *(
            {
                "caller": "telephone2@domain.xyz",
                "callee": "1111",
                "outcome": "unreachable",
                "outcome_detail": "not_registered",
                "status": 480,
                "started_at": started,
                "ended_at": ended,
                "pdd_s": None,
                "released_by": "unknown",
                "hops": 1,
            }
            for started, ended in [
                ("1463093267.617509", "1463093267.643587"),
                ("1463093285.33389", "1463093285.360624"),
                ("1463093346.179294", "1463093346.206057"),
            ]
        ),
        {
            "caller": "telephone2@domain.xyz",
            "callee": "telephone1@domain.xyz",
            "outcome": "answered",
            "status": 200,
            "started_at": "1463093421.269329",
            "answered_at": "1463093421.327862",
            "ended_at": "1463093456.070221",
            "pdd_s": 0.058533,
            "srd_s": 0.058533,
            "alert_s": None,
            "setup_s": 0.058533,
            "talk_s": 34.742359,
            "released_by": "caller",
            "hops": 2,
        },
    ],
)

STILL_UP = Seen(
    "NormB__sipnab__SIP_CALL_RTP_G711",
    """A telephone network calls francisco, who answers after 8.4 s of ringing; the call is still up when the capture
    ends. A second call to him is ringing at that moment. Neither is released by anybody yet. The first observation of
    both INVITEs has two Vias: one hop was before the tap. Ivan and francisco refresh their registrations
    unchallenged; they ask for 1800 s and are granted 20.""",
    transactions={"completed": 4, "pending": 1},
    dialogs=[
        {"remote_tag": "298852044", "state": "confirmed", "ended_at": None, "ended_by": None, "end_reason": "open"},
        {"remote_tag": "4098209679", "state": "early", "ended_at": None, "ended_by": None, "end_reason": "open"},
    ],
    calls=[
        {
            "callee": "francisco@bestel.com",
            "outcome": "answered",
            "outcome_detail": "active",
            "status": 200,
            "started_at": "1105725482.965944",
            "ringing_at": "1105725483.013468",
            "answered_at": "1105725491.443869",
            "ended_at": None,
            "pdd_s": 0.047524,
            "setup_s": 8.477925,
            "ring_s": 8.430401,
            "talk_s": None,
            "released_by": None,
            "hops": 1,
        },
        {
            "caller": "5514540002",
            "callee": "francisco@bestel.com",
            "outcome": "unfinished",
            "outcome_detail": "ringing",
            "status": None,
            "started_at": "1105725507.631897",
            "ringing_at": "1105725507.658696",
            "answered_at": None,
            "ended_at": None,
            "pdd_s": 0.026799,
            "setup_s": None,
            "released_by": None,
        },
    ],
    registrations=[
        {"aor": "sip:Ivan@Verso.com", "outcome": "registered", "expires_s": 20, "delay_s": 0.015702, "challenges": 0},
        {"aor": "sip:francisco@bestel.com", "outcome": "registered", "expires_s": 20, "delay_s": 0.016384},
        {"aor": "sip:Ivan@Verso.com", "outcome": "registered", "expires_s": 20, "delay_s": 0.01559},
    ],
)

IMS = Seen(
    "open5gs__open5gs__nonipsec_reg.pcapng",
    """A telephone registers in an IMS: UE, P-CSCF (5060), I-CSCF (4060) and S-CSCF (6060), the last three in one host;
    IMS-AKA without IPsec. REGISTER and its 401, REGISTER with credentials and its 200, over three hops each; the UE
    asks for 600000 s and is granted 540000. It subscribes to its registration state and gets a NOTIFY (two hops
    each), and the P-CSCF keeps the way open with an OPTIONS. The radio side shows the same packets in GTP tunnels:
    what the UE sends is seen there first, what it gets last; each later one is a duplicate, and the registration
    is measured between UE and P-CSCF.""",
    transactions={"completed": 11},
    dialogs=[
        {
            "usage": "subscribe",
            "local_tag": "4130282331",
            "remote_tag": "a35a5806d6040414c4d26ea88c1e71a0-5cb90000",
            "state": "confirmed",
            "confirmed_at": "1587110434.978426554",
            "ended_at": None,
            "end_reason": "open",
        }
    ],
    registrations=[
        {
            "aor": "sip:001011234567895@ims.mnc001.mcc001.3gppnetwork.org",
            "contact": "sip:192.168.101.2:5060",
            "private_id": "001011234567895@ims.mnc001.mcc001.3gppnetwork.org",
            "outcome": "registered",
            "kind": "initial",
            "challenges": 1,
            "status": 200,
            "expires_s": 540000,
            "started_at": "1587110434.726533843",
            "ended_at": "1587110434.936706603",
            "delay_s": 0.21017276,
            "registrar": "10.4.128.21:5060",
        }
    ],
)

ALL = [
    PROXY,
    OVER_TCP,
    PRACK,
    RE_INVITE,
    DIGEST,
    TRANSFER,
    TWO_CALL_IDS,
    WRONG_USER,
    NOT_FOUND,
    NO_ROUTE,
    STILL_UP,
    IMS,
]


@cache
def read(name: str) -> analyzer.Capture:
    return captures.read(shared("captures", name))


def nanoseconds(text: str) -> int:
    return int(Decimal(text) * 1_000_000_000)


def compare(frame: pl.DataFrame, rows: list[Row]) -> None:
    """All rows in their order, in the columns that the rows name."""
    found = frame.to_dicts()
    assert len(found) == len(rows)
    for mine, true in zip(found, rows, strict=True):
        told = {name: nanoseconds(v) if name.endswith("_at") and v is not None else v for name, v in true.items()}
        assert {name: mine[name] for name in told} == told


def in_nanoseconds(capture: analyzer.Capture, table: str) -> pl.DataFrame:
    """A table with its times as integers: Python's datetime ends at microseconds."""
    return capture.table(table).with_columns(pl.selectors.datetime().dt.timestamp("ns"))


@pytest.mark.parametrize("seen", ALL, ids=lambda seen: seen.name)
def test_calls(seen: Seen) -> None:
    compare(in_nanoseconds(read(seen.name), "calls").sort("no"), seen.calls)


@pytest.mark.parametrize("seen", ALL, ids=lambda seen: seen.name)
def test_dialogs(seen: Seen) -> None:
    dialogs = in_nanoseconds(read(seen.name), "dialogs")
    compare(dialogs.sort(pl.coalesce("early_at", "confirmed_at")), seen.dialogs)


@pytest.mark.parametrize("seen", [seen for seen in ALL if seen.registrations is not None], ids=lambda seen: seen.name)
def test_registrations(seen: Seen) -> None:
    assert seen.registrations is not None
    compare(in_nanoseconds(read(seen.name), "registrations").sort("started_at"), seen.registrations)


@pytest.mark.parametrize("seen", [seen for seen in ALL if seen.transactions is not None], ids=lambda seen: seen.name)
def test_transactions(seen: Seen) -> None:
    assert Counter(read(seen.name).table("transactions")["outcome"]) == seen.transactions


# sipp plays 771 calls, one every 100 ms over 77 s, for a server beside it: INVITE, 180, 200, ACK, BYE, 200. Calls 1 and
# 10 stay without an ACK, and 4 without a BYE; 768 are complete.
SIPP = "goffinet__sip_captures__uac-uas-scenario-sipp.pcapng"


def test_sipp_transactions() -> None:
    transactions = read(SIPP).table("transactions")
    assert Counter(transactions.select("method", "outcome", "status").iter_rows()) == {
        ("INVITE", "completed", 200): 771,
        ("BYE", "completed", 200): 768,
    }


def test_sipp_nothing_was_sent_twice() -> None:
    messages = read(SIPP).table("messages")
    assert messages.select(pl.col("retransmission", "duplicate").sum()).row(0) == (0, 0)


def test_sipp_calls() -> None:
    calls = read(SIPP).table("calls")
    assert Counter(calls.select("caller", "callee", "outcome", "released_by", "hops").iter_rows()) == {
        ("sipp@127.0.1.1", "service@127.0.0.1", "answered", "caller", 1): 768,
        ("sipp@127.0.1.1", "service@127.0.0.1", "answered", None, 1): 3,
    }


def test_sipp_calls_that_did_not_end() -> None:
    """1 and 10 never got their ACK, for more than 64*T1; 4 got it and is up (RFC 3261 §13.3.1.4)."""
    calls = read(SIPP).table("calls").filter(pl.col("ended_at").is_null())
    details = {call_ids[0]: detail for call_ids, detail in calls.select("call_ids", "outcome_detail").iter_rows()}
    assert details == {"1-13128@127.0.1.1": "no_ack", "10-13128@127.0.1.1": "no_ack", "4-13128@127.0.1.1": "active"}


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


def test_office_dialogs() -> None:
    dialogs = read(OFFICE).table("dialogs")
    assert Counter(dialogs.select("usage", "state", "end_reason").iter_rows()) == {
        ("subscribe", "confirmed", "open"): 1,
        ("subscribe", "confirmed", "joined"): 12,
        ("invite", "terminated", "bye"): 2,
    }


def test_office_registrations() -> None:
    registrations = read(OFFICE).table("registrations").filter(pl.col("aor") != "sip:635@10.21.128.1")
    columns = ("outcome", "kind", "challenges", "status", "expires_s")
    assert Counter(registrations.select(columns).iter_rows()) == {("registered", "initial", 1, 200, 119): 62}


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


def test_fork_is_one_answered_call() -> None:
    calls = read(FORK).table("calls").select("outcome", "outcome_detail", "status", "released_by")
    assert calls.rows() == [("answered", "active", 200, None)]


def test_fork_has_one_dialog() -> None:
    """487 with a tag of the P-CSCF makes none, and the silent telephone none either (RFC 3261 §12.1)."""
    dialogs = read(FORK).table("dialogs").select("usage", "remote_tag", "state", "end_reason")
    assert dialogs.rows() == [("invite", "4133807704", "confirmed", "open")]


def test_fork_branches() -> None:
    transactions = read(FORK).table("transactions").filter(pl.col("via_count") >= 5, pl.col("method") == "INVITE")
    columns = ("server_ip", "outcome", "status", "request_copies")
    assert transactions.sort("started_at").select(columns).rows() == [
        ("10.4.128.21", "cancelled", 487, 1),
        ("10.4.128.21", "completed", 200, 1),
        ("192.168.101.7", "pending", None, 3),
        ("192.168.101.8", "completed", 200, 1),
    ]
