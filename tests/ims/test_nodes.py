"""Roles of the laboratory's nodes, where a capture shows everything, and where it shows less."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import captures
import polars as pl
import pytest
from places import SAMPLES, shared

import analyzer
from analyzer.errors import AnalyzerError
from analyzer.ims import roles
from analyzer.simulator import Truth, make

# What the module makes once, one worker makes.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("endpoints")]

PLAIN = {*roles.PLAIN, roles.UA, roles.UNKNOWN}
# Nodes that a variant can leave without their role; everywhere else every node must have it.
VARIANTS: dict[str, dict[str, Any]] = {
    "everything": {},
    "tcp": {"transport": "tcp"},
    "ipv6 in fragments": {"ipv6": True, "mtu": 1500},
    "lossy": {"loss": 0.05, "capture_loss": 0.02},
    "mirrored": {"mirrored": True, "transport": "mixed"},
    "two points": {"points": ("access", "core"), "skew_s": 2.0},
    "proxying AS": {"proxying_as": 1.0},
    "half proxying": {"proxying_as": 0.5},
    "topology hiding": {"topology_hiding": True},
    "no ODI": {"odi_dropped": 1.0},
    "host names": {"host_names": True},
    "P+S": {"combined": "P+S"},
    "I+S": {"combined": "I+S"},
    "access": {"points": ("access",)},
    "access by name": {"points": ("access",), "host_names": True},
    "core": {"points": ("core",)},
    "core by name": {"points": ("core",), "host_names": True},
    "I+S core": {"points": ("core",), "combined": "I+S"},
    "calls alone": {"mix": {"answered": 30, "busy": 5, "forked": 4, "no_answer": 4, "interconnect": 5, "breakout": 5}},
    "registrations alone": {"mix": {"initial": 5, "whole_life": 2, "sync_failure": 1, "silence": 1}},
    "an I-CSCF": {"points": ("icscf1",)},
    "an AS": {"points": ("tas1",)},
}
# What is seen from one side only may keep a role of plain SIP; never a wrong one.
LITTLE_SEEN: dict[str, dict[str, Any]] = {
    "P+S access": {"points": ("access",), "combined": "P+S"},
    "an S-CSCF": {"points": ("scscf1",)},
    "gateways": {"points": ("mgcf1", "ibcf1")},
}


def laboratory(directory: Path, **settings: Any) -> tuple[Truth, analyzer.Capture]:
    truth = make(directory, **({"seed": 11, "calls": 80, "keep_messages": False} | settings))
    return truth, analyzer.read([directory / point["file"] for point in truth.points], tables=["endpoints"])


def judged(truth: Truth, capture: analyzer.Capture) -> Counter[str]:
    """Nodes by what is said of them; of a node with two roles one is right where it never plays the other."""
    by_ip = {box["address"].rpartition(":")[0].strip("[]"): set(box["roles"]) for box in truth.nodes}
    verdicts: Counter[str] = Counter()
    for ip, role in capture.table("endpoints").select("ip", "role", "node").unique("node").select("ip", "role").rows():
        # The laboratory does not say what its servers are for, but for the gateway of short messages.
        said = {"AS" if one in roles.KINDS_OF_AS and one not in by_ip[ip] else one for one in roles.split(role)}
        right = said == by_ip[ip] or (bool(said) and said < by_ip[ip])
        verdicts["right" if right else "plain" if said <= PLAIN else f"wrong: {role} for {by_ip[ip]}"] += 1
    return verdicts


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_box_has_its_role(variant: str, tmp_path: Path) -> None:
    verdicts = judged(*laboratory(tmp_path, **VARIANTS[variant]))
    assert set(verdicts) <= {"right", "plain"}
    assert verdicts["right"] >= 0.98 * verdicts.total()


@pytest.mark.parametrize("variant", LITTLE_SEEN)
def test_rather_a_plain_role_than_a_wrong_one(variant: str, tmp_path: Path) -> None:
    assert set(judged(*laboratory(tmp_path, **LITTLE_SEEN[variant]))) <= {"right", "plain"}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, analyzer.Capture]:
    directory = tmp_path_factory.mktemp("lab")
    truth = make(directory, calls=80, seed=11)
    return truth, analyzer.read(directory / "all.pcap")


def test_both_roles_of_a_combined_box_are_told(tmp_path: Path) -> None:
    _, capture = laboratory(tmp_path, combined="P+S", calls=150)
    assert set(capture.table("endpoints")["role"]) >= {"P/S-CSCF", "I-CSCF", "UE"}


def test_every_hop_has_its_reference_point(everything: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = everything
    address = {box["name"]: box["address"] for box in truth.nodes}
    expected = {
        (frozenset((address[row.sender], address[row.receiver])), row.reference_point)
        for row in truth.messages
        if row.status is None and row.method not in ("ACK", "CANCEL")
    }
    table = capture.table("reference_points")
    found = {(frozenset((row["node"], row["peer"])), row["reference_point"]) for row in table.iter_rows(named=True)}
    assert found == expected


def test_who_registers_at_a_p_cscf_and_calls_over_it_is_a_ue() -> None:
    # Its calls go to the address that the P-CSCF wrote into Path, as those of an S-CSCF to it do.
    nodes = captures.read(SAMPLES / "ims_core.pcap").table("endpoints")
    assert nodes.filter(pl.col("ip") == "10.45.0.2")["role"].to_list() == ["UE"]


def test_requests_between_two_nodes_are_counted_each_way(everything: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = everything
    sent = sum(row.status is None and row.method not in ("ACK", "CANCEL") and not row.copy for row in truth.messages)
    table = capture.table("reference_points")
    assert table["requests"].sum() + table["peer_requests"].sum() == sent


def test_evidence_adds_up_to_the_points_of_its_role(everything: tuple[Truth, analyzer.Capture]) -> None:
    _, capture = everything
    points = capture.table("node_evidence").group_by("node", "role").agg(pl.col("points").sum())
    # Of a server whose kind is told the points are those of an AS.
    role = pl.col("role").replace(dict.fromkeys(roles.KINDS_OF_AS, "AS"))
    nodes = capture.table("endpoints").select("node", role, "points")
    assert nodes.join(points, on=["node", "role", "points"], how="anti").is_empty()


def test_evidence_shows_a_message_of_its_node(everything: tuple[Truth, analyzer.Capture]) -> None:
    _, capture = everything
    messages = capture.table("messages").select("message", "src_ip", "dst_ip")
    rows = capture.table("node_evidence").join(messages, on="message")
    assert rows.height == capture.table("node_evidence").height
    ip = pl.col("node").str.replace(":[0-9]+$", "")
    assert rows.filter((ip != pl.col("src_ip")) & (ip != pl.col("dst_ip"))).is_empty()


def test_host_names_and_networks_are_told(tmp_path: Path) -> None:
    truth, capture = laboratory(tmp_path, host_names=True)
    names = {box["address"]: box["host"] for box in truth.nodes if "UE" not in box["roles"]}
    found = dict(capture.table("endpoints").filter(pl.col("role") != "UE").select("address", "name").rows())
    assert found == {address: names[address] for address in found}
    assert capture.table("endpoints").filter(pl.col("role") == "P-CSCF")["domain"].str.starts_with("ims.mnc").all()


def test_the_user_knows_better(everything: tuple[Truth, analyzer.Capture], tmp_path: Path) -> None:
    truth, _ = everything
    tas = next(box["address"] for box in truth.nodes if box["name"] == "tas1")
    file = tmp_path / "nodes.toml"
    file.write_text(f'"{tas}" = {{role = "MRFC", name = "mixer"}}\n"10.100.0.0/16" = "P-CSCF+ATCF"\n')
    (tmp_path / "lab").mkdir()
    make(tmp_path / "lab", calls=20, seed=11, keep_messages=False)
    nodes = analyzer.read(tmp_path / "lab" / "all.pcap", nodes=file).table("endpoints")
    row = nodes.row(by_predicate=pl.col("address") == tas, named=True)
    assert (row["role"], row["name"], row["source"], row["confidence"]) == ("MRFC", "mixer", "given", 1.0)
    assert set(nodes.filter(pl.col("ip").str.starts_with("10.100."))["role"]) == {"P-CSCF+ATCF"}


@pytest.mark.parametrize("given", [{"10.0.0.1": "S-CSFC"}, {"10.0.0.1": 5}, {"10.0.0.1": {"rolle": "UE"}}])
def test_what_cannot_be_understood_is_said(given: dict[str, Any], tmp_path: Path) -> None:
    make(tmp_path, calls=1, mix={"busy": 1})
    with pytest.raises(AnalyzerError, match=r"10\.0\.0\.1"):
        analyzer.read(tmp_path / "all.pcap", nodes=given)


def test_a_file_that_is_no_toml_is_said(tmp_path: Path) -> None:
    make(tmp_path, calls=1, mix={"busy": 1})
    (tmp_path / "nodes.toml").write_text("this is none")
    with pytest.raises(AnalyzerError, match="TOML"):
        analyzer.read(tmp_path / "all.pcap", nodes=tmp_path / "nodes.toml")


def test_a_filter_keeps_the_nodes_of_what_it_picks(everything: tuple[Truth, analyzer.Capture]) -> None:
    _, capture = everything
    from analyzer.api.filters import Filter

    call = capture.table("calls").row(0, named=True)
    view = capture.filter(Filter(call_id=call["call_ids"][0]))
    messages = view.table("messages")
    ends = {*messages.select("src_ip", "src_port").rows(), *messages.select("dst_ip", "dst_port").rows()}
    assert set(view.table("endpoints").select("ip", "port").rows()) == ends
    assert set(view.table("node_evidence")["node"]) <= set(view.table("endpoints")["node"])


def test_roles_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    make(tmp_path, calls=30, seed=3, transport="mixed", keep_messages=False)
    one, two = (analyzer.read(tmp_path / "all.pcap", threads=threads) for threads in (1, 2))
    for name in ("endpoints", "node_evidence", "reference_points"):
        assert one.table(name).equals(two.table(name)), name


# ---- captures of other people ----------------------------------------------------------------------------------------

# Read by hand before the program was asked: who each address and port is, by what it sends, gets and is called.
KAMAILIO = {"10.4.128.21:6060": "S-CSCF", "10.4.128.21:4060": "I-CSCF"}
REAL: dict[str, dict[str, str]] = {
    # One host, four ports of a P-CSCF (5060 towards the core, 6101, 5100 and 6100 for the UEs' security associations).
    "open5gs__open5gs__ipsec_to_ipsec_call.pcapng": KAMAILIO
    | {f"10.4.128.21:{port}": "P-CSCF" for port in (5060, 5100, 6100, 6101)}
    | {f"192.168.101.{end}": "UE" for end in ("3:6401", "2:6300", "2:6301")},
    "open5gs__open5gs__ipsec_to_nonipsec_call.pcapng": KAMAILIO
    | {f"10.4.128.21:{port}": "P-CSCF" for port in (5060, 6106)}
    | {f"192.168.101.{end}": "UE" for end in ("6:6701", "8:5060", "7:5060")},
    "open5gs__open5gs__nonipsec_reg.pcapng": KAMAILIO | {"10.4.128.21:5060": "P-CSCF", "192.168.101.2:5060": "UE"},
    # The UE at .3 calls over TCP: a port of its own for the connection.
    "open5gs__open5gs__volte.pcapng": KAMAILIO
    | {
        "10.4.128.21:5060": "P-CSCF",
        "192.168.101.2:5060": "UE",
        "192.168.101.3:5060": "UE",
        "192.168.101.3:40762": "UE",
    },
    # A handset under test; an Amarisoft node is the network, of which only the side of the UE is seen.
    "ZakiraZaza__SSMTK_FMC_VoNR_IMS_5G__rp2_snimak1.pcap": {
        "[2001:468:3000:1:2001:468:3000:1]:31862": "UE",
        "[2001:468:3000:1:2001:468:3000:1]:31749": "UE",
        "[2001:468:3000:1::]:58671": "P-CSCF",
        "[2001:468:3000:1::]:42833": "P-CSCF",
    },
    # An INVITE sent five times that nobody answers.
    "ZakiraZaza__SSMTK_FMC_VoNR_IMS_5G__wp4.pcapng": {
        "192.168.200.194:5060": "UA",
        "192.168.200.160:5060": "unknown",
    },
    "arkime__arkime__arkime_synthetic.pcap": {
        "10.9.16.1:5060": "UA",
        "10.9.16.2:5060": "UA",
        "10.0.46.100:5060": "UA",
        "10.0.46.1:5060": "unknown",
    },
    # 201 calls 101 through a proxy that does not record-route.
    "goffinet__sip_captures__SIP-Call-with-Proxy-Server.pcap": {
        "10.33.6.101:5060": "UA",
        "10.33.6.102:5080": "proxy",
        "10.33.6.100:5060": "UA",
    },
    # Asterisk takes REGISTERs, and calls each time that it is called.
    "goffinet__sip_captures__test_voip.pcap.pcapng": {
        "192.168.87.86:5060": "B2BUA",
        "192.168.87.49:50739": "UA",
        "192.168.87.32:5060": "UA",
        "176.9.39.206:5010": "UA",
        "192.168.87.45:5060": "UA",
    },
    # repro is both.
    "goffinet__sip_captures__private-test-sip.pcapng": {
        "172.16.98.102:5060": "proxy+registrar",
        "172.16.98.181:5060": "UA",
        "172.16.98.1:5060": "UA",
    },
    "goffinet__sip_captures__sip-cme-zoiper-register.pcapng": {
        "192.168.0.102:5060": "registrar",
        "192.168.0.3:57879": "UA",
    },
    "realjimmy__sample-captures__MagicJack-_short_call.pcap": {
        "192.168.0.10:59205": "UA",
        "216.234.64.8:5070": "UA",
    },
}


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_roles_in_captures_of_other_people(name: str) -> None:
    nodes = analyzer.read(shared("captures", name), tables=["endpoints"]).table("endpoints")
    assert dict(nodes.select("address", "role").rows()) == REAL[name]


@pytest.mark.shared
def test_the_ports_of_a_p_cscf_are_one_box() -> None:
    path = shared("captures", "open5gs__open5gs__ipsec_to_ipsec_call.pcapng")
    nodes = analyzer.read(path).table("endpoints").filter(ip="10.4.128.21")
    boxes = nodes.group_by("role").agg(pl.col("port").n_unique(), pl.col("node").n_unique()).sort("role")
    assert boxes.rows() == [("I-CSCF", 1, 1), ("P-CSCF", 4, 1), ("S-CSCF", 1, 1)]


def test_hops_have_the_reference_points_of_their_nodes(everything: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = everything
    address = {box["name"]: box["address"] for box in truth.nodes}
    expected = {
        (frozenset((address[row.sender], address[row.receiver])), row.reference_point) for row in truth.messages
    }
    table = capture.table("hops")
    found = {(frozenset((row["sender"], row["receiver"])), row["reference_point"]) for row in table.to_dicts()}
    assert found == expected


def test_a_server_that_forwards_calls_is_told_as_tas(everything: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = everything
    servers = {box["address"] for box in truth.nodes if box["name"].startswith("tas")}
    nodes = capture.table("endpoints").filter(pl.col("address").is_in(servers))
    assert dict(nodes.select("address", "role").rows()) == dict.fromkeys(servers, "TAS")


IMS_OF_OTHERS = [name for name in REAL if "UE" in REAL[name].values()]


@pytest.mark.shared
@pytest.mark.parametrize("name", IMS_OF_OTHERS)
def test_every_hop_of_an_ims_has_its_reference_point(name: str) -> None:
    """Only these are there: UEs, and CSCFs of one network; the S-CSCF sends some requests to itself."""
    hops = captures.read(shared("captures", name)).table("hops")
    of_ue = [
        "UE" in (REAL[name][sender], REAL[name][receiver])
        for sender, receiver in hops.select("sender", "receiver").rows()
    ]
    assert hops["reference_point"].to_list() == ["Gm" if one else "Mw" for one in of_ue]


@pytest.mark.shared
def test_hops_of_a_real_call_have_their_reference_points() -> None:
    """UE, P-CSCF, S-CSCF, I-CSCF, S-CSCF, P-CSCF, UE: the same nodes serve both sides."""
    path = shared("captures", "open5gs__open5gs__volte.pcapng")
    points = analyzer.read(path).table("reference_points")
    assert sorted(points["reference_point"]) == ["Gm", "Gm", "Mw", "Mw"]
