"""The laboratory is right by means that share nothing with it: tshark, regular expressions, arithmetic."""

from __future__ import annotations

import ast
import base64
import csv
import json
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from eavesdrop import Heard, listen
from places import ROOT

from analyzer.simulator import MessageRow, Truth, make

# What the module makes once, one worker makes.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("synth_laboratory")]

SYNTH = ROOT / "analyzer" / "simulator"


class World:
    """The default mix, once: its truth, what was heard, and which truth row was heard where."""

    def __init__(self, directory: Path) -> None:
        self.truth = make(
            directory, calls=150, seed=5, loss=0.02, icid_dropped=0.3, icid_related=0.3, session_id_dropped=0.3
        )
        self.heard = listen(directory / "all.pcap")
        self.messages: list[tuple[MessageRow, Heard]] = [
            (self.truth.messages[observation.number], self.heard[observation.frame])
            for observation in self.truth.observations
        ]
        self.by_number = {row.number: heard for row, heard in self.messages}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def test_it_imports_nothing_of_ours() -> None:
    for path in SYNTH.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            foreign = [
                name for name in names if name.startswith("analyzer") and not name.startswith("analyzer.simulator")
            ]
            assert foreign == [], path


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "calls": 10,
        "loss": 0.1,
        "capture_loss": 0.1,
        "points": ("core", "access"),
        "skew_s": 2.0,
    }
    make(tmp_path / "one", seed=3, **options)
    make(tmp_path / "two", seed=3, **options)
    make(tmp_path / "other", seed=4, **options)
    for name in ("core.pcap", "access.pcap", "truth.json", "messages.csv", "observations.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert (tmp_path / "one" / "core.pcap").read_bytes() != (tmp_path / "other" / "core.pcap").read_bytes()


def tshark(path: Path) -> list[list[str]]:
    """(protocols, start line, expert messages) of each frame, checksums verified."""
    checks = [part for name in ("udp", "tcp", "ip") for part in ("-o", f"{name}.check_checksum:TRUE")]
    fields = [part for name in ("frame.protocols", "sip.CSeq.seq", "_ws.expert.message") for part in ("-e", name)]
    done = subprocess.run(
        ["tshark", *checks, "-r", str(path), "-T", "fields", *fields],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.tshark
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": 0.05, "proxying_as": 0.5, "max_forwards_reset": False},
        {"mtu": 1500, "combined": "I+S"},
        {"ipv6": True, "mtu": 1500, "host_names": True, "format": "pcapng", "sdp_anchored": 1.0},
        {"transport": "tcp", "combined": "P+S"},
        {"transport": "mixed", "mix": {"interconnect": 1}, "topology_hiding": True},
    ],
    ids=lambda options: " ".join(options) or "plain",
)
def test_tshark_reads_every_message_and_has_nothing_to_say(tmp_path: Path, options: dict[str, Any]) -> None:
    truth = make(tmp_path, calls=40, **options)
    rows = tshark(tmp_path / truth.points[0]["file"])
    sip = [row for row in rows if ":sip" in row[0]]
    # Several messages of a TCP segment are one row with as many CSeqs; one cut over a boundary is in its last.
    assert sum(len(row[1].split(",")) for row in sip) == truth.counts["messages"]
    # tshark 4.0 has this to say about any SMS-SUBMIT in a MESSAGE, and notes that a connection begins.
    said = Counter(
        row[2] for row in rows if row[2] and "gsm_sms" not in row[0] and "Connection establish" not in row[2]
    )
    assert said == {}


@pytest.mark.tshark
def test_tshark_reads_what_a_firewall_and_a_closed_port_do(tmp_path: Path) -> None:
    """RFC 792: port unreachable, with the header of what it is about; and first fragments without the others."""
    for fault in ("fault_refused", "fault_first_fragments"):
        make(tmp_path / fault, calls=3, mix={fault: 1.0})
    refused, cut = (tshark(tmp_path / fault / "all.pcap") for fault in ("fault_refused", "fault_first_fragments"))
    assert sum("icmp:ip:udp" in row[0] for row in refused) == 3
    assert {row[2] for row in refused} == {""}
    assert sum(row[0].endswith("ip:data") for row in cut) == 3 * 7, "timer A sends the INVITE seven times"


