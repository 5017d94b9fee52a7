"""What a phone does beside plain calls: it registers and says what it can, subscribes, publishes, runs a USSD dialogue,
has a conference and refers Carol to it; and a call that is forwarded to it while it is in that."""

from typing import Any

from lab import Capture, at
from sip_messages import Node, Sighting, sdp, seconds_between

DOMAIN = "ims.example.com"
ABILITIES = (
    ';+sip.instance="<urn:gsma:imei:35209900-176148-0>";audio;video;+g.3gpp.smsip;+g.3gpp.mid-call'
    ';+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"'
    ';+g.3gpp.iari-ref="urn%3Aurn-7%3A3gpp-application.ims.iari.rcse.im,urn%3Aurn-7%3A3gpp-application.ims.iari.rcs.geopush"'
)
PHONE = Node("phone", "10.45.0.2", f"sip:+491701234567@{DOMAIN}", agent="Labphone IMS 1.0")
REGISTRAR = Node("registrar", "10.0.2.30", f"sip:{DOMAIN}")
PRESENCE = Node("presence", "10.0.2.40", PHONE.uri)
FOCUS = Node("focus", "10.0.2.50", f"sip:mmtel@conf-factory.{DOMAIN}", contact_params=";isfocus")
USSD = Node("ussd", "10.0.2.60", f"sip:*100%23@{DOMAIN}")
FAR = Node("far", "10.0.2.70", f"sip:+491729876543@{DOMAIN}")
CAROL = f"sip:+491755555555@{DOMAIN}"
ICSI = "urn:urn-7:3gpp-service.ims.icsi.mmtel"


class Lab(Capture):
    """The capture next to the phone."""

    def subscription(self, **values: Any) -> None:
        asked, told, ended = (values.pop(name, None) for name in ("asked", "told", "ended"))
        delay = seconds_between(asked.time, told.time) if told else None
        times = {"started_at": at(asked), "first_notify_at": at(told), "ended_at": at(ended), "notify_delay_s": delay}
        self.row("subscriptions", **times, **values)

    def publication(self, sent: Sighting, final: Sighting, **values: Any) -> None:
        times = {"published_at": at(sent), "delay_s": seconds_between(sent.time, final.time)}
        self.row("publications", **times, package="presence", publisher="491701234567", **values)

    def service(self, first: Sighting, *names: tuple[str, str | None]) -> None:
        for service, detail in names:
            self.row("services", started_at=at(first), method=first.message.method, service=service, detail=detail)


def registration(lab: Lab) -> None:
    session = lab.session("registration", PHONE, REGISTRAR)
    contact = PHONE.contact + ABILITIES
    add = [("Contact", contact), ("Expires", "600000"), ("Supported", "path, gruu"), ("Allow", "INVITE, MESSAGE")]
    register = session.request("REGISTER", PHONE, REGISTRAR, uri=f"sip:{DOMAIN}", peer=PHONE, add=add)
    asked = lab.send(0, PHONE, REGISTRAR, register)
    granted = [("Contact", f"{contact};expires=600000"), ("Feature-Caps", "*;+g.3gpp.srvcc-alerting")]
    final = lab.send(40, REGISTRAR, PHONE, register.reply(200, add=[*granted, ("Supported", "outbound")]))
    lab.registration(
        aor=PHONE.uri, contact=PHONE.contact_uri, outcome="registered", kind="initial", first=asked, final=final,
        challenges=0, expires=600000, status=200,
    )  # fmt: skip
    lab.service(asked, ("registration", None))


