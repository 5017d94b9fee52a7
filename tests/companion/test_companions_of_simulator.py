"""What was asked beside SIP against the truth of the laboratory: whose each exchange is, and how long was waited.

The figures of docs/diameter_and_dns.md are made by ``python tests/ims/test_beside_against_laboratory.py``.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scapy.contrib.diameter import DiamG

import analyzer
from analyzer.simulator import Truth, make
from analyzer.simulator import beside_wire as wire

pytestmark = pytest.mark.slow

MIX: dict[str, Any] = {"calls": 200, "seed": 21, "beside": True, "loss": 0.03, "icid_dropped": 0.5}
VARIANTS: dict[str, dict[str, Any]] = {
    "the mix": {},
    "ten calls a second of 12 subscribers": {"subscribers": 12, "calls_per_second": 10.0},
    "I- and S-CSCF in one node": {"combined": "I+S"},
    "P- and S-CSCF in one node": {"combined": "P+S"},
    "callers withheld": {"anonymous": 1.0},
    "one icid for all calls": {"icid_dropped": 0.0, "icid_fixed": 1.0},
    "IPv6": {"ipv6": True},
    "a twentieth not captured": {"capture_loss": 0.05},
    "two points, clocks up to 0.2 s off": {"points": ("access", "core"), "skew_s": 0.2},
}
_GIVE_UP = 10_000_000_000  # ns for which an exchange without an answer counts
# Share of those that were joined which are right, and of all which were found, at least.
PRECISION, RECALL = 0.99, 0.95
# Where several calls of one subscriber are set up at once, many exchanges fit two of them.
POORER = {
    "ten calls a second of 12 subscribers": (0.97, 0.75),
    "two points, clocks up to 0.2 s off": (0.98, 0.9),
}


class World:
    """A laboratory, read: ``asked`` has a row for each exchange of which request and answer were captured."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.truth: Truth = make(directory, **MIX | settings)
        points = self.truth.points
        self.files = {point["name"]: str(directory / point["file"]) for point in points}
        self.capture = analyzer.read(
            list(self.files.values()), capture_points=[f"{point['name']}=*{point['file']}" for point in points]
        )

    @cached_property
    def _seen(self) -> dict[tuple[str, int], int]:
        """The number of what completed in each frame."""
        return {(self.files[one.point], one.frame): one.number for one in self.truth.observations if one.complete}

    @cached_property
    def _units(self) -> dict[int, set[tuple[str, int]]]:
        """The call or registration of each SIP message, by its number."""
        found: dict[int, set[tuple[str, int]]] = defaultdict(set)
        # A registration is of the REGISTERs at its first hop; the same on other hops have their Call-ID and CSeq.
        same = ["call_id", "cseq"]
        registers = self.capture.source._graph["registers"].select("message", "registration")
        messages = self.capture.table("messages").select("message", "call", "file", "frame", "method", *same)
        known = registers.join(messages, on="message").select("registration", *same).unique(same)
        of_registers = pl.when(pl.col("method") == "REGISTER").then("registration")
        rows = messages.join(known, on=same, how="left", maintain_order="left")
        for call, file, frame, registration in rows.select("call", "file", "frame", of_registers).iter_rows():
            number = self._seen.get((file, frame))
            for kind, key in (("call", call), ("registration", registration)):
                if number is not None and key is not None:
                    found[number].add((kind, key))
        return found

    @cached_property
    def asked(self) -> list[tuple[dict[str, Any], set[tuple[str, int]], tuple[str, int] | None]]:
        """Each exchange of which the request and the message in hand were captured: truth, whose it is, and whose it
        was taken for."""
        rows = self.capture.table("related_transactions").select("call", "registration", "file", "frame").iter_rows()
        joined: dict[int, tuple[str, int]] = {}
        for call, registration, file, frame in rows:
            unit = ("call", call) if call is not None else ("registration", registration)
            if (file, frame) in self._seen:
                joined[self._seen[file, frame]] = unit
        captured = set(self._seen.values())
        told = [exchange for exchange in self.truth.exchanges if exchange["number"] in captured]
        return [
            (
                one,
                self._units.get(one["message"], set()) if one["message"] is not None else set(),
                joined.get(one["number"]),
            )
            for one in told
        ]

    def figures(self, what: str = "") -> tuple[int, int, int, int]:
        """Joined, right among them; to be joined, found among them."""
        rows = [row for row in self.asked if not what or row[0]["what"] == what]
        # What is not there cannot be told right or wrong.
        taken = [row for row in rows if row[2] is not None and (row[1] or row[0]["message"] is None)]
        wanted = [row for row in rows if row[1]]
        return (
            len(taken),
            sum(found in units for _, units, found in taken),
            len(wanted),
            sum(found in units for _, units, found in wanted),
        )

    def peer_delays(self) -> tuple[int, int]:
        """Rows of ``peer_delays``, and those in which as long was waited as by the truth, to the microsecond."""
        spans: dict[tuple[tuple[str, int], str], list[tuple[int, int]]] = defaultdict(list)
        for exchange, units, _ in self.asked:
            asked_at, answered_at = exchange["asked_at"], exchange["answered_at"]
            if units:
                span = asked_at, answered_at if answered_at is not None else asked_at + _GIVE_UP
                spans[next(iter(units)), exchange["server_ip"]].append(span)
        right, rows = 0, self.capture.table("peer_delays")
        begun = self._begun()
        for row in rows.iter_rows(named=True):
            unit = ("call", row["call"]) if row["call"] is not None else ("registration", row["registration"])
            since, until = begun[unit]
            told = [(max(start, since), min(end, until)) for start, end in spans[unit, row["peer_ip"]]]
            right += abs(row["waited_s"] - covered(told) / 1e9) < 1e-6
        return rows.height, right

    def _begun(self) -> dict[tuple[str, int], tuple[int, int]]:
        calls = self.capture.table("calls").select(
            "call",
            pl.col("started_at").to_physical(),
            pl.coalesce("ringing_at", "answered_at", "ended_at").to_physical(),
        )
        registrations = self.capture.table("registrations").select(
            "registration", pl.col("started_at", "ended_at").to_physical()
        )
        return {("call", key): (since, until) for key, since, until in calls.iter_rows()} | {
            ("registration", key): (since, until) for key, since, until in registrations.iter_rows()
        }


