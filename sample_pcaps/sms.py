"""Short messages over IP (TS 24.341): two that are submitted, of which the service centre takes one and refuses the
other; one delivered with its status report, one that the phone has no room for, one without a report, one that SIP
refuses."""

from typing import Any

from lab import Capture, at
from sip_messages import Node, Request, Sighting, seconds_between

DOMAIN = "ims.mnc001.mcc001.3gppnetwork.org"
PHONE = Node("phone", "10.45.0.2", f"sip:+491701234567@{DOMAIN}", agent="Labphone IMS 1.0")
PCSCF = Node("pcscf", "10.0.1.10", agent="Labcscf 3.0")
SCSCF = Node("scscf", "10.0.1.30", agent="Labcscf 3.0")
GATEWAY = Node("ipsmgw", "10.0.1.60", f"sip:ipsmgw.{DOMAIN}", agent="Labsms 1.2")
CENTRE_NUMBER, FRIEND = "+491710760000", "+491729876543"
# The number of the service centre as a public service identity: what a UE submits to (TS 24.341 §5.3.1.2).
CENTRE = Node("centre", GATEWAY.ip, f"tel:{CENTRE_NUMBER}")

SMS = "application/vnd.3gpp.sms"
UP, DOWN = [PHONE, PCSCF, SCSCF, GATEWAY], [GATEWAY, SCSCF, PCSCF, PHONE]


def digits(number: str) -> bytes:
    """Type of number (international) and digits, two in an octet, the first in its low half (TS 24.008 §10.5.4.7)."""
    padded = number.removeprefix("+") + "F" * (len(number.removeprefix("+")) % 2)
    return b"\x91" + bytes.fromhex("".join(padded[i + 1] + padded[i] for i in range(0, len(padded), 2)))


def element(value: bytes) -> bytes:
    """An element of the format LV (TS 24.011 §8.2.1)."""
    return bytes([len(value)]) + value


def party(number: str) -> bytes:
    """An address of the transfer layer: its length counts digits (TS 23.040 §9.1.2.5)."""
    return bytes([len(number) - 1]) + digits(number)


