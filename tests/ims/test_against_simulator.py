"""Hops, legs, calls and clocks against the truth of the laboratory, for its mix and where one kind of evidence is gone.

The figures of docs/hops_and_legs.md are made by ``python tests/ims/test_against_laboratory.py``.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import analyzer
from analyzer.simulator import Truth, make

# What the module makes once, one worker makes.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("laboratory")]

# 20 % of the calls fail; forks; half of the icids are dropped by B2BUAs; messages and packets get lost; clocks are off.
MIX: dict[str, Any] = {
    "calls": 250, "seed": 11, "loss": 0.05, "capture_loss": 0.05, "icid_dropped": 0.5, "session_id_dropped": 0.3,
    "points": ("access", "core"), "skew_s": 2.0, "drift_ppm": 20.0,
}  # fmt: skip
NOTHING = {
    "icid_dropped": 1.0,
    "session_id_dropped": 1.0,
    "odi_dropped": 1.0,
    "sdp_anchored": 1.0,
    "history_dropped": 1.0,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "the mix": {},
    "no icid": {"icid_dropped": 1.0},
    "new icids, with related-icid": {"icid_dropped": 0.0, "icid_related": 1.0},
    "one icid for all calls": {"icid_dropped": 0.0, "icid_fixed": 1.0},
    "no Session-ID": {"session_id_dropped": 1.0},
    "no token in Route": {"odi_dropped": 1.0},
    "media anchored": {"sdp_anchored": 1.0},
    "no History-Info": {"history_dropped": 1.0},
    "callers withheld": {"anonymous": 1.0},
    "all numbers translated": {"translated": 1.0, "called_rewritten": 1.0},
    "I- and S-CSCF in one node": {"combined": "I+S"},
    "hidden topology": {"topology_hiding": True},
    "a fifth not captured": {"capture_loss": 0.2},
    "captured only in the core": {"points": ("core",)},
    "captured only in the access network": {"points": ("access",)},
    "all of icid, Session-ID, Route, SDP, History-Info gone": NOTHING,
    "the same, six subscribers": NOTHING | {"subscribers": 6, "calls_per_second": 3.0},
}
# Where the way between two legs was not captured, or nothing but behaviour is left, fewer can be found: but none wrong.
POORER = {"captured only in the access network": 0.75, "all of icid, Session-ID, Route, SDP, History-Info gone": 0.75,
          "the same, six subscribers": 0.6, "a fifth not captured": 0.95}  # fmt: skip


class World:
    """A laboratory, read."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.truth: Truth = make(directory, **settings)
        points = self.truth.points
        self.capture = analyzer.read(
            [directory / point["file"] for point in points],
            capture_points=[f"{point['name']}=*{point['file']}" for point in points],
        )

    def links(self) -> tuple[int, int, int, int]:
        """Links found, right ones among them, links that there are, and those of them that were found."""
        legs = self.capture.table("legs")
        seen = set(legs["call_id"].to_list())
        call_of = {leg["call_id"]: call["play"] for call in self.truth.calls for leg in call["legs"]}
        strong = legs.filter(pl.col("strength") == "strong", pl.col("relation") == "leg")
        found = dict(strong.select("call_id", "parent_call_id").rows())
        right = sum(call_of.get(child) == call_of.get(parent) for child, parent in found.items())
        wanted = [child for child, parent in self._parents().items() if child in seen and self._seen(parent, seen)]
        return len(found), right, len(wanted), sum(child in found for child in wanted)

    def _parents(self) -> dict[str, str]:
        found = {}
        for call in self.truth.calls:
            by_number = {leg["number"]: leg["call_id"] for leg in call["legs"]}
            found |= {leg["call_id"]: by_number[leg["parent"]] for leg in call["legs"] if leg["parent"] is not None}
        return found

    def _seen(self, leg: str | None, seen: set[str]) -> bool:
        while leg is not None and leg not in seen:
            leg = self._parents().get(leg)
        return leg is not None

    def calls(self) -> tuple[int, int, int]:
        """Calls of which an INVITE was captured, how many of them are one row, and rows that mix several."""
        play_of = {leg["call_id"]: call["play"] for call in self.truth.calls for leg in call["legs"]}
        rows = [{play_of.get(i) for i in ids} for ids in self.capture.table("calls")["call_ids"].to_list()]
        captured = {play_of[i] for i in self.capture.table("legs")["call_id"].to_list() if i in play_of}
        times = Counter(play for row in rows for play in row)
        return len(captured), sum(times[play] == 1 for play in captured), sum(len(row) > 1 for row in rows)

    def previous(self) -> Iterator[tuple[Any, Any, Any]]:
        """The true and the found origin of each message, and how it was found; of messages sent once only."""
        messages = self.capture.table("messages").with_columns(pl.col("file").str.split("/").list.last())
        files = {point["name"]: point["file"] for point in self.truth.points}
        places = {
            (row[0], row[1]): row[2]
            for row in messages.select("file", "frame", pl.coalesce("original", "message")).rows()
        }
        key_of: dict[int, int] = {}
        for observation in self.truth.observations:
            place = (files[observation.point], observation.frame)
            if place in places:
                key_of.setdefault(observation.number, places[place])
        rows = self.truth.messages
        hops = [(row.call_id, row.sender, row.receiver, row.method, row.status, row.cseq, row.branch) for row in rows]
        copies = Counter(hops)
        number_of = {key: number for number, key in key_of.items()}
        for message, previous, linked_by in (
            self.capture.table("hops").select("message", "previous", "linked_by").rows()
        ):
            number = number_of[message]
            true = rows[number].previous
            while true is not None and true not in key_of:
                true = rows[true].previous
            if copies[hops[number]] == 1 and (true is None or copies[hops[true]] == 1):
                yield key_of[true] if true is not None else None, previous, linked_by


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("mix"), **MIX)


