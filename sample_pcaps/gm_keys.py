"""A phone registers, and all it says afterwards is encrypted on Gm (TS 33.203); the keys lie in the capture, on Mw."""

from __future__ import annotations

import base64
import itertools
from decimal import Decimal
from typing import Any

import wire
from basic_call import stage
from lab import Capture
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Packet, Raw
from sip_messages import Message, Millis, Node, Sighting, digest

HOME = "ims.mnc001.mcc262.3gppnetwork.org"
IMPI = f"262010000000001@{HOME}"
# The phone and its proxy: in clear, and by the ports of their associations.
UE = Node("ue", "10.45.0.2", "sip:bob@example.com", "Bob", agent="LabVoLTE 1.0")
PCSCF = Node("pcscf", "10.46.0.1", "sip:alice@example.com", "Alice")
SCSCF = Node("scscf", "10.46.0.3")
UE_CLIENT, UE_SERVER, PCSCF_CLIENT, PCSCF_SERVER = 5062, 5063, 6062, 6063
UE_PROTECTED = Node("ue", UE.ip, UE.uri, UE.display, UE.agent, port=UE_SERVER)
PCSCF_PROTECTED = Node("pcscf", PCSCF.ip, PCSCF.uri, PCSCF.display, port=PCSCF_SERVER)

#: ms from the registration to the call.
CALLED = 5_000
CK, IK = bytes.fromhex(digest("ck"))[:16], bytes.fromhex(digest("ik"))[:16]
NONCE = base64.b64encode(bytes.fromhex(digest("rand"))[:16] + bytes.fromhex(digest("autn"))[:16]).decode()
# SPIs by the receiver's port.
SPIS = {UE_CLIENT: 0x1001, UE_SERVER: 0x1002, PCSCF_CLIENT: 0x2001, PCSCF_SERVER: 0x2002}


class Associations:
    """AES-CBC and HMAC-SHA-1-96 by the keys of TS 33.203 Annex I; one for each direction and pair of ports."""

    def __init__(self) -> None:
        self.vectors = itertools.count(1)
        self.to = {
            spi: SecurityAssociation(
                ESP, spi=spi, crypt_algo="AES-CBC", crypt_key=CK, auth_algo="HMAC-SHA1-96", auth_key=IK + bytes(4)
            )
            for spi in SPIS.values()
        }

    def link(self, source: Node, target: Node, packet: Packet) -> bytes:
        """What one of the protected nodes sends leaves its client port for the other's server port."""
        if source not in (UE_PROTECTED, PCSCF_PROTECTED):
            return wire.ethernet(source, target, packet)
        inside = IP(src=source.ip, dst=target.ip, id=packet[IP].id) / UDP(sport=client(source), dport=target.port)
        association = self.to[SPIS[target.port]]
        vector = bytes.fromhex(digest("vector", next(self.vectors)))[:16]
        return wire.ethernet(source, target, association.encrypt(inside / packet[UDP].payload, iv=vector))


def client(node: Node) -> int:
    return UE_CLIENT if node is UE_PROTECTED else PCSCF_CLIENT


def carried(seen: Sighting) -> dict[str, Any]:
    """Of a message on Gm behind the registration."""
    port = int(seen.target.rpartition(":")[2])
    return {"tunnel": "esp", "spi": SPIS[port]} if port in SPIS else {}


def offered(node_client: int, node_server: int, spi_client: int, spi_server: int) -> str:
    return (
        f"ipsec-3gpp;alg=hmac-sha-1-96;ealg=aes-cbc;spi-c={spi_client};spi-s={spi_server};port-c={node_client};"
        f"port-s={node_server}"
    )


def build() -> list[Capture]:
    lab = Capture(
        "gm_keys", "A phone registers and is called over Gm, encrypted with AES; the 401 on Mw has the keys.",
        link=Associations().link, carried=carried,
    )  # fmt: skip
    register(lab)

    def send(at: Millis, source: Node, message: Message) -> Sighting:
        return protected(lab, Decimal(at) + CALLED, source, message)

    stage(lab, PCSCF_PROTECTED, UE_PROTECTED, send=send)
    return [lab]


def protected(lab: Capture, at: Millis, source: Node, message: Message) -> Sighting:
    target = PCSCF_PROTECTED if source is UE_PROTECTED else UE_PROTECTED
    packet = lab.put(at, source, target, UDP(sport=source.port, dport=target.port) / Raw(message.encode()))
    return lab.see(message, packet, packet, "udp", source=f"{source.ip}:{client(source)}", target=target.hostport)


def register(lab: Capture) -> None:
    session = lab.session("registration", UE, UE)
    client_offer = offered(UE_CLIENT, UE_SERVER, SPIS[UE_CLIENT], SPIS[UE_SERVER])
    server_offer = offered(PCSCF_CLIENT, PCSCF_SERVER, SPIS[PCSCF_CLIENT], SPIS[PCSCF_SERVER])
    contact = [("Contact", f"<{UE_PROTECTED.contact_uri}>"), ("Expires", "600000")]
    empty = f'Digest username="{IMPI}", realm="{HOME}", nonce="", uri="sip:{HOME}", response=""'

    first = session.request(
        "REGISTER", UE, PCSCF, uri=f"sip:{HOME}", peer=UE,
        add=[*contact, ("Authorization", empty), ("Security-Client", client_offer)],
    )  # fmt: skip
    started = lab.send(0, UE, PCSCF, first)
    on_mw = first.forward(SCSCF, drop=["Security-Client"])
    lab.send(5, PCSCF, SCSCF, on_mw)
    challenge = f'Digest realm="{HOME}", nonce="{NONCE}", algorithm=AKAv1-MD5, qop="auth"'
    keys = f', ck="{CK.hex()}", ik="{IK.hex()}"'
    lab.send(25, SCSCF, PCSCF, on_mw.reply(401, add=[("WWW-Authenticate", challenge + keys)]))
    refused = first.reply(401, add=[("WWW-Authenticate", challenge), ("Security-Server", server_offer)])
    lab.send(30, PCSCF, UE, refused)

    credentials = (
        f'Digest username="{IMPI}", realm="{HOME}", nonce="{NONCE}", uri="sip:{HOME}", response="{digest("res")}"'
    )
    second = session.request(
        "REGISTER", UE_PROTECTED, PCSCF_PROTECTED, uri=f"sip:{HOME}", peer=UE,
        add=[*contact, ("Authorization", credentials), ("Security-Verify", server_offer)],
    )  # fmt: skip
    protected(lab, 150, UE_PROTECTED, second)
    done = protected(lab, 190, PCSCF_PROTECTED, second.reply(200, add=[("Contact", f"{contact[0][1]};expires=600000")]))
    lab.registration(
        aor=UE.uri, contact=UE_PROTECTED.contact_uri, outcome="registered", kind="initial", first=started, final=done,
        challenges=1, expires=600000, status=200,
    )  # fmt: skip
