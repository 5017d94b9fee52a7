"""A call over TCP as a bad network cuts it: the bytes come in every way that TCP allows."""

from lab import Capture
from sip_messages import ALICE, BOB, sdp
from wire import TcpConnection

PING, PONG = b"\r\n\r\n", b"\r\n"  # RFC 5626 §3.5.1


def build() -> list[Capture]:
    lab = Capture(
        "tcp_ugly",
        "One call over TCP: an INVITE in one-byte and reordered segments across the wrap of the sequence number, two "
        "messages in a segment, a retransmitted and an overlapping segment, keep-alives; one row for each message.",
    )
    call = lab.session("call", ALICE, BOB, transport="tcp")
    tcp = TcpConnection(lab, ALICE, BOB, port=52044, client_isn=0xFFFF_FF00, server_isn=0x1000_0000)
    tcp.open(0, 10, "10.1")

    # The INVITE: three segments of one byte, one of 297, then the end before the middle. The middle completes it.
    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    _, end = tcp.write(ALICE, invite.encode())
    first = tcp.segment(20, ALICE, 0, 1)
    tcp.segment(21, ALICE, 1, 2)
    tcp.segment(22, ALICE, 2, 3)
    tcp.segment(23, ALICE, 3, 300)
    tcp.segment(25, ALICE, 500, end)
    middle = tcp.segment(30, ALICE, 300, 500)
    invited = tcp.see(invite, ALICE, first, middle)
    tcp.ack(40, BOB)

    # Two messages in one segment.
    trying, rings = invite.reply(100), invite.reply(180)
    start, _ = tcp.write(BOB, trying.encode())
    _, end = tcp.write(BOB, rings.encode())
    both = tcp.segment(200, BOB, start, end)
    tcp.see(trying, BOB, both, both)
    ringing = tcp.see(rings, BOB, both, both)
    tcp.ack("200.4", ALICE)

    # A keep-alive and its answer: no message.
    tcp.segment(1000, ALICE, *tcp.write(ALICE, PING))
    tcp.segment(1005, BOB, *tcp.write(BOB, PONG))
    tcp.ack(1006, ALICE)

    # The 200: its first 400 bytes come twice, and what follows overlaps them by 50.
    answer = invite.reply(200, body=sdp(BOB))
    start, end = tcp.write(BOB, answer.encode())
    first = tcp.segment(3000, BOB, start, start + 400)
    tcp.segment(3200, BOB, start, start + 400)
    rest = tcp.segment(3201, BOB, start + 350, end)
    answered = tcp.see(answer, BOB, first, rest)

    # An ACK and the beginning of an INFO in one segment; of the INFO's last line end, the LF comes alone.
    ack = call.request("ACK", ALICE, BOB, in_dialog=True, cseq=1)
    info = call.request(
        "INFO", ALICE, BOB, in_dialog=True, body=b"Signal=5\r\nDuration=160\r\n", body_type="application/dtmf-relay"
    )
    start, middle_at = tcp.write(ALICE, ack.encode())
    _, end = tcp.write(ALICE, info.encode())
    first = tcp.segment(3220, ALICE, start, middle_at + 100)
    tcp.see(ack, ALICE, first, first)
    tcp.segment(3260, ALICE, middle_at + 100, end - 1)
    last = tcp.segment(3300, ALICE, end - 1, end)
    tcp.see(info, ALICE, first, last)
    tcp.send(3320, BOB, info.reply(200))

    # A keep-alive before the BYE, in the same segment.
    bye = call.request("BYE", ALICE, BOB, in_dialog=True)
    start, _ = tcp.write(ALICE, PING)
    _, end = tcp.write(ALICE, bye.encode())
    packet = tcp.segment(33_201, ALICE, start, end)
    hangup = tcp.see(bye, ALICE, packet, packet)
    tcp.send(33_216, BOB, bye.reply(200))
    tcp.close(33_300, 33_310, "33310.2")

    lab.note("The INVITE starts with its first byte (frame 4) and is complete with frame 9, the middle that came last.")
    lab.note("Bytes that TCP brought twice (frames 17 and 18) give no second message and no retransmission.")
    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="answered", status=200, call_ids=[call.call_id],
        invite=invited, ringing=ringing, answered=answered, ended=hangup, released_by="caller",
    )  # fmt: skip
    return [lab]