def covered(spans: Iterable[tuple[int, int]]) -> int:
    """How much of the time lies in one of these spans."""
    total, reached = 0, 0
    for start, end in sorted(spans):
        if end > start:
            total += max(0, end - max(start, reached))
            reached = max(reached, end)
    return total


@pytest.mark.parametrize("variant", VARIANTS)
def test_exchanges_are_joined_to_what_they_were_asked_for(variant: str, tmp_path: Path) -> None:
    joined, right, wanted, found = World(tmp_path, **{"calls": 60} | VARIANTS[variant]).figures()
    precision, recall = POORER.get(variant, (PRECISION, RECALL))
    assert joined > 50
    assert (right >= precision * joined, found >= recall * wanted) == (True, True), (joined, right, wanted, found)


def test_as_long_was_waited_as_the_truth_says(tmp_path: Path) -> None:
    rows, right = World(tmp_path, calls=60, loss=0.0).peer_delays()
    assert rows > 50
    assert right >= 0.97 * rows


def test_the_account_counts_queries_as_dns_whatever_their_ids(tmp_path: Path) -> None:
    # An id of 0x0100 begins as Diameter does, which never goes over UDP. Here a query has it.
    make(tmp_path, calls=60, seed=3, beside=True)
    account = analyzer.read(tmp_path / "all.pcap").table("account")
    reasons = account.filter(pl.col("layer") == "udp")["reason"].to_list()
    assert reasons == ["not_sip_dns"]


def test_nothing_else_changes_where_nodes_ask(tmp_path: Path) -> None:
    silent, asking = (make(tmp_path / str(asks), calls=10, seed=4, loss=0.1, beside=asks) for asks in (False, True))
    assert silent.messages == asking.messages
    assert not silent.exchanges
    assert asking.exchanges


@pytest.mark.parametrize(
    ("command", "application"),
    [("UAR", wire.CX), ("SAR", wire.CX), ("LIR", wire.CX), ("MAR", wire.CX), ("AAR", wire.RX)],
)
def test_scapy_reads_the_laboratorys_diameter(command: str, application: int) -> None:
    attributes = [wire.avp(263, "a;b;1"), wire.avp(1, "user"), wire.tgpp(601, "tel:+15550001")]
    read = DiamG(wire.diameter(command, application, 7, attributes))
    names = [(attribute.avpCode, bytes(attribute.val)) for attribute in read.avpList]
    assert (read.drAppId, read.drCode, read.drHbHId, names) == (
        application,
        wire.COMMANDS[command],
        7,
        [(263, b"a;b;1"), (1, b"user"), (601, b"tel:+15550001")],
    )


def main() -> None:
    print("| | exchanges joined | right | to be joined | found | waits | as long as waited |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in sys.argv[1:] or VARIANTS:
        with tempfile.TemporaryDirectory() as directory:
            world = World(Path(directory), **VARIANTS[name])
            joined, right, wanted, found = world.figures()
            rows, same = world.peer_delays()
            # The truth knows no clock but the right one.
            exact = f"{rows} | {same / rows:.3f}" if len(world.files) == 1 else f"{rows} | –"
            shares = f"{joined} | {right / joined:.3f} | {wanted} | {found / wanted:.3f}"
            print(f"| {name} | {shares} | {exact} |", flush=True)


if __name__ == "__main__":
    main()