def packed(text: str) -> bytes:
    """User data in seven bits a character (TS 23.038 §6.1.2.1), their number before them."""
    bits = sum(ord(character) << 7 * place for place, character in enumerate(text))
    return bytes([len(text)]) + bits.to_bytes((7 * len(text) + 7) // 8, "little")


STAMP = bytes.fromhex("52303080000040")  # 3 March 2025, 08:00:00, one hour ahead of UTC


def submit(reference: int) -> bytes:
    """TP-SRR is set: a status report is asked for (TS 23.040 §9.2.3.5)."""
    return bytes([0x21, reference]) + party(FRIEND) + b"\x00\x00" + packed("see you at noon")


def deliver() -> bytes:
    return b"\x04" + party(FRIEND) + b"\x00\x00" + STAMP + packed("on my way")


def status_report(reference: int) -> bytes:
    return bytes([0x06, reference]) + party(FRIEND) + STAMP + STAMP + b"\x00"


def to_centre(reference: int, user_data: bytes) -> bytes:
    return bytes([0x00, reference]) + element(b"") + element(digits(CENTRE_NUMBER)) + element(user_data)


def from_centre(reference: int, user_data: bytes) -> bytes:
    return bytes([0x01, reference]) + element(digits(CENTRE_NUMBER)) + element(b"") + element(user_data)


class Lab(Capture):
    """The capture, at the hop of the phone and inside the network alike."""

    def up(self, label: str, when: int, body: bytes, *, replies_to: str = "") -> tuple[Request, Sighting]:
        """The phone sends a MESSAGE to the service centre, or to the gateway whose MESSAGE it answers."""
        peer = GATEWAY if replies_to else CENTRE
        session = self.session(label, PHONE, peer)
        add = [("In-Reply-To", replies_to)] if replies_to else []
        add += [("P-Preferred-Identity", f"<{PHONE.uri}>"), ("P-Access-Network-Info", "3GPP-E-UTRAN-FDD")]
        add += [("Supported", "path,gruu"), ("Allow", "MESSAGE")]
        request = session.request("MESSAGE", PHONE, PCSCF, uri=peer.uri, peer=peer, add=add, body=body, body_type=SMS)
        asserted = {"add": [("P-Asserted-Identity", f"<{PHONE.uri}>")], "drop": ["P-Preferred-Identity"]}
        seen = self.pass_on(when, 4, UP, request, edits={PCSCF: asserted})
        return seen[-1].request, seen[0]

    def down(self, label: str, when: int, body: bytes, *, replies_to: str = "") -> tuple[Request, list[Sighting]]:
        """The gateway sends the phone a MESSAGE."""
        session = self.session(label, GATEWAY, PHONE)
        add = [("In-Reply-To", replies_to)] if replies_to else [("Accept-Contact", "*;+g.3gpp.smsip;require;explicit")]
        add += [("P-Asserted-Identity", f"<{GATEWAY.uri}>"), ("Request-Disposition", "no-fork")]
        request = session.request("MESSAGE", GATEWAY, SCSCF, peer=PHONE, add=add, body=body, body_type=SMS)
        seen = self.pass_on(when, 4, DOWN, request)
        return seen[-1].request, seen

    def told(self, sent: Sighting, final: Sighting, report: Sighting | None, **values: Any) -> None:
        """A row of the truth, in order of time."""
        times = {"submitted_at": at(sent), "report_at": at(report)}
        delays = {
            "status_delay_s": seconds_between(sent.time, final.time),
            "report_delay_s": seconds_between(sent.time, report.time if report else None),
        }
        parties = {"service_centre": CENTRE_NUMBER[1:], "tp_address": FRIEND[1:]}
        self.row(
            "sms", **times, **delays, **parties, call_id=sent.message.session.call_id, legs=1, malformed=False, **values
        )


def build() -> list[Capture]:
    lab = Lab(
        "sms",
        "Seven short messages over IP: accepted by the service centre, refused by it (RP-ERROR 50), delivered with a "
        "status report, rejected by a phone without memory (RP-ERROR 22), never reported on, and refused by SIP (403). "
        "Every one but the last has its 200 or 202. No call.",
    )
    phone = {"sender": "491701234567", "receiver": "491710760000", "direction": "originated"}
    gateway = {"sender": f"ipsmgw.{DOMAIN}", "receiver": "491701234567", "direction": "terminated"}

    for number, (reference, cause) in enumerate(((1, None), (2, 50))):
        start = 5_000 * number
        request, sent = lab.up(f"submit {reference}", start, to_centre(reference, submit(reference)))
        final = lab.pass_back(start + 20, 4, request.reply(202))[-1]
        # SMS-SUBMIT-REPORT, without parameters; of the refusal with TP-FCS C1.
        if cause is None:
            report = bytes([0x03, reference, 0x41, 0x02, 0x01, 0x00])
        else:
            report = bytes([0x05, reference, 0x01, cause, 0x41, 0x03, 0x01, 0xC1, 0x00])
        answer, seen = lab.down(f"report {reference}", start + 900, report, replies_to=sent.message.session.call_id)
        lab.pass_back(start + 930, 4, answer.reply(200))
        refused = {
            "outcome": "rejected", "report_type": "RP-ERROR", "rp_cause": 50,
            "rp_cause_text": "requested facility not subscribed", "tp_failure": 0xC1,
            "tp_failure_text": "no SC subscription",
        }  # fmt: skip
        accepted = {"outcome": "delivered", "report_type": "RP-ACK", "rp_cause": None, "tp_failure": None}
        lab.told(
            sent, final, seen[-1], **phone, **(refused if cause else accepted), status=202, rp_reference=reference,
            tp_type="SMS-SUBMIT", tp_reference=reference, matched_by="in_reply_to",
        )  # fmt: skip

    arriving: list[tuple[bytes, str, dict[str, Any], bytes]] = [
        (deliver(), "SMS-DELIVER", {"outcome": "delivered", "report_type": "RP-ACK"}, b"\x02{}\x41\x02\x00\x00"),
        (
            status_report(1),
            "SMS-STATUS-REPORT",
            {"outcome": "delivered", "report_type": "RP-ACK", "tp_status": 0, "tp_reference": 1},
            b"\x02{}\x41\x02\x00\x00",
        ),
        (
            deliver(),
            "SMS-DELIVER",
            {
                "outcome": "rejected", "report_type": "RP-ERROR", "rp_cause": 22,
                "rp_cause_text": "memory capacity exceeded", "tp_failure": 0xD0,
                "tp_failure_text": "(U)SIM SMS storage full",
            },
            b"\x04{}\x01\x16\x41\x03\x00\xd0\x00",
        ),
    ]  # fmt: skip
    for number, (user_data, kind, result, report) in enumerate(arriving):
        start, reference = 20_000 + 10_000 * number, 0xA0 + number
        request, passed = lab.down(f"deliver {reference}", start, from_centre(reference, user_data))
        final = lab.pass_back(start + 40, 4, request.reply(200))[-1]
        body = report.replace(b"{}", bytes([reference]))
        # The phone of the first names no Call-ID: the reference and the parties tell what it reports on.
        named = passed[0].message.session.call_id if number else ""
        if named:
            answer, _ = lab.up(f"answer {reference}", start + 300, body, replies_to=named)
        else:
            answer, _ = lab.up(f"answer {reference}", start + 300, body)
        came = lab.observations[-1]
        lab.pass_back(start + 330, 4, answer.reply(202))
        lab.told(
            passed[0], final, came, **gateway, **result, status=200, rp_reference=reference, tp_type=kind,
            matched_by="in_reply_to" if named else "rp_reference",
        )  # fmt: skip

    for reference, status, outcome in ((3, 202, "unanswered"), (4, 403, "refused")):
        start = 60_000 + 100_000 * (reference - 3)
        request, sent = lab.up(f"submit {reference}", start, to_centre(reference, submit(reference)))
        final = lab.pass_back(start + 20, 4, request.reply(status))[-1]
        lab.told(
            sent, final, None, **phone, outcome=outcome, status=status, report_type=None, matched_by=None,
            rp_reference=reference, tp_type="SMS-SUBMIT", tp_reference=reference,
        )  # fmt: skip
    lab.note(
        "report_delay_s ends where submitted_at was taken: at the phone of what it submitted, at the gateway else."
    )
    lab.note("A short message is delivered by its RP-ACK: 202 stands in rows of every outcome.")
    return [lab]
