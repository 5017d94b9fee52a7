"""Registration in an IMS: AKA, security agreement, bindings, reg-event; values of the standards, the rest by hand."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet

import analyzer
from analyzer.simulator import Truth, make

# What the module makes once, one worker makes.
pytestmark = pytest.mark.xdist_group("registration")

START = 1_767_225_600.0
UE, P, ICSCF, S = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"
OFFER = "ipsec-3gpp;alg=hmac-sha-1-96;ealg=aes-cbc;spi-c=1;spi-s=2;port-c=5063;port-s=5062"
# RAND and AUTN of test set 1 of TS 35.208 §4.3 for RAND; AUTN made up with AMF b9b9 as there.
RAND = "23553cbe9637a89d218ae64dae47bf35"
AUTN = "0102030405060b9b9".rjust(16, "0")[:12] + "b9b9" + "4a9ffac354dfafb3"
NONCE = base64.b64encode(bytes.fromhex(RAND + AUTN)).decode()
KEY = "00112233445566778899aabbccddeeff"


def packet(at: float, src: str, dst: str, text: str) -> Packet:
    made = IP(src=src, dst=dst) / UDP(sport=5060, dport=5060) / text.replace("\n", "\r\n").encode()
    made.time = START + at
    return made


def register(
    at: float, cseq: int, *lines: str, src: str = UE, dst: str = P, vias: int = 1, expires: int = 600
) -> Packet:
    stack = "".join(
        f"Via: SIP/2.0/UDP 10.0.0.{number};branch=z9hG4bK{cseq}-{number}\n" for number in range(vias, 0, -1)
    )
    head = (
        f"REGISTER sip:ims.example SIP/2.0\n{stack}From: <sip:a@ims.example>;tag=1\nTo: <sip:a@ims.example>\n"
        f"Call-ID: r1\nCSeq: {cseq} REGISTER\nContact: <sip:a@10.0.0.1>;expires={expires}\n"
    )
    return packet(at, src, dst, head + "".join(f"{line}\n" for line in lines) + "Content-Length: 0\n\n")


def answer(at: float, cseq: int, status: int, *lines: str, src: str = P, dst: str = UE, vias: int = 1) -> Packet:
    stack = "".join(
        f"Via: SIP/2.0/UDP 10.0.0.{number};branch=z9hG4bK{cseq}-{number}\n" for number in range(vias, 0, -1)
    )
    head = (
        f"SIP/2.0 {status} X\n{stack}From: <sip:a@ims.example>;tag=1\nTo: <sip:a@ims.example>;tag=2\n"
        f"Call-ID: r1\nCSeq: {cseq} REGISTER\n"
    )
    return packet(at, src, dst, head + "".join(f"{line}\n" for line in lines) + "Content-Length: 0\n\n")


def challenge(nonce: str = NONCE, more: str = "") -> str:
    return f'WWW-Authenticate: Digest realm="ims.example", nonce="{nonce}", algorithm=AKAv1-MD5{more}'


def credentials(response: str = "0123456789abcdef0123456789abcdef", more: str = "") -> str:
    return (
        f'Authorization: Digest username="1@ims.example", realm="ims.example", nonce="{NONCE}", algorithm=AKAv1-MD5,'
        f' response="{response}"{more}'
    )


ACCEPTED = "Contact: <sip:a@10.0.0.1>;expires=600"


def tables(*packets: Packet) -> analyzer.Capture:
    return analyzer.Capture.from_packets(packets)


def only(frame: pl.DataFrame) -> dict[str, Any]:
    (row,) = frame.to_dicts()
    return row


def test_the_nonce_of_aka_is_rand_and_autn() -> None:
    """RFC 3310 §3.2; AUTN is SQN xor AK (6), AMF (2), MAC (8): TS 33.102 §6.3.1."""
    row = only(tables(register(0, 1), answer(1, 1, 401, challenge())).table("challenges"))
    assert (row["rand"], row["autn"], row["amf"]) == (RAND, AUTN, "b9b9")


def test_keys_and_responses_are_in_no_table() -> None:
    capture = tables(
        register(0, 1, src=P, dst=S, vias=2),
        answer(1, 1, 401, challenge(more=f', ik="{KEY}", ck="{KEY}"'), src=S, dst=P, vias=2),
        register(2, 2, credentials(), src=P, dst=S, vias=2),
    )
    text = "".join(capture.table(name).write_csv() for name in ("challenges", "ims_registrations", "node_evidence"))
    assert KEY not in text
    assert "0123456789abcdef" not in text


def test_a_nonce_that_is_too_short_for_aka_tells_nothing() -> None:
    row = only(tables(register(0, 1), answer(1, 1, 401, challenge("bm9uY2U="))).table("challenges"))
    assert (row["rand"], row["algorithm"]) == (None, "AKAv1-MD5")


@pytest.mark.parametrize(
    ("lines", "status", "outcome"),
    [
        ((credentials(),), 200, "accepted"),
        ((credentials(more=', auts="5PYxMzrVvP4YnkDTRSI="'),), 401, "sync_failure"),
        ((credentials(response=""),), 403, "mac_failure"),
        ((credentials(),), 401, "wrong_response"),
        ((credentials(),), 403, "rejected"),
        ((), 403, "begun_anew"),
    ],
)
def test_what_came_of_a_challenge(lines: tuple[str, ...], status: int, outcome: str) -> None:
    """AUTS: the sequence number is ahead (RFC 3310 §3.4); an empty response without it: the MAC is wrong (TS 24.229
    §5.1.1.5.3)."""
    capture = tables(
        register(0, 1), answer(1, 1, 401, challenge()), register(2, 2, *lines), answer(3, 2, status, ACCEPTED)
    )
    assert capture.table("challenges").row(0, named=True)["outcome"] == outcome


def test_auts_is_shown_in_hexadecimal() -> None:
    auts = credentials(more=', auts="5PYxMzrVvP4YnkDTRSI="')
    row = only(tables(register(0, 1), answer(1, 1, 401, challenge()), register(2, 2, auts)).table("challenges"))
    assert row["auts"] == base64.b64decode("5PYxMzrVvP4YnkDTRSI=").hex()


def test_the_same_rand_twice_is_told() -> None:
    capture = tables(
        *(register(0, 1), answer(1, 1, 401, challenge())),
        *(register(2, 2, credentials()), answer(3, 2, 401, challenge())),
    )
    assert capture.table("challenges")["rand_seen"].to_list() == [False, True]


@pytest.mark.parametrize(
    ("verify", "check"), [(OFFER, "verified"), (OFFER.replace("aes-cbc", "null"), "mismatch"), (None, "not_verified")]
)
def test_security_verify_must_be_security_server(verify: str | None, check: str) -> None:
    """RFC 3329 §2.3.1: else somebody between may have taken the stronger mechanism out of the offer."""
    lines = [f"Security-Verify: {verify}"] if verify else []
    capture = tables(
        *(register(0, 1), answer(1, 1, 401, challenge(), f"Security-Server: {OFFER}")),
        *(register(2, 2, credentials(), *lines), answer(3, 2, 200, ACCEPTED)),
    )
    row = only(capture.table("ims_registrations"))
    assert (row["security"], row["security_check"]) == ("ipsec-3gpp hmac-sha-1-96 aes-cbc", check)


@pytest.mark.parametrize(
    ("packets", "side"),
    [
        ([register(0, 1), answer(1, 1, 401, challenge())], "ue_silent"),
        ([register(0, 1), answer(1, 1, 401, challenge(), f"Security-Server: {OFFER}")], "ue_silent_or_ipsec"),
        (
            [
                *(register(0, 1), register(0.1, 1, src=P, dst=ICSCF, vias=2)),
                answer(1, 1, 401, challenge(), src=ICSCF, dst=P, vias=2),
            ],
            "challenge_lost",
        ),
        (
            [register(0.1, 1, src=P, dst=ICSCF, vias=2), answer(1, 1, 401, challenge(), src=ICSCF, dst=P, vias=2)],
            "ue_not_seen",
        ),
    ],
)
def test_a_challenge_and_then_silence_has_likely_sides(packets: list[Packet], side: str) -> None:
    assert only(tables(*packets).table("ims_registrations"))["outcome_detail"] == side


def test_what_the_200_gives() -> None:
    gruu = 'pub-gruu="sip:a@ims.example;gr=urn:1";temp-gruu="sip:t1@ims.example;gr"'
    contact = (
        f'Contact: <sip:a@10.0.0.1>;+sip.instance="<urn:gsma:imei:1>";{gruu};expires=600, <sip:a@10.0.0.9>;expires=5'
    )
    routes = "Service-Route: <sip:orig@s.example;lr>", "P-Associated-URI: <sip:a@ims.example>, <tel:+15551>"
    row = only(tables(register(0, 1), answer(1, 1, 200, contact, *routes)).table("ims_registrations"))
    assert {name: row[name] for name in ("contacts", "instance", "public_gruu", "temporary_gruu")} == {
        "contacts": 2,
        "instance": "urn:gsma:imei:1",
        "public_gruu": "sip:a@ims.example;gr=urn:1",
        "temporary_gruu": "sip:t1@ims.example;gr",
    }
    assert (row["service_route"], row["public_ids"]) == (
        "<sip:orig@s.example;lr>",
        "<sip:a@ims.example>, <tel:+15551>",
    )


# ---- bindings --------------------------------------------------------------------------------------------------------


def binding_rows(*packets: Packet) -> list[tuple[Any, ...]]:
    table = tables(*packets).table("bindings")
    seconds = [
        ((pl.col(name).cast(pl.Int64) - int(START) * 1_000_000_000) / 1e9).alias(name)
        for name in ("started_at", "expires_at", "ended_at")
    ]
    return table.select(*seconds, "end_reason", "refreshes", "lapse_s").rows()


def test_a_refresh_carries_a_binding_on() -> None:
    assert binding_rows(
        register(0, 1), answer(1, 1, 200, ACCEPTED), register(300, 2), answer(301, 2, 200, ACCEPTED)
    ) == [(1.0, 901.0, None, "open", 1, None)]


def test_a_binding_that_is_refreshed_too_late_had_lapsed() -> None:
    rows = binding_rows(register(0, 1), answer(1, 1, 200, ACCEPTED), register(700, 2), answer(701, 2, 200, ACCEPTED))
    assert rows == [(1.0, 601.0, 601.0, "expired", 0, 100.0), (701.0, 1301.0, None, "open", 0, None)]


def test_expires_0_ends_a_binding() -> None:
    gone = answer(101, 2, 200)
    assert binding_rows(register(0, 1), answer(1, 1, 200, ACCEPTED), register(100, 2, expires=0), gone) == [
        (1.0, 601.0, 101.0, "deregistered", 0, None)
    ]


REGINFO = """<?xml version="1.0"?>
<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{version}" state="full">
 <registration aor="tel:+15551" id="r" state="{state}">
  <contact id="c" state="{state}" event="{event}" expires="550"><uri>sip:a@10.0.0.1;alias=x&amp;y</uri></contact>
 </registration>
