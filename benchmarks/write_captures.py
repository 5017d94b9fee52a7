#!/usr/bin/env python3
"""Write the captures that the benchmark races over, each with a JSON file of what is in it.

    python benchmarks/write_captures.py [--sizes 10k,100k,1M,six] [--transports udp,tcp,rtp] [--seed N] [--force]
    python benchmarks/write_captures.py --alive 100000

"rtp" is UDP among the media of its calls: of twenty packets one is SIP. ``--alive`` writes a capture of calls of six
messages that last so long that this many are alive at once.

The same seed gives the same bytes. A file is written again when it is missing or when the generator has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import itertools
import json
import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import flows
import pcap

HERE = Path(__file__).resolve().parent
CAPTURES = HERE / "captures"
SIZES = {"six": 6, "10k": 10_000, "30k": 30_000, "100k": 100_000, "150k": 150_000, "300k": 300_000, "1M": 1_000_000}
TRANSPORTS = ("udp", "tcp", "rtp")
SEED = 3261
START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
SUBSCRIBERS = 4_000
ALIVE = 120  # calls alive at once in the long run; fewer where a quarter of all calls would be less
HOLD_US = 600_000_000  # how long calls last where many are to be alive at once
REGISTRATIONS_PER_CALL = 0.15
MEDIA = 19  # packets of RTP for each message, where there are any
LOSS = 0.07  # share of requests on a UDP hop that are lost after the tap and sent again

AGENTS = (b"Samsung IMS 6.0 SM-S921B", b"iOS/18.1 iPhone", b"Pixel 9 Android/15", b"Xiaomi__Android15_24053PY09C")
CORE = {
    flows.P_CSCF1: "10.10.0.11",
    flows.S_CSCF1: "10.10.0.21",
    flows.S_CSCF2: "10.10.0.22",
    flows.P_CSCF2: "10.10.0.12",
}


def generator_version(*more: str) -> str:
    """A digest of the generator's sources: a changed generator cannot leave old captures behind."""
    sources = (HERE / name for name in ("flows.py", "pcap.py", "write_captures.py", *more))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def hop_transports(transport: str) -> flows.Transports:
    """The transport between each two nodes. Over TCP the terminating Gm stays UDP, as in many networks."""
    hops: flows.Transports = {}
    signalling = "TCP" if transport == "tcp" else "UDP"
    for path in (flows.CALL_PATH, flows.DIRECT_PATH):
        hops.update({frozenset((a.name, b.name)): signalling for a, b in itertools.pairwise(path)})
    hops[frozenset((flows.P_CSCF2.name, flows.CALLEE.name))] = "UDP"
    return hops


class Subscriber:
    """A UE: an address, identities, and the routes to its P-CSCFs once it has used them."""

    def __init__(self, number: int, rng: random.Random) -> None:
        # Three digits in each byte that varies: bodies then have one length whoever calls.
        self.address = f"10.{100 + number // 10_000}.{100 + number // 100 % 100}.{100 + number % 100}"
        self.endpoint = pcap.Endpoint(self.address, b"\x02\x00\x0a\x00\x00\x01")  # all behind one gateway
        self.identity = b"+1555%07d" % (2_000_000 + number * 7)
        self.imsi = b"00101%010d" % (number + 1)
        self.imei = b"35%06d-%06d-0" % (rng.random() * 1_000_000, number)
        self.agent = AGENTS[number % len(AGENTS)]
        self.cell = b"00101%04X%07X" % (number % 64 + 1, number % 997 * 256 + 1)
        self.routes: dict[tuple[str, str], pcap.Route] = {}