def test_every_body_has_its_length(world: World) -> None:
    assert all(int(heard.one("Content-Length")) == len(heard.body) for heard in world.heard.values())


def test_a_request_sent_on_has_one_more_via_and_one_forward_less(world: World) -> None:
    forwarded = 0
    for row, heard in world.messages:
        before = world.by_number.get(row.previous) if row.previous is not None else None
        if before is None or not heard.is_request or before.one("Call-ID") != row.call_id or row.method == "CANCEL":
            continue
        steps = len(heard.vias) - len(before.vias)  # more than one where a node talked to itself in between
        assert steps >= 1
        assert heard.vias[steps:] == before.vias
        assert int(heard.one("Max-Forwards")) == int(before.one("Max-Forwards")) - steps
        forwarded += 1
    assert forwarded > 1000


def test_a_response_sent_on_has_lost_its_top_via(world: World) -> None:
    relayed = 0
    for row, heard in world.messages:
        before = world.by_number.get(row.previous) if row.previous is not None else None
        if before is None or heard.is_request or before.one("Call-ID") != row.call_id:
            continue
        steps = len(before.vias) - len(heard.vias)
        assert steps >= 1
        assert before.vias[steps:] == heard.vias
        relayed += 1
    assert relayed > 1000


def test_a_response_has_the_vias_of_its_request(world: World) -> None:
    asked: dict[tuple[str, str], Heard] = {}
    for _, heard in world.messages:
        key = (heard.vias[0][1], heard.method)
        if heard.is_request:
            asked.setdefault(key, heard)
            continue
        request = asked[key]
        assert heard.vias == request.vias
        assert (heard.one("From"), heard.one("CSeq")) == (request.one("From"), request.one("CSeq"))
        assert heard.one("To").startswith(request.one("To"))


def test_a_branch_is_of_one_hop_and_one_transaction(world: World) -> None:
    hops = defaultdict(set)
    for row, heard in world.messages:
        ends = (row.sender, row.receiver) if heard.is_request else (row.receiver, row.sender)
        hops[heard.vias[0][1]].add((ends, row.call_id, heard.cseq))
    assert [branch for branch, seen in hops.items() if len(seen) > 1] == []


def test_cseq_rises_in_each_direction_of_a_call_id(world: World) -> None:
    last: dict[tuple[str, str | None], int] = {}
    for row, heard in sorted(world.messages, key=lambda pair: pair[0].sent_at):
        if heard.is_request and row.copy == 0 and row.method not in ("ACK", "CANCEL") and len(heard.vias) == 1:
            key = (row.call_id, heard.tag("From"))
            assert heard.cseq > last.get(key, 0)
            last[key] = heard.cseq


def test_every_answer_is_acknowledged_end_to_end_and_every_refusal_hop_by_hop(world: World) -> None:
    acks = {heard.vias[0][1] for _, heard in world.messages if heard.start.startswith("ACK")}
    acked = {(row.call_id, heard.tag("To")) for row, heard in world.messages if row.method == "ACK"}
    for row, heard in world.messages:
        if row.method == "INVITE" and row.status and row.status >= 200:
            if row.status < 300:
                assert (row.call_id, heard.tag("To")) in acked
            elif row.received_at is not None:
                assert heard.vias[0][1] in acks


def test_the_ack_follows_the_record_route_of_the_answer(world: World) -> None:
    """RFC 3261 §12.1.2: the route set of the caller is the Record-Route of the 2xx in reverse order."""
    answers = {
        (row.call_id, heard.tag("To")): heard.all("Record-Route")[::-1]
        for row, heard in world.messages
        if row.method == "INVITE" and row.status == 200 and len(heard.vias) == 1
    }
    checked = 0
    for row, heard in world.messages:
        if row.method == "ACK" and len(heard.vias) == 1 and (row.call_id, heard.tag("To")) in answers:
            assert heard.all("Route") == answers[row.call_id, heard.tag("To")]
            checked += 1
    assert checked > 100