</reginfo>
"""


def notify(at: float, version: int, state: str, event: str, prefix: str = "") -> Packet:
    body = REGINFO.format(version=version, state=state, event=event).replace("\n", "\r\n")
    if prefix:
        for name in ("reginfo", "registration", "contact", "uri"):
            body = body.replace(f"<{name}", f"<{prefix}{name}").replace(f"</{name}", f"</{prefix}{name}")
    head = (
        "NOTIFY sip:a@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKn" + f"{version}\n"
        "From: <sip:a@ims.example>;tag=9\nTo: <sip:a@ims.example>;tag=8\nCall-ID: n1\n"
        f"CSeq: {version + 1} NOTIFY\nEvent: reg\nSubscription-State: active\nContent-Type: application/reginfo+xml\n"
        f"Content-Length: {len(body)}\n\n"
    )
    made = packet(at, P, UE, head)
    made[UDP].payload = type(made[UDP].payload)(bytes(made[UDP].payload) + body.encode())
    return made


@pytest.mark.parametrize("prefix", ["", "ri:"])
def test_a_notify_of_the_package_reg_is_read(prefix: str) -> None:
    """RFC 3680 §5; a document may put its namespace into a prefix."""
    row = only(tables(notify(5, 0, "active", "registered", prefix)).table("reg_events"))
    told = {name: row[name] for name in ("version", "aor", "state", "contact", "contact_state", "event", "expires_s")}
    assert told == {
        "version": 0,
        "aor": "tel:+15551",
        "state": "active",
        "contact": "sip:a@10.0.0.1;alias=x&y",
        "contact_state": "active",
        "event": "registered",
        "expires_s": 550,
    }


def test_the_network_may_end_a_binding() -> None:
    table = tables(register(0, 1), answer(1, 1, 200, ACCEPTED), notify(50, 1, "terminated", "deactivated"))
    row = only(table.table("bindings"))
    assert (row["end_reason"], row["event"]) == ("network", "deactivated")


# ---- the laboratory --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["all", "access", "core"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, analyzer.Capture]:
    directory: Path = tmp_path_factory.mktemp("lab")
    mix = {"initial": 5, "whole_life": 3, "sync_failure": 3, "silence": 3, "roaming_not_allowed": 1}
    truth = make(directory, seed=5, calls=40, mix=mix, points=(request.param,), keep_messages=False)
    return truth, analyzer.read(directory / f"{request.param}.pcap")


def test_sync_failures_are_those_that_there_were(seen: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = seen
    expected = {row["call_id"] for row in truth.registrations if row.get("sync_failure")}
    table = capture.table("ims_registrations").join(capture.table("registrations"), on="registration")
    assert set(table.filter(outcome_detail="sync_failure")["call_id"]) == expected


def test_every_challenge_has_a_rand_of_its_own(seen: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = seen
    challenges = capture.table("challenges")
    assert challenges.height == sum(row["challenges"] for row in truth.registrations)
    assert challenges["rand"].n_unique() == challenges.height
    assert not challenges["rand_seen"].any()


def test_bindings_end_where_the_ue_ended_them(seen: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = seen
    removed = {row["contact"] for row in truth.registrations if row["kind"] == "deregister"}
    bindings = capture.table("bindings")
    assert set(bindings.filter(end_reason="deregistered")["contact"]) == removed
    assert set(bindings["end_reason"]) == {"deregistered", "open"}
