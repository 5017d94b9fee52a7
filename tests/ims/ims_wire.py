"""Captures of a dialogue between nodes, in real bytes, at one or several capture points::

    A -> P   INVITE via=a                      @0.000
    P -> B   INVITE via=p,a                    @0.010
    B -> P   180 INVITE via=p,a to_tag=y       @0.500

- A line is one message; names become addresses in the order in which they come (``P:5070`` says another port).
- ``via`` is the Via stack, the topmost first, made of branches; ``mf`` is Max-Forwards (70).
- ``call`` is the Call-ID (``1``), ``tag`` the From tag (``x`` and the Call-ID), ``cseq`` 1; ``from``, ``to`` and
  ``uri`` are URIs (``sip:a@e``, ``sip:b@e``, that of ``to``); ``pai`` is P-Asserted-Identity, ``icid`` that of
  P-Charging-Vector.
- ``header=NAME:VALUE`` adds a header, several times if need be; ``sdp=N`` a description whose session is N, with
  ``qos=LOCAL,REMOTE`` of resources that must be there (RFC 3312).
- ``body=TEXT`` or ``hex=DIGITS`` is a body of the type ``type=``.
- ``on=core,access:0.002`` says at which points it is captured, and how much later there (s); default: at all of them.
- ``@1.5`` is when, in seconds after the start. ``clocks`` tells how far the clock of each point is ahead (s).
"""

from __future__ import annotations

import io
import shlex
from typing import Any

import polars as pl
import pytest
from pcaps import RAW_IP, Packet, pcap, udp

import analyzer

START = 1_767_225_600 * 10**9  # 2026-01-01T00:00:00Z


def read(dialogue: str, clocks: dict[str, float] | None = None, **options: Any) -> analyzer.Capture:
    """The capture of the dialogue at every point."""
    ahead = clocks or {"tap": 0.0}
    files = {point: [] for point in ahead}
    nodes: dict[str, str] = {}
    for number, line in enumerate(filter(str.strip, dialogue.splitlines()), start=1):
        source, _, target, *words, time = shlex.split(line)
        ends = [_end(name, nodes) for name in (source, target)]
        status = words.pop(0) if words[0].isdigit() else ""
        method = words.pop(0)
        said: dict[str, str] = {"header": ""}
        for word in words:
            name, _, value = word.partition("=")
            said[name] = f"{said['header']}{value}\r\n" if name == "header" else value
        (client, client_port), (server, server_port) = ends
        packet = udp(client, server, _message(status, method, said), (client_port, server_port), number)
        for place in said.get("on", ",".join(ahead)).split(","):
            point, _, later = place.partition(":")
            at = round((float(time[1:]) + float(later or 0) + ahead[point]) * 10**9)
            files[point].append((START + at, packet))
    captures = [_pcap(point, packets) for point, packets in files.items() if packets]
    return analyzer.read(captures, capture_points=[f"{point}={point}" for point in ahead], **options)


def joined_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each join makes from now on: many more than there are messages, where all meet all others."""
    heights: list[int] = []
    join = pl.DataFrame.join

    def counted(self: pl.DataFrame, *args: Any, **options: Any) -> pl.DataFrame:
        made = join(self, *args, **options)
        heights.append(made.height)
        return made

    monkeypatch.setattr(pl.DataFrame, "join", counted)
    return heights


def _end(name: str, nodes: dict[str, str]) -> tuple[str, int]:
    host, _, port = name.partition(":")
    return nodes.setdefault(host, f"10.0.0.{len(nodes) + 1}"), int(port or 5060)


def _message(status: str, method: str, said: dict[str, str]) -> bytes:
    call, cseq = said.get("call", "1"), said.get("cseq", "1")
    to_tag = f";tag={said['to_tag']}" if "to_tag" in said else ""
    to = said.get("to", "sip:b@e")
    vias = said.get("via", f"{method}{cseq}{call}").split(",")
    lines = [f"SIP/2.0 {status} Said" if status else f"{method} {said.get('uri', to)} SIP/2.0"]
    lines += [f"Via: SIP/2.0/UDP {via.split('.')[0]}.example;branch=z9hG4bK{via}" for via in vias]
    lines += [] if status else [f"Max-Forwards: {said.get('mf', '70')}"]
    lines += [
        f"From: <{said.get('from', 'sip:a@e')}>;tag={said.get('tag', 'x' + call)}",
        f"To: <{to}>{to_tag}",
        f"Call-ID: {call}",
        f"CSeq: {cseq} {method}",
    ]
    lines += [f"P-Asserted-Identity: <{said['pai']}>"] if "pai" in said else []
    lines += [f"P-Charging-Vector: icid-value={said['icid']}"] if "icid" in said else []
    body = said.get("body", "").encode() or bytes.fromhex(said.get("hex", ""))
    lines += [f"Content-Type: {said['type']}"] if "type" in said else []
    if "sdp" in said:
        session = said["sdp"]
        origin = f"v=0\r\no=- {session} 1 IN IP4 192.0.2.1\r\ns=-\r\n"
        told = f"{origin}c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio {session} RTP/AVP 0\r\n"
        for side, resources in zip(("local", "remote"), said.get("qos", "").split(","), strict=False):
            if resources:
                told += f"a=curr:qos {side} {resources}\r\na=des:qos mandatory {side} sendrecv\r\n"
        body = told.encode()
        lines.append("Content-Type: application/sdp")
    head = "\r\n".join(lines)
    return f"{head}\r\n{said['header']}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _pcap(point: str, packets: list[Packet]) -> io.BytesIO:
    capture = io.BytesIO(pcap(RAW_IP, sorted(packets, key=lambda packet: packet[0])))
    capture.name = point
    return capture
