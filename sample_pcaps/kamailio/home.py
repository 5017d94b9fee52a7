"""What an IMS needs beside its CSCFs: a home subscriber server (Cx over Diameter, TS 29.228) and a name server.

``python home.py hss ADDRESS`` and ``python home.py dns ADDRESS`` run until they are ended. They know a handful of
subscribers and nothing that the calls of `make.py` do not ask for. Of the standard library alone; the block cipher of
MILENAGE (TS 35.206) is that of the ``openssl`` command.
"""

from __future__ import annotations

import hashlib
import socket
import socketserver
import struct
import subprocess
import sys
from collections.abc import Iterator

DOMAIN = "ims.mnc001.mcc001.3gppnetwork.org"
HOSTS = {
    f"pcscf.{DOMAIN}": "10.51.0.2", f"icscf.{DOMAIN}": "10.51.0.3", DOMAIN: "10.51.0.3",
    f"scscf.{DOMAIN}": "10.51.0.4", f"tas.{DOMAIN}": "10.51.0.5", f"mgcf.{DOMAIN}": "10.51.0.6",
    f"hss.{DOMAIN}": "10.51.0.7",
}  # fmt: skip
SCSCF = f"sip:scscf.{DOMAIN}:6060"
TAS = f"sip:tas.{DOMAIN}:5060"
# Telephone numbers of subscribers, as ENUM has them (RFC 6116).
NUMBERS = {"+15550102": "bob"}
SUBSCRIBERS = ("alice", "bob", "carol", "erin", "frank", "grace")
# Who has services while no device of his is registered: his S-CSCF is asked all the same (TS 29.228 §6.1.4).
SERVED_UNREGISTERED = ("erin",)

# Every subscriber has the same key, of letters: sipp takes certain other bytes for words of its own.
K, OP = b"key-of-a-sample-", b"operator-variant"
AMF = bytes.fromhex("b9b9")


# ---- MILENAGE (TS 35.206 §4.1) ---------------------------------------------------------------------------------------


