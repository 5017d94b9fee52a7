"""A gateway plays an announcement before the end: 183 with SDP and no preconditions, then 404 with Q.850 cause 1."""

from lab import Capture
from sip_messages import ALICE, Node, sdp

GATEWAY = Node("gateway", "198.51.100.40", "sip:+4930111222@example.com", agent="Labgateway 0.9")


def build() -> list[Capture]:
    lab = Capture(
        "early_media", "Alice dials a number that is not in service: 183 with SDP plays the announcement, then 404."
    )
    call = lab.session("call", ALICE, GATEWAY)

    invite = call.request("INVITE", ALICE, GATEWAY, body=sdp(ALICE))
    invited = lab.send(0, ALICE, GATEWAY, invite)
    lab.send(11, GATEWAY, ALICE, invite.reply(100))
    announced = lab.send(870, GATEWAY, ALICE, invite.reply(183, body=sdp(GATEWAY)))
    unknown = invite.reply(404, add=[("Reason", 'Q.850;cause=1;text="Unallocated number"')])
    ended = lab.send(9870, GATEWAY, ALICE, unknown)
    lab.send(9885, ALICE, GATEWAY, invite.ack(unknown))

    lab.dialog(call, state="terminated", early=announced, ended=ended, ended_by="remote", end_reason="rejected")
    lab.note("released_by unknown: a 404 may come from any node on the way, the gateway or one before it.")
    lab.call(
        caller="alice@example.com",
        callee="4930111222",
        outcome="unreachable",
        status=404,
        call_ids=[call.call_id],
        invite=invited,
        provisional=announced,
        early_media=announced,
        ended=ended,
        released_by="unknown",
    )
    return [lab]