class Population:
    """Everybody in the capture, and the routes between them."""

    def __init__(self, writer: pcap.Writer, rng: random.Random, transports: flows.Transports) -> None:
        self.writer, self.rng, self.transports = writer, rng, transports
        self.subscribers = [Subscriber(number, rng) for number in range(SUBSCRIBERS)]
        self.core = {
            node: pcap.Endpoint(address, b"\x02\x00\x0a\x0a\x00" + bytes([at]))
            for at, (node, address) in enumerate(CORE.items())
        }
        self.between: dict[tuple[str, str], pcap.Route] = {}
        self.ports = 40_000
        self.serial = 0

    def route(self, step: flows.Step, caller: Subscriber, callee: Subscriber) -> pcap.Route:
        """The route of a step; those of a UE are kept with it, those of the core are everybody's."""
        ue = caller if flows.CALLER in (step.sender, step.receiver) else callee
        routes = ue.routes if not (step.sender.route and step.receiver.route) else self.between
        key = (step.sender.name, step.receiver.name)
        if key not in routes:
            sender, receiver = (
                self._endpoint(step.sender, caller, callee),
                self._endpoint(step.receiver, caller, callee),
            )
            if self.transports[frozenset(key)] == "UDP":
                routes[key] = pcap.UdpRoute(self.writer, sender, receiver)
            else:
                self.ports = 40_000 + (self.ports + 1 - 40_000) % 20_000
                isn = int(self.rng.random() * 0x7FFFFFFF)
                routes[key], routes[key[::-1]] = pcap.connect(self.writer, sender, receiver, self.ports, isn)
        return routes[key]

    def _endpoint(self, node: flows.Node, caller: Subscriber, callee: Subscriber) -> pcap.Endpoint:
        if node is flows.CALLER:
            return caller.endpoint
        return callee.endpoint if node is flows.CALLEE else self.core[node]

    def pair(self) -> tuple[Subscriber, Subscriber]:
        caller = int(self.rng.random() * SUBSCRIBERS)
        callee = (caller + 1 + int(self.rng.random() * (SUBSCRIBERS - 1))) % SUBSCRIBERS
        return self.subscribers[caller], self.subscribers[callee]

    def slots(self, caller: Subscriber, callee: Subscriber) -> dict[bytes, bytes]:
        """The values of one call. `serial` makes the token unique, the rest of it makes it look like one."""
        self.serial += 1
        bits = self.rng.getrandbits
        token = b"%08x%07x" % (bits(32), self.serial)
        address = caller.address.encode()
        return {
            b"token": token,
            b"call_id": b"%s-%016x@%s" % (token, bits(64), address),
            b"caller_tag": b"%08x" % bits(32),
            b"callee_tag": b"%010d" % bits(33),
            b"caller": caller.identity,
            b"callee": callee.identity,
            b"caller_ip": address,
            b"callee_ip": callee.address.encode(),
            b"caller_cell": caller.cell,
            b"callee_cell": callee.cell,
            b"caller_agent": caller.agent,
            b"callee_agent": callee.agent,
            b"imsi": caller.imsi,
            b"imei": caller.imei,
            b"icid": b"%016x.%08x" % (bits(64), self.serial),
            b"session": b"%010d" % (3_000_000_000 + bits(30)),
            b"nonce": b"%064x==" % bits(256),
            b"digest": b"%032x" % bits(128),
        }


class Media:
    """RTP between two UEs, in turns (RFC 3550 §5.1): AMR of 20 ms each, 61 octets (RFC 4867)."""

    def __init__(self, writer: pcap.Writer, caller: Subscriber, callee: Subscriber, rng: random.Random) -> None:
        one, other = caller.endpoint, callee.endpoint
        port = 49_152 + 2 * int(rng.random() * 8_000)
        self.ways = (pcap.UdpRoute(writer, one, other, port), pcap.UdpRoute(writer, other, one, port))
        self.sources = [rng.getrandbits(32) for _ in self.ways]
        self.payload = rng.randbytes(61)
        self.sent = int(rng.random() * 30_000)

    def packet(self) -> tuple[pcap.Route, bytes]:
        self.sent += 1
        number, way = divmod(self.sent, 2)
        return self.ways[way], _RTP.pack(0x80, 97, number & 0xFFFF, number * 320, self.sources[way]) + self.payload


_RTP = struct.Struct("!BBHII")


def mean_length_us(script: flows.Script) -> float:
    return sum(least + spread / 2 for least, spread in (step.delay for step in script.steps))


class Truth:
    """What has been written, counted as it is written."""

    def __init__(self) -> None:
        self.messages = 0
        self.retransmissions = 0
        self.requests: Counter[str] = Counter()
        self.responses: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.registrations = 0

    def message(self, step: flows.Step, *, again: bool) -> None:
        self.messages += 1
        self.retransmissions += again
        (self.responses if step.what.isdigit() else self.requests)[step.what] += 1

    def as_dict(self) -> dict[str, object]:
        calls = sum(self.outcomes.values())
        return {
            "messages": self.messages,
            "retransmissions": self.retransmissions,
            "call_ids": calls + self.registrations,
            "calls": calls,
            "answered": self.outcomes["answered"],
            "outcomes": dict(sorted(self.outcomes.items())),
            "registrations": self.registrations,
            "requests": dict(sorted(self.requests.items())),
            "responses": dict(sorted(self.responses.items())),
        }


def flow_of_calls(goal: int, rng: random.Random, transports: flows.Transports) -> Iterator[tuple[int, flows.Script]]:
    """Start times and scripts, without end; the load is such that ALIVE calls overlap."""
    if goal <= SIZES["six"]:
        while True:
            yield START_US, flows.basic_call(transports)
    mix = flows.calls(transports)
    deck = [script for share, script in mix for _ in range(share)]  # a hundred at a time: shares hold in every file
    register = flows.registration(transports)
    messages_each = sum(len(script.steps) for script in deck) / len(deck)
    length_us = sum(map(mean_length_us, deck)) / len(deck)
    gap_us = length_us / min(ALIVE, max(4, goal / messages_each / 4))
    at_us = START_US
    while True:
        rng.shuffle(deck)
        for script in deck:
            at_us += int(rng.expovariate(1) * gap_us) + 1
            yield at_us, script
            if rng.random() < REGISTRATIONS_PER_CALL:
                yield at_us + int(gap_us / 3), register


def long_calls(alive: int, rng: random.Random, transports: flows.Transports) -> Iterator[tuple[int, flows.Script]]:
    """Start times and scripts, without end, of calls of HOLD_US, of which `alive` overlap."""
    script, at_us = flows.basic_call(transports), START_US
    while True:
        at_us += int(rng.expovariate(1) * HOLD_US / alive) + 1
        yield at_us, script


