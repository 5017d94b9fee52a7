"""A browser calls over WebSocket: its frames are masked, and come in pieces, as RFC 6455 allows."""

from lab import Capture
from sip_messages import Node, sdp
from wire import WebSocketConnection


class Browser(Node):
    """It does not know its address, and makes up a name (RFC 7118 §5 and appendix A)."""

    @property
    def hostport(self) -> str:
        return "df7jal23ls0d.invalid"


ALICE = Browser(
    "browser", "192.0.2.10", "sip:alice@example.com", "Alice", "Labscript 1.0", contact_params=";transport=ws"
)
PROXY = Node("gateway", "198.51.100.5", "sip:bob@example.com", "Bob", "Labgateway 3.1", port=8080)


def build() -> list[Capture]:
    lab = Capture(
        "websocket_call",
        "A call over WebSocket without TLS, handshake and all: an INVITE in two frames with a ping between them, a "
        "header that comes alone, two messages in a segment, a response without Content-Length.",
    )
    call = lab.session("call", ALICE, PROXY, transport="ws")
    ws = WebSocketConnection(lab, ALICE, PROXY, port=52044, client_isn=0xFFFF_FF00, server_isn=0x1000_0000)
    ws.open(-100, -90, -89)
    ws.upgrade(-80, -60)

    # The INVITE: a text frame that is not the last, a ping, the frame that continues it; three segments.
    invite = call.request("INVITE", ALICE, PROXY, body=sdp(ALICE))
    text = invite.encode()
    start, half = ws.write(ALICE, ws.frame(ALICE, text[:300], last=False))
    ws.write(ALICE, ws.frame(ALICE, b"alive?", ws.PING))
    _, end = ws.write(ALICE, ws.frame(ALICE, text[300:], 0))
    first = ws.segment(0, ALICE, start, half - 20)
    ws.segment(1, ALICE, half - 20, half + 40)
    last = ws.segment(2, ALICE, half + 40, end)
    invited = ws.see(invite, ALICE, first, last)
    ws.segment(12, PROXY, *ws.write(PROXY, ws.frame(PROXY, b"alive?", ws.PONG)))

    # Two messages in one segment.
    trying, rings = invite.reply(100), invite.reply(180)
    start, _ = ws.write(PROXY, ws.frame(PROXY, trying.encode()))
    _, end = ws.write(PROXY, ws.frame(PROXY, rings.encode()))
    both = ws.segment(180, PROXY, start, end)
    ws.see(trying, PROXY, both, both)
    ringing = ws.see(rings, PROXY, both, both)

    # The 200 in a binary frame, whose header of four bytes was written first.
    answer = invite.reply(200, body=sdp(PROXY))
    start, end = ws.write(PROXY, ws.frame(PROXY, answer.encode(), ws.BINARY))
    ws.segment(4080, PROXY, start, start + 4)
    whole = ws.segment(4081, PROXY, start + 4, end)
    answered = ws.see(answer, PROXY, whole, whole)
    ws.send(4100, ALICE, call.request("ACK", ALICE, PROXY, in_dialog=True, cseq=1))

    # What Content-Length says, the frame says, too (RFC 7118 §5).
    bye = call.request("BYE", ALICE, PROXY, in_dialog=True)
    hangup = ws.send(64_100, ALICE, bye)
    done = bye.reply(200)
    packet = ws.segment(
        64_115, PROXY, *ws.write(PROXY, ws.frame(PROXY, done.encode().replace(b"Content-Length: 0\r\n", b"")))
    )
    ws.see(done, PROXY, packet, packet)
    ws.segment(64_200, ALICE, *ws.write(ALICE, ws.frame(ALICE, b"\x03\xe8", ws.CLOSE)))
    ws.segment(64_210, PROXY, *ws.write(PROXY, ws.frame(PROXY, b"\x03\xe8", ws.CLOSE)))
    ws.close(64_220, 64_230, 64_231)

    lab.note("Ping, pong and close are frames of WebSocket, and no messages.")
    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="answered", status=200, call_ids=[call.call_id],
        invite=invited, ringing=ringing, answered=answered, ended=hangup, released_by="caller",
    )  # fmt: skip
    return [lab]
