"""The basic call on every road that SIP takes through a network: tunnels, IPsec in clear, unusual links."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import socket
import struct
import zlib
from collections.abc import Callable
from typing import Any, TypeAlias

import wire
from basic_call import stage
from lab import Capture
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, LLC, SNAP, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw
from scapy.utils import checksum
from sip_messages import ALICE, BOB, Node, Sighting, digest, sdp

Link: TypeAlias = Callable[[Node, Node, Packet], bytes]
Wrap: TypeAlias = Callable[[Node, Node, Packet], Packet]

ALICE6 = Node("alice", "2001:db8:1::10", "sip:alice@example.com", "Alice")
BOB6 = Node("bob", "2001:db8:2::20", "sip:bob@example.com", "Bob")
# The ends of the tunnels: Alice's side and Bob's.
NEAR, FAR = Node("near", "198.51.100.1"), Node("far", "203.0.113.9")
NEAR6, FAR6 = Node("near", "2001:db8:ffff::1"), Node("far", "2001:db8:ffff::9")


def ends(source: Node, near: Node = NEAR, far: Node = FAR) -> tuple[Node, Node]:
    """The tunnel's ends in the direction of travel."""
    return (near, far) if source.name == "alice" else (far, near)


def outer(source: Node, inside: Packet | bytes) -> Packet:
    """The IP header between the tunnel's ends around `inside`, with an identification that is not the inner one."""
    a, b = ends(source)
    return IP(src=a.ip, dst=b.ip, id=int(digest("outer", bytes(inside))[:4], 16))


def over_ip(source: Node, protocol: int, data: bytes) -> Packet:
    """Bytes over IPv4 between the tunnel's ends."""
    header = outer(source, data)
    header.proto = protocol
    return header / Raw(data)


def framed(wrap: Wrap) -> Link:
    """Ethernet around what `wrap` makes."""
    return lambda source, target, packet: bytes(Ether(src=NEAR.mac, dst=FAR.mac) / wrap(source, target, packet))


def inner_frame(source: Node, target: Node, packet: Packet) -> Packet:
    return Ether(src=source.mac, dst=target.mac) / packet


# -- tunnels -----------------------------------------------------------------------------------------------------------


def teid(source: Node) -> int:
    return 0x0A0B0C01 if source.name == "alice" else 0x0A0B0C02


def gtpu(source: Node, target: Node, packet: Packet) -> Packet:
    """As between a 5G radio and a UPF: sequence number, PDU session container (TS 38.415)."""
    uplink = source.name == "alice"
    session = GTPPDUSessionContainer(type=int(uplink), QFI=5)
    header = GTP_U_Header(teid=teid(source), E=1, S=1, seq=7, next_ex=0x85, gtp_type=255)
    return outer(source, packet) / UDP(sport=2152, dport=2152) / header / session / packet


def gre_with_key(source: Node, target: Node, packet: Packet) -> Packet:
    return (
        outer(source, packet)
        / GRE(chksum_present=1, key_present=1, seqnum_present=1, key=77, seqence_number=1)
        / packet
    )


def pptp(source: Node, target: Node, packet: Packet) -> Packet:
    """GRE version 1 (RFC 2637) with PPP: key = length and call, sequence and acknowledgement."""
    frame = bytes.fromhex("ff030021") + bytes(packet)
    header = struct.pack("!HHHHII", 0x3081, 0x880B, len(frame), 9, 1, 1)
    return over_ip(source, 47, header + frame)


def ipip(source: Node, target: Node, packet: Packet) -> Packet:
    return outer(source, packet) / packet


def four_in_six(source: Node, target: Node, packet: Packet) -> Packet:
    a, b = ends(source, NEAR6, FAR6)
    return IPv6(src=a.ip, dst=b.ip) / packet


def vxlan(source: Node, target: Node, packet: Packet) -> Packet:
    return (
        outer(source, packet)
        / UDP(sport=49999, dport=4789)
        / VXLAN(flags=0x08, vni=42)
        / inner_frame(source, target, packet)
    )


