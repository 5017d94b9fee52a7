"""A call over TCP as a bad network cuts it: the bytes come in every way that TCP allows."""

from lab import Capture, Node, sdp
from wire import TcpConnection

PING, PONG = b"\r\n\r\n", b"\r\n"  # RFC 5626 §3.5.1


def build() -> list[Capture]:
    lab = Capture(
        "tcp_ugly",
        "One call over TCP: an INVITE in one-byte and reordered segments across the wrap of the sequence number, two "
        "messages in a segment, a retransmitted and an overlapping segment, keep-alives; one row for each message.",
    )
    alice = Node("alice", "192.0.2.10", "sip:alice@example.com", "Alice")
    bob = Node("bob", "192.0.2.20", "sip:bob@example.com", "Bob")
    call = lab.session("call", alice, bob, transport="tcp")
    tcp = TcpConnection(lab, alice, bob, port=52044, client_isn=0xFFFF_FF00, server_isn=0x1000_0000)
    tcp.open(0, 10, "10.1")

    # The INVITE: three segments of one byte, one of 297, then the end before the middle. The middle completes it.
    invite = call.request("INVITE", alice, bob, body=sdp(alice))
    _, end = tcp.write(alice, invite.encode())
    first = tcp.segment(20, alice, 0, 1)
    tcp.segment(21, alice, 1, 2)
    tcp.segment(22, alice, 2, 3)
    tcp.segment(23, alice, 3, 300)
    tcp.segment(25, alice, 500, end)
    middle = tcp.segment(30, alice, 300, 500)
    invited = tcp.see(invite, alice, first, middle)
    tcp.ack(40, bob)

    # Two messages in one segment.
    trying, rings = invite.reply(100), invite.reply(180)
    start, _ = tcp.write(bob, trying.encode())
    _, end = tcp.write(bob, rings.encode())
    both = tcp.segment(200, bob, start, end)
    tcp.see(trying, bob, both, both)
    ringing = tcp.see(rings, bob, both, both)
    tcp.ack("200.4", alice)

    # A keep-alive and its answer: no message.
    tcp.segment(1000, alice, *tcp.write(alice, PING))
    tcp.segment(1005, bob, *tcp.write(bob, PONG))
    tcp.ack(1006, alice)

    # The 200: its first 400 bytes come twice, and what follows overlaps them by 50.
    answer = invite.reply(200, body=sdp(bob))
    start, end = tcp.write(bob, answer.encode())
    first = tcp.segment(3000, bob, start, start + 400)
    tcp.segment(3200, bob, start, start + 400)
    rest = tcp.segment(3201, bob, start + 350, end)
    answered = tcp.see(answer, bob, first, rest)

    # An ACK and the beginning of an INFO in one segment; of the INFO's last line end, the LF comes alone.
    ack = call.request("ACK", alice, bob, in_dialog=True, cseq=1)
    info = call.request(
        "INFO", alice, bob, in_dialog=True, body=b"Signal=5\r\nDuration=160\r\n", body_type="application/dtmf-relay"
    )
    start, middle_at = tcp.write(alice, ack.encode())
    _, end = tcp.write(alice, info.encode())
    first = tcp.segment(3220, alice, start, middle_at + 100)
    tcp.see(ack, alice, first, first)
    tcp.segment(3260, alice, middle_at + 100, end - 1)
    last = tcp.segment(3300, alice, end - 1, end)
    tcp.see(info, alice, first, last)
    tcp.send(3320, bob, info.reply(200))

    # A keep-alive before the BYE, in the same segment.
    bye = call.request("BYE", alice, bob, in_dialog=True)
    start, _ = tcp.write(alice, PING)
    _, end = tcp.write(alice, bye.encode())
    packet = tcp.segment(33_201, alice, start, end)
    hangup = tcp.see(bye, alice, packet, packet)
    tcp.send(33_216, bob, bye.reply(200))
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
