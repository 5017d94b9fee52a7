"""The capture begins and ends in the middle of calls: what it did not see is not there."""

from typing import Any

from lab import Capture
from sip_messages import ALICE, BOB, CAROL, Node, sdp

DAVE = Node("dave", "192.0.2.40", "sip:dave@example.com", "Dave")


def build() -> list[Capture]:
    lab = Capture(
        "mid_call",
        "Two calls that were running before the capture began (one ends with a BYE, one is refreshed and goes on), and "
        "one call that is still up when the capture ends; a 200 whose request was not captured.",
    )
    # Alice and Bob have long been talking. A re-INVITE and the BYE are all that is seen.
    old = lab.session("joined, ends", ALICE, BOB, cseq=7)
    refresh = old.request("INVITE", ALICE, BOB, in_dialog=True, body=sdp(ALICE, 2))
    lab.send(1000, ALICE, BOB, refresh)
    lab.send(1040, BOB, ALICE, refresh.reply(200, body=sdp(BOB, 2)))
    lab.send(1060, ALICE, BOB, old.request("ACK", ALICE, BOB, in_dialog=True, cseq=7))
    bye = old.request("BYE", BOB, ALICE, in_dialog=True, cseq=3)
    hangup = lab.send(30_000, BOB, ALICE, bye)
    lab.send(30_015, ALICE, BOB, bye.reply(200))
    lab.dialog(old, state="terminated", ended=hangup, ended_by="remote", end_reason="bye")
    joined: dict[str, Any] = {"caller": None, "callee": None, "outcome": "joined", "invite": None, "hops": None}
    lab.call(**joined, call_ids=[old.call_id], ended=hangup, released_by="unknown")

    # Carol and Dave were talking before and talk after.
    older = lab.session("joined, goes on", CAROL, DAVE, cseq=4)
    refresh = older.request("INVITE", CAROL, DAVE, in_dialog=True, body=sdp(CAROL, 2))
    lab.send(2000, CAROL, DAVE, refresh)
    lab.send(2033, DAVE, CAROL, refresh.reply(200, body=sdp(DAVE, 2)))
    lab.send(2050, CAROL, DAVE, older.request("ACK", CAROL, DAVE, in_dialog=True, cseq=4))
    lab.dialog(older, state="confirmed", end_reason="joined")
    lab.call(**joined, call_ids=[older.call_id])

    # The request was before the capture, or passed another way: an orphan response.
    options = lab.session("orphan", CAROL, BOB)
    lab.send(3000, BOB, CAROL, options.request("OPTIONS", CAROL, BOB).reply(200))

    new = lab.session("still up", ALICE, CAROL)
    invite = new.request("INVITE", ALICE, CAROL, body=sdp(ALICE))
    invited = lab.send(40_000, ALICE, CAROL, invite)
    lab.send(40_007, CAROL, ALICE, invite.reply(100))
    ringing = lab.send(40_120, CAROL, ALICE, invite.reply(180))
    answered = lab.send(43_120, CAROL, ALICE, invite.reply(200, body=sdp(CAROL)))
    lab.send(43_140, ALICE, CAROL, new.request("ACK", ALICE, CAROL, in_dialog=True, cseq=1))
    lab.dialog(new, state="confirmed", early=ringing, confirmed=answered, end_reason="open")
    lab.call(
        caller="alice@example.com",
        callee="carol@example.com",
        outcome="answered",
        status=200,
        call_ids=[new.call_id],
        invite=invited,
        ringing=ringing,
        answered=answered,
    )
    lab.note(
        "A joined call has no caller, callee, start or answer: they were before the capture. It has no hops: "
        "no initial INVITE was seen to pass between two nodes."
    )
    lab.note(
        "Which side created a joined dialog cannot be known: local_tag here is the From tag of its first request, and "
        "ended_by is said in these terms; who called remains unknown, and so does released_by of the call."
    )
    lab.note("A joined dialog that ends with a BYE has end_reason bye, one still running has joined.")
    lab.note("The orphan transaction has no started_at, for its request is not in the capture.")
    return [lab]
