"""Access networks: values taken apart by hand, by TS 24.229 §7.2A.4 and TS 23.003; who was in them; where home is."""

from __future__ import annotations

from typing import Any

import captures
import ims_wire
import polars as pl
import pytest
from places import SAMPLES, shared

import analyzer
from analyzer.ims.access import decoded

CELL = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620110010123456"


def said(value: str) -> dict[str, Any]:
    """What of a value is told, but for the technology's name and who provided it."""
    row = decoded(pl.DataFrame({"value": [value]})).row(0, named=True)
    return {
        name: cell
        for name, cell in row.items()
        if cell is not None and name not in ("value", "access_type", "network_provided")
    }


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        # TS 23.003 §19.6: ECI 0x0123456 is eNodeB 0x01234 = 4660 and cell 0x56 = 86.
        (
            CELL,
            {
                "rat": "E-UTRAN",
                "mcc": "262",
                "mnc": "01",
                "tac": "1001",
                "cell_id": "0123456",
                "enodeb": "4660",
                "enodeb_cell": "86",
            },
        ),
        # An MNC of three digits: one digit more in all. 0x0A1B2 = 41394, 0xC3 = 195.
        (
            '3GPP-E-UTRAN-TDD; utran-cell-id-3gpp="3104108A010A1B2C3"',
            {
                "rat": "E-UTRAN",
                "mcc": "310",
                "mnc": "410",
                "tac": "8A01",
                "cell_id": "0A1B2C3",
                "enodeb": "41394",
                "enodeb_cell": "195",
            },
        ),
        # As a handset in a VoNR capture sends it: TAC 100; how many bits of the NCI are the gNodeB's nobody says.
        (
            "3GPP-NR-TDD;utran-cell-id-3gpp=00101000064001234501",
            {"rat": "NR", "mcc": "001", "mnc": "01", "tac": "000064", "cell_id": "001234501"},
        ),
        (
            "3GPP-NR-FDD; utran-cell-id-3gpp=310410000064001234501",
            {"rat": "NR", "mcc": "310", "mnc": "410", "tac": "000064", "cell_id": "001234501"},
        ),
        (
            "3GPP-UTRAN-FDD; utran-cell-id-3gpp=26201012D0ABCDEF",
            {"rat": "UTRAN", "mcc": "262", "mnc": "01", "lac": "012D", "cell_id": "0ABCDEF"},
        ),
        # The example of TS 24.228 §6.2.
        (
            "3GPP-UTRAN-TDD; utran-cell-id-3gpp=234151D0FCE11",
            {"rat": "UTRAN", "mcc": "234", "mnc": "15", "lac": "1D0F", "cell_id": "CE11"},
        ),
        (
            "3GPP-UTRAN-FDD; utran-sai-3gpp=23415012DCE11",
            {"rat": "UTRAN", "mcc": "234", "mnc": "15", "lac": "012D", "cell_id": "CE11"},
        ),
        (
            "3GPP-GERAN; cgi-3gpp=262071A2B00C8",
            {"rat": "GERAN", "mcc": "262", "mnc": "07", "lac": "1A2B", "cell_id": "00C8"},
        ),
        ("IEEE-802.11; i-wlan-node-id=000CF1126028", {"rat": "WLAN", "bssid": "000cf1126028"}),
        ('IEEE-802.11n;i-wlan-node-id="00:0c:f1:12:60:28"', {"rat": "WLAN", "bssid": "000cf1126028"}),
        (f'{CELL};local-time-zone="UTC+01:00"', {**said(CELL), "time_zone": "UTC+01:00"}),
        (f"{CELL};cell-info-age=3600", {**said(CELL), "age_s": 3600}),
        ('ADSL2+; dsl-location="a, b"', {"rat": "DSL"}),
        ("3GPP2-1X-HRPD; ci-3gpp2=1234123412341234", {"rat": "CDMA2000"}),
        ("IEEE-802.3ab", {"rat": "Ethernet"}),
        ("untrusted-non-3GPP-VIRTUAL-EPC", {"rat": "non-3GPP"}),
        ("X-VENDOR-6G; utran-cell-id-3gpp=2620110010123456", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_value_says(value: str, parts: dict[str, Any]) -> None:
    assert said(value) == parts


@pytest.mark.parametrize(
    "cell",
    [
        *("262011001012345", "262011001012345G", "26A0110010123456", "2620110010123456789", ""),
        "00101000064001234501",  # the form of NR
    ],
)
def test_a_cell_of_another_form_is_not_taken_apart(cell: str) -> None:
    assert said(f"3GPP-E-UTRAN-FDD;utran-cell-id-3gpp={cell}") == {"rat": "E-UTRAN"}


@pytest.mark.parametrize("address", ["000CF112602", "000CF11260281", "somewhere"])
def test_what_is_no_mac_address_is_no_access_point(address: str) -> None:
    assert said(f"IEEE-802.11;i-wlan-node-id={address}") == {"rat": "WLAN"}


@pytest.mark.parametrize(
    ("value", "by_network"),
    [
        (f"{CELL};network-provided", True),
        (f"{CELL} ; Network-Provided ; local-time-zone=x", True),
        (CELL, False),
        (f'{CELL};x="network-provided"', False),
    ],
)
def test_who_provided_it(value: str, by_network: bool) -> None:
    """``np = "network-provided"`` (RFC 7315 §5.4)."""
    assert decoded(pl.DataFrame({"value": [value]}))["network_provided"].item() is by_network


# ---- who was in it ---------------------------------------------------------------------------------------------------

CALL = f"""
    A -> P   INVITE via=a       header="P-Access-Network-Info:{CELL}"                       @0.0
    P -> B   INVITE via=p,a     header="P-Access-Network-Info:{CELL}"                       @0.1
    B -> P   180 INVITE via=p,a to_tag=y header="P-Access-Network-Info:IEEE-802.11"         @0.2
    P -> A   180 INVITE via=a   to_tag=y header="P-Access-Network-Info:IEEE-802.11"         @0.3
    B -> P   200 INVITE via=p,a to_tag=y header="P-Access-Network-Info:IEEE-802.11"         @0.4
    B -> P   BYE tag=y to_tag=x1 via=b cseq=9 from=sip:b@e to=sip:a@e header="P-Access-Network-Info:3GPP-NR"  @9.0
"""


def rows(capture: analyzer.Capture, *columns: str) -> list[tuple[Any, ...]]:
    return capture.table("access_networks").select(columns).rows()


def test_the_parties_of_a_call() -> None:
    """Copies on further hops are of the same party; the callee's BYE has From and To turned round."""
    assert rows(ims_wire.read(CALL), "party", "rat", "messages") == [
        ("caller", "E-UTRAN", 2),
        ("callee", "WLAN", 3),
        ("callee", "NR", 1),
    ]


def test_when_it_was_said_first_and_last() -> None:
    found = ims_wire.read(CALL).table("access_networks").filter(pl.col("rat") == "WLAN")
    span = found.select(pl.col("last_at") - pl.col("first_at")).item()
    assert span.total_seconds() == pytest.approx(0.2)


def test_a_value_of_two_access_networks_is_two_rows() -> None:
    """The UE's and the network's, with a comma between (RFC 7315 §5.4); one within quotes joins nothing."""
    both = f"{CELL};x='a,b', {CELL};network-provided".replace("'", '\\"')
    capture = ims_wire.read(f'A -> P INVITE via=a header="P-Access-Network-Info:{both}" @0.0')
    assert rows(capture, "network_provided", "tac") == [(False, "1001"), (True, "1001")]


def test_the_last_cell_of_a_ue_on_a_wlan_has_an_age() -> None:
    capture = ims_wire.read(f'A -> P INVITE via=a header="Cellular-Network-Info:{CELL};cell-info-age=12" @0.0')
    assert rows(capture, "header", "rat", "age_s") == [("Cellular-Network-Info", "E-UTRAN", 12)]


def test_a_request_outside_calls_has_a_client_and_a_server() -> None:
    capture = ims_wire.read(
        f"""
        A -> P   MESSAGE via=a header="P-Access-Network-Info:{CELL}"              @0.0
        P -> A   200 MESSAGE via=a to_tag=y header="P-Access-Network-Info:DOCSIS" @0.1
        """
    )
    assert rows(capture, "party", "rat", "subscriber", "call") == [
        ("client", "E-UTRAN", "a@e", None),
        ("server", "cable", "b@e", None),
    ]


@pytest.mark.shared
def test_the_user_of_a_registration() -> None:
    """open5gs: a handset registers from ECI 0x000019B: eNodeB 1, cell 155."""
    cap = captures.read(shared("captures") / "open5gs__open5gs__nonipsec_reg.pcapng")
    (found,) = cap.table("access_networks").filter(pl.col("party") == "user").to_dicts()
    assert found["registration"] in cap.table("registrations")["registration"].to_list()
    named = ("subscriber", "mcc", "mnc", "tac", "enodeb", "enodeb_cell", "home_network", "roaming")
    assert [found[name] for name in named] == [
        *("001011234567895", "001", "01", "0001", "1", "155"),
        *("ims.mnc001.mcc001.3gppnetwork.org", None),
    ]


# ---- where home is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "roaming"),
    [
        ("ims.mnc001.mcc262.3gppnetwork.org", None),
        ("ims.mnc002.mcc262.3gppnetwork.org", "cell of another network"),
        ("ims.mnc001.mcc234.3gppnetwork.org", "cell of another country"),
        ("operator.example", None),  # says nothing
    ],
)
def test_a_cell_away_from_home(domain: str, roaming: str | None) -> None:
    """TS 23.003 §13.2: MCC and MNC of the home network, the MNC with a 0 before two digits. The cell is in 262 01."""
    capture = ims_wire.read(f'A -> P INVITE via=a from=sip:+491@{domain} header="P-Access-Network-Info:{CELL}" @0.0')
    assert rows(capture, "home_network", "roaming") == [(domain, roaming)]


