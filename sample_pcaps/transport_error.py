"""The network says no: an ICMP port unreachable for an INVITE over UDP, a RST for an INVITE over TCP."""

from lab import Capture
from scapy.layers.inet import ICMP
from sip_messages import ALICE, BOB, CAROL, sdp
from wire import TcpConnection


def build() -> list[Capture]:
    lab = Capture(
        "transport_error",
        "Bob's host has no SIP port open (ICMP port unreachable answers the INVITE) and Carol's resets the connection: "
        "two calls that failed in the transport, with no SIP response.",
    )
    call = lab.session("icmp", ALICE, BOB)
    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    lab.put("0.7", BOB, ALICE, ICMP(type=3, code=3)).quotes = invited.first
    invite.outcome = "transport_error"

    other = lab.session("reset", ALICE, CAROL, transport="tcp")
    tcp = TcpConnection(lab, ALICE, CAROL, port=49811, client_isn=1000, server_isn=2000)
    tcp.open(5000, 5012, "5012.2")
    second = other.request("INVITE", ALICE, CAROL, body=sdp(ALICE))
    reset = tcp.send(5020, ALICE, second)
    tcp.reset(5033, CAROL)
    second.outcome = "transport_error"

    lab.note("The beginning of the INVITE that the ICMP error quotes is not an observation of the INVITE.")
    lab.note("outcome unreachable: the taxonomy names no transport error; RFC 3261 §8.1.3.1 has it treated as a 503.")
    for session, observation, callee in ((call, invited, "bob@example.com"), (other, reset, "carol@example.com")):
        lab.call(
            caller="alice@example.com",
            callee=callee,
            outcome="unreachable",
            call_ids=[session.call_id],
            invite=observation,
            released_by="network",
        )
    return [lab]
