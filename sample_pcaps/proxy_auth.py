"""The proxy asks Alice who she is (407); she sends the INVITE again with credentials: still one attempt."""

from hashlib import md5

from lab import Capture
from sip_messages import ALICE, BOB, PROXY, digest, sdp

REALM, URI = "example.com", "sip:bob@example.com"
ROUTE = [f"<sip:{PROXY.hostport};lr>"]


def build() -> list[Capture]:
    lab = Capture(
        "proxy_auth",
        "Alice's INVITE is challenged with 407; she repeats it with credentials and Bob answers: one call.",
    )
    call = lab.session("call", ALICE, BOB)
    nonce = digest("nonce", lab.name)
    secret, request = (md5(text.encode()).hexdigest() for text in (f"alice:{REALM}:correct horse", f"INVITE:{URI}"))
    response = md5(f"{secret}:{nonce}:{request}".encode()).hexdigest()

    first = call.request("INVITE", ALICE, PROXY, body=sdp(ALICE))
    invited = lab.send(0, ALICE, PROXY, first)
    challenge = first.reply(
        407, add=[("Proxy-Authenticate", f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5')]
    )
    lab.send(15, PROXY, ALICE, challenge)
    lab.send(25, ALICE, PROXY, first.ack(challenge))

    answer = f'Digest username="alice", realm="{REALM}", nonce="{nonce}", uri="{URI}", response="{response}"'
    second = call.request("INVITE", ALICE, PROXY, body=sdp(ALICE), add=[("Proxy-Authorization", answer)])
    _, at_bob = lab.pass_on(
        40, 9, [ALICE, PROXY, BOB], second, record_route=True, uri=BOB.contact_uri, drop=["Proxy-Authorization"]
    )
    lab.send(42, PROXY, ALICE, second.reply(100))
    lab.send(58, BOB, PROXY, at_bob.request.reply(100))
    *_, ringing = lab.pass_back(300, 4, at_bob.request.reply(180))
    *_, answered = lab.pass_back(3300, 4, at_bob.request.reply(200, body=sdp(BOB)))
    ack = call.request("ACK", ALICE, PROXY, in_dialog=True, cseq=2, routes=ROUTE)
    lab.pass_on(3320, 4, [ALICE, PROXY, BOB], ack)

    bye = call.request("BYE", ALICE, PROXY, in_dialog=True, routes=ROUTE)
    hangup, bye_at_bob = lab.pass_on(18_304, 4, [ALICE, PROXY, BOB], bye)
    lab.pass_back(18_320, 4, bye_at_bob.request.reply(200))

    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.note("All delays of the call run from the first INVITE, the challenged one (RFC 6076 §4, §5.3).")
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        answered=answered,
        ended=hangup,
        released_by="caller",
        hops=2,
    )
    return [lab]
