"""Charging records: P-Charging-Vector by RFC 7315, identities by RFC 3325 and TS 32.298, networks by TS 23.003."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import captures
import ims_wire
import polars as pl
import pytest
from places import SAMPLES, shared

import analyzer
from analyzer.ims import networks
from analyzer.ims.charging import vectors
from analyzer.simulator import make

HOME, OTHER = "ims.mnc001.mcc262.3gppnetwork.org", "ims.mnc002.mcc262.3gppnetwork.org"
VECTOR = "P-Charging-Vector:icid-value=1234bc9876e"


def records(dialogue: str) -> list[dict[str, Any]]:
    return ims_wire.read(dialogue).table("cdrs").to_dicts()


def record(dialogue: str) -> dict[str, Any]:
    (one,) = records(dialogue)
    return one


# ---- P-Charging-Vector -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        # RFC 3455 and 7315 §5.6: gen-value is a token, a host or a quoted string.
        (
            "icid-value=1234bc9876e; icid-generated-at=192.0.6.8; orig-ioi=home1.net",
            {"icid_value": "1234bc9876e", "icid_generated_at": "192.0.6.8", "orig_ioi": "home1.net"},
        ),
        (
            'icid-value="AyretyU0dm+6O2IrT5tAFrbHLso=023551024";orig-ioi="Type 1visited1.net"; TERM-IOI=home2.net',
            {
                "icid_value": "AyretyU0dm+6O2IrT5tAFrbHLso=023551024",
                "orig_ioi": "Type 1visited1.net",
                "term_ioi": "home2.net",
            },
        ),
        # Commas of a quoted transit-ioi end nothing; a network may hide itself.
        (
            'icid-value=1; transit-ioi="operatorA.1, void, operatorB.3"; related-icid="2"',
            {"icid_value": "1", "transit_ioi": "operatorA.1, void, operatorB.3", "related_icid": "2"},
        ),
        # Parameters that only end like one are others.
        ("icid-value=1;x-orig-ioi=a;related-icid-generated-at=h", {"icid_value": "1"}),
        ('icid-value=""', {}),
    ],
)
def test_a_vector_taken_apart(value: str, parts: dict[str, str]) -> None:
    rows = pl.DataFrame({"message": [1], "name": ["P-Charging-Vector"], "ordinal": [1], "value": [value]})
    row = vectors(rows).drop("message").row(0, named=True)
    assert {name: cell for name, cell in row.items() if cell is not None} == parts


def test_what_each_hop_tells_is_told_together() -> None:
    """The P-CSCF makes the icid, the S-CSCF adds the orig-ioi, the other network answers with its own (§4.6.2)."""
    made = record(
        f"""
        A -> P   INVITE via=a                                                                                   @0.0
        P -> S   INVITE via=p,a   header="{VECTOR};icid-generated-at=192.0.6.8"                                 @0.1
        S -> T   INVITE via=s,p,a header="{VECTOR};icid-generated-at=192.0.6.8;orig-ioi=home1.net"              @0.2
        T -> S   200 INVITE via=s,p,a to_tag=y header="{VECTOR};orig-ioi=home1.net;term-ioi=home2.net"          @0.3
        """
    )
    told = {name: made[name] for name in ("icid", "icid_node", "orig_ioi", "term_ioi", "related_icid", "charging_gap")}
    assert told == {
        "icid": "1234bc9876e",
        "icid_node": "192.0.6.8",
        "orig_ioi": "home1.net",
        "term_ioi": "home2.net",
        "related_icid": None,
        "charging_gap": None,
    }


@pytest.mark.parametrize(
    ("asked", "answered", "gap"),
    [
        (f"{VECTOR};orig-ioi=home1.net", f"{VECTOR};orig-ioi=home1.net", "2xx without term-ioi"),
        (f"{VECTOR};orig-ioi=home1.net", "Server:x", "2xx without term-ioi"),
        (f"{VECTOR};orig-ioi=home1.net", f"{VECTOR};term-ioi=home2.net", None),
        (VECTOR, VECTOR, None),  # Nobody asked.
        (VECTOR, "P-Charging-Vector:icid-value=another", "icid changes"),
    ],
)
def test_gaps(asked: str, answered: str, gap: str | None) -> None:
    made = record(
        f"""
        S -> T   INVITE via=s header="{asked}"                @0.0
        T -> S   200 INVITE via=s to_tag=y header="{answered}" @0.1
        """
    )
    assert made["charging_gap"] == gap


# ---- who -------------------------------------------------------------------------------------------------------------


def test_all_identities_that_the_network_asserts_of_the_caller() -> None:
    """RFC 3325 §9.1: one sip and one tel; the S-CSCF adds the other to what the P-CSCF asserted."""
    made = record(
        """
        P -> S   INVITE via=p   header="P-Asserted-Identity:<sip:+491@home1.net>"                              @0.0
        S -> T   INVITE via=s,p header="P-Asserted-Identity:Q <sip:+491@home1.net>, <tel:+491>"                @0.1
        T -> S   180 INVITE via=s,p to_tag=y header="P-Asserted-Identity:tel:+492"                             @0.2
        """
    )
    assert made["calling_party_address"] == "sip:+491@home1.net, tel:+491"
    assert made["called_asserted_identity"] == "tel:+492"


def test_who_was_called_and_who_was_asked_for() -> None:
    """A translated number; then the S-CSCF puts the Contact in the Request-URI, and whom it called beside it."""
    called = 'header="P-Called-Party-ID:<sip:b@home2.net>"'
    made = record(
        f"""
        A -> P   INVITE via=a       uri=tel:0302                      @0.0
        P -> S   INVITE via=p,a     uri=sip:b@home2.net               @0.1
        S -> B   INVITE via=s,p,a   uri=sip:x@192.0.2.7:5090 {called} @0.2
        """
    )
    assert (made["requested_party_address"], made["called_party_address"]) == ("tel:0302", "sip:b@home2.net")


@pytest.mark.parametrize(("last", "called"), [("sip:x@192.0.2.7:5090", "sip:b@home2.net"), ("tel:+493", "tel:+493")])
def test_without_the_header_a_contact_is_not_who_was_called(last: str, called: str) -> None:
    made = record(
        f"""
        P -> S   INVITE via=p   uri=sip:b@home2.net @0.1
        S -> B   INVITE via=s,p uri={last}          @0.2
        """
    )
    assert made["called_party_address"] == called


@pytest.mark.parametrize(
    ("headers", "service"),
    [
        (
            [
                'Accept-Contact:*;+g.3gpp.icsi-ref=\\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\\"',
                "P-Preferred-Service:urn:urn-7:3gpp-service.ims.icsi.two",
                "P-Asserted-Service:urn:urn-7:3gpp-service.ims.icsi.one",
            ],
            "urn:urn-7:3gpp-service.ims.icsi.one",
        ),
        (
            [
                'Accept-Contact:*;+g.3gpp.icsi-ref=\\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\\"',
                "P-Preferred-Service:urn:urn-7:3gpp-service.ims.icsi.two",
            ],
            "urn:urn-7:3gpp-service.ims.icsi.two",
        ),
        (
            ['Accept-Contact:*;+g.3gpp.icsi-ref=\\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\\"'],
            "urn:urn-7:3gpp-service.ims.icsi.mmtel",
        ),
        (["Accept-Contact:*;audio"], None),
    ],
    ids=["asserted", "preferred", "accepted", "none"],
)
def test_the_service(headers: list[str], service: str | None) -> None:
    said = " ".join(f'header="{header}"' for header in headers)
    assert record(f"A -> P INVITE via=a {said} @0.0")["service_id"] == service


# ---- which node ------------------------------------------------------------------------------------------------------


def written(path: str, **roles: str) -> tuple[str | None, ...]:
    """Who writes the record of an INVITE over these nodes, which have the roles given (the user's word on nodes)."""
    names = path.split()
    lines, vias = [], ""
    for number, (source, target) in enumerate(itertools.pairwise(names)):
        vias = ",".join(filter(None, [f"v{number}", vias]))
        lines.append(f"{source} -> {target} INVITE via={vias} @0.{number}")
    hosts = list(dict.fromkeys(names))
    given = {f"10.0.0.{hosts.index(name) + 1}": {"role": role, "name": name} for name, role in roles.items()}
    made = ims_wire.read("\n".join(lines), nodes=given).table("cdrs").row(0, named=True)
    node = made["node"] and hosts[int(made["node"].split(":")[0].split(".")[3]) - 1]
    return node, made["node_functionality"], made["role_of_node"]


CORE = {"A": "UE", "P": "P-CSCF", "S": "S-CSCF", "T": "S-CSCF", "Q": "P-CSCF", "B": "UE"}


@pytest.mark.parametrize(
    ("path", "roles", "expected"),
    [
        ("A P S T Q B", CORE, ("S", "S-CSCF", "originating")),
        ("T Q B", CORE, ("T", "S-CSCF", "terminating")),
        ("P S Q", CORE, ("S", "S-CSCF", None)),  # It serves both.
        ("A P", CORE, ("P", "P-CSCF", "originating")),
        ("P X", CORE | {"X": "TAS"}, ("X", "AS", "originating")),
        ("S M", {"M": "MGCF"}, ("M", "MGCF", None)),
        ("P S M", CORE | {"M": "MGCF"}, ("S", "S-CSCF", "originating")),
        ("P S T Q", CORE | {"S": "P/I/S-CSCF"}, ("S", "S-CSCF", "originating")),
        ("A B", {"A": "UE", "B": "UE"}, (None, None, None)),
    ],
)
def test_who_writes_the_record(path: str, roles: dict[str, str], expected: tuple[str | None, ...]) -> None:
    """TS 32.260 §5.1: CSCFs, AS, MGCF, BGCF, MRFC, IBCF and E-CSCF make records; UEs do not."""
    assert written(path, **{name: role for name, role in roles.items() if name in path.split()}) == expected


# ---- when and how it ended -------------------------------------------------------------------------------------------

ANSWERED = """
    A -> P   INVITE via=a              @0.0
    P -> A   200 INVITE via=a to_tag=y @4.0
    A -> P   ACK via=k to_tag=y        @4.1
"""


def test_times_of_an_answered_leg() -> None:
    made = record(f"{ANSWERED} A -> P BYE via=e to_tag=y cseq=2 header=Reason:Q.850;cause=16 @64.0")
    asked = made["service_request_at"]
    assert made["service_delivery_start_at"] - asked == timedelta(seconds=4)
    assert made["service_delivery_end_at"] - asked == timedelta(seconds=64)
    named = ("duration_s", "service_reason_return_code", "cause_for_record_closing", "reason_header")
    assert [made[name] for name in named] == [60.0, 200, "service_delivery_end_successfully", "Q.850;cause=16"]


def test_what_goes_on_has_no_cause_for_closing() -> None:
    made = record(ANSWERED)
    assert (made["service_delivery_end_at"], made["duration_s"], made["cause_for_record_closing"]) == (None,) * 3


def test_a_leg_that_was_refused() -> None:
    made = record(
        """
        A -> P   INVITE via=a                                                       @0.0
        P -> A   486 INVITE via=a to_tag=y header=Reason:Q.850;cause=17             @2.0
        """
    )
    named = ("service_delivery_start_at", "service_reason_return_code", "cause_for_record_closing", "reason_header")
    assert [made[name] for name in named] == [None, 486, "unsuccessful_service_delivery", "Q.850;cause=17"]


def test_media_as_last_agreed() -> None:
    """ims_wire's descriptions have one stream of PCMU (payload type 0, RFC 3551)."""
    made = record("A -> P INVITE via=a sdp=4000 @0.0\n P -> A 200 INVITE via=a to_tag=y sdp=5000 @1.0")
    assert made["sdp_media"] == "audio PCMU/8000 sendrecv"


@pytest.mark.slow
def test_media_of_legs_under_one_call_id_are_each_leg_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 INVITEs of one Call-ID, each with its own From tag: no offer meets every leg."""
    legs = 2_000
    capture = ims_wire.read(
        "".join(
            f"A -> P INVITE via=a{n} tag=x{n} sdp={5000 + n} @{n / 10:.3f}\n"
            f"P -> A 404 INVITE via=a{n} tag=x{n} to_tag=y @{n / 10 + 0.02:.3f}\n"
            for n in range(legs)
        )
    )
    for name in ("legs", "offers", "access_networks", "ims_registrations", "endpoints"):
        capture.table(name)
    heights = ims_wire.joined_rows(monkeypatch)
    found = capture.table("cdrs")
    assert set(found["sdp_media"]) == {"audio PCMU/8000"}
    assert (found.height, max(heights) <= 4 * legs) == (legs, True)


# ---- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        (HOME, HOME, False),
        (HOME, OTHER, True),
        ("ims.mnc01.mcc262.3gppnetwork.org", HOME, False),  # a 0 left out before two digits
        (f"sos.{HOME}", HOME, False),
        ("visited1.net", "home1.net", True),
        ("ims.home1.net", "home1.net", False),
        ("home1.net", HOME, None),  # One network may have both.
    ],
)
def test_whether_two_names_are_of_two_networks(one: str, other: str, differ: bool | None) -> None:
    rows = pl.DataFrame({"one": [one], "other": [other]})
    assert rows.select(networks.differ(pl.col("one"), pl.col("other"))).item() is differ


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ('"Type 1visited1.net"', "visited1.net"),
        ("Type 3 home1.net", "home1.net"),
        ("Home1.NET", "home1.net"),
        ("Visited network number 1", None),
        ("192.0.2.1", None),
        ("<null", None),
    ],
)
def test_the_domain_in_a_network_s_name(name: str, domain: str | None) -> None:
    assert pl.DataFrame({"name": [name]}).select(networks.domain(pl.col("name"))).item() == domain


def roaming(first: str) -> str | None:
    """What is said of a caller of the network 262 01 who is answered by one of 262 02."""
    told: str | None = record(
        f"""
        A -> P   INVITE via=a                                                                                @0.0
        P -> S   INVITE via=p,a   pai=sip:+491@{HOME} {first}                                                @0.1
        S -> T   INVITE via=s,p,a pai=sip:+491@{HOME} header="{VECTOR};orig-ioi={HOME}"                      @0.2
        T -> S   200 INVITE via=s,p,a to_tag=y header="P-Asserted-Identity:<sip:+492@{OTHER}>"               @0.3
        """
    )["calling_roaming"]
    return told


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("", None),
        (f'header="{VECTOR};orig-ioi={HOME}"', None),
        (
            f'header="{VECTOR};orig-ioi=Type 1ims.mnc001.mcc234.3gppnetwork.org"',
            None,  # A token ends at the blank.
        ),
        (
            f'header="{VECTOR};orig-ioi=\\"Type 1ims.mnc001.mcc234.3gppnetwork.org\\""',
            "orig-ioi is not of the home network",
        ),
        # The callee's own network: of a leg from there on.
        (f'header="{VECTOR};orig-ioi={OTHER}"', None),
        (
            'header="P-Visited-Network-ID:ims.mnc001.mcc234.3gppnetwork.org"',
            "visited network is not the home network",
        ),
        (f'header="P-Visited-Network-ID:{HOME}"', None),
        ('header="P-Visited-Network-ID:\\"Visited network number 1\\""', None),
        ('header="P-Access-Network-Info:3GPP-NR;utran-cell-id-3gpp=23415000064001234501"', "cell of another country"),
        (
            f'header="P-Visited-Network-ID:{OTHER}" header="P-Access-Network-Info:3GPP-GERAN;cgi-3gpp=262020001ABCD"',
            "visited network is not the home network, cell of another network",
        ),
    ],
)
def test_what_speaks_for_roaming(first: str, told: str | None) -> None:
    assert roaming(first) == told


def test_where_the_caller_is_registered_is_where_it_calls_from() -> None:
    """P-Visited-Network-ID stands in the REGISTER (RFC 7315 §4.3); the UE calls with a number of its implicit set."""
    who = f"call=r from=sip:u@{HOME} to=sip:u@{HOME}"
    ids = "to_tag=r header=P-Associated-URI:<tel:+491>"
    made = record(
        f"""
        A -> P   REGISTER via=a {who}                                         @0.0
        P -> S   REGISTER via=p,a {who} header=P-Visited-Network-ID:{OTHER}   @0.1
        S -> P   200 REGISTER via=p,a {who} {ids}                             @0.2
        P -> A   200 REGISTER via=a {who} {ids}                               @0.3
        A -> P   INVITE via=a pai=tel:+491 from=sip:u@{HOME}                  @9.0
        """
    )
    assert (made["calling_visited_network"], made["calling_home_network"]) == (OTHER, HOME)
    assert made["calling_roaming"] == "visited network is not the home network"


def test_the_network_s_own_word_on_the_access_comes_before_the_ue_s() -> None:
    cells = [f"3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=26201100{n}0123456" for n in (1, 2)]
    made = record(
        f"""
        A -> P   INVITE via=a   header="P-Access-Network-Info:{cells[0]}"                                     @0.0
        P -> S   INVITE via=p,a header="P-Access-Network-Info:{cells[0]}, {cells[1]};network-provided"        @0.1
        """
    )
    assert made["calling_access_network_info"] == f"{cells[1]};network-provided"
    assert (made["calling_rat"], made["calling_plmn"]) == ("E-UTRAN", "26201")


# ---- whole captures --------------------------------------------------------------------------------------------------


def test_the_volte_call() -> None:
    """The script of the sample: 262 01, cell 1 of eNodeB 0, mmtel, answered after 5 s, 60 s long; no term-ioi."""
    (made,) = captures.read(SAMPLES / "volte_call.pcap").table("cdrs").to_dicts()
    told = {
        "position": "only",
        "first_node": "10.45.0.2",
        "last_node": "10.45.0.9",
        "node": "10.46.0.3:5060",
        "node_functionality": "S-CSCF",
        "role_of_node": "originating",
        "duration_s": 60.0,
        "calling_party_address": f"sip:+491701234567@{HOME}, tel:+491701234567",
        "called_party_address": f"sip:+491707654321@{HOME}",
        "requested_party_address": "tel:+491707654321",
        "icid": "AyretyU0dm+6O2IrT5tAFrbHLso=0123456789",
        "icid_node": "10.46.0.1",
        "orig_ioi": HOME,
        "service_id": "urn:urn-7:3gpp-service.ims.icsi.mmtel",
        "sdp_media": "audio AMR-WB/16000 sendrecv",
        "calling_rat": "E-UTRAN",
        "calling_plmn": "26201",
        "charging_gap": "2xx without term-ioi",
        "calling_home_network": HOME,
        "calling_roaming": None,
        "called_home_network": None,
    }
    assert {name: made[name] for name in told} == told


@pytest.mark.shared
def test_a_call_of_open5gs() -> None:
    """Kamailio's P-CSCF makes the icid and tells the visited network; both handsets are in one cell of 001 01."""
    path = shared("captures") / "open5gs__open5gs__ipsec_to_nonipsec_call.pcapng"
    (made,) = analyzer.read(path).table("cdrs").to_dicts()
    told = {
        "icid": "4956537F00000169690000E801000000",
        "icid_node": "10.4.128.21",
        "orig_ioi": None,
        "calling_home_network": "ims.mnc001.mcc001.3gppnetwork.org",
        "calling_plmn": "00101",
        "calling_visited_network": "ims.mnc001.mcc001.3gppnetwork.org",
        "called_plmn": "00101",
        "calling_roaming": None,
        "charging_gap": None,
        "service_reason_return_code": 200,
        "service_delivery_end_at": None,
        "reason_header": None,  # The CANCEL's is that of the other branch.
    }
    assert {name: made[name] for name in told} == told


@pytest.mark.slow
def test_legs_of_the_laboratory(tmp_path: Any) -> None:
    """A record for each leg, with the icid that the laboratory gave it and its place in the call."""
    truth = make(tmp_path, calls=12, seed=3)
    found = analyzer.read(tmp_path).table("cdrs").select("session_id", "icid", "position").rows()
    legs = [leg for call in truth.calls for leg in call["legs"]]
    parents = {(number, leg["parent"]) for number, call in enumerate(truth.calls) for leg in call["legs"]}

    def position(number: int, leg: dict[str, Any]) -> str:
        made = (number, leg["number"]) in parents
        if leg["parent"] is None:
            return "first" if made else "only"
        return "middle" if made else "last"

    expected = {
        (leg["call_id"], leg["icid"], position(number, leg))
        for number, call in enumerate(truth.calls)
        for leg in call["legs"]
    }
    assert (set(found), len(found)) == (expected, len(legs))


def test_a_filter_keeps_the_records_of_its_calls() -> None:
    cap = captures.read(SAMPLES / "outcomes.pcap")
    busy = cap.filter(analyzer.Filter(outcome="busy"))
    assert set(busy.table("cdrs")["call"]) == set(busy.table("calls")["call"])
