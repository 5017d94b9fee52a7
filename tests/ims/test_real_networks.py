"""Captures by other people, every call of an IMS looked at by hand and with tshark: its way from node to node."""

from __future__ import annotations

from typing import Any

import captures
import polars as pl
import pytest
from places import shared

PROXY, INTERROGATING, SERVING = (
    "10.4.128.21:5060",
    "10.4.128.21:4060",
    "10.4.128.21:6060",
)  # Kamailio as P-, I- and S-CSCF on one machine


def way(name: str, method: str, status: int | None) -> list[dict[str, Any]]:
    hops = captures.read(shared("captures") / name).table("hops").filter(pl.col("method") == method)
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


def test_volte_call_behind_ipsec_on_both_sides() -> None:
    """open5gs: as the one without, but that the P-CSCF has another port for each direction of each association."""
    there = way("open5gs__open5gs__ipsec_to_ipsec_call.pcapng", "INVITE", None)
    assert [row["sender"] for row in there] == [
        "192.168.101.3:6401",
        "10.4.128.21:6101",
        SERVING,
        INTERROGATING,
        SERVING,
        "10.4.128.21:5100",
    ]
    assert [row["previous"] for row in there] == [None, *(row["message"] for row in there[:-1])]
    for status in (183, 180, 200):
        back = way("open5gs__open5gs__ipsec_to_ipsec_call.pcapng", "INVITE", status)
        assert [row["previous"] for row in back] == [None, *(row["message"] for row in back[:-1])]


def test_the_fork_that_lost_is_cancelled_by_the_serving_cscf() -> None:
    """The CANCEL begins there; the P-CSCF, which nobody behind it has answered, sends none on and refuses with 487."""
    name = "open5gs__open5gs__ipsec_to_nonipsec_call.pcapng"
    (cancel,) = way(name, "CANCEL", None)
    (refusal,) = way(name, "INVITE", 487)
    assert (cancel["sender"], cancel["receiver"], cancel["previous"]) == (SERVING, PROXY, None)
    assert (refusal["sender"], refusal["receiver"], refusal["previous"]) == (PROXY, SERVING, None)


def test_registration_over_three_cscfs() -> None:
    """open5gs: challenged once; there over P- and I-CSCF to the S-CSCF, and back."""
    name = "open5gs__open5gs__nonipsec_reg.pcapng"
    for status, hops in ((None, 6), (401, 3), (200, 3)):
        assert len(way(name, "REGISTER", status)) == hops
    assert [row["node"] for row in way(name, "REGISTER", None)] == [None, PROXY, INTERROGATING] * 2
    assert [row["reference_point"] for row in way(name, "REGISTER", 200)] == ["Mw", "Mw", "Gm"]


# Each call of the IMS captures: outcome, status, who released it, hops of its INVITE, the points that they crossed.
CALLS = {
    "open5gs__open5gs__ipsec_to_ipsec_call.pcapng": ("answered", 200, None, 6, ["Gm", "Mw", "Mw", "Mw", "Mw", "Gm"]),
    "open5gs__open5gs__ipsec_to_nonipsec_call.pcapng": (
        "answered", 200, None, 7, ["Gm", "Mw", "Mw", "Mw", "Mw", "Mw", "Gm", "Gm"]
    ),
    "open5gs__open5gs__volte.pcapng": ("answered", 200, None, 6, ["Gm", "Mw", "Mw", "Mw", "Mw", "Gm"]),
    # The network calls a handset over IPv6, ESP and GTP-U; it hangs up after 20 s.
    "ZakiraZaza__SSMTK_FMC_VoNR_IMS_5G__rp2_snimak1.pcap": ("answered", 200, "callee", 1, ["Gm"]),
    # Five copies over 7.5 s, and the capture ends.
    "ZakiraZaza__SSMTK_FMC_VoNR_IMS_5G__wp4.pcapng": ("unfinished", None, None, 1, [None]),
    # One INVITE that nobody answers in a capture made of pieces, which goes on for years.
    "arkime__arkime__arkime_synthetic.pcap": ("timeout", None, "unknown", 1, [None]),
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("name", CALLS)
def test_every_call_of_the_ims_captures(name: str) -> None:
    capture = captures.read(shared("captures", name))
    (call,) = capture.table("calls").to_dicts()
    hops = capture.table("hops").filter(pl.col("method") == "INVITE", pl.col("status").is_null())
    first = hops.join(capture.table("messages").filter(~pl.col("retransmission")), on="message", how="semi")
    told = (call["outcome"], call["status"], call["released_by"], call["hops"], first["reference_point"].to_list())
    assert told == CALLS[name]


def test_a_server_that_answers_from_other_ports_than_it_listens_at() -> None:
    """goffinet: a proxy on Windows listens at 5060 and sends from 1033 and 1073."""
    (first, second) = way("goffinet__sip_captures__voip-extension.pcap", "INVITE", None)[1:]
    assert (second["sender"], second["node"], second["previous"]) == (
        "192.168.5.11:1033",
        "192.168.5.11:5060",
        first["message"],
    )


@pytest.mark.shared
def test_load_of_sipp_between_two_numbers_stays_apart() -> None:
    """771 calls, all between the same two parties, each of one leg."""
    legs = captures.read(shared("captures") / "goffinet__sip_captures__uac-uas-scenario-sipp.pcapng").table("legs")
    assert (legs["strength"] == "strong").sum() == 0
