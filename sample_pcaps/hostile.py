"""A call whose text attacks whoever shows it: terminal, browser, spreadsheet, file system, decoder."""

from lab import Capture
from sip_messages import BOB, Node, Session, sdp

ESCAPE = "\x1b]0;pwned\x07\x1b[31m"  # sets a terminal's title, then turns it red
EVE = Node(
    "eve",
    "203.0.113.66",
    "sip:=cmd|'/C%20calc'!A0@evil.example",
    f"{ESCAPE}<script>alert(1)</script>\u202e",
    agent='=HYPERLINK("http://evil.example","click")',
)
LONG = ("X-Long", "A" * 6000)


def build() -> list[Capture]:
    lab = Capture(
        "hostile",
        "An answered call with escape codes, a script and a bidi override in the display name, a spreadsheet formula "
        "as user, a path as Call-ID, bad UTF-8, a NUL and a header of 6000 bytes; no row is lost, every sink escapes.",
    )
    call = Session(lab, "../../<b>x</b>@evil.example", EVE, BOB)

    invite = call.request(
        "INVITE",
        EVE,
        BOB,
        add=[
            ("Subject", b"\xff\xfe\xc3( <img src=x onerror=alert(2)>"),
            ("X-Null", b"before\0after"),
            ("X-Escape", f"{ESCAPE}red"),
            LONG,
        ],
        body=sdp(EVE).replace(b"s=-", b"s=</pre><script>alert(3)</script>"),
    )
    invited = lab.send(0, EVE, BOB, invite)
    lab.send(10, BOB, EVE, invite.reply(100))
    ringing = lab.send(140, BOB, EVE, invite.reply(180, f"{ESCAPE}Ringing<script>"))
    answered = lab.send(2140, BOB, EVE, invite.reply(200, "+OK", body=sdp(BOB)))
    lab.send(2155, EVE, BOB, call.request("ACK", EVE, BOB, in_dialog=True, cseq=1))
    bye = call.request("BYE", EVE, BOB, in_dialog=True, add=[("Reason", f'SIP;cause=200;text="{ESCAPE}@SUM(A1)"')])
    hangup = lab.send(9140, EVE, BOB, bye)
    lab.send(9150, BOB, EVE, bye.reply(200))

    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.call(
        caller="=cmd|'/C%20calc'!A0@evil.example",
        callee="bob@example.com",
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