def test_the_callees_bye_goes_the_way_of_the_record_route_of_its_invite(world: World) -> None:
    """RFC 3261 §12.1.1: the route set of the callee is the Record-Route of the request as it came."""
    came = {
        row.call_id: heard.all("Record-Route")
        for row, heard in sorted(world.messages, key=lambda pair: len(pair[1].vias))
        if row.method == "INVITE" and heard.is_request
    }
    checked = 0
    for row, heard in world.messages:
        if row.method == "BYE" and heard.is_request and len(heard.vias) == 1 and row.sender.startswith("ue"):
            caller = next(call for call in world.truth.calls if call["play"] == row.play)["legs"][0]["path"][0]
            if row.sender != caller:
                assert heard.all("Route") == came[row.call_id]
                checked += 1
    assert checked > 10


def test_prack_names_a_reliable_response(world: World) -> None:
    reliable = {
        (row.call_id, f"{heard.one('RSeq')} {heard.one('CSeq')}") for row, heard in world.messages if heard.all("RSeq")
    }
    pracks = {(row.call_id, heard.one("RAck")) for row, heard in world.messages if heard.all("RAck")}
    assert pracks
    assert pracks == reliable


def test_charging_and_security_headers_stay_where_they_belong(world: World) -> None:
    """TS 24.229 §4.4: no P-Charging-Vector at a UE; RFC 3329: the security agreement is of the first hop only."""
    for row, heard in world.messages:
        if row.reference_point == "Gm":
            assert not heard.all("P-Charging-Vector")
        else:
            assert not heard.all("Security-Verify") + heard.all("Security-Client")[1:]
        if row.reference_point == "Gm" and row.status == 401:
            assert "ik=" not in heard.one("WWW-Authenticate")


def test_a_leg_keeps_what_the_truth_says(world: World) -> None:
    first: dict[str, Heard] = {}
    for row, heard in world.messages:
        if row.method == "INVITE" and heard.is_request and heard.all("P-Charging-Vector"):
            first.setdefault(row.call_id, heard)

    def icid(heard: Heard) -> str:
        return re.search(r"icid-value=(\w+)", heard.one("P-Charging-Vector")).group(1)  # type: ignore[union-attr]

    seen: Counter[str] = Counter()
    for call in world.truth.calls:
        for leg in call["legs"]:
            if leg["parent"] is None or leg["call_id"] not in first:
                continue
            before = next(other for other in call["legs"] if other["number"] == leg["parent"])
            here, there = first[leg["call_id"]], first[before["call_id"]]
            assert ("icid" in leg["kept"]) == (icid(here) == icid(there))
            assert ("related_icid" in leg["kept"]) == (f"related-icid={icid(there)}" in here.one("P-Charging-Vector"))
            assert ("session_id" in leg["kept"]) == (here.one("Session-ID") == there.one("Session-ID"))
            assert ("history_info" in leg["kept"]) == bool(here.all("History-Info"))
            seen.update(leg["kept"])
    assert all(seen[what] > 10 for what in ("icid", "related_icid", "session_id"))


def test_the_node_that_says_no_is_the_first_to_refuse(world: World) -> None:
    call_failures = defaultdict(list)
    for row in world.truth.messages:
        if row.method == "INVITE" and row.status and row.status >= 300:
            call_failures[row.play].append((row.sent_at, row.sender, row.status))
    checked = 0
    for call in world.truth.calls:
        if call["refused_by"] and call["scenario"] not in ("cancelled", "no_answer"):
            _, sender, status = min(call_failures[call["play"]])
            assert (sender, status) == (call["refused_by"], call["status"])
            checked += 1
    assert checked > 5


def test_phases_are_messages_between_the_caller_and_its_p_cscf(world: World) -> None:
    for call in world.truth.calls:
        for name, phase in call["phases"].items():
            row = world.truth.messages[phase["message"]]
            assert row.call_id == call["legs"][0]["call_id"]
            assert row.reference_point == "Gm"
            assert phase["at"] in (row.sent_at, row.received_at), name
        times = [phase["at"] for phase in call["phases"].values()]
        assert times == sorted(times)


