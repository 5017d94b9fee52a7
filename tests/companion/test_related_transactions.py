"""What was asked beside SIP, and for which call: the sample, whose script knows, and captures of other people."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import captures
import polars as pl
import pytest
from places import SAMPLES, shared

import analyzer
from analyzer.api.filters import Filter
from analyzer.reading.native import Reading


@cache
def sample() -> analyzer.Capture:
    return captures.read(SAMPLES / "ims_core.pcap")


@cache
def truth() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((SAMPLES / "truth" / "ims_core.json").read_text())
    return told


def test_each_exchange_is_joined_to_what_it_was_asked_for() -> None:
    joined = (
        sample()
        .table("related_transactions")
        .select(
            "frame",
            asked_for=pl.when(pl.col("call").is_not_null()).then(pl.lit("call")).otherwise(pl.lit("registration")),
        )
    )
    told = {row["frame"]: row["asked_for"] for row in truth()["asked_for"] if row["asked_for"] is not None}
    assert dict(joined.iter_rows()) == told


def test_a_key_leads_to_the_call_or_registration() -> None:
    beside = sample().table("related_transactions")
    assert set(beside["call"].drop_nulls()) == set(sample().table("calls")["call"])
    assert set(beside["registration"].drop_nulls()) == set(sample().table("registrations")["registration"])


def test_a_p_cscf_that_tells_the_icid_is_known_by_it() -> None:
    evidence = sample().table("related_transactions").filter(pl.col("what") == "AAR")["evidence"].to_list()
    assert [("icid 100" in said) for said in evidence] == [False, True]


def test_a_name_given_by_an_answer_is_asked_for_on() -> None:
    """RFC 3263 §4.2: SRV, then A of its target."""
    row = sample().table("related_transactions").row(by_predicate=(pl.col("what") == "A"), named=True)
    assert row["evidence"] == "chain"


def test_what_the_registration_waited_for() -> None:
    """UAR 12 ms, MAR 25 ms, UAR 6 ms, SAR 40 ms, SRV 4 ms, as the script plans them, of 239 ms."""
    peer_delays = sample().table("peer_delays").filter(pl.col("registration").is_not_null())
    told = {row["peer"]: (row["exchanges"], row["waited_s"], row["of_s"]) for row in peer_delays.iter_rows(named=True)}
    assert told == {"DNS": (1, 0.004, 0.239), "HSS": (4, 0.083, 0.239)}


def test_what_the_call_waited_for_until_it_rang() -> None:
    """NAPTR 20 ms, SRV 5 ms, A 4 ms; LIR 18 ms; AAR 16 and 25 ms; the STR comes when the call is over."""
    peer_delays = sample().table("peer_delays").filter(pl.col("call").is_not_null())
    told = {row["peer"]: (row["exchanges"], row["waited_s"]) for row in peer_delays.iter_rows(named=True)}
    assert told == {"DNS": (3, 0.029), "HSS": (1, 0.018), "PCRF": (2, 0.041)}


def evidence(capture: analyzer.Capture, rule: str) -> list[tuple[str, str]]:
    rows = capture.table("node_evidence").filter(pl.col("rule").str.starts_with(rule))
    return rows.select("node", "role").rows()


def test_who_asks_the_pcrf_is_a_p_cscf() -> None:
    assert evidence(sample(), "asks_for_bearer") == [("10.46.0.1:5060", "P-CSCF"), ("10.47.0.1:5060", "P-CSCF")]


@pytest.mark.shared
def test_a_host_of_several_nodes_does_not_tell_which_asks_the_pcrf() -> None:
    path = shared("captures", "open5gs__open5gs__volte.pcapng")
    assert evidence(analyzer.read(path), "asks_for_bearer") == []


def test_who_speaks_no_sip_is_no_node() -> None:
    assert not set(sample().table("endpoints")["ip"]) & {"10.46.0.10", "10.46.0.11", "10.46.0.53"}


def test_keys_are_told_of_and_shown_nowhere() -> None:
    capture = sample()
    answer = capture.table("diameter").row(by_predicate=pl.col("command") == "MAA", named=True)
    assert answer["keys"]
    assert "SIP-Auth-Data-Item{SIP-Item-Number SIP-Authentication-Scheme SIP-Authenticate" in answer["avps"]
    everything = "".join(
        capture.table(name).write_csv() for name in ("diameter", "diameter_transactions", "related_transactions")
    )
    drawn = capture.call(1).ladder().html()
    for secret in ("XRESXRES", "C" * 16, "I" * 16):
        assert secret not in everything
        assert secret not in drawn


@pytest.mark.parametrize("table", ["diameter", "diameter_transactions", "dns", "related_transactions"])
def test_a_mask_hides_who_and_where(table: str) -> None:
    masked = sample().mask("an example, not a secret").table(table).write_csv()
    for identity in ("491701234567", "491707654321", "262010000000001", "10.46.0", "10.45.0"):
        assert identity not in masked
    # The digits of an ENUM domain are those of the number, the last one first.
    assert "1.2.3.4.5.6.7.0.7.1.9.4" not in masked


def test_a_filter_on_calls_leaves_their_exchanges() -> None:
    kept = sample().filter(Filter(method="INVITE"))
    assert set(kept.table("diameter")["command"]) == {"LIR", "LIA", "AAR", "AAA", "STR", "STA"}


def test_a_condition_on_messages_of_diameter_picks_these_rows() -> None:
    kept = sample().filter(Filter(where="command = 'UAR'", table="diameter"))
    assert kept.table("diameter").height == 2
    assert kept.table("registrations").height == 1


def test_a_capture_without_any_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Reading) -> dict[str, pl.DataFrame]:
        raise AssertionError("read again for nothing")

    monkeypatch.setattr(Reading, "companions", refuse)
    assert captures.read(SAMPLES / "basic_call.pcap").table("related_transactions").is_empty()


# ---- other people's networks -----------------------------------------------------------------------------------------


def told(name: str) -> list[tuple[Any, ...]]:
    return captures.read(shared("captures") / name).table("related_transactions").select("what", "result").rows()


def test_registration_at_open5gs_and_kamailio() -> None:
    """The signalling path, SRV of the I-CSCF, UAR, A of the S-CSCF, MAR, SAR; what the UE looks up is left out."""
    assert told("open5gs__open5gs__nonipsec_reg.pcapng") == [
        ("AAR", "SUCCESS"),
        ("SRV", "NOERROR"),
        ("UAR", "FIRST_REGISTRATION"),
        ("A", "NOERROR"),
        ("MAR", "SUCCESS"),
        ("SAR", "SUCCESS"),
    ]


def test_a_call_at_open5gs_and_kamailio() -> None:
    """The LIR of the terminating half, and an AAR of each P-CSCF; the number has a phone-context in SIP alone."""
    assert told("open5gs__open5gs__volte.pcapng") == [("LIR", "SUCCESS"), ("AAR", "SUCCESS"), ("AAR", "SUCCESS")]


def test_a_call_at_amarisoft() -> None:
    """AAR a fifth of a millisecond after the 183, RAR when the bearer stands, STR with the BYE; one session."""
    name = "ZakiraZaza__SSMTK_FMC_VoNR_IMS_5G__rp2_snimak1.pcap"
    assert told(name) == [("AAR", "SUCCESS"), ("RAR", "SUCCESS"), ("STR", "SUCCESS")]
