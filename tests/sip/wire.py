"""A capture of a dialogue with session descriptions, read as any other; the notation is that of ``frames``::

    UAC -> UAS  INVITE sdp=offer            @0.000
    UAS -> UAC  200 INVITE to_tag=y sdp=answer  @1.000
    UAC -> UAS  ACK to_tag=y                @1.010

- ``sdp=offer`` is the body of that name among those given; an INVITE of a name that is not there is a mistake.
- ``from_tag`` is x and ``to_tag`` absent unless said; ``cseq`` is 1; ``rseq=1`` makes a 1xx reliable, ``rack=1`` is the
  RSeq that a PRACK acknowledges (``inv=1`` the CSeq of its INVITE); each ``header=NAME:VALUE`` adds a header field.
- ``uri=sip:c@example.com`` is the Request-URI of a request, ``to=sip:c@example.com`` the URI of To.
- ``type=application/dtmf`` is the media type of a body that is no session description.
- ``branch=b,a`` is the Via stack; default: one of method and cseq.
"""

from __future__ import annotations

import io
import shlex

from pcaps import RAW_IP, pcap, udp

import analyzer

START = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
SESSION = "v=0\no=- {0} {1} IN IP4 10.0.0.{0}\ns=-\nc=IN IP4 10.0.0.{0}\nt=0 0\n"


def audio(side: int, version: int = 1, direction: str = "sendrecv", *, formats: str = "8 0", port: int = 4000) -> str:
    """A description of ``side`` (1 calls, 2 is called) with one audio stream."""
    return SESSION.format(side, version) + f"m=audio {port} RTP/AVP {formats}\na={direction}\n"


def read(dialogue: str, **bodies: str) -> analyzer.Capture:
    """The capture of the dialogue; node names become addresses in the order in which they come."""
    return analyzer.read(io.BytesIO(pcap(RAW_IP, packets(dialogue, **bodies))))


def packets(dialogue: str, **bodies: str) -> list[tuple[int, bytes]]:
    """The packets of the dialogue: 10.0.0.1 is the first node that it names."""
    nodes: dict[str, str] = {}
    found = []
    for line in dialogue.splitlines():
        if line.strip():
            source, _, target, *words, time = shlex.split(line)
            for node in (source, target):
                nodes.setdefault(node, f"10.0.0.{len(nodes) + 1}")
            text = _message(words, bodies)
            packet = udp(nodes[source], nodes[target], text, ident=len(found) + 1)
            found.append((START + round(float(time[1:]) * 1e9), packet))
    return found


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
        f"To: <{said.get('to', 'sip:b@example.com')}>{to_tag}",
        f"Call-ID: {said.get('call_id', 'call')}",
        f"CSeq: {cseq} {method}",
    ]
    headers += [f"RSeq: {said['rseq']}", "Require: 100rel"] if "rseq" in said else []
    headers += [f"RAck: {said['rack']} {said.get('inv', '1')} INVITE"] if "rack" in said else []
    headers += [word.removeprefix("header=") for word in words if word.startswith("header=")]
    body = bodies[said["sdp"]].replace("\n", "\r\n") if "sdp" in said else ""
    headers += [f"Content-Type: {said.get('type', 'application/sdp')}"] if body else []
    start = f"SIP/2.0 {status} Said" if status else f"{method} {said.get('uri', 'sip:b@example.com')} SIP/2.0"
    return "\r\n".join([start, *headers, f"Content-Length: {len(body.encode())}", "", body]).encode()