def events(lab: Lab) -> None:
    watch = lab.session("reg", PHONE, REGISTRAR)
    event = ("Event", "reg")
    subscribe = watch.request("SUBSCRIBE", PHONE, REGISTRAR, uri=PHONE.uri, add=[event, ("Expires", "600000")])
    asked = lab.send(1_000, PHONE, REGISTRAR, subscribe)
    accepted = lab.send(1_020, REGISTRAR, PHONE, subscribe.reply(200, add=[("Expires", "600000")]))
    told = []
    for when, state in ((1_035, "active;expires=600000"), (500_000, "terminated;reason=rejected")):
        notify = watch.request(
            "NOTIFY", REGISTRAR, PHONE, in_dialog=True, add=[event, ("Subscription-State", state)],
            body=b'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="0" state="full"/>',
            body_type="application/reginfo+xml",
        )  # fmt: skip
        told.append(lab.send(when, REGISTRAR, PHONE, notify))
        lab.send(when + 11, PHONE, REGISTRAR, notify.reply(200))
    over: dict[str, Any] = {"state": "terminated", "ended": told[1], "ended_by": "remote"}
    lab.dialog(watch, usage="subscribe", confirmed=accepted, end_reason="notify_terminated", **over)
    lab.subscription(
        kind="subscribe", package="reg", subscriber="491701234567", asked=asked, told=told[0], ended=told[1],
        status=200, asked_s=600000, granted_s=600000, refreshes=0, notifies=2, states="active terminated",
        state="terminated", ended_by="notifier", end_reason="rejected", result=None,
    )  # fmt: skip
    lab.service(asked, ("reg_event", "reg"))

    winfo = lab.session("winfo", PHONE, PRESENCE)
    refused = winfo.request("SUBSCRIBE", PHONE, PRESENCE, add=[("Event", "presence.winfo"), ("Expires", "3600")])
    asked = lab.send(2_000, PHONE, PRESENCE, refused)
    ended = lab.send(2_015, PRESENCE, PHONE, refused.reply(489, "Bad Event"))
    lab.subscription(
        kind="subscribe", package="presence.winfo", subscriber="491701234567", asked=asked, ended=ended, status=489,
        asked_s=3600, granted_s=None, refreshes=0, notifies=0, states=None, state="terminated", ended_by="notifier",
        end_reason="refused", result=None,
    )  # fmt: skip
    lab.service(asked, ("presence", "presence.winfo"))


def presence(lab: Lab) -> None:
    """RFC 3903 §4: published, refreshed, a second time with the tag that is no more, removed."""
    steps: list[tuple[int, str, str, int, str]] = [
        (3_000, "", "3600", 200, "e1"),
        (300_000, "e1", "3600", 200, "e2"),
        (310_000, "e1", "3600", 412, ""),
        (320_000, "e2", "0", 200, "e3"),
    ]
    session = lab.session("publication", PHONE, PRESENCE)
    actions = ("publish", "refresh", "refresh", "remove")
    ends = ("replaced", "replaced", None, None)
    for (when, if_match, expires, status, tag), action, end in zip(steps, actions, ends, strict=True):
        add = [("Event", "presence"), ("Expires", expires)] + ([("SIP-If-Match", if_match)] if if_match else [])
        body = b"" if if_match else b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@b"/>'
        publish = session.request("PUBLISH", PHONE, PRESENCE, add=add, body=body, body_type="application/pidf+xml")
        sent = lab.send(when, PHONE, PRESENCE, publish)
        phrase = "OK" if status == 200 else "Conditional Request Failed"
        answer = [("SIP-ETag", tag), ("Expires", expires)] if tag else []
        final = lab.send(when + 18, PRESENCE, PHONE, publish.reply(status, phrase, add=answer))
        lab.publication(
            sent, final, action=action, status=status, asked_s=int(expires), if_match=if_match or None,
            granted_s=int(expires) if tag else None, etag=tag or None, end_reason=end,
        )  # fmt: skip
        lab.service(sent, ("presence", "presence"))


USSD_TYPE = "application/vnd.3gpp.ussd+xml"


def ussd(words: str) -> bytes:
    return f'<?xml version="1.0"?><ussd-data><ussd-string>{words}</ussd-string></ussd-data>'.encode()


