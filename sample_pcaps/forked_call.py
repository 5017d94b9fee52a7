"""Bob has two phones and the proxy rings both: once both answer, once one answers and the other is cancelled."""

from typing import Any

from lab import Capture
from sip_messages import ALICE, PROXY, Node, sdp

BOB = Node("bob", "192.0.2.20", "sip:bob@example.com", "Bob")  # the address of record
DESK = Node("desk", "192.0.2.21", "sip:bob@example.com", "Bob", agent="Labdesk 1.0")
MOBILE = Node("mobile", "192.0.2.22", "sip:bob@example.com", "Bob", agent="Labmobile 3.3")
ROUTE = [f"<sip:{PROXY.hostport};lr>"]


def both_answer() -> Capture:
    lab = Capture(
        "forked_two_answers",
        "A proxy forks Alice's call to Bob's two phones, both answer 40 ms apart; Alice keeps the desk phone and sends "
        "the mobile a BYE.",
    )
    call = lab.session("call", ALICE, DESK)

    invite = call.request("INVITE", ALICE, PROXY, body=sdp(ALICE))
    invited = lab.send(0, ALICE, PROXY, invite)
    lab.send(2, PROXY, ALICE, invite.reply(100))
    to_desk = invite.forward(DESK, uri=DESK.contact_uri, record_route=True)
    to_mobile = invite.forward(MOBILE, uri=MOBILE.contact_uri, record_route=True)
    lab.send(4, PROXY, DESK, to_desk)
    lab.send(5, PROXY, MOBILE, to_mobile)
    *_, desk_rings = lab.pass_back(150, 3, to_desk.reply(180))
    *_, mobile_rings = lab.pass_back(420, 3, to_mobile.reply(180))

    *_, desk_answers = lab.pass_back(5000, 3, to_desk.reply(200, body=sdp(DESK)))
    lab.pass_on(5020, 3, [ALICE, PROXY, DESK], call.request("ACK", ALICE, PROXY, in_dialog=True, cseq=1, routes=ROUTE))

    *_, mobile_answers = lab.pass_back(5040, 3, to_mobile.reply(200, body=sdp(MOBILE)))
    to_peer: dict[str, Any] = {"peer": MOBILE, "in_dialog": True, "routes": ROUTE}
    lab.pass_on(5060, 3, [ALICE, PROXY, MOBILE], call.request("ACK", ALICE, PROXY, cseq=1, **to_peer))
    bye = call.request("BYE", ALICE, PROXY, **to_peer)
    drop, bye_at_mobile = lab.pass_on(5061, 3, [ALICE, PROXY, MOBILE], bye)
    lab.pass_back(5080, 3, bye_at_mobile.request.reply(200))

    bye = call.request("BYE", ALICE, PROXY, in_dialog=True, routes=ROUTE)
    hangup, bye_at_desk = lab.pass_on(95_000, 3, [ALICE, PROXY, DESK], bye)
    lab.pass_back(95_015, 3, bye_at_desk.request.reply(200))

    ended: dict[str, Any] = {"state": "terminated", "ended_by": "local", "end_reason": "bye"}
    lab.dialog(call, DESK, early=desk_rings, confirmed=desk_answers, ended=hangup, **ended)
    lab.dialog(call, MOBILE, early=mobile_rings, confirmed=mobile_answers, ended=drop, **ended)
    lab.note("At Alice's hop both 200s are finals of one INVITE transaction: response_copies counts the first alone.")
    lab.note("hops counts each pair of nodes that an INVITE passed between: Alice-proxy, proxy-desk, proxy-mobile.")
    lab.note("The mobile's dialog was confirmed and ended by a BYE: end_reason is bye, not forked_away.")
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=invited,
        ringing=desk_rings,
        answered=desk_answers,
        ended=hangup,
        released_by="caller",
        hops=3,
    )
    return lab


def one_cancelled() -> Capture:
    lab = Capture(
        "forked_one_cancelled",
        "A proxy forks Alice's call to two phones of Bob; he takes it on the mobile and the desk phone is cancelled "
        "(Reason: call completed elsewhere).",
    )
    call = lab.session("call", ALICE, MOBILE)

    invite = call.request("INVITE", ALICE, PROXY, body=sdp(ALICE))
    invited = lab.send(0, ALICE, PROXY, invite)
    lab.send(2, PROXY, ALICE, invite.reply(100))
    to_desk = invite.forward(DESK, uri=DESK.contact_uri, record_route=True)
    to_mobile = invite.forward(MOBILE, uri=MOBILE.contact_uri, record_route=True)
    lab.send(4, PROXY, DESK, to_desk)
    lab.send(5, PROXY, MOBILE, to_mobile)
    *_, desk_rings = lab.pass_back(160, 3, to_desk.reply(180))
    *_, mobile_rings = lab.pass_back(380, 3, to_mobile.reply(180))

    *_, answer = lab.pass_back(6000, 3, to_mobile.reply(200, body=sdp(MOBILE)))
    cancel = to_desk.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    lab.send(6004, PROXY, DESK, cancel)
    lab.send(6010, DESK, PROXY, cancel.reply(200))
    gone = to_desk.reply(487)
    lab.send(6012, DESK, PROXY, gone)
    lab.send(6014, PROXY, DESK, to_desk.ack(gone))
    to_desk.outcome = "cancelled"

    ack = call.request("ACK", ALICE, PROXY, in_dialog=True, cseq=1, routes=ROUTE)
    lab.pass_on(6020, 3, [ALICE, PROXY, MOBILE], ack)
    bye = call.request("BYE", MOBILE, PROXY, in_dialog=True, routes=ROUTE)
    _, hangup = lab.pass_on(36_020, 3, [MOBILE, PROXY, ALICE], bye)
    lab.pass_back(36_035, 3, hangup.request.reply(200))

    lab.dialog(
        call,
        MOBILE,
        state="terminated",
        early=mobile_rings,
        confirmed=answer,
        ended=hangup,
        ended_by="remote",
        end_reason="bye",
    )
    lab.dialog(
        call,
        DESK,
        state="terminated",
        early=desk_rings,
        ended=answer,
        ended_by="network",
        end_reason="forked_away",
    )
    lab.note(
        "ended_at of the dialog that was forked away: the other fork's 200 at the reference hop, where no 487 comes."
    )
    lab.note("ringing_at is the first 180, the desk phone's; ended_at is the mobile's BYE as it reaches Alice's hop.")
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=invited,
        ringing=desk_rings,
        answered=answer,
        ended=hangup,
        released_by="callee",
        hops=3,
    )
    return lab


def build() -> list[Capture]:
    return [both_answer(), one_cancelled()]
