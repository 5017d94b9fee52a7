"""Seven short calls of Alice to Bob, each of which ends in another way."""

from lab import Capture
from sip_messages import ALICE, BOB, sdp

CALL_FAILURES = [  # (status, phrase, further headers, outcome by the taxonomy)
    (404, "Not Found", [], "unreachable"),
    (603, "Decline", [], "rejected"),
    (488, "Not Acceptable Here", [("Warning", '304 192.0.2.20 "Media type not available"')], "negotiation_failed"),
    (500, "Server Internal Error", [], "server_failure"),
    (420, "Bad Extension", [("Unsupported", "100rel")], "client_error"),
    (407, "Proxy Authentication Required", [("Proxy-Authenticate", 'Digest realm="x", nonce="0"')], "auth_failed"),
]


def build() -> list[Capture]:
    lab = Capture(
        "outcomes",
        "Calls a minute apart that fail: unreachable (404), rejected (603), negotiation failed (488), server failure "
        "(500), client error (420), no credentials (407), and one answered elsewhere (CANCEL with a Reason).",
    )
    for number, (status, phrase, headers, outcome) in enumerate(CALL_FAILURES):
        at = number * 60_000
        call = lab.session(outcome, ALICE, BOB)
        invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
        invited = lab.send(at, ALICE, BOB, invite)
        refusal = invite.reply(status, phrase, add=headers)
        ended = lab.send(at + 35 + number, BOB, ALICE, refusal)
        lab.send(at + 50, ALICE, BOB, invite.ack(refusal))
        lab.call(
            caller="alice@example.com",
            callee="bob@example.com",
            outcome=outcome,
            status=status,
            call_ids=[call.call_id],
            invite=invited,
            ended=ended,
            released_by="callee" if status == 603 else "unknown",
        )

    call = lab.session("elsewhere", ALICE, BOB)
    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(360_000, ALICE, BOB, invite)
    ringing = lab.send(360_130, BOB, ALICE, invite.reply(180))
    cancel = invite.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    lab.send(363_000, ALICE, BOB, cancel)
    lab.send(363_010, BOB, ALICE, cancel.reply(200))
    gone = invite.reply(487)
    ended = lab.send(363_012, BOB, ALICE, gone)
    lab.send(363_020, ALICE, BOB, invite.ack(gone))
    invite.outcome = "cancelled"
    lab.dialog(call, state="terminated", early=ringing, ended=ended, ended_by="network", end_reason="cancelled")
    lab.note("The last one is what a capture beside one phone of a fork shows: the winner is not in it.")
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="answered_elsewhere",
        status=487,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        ended=ended,
        released_by="network",
    )
    return [lab]
