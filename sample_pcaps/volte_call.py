"""A VoLTE call over five hops with preconditions: UE1 - P-CSCF1 - S-CSCF1 - S-CSCF2 - P-CSCF2 - UE2.

TS 24.930 in short: 183 with the answer, PRACK, UPDATE when UE1's bearer stands, 180, PRACK, 200, and UE2 hangs up.
"""

from decimal import Decimal
from typing import Any

from lab import Capture
from sip_messages import Node, Session, Sighting, sdp

HOME = "ims.mnc001.mcc262.3gppnetwork.org"
A, B = "+491701234567", "+491707654321"
UE1 = Node("ue1", "10.45.0.2", f"sip:{A}@{HOME}", agent="LabVoLTE 1.0", contact_params=';+g.3gpp.icsi-ref="mmtel"')
UE2 = Node("ue2", "10.45.0.9", f"sip:{B}@{HOME}", agent="LabVoLTE 1.0", contact_params=';+g.3gpp.icsi-ref="mmtel"')
PCSCF1 = Node("pcscf1", "10.46.0.1")
SCSCF1 = Node("scscf1", "10.46.0.3")
SCSCF2 = Node("scscf2", "10.47.0.3")
PCSCF2 = Node("pcscf2", "10.47.0.1")

PATH = [UE1, PCSCF1, SCSCF1, SCSCF2, PCSCF2, UE2]
BACK = PATH[::-1]
ROUTES = [f"<sip:{proxy.hostport};lr>" for proxy in PATH[1:-1]]
ICID = "AyretyU0dm+6O2IrT5tAFrbHLso=0123456789"
CELL = "3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=2620100010000001"
HOP = "2.5"  # ms from a proxy's ear to its mouth


def quality(current_local: str, current_remote: str, confirm: bool = False) -> list[str]:
    """The precondition lines of an audio stream (RFC 3312 §5)."""
    lines = [
        f"a=curr:qos local {current_local}",
        f"a=curr:qos remote {current_remote}",
        "a=des:qos mandatory local sendrecv",
        "a=des:qos mandatory remote sendrecv",
    ]
    return [*lines, "a=conf:qos remote sendrecv"] if confirm else lines


def offer(node: Node, version: int, current_local: str, current_remote: str, confirm: bool = False) -> bytes:
    return sdp(node, version, port=50000, payloads="96", extra=quality(current_local, current_remote, confirm))


def in_dialog(
    lab: Capture, call: Session, at: int, method: str, answer: bytes = b"", **extra: Any
) -> tuple[Sighting, Sighting]:
    """A request of UE1 through the route set, and its 200 back 20 ms after it came; both as UE1's own hop has them."""
    request = call.request(method, UE1, PCSCF1, in_dialog=True, routes=ROUTES, **extra)
    left, *_, arrived = lab.pass_on(at, HOP, PATH, request)
    *_, answered = lab.pass_back(at + 30, HOP, arrived.request.reply(200, body=answer))
    return left, answered


