"""Three VoLTE calls through a whole IMS, of which two fail, and a registration: staged by the simulator.

`analyzer.simulator` (docs/simulator.md) plays the network: UEs, P-, I- and S-CSCFs, and telephony application servers
that end one Call-ID and begin the next, so that a call has up to three of them. The truth is that of its script.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from analyzer.simulator import make

NAME = "volte_failures"
WHAT = (
    "Three VoLTE calls captured everywhere in an IMS, each up to three Call-IDs long: one is answered, one the P-CSCF"
    " of the called UE refuses with 503 for want of resources, one the application server of the caller; and a"
    " registration with AKA."
)
SECOND = 1_000_000_000
SEED = 18  # each of the four scenarios once, and nothing is sent again


@dataclass(frozen=True)
class Staged:
    """A capture of the laboratory, and what it says of it."""

    packets: bytes
    truth: dict[str, Any]
    name: str = NAME
    file_name: str = f"{NAME}.pcap"
    what: str = WHAT

    def encode(self) -> bytes:
        return self.packets

    def truth_json(self) -> str:
        lines = [f'"what": {json.dumps(self.what)}', f'"packets": {self.truth["packets"]}']
        for table in ("messages", "calls", "call_failures", "ways"):
            rows = ",\n".join(f"  {json.dumps(row)}" for row in self.truth[table])
            lines.append(f'"{table}": [\n{rows}\n ]')
        return "{\n " + ",\n ".join(lines) + "\n}\n"


def build() -> list[Staged]:
    with TemporaryDirectory() as folder:
        told = make(
            folder,
            calls=3,
            seed=SEED,
            mix={"answered": 1, "no_resources": 1, "as_overload": 1, "initial": 1},
            calls_per_second=0.2,
            subscribers=100,
            host_names=True,
            anonymous=0,
            translated=0,
        )
        addresses = {node["name"]: node["address"] for node in told.nodes}
        messages = list(messages_of(Path(folder), addresses))
        calls = [call_of(call) for call in told.calls]
        refused = [call for call in told.calls if call["refused_by"]]
        call_failures = [
            {"status": call["status"], "address": addresses[call["refused_by"]], "on_behalf_of": call["cause"]}
            for call in refused
        ]
        legs = [leg for call in told.calls for leg in call["legs"]]
        # Which nodes the INVITE of each leg passed.
        ways = [{"call_id": leg["call_id"], "nodes": [addresses[name] for name in leg["path"]]} for leg in legs]
        packets = (Path(folder) / "all.pcap").read_bytes()
    truth = {
        "packets": len(messages),
        "messages": messages,
        "calls": calls,
        "call_failures": call_failures,
        "ways": ways,
    }
    return [Staged(packets, truth)]


def messages_of(folder: Path, addresses: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Rows of the truth: each message of the laboratory at the frame that it is in."""
    with (folder / "messages.csv").open() as sent, (folder / "observations.csv").open() as seen:
        messages = {message["number"]: message for message in csv.DictReader(sent)}
        for observation in csv.DictReader(seen):
            message = messages[observation["number"]]
            yield {
                "frame": int(observation["frame"]),
                "time": moment(int(observation["time"])),
                "src": addresses[message["sender"]],
                "dst": addresses[message["receiver"]],
                "transport": "udp",
                "method": message["method"],
                "status": int(message["status"]) if message["status"] else None,
                "call_id": message["call_id"],
                "cseq": int(message["cseq"]),
                "via_branch": message["branch"],
                "retransmission": message["copy"] != "0",
                "duplicate": False,
                "complete": True,
            }


def call_of(call: dict[str, Any]) -> dict[str, Any]:
    return {
        "call_ids": [leg["call_id"] for leg in call["legs"]],
        "caller": call["caller"].removeprefix("+"),
        "callee": call["called_number"].removeprefix("+"),
        "outcome": call["outcome"],
        "status": call["status"],
        "legs": len(call["legs"]),
    }


def moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%dT%H:%M:%S}.{at % SECOND:09}Z"