def geneve(source: Node, target: Node, packet: Packet) -> Packet:
    header = GENEVE(vni=42, proto=0x6558) / inner_frame(source, target, packet)
    data = bytearray(bytes(header))
    data[0] |= 2  # two words of options: one option of class 0x0102 with 4 bytes
    data[8:8] = bytes.fromhex("01020301") + bytes(4)
    return outer(source, packet) / UDP(sport=49999, dport=6081) / Raw(bytes(data))


def mpls(source: Node, target: Node, packet: Packet) -> Packet:
    return MPLS(label=1000, s=0, ttl=60) / MPLS(label=2000, s=1, ttl=60) / packet


def pseudowire(source: Node, target: Node, packet: Packet) -> Packet:
    """Ethernet over MPLS with a control word (RFC 4448), a VLAN tag in the inner frame."""
    frame = Ether(src=source.mac, dst=target.mac) / Dot1Q(vlan=100) / packet
    return MPLS(label=1000, s=1, ttl=60) / Raw(struct.pack("!I", 1) + bytes(frame))


def pppoe(source: Node, target: Node, packet: Packet) -> Packet:
    return PPPoE(sessionid=0x11) / PPP(proto=0x0021) / packet


def erspan_2(source: Node, target: Node, packet: Packet) -> Packet:
    frame = bytes(inner_frame(source, target, packet))
    gre = struct.pack("!HHI", 0x1000, 0x88BE, 5)
    erspan = struct.pack("!HHI", 1 << 12 | 300, 1, 0)  # version 1 = type II, VLAN 300, session 1
    return over_ip(source, 47, gre + erspan + frame)


def erspan_3(source: Node, target: Node, packet: Packet) -> Packet:
    frame = bytes(inner_frame(source, target, packet))
    gre = struct.pack("!HHI", 0x1000, 0x22EB, 5)
    # Version 2 = type III, VLAN 300; timestamp; security group; the bit O announces 8 bytes of the platform.
    erspan = struct.pack("!HHIHH", 2 << 12 | 300, 1, 99, 0, 1) + bytes(8)
    return over_ip(source, 47, gre + erspan + frame)


def ethertype(number: int, data: Packet) -> Packet:
    return Ether(src=NEAR.mac, dst=FAR.mac, type=number) / data


# -- tags of switches --------------------------------------------------------------------------------------------------


def behind(number: int, tag: str, *, after: str = "") -> Link:
    """A tag in hexadecimal behind this ethertype, then the packet's own ethertype; bytes after the packet."""
    head, end = bytes.fromhex(tag), bytes.fromhex(after)
    return lambda source, target, packet: bytes(
        ethertype(number, Raw(head + struct.pack("!H", 0x0800) + bytes(packet) + end))
    )


def whole_frame_behind(number: int, head: str) -> Link:
    header = bytes.fromhex(head)
    return lambda source, target, packet: bytes(
        ethertype(number, Raw(header + bytes(inner_frame(source, target, packet))))
    )


def isl(source: Node, target: Node, packet: Packet) -> bytes:
    """Cisco's header of 26 bytes with VLAN 300, the frame with its checksum (here 0), the checksum of ISL."""
    frame = bytes(inner_frame(source, target, packet)) + bytes(4)
    head = bytes.fromhex("01000c000000") + bytes.fromhex(source.mac.replace(":", ""))
    return (
        head
        + struct.pack("!H", 12 + len(frame))
        + bytes.fromhex("aaaa03000002")
        + struct.pack("!HHH", 600, 1, 0)
        + frame
    )


# -- tunnels in UDP ----------------------------------------------------------------------------------------------------


def in_udp(port: int, header: str) -> Wrap:
    head = bytes.fromhex(header)
    return lambda source, target, packet: (
        outer(source, packet) / UDP(sport=49999, dport=port) / Raw(head + bytes(packet))
    )


def capwap(source: Node, target: Node, packet: Packet) -> Packet:
    """CAPWAP data (RFC 5415 §4.3) with an IEEE 802.3 frame."""
    frame = bytes(inner_frame(source, target, packet))
    return outer(source, packet) / UDP(sport=49999, dport=5247) / Raw(bytes.fromhex("0010020000000000") + frame)


def scat(source: Node, target: Node, packet: Packet) -> Packet:
    """As scat sends what passes a phone's modem, in either direction, to the host that writes it down."""
    return IP(src=NEAR.ip, dst=FAR.ip, id=1) / UDP(sport=13337, dport=47290) / packet