def test_what_the_caller_dials_says_nothing_of_the_callees_home() -> None:
    to = "to=sip:+49302@ims.mnc002.mcc262.3gppnetwork.org"
    capture = ims_wire.read(
        f"""
        A -> P   INVITE via=a {to}                                                               @0.0
        P -> A   180 INVITE via=a {to} to_tag=y header="P-Access-Network-Info:{CELL}"            @0.1
        """
    )
    assert rows(capture, "party", "home_network", "roaming") == [("callee", None, None)]


def test_an_asserted_identity_comes_before_from() -> None:
    """From may be anybody's word; P-Asserted-Identity is the network's (RFC 3325)."""
    capture = ims_wire.read(
        f"""
        A -> P   INVITE via=a   from=sip:a@anonymous.invalid header="P-Access-Network-Info:{CELL}"  @0.0
        P -> S   INVITE via=p,a from=sip:a@anonymous.invalid pai=sip:+491@home1.net                 @0.1
        """
    )
    assert rows(capture, "home_network") == [("home1.net",)]


def test_masked_places_are_not_the_places() -> None:
    original = captures.read(SAMPLES / "volte_call.pcap")
    masked = original.mask("an example, not a secret").table("access_networks").row(0, named=True)
    assert masked["cell_id"] != original.table("access_networks")["cell_id"].item()
    assert (masked["rat"], masked["mcc"], masked["mnc"]) == ("E-UTRAN", "262", "01")


def test_a_table_read_later_is_the_same() -> None:
    """Whether the header fields were read with the rest, or when the table was asked for."""
    path = SAMPLES / "volte_call.pcap"
    at_once = analyzer.read(path, tables=["access_networks"]).table("access_networks")
    assert analyzer.read(path).table("access_networks").equals(at_once)
