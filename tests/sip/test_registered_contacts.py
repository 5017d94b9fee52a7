"""Whose expiry a 200 to a REGISTER gives: the contact's own (RFC 3261 §10.2.4, §19.1.4; RFC 5626 §6)."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet

import analyzer
from tests.places import shared

START = 1_767_225_600.0
OWN = "<sip:alice@192.0.2.10:5062;transport=tcp>"
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
OTHER_INSTANCE = '+sip.instance="<urn:uuid:11111111-0000-1000-8000-AABBCCDDEEFF>"'
OTHERS = "<sip:alice@192.0.2.99:5060>;expires=3000"


def packet(at: float, first: str, cseq: int, *lines: str) -> Packet:
    src, dst = ("192.0.2.10", "192.0.2.1") if first.startswith("REGISTER") else ("192.0.2.1", "192.0.2.10")
    text = (
        f"{first}\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK{cseq}\nFrom: <sip:alice@example.com>;tag=1\n"
        f"To: <sip:alice@example.com>\nCall-ID: r1\nCSeq: {cseq} REGISTER\n"
        + "".join(f"{line}\n" for line in lines)
        + "Content-Length: 0\n\n"
    )
    made = IP(src=src, dst=dst) / UDP(sport=5060, dport=5060) / text.replace("\n", "\r\n").encode()
    made.time = START + at
    return made


def registered(contact: str, *listed: str, again_at: float = 200, again: str | None = None) -> analyzer.Capture:
    """A phone that registers its contact twice; ``listed`` are the header lines of each 200."""
    packets = []
    for cseq, (at, sent) in enumerate([(0.0, contact), (again_at, again or contact)], start=1):
        packets.append(packet(at, "REGISTER sip:example.com SIP/2.0", cseq, f"Contact: {sent}", "Expires: 3600"))
        packets.append(packet(at + 0.02, "SIP/2.0 200 OK", cseq, *listed))
    return analyzer.Capture.from_packets(packets)


def rows(capture: analyzer.Capture) -> list[tuple[Any, ...]]:
    return capture.table("registrations").select("kind", "expires_s").rows()


LAPSED = [("initial", 60), ("initial", 60)]
KEPT = [("initial", 3000), ("refresh", 3000)]


@pytest.mark.parametrize(
    "listed",
    [
        [f"Contact: {OWN};expires=60", f"Contact: {OTHERS}"],
        [f"Contact: {OTHERS}", f"Contact: {OWN};expires=60"],
        [f"Contact: {OTHERS}, {OWN};expires=60"],
        [f"m: {OTHERS}", f'm: "Alice, the ""one" {OWN};q=0.5;expires="60"'.replace('""', "")],
        # The comparison of §19.1.4: the case of scheme, host and parameters, escapes, and parameters of one alone.
        [f"Contact: {OTHERS}, <SIP:alic%65@192.0.2.10:5062;Transport=TCP>;expires=60"],
        [f"Contact: {OTHERS}, <sip:alice@192.0.2.10:5062;transport=tcp;ob>;expires=60"],
        # None is said of it in particular: the header Expires holds (§10.3 item 8).
        [f"Contact: {OTHERS}, {OWN}", "Expires: 60"],
        # A registrar that drops the transport; and one whose proxy wrote another address over the only contact.
        [f"Contact: {OTHERS}, <sip:alice@192.0.2.10:5062>;expires=60"],
        ["Contact: <sip:alice@203.0.113.5:40001>;expires=60"],
        ["Expires: 60"],
    ],
)
def test_the_expiry_is_that_of_the_own_contact(listed: list[str]) -> None:
    capture = registered(OWN, *listed)
    assert rows(capture) == LAPSED
    assert capture.table("bindings")["lapse_s"].to_list() == [140.0, None]


@pytest.mark.parametrize(
    "listed",
    [
        [f"Contact: {OWN};expires=3000, <sip:alice@192.0.2.99:5060>;expires=60"],
        # Another user (its case counts), port, transport or scheme is another contact.
        [f"Contact: <sip:Alice@192.0.2.10:5062;transport=tcp>;expires=60, {OWN};expires=3000"],
        [f"Contact: <sip:alice@192.0.2.10;transport=tcp>;expires=60, {OWN};expires=3000"],
        [f"Contact: <sips:alice@192.0.2.10:5062;transport=tcp>;expires=60, {OWN};expires=3000"],
        [f"Contact: <sip:alice@192.0.2.10:5062;transport=udp>;expires=60, {OWN};expires=3000"],
        # What is in both must agree, whatever the parameter.
        [f"Contact: {OWN.replace('>', ';line=2>')};expires=60, {OWN.replace('>', ';line=1>')};expires=3000"],
    ],
)
def test_the_expiry_of_another_contact_counts_for_nothing(listed: list[str]) -> None:
    contact = OWN.replace(">", ";line=1>") if "line=" in listed[0] else OWN
    assert rows(registered(contact, *listed)) == KEPT


def test_of_several_contacts_of_others_nothing_is_known_but_what_they_share() -> None:
    apart = "Contact: <sip:b@192.0.2.98>;expires=60, <sip:c@192.0.2.97>;expires=90"
    assert registered(OWN, apart).table("registrations")["expires_s"].to_list() == [None, None]
    assert registered(OWN, apart.replace("90", "60")).table("registrations")["expires_s"].to_list() == [60, 60]


@pytest.mark.parametrize("flow", ["", ";reg-id=1"])
def test_a_flow_of_our_instance_is_ours_whatever_its_uri(flow: str) -> None:
    own = f"<sip:alice@192.0.2.10:5062;ob>;{INSTANCE}{flow}"
    listed = f"Contact: {OTHERS};{OTHER_INSTANCE}, <sip:alice@198.51.100.7:40123>;{INSTANCE.lower()}{flow};expires=60"
    assert rows(registered(own, listed)) == LAPSED


@pytest.mark.parametrize("theirs", [f"{OTHER_INSTANCE};reg-id=1", f"{INSTANCE};reg-id=2"])
def test_one_uri_of_two_instances_or_flows_is_two_contacts(theirs: str) -> None:
    own = f"<sip:alice@192.0.2.10:5062>;{INSTANCE};reg-id=1"
    listed = f"Contact: <sip:alice@192.0.2.10:5062>;{theirs};expires=3000, {own};expires=60"
    assert rows(registered(own, listed)) == LAPSED


def test_two_spellings_of_one_contact_are_one_binding() -> None:
    capture = registered(OWN, f"Contact: {OWN};expires=600", again=OWN.replace("sip:", "SIP:").replace("tcp", "TCP"))
    assert rows(capture) == [("initial", 600), ("refresh", 600)]
    assert capture.table("bindings")["refreshes"].to_list() == [1]


@pytest.mark.parametrize("host", ["[2001:DB8::1]", "[2001:0db8:0:0:0:0:0:1]", "[2001:db8:0::0:1]"])
def test_spellings_of_one_ipv6_address_are_one_contact(host: str) -> None:
    own = "<sip:alice@[2001:db8::1]:5062>"
    theirs = own.replace("[2001:db8::1]", host)
    listed = f"Contact: <sip:alice@[2001:db8::2]:5062>;expires=3000, {theirs};expires=60"
    assert rows(registered(own, listed)) == LAPSED
    assert rows(registered(own, f"Contact: {own};expires=600", again=theirs)) == [("initial", 600), ("refresh", 600)]


def test_a_contact_that_is_removed_is_not_granted_what_another_has() -> None:
    capture = registered(OWN, f"Contact: {OTHERS}", again=f"{OWN};expires=0")
    row = capture.table("registrations").row(1, named=True)
    assert (row["kind"], row["outcome"], row["expires_s"]) == ("deregister", "deregistered", 0)


def test_a_register_that_removes_an_old_contact_and_binds_a_new_one_binds_the_new_one() -> None:
    new = "<sip:alice@198.51.100.7:5062>"
    capture = registered(OWN, f"Contact: {OWN};expires=600, {new};expires=60", again=f"{OWN};expires=0, {new}")
    row = capture.table("registrations").row(1, named=True)
    facts = (row["contact"], row["kind"], row["outcome"], row["expires_s"])
    assert facts == (new.strip("<>"), "initial", "registered", 60)


def test_an_account_on_two_devices_is_seen_to_lapse() -> None:
    """The captured case: four spellings of one list, each phone comes back 140 s too late."""
    capture = analyzer.read(shared("cases", "expiry_of_another_contact.pcap"))
    assert capture.table("registrations")["expires_s"].to_list() == [60] * 8
    assert set(capture.table("registrations")["kind"]) == {"initial"}
    assert capture.table("bindings")["lapse_s"].drop_nulls().to_list() == [140.0] * 7


def test_a_phone_whose_contact_moves_to_the_port_of_its_association_registers_once() -> None:
    capture = analyzer.read(shared("cases", "outside_the_sa.pcap"))
    (row,) = capture.table("registrations").to_dicts()
    assert (row["outcome"], row["challenges"], row["delay_s"]) == ("registered", 1, 0.7)