def teredo(source: Node, target: Node, packet: Packet) -> Packet:
    """Behind an origin indication (RFC 4380 §5.1.1)."""
    return outer(source, packet) / UDP(sport=3544, dport=3544) / Raw(bytes.fromhex("0000ec773ffffdfe") + bytes(packet))


def l2tpv3(source: Node, target: Node, packet: Packet) -> Packet:
    """RFC 3931 §4.1.1.1: session, cookie, sublayer; the frame as it was on the other side."""
    frame = bytes(Ether(src=source.mac, dst=target.mac) / packet)
    return over_ip(source, 115, bytes.fromhex("0000002a" + "c00c1e5ec00c1e5e" + "40000001") + frame)


def ipcomp(source: Node, target: Node, packet: Packet) -> Packet:
    """RFC 3173: between the packet's IP header and its payload, with the well-known index of DEFLATE (RFC 2394)."""
    header = packet.copy()
    header.remove_payload()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = squeeze.compress(bytes(packet.payload)) + squeeze.flush()
    following, header.proto = packet.proto, 108
    return header / Raw(struct.pack("!BBH", following, 0, 2) + data)


def sctp_in_udp(source: Node, target: Node, packet: Packet) -> Packet:
    """RFC 6951: UDP between IP and SCTP."""
    header = packet.copy()
    header.remove_payload()
    header.proto = 17
    return header / UDP(sport=9899, dport=9899) / Raw(bytes(packet.payload))


def udp_lite(source: Node, target: Node, packet: Packet) -> Packet:
    """RFC 3828: the checksum covers the header alone."""
    header, datagram = packet.copy(), packet[UDP]
    header.remove_payload()
    header.proto = 136
    fields = struct.pack("!HHH", datagram.sport, datagram.dport, 8)
    pseudo = socket.inet_aton(packet.src) + socket.inet_aton(packet.dst)
    pseudo += struct.pack("!HH", 136, 8 + len(datagram.payload))
    return header / Raw(fields + struct.pack("!H", checksum(pseudo + fields)) + bytes(datagram.payload))


# -- IPsec (RFC 4302, RFC 4303) ----------------------------------------------------------------------------------------


