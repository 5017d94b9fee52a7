"""Two exchanges and a call between proxies over SCTP: bundled, fragmented, out of order, and a TSN that comes twice."""

from lab import Capture
from sip_messages import Node, sdp
from wire import SctpAssociation

A = Node("scscf", "10.0.0.1", "sip:ua1@example.com", "UA1", agent="Labcscf 4.0")
B = Node("ibcf", "10.0.0.2", "sip:ua2@example.org", "UA2", agent="Labibcf 2.2")


def build() -> list[Capture]:
    lab = Capture(
        "sctp_call",
        "A call over SCTP: the INVITE in three DATA chunks of which the last comes before the middle, 100 and 180 "
        "bundled in one packet, the 200 in a TSN, 0 after a wrap, that is sent twice: one row for each message.",
    )
    sctp = SctpAssociation(lab, A, B, tags=(0x1111AAAA, 0x2222BBBB), tsns=(5000, 0xFFFF_FFFE))
    sctp.open(0, 5)
    call = lab.session("call", A, B, transport="sctp")

    invite = call.request("INVITE", A, B, body=sdp(A))
    beginning, middle, end = sctp.chunks(A, invite.encode(), 200, 500)
    first = sctp.put(100, A, beginning)
    sctp.put(101, A, end)
    last = sctp.put(104, A, middle)
    invited = sctp.see(invite, first, last)
    sctp.sack("104.5", B)

    trying, rings = invite.reply(100), invite.reply(180)
    bundle = sctp.put(160, B, *sctp.chunks(B, trying.encode()), *sctp.chunks(B, rings.encode()))
    sctp.see(trying, bundle, bundle)
    ringing = sctp.see(rings, bundle, bundle)
    sctp.sack(161, A)

    # The 200 is ordered (no U bit: RFC 4168 lets a sender choose), and its packet comes twice.
    ok = invite.reply(200, body=sdp(B))
    chunk = sctp.chunks(B, ok.encode(), unordered=False)
    once = sctp.put(2160, B, *chunk)
    answered = sctp.see(ok, once, once)
    sctp.put(3160, B, *chunk)
    sctp.sack(3161, A)
    sctp.send(3170, A, call.request("ACK", A, B, in_dialog=True, cseq=1))

    bye = call.request("BYE", A, B, in_dialog=True)
    hangup = sctp.send(12_160, A, bye)
    sctp.send(12_171, B, bye.reply(200))
    sctp.sack(12_172, A)

    lab.note("The TSN that came twice is SCTP's retransmission: no second message, no SIP retransmission.")
    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.call(
        caller="ua1@example.com",
        callee="ua2@example.org",
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        answered=answered,
        ended=hangup,
        released_by="caller",
    )
    return [lab]