def test_a_challenge_holds_rand_and_autn(world: World) -> None:
    """RFC 3310 §3.2: 16 octets of RAND and 16 of AUTN, of which two are the AMF with its separation bit."""
    nonces = set()
    for _, heard in world.messages:
        for challenge in heard.all("WWW-Authenticate"):
            found = re.search(r'nonce="([^"]+)",algorithm=AKAv1-MD5', challenge)
            assert found
            nonces.add(found.group(1))
    assert len(nonces) > 5
    for nonce in nonces:
        octets = base64.b64decode(nonce, validate=True)
        assert (len(octets), octets[22:24]) == (32, b"\x80\x00")


def test_an_answer_to_a_challenge_repeats_its_nonce(world: World) -> None:
    asked: dict[str, str] = {}
    for row, heard in sorted(world.messages, key=lambda pair: pair[0].sent_at):
        if row.reference_point == "Gm" and row.status == 401:
            asked[row.call_id] = heard.one("WWW-Authenticate").split('nonce="')[1].split('"')[0]
        elif row.reference_point == "Gm" and row.method == "REGISTER" and row.status is None and not row.copy:
            assert f'nonce="{asked.get(row.call_id, "")}"' in heard.one("Authorization")


def test_an_as_that_only_proxies_keeps_the_call_id(tmp_path: Path) -> None:
    truth = make(tmp_path, calls=5, proxying_as=1.0, mix={"answered": 1})
    assert [len(call["legs"]) for call in truth.calls] == [1] * 5


def test_every_copy_of_an_invite_comes_from_the_callers(world: World) -> None:
    """Forks, forwarded legs and proxies: `previous` leads back to the UE that called."""
    for row in world.truth.messages:
        if row.method == "INVITE" and row.status is None:
            origin = row
            while origin.previous is not None:
                origin = world.truth.messages[origin.previous]
            assert (origin.method, origin.reference_point) == ("INVITE", "Gm")
            assert origin.call_id == next(c for c in world.truth.calls if c["play"] == row.play)["legs"][0]["call_id"]


def test_stamps_are_the_true_time_by_the_clock_of_the_point(tmp_path: Path) -> None:
    truth = make(tmp_path, calls=20, points=("access", "core"), skew_s=2.0, drift_ppm=50.0)
    files = {point["name"]: listen(tmp_path / point["file"]) for point in truth.points}
    points = {point["name"]: point for point in truth.points}
    assert points["access"]["offset_ns"] == 0
    assert 0 < abs(points["core"]["offset_ns"]) < 2_000_000_000
    both: Counter[int] = Counter()
    for observation in truth.observations:
        row, point = truth.messages[observation.number], points[observation.point]
        assert files[observation.point][observation.frame].time == observation.time
        seen_at = row.sent_at if row.sender in point["nodes"] else row.received_at
        assert seen_at is not None
        wrong_by = observation.time - seen_at - point["offset_ns"]
        drifted = (seen_at - point["start_ns"]) * point["drift_ppm"] / 1e6
        assert -1 <= wrong_by - drifted < 10  # whole nanoseconds, and a stamp already taken moves on by one
        both[observation.number] += 1
    assert 2 in both.values()


def test_a_point_sees_only_what_its_boxes_send_and_receive(tmp_path: Path) -> None:
    truth = make(tmp_path, calls=10, points=("pcscf1", "tas1+mgcf1"))
    seen = {observation.point: set() for observation in truth.observations}  # type: ignore[var-annotated]
    for observation in truth.observations:
        row = truth.messages[observation.number]
        seen[observation.point].add(row.number)
        assert {row.sender, row.receiver} & set(observation.point.split("+"))
    for name, numbers in seen.items():
        boxes = set(name.split("+"))
        assert numbers == {row.number for row in truth.messages if {row.sender, row.receiver} & boxes}


