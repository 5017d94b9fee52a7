"""SIP that is no call: OPTIONS, MESSAGE, a subscription to Bob's presence that is refreshed and ended, and a REFER."""

from typing import Any

from lab import Capture
from sip_messages import ALICE, BOB

PIDF = "application/pidf+xml"


def presence(status: str) -> bytes:
    return (
        '<?xml version="1.0"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">'
        f'<tuple id="t1"><status><basic>{status}</basic></status></tuple></presence>\r\n'
    ).encode()


def build() -> list[Capture]:
    lab = Capture(
        "outside_calls",
        "OPTIONS, MESSAGE (one delivered, one 404), a presence subscription that is refreshed and ended, and a REFER "
        "outside a call with its two NOTIFYs: no call.",
    )
    ping = lab.session("options", ALICE, BOB)
    options = ping.request("OPTIONS", ALICE, BOB)
    lab.send(0, ALICE, BOB, options)
    lab.send(7, BOB, ALICE, options.reply(200))

    for number, final in enumerate((200, 404)):
        chat = lab.session(f"message {number}", ALICE, BOB)
        message = chat.request("MESSAGE", ALICE, BOB, body=b"Watson, come here.", body_type="text/plain")
        lab.send(1000 + 1000 * number, ALICE, BOB, message)
        lab.send(1025 + 1000 * number, BOB, ALICE, message.reply(final))

    watch = lab.session("presence", ALICE, BOB)
    event = ("Event", "presence")
    subscribe = watch.request("SUBSCRIBE", ALICE, BOB, add=[event, ("Expires", "600"), ("Accept", PIDF)])
    lab.send(5000, ALICE, BOB, subscribe)
    accepted = lab.send(5020, BOB, ALICE, subscribe.reply(200, add=[("Expires", "600")]))
    for at, state, status in ((5030, "active;expires=600", "open"), (65_000, "active;expires=540", "closed")):
        add = [event, ("Subscription-State", state)]
        notify = watch.request("NOTIFY", BOB, ALICE, in_dialog=True, add=add, body=presence(status), body_type=PIDF)
        lab.send(at, BOB, ALICE, notify)
        lab.send(at + 9, ALICE, BOB, notify.reply(200))
    refresh = watch.request("SUBSCRIBE", ALICE, BOB, in_dialog=True, add=[event, ("Expires", "600")])
    lab.send(305_000, ALICE, BOB, refresh)
    lab.send(305_018, BOB, ALICE, refresh.reply(200, add=[("Expires", "600")]))
    leave = watch.request("SUBSCRIBE", ALICE, BOB, in_dialog=True, add=[event, ("Expires", "0")])
    lab.send(400_000, ALICE, BOB, leave)
    lab.send(400_017, BOB, ALICE, leave.reply(200, add=[("Expires", "0")]))
    last = watch.request(
        "NOTIFY", BOB, ALICE, in_dialog=True, add=[event, ("Subscription-State", "terminated;reason=timeout")]
    )
    ended = lab.send(400_030, BOB, ALICE, last)
    lab.send(400_038, ALICE, BOB, last.reply(200))
    over: dict[str, Any] = {"state": "terminated", "ended_by": "remote", "end_reason": "notify_terminated"}
    lab.dialog(watch, usage="subscribe", confirmed=accepted, ended=ended, **over)

    dial = lab.session("refer", ALICE, BOB)
    refer = dial.request("REFER", ALICE, BOB, add=[("Refer-To", "<sip:carol@example.com>")])
    lab.send(500_000, ALICE, BOB, refer)
    lab.send(500_012, BOB, ALICE, refer.reply(202))
    fragments = ((500_020, "active;expires=60", b"100 Trying"), (503_000, "terminated;reason=noresource", b"200 OK"))
    told = []
    for at, state, line in fragments:
        notify = dial.request(
            "NOTIFY",
            BOB,
            ALICE,
            in_dialog=True,
            add=[("Event", "refer"), ("Subscription-State", state)],
            body=b"SIP/2.0 " + line + b"\r\n",
            body_type="message/sipfrag;version=2.0",
        )
        told.append(lab.send(at, BOB, ALICE, notify))
        lab.send(at + 8, ALICE, BOB, notify.reply(200))
    lab.dialog(dial, usage="refer", confirmed=told[0], ended=told[1], **over)

    lab.note("A subscription is confirmed by the 2xx or the NOTIFY, whichever is first (here the 200).")
    lab.note("The REFER's dialog is confirmed by its first NOTIFY, not by the 202 (RFC 6665 §4.4.1).")
    lab.note("A sipfrag in a body is not a message.")
    return [lab]
