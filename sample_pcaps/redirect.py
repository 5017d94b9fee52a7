"""A redirect server says where Bob is (302): Alice calls there, and is one attempt. Dave's 302 she does not follow."""

from typing import Any

from lab import Capture
from sip_messages import ALICE, BOB, CAROL, Node, sdp

REDIRECT = Node("redirect", "198.51.100.7", agent="Labredirect 1.4")
DAVE = Node("dave", "192.0.2.40", "sip:dave@example.com", "Dave")


def build() -> list[Capture]:
    lab = Capture(
        "redirect",
        "Alice calls Bob, is redirected (302) to Carol, calls her and talks: one call. Then a 302 that she does not "
        "follow: redirected.",
    )
    call = lab.session("call", ALICE, BOB)
    first = call.request("INVITE", ALICE, REDIRECT, body=sdp(ALICE))
    invited = lab.send(0, ALICE, REDIRECT, first)
    moved = first.reply(302, add=[("Contact", f"<sip:carol@{CAROL.hostport}>")])
    lab.send(14, REDIRECT, ALICE, moved)
    lab.send(22, ALICE, REDIRECT, first.ack(moved))

    second = call.request("INVITE", ALICE, CAROL, uri=f"sip:carol@{CAROL.hostport}", body=sdp(ALICE))
    lab.send(30, ALICE, CAROL, second)
    lab.send(38, CAROL, ALICE, second.reply(100))
    ringing = lab.send(230, CAROL, ALICE, second.reply(180))
    answered = lab.send(4230, CAROL, ALICE, second.reply(200, body=sdp(CAROL)))
    to_carol: dict[str, Any] = {"in_dialog": True, "uri": CAROL.contact_uri}
    ack = call.request("ACK", ALICE, CAROL, cseq=2, **to_carol)
    bye = call.request("BYE", ALICE, CAROL, **to_carol)
    for request in (ack, bye):  # Alice's To is still Bob's name, with Carol's tag
        request.headers = [
            (name, f"{BOB.name_addr};tag={call.tag(CAROL)}" if name == "To" else value)
            for name, value in request.headers
        ]
    lab.send(4245, ALICE, CAROL, ack)
    hangup = lab.send(24_230, ALICE, CAROL, bye)
    lab.send(24_243, CAROL, ALICE, bye.reply(200))

    lab.dialog(
        call, CAROL, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local",
        end_reason="bye",
    )  # fmt: skip
    lab.note("The attempt is measured at Alice: from the INVITE to the redirect server to the answers that Carol gave.")
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        answered=answered,
        ended=hangup,
        released_by="caller",
        hops=2,
    )

    other = lab.session("not followed", ALICE, DAVE)
    invite = other.request("INVITE", ALICE, REDIRECT, body=sdp(ALICE))
    invited = lab.send(60_000, ALICE, REDIRECT, invite)
    moved = invite.reply(302, add=[("Contact", "<sip:dave@voicemail.example.net>")])
    ended = lab.send(60_012, REDIRECT, ALICE, moved)
    lab.send(60_020, ALICE, REDIRECT, invite.ack(moved))
    lab.call(
        caller="alice@example.com",
        callee="dave@example.com",
        outcome="redirected",
        status=302,
        call_ids=[other.call_id],
        invite=invited,
        ended=ended,
        released_by="unknown",
    )
    return [lab]
