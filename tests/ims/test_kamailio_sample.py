"""An IMS of Debian's Kamailio with SIPp devices (sample_pcaps/kamailio), seen between its nodes and at each of them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import polars as pl
import pytest
from places import SAMPLES

import analyzer

# What the module makes once, one worker makes.
pytestmark = pytest.mark.xdist_group("kamailio")

DIRECTORY = SAMPLES / "kamailio"
TRUTH: dict[str, Any] = json.loads((DIRECTORY / "truth.json").read_text())
NAME_OF = {address: name for name, address in TRUTH["addresses"].items()}
CALLS = {call["name"]: call for call in TRUTH["calls"]}
SEEN = {"wire": ("all",), "endpoints": ("pcscf", "icscf", "scscf", "tas", "mgcf")}
POINTS = {
    frozenset(pair): point
    for point, pairs in {
        "Gm": [("UE", "P-CSCF")],
        "Mw": [("P-CSCF", "I-CSCF"), ("P-CSCF", "S-CSCF"), ("I-CSCF", "S-CSCF")],
        "ISC": [("S-CSCF", "AS")],
        "Mg": [("S-CSCF", "MGCF")],
    }.items()
    for pair in pairs
}


@cache
def read(seen: str) -> analyzer.Capture:
    return analyzer.read(DIRECTORY / f"{name}.pcap.gz" for name in SEEN[seen])


def ip(column: str) -> pl.Expr:
    return pl.col(column).str.replace(r":[0-9]+$", "")


@cache
def invites(seen: str, name: str) -> list[dict[str, Any]]:
    """The hops of a call's INVITE, each once, in order."""
    capture = read(seen)
    keys = capture.table("messages").filter(
        pl.col("call_id") == name, method="INVITE", retransmission=False, duplicate=False
    )
    hops = capture.table("hops").filter(pl.col("message").is_in(keys["message"].implode()), pl.col("status").is_null())
    return hops.with_columns(sender=ip("sender"), receiver=ip("receiver")).to_dicts()


@pytest.mark.slow
@pytest.mark.parametrize("seen", SEEN)
def test_roles(seen: str) -> None:
    nodes = read(seen).table("endpoints")
    assert dict(nodes.select("ip", "role").unique().rows()) == TRUTH["roles"]


@pytest.mark.parametrize("seen", SEEN)
def test_the_two_ports_of_a_node_are_one_box(seen: str) -> None:
    nodes = read(seen).table("endpoints")
    assert nodes["node"].n_unique() == nodes["ip"].n_unique() < nodes.height


@pytest.mark.parametrize("seen", SEEN)
def test_reference_points_between_nodes(seen: str) -> None:
    table = read(seen).table("reference_points").with_columns(node=ip("node"), peer=ip("peer"))
    roles = TRUTH["roles"]
    assert {
        frozenset((roles[row["node"]], roles[row["peer"]])): row["reference_point"] for row in table.to_dicts()
    } == POINTS


@pytest.mark.parametrize("seen", SEEN)
def test_every_hop_has_its_reference_point(seen: str) -> None:
    hops = read(seen).table("hops").with_columns(sender=ip("sender"), receiver=ip("receiver"))
    roles = TRUTH["roles"]
    wrong = [
        row
        for row in hops.to_dicts()
        if row["reference_point"] != POINTS[frozenset((roles[row["sender"]], roles[row["receiver"]]))]
    ]
    assert wrong == []


@pytest.mark.parametrize("seen", SEEN)
def test_each_call_is_found_once(seen: str) -> None:
    calls = read(seen).table("calls")
    assert sorted(calls["call_ids"].to_list()) == sorted([name] for name in CALLS)


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("name", CALLS)
def test_outcome(seen: str, name: str) -> None:
    row = read(seen).table("calls").row(by_predicate=pl.col("call_ids").list.contains(name), named=True)
    assert (row["outcome"], row["status"]) == (CALLS[name]["outcome"], CALLS[name]["status"])


