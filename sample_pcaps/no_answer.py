"""Bob's phone rings and nobody comes: his phone gives up (480), or the proxy does (CANCEL to Bob, 408 to Alice)."""

from lab import Capture
from sip_messages import ALICE, BOB, PROXY, sdp


def phone_gives_up() -> Capture:
    lab = Capture("no_answer", "Bob's phone rings for 45 s and then answers 480 by itself.")
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    lab.send(9, BOB, ALICE, invite.reply(100))
    ringing = lab.send(350, BOB, ALICE, invite.reply(180))
    gone = invite.reply(480, add=[("Reason", 'Q.850;cause=19;text="No answer from user"')])
    ended = lab.send(45_350, BOB, ALICE, gone)
    lab.send(45_362, ALICE, BOB, invite.ack(gone))

    lab.dialog(call, state="terminated", early=ringing, ended=ended, ended_by="remote", end_reason="rejected")
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="no_answer",
        status=480,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        ended=ended,
        released_by="callee",
    )
    return lab


def proxy_gives_up() -> Capture:
    lab = Capture(
        "no_answer_proxy",
        "Bob rings for 30 s, then the proxy cancels the call towards Bob and tells Alice 408: nobody answered.",
    )
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, PROXY, body=sdp(ALICE))
    invited = lab.send(0, ALICE, PROXY, invite)
    lab.send(2, PROXY, ALICE, invite.reply(100))
    to_bob = invite.forward(BOB, uri=BOB.contact_uri, record_route=True)
    lab.send(5, PROXY, BOB, to_bob)
    lab.send(12, BOB, PROXY, to_bob.reply(100))
    *_, ringing = lab.pass_back(210, 3, to_bob.reply(180))

    cancel = to_bob.cancel()
    lab.send(30_213, PROXY, BOB, cancel)
    lab.send(30_220, BOB, PROXY, cancel.reply(200))
    terminated = to_bob.reply(487)
    lab.send(30_222, BOB, PROXY, terminated)
    lab.send(30_224, PROXY, BOB, to_bob.ack(terminated))
    to_bob.outcome = "cancelled"
    timeout = invite.reply(408)
    ended = lab.send(30_226, PROXY, ALICE, timeout)
    lab.send(30_236, ALICE, PROXY, invite.ack(timeout))

    lab.dialog(call, state="terminated", early=ringing, ended=ended, ended_by="network", end_reason="rejected")
    lab.note("The early dialog ends with the 408 at the reference hop; it is the proxy's (another To tag), not Bob's.")
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="no_answer",
        status=408,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        ended=ended,
        released_by="network",
        hops=2,
    )
    return lab


def build() -> list[Capture]:
    return [phone_gives_up(), proxy_gives_up()]
