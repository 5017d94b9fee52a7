"""Captures whose calls are answered; `seen.py` says how they were read."""

from __future__ import annotations

from seen import Seen

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

ALL = [PROXY, OVER_TCP, PRACK, RE_INVITE, TRANSFER, TWO_CALL_IDS, STILL_UP]