def balance(lab: Lab) -> None:
    """TS 24.390: the request in the INVITE beside a description without a stream of use, the answer in the BYE."""
    session = lab.session("ussd", PHONE, USSD)
    empty = sdp(PHONE, port=0)
    body = b"".join(
        b"--lab\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + content + b"\r\n"
        for kind, content in (("application/sdp", empty), (USSD_TYPE, ussd("*100#")))
    )
    invite = session.request(
        "INVITE", PHONE, USSD, add=[("Recv-Info", "g.3gpp.ussd")], body=body + b"--lab--\r\n",
        body_type="multipart/mixed;boundary=lab",
    )  # fmt: skip
    invited = lab.send(10_000, PHONE, USSD, invite)
    answered = lab.send(10_050, USSD, PHONE, invite.reply(200, body=sdp(USSD, port=0)))
    lab.send(10_060, PHONE, USSD, session.request("ACK", PHONE, USSD, in_dialog=True, cseq=invite.cseq))
    bye = session.request("BYE", USSD, PHONE, in_dialog=True, body=ussd("balance 5.00"), body_type=USSD_TYPE)
    ended = lab.send(12_000, USSD, PHONE, bye)
    lab.send(12_011, PHONE, USSD, bye.reply(200))
    lab.dialog(
        session, state="terminated", confirmed=answered, ended=ended, ended_by="remote", end_reason="bye",
    )  # fmt: skip
    lab.call(
        caller="491701234567", callee=f"*100#@{DOMAIN}", outcome="answered", status=200, call_ids=[session.call_id],
        invite=invited, answered=answered, ended=ended, released_by="callee",
    )  # fmt: skip
    lab.service(invited, ("ussi", None))


def conference(lab: Lab) -> None:
    """RFC 4579 §5.4, §5.5: a conference from the factory, its event package, and Carol referred to it."""
    session = lab.session("conference", PHONE, FOCUS)
    invite = session.request("INVITE", PHONE, FOCUS, add=[("P-Preferred-Service", ICSI)], body=sdp(PHONE))
    invited = lab.send(20_000, PHONE, FOCUS, invite)
    answered = lab.send(20_080, FOCUS, PHONE, invite.reply(200, body=sdp(FOCUS)))
    lab.send(20_090, PHONE, FOCUS, session.request("ACK", PHONE, FOCUS, in_dialog=True, cseq=invite.cseq))

    watch = lab.session("conference event", PHONE, FOCUS)
    event = ("Event", "conference")
    subscribe = watch.request("SUBSCRIBE", PHONE, FOCUS, add=[event, ("Expires", "3600")])
    asked = lab.send(20_200, PHONE, FOCUS, subscribe)
    accepted = lab.send(20_220, FOCUS, PHONE, subscribe.reply(200, add=[("Expires", "3600")]))
    state = ("Subscription-State", "active;expires=3600")
    notify = watch.request(
        "NOTIFY", FOCUS, PHONE, in_dialog=True, add=[event, state],
        body=b'<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:c@d" state="full"/>',
        body_type="application/conference-info+xml",
    )  # fmt: skip
    told = lab.send(20_240, FOCUS, PHONE, notify)
    lab.send(20_250, PHONE, FOCUS, notify.reply(200))
    lab.dialog(watch, usage="subscribe", state="confirmed", confirmed=accepted, end_reason="open")
    lab.subscription(
        kind="subscribe", package="conference", subscriber="491701234567", asked=asked, told=told, status=200,
        asked_s=3600, granted_s=3600, refreshes=0, notifies=1, states="active", state="active", ended_by=None,
        end_reason="open", result=None,
    )  # fmt: skip

    refer = session.request("REFER", PHONE, FOCUS, in_dialog=True, add=[("Refer-To", f"<{CAROL};method=INVITE>")])
    referred = lab.send(22_000, PHONE, FOCUS, refer)
    lab.send(22_015, FOCUS, PHONE, refer.reply(202))
    fragments = []
    for when, sub_state, line in (
        (22_030, "active;expires=60", b"100 Trying"),
        (25_000, "terminated;reason=noresource", b"200 OK"),
    ):
        notify = session.request(
            "NOTIFY", FOCUS, PHONE, in_dialog=True, add=[("Event", "refer"), ("Subscription-State", sub_state)],
            body=b"SIP/2.0 " + line + b"\r\n", body_type="message/sipfrag;version=2.0",
        )  # fmt: skip
        fragments.append(lab.send(when, FOCUS, PHONE, notify))
        lab.send(when + 10, PHONE, FOCUS, notify.reply(200))
    lab.subscription(
        kind="refer", package="refer", subscriber="491701234567", asked=referred, told=fragments[0],
        ended=fragments[1], status=202, asked_s=None, granted_s=None, refreshes=0, notifies=2,
        states="active terminated", state="terminated", ended_by="notifier", end_reason="noresource", result=200,
    )  # fmt: skip

    bye = session.request("BYE", PHONE, FOCUS, in_dialog=True)
    ended = lab.send(60_000, PHONE, FOCUS, bye)
    lab.send(60_020, FOCUS, PHONE, bye.reply(200))
    lab.dialog(session, state="terminated", confirmed=answered, ended=ended, ended_by="local", end_reason="bye")
    lab.call(
        caller="491701234567", callee=f"mmtel@conf-factory.{DOMAIN}", outcome="answered", status=200,
        call_ids=[session.call_id], invite=invited, answered=answered, ended=ended, released_by="caller",
    )  # fmt: skip
    lab.service(invited, ("conference", None), ("mmtel", None), ("voice", None))
    lab.service(asked, ("conference", "conference"), ("conference", None))