def test_a_mirrored_point_sees_every_packet_twice(tmp_path: Path) -> None:
    truth = make(tmp_path, calls=5, mirrored=True, loss=0.1)
    copies = Counter(observation.number for observation in truth.observations)
    assert all(copies[row.number] == (2 if row.received_at is not None else 1) for row in truth.messages)
    assert sum(observation.duplicate for observation in truth.observations) == sum(
        row.received_at is not None for row in truth.messages
    )


def test_lost_requests_are_sent_again_after_t1(tmp_path: Path) -> None:
    """RFC 3261 §17.1.1.2, and TS 24.229 table 7.7.1 on Gm: 500 ms in the core, 2 s at a UE, then doubled."""
    truth = make(tmp_path, calls=60, loss=0.2, mix={"answered": 1})
    copies = defaultdict(list)
    for row in truth.messages:
        if row.method == "INVITE" and row.status is None:
            copies[row.branch].append(row)
    again = [rows for rows in copies.values() if len(rows) > 1]
    assert len(again) > 50
    for rows in again:
        t1 = 2_000_000_000 if rows[0].reference_point == "Gm" else 500_000_000
        assert [row.sent_at - rows[0].sent_at for row in rows] == [t1 * (2**n - 1) for n in range(len(rows))]
        assert [row.received_at is None for row in rows] == [True] * (len(rows) - 1) + [False]


def test_capture_loss_loses_packets_and_says_how_many(tmp_path: Path) -> None:
    truth = make(tmp_path, calls=100, capture_loss=0.05)
    point = truth.points[0]
    assert point["packets"] + point["lost_packets"] == truth.counts["messages"]
    assert 0.03 < point["lost_packets"] / truth.counts["messages"] < 0.07


def test_hidden_topology_shows_no_address_of_the_other_network(tmp_path: Path) -> None:
    truth = make(tmp_path, calls=5, mix={"interconnect": 1}, topology_hiding=True)
    heard = listen(tmp_path / "all.pcap")
    network = {node["name"]: node["network"] for node in truth.nodes}
    routing = ("Via", "Route", "Record-Route")
    for observation in truth.observations:
        row = truth.messages[observation.number]
        if network[row.sender] == network[row.receiver] == 1:
            routes = " ".join(value for name, value in heard[observation.frame].headers if name in routing)
            inside = re.findall(r"[ @:]10\.1\.0\.(\d+)", routes)
            gate = next(node["address"] for node in truth.nodes if node["name"] == "ibcf1").split(".")[3].split(":")[0]
            assert set(inside) <= {gate}


def test_the_files_hold_the_truth_that_is_returned(tmp_path: Path) -> None:
    truth: Truth = make(tmp_path, calls=5)
    stored = json.loads((tmp_path / "truth.json").read_text())
    assert stored["calls"] == truth.calls
    with (tmp_path / "messages.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == len(truth.messages) + 1


@pytest.mark.parametrize(
    "options", [{"mix": {"nonsense": 1}}, {"points": ("moon",)}, {"format": "cap"}, {"subscribers": 3}]
)
def test_what_there_is_not_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"nonsense|moon|cap|4 subscribers"):
        make(tmp_path, **options)


def test_no_two_calls_at_a_time_receive_media_at_one_port(tmp_path: Path) -> None:
    """150 calls within three seconds, over a few relays: by chance alone some would be given the same port."""
    truth = make(tmp_path, calls=150, seed=5, mix={"answered": 1}, sdp_anchored=1.0, calls_per_second=50)
    play_of = {leg["call_id"]: call["play"] for call in truth.calls for leg in call["legs"]}
    plays: defaultdict[bytes, set[int]] = defaultdict(set)
    for heard in listen(tmp_path / "all.pcap").values():
        for place in re.findall(rb"c=IN \S+ (\S+)\r\n(?:.*\r\n)*?m=audio (\d+)", heard.body):
            plays[b":".join(place)].add(play_of[heard.one("Call-ID")])
    assert len(plays) > 150
    assert [place for place, here in plays.items() if len(here) > 1] == []
