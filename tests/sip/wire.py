"""A capture of a dialogue with session descriptions, read as any other; the notation is that of ``frames``::

    UAC -> UAS  INVITE sdp=offer            @0.000
    UAS -> UAC  200 INVITE to_tag=y sdp=answer  @1.000
    UAC -> UAS  ACK to_tag=y                @1.010

- ``sdp=offer`` is the body of that name among those given; an INVITE of a name that is not there is a mistake.
- ``from_tag`` is x and ``to_tag`` absent unless said; ``cseq`` is 1; ``rseq=1`` makes a 1xx reliable, ``rack=1`` is the
  RSeq that a PRACK acknowledges (``inv=1`` the CSeq of its INVITE); each ``header=NAME:VALUE`` adds a header field.
- ``branch=b,a`` is the Via stack; default: one of method and cseq.
"""

from __future__ import annotations

import io
import shlex
import struct

import analyzer

START = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
SESSION = "v=0\no=- {0} {1} IN IP4 10.0.0.{0}\ns=-\nc=IN IP4 10.0.0.{0}\nt=0 0\n"


def audio(side: int, version: int = 1, direction: str = "sendrecv", *, formats: str = "8 0", port: int = 4000) -> str:
    """A description of ``side`` (1 calls, 2 is called) with one audio stream."""
    return SESSION.format(side, version) + f"m=audio {port} RTP/AVP {formats}\na={direction}\n"


def read(dialogue: str, **bodies: str) -> analyzer.Capture:
    """The capture of the dialogue; node names become addresses in the order in which they come."""
    nodes: dict[str, str] = {}
    packets = []
    for line in dialogue.splitlines():
        if line.strip():
            source, _, target, *words, time = shlex.split(line)
            for node in (source, target):
                nodes.setdefault(node, f"10.0.0.{len(nodes) + 1}")
            text = _message(words, bodies)
            packets.append((round(float(time[1:]) * 1e9), _udp(nodes[source], nodes[target], text, len(packets) + 1)))
    capture = io.BytesIO(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101))
    capture.seek(0, io.SEEK_END)
    for time, packet in packets:
        second, rest = divmod(START + time, 10**9)
        capture.write(struct.pack("<IIII", second, rest, len(packet), len(packet)) + packet)
    capture.seek(0)
    return analyzer.read(capture)


def _message(words: list[str], bodies: dict[str, str]) -> bytes:
    status = words.pop(0) if words[0].isdigit() else None
    method = words.pop(0)
    said = dict(word.split("=", 1) for word in words)
    cseq = said.get("cseq", "1")
    branches = said.get("branch", f"z{method if method != 'ACK' else 'ack'}{cseq}{said.get('from_tag', 'x')}").split(
        ","
    )
    to_tag = f";tag={said['to_tag']}" if "to_tag" in said else ""
    headers = [f"Via: SIP/2.0/UDP node;branch=z9hG4bK{branch}" for branch in branches]
    headers += [
        f"From: <sip:a@example.com>;tag={said.get('from_tag', 'x')}",
        f"To: <sip:b@example.com>{to_tag}",
        f"Call-ID: {said.get('call_id', 'call')}",
        f"CSeq: {cseq} {method}",
    ]
    headers += [f"RSeq: {said['rseq']}", "Require: 100rel"] if "rseq" in said else []
    headers += [f"RAck: {said['rack']} {said.get('inv', '1')} INVITE"] if "rack" in said else []
    headers += [word.removeprefix("header=") for word in words if word.startswith("header=")]
    body = bodies[said["sdp"]].replace("\n", "\r\n") if "sdp" in said else ""
    headers += ["Content-Type: application/sdp"] if body else []
    start = f"SIP/2.0 {status} Said" if status else f"{method} sip:b@example.com SIP/2.0"
    return "\r\n".join([start, *headers, f"Content-Length: {len(body.encode())}", "", body]).encode()


def _udp(source: str, target: str, text: bytes, ident: int) -> bytes:
    """IPv4 and UDP without checksums (0 = none in UDP; the IP header's is not looked at)."""
    ends = b"".join(bytes(map(int, node.split("."))) for node in (source, target))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(text), ident, 0, 64, 17, 0) + ends
    return ip + struct.pack(">HHHH", 5060, 5060, 8 + len(text), 0) + text