def forwarded(lab: Lab) -> None:
    """A call to Carol, who is busy, comes to the phone, which is in the conference (TS 24.604, TS 24.615)."""
    session = lab.session("forwarded", FAR, PHONE)
    history = f"<{CAROL}?Reason=SIP%3Bcause%3D486>;index=1, <{PHONE.uri};cause=486>;index=1.1;mp=1"
    add = [
        ("History-Info", history),
        ("Alert-Info", "<urn:alert:service:call-waiting>"),
        ("P-Asserted-Identity", f"<{FAR.uri}>"),
        ("Privacy", "id"),
    ]
    invite = session.request("INVITE", FAR, PHONE, peer=PHONE, add=add, body=sdp(FAR))
    invited = lab.send(30_000, FAR, PHONE, invite)
    ringing = lab.send(30_100, PHONE, FAR, invite.reply(180))
    busy = invite.reply(486)
    ended = lab.send(36_000, PHONE, FAR, busy)
    lab.send(36_010, FAR, PHONE, invite.ack(busy))
    lab.dialog(session, state="terminated", early=ringing, ended=ended, ended_by="remote", end_reason="rejected")
    lab.call(
        caller="491729876543", callee="491701234567", outcome="busy", status=486, call_ids=[session.call_id],
        invite=invited, ringing=ringing, ended=ended, released_by="callee",
    )  # fmt: skip
    lab.service(
        invited, ("voice", None), ("call_forwarding", "CFB: busy"), ("call_waiting", None), ("oir", "id"),
    )  # fmt: skip


def build() -> list[Capture]:
    lab = Lab(
        "services",
        "A phone registers with its capabilities, subscribes (reg until the network ends it, winfo refused), publishes "
        "presence four times (412 once), runs a USSD dialogue, holds a conference to which it refers Carol, and rings "
        "for a call forwarded on busy. Three calls, among five subscriptions and four PUBLISHes.",
    )
    for part in (registration, events, presence, balance, conference, forwarded):
        part(lab)
    lab.note("A subscription, a PUBLISH and a REFER make no call; the USSD dialogue and the conference are INVITEs.")
    lab.note("A REFER to a focus adds to its conference and transfers nothing (RFC 4579 §5.5).")
    return [lab]
