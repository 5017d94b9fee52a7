"""Captures of registrations, and of calls that are challenged or refused; `seen.py` says how they were read."""

from __future__ import annotations

from seen import Seen

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

ALL = [DIGEST, WRONG_USER, NOT_FOUND, NO_ROUTE, IMS]
