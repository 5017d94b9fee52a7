#!/usr/bin/env python3
"""Write captures of the shapes that make an analyser slow: the same bytes each time, a JSON file of what is in each.

    python benchmarks/hostile.py [--kinds one_call,forks] [--sizes 10k,100k] [--force]

one_call     one call of all messages: it is changed by re-INVITEs and asked by OPTIONS until the capture ends
retries      one call whose INVITE is sent again and again after a 401 and with a new branch, each refused
one_pair     calls of one pair of numbers, a thousand a second, two hundred at once
endpoints    a request from each of so many addresses, as of a scanner or a flood
forks        calls that a proxy forks to a thousand branches, each ringing, one answering
hops         calls that pass through the same two proxies hundreds of times under one Call-ID
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pcap
import write_captures

START_US = write_captures.START_US
DOMAIN = "example.net"
BRANCHES = 1_000
ROUNDS = 300  # passes of a call through both proxies

#: Time, sender, receiver, text.
Event = tuple[int, str, str, str]

SDP = "v=0\r\no=- 1 {version} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 49152 RTP/AVP 8\r\n" + (
    "a=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
)


def _address(number: int) -> str:
    return f"10.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def _text(line: str, vias: list[str], headers: list[str], body: str = "") -> str:
    lines = [line, *(f"Via: {via}" for via in vias), *headers]
    lines += ["Content-Type: application/sdp"] if body else []
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


def _via(address: str, branch: str) -> str:
    return f"SIP/2.0/UDP {address}:5060;branch=z9hG4bK{branch}"


class Dialog:
    """The header fields of one dialog between two users."""

    def __init__(self, name: str, caller: str = "+15552000001", callee: str = "+15552000002") -> None:
        self.name, self.caller, self.callee = name, caller, callee

    def request(self, method: str, cseq: int, vias: list[str], *, tag: str = "", body: str = "", to: str = "") -> str:
        line = f"{method} sip:{self.callee}@{to or DOMAIN} SIP/2.0"
        headers = ["Max-Forwards: 70", *self._headers(method, cseq, tag), f"Contact: <sip:{self.caller}@10.0.0.1:5060>"]
        return _text(line, vias, headers, body)

    def response(self, status: str, method: str, cseq: int, vias: list[str], *, tag: str, body: str = "") -> str:
        headers = [*self._headers(method, cseq, tag), f"Contact: <sip:{self.callee}@10.0.0.9:5060>"]
        return _text(f"SIP/2.0 {status}", vias, headers, body)

    def _headers(self, method: str, cseq: int, tag: str) -> list[str]:
        to = f"<sip:{self.callee}@{DOMAIN}>" + (f";tag={tag}" if tag else "")
        return [
            f"From: <sip:{self.caller}@{DOMAIN}>;tag=f{self.name}",
            f"To: {to}",
            f"Call-ID: {self.name}@{DOMAIN}",
            f"CSeq: {cseq} {method}",
        ]


A, P, Q, B = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.9"


def _transaction(
    at: int,
    dialog: Dialog,
    method: str,
    cseq: int,
    status: str,
    *,
    tag: str = "",
    to_tag: str = "b",
    bodies: bool = False,
) -> Iterator[Event]:
    """A request from A over P to B and its final response; the ACK of an INVITE follows."""
    branch = f"{dialog.name}{method}{cseq}"
    first, second = _via(A, branch), _via(P, branch + "p")
    offer, answer = (SDP.format(version=cseq, address=host) if bodies else "" for host in (A, B))
    yield at, A, P, dialog.request(method, cseq, [first], tag=tag, body=offer)
    yield at + 1_000, P, B, dialog.request(method, cseq, [second, first], tag=tag, body=offer)
    yield at + 9_000, B, P, dialog.response(status, method, cseq, [second, first], tag=to_tag, body=answer)
    yield at + 10_000, P, A, dialog.response(status, method, cseq, [first], tag=to_tag, body=answer)
    if method == "INVITE":
        ack = branch + "ack" if status.startswith("2") else branch
        yield at + 11_000, A, P, dialog.request("ACK", cseq, [_via(A, ack)], tag=to_tag)
        yield at + 12_000, P, B, dialog.request("ACK", cseq, [_via(P, ack + "p"), _via(A, ack)], tag=to_tag)


def one_call(_rng: random.Random) -> Iterator[Event]:
    dialog = Dialog("onecall")
    yield from _transaction(START_US, dialog, "INVITE", 1, "200 OK", bodies=True)
    cseq, at = 1, START_US
    while True:
        cseq, at = cseq + 1, at + 50_000
        invites = cseq % 2 == 0
        yield from _transaction(at, dialog, "INVITE" if invites else "OPTIONS", cseq, "200 OK", tag="b", bodies=invites)


def retries(_rng: random.Random) -> Iterator[Event]:
    dialog = Dialog("retries")
    cseq, at = 0, START_US
    while True:
        cseq, at = cseq + 1, at + 50_000
        yield from _transaction(at, dialog, "INVITE", cseq, "401 Unauthorized", to_tag=f"b{cseq}")


def one_pair(_rng: random.Random) -> Iterator[Event]:
    number, at = 0, START_US
    ending: deque[tuple[int, Dialog]] = deque()
    waiting: list[Event] = []
    while True:
        number, at = number + 1, at + 1_000
        dialog = Dialog(f"pair{number}")
        ending.append((at + 200_000, dialog))
        events = list(_transaction(at, dialog, "INVITE", 1, "200 OK", bodies=True))
        if ending[0][0] <= at:
            began, ended = ending.popleft()
            events += _transaction(began, ended, "BYE", 2, "200 OK", tag="b")
        waiting = sorted([*waiting, *events])
        due = next((place for place, event in enumerate(waiting) if event[0] > at), len(waiting))
        yield from waiting[:due]
        del waiting[:due]


def endpoints(_rng: random.Random) -> Iterator[Event]:
    number, at = 0, START_US
    while True:
        number, at = number + 1, at + 1_000
        sender, receiver = _address(2 * number), _address(2 * number + 1)
        dialog = Dialog(f"scan{number}", f"+1555{number:07d}", f"+1556{number:07d}")
        via = _via(sender, f"scan{number}")
        yield at, sender, receiver, dialog.request("INVITE", 1, [via])
        yield at + 5_000, receiver, sender, dialog.response("404 Not Found", "INVITE", 1, [via], tag="b")
        yield at + 6_000, sender, receiver, dialog.request("ACK", 1, [via], tag="b")


def forks(_rng: random.Random) -> Iterator[Event]:
    number, at = 0, START_US
    while True:
        number, at = number + 1, at + 60_000_000
        dialog = Dialog(f"fork{number}")
        first = _via(A, f"fork{number}")
        events = [(at, A, P, dialog.request("INVITE", 1, [first], body=SDP.format(version=1, address=A)))]
        answer = SDP.format(version=1, address=B)
        for branch in range(BRANCHES):
            host, tag = _address(branch), f"t{branch}"
            vias = [_via(P, f"fork{number}x{branch}"), first]
            begun = at + 1_000 + 100 * branch
            events += [
                (begun, P, host, dialog.request("INVITE", 1, vias, body=SDP.format(version=1, address=A), to=host)),
                (begun + 500_000, host, P, dialog.response("180 Ringing", "INVITE", 1, vias, tag=tag)),
                (begun + 501_000, P, A, dialog.response("180 Ringing", "INVITE", 1, [first], tag=tag)),
            ]
            ends = at + 5_000_000 + 100 * branch
            if branch == BRANCHES - 1:
                final = at + 4_000_000
                acks = [_via(A, f"fork{number}ack"), _via(P, f"fork{number}ackp")]
                events += [
                    (final, host, P, dialog.response("200 OK", "INVITE", 1, vias, tag=tag, body=answer)),
                    (final + 1_000, P, A, dialog.response("200 OK", "INVITE", 1, [first], tag=tag, body=answer)),
                    (final + 2_000, A, P, dialog.request("ACK", 1, acks[:1], tag=tag)),
                    (final + 3_000, P, host, dialog.request("ACK", 1, acks[::-1], tag=tag, to=host)),
                ]
                continue
            events += [
                (ends, P, host, dialog.request("CANCEL", 1, vias[:1], to=host)),
                (ends + 1_000, host, P, dialog.response("200 OK", "CANCEL", 1, vias[:1], tag=tag)),
                (ends + 2_000, host, P, dialog.response("487 Request Terminated", "INVITE", 1, vias, tag=tag)),
                (ends + 3_000, P, host, dialog.request("ACK", 1, vias[:1], tag=tag, to=host)),
            ]
        yield from sorted(events)


def hops(_rng: random.Random) -> Iterator[Event]:
    """A spiral: each pass through P and Q is a transaction of its own of the same INVITE (RFC 3261 §6)."""
    number, at = 0, START_US
    while True:
        number, at = number + 1, at + 60_000_000
        dialog = Dialog(f"hops{number}")
        path = [A, *((P, Q) * ROUNDS), B]
        # No more than ten Via header fields, as where proxies begin anew; a thousand would not fit into a datagram.
        vias = [_via(host, f"hops{number}x{place}") for place, host in enumerate(path[:-1])]
        stacks = [vias[max(0, place - 9) : place + 1][::-1] for place in range(len(vias))]
        body = SDP.format(version=1, address=A)
        for place in range(len(vias)):
            text = dialog.request("INVITE", 1, stacks[place], body=body, to=f"h{place}.{DOMAIN}")
            yield at + 1_000 * place, path[place], path[place + 1], text
        for place in range(len(vias) - 1, -1, -1):
            text = dialog.response("486 Busy Here", "INVITE", 1, stacks[place], tag="b")
            yield at + 2_000_000 - 1_000 * place, path[place + 1], path[place], text


KINDS: dict[str, Callable[[random.Random], Iterator[Event]]] = {
    "one_call": one_call,
    "retries": retries,
    "one_pair": one_pair,
    "endpoints": endpoints,
    "forks": forks,
    "hops": hops,
}


def capture_path(kind: str, size: str) -> Path:
    return write_captures.CAPTURES / f"{kind}-{size}.pcap"


def ensure(kind: str, size: str, *, force: bool = False) -> Path:
    """The capture of this kind and size, written if need be."""
    path = capture_path(kind, size)
    head = {"kind": kind, "generator": write_captures.generator_version(Path(__file__).name)}
    try:
        current = json.loads(path.with_suffix(".json").read_text()).items() >= head.items() and path.exists()
    except (OSError, ValueError):
        current = False
    if current and not force:
        return path
    write_captures.CAPTURES.mkdir(exist_ok=True)
    began = time.perf_counter()
    with path.open("wb") as file:
        writer = pcap.Writer(file)
        hosts: dict[str, pcap.Endpoint] = {}
        routes: dict[tuple[str, str], pcap.UdpRoute] = {}
        events = KINDS[kind](random.Random(write_captures.SEED))
        for _, (at, sender, receiver, text) in zip(range(write_captures.SIZES[size]), events, strict=False):
            for address in (sender, receiver):
                hosts.setdefault(address, pcap.Endpoint(address, b"\x02\x00\x0a\x00\x00\x01"))
            key = (sender, receiver)
            if key not in routes:
                routes[key] = pcap.UdpRoute(writer, hosts[sender], hosts[receiver])
            routes[key].send(at, text.encode())
        writer.close()
    counts = {"messages": write_captures.SIZES[size], "packets": writer.packets, "bytes": writer.size}
    path.with_suffix(".json").write_text(json.dumps(head | counts, indent=2) + "\n")
    print(f"{path.name}: {writer.size} bytes, {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Write captures of shapes that make an analyser slow.")
    parser.add_argument("--kinds", type=write_captures.chosen(tuple(KINDS)), default=list(KINDS))
    parser.add_argument("--sizes", type=write_captures.chosen(tuple(write_captures.SIZES)), default=["100k"])
    parser.add_argument("--force", action="store_true", help="write again what is there")
    args = parser.parse_args()
    for size in args.sizes:
        for kind in args.kinds:
            ensure(kind, size, force=args.force)


if __name__ == "__main__":
    main()