def write(path: Path, goal: int, transport: str, seed: int, alive: int = 0) -> dict[str, object]:
    """Write one capture of whole calls until `goal` messages are reached; returns its truth.

    Where so many calls are to be `alive` at once, they are long and of six messages.
    """
    rng = random.Random(f"{seed} {goal} {transport}")
    transports = hop_transports(transport)
    truth = Truth()
    with path.open("wb") as file:
        writer = pcap.Writer(file)
        people = Population(writer, rng, transports)
        pending: list[tuple[int, int, pcap.Route, bytes]] = []
        order = 0
        starts = long_calls(alive, rng, transports) if alive else flow_of_calls(goal, rng, transports)
        for count, (at_us, script) in enumerate(starts):
            if truth.messages >= goal:
                break
            if count % 50 == 49:  # whatever is due before this call starts can be written
                due = []
                while pending and pending[0][0] < at_us:
                    due.append(heapq.heappop(pending))
                writer.play(due)
            if script.outcome == "registered":
                truth.registrations += 1
            else:
                truth.outcomes[script.outcome] += 1
            caller, callee = people.pair()
            slots = people.slots(caller, callee)
            media = Media(writer, caller, callee, rng) if transport == "rtp" else None
            for step in script.steps:
                least, spread = step.delay
                at_us += least + int(rng.random() * spread) + (HOLD_US if alive and step.what == "BYE" else 0)
                payload = step.template % slots
                route = people.route(step, caller, callee)
                heapq.heappush(pending, (at_us, order, route, payload))
                order += 1
                truth.message(step, again=step.retransmission)
                if media:
                    for after in range(MEDIA):
                        heapq.heappush(pending, (at_us + 100 * after, order, *media.packet()))
                        order += 1
                if step.resendable and goal > SIZES["six"] and rng.random() < LOSS:
                    at_us += flows.T1_US
                    heapq.heappush(pending, (at_us, order, route, payload))
                    order += 1
                    truth.message(step, again=True)
        writer.play(sorted(pending))
        writer.close()
    return {"packets": writer.packets, "bytes": writer.size, **truth.as_dict()}


def capture_path(size: str, transport: str) -> Path:
    return CAPTURES / f"{transport}-{size}.pcap"


def read_truth(path: Path) -> dict[str, object]:
    truth: dict[str, object] = json.loads(path.with_suffix(".json").read_text())
    return truth


def is_current(path: Path, seed: int) -> bool:
    try:
        truth = read_truth(path)
        size = path.stat().st_size
    except (OSError, ValueError):
        return False
    return (truth.get("generator"), truth.get("seed"), truth.get("bytes")) == (generator_version(), seed, size)


def ensure(size: str, transport: str, seed: int = SEED, *, force: bool = False) -> Path:
    """The capture of this size and transport, written if need be."""
    path = capture_path(size, transport)
    if force or not is_current(path, seed):
        _put(path, {"size": size, "transport": transport}, seed, SIZES[size], transport)
    return path


def ensure_alive(alive: int, seed: int = SEED, *, force: bool = False) -> Path:
    """The capture in which so many calls are alive at once: as many begin as it takes, and all of them end."""
    path = CAPTURES / f"alive-{alive}.pcap"
    if force or not is_current(path, seed):
        _put(path, {"alive": alive}, seed, 7 * alive, "udp", alive)
    return path


def _put(path: Path, what: dict[str, object], seed: int, goal: int, transport: str, alive: int = 0) -> None:
    """Writes a capture and its truth."""
    CAPTURES.mkdir(exist_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)  # a run cut short leaves no truth, so no capture
    began = time.perf_counter()
    truth = write(path, goal, transport, seed, alive)
    head = {"generator": generator_version(), "seed": seed, **what}
    path.with_suffix(".json").write_text(json.dumps(head | truth, indent=2) + "\n")
    took = time.perf_counter() - began
    print(f"{path.name}: {truth['messages']} messages, {path.stat().st_size} bytes, {took:.1f} s", file=sys.stderr)


def chosen(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    """An argparse type: names out of `known`, separated by commas."""

    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise argparse.ArgumentTypeError(f"{text!r}: give some of {','.join(known)}")
        return names

    return parse


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the captures that the benchmark races over.")
    parser.add_argument(
        "--sizes", type=chosen(tuple(SIZES)), default=["six", "10k", "100k"], help="default: six,10k,100k"
    )
    parser.add_argument("--transports", type=chosen(TRANSPORTS), default=list(TRANSPORTS), help="default: udp,tcp")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--alive", type=int, help="write the capture in which so many calls are alive at once")
    parser.add_argument("--force", action="store_true", help="write again what is there")
    args = parser.parse_args()
    if args.alive:
        ensure_alive(args.alive, args.seed, force=args.force)
        return
    for size in args.sizes:
        for transport in args.transports:
            ensure(size, transport, args.seed, force=args.force)


if __name__ == "__main__":
    main()