def _cipher(block: bytes) -> bytes:
    command = ["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", K.hex()]
    return subprocess.run(command, input=block, capture_output=True, check=True).stdout


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _turned(block: bytes, bits: int) -> bytes:
    return block[bits // 8 :] + block[: bits // 8]


def vector(user: str, number: int) -> tuple[bytes, bytes, bytes, bytes]:
    """RAND and AUTN, XRES, CK, IK of a user's challenge of that number; RAND is any value, here always the same."""
    rand = hashlib.md5(f"{user} {number}".encode()).digest()
    sequence = (number * 32).to_bytes(6, "big")
    opc = _xor(_cipher(OP), OP)
    first = _cipher(_xor(rand, opc))
    inner = _xor(_turned(_xor((sequence + AMF) * 2, opc), 64), first)
    mac = _xor(_cipher(inner), opc)[:8]

    def out(bits: int, constant: int) -> bytes:
        return _xor(_cipher(_xor(_turned(_xor(first, opc), bits), constant.to_bytes(16, "big"))), opc)

    result = out(0, 1)
    autn = _xor(sequence, result[:6]) + AMF + mac
    return rand + autn, result[8:], out(32, 2), out(64, 4)


# ---- Diameter (RFC 6733 §3, §4) --------------------------------------------------------------------------------------

VENDOR, CX = 10415, 16777216
UAR, SAR, LIR, MAR, CER, DWR, DPR = 300, 301, 302, 303, 257, 280, 282


def avp(code: int, value: bytes | str | int, vendor: int = 0) -> bytes:
    if isinstance(value, int):
        value = struct.pack(">I", value)
    elif isinstance(value, str):
        value = value.encode()
    length = 8 + 4 * bool(vendor) + len(value)
    head = struct.pack(">IB", code, 0xC0 if vendor else 0x40) + length.to_bytes(3, "big")
    return head + (struct.pack(">I", vendor) if vendor else b"") + value + bytes(-length % 4)


def cx(code: int, value: bytes | str | int) -> bytes:
    return avp(code, value, VENDOR)


def avps(body: bytes) -> Iterator[tuple[int, bytes]]:
    while body:
        code, flags = struct.unpack_from(">IB", body)
        length = int.from_bytes(body[5:8], "big")
        yield code, body[12 if flags & 0x80 else 8 : length]
        body = body[length + -length % 4 :]


APPLICATION = avp(260, avp(266, VENDOR) + avp(258, CX))
ORIGIN = avp(264, f"hss.{DOMAIN}") + avp(296, DOMAIN)


def experimental(code: int) -> bytes:
    return avp(297, avp(266, VENDOR) + avp(298, code))


class Home:
    """What the server remembers of its subscribers."""

    def __init__(self) -> None:
        self.challenges: dict[str, int] = {}
        self.registered: set[str] = set()

    def answer(self, command: int, asked: dict[int, bytes]) -> bytes:
        """The AVPs that answer a request, by TS 29.228 §6.1."""
        identity = asked.get(601, b"").decode()
        user = identity.partition(":")[2].partition("@")[0]
        if command == CER:
            return (
                avp(268, 2001) + ORIGIN + avp(257, b"\x00\x01" + socket.inet_aton(HOSTS[f"hss.{DOMAIN}"]))
                + avp(266, 0) + avp(269, "home.py") + avp(265, VENDOR) + APPLICATION
            )  # fmt: skip
        if command in (DWR, DPR):
            return avp(268, 2001) + ORIGIN
        common = avp(263, asked[263]) + APPLICATION + avp(277, 1) + ORIGIN
        if user not in SUBSCRIBERS:
            return common + experimental(5001)
        if command == UAR:
            if user in self.registered:
                return common + experimental(2002) + cx(602, SCSCF)
            return common + experimental(2001) + cx(603, cx(604, 0) + cx(605, 1))
        if command == LIR:
            known = user in self.registered or user in SERVED_UNREGISTERED
            return common + (avp(268, 2001) + cx(602, SCSCF) if known else experimental(5003))
        if command == MAR:
            number = self.challenges[user] = self.challenges.get(user, 0) + 1
            authenticate, response, ck, ik = vector(user, number)
            item = (
                cx(613, 1) + cx(608, "Digest-AKAv1-MD5") + cx(609, authenticate) + cx(610, response)
                + cx(625, ck) + cx(626, ik)
            )  # fmt: skip
            return common + avp(268, 2001) + avp(1, asked[1]) + cx(601, identity) + cx(607, 1) + cx(612, item)
        assert command == SAR
        kind = int.from_bytes(asked[614], "big")  # Server-Assignment-Type
        if kind in (1, 2, 3):
            self.registered.add(user)
        else:
            self.registered.discard(user)
        name = avp(1, asked[1]) if 1 in asked else b""
        return common + avp(268, 2001) + name + cx(606, _profile(user))


def _trigger(group: int, method: str, case: int | None) -> str:
    spt = f"<SPT><ConditionNegated>0</ConditionNegated><Group>{group}</Group><Method>{method}</Method></SPT>"
    if case is not None:
        spt += (
            f"<SPT><ConditionNegated>0</ConditionNegated><Group>{group + 1}</Group>"
            f"<SessionCase>{case}</SessionCase></SPT>"
        )
    return spt


def _criteria(priority: int, trigger: str) -> str:
    return (
        f"<InitialFilterCriteria><Priority>{priority}</Priority><TriggerPoint><ConditionTypeCNF>1</ConditionTypeCNF>"
        f"{trigger}</TriggerPoint><ApplicationServer><ServerName>{TAS}</ServerName><DefaultHandling>0</DefaultHandling>"
        "</ApplicationServer></InitialFilterCriteria>"
    )


def _profile(user: str) -> str:
    """The subscription of TS 29.228 Annex E: calls, both ways, and registrations go to the AS."""
    criteria = (
        _criteria(0, _trigger(0, "REGISTER", None))
        + _criteria(1, _trigger(0, "INVITE", 0))
        + _criteria(2, _trigger(0, "INVITE", 1))
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<IMSSubscription><PrivateID>{user}@{DOMAIN}</PrivateID><ServiceProfile>"
        f"<PublicIdentity><BarringIndication>0</BarringIndication><Identity>sip:{user}@{DOMAIN}</Identity>"
        f"</PublicIdentity>{criteria}</ServiceProfile></IMSSubscription>"
    )


HOME = Home()


class Peer(socketserver.BaseRequestHandler):
    """One Diameter connection."""

    def handle(self) -> None:
        while head := self._exactly(20):
            length = int.from_bytes(head[1:4], "big")
            command = int.from_bytes(head[5:8], "big")
            body = self._exactly(length - 20)
            if not head[4] & 0x80:  # an answer: we ask nothing
                continue
            reply = HOME.answer(command, dict(avps(body)))
            flags = head[4] & 0x40
            size = (20 + len(reply)).to_bytes(3, "big")
            self.request.sendall(b"\x01" + size + bytes([flags]) + head[5:20] + reply)
            if command == DPR:
                return

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self.request.recv(count - len(found))
            if not more:
                return b""
            found += more
        return found


# ---- DNS (RFC 1035 §4) -----------------------------------------------------------------------------------------------

A, NAPTR = 1, 35


class Names(socketserver.BaseRequestHandler):
    """One DNS query: addresses of the nodes, ENUM of the numbers."""

    def handle(self) -> None:
        query, sock = self.request
        end = query.index(b"\x00", 12) + 5
        question = query[12:end]
        name = _name(question).lower()
        (kind,) = struct.unpack(">H", question[-4:-2])
        record = b""
        if kind == A and name in HOSTS:
            record = socket.inet_aton(HOSTS[name])
        elif kind == NAPTR and (user := _enum(name)) is not None:
            texts = (b"u", b"E2U+sip", f"!^.*$!sip:{user}@{DOMAIN}!".encode())
            record = struct.pack(">HH", 10, 10) + b"".join(bytes([len(text)]) + text for text in texts) + b"\x00"
        known = name in HOSTS or bool(record)
        flags = 0x8580 if known else 0x8583
        answer = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 300, len(record)) + record if record else b""
        sock.sendto(query[:2] + struct.pack(">HHHHH", flags, 1, bool(answer), 0, 0) + question + answer,
                    self.client_address)  # fmt: skip


def _name(question: bytes) -> str:
    labels, at = [], 0
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    return ".".join(labels)


def _enum(name: str) -> str | None:
    digits = name.removesuffix(f".{DOMAIN}").split(".")
    return NUMBERS.get("+" + "".join(reversed(digits)))


class _Diameter(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    what, address = sys.argv[1:]
    server = (
        _Diameter((address, 3868), Peer) if what == "hss" else socketserver.ThreadingUDPServer((address, 53), Names)
    )
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