def build() -> list[Capture]:
    lab = Capture(
        "volte_call",
        "One VoLTE call over five hops, one icid in the core: 183 with preconditions pending (no ringing), PRACK, "
        "UPDATE, 180, answer after 3.9 s of ringing; the called side hangs up.",
    )
    call = lab.session("call", UE1, UE2)

    invite = call.request(
        "INVITE",
        UE1,
        PCSCF1,
        uri=f"tel:{B}",
        routes=[f"<sip:{proxy.hostport};lr>" for proxy in (PCSCF1, SCSCF1)],
        add=[
            ("P-Preferred-Identity", f"<{UE1.uri}>"),
            ("P-Access-Network-Info", CELL),
            ("P-Preferred-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"),
            ("P-Early-Media", "supported"),
            ("Supported", "100rel, precondition, timer"),
            ("Session-Expires", "1800"),
        ],
        body=offer(UE1, 1, "none", "none"),
    )
    asserted = [("P-Asserted-Identity", f"<{UE1.uri}>"), ("P-Asserted-Identity", f"<tel:{A}>")]
    charging = f"icid-value={ICID};icid-generated-at={PCSCF1.ip}"
    edits: dict[Node, Any] = {
        PCSCF1: {
            "drop": ["P-Preferred-Identity", "P-Preferred-Service"],
            "add": [
                *asserted,
                ("P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"),
                ("P-Charging-Vector", charging),
            ],
        },
        SCSCF1: {
            "uri": UE2.uri,
            "drop": ["P-Access-Network-Info", "P-Charging-Vector"],
            "add": [("P-Charging-Vector", f"{charging};orig-ioi={HOME}")],
        },
        SCSCF2: {"uri": UE2.contact_uri, "add": [("P-Called-Party-ID", f"<{UE2.uri}>")]},
        PCSCF2: {"drop": ["P-Charging-Vector"]},
    }
    copies = lab.pass_on(0, HOP, PATH, invite, record_route=True, edits=edits)
    for seen in copies[:-1]:  # each proxy says 100 a millisecond after the INVITE came
        lab.send(Decimal(seen.time - lab.start) / 1_000_000 + 1, *lab.ends(seen.message)[::-1], seen.request.reply(100))
    at_ue2 = copies[-1].request
    lab.send(15, UE2, PCSCF2, at_ue2.reply(100))

    reliable = [("Require", "100rel"), ("RSeq", "1")]
    progress = at_ue2.reply(
        183, add=[("Require", "precondition"), *reliable], body=offer(UE2, 1, "none", "none", confirm=True)
    )
    *_, progressed = lab.pass_back(400, HOP, progress)
    in_dialog(lab, call, 450, "PRACK", add=[("RAck", "1 1 INVITE")])
    update = in_dialog(
        lab,
        call,
        900,
        "UPDATE",
        add=[("Require", "precondition")],
        body=offer(UE1, 2, "sendrecv", "none"),
        answer=offer(UE2, 2, "sendrecv", "sendrecv"),
    )
    *_, ringing = lab.pass_back(1100, HOP, at_ue2.reply(180, add=[("Require", "100rel"), ("RSeq", "2")]))
    in_dialog(lab, call, 1150, "PRACK", add=[("RAck", "2 1 INVITE")])

    *_, answered = lab.pass_back(5000, HOP, at_ue2.reply(200, add=[("Session-Expires", "1800;refresher=uac")]))
    lab.pass_on(5060, HOP, PATH, call.request("ACK", UE1, PCSCF1, in_dialog=True, cseq=1, routes=ROUTES))

    bye = call.request("BYE", UE2, PCSCF2, in_dialog=True, routes=ROUTES[::-1])
    *_, hangup = lab.pass_on(65_000, HOP, BACK, bye)
    lab.pass_back(65_040, HOP, hangup.request.reply(200))

    wideband = "AMR-WB/16000"
    lab.agreed(copies[0], progressed, pattern=3, codecs=wideband, qos=("none", "none"))
    lab.agreed(*update, pattern=6, codecs=wideband, qos=("sendrecv", "sendrecv"))
    lab.dialog(
        call,
        state="terminated",
        early=progressed,
        confirmed=answered,
        ended=hangup,
        ended_by="remote",
        end_reason="bye",
    )
    lab.note("Measured at the reference hop UE1 - P-CSCF1: responses of UE2 arrive there 10 ms after they left UE2.")
    lab.note("srd_s ends with the 183; pdd_s with the 180, for the 183 has preconditions pending and no P-Early-Media.")
    lab.note(
        "caller is the E.164 digits of P-Asserted-Identity or From (the same subscriber), callee those of the tel URI."
    )
    lab.call(
        caller=A.removeprefix("+"),
        callee=B.removeprefix("+"),
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=copies[0],
        provisional=progressed,
        ringing=ringing,
        answered=answered,
        ended=hangup,
        released_by="callee",
        hops=5,
    )
    return [lab]
