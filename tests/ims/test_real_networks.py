"""Captures by other people, each looked at by hand: the way of the call from box to box."""

from __future__ import annotations

from typing import Any

import polars as pl
from places import shared

import analyzer

PROXY, INTERROGATING, SERVING = (
    "10.4.128.21:5060",
    "10.4.128.21:4060",
    "10.4.128.21:6060",
)  # Kamailio as P-, I- and S-CSCF on one machine


def way(name: str, method: str, status: int | None) -> list[dict[str, Any]]:
    hops = analyzer.read(shared("captures") / name).table("hops").filter(pl.col("method") == method)
    return hops.filter(pl.col("status").eq_missing(pl.lit(status))).to_dicts()


def test_volte_call_from_ue_to_ue_over_five_nodes() -> None:
    """open5gs: P-CSCF, S-CSCF (originating), I-CSCF, S-CSCF (terminating), P-CSCF; six Vias at the callee."""
    there = way("open5gs__open5gs__volte.pcapng", "INVITE", None)
    assert [row["node"] for row in there] == [None, PROXY, SERVING, INTERROGATING, SERVING, PROXY]
    assert {row["linked_by"] for row in there[1:]} == {"via"}
    back = way("open5gs__open5gs__volte.pcapng", "INVITE", 200)
    assert [row["node"] for row in back] == [None, PROXY, SERVING, INTERROGATING, SERVING, PROXY]


def test_each_message_was_made_from_the_one_before_it() -> None:
    there = way("open5gs__open5gs__volte.pcapng", "INVITE", None)
    assert [row["previous"] for row in there] == [None, *(row["message"] for row in there[:-1])]


def test_a_call_forked_to_two_devices_has_two_branches() -> None:
    """open5gs, to a subscriber with two contacts: the S-CSCF sends two INVITEs on, each goes to a UE of its own."""
    there = way("open5gs__open5gs__ipsec_to_nonipsec_call.pcapng", "INVITE", None)
    last = {row["receiver"] for row in there if row["receiver"].startswith("192.168.101.")}
    assert last == {"192.168.101.7:5060", "192.168.101.8:5060"}
    forks = [row["message"] for row in there if row["sender"] == SERVING and row["receiver"] == PROXY]
    assert {row["previous"] for row in there if row["receiver"] in last} == set(forks)


def test_an_invite_sent_again_by_a_timer_took_no_time_on_its_way() -> None:
    """The device 192.168.101.7 is gone: its INVITE is sent three times."""
    there = way("open5gs__open5gs__ipsec_to_nonipsec_call.pcapng", "INVITE", None)
    sent = [row["delay_s"] is not None for row in there if row["receiver"] == "192.168.101.7:5060"]
    assert sent == [True, False, False]


def test_a_server_that_answers_from_other_ports_than_it_listens_at() -> None:
    """goffinet: a proxy on Windows listens at 5060 and sends from 1033 and 1073."""
    (first, second) = way("goffinet__sip_captures__voip-extension.pcap", "INVITE", None)[1:]
    assert (second["sender"], second["node"], second["previous"]) == (
        "192.168.5.11:1033",
        "192.168.5.11:5060",
        first["message"],
    )


def test_load_of_sipp_between_two_numbers_stays_apart() -> None:
    """771 calls, all between the same two parties, each of one leg."""
    legs = analyzer.read(shared("captures") / "goffinet__sip_captures__uac-uas-scenario-sipp.pcapng").table("legs")
    assert (legs["strength"] == "strong").sum() == 0