class Security:
    """One SA in each direction: HMAC-SHA-1-96 or HMAC-SHA-256-128, no encryption unless told."""

    def __init__(self, *, digestmod: str = "sha1", icv: int = 12, encrypted: bool = False) -> None:
        self.digestmod, self.icv, self.encrypted = digestmod, icv, encrypted
        self.sequence = {"alice": itertools.count(1), "bob": itertools.count(1)}

    def spi(self, source: Node) -> int:
        return 0xC0DE0001 if source.name == "alice" else 0xC0DE0002

    def check(self, data: bytes) -> bytes:
        return hmac.new(b"integrity key of the lab", data, self.digestmod).digest()[: self.icv]

    def esp(self, source: Node, next_header: int, payload: bytes) -> bytes:
        padding = -(len(payload) + 2) % 4
        body = payload + bytes(range(1, padding + 1)) + bytes([padding, next_header])
        sequence = next(self.sequence[source.name])
        if self.encrypted:
            # An IV and something that looks random: nobody has the key.
            body += bytes(-len(body) % 16)
            blocks = (hashlib.sha256(b"%d %d" % (sequence, block)).digest() for block in range(len(body) // 32 + 1))
            key = b"".join(blocks)
            body = key[:16] + bytes(a ^ b for a, b in zip(body, itertools.cycle(key), strict=False))
        head = struct.pack("!II", self.spi(source), sequence) + body
        return head + self.check(head)

    def ah(self, source: Node, next_header: int, payload: bytes) -> bytes:
        length = (12 + self.icv) // 4 - 2
        head = struct.pack("!BBHII", next_header, length, 0, self.spi(source), next(self.sequence[source.name]))
        return head + self.check(head + payload) + payload

    def transport(self, protect: Callable[[Node, int, bytes], bytes], number: int) -> Wrap:
        """Transport mode: between the packet's IP header and its payload."""

        def wrap(source: Node, target: Node, packet: Packet) -> Packet:
            whole = bytes(packet)
            header = packet.copy()
            header.remove_payload()
            inside = whole[len(bytes(header)) :]
            following = 6 if TCP in packet else 17
            if IP in header:
                header.proto = number
            else:
                header.nh = number
            return header / Raw(protect(source, following, inside))

        return wrap


def marked(**marks: Any) -> Callable[[Sighting], dict[str, Any]]:
    """Columns of the truth; a pair of values is (what Alice sends, what Bob sends)."""

    def of(seen: Sighting) -> dict[str, Any]:
        alice = seen.source.startswith((f"{ALICE.ip}:", f"[{ALICE6.ip}]:"))
        return {name: value[0 if alice else 1] if isinstance(value, tuple) else value for name, value in marks.items()}

    return of


OUTER = {"outer_src_ip": (NEAR.ip, FAR.ip), "outer_dst_ip": (FAR.ip, NEAR.ip)}
OUTER6 = {"outer_src_ip": (NEAR6.ip, FAR6.ip), "outer_dst_ip": (FAR6.ip, NEAR6.ip)}
SPI = {"spi": (0xC0DE0001, 0xC0DE0002)}
TEID = {"teid": (0x0A0B0C01, 0x0A0B0C02)}

Sample: TypeAlias = tuple[str, str, Link, dict[str, Any]]


def tunnels() -> list[Sample]:
    """(name, what, how a frame is built, what the truth says of it)."""
    return [
        ("tunnel_gtpu", "GTP-U with sequence number and PDU session container, as between a 5G radio and a UPF",
         framed(gtpu), {"tunnel": "gtpu", **OUTER, **TEID}),
        ("tunnel_gre", "GRE with checksum, key and sequence number", framed(gre_with_key), {"tunnel": "gre", **OUTER}),
        ("tunnel_pptp", "PPTP: GRE version 1 with PPP", framed(pptp), {"tunnel": "gre", **OUTER}),
        ("tunnel_ipip", "IPv4 in IPv4", framed(ipip), {"tunnel": "ipip", **OUTER}),
        ("tunnel_4in6", "IPv4 in IPv6", framed(four_in_six), {"tunnel": "4in6", **OUTER6}),
        ("tunnel_vxlan", "VXLAN", framed(vxlan), {"tunnel": "vxlan", **OUTER}),
        ("tunnel_geneve", "GENEVE with an option", framed(geneve), {"tunnel": "geneve", **OUTER}),
        ("tunnel_mpls", "two MPLS labels", lambda *hop: bytes(ethertype(0x8847, mpls(*hop))), {"tunnel": "mpls"}),
        ("tunnel_pseudowire", "an Ethernet pseudowire over MPLS, with a VLAN inside",
         lambda *hop: bytes(ethertype(0x8847, pseudowire(*hop))), {"tunnel": "mpls", "vlan": "100"}),
        ("tunnel_pppoe", "PPPoE", lambda *hop: bytes(ethertype(0x8864, pppoe(*hop))), {"tunnel": "pppoe"}),
        ("tunnel_erspan2", "a port mirrored over ERSPAN type II", framed(erspan_2),
         {"tunnel": "gre/erspan", "vlan": "300", **OUTER}),
        ("tunnel_erspan3", "a port mirrored over ERSPAN type III, with the platform's subheader", framed(erspan_3),
         {"tunnel": "gre/erspan", "vlan": "300", **OUTER}),
        ("tunnel_mpls_in_udp", "MPLS in UDP", framed(in_udp(6635, "003e8140")), {"tunnel": "mpls", **OUTER}),
        ("tunnel_lisp", "LISP data packets", framed(in_udp(4341, "8012345600000001")), {"tunnel": "lisp", **OUTER}),
        ("tunnel_capwap", "CAPWAP data between access point and controller", framed(capwap),
         {"tunnel": "capwap", **OUTER}),
        ("tunnel_ip_in_udp", "UDP without another header, as scat sends the packets of a phone's baseband log",
         framed(scat), {"tunnel": "ip_in_udp", "outer_src_ip": NEAR.ip, "outer_dst_ip": FAR.ip}),
        ("tunnel_vntag", "Ethernet with VN-Tags, as a Cisco adapter or SPAN port gives it",
         behind(0x8926, "800a002a"), {"tunnel": "vntag"}),
        ("tunnel_etag", "Ethernet with E-Tags of port extenders (IEEE 802.1BR)", behind(0x893F, "2005102a0102"),
         {"tunnel": "etag"}),
        ("tunnel_cisco_metadata", "Ethernet with security group tags of TrustSec", behind(0x8909, "010100010064"),
         {"tunnel": "cisco_metadata"}),
        ("tunnel_arista_time", "Ethernet with the time stamps of an Arista TAP port",
         behind(0xD28B, "000100105f5e1000000f4240"), {"tunnel": "arista_time"}),
        ("tunnel_macsec", "MACsec that protects integrity alone", behind(0x88E5, "000000000005", after="a5" * 16),
         {"tunnel": "macsec"}),
        ("tunnel_fabricpath", "Cisco FabricPath", whole_frame_behind(0x8903, "103f"), {"tunnel": "fabricpath"}),
        ("tunnel_nsh", "a service chain (NSH) with metadata of type 1",
         whole_frame_behind(0x894F, "0fc6010300002aff" + "00" * 16), {"tunnel": "nsh"}),
        ("tunnel_l2tpv3", "L2TP version 3 over IP: a cookie of 8 bytes and the default sublayer before the frame",
         framed(l2tpv3), {"tunnel": "l2tpv3", **OUTER}),
        ("tunnel_ipcomp", "IPComp, transport mode, DEFLATE", on_ethernet(ipcomp), {"tunnel": "ipcomp"}),
        ("tunnel_isl", "Cisco's Inter-Switch Link, VLAN 300", isl, {"tunnel": "isl", "vlan": "300"}),
        ("link_udp_lite", "UDP-Lite, whose checksum covers the header alone", on_ethernet(udp_lite), {}),
    ]  # fmt: skip


def links() -> list[tuple[str, int, str, Link]]:
    def ppp(source: Node, target: Node, packet: Packet) -> bytes:
        return bytes.fromhex("ff030021") + bytes(packet)

    def nflog(source: Node, target: Node, packet: Packet) -> bytes:
        data = bytes(packet)
        prefix = struct.pack("<HH4s", 8, 10, b"sip\0")
        return struct.pack("!BBH", 2, 0, 5) + prefix + struct.pack("<HH", 4 + len(data), 9) + data

    def radio(source: Node, target: Node, packet: Packet) -> bytes:
        """A QoS data frame to the access point, not protected."""
        frame = Dot11(type=2, subtype=8, FCfield=1, addr1=FAR.mac, addr2=source.mac, addr3=target.mac)
        return bytes(RadioTap() / frame / Dot11QoS() / LLC() / SNAP(code=0x0800) / packet)

    return [
        ("link_ppp", 9, "PPP", ppp),
        ("link_nflog", 239, "the Linux netfilter log (NFLOG)", nflog),
        ("link_radiotap", 127, "IEEE 802.11 without protection, behind radiotap headers", radio),
    ]


def exported(source: Node, target: Node, packet: Packet) -> bytes:
    """What Wireshark's "Export PDUs" writes: tags, then the SIP message alone."""

    def tag(kind: int, value: bytes) -> bytes:
        value += bytes(-len(value) % 4)
        return struct.pack("!HH", kind, len(value)) + value

    tags = tag(12, b"sip\0") + tag(20, socket.inet_aton(source.ip)) + tag(21, socket.inet_aton(target.ip))
    tags += tag(24, struct.pack("!I", 3)) + tag(25, struct.pack("!I", source.port))
    return tags + tag(26, struct.pack("!I", target.port)) + tag(0, b"") + bytes(packet[Raw])


def build() -> list[Capture]:
    captures = []
    for name, words, link, marks in tunnels():
        lab = Capture(name, f"The basic call in {words}.", link=link, carried=marked(**marks))
        stage(lab)
        captures.append(lab)
    for name, link_type, words, link in links():
        lab = Capture(name, f"The basic call on {words}.", container=wire.Pcap(link_type=link_type), link=link)
        stage(lab)
        captures.append(lab)
    lab = Capture("exported_pdu", "The basic call as PDUs that Wireshark exported.", link=exported,
                  container=wire.Pcap(link_type=252))  # fmt: skip
    stage(lab)
    captures += [lab, sctp_alone(), sctp_through_udp(), six_in_four(), six_in_udp()]
    return [*captures, *protected(), doubly(), in_and_out(), fragments()]


class Unaddressed(Capture):
    """What was captured above IP, where nobody sees an address."""

    def message_rows(self) -> list[dict[str, Any]]:
        return [{**row, "src": None, "dst": None} for row in super().message_rows()]

    def transaction_rows(self) -> list[dict[str, Any]]:
        return [{**row, "client": None, "server": None} for row in super().transaction_rows()]


def sctp_alone() -> Capture:
    what = "The basic call in SCTP packets without IP (LINKTYPE_SCTP): messages have no addresses."
    lab = Unaddressed(
        "link_sctp", what, container=wire.Pcap(link_type=248), link=lambda source, target, packet: bytes(packet.payload)
    )
    sctp = wire.SctpAssociation(lab, ALICE, BOB, tags=(0x1111AAAA, 0x2222BBBB), tsns=(5000, 9000))
    sctp.open(-30, 5)
    stage(lab, transport="sctp", send=sctp.send)
    return lab


def sctp_through_udp() -> Capture:
    lab = Capture("tunnel_sctp_in_udp", "The basic call over SCTP in UDP.", link=on_ethernet(sctp_in_udp),
                  carried=marked(tunnel="sctp_in_udp"))  # fmt: skip
    sctp = wire.SctpAssociation(lab, ALICE, BOB, tags=(0x1111AAAA, 0x2222BBBB), tsns=(5000, 9000))
    sctp.open(-30, 5)
    stage(lab, transport="sctp", send=sctp.send)
    return lab


def six_in_udp() -> Capture:
    lab = Capture("tunnel_teredo", "The basic call over IPv6 in Teredo.", link=framed(teredo),
                  carried=marked(tunnel="ip_in_udp", **OUTER))  # fmt: skip
    stage(lab, ALICE6, BOB6)
    return lab


def six_in_four() -> Capture:
    lab = Capture("tunnel_6in4", "The basic call over IPv6 in IPv4 (6in4).", link=framed(ipip),
                  carried=marked(tunnel="6in4", **OUTER))  # fmt: skip
    stage(lab, ALICE6, BOB6)
    return lab


def protected() -> list[Capture]:
    """IPsec as on Gm: integrity without encryption, found by the packets alone; and encrypted."""
    sha1, sha256, authenticated = Security(), Security(digestmod="sha256", icv=16), Security()
    captures = []
    for name, words, wrap, tunnel in (
        ("ipsec_ah", "an authentication header", authenticated.transport(authenticated.ah, 51), "ah"),
        ("ipsec_esp_null", "ESP that does not encrypt, ICV of 12 bytes", sha1.transport(sha1.esp, 50), "esp"),
        ("ipsec_esp_null_16", "ESP that does not encrypt, ICV of 16 bytes", sha256.transport(sha256.esp, 50), "esp"),
    ):
        what = f"The basic call behind {words}, transport mode."
        lab = Capture(name, what, link=on_ethernet(wrap), carried=marked(tunnel=tunnel, **SPI))
        stage(lab)
        captures.append(lab)
    return [*captures, over_tcp(), behind_nat(), encrypted()]


def on_ethernet(wrap: Wrap) -> Link:
    """From phone to proxy, without a tunnel's ends between them."""
    return lambda source, target, packet: wire.ethernet(source, target, wrap(source, target, packet))


def over_tcp() -> Capture:
    security = Security()
    lab = Capture(
        "ipsec_esp_null_tcp", "The basic call over TCP in ESP that does not encrypt, handshake and all.",
        link=on_ethernet(security.transport(security.esp, 50)), carried=marked(tunnel="esp", **SPI),
    )  # fmt: skip
    tcp = wire.TcpConnection(lab, ALICE, BOB, port=52044, client_isn=0x1000, server_isn=0x2000)
    tcp.open(-30, -20, -10)
    stage(lab, transport="tcp", send=tcp.send)
    tcp.close(64_200, 64_210, 64_220)
    return lab


def behind_nat() -> Capture:
    security = Security(digestmod="sha256", icv=16)

    def link(source: Node, target: Node, packet: Packet) -> bytes:
        inside = security.esp(source, 4, bytes(packet))
        return bytes(
            Ether(src=NEAR.mac, dst=FAR.mac) / outer(source, packet) / UDP(sport=4500, dport=4500) / Raw(inside)
        )

    lab = Capture(
        "ipsec_esp_udp", "The basic call in ESP over UDP (NAT traversal), tunnel mode, not encrypted; a keep-alive.",
        link=link, carried=marked(tunnel="esp/ipip", **OUTER, **SPI),
    )  # fmt: skip
    stage(lab)
    alive = lab.put(20_000, ALICE, BOB, UDP(sport=4500, dport=4500) / Raw(b"\xff"))
    alive.link = wire.ethernet
    return lab


def encrypted() -> Capture:
    security = Security(encrypted=True)
    what = "A call behind ESP that does encrypt: no message, and an account that says so for each SPI."
    lab = Capture("ipsec_encrypted", what, link=on_ethernet(security.transport(security.esp, 50)))
    stage(lab)
    # Nobody can see any of it.
    lab.observations.clear()
    lab.truth.calls.clear()
    lab.truth.dialogs.clear()
    return lab


def doubly() -> Capture:
    """What a tap on S1-U or N3 sees of a VoLTE phone."""
    security = Security()
    wrap = security.transport(security.esp, 50)

    def link(source: Node, target: Node, packet: Packet) -> bytes:
        carried = gtpu(source, target, wrap(source, target, packet))
        return bytes(Ether(src=NEAR.mac, dst=FAR.mac) / Dot1Q(vlan=700) / carried)

    marks = marked(tunnel="gtpu/esp", vlan="700", **OUTER, **TEID, **SPI)
    lab = Capture(
        "tunnel_doubly", "The basic call in ESP (not encrypted) in GTP-U in a VLAN.", link=link, carried=marks
    )
    stage(lab)
    return lab


def in_and_out() -> Capture:
    """The tap sees each packet on the radio side, in GTP-U, and 0.2 ms later on the other side of the gateway."""
    plain: dict[str, Any] = dict.fromkeys(("tunnel", "outer_src_ip", "outer_dst_ip", "teid"))
    inside = marked(tunnel="gtpu", **OUTER, **TEID)
    lab = Capture(
        "tunnel_in_and_out",
        "The basic call seen twice, inside GTP-U and behind the gateway: each second observation is a duplicate.",
        link=framed(gtpu), carried=lambda seen: plain if seen.duplicate else inside(seen),
    )  # fmt: skip
    stage(lab)
    lab.mirror("0.2", link=wire.ethernet)
    return lab


def fragments() -> Capture:
    """An INVITE too long for the radio: the phone sends two IP fragments, each too long for the tunnel's road."""
    lab = Capture(
        "tunnel_fragments",
        "A refused call in GTP-U whose INVITE is fragmented inside the tunnel and outside: four packets, one message.",
        link=framed(gtpu), carried=marked(tunnel="gtpu", **OUTER, **TEID),
    )  # fmt: skip
    call = lab.session("call", ALICE, BOB)
    extra = [f"a=fmtp:101 {number}-15" for number in range(100)]
    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE, extra=extra))
    datagram = IP(src=ALICE.ip, dst=BOB.ip, id=99) / UDP(sport=5060, dport=5060) / Raw(invite.encode())
    packets = [
        lab.put(number, ALICE, BOB, Raw(bytes(whole)))
        for inner in fragment(datagram, fragsize=1400)
        for number, whole in enumerate(fragment(gtpu(ALICE, BOB, inner), fragsize=800), len(lab.packets))
    ]
    for packet in packets:
        packet.link = whole_packet
    lab.see(invite, packets[0], packets[-1], "udp")
    refusal = lab.send(40, BOB, ALICE, busy := invite.reply(486))
    lab.send(60, ALICE, BOB, invite.ack(busy))
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="busy", status=486, call_ids=[call.call_id],
        invite=lab.observations[0], ended=refusal, released_by="callee",
    )  # fmt: skip
    return lab


def whole_packet(source: Node, target: Node, packet: Packet) -> bytes:
    """A frame around an IP packet that was built already."""
    return bytes(Ether(src=NEAR.mac, dst=FAR.mac, type=0x0800)) + bytes(packet[Raw])