@pytest.mark.parametrize(("name", "who"), [("answered", "caller"), ("called-hangs-up", "callee")])
def test_who_hung_up(name: str, who: str) -> None:
    row = read("wire").table("calls").row(by_predicate=pl.col("call_ids").list.contains(name), named=True)
    assert row["released_by"] == who


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("name", CALLS)
def test_way_of_the_invite(seen: str, name: str) -> None:
    hops = invites(seen, name)
    assert [NAME_OF[row["sender"]] for row in hops] == CALLS[name]["path"][:-1]
    assert [NAME_OF[row["receiver"]] for row in hops] == CALLS[name]["path"][1:]


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("name", CALLS)
def test_each_invite_was_made_from_the_one_before(seen: str, name: str) -> None:
    hops = invites(seen, name)
    told = [(row["previous"], row["linked_by"], row["unseen"]) for row in hops]
    assert told == [(None, None, None), *((row["message"], "via", 0) for row in hops[:-1])]


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("name", CALLS)
def test_who_gave_the_final_response(seen: str, name: str) -> None:
    """The sender of the first final response with that status on its way back, which nobody made it from."""
    capture = read(seen)
    keys = capture.table("messages").filter(pl.col("call_id") == name, pl.col("method") == "INVITE")["message"]
    hops = capture.table("hops").filter(
        pl.col("message").is_in(keys.implode()), pl.col("status") == CALLS[name]["status"], pl.col("previous").is_null()
    )
    assert {NAME_OF[sender] for sender in hops.select(ip("sender")).to_series()} == {CALLS[name]["decided_by"]}


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize(
    "name", [name for name, call in CALLS.items() if call["outcome"] not in ("answered", "cancelled")]
)
def test_who_said_no(seen: str, name: str) -> None:
    """Whoever failed first, though another makes its own response of that."""
    truth = CALLS[name]
    node, status = truth["began"] or (truth["decided_by"], truth["status"])
    call = read(seen).table("calls").row(by_predicate=pl.col("call_ids").list.contains(name), named=True)["call"]
    row = (
        read(seen).table("call_failures").with_columns(ip("node")).row(by_predicate=pl.col("call") == call, named=True)
    )
    told = (NAME_OF[row["node"]], row["role"], row["first_status"], row["status"])
    assert told == (node, TRUTH["roles"][row["node"]], status, truth["status"])


@pytest.mark.parametrize("seen", SEEN)
def test_registrations(seen: str) -> None:
    table = read(seen).table("registrations").filter(pl.col("kind") != "third_party").sort("started_at")
    user = table["aor"].str.extract("^sip:([a-z]+)@")
    told = table.select("kind", "outcome", "status", "challenges").insert_column(0, user.alias("user")).to_dicts()
    wanted = [{key: row[key] for key in told[0]} for row in TRUTH["registrations"]]
    assert told == wanted


@pytest.mark.parametrize("seen", SEEN)
def test_the_server_registers_each_user_with_the_application_server(seen: str) -> None:
    table = read(seen).table("registrations").filter(pl.col("kind") == "third_party")
    assert table["outcome"].to_list().count("registered") == sum(
        row["outcome"] == "registered" for row in TRUTH["registrations"]
    )


@pytest.mark.parametrize("seen", SEEN)
def test_challenges_are_of_aka_and_met(seen: str) -> None:
    challenges = read(seen).table("challenges")
    assert set(challenges["algorithm"]) == {"AKAv1-MD5"}
    assert challenges["rand"].n_unique() == sum(row["challenges"] for row in TRUTH["registrations"])


def test_halves_of_the_nodes() -> None:
    nodes = read("wire").table("endpoints").unique("ip")
    halves = {NAME_OF[ip]: half for ip, half in nodes.select("ip", "session_case").rows()}
    assert halves == {
        **dict.fromkeys(("pcscf", "scscf", "tas", "alice", "bob", "carol"), "both"),
        **dict.fromkeys(("mallory",), "originating"),
        **dict.fromkeys(("frank",), "terminating"),
        **dict.fromkeys(("icscf", "mgcf"), None),
    }


def test_messages_of_node_captures_are_those_of_the_wire() -> None:
    """What a node says to itself crosses no wire; everything else is seen at two nodes, or at one and a device."""
    counts = [read(seen).table("messages").filter(~pl.col("duplicate")).height for seen in SEEN]
    assert counts[0] == counts[1]


def test_names_are_no_sip() -> None:
    """DNS queries begin with any two bytes, those of SigComp and RTP among them."""
    reasons = set(read("wire").table("account")["reason"])
    assert reasons.isdisjoint({"not_sip_sigcomp", "not_sip_rtp"})


@pytest.mark.parametrize("node", ["all", "tas", "scscf", "pcscf", "icscf"])
def test_calls_that_follow_each_other_are_not_joined(node: str) -> None:
    """One telephone calls a number, hangs up and calls it again: Route, SDP and numbers are the same. No node of this
    laboratory makes a leg of its own, so each Call-ID is a call."""
    capture = analyzer.read(DIRECTORY / f"{node}.pcap.gz")
    invites = capture.table("messages").filter(method="INVITE")
    call_ids = capture.table("calls")["call_ids"]
    assert call_ids.list.len().to_list() == [1] * invites["call_id"].n_unique()
