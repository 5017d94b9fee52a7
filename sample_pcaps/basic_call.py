"""Alice calls Bob directly: 100, 180, 200, ACK, and after a minute Alice hangs up."""

from lab import ALICE, BOB, Capture, sdp


def build() -> list[Capture]:
    lab = Capture("basic_call", "Alice calls Bob, Bob rings for 3.9 s, answers, and Alice hangs up after a minute.")
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    lab.send(12, BOB, ALICE, invite.reply(100))
    ringing = lab.send(180, BOB, ALICE, invite.reply(180))
    answer = lab.send(4080, BOB, ALICE, invite.reply(200, body=sdp(BOB)))
    lab.send(4100, ALICE, BOB, call.request("ACK", ALICE, BOB, in_dialog=True, cseq=1))

    bye = call.request("BYE", ALICE, BOB, in_dialog=True)
    hangup = lab.send(64_100, ALICE, BOB, bye)
    lab.send(64_115, BOB, ALICE, bye.reply(200))

    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answer, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="answered", status=200, call_ids=[call.call_id],
        invite=invited, ringing=ringing, answered=answer, ended=hangup, released_by="caller",
    )  # fmt: skip
    return [lab]