def test_links_of_the_mix(world: World) -> None:
    found, right, wanted, reached = world.links()
    assert (right >= 0.995 * found, reached >= 0.98 * wanted, wanted > 400) == (True, True, True)


def test_no_two_calls_are_one_row(world: World) -> None:
    assert world.calls()[2] == 0


def test_every_call_is_found_once(world: World) -> None:
    """All but those of which a link is only possible."""
    captured, once, _ = world.calls()
    assert once >= 0.98 * captured


def test_what_each_message_was_made_from(world: World) -> None:
    told = list(world.previous())
    wrong = [row for row in told if row[1] is not None and row[0] != row[1]]
    missed = [row for row in told if row[0] is not None and row[1] is None]
    assert (len(wrong) <= 0.002 * len(told), len(missed) <= 0.015 * len(told), len(told) > 20_000) == (True, True, True)


def test_who_released_a_call_of_several_legs(world: World) -> None:
    """That the network gave up is told by its CANCEL on another leg."""
    by_call_id = {
        ids[0]: row for *row, ids in world.capture.table("calls").select("outcome", "released_by", "call_ids").rows()
    }
    told = [
        by_call_id[call["legs"][0]["call_id"]]
        for call in world.truth.calls
        if call["scenario"] == "no_answer" and call["legs"][0]["call_id"] in by_call_id
    ]
    assert Counter(map(tuple, told)).most_common(1)[0][0] == ("no_answer", "network")


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "the mix"])
def test_variants_that_lack_one_kind_of_evidence(name: str, tmp_path: Path) -> None:
    found, right, wanted, reached = World(tmp_path, **MIX | {"calls": 80} | VARIANTS[name]).links()
    assert right >= 0.995 * found
    assert reached >= POORER.get(name, 0.97) * wanted


@pytest.mark.parametrize(
    "more",
    [{}, {"ipv6": True}, {"points": ("pcscf1", "scscf1", "tas1", "icscf1")}, {"transport": "tcp"}, {"drift_ppm":
    100.0}], ids=str,
)  # fmt: skip
def test_the_interval_holds_the_truth(more: dict[str, Any], tmp_path: Path) -> None:
    world = World(tmp_path, **MIX | {"calls": 60, "keep_messages": False} | more)
    points = {point["name"]: point for point in world.truth.points}
    told = world.capture.table("clocks").with_columns(pl.col("at").to_physical())
    assert told["offset_s"].null_count() == 0
    for row in told.to_dicts():
        point, reference = points[row["point"]], points[row["reference"]]
        offset, drift = _true(point, reference, row["at"])
        assert row["offset_min_s"] - 1e-9 <= offset <= row["offset_max_s"] + 1e-9
        assert row["drift_min_ppb"] <= drift <= row["drift_max_ppb"]
        assert row["offset_max_s"] - row["offset_min_s"] < 0.01


def _true(point: dict[str, Any], reference: dict[str, Any], at: int) -> tuple[float, float]:
    """What the one clock shows more than the other when it shows `at` (s), and how much more each second (ns)."""
    fast, slow = (Fraction(round(p["drift_ppm"] * 1000), 10**9) for p in (point, reference))
    true = (at - point["offset_ns"] + point["start_ns"] * fast) / (1 + fast)
    shown = true + reference["offset_ns"] + (true - reference["start_ns"]) * slow
    return float((at - shown) / 10**9), float((1 - (1 + slow) / (1 + fast)) * 10**9)


def test_aligned_the_points_agree(tmp_path: Path) -> None:
    """Seen twice, a packet has the same time at both points, but for its flight of a millisecond."""
    make(tmp_path, **MIX | {"calls": 30})
    files = [tmp_path / "access.pcap", tmp_path / "core.pcap"]
    messages = analyzer.read(files, align_clocks=True).table("messages")
    twice = messages.filter("duplicate").join(messages.select(original="message", first="time"), on="original")
    apart = (twice["time"] - twice["first"]).dt.total_nanoseconds().abs()
    assert (apart.max() < 3_000_000, twice.height > 500) == (True, True)  # type: ignore[operator]


def main() -> None:
    """The table of docs/hops_and_legs.md."""
    for name, more in VARIANTS.items():
        with tempfile.TemporaryDirectory() as directory:
            world = World(Path(directory), **MIX | {"calls": 1000} | more)
            found, right, wanted, reached = world.links()
            calls, once, mixed = world.calls()
        line = f"| {name} | {found} | {right / found:.4f} | {reached / wanted:.4f} | {once} of {calls} | {mixed} |"
        print(line, file=sys.stdout, flush=True)


if __name__ == "__main__":
    main()
