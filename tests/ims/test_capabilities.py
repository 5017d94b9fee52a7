"""Capabilities: methods, option tags, feature tags and identifiers, each with who says so and where."""

from __future__ import annotations

import captures
import polars as pl
import pytest
from ims_wire import read
from places import SAMPLES, shared

REGISTER = """
    UE -> P  REGISTER to=sip:a@e {0}                                @0.000
    P -> S   REGISTER to=sip:a@e via=p,REGISTER11 {0} header=Require:path  @0.010
    S -> P   200 REGISTER to=sip:a@e via=p,REGISTER11 to_tag=r {1}  @0.020
    P -> UE  200 REGISTER to=sip:a@e to_tag=r {1}                   @0.030
"""


def said(request: str, response: str = "") -> pl.DataFrame:
    contact = f"'header=Contact:<sip:a@10.0.0.1:5060>{request}'"
    return read(REGISTER.format(contact, response)).table("capabilities")


def names(table: pl.DataFrame, kind: str) -> list[str]:
    return table.filter(pl.col("kind") == kind)["name"].to_list()


def test_a_list_of_identifiers_is_taken_apart_and_its_escapes_undone() -> None:
    """TS 24.229 §7.9.2: in a quoted string, separated by commas, colons escaped."""
    table = said(
        ';+g.3gpp.iari-ref=\\"urn%3Aurn-7%3A3gpp-application.ims.iari.rcse.im,urn%3aurn-7%3ax\\"'.replace("\\", "")
    )
    assert names(table, "iari") == ["urn:urn-7:3gpp-application.ims.iari.rcse.im", "urn:urn-7:x"]


def test_commas_of_the_list_may_be_escaped_too() -> None:
    table = said(';+g.3gpp.icsi-ref="urn%3Aurn-7%3Aa%2Curn%3Aurn-7%3Ab"')
    assert names(table, "icsi") == ["urn:urn-7:a", "urn:urn-7:b"]


def test_parameters_of_a_contact_that_are_no_feature_tags_are_left_out() -> None:
    """RFC 3840 §9: feature tags begin with a plus, save those of its §10."""
    table = said(";q=0.5;expires=600;audio;+g.3gpp.smsip;reg-id=1")
    assert names(table, "feature_tag") == ["audio", "+g.3gpp.smsip"]


def test_the_uri_of_a_contact_is_no_capability() -> None:
    contact = "'header=Contact:\"a;video\" <sip:a@10.0.0.1;transport=tcp;text>;audio'"
    table = read(REGISTER.format(contact, "")).table("capabilities")
    assert names(table, "feature_tag") == ["audio"]


def test_the_instance_is_the_device() -> None:
    """RFC 7254."""
    table = said(';+sip.instance="<urn:gsma:imei:35209900-176148-0>"')
    assert table.filter(pl.col("kind") == "instance")["value"].to_list() == ["urn:gsma:imei:35209900-176148-0"]


def test_an_imei_is_masked_and_the_name_of_a_service_is_not() -> None:
    masked = captures.read(SAMPLES / "services.pcap").mask("an example, not a secret").table("capabilities")
    assert not masked["value"].str.contains("35209900").any()
    assert "urn:urn-7:3gpp-service.ims.icsi.mmtel" in names(masked, "icsi")


def test_what_a_proxy_adds_to_a_request_is_none_of_the_ues() -> None:
    """TS 24.229 §5.2.2.1: the P-CSCF requires path."""
    assert names(said(";audio"), "required") == []


def test_what_the_registrar_says_is_the_networks() -> None:
    """RFC 6809: Feature-Caps. The Contact of its 200 lists what the UE said itself."""
    table = said(
        ";audio",
        "'header=Feature-Caps:*;+g.3gpp.srvcc-alerting' header=Supported:outbound"
        " 'header=Contact:<sip:a@10.0.0.1:5060>;audio;expires=60'",
    )
    network = table.filter(pl.col("said_by") == "network")
    assert network.select("kind", "name", "said_in").rows() == [
        ("feature_cap", "+g.3gpp.srvcc-alerting", "200 to REGISTER"),
        ("option", "outbound", "200 to REGISTER"),
    ]


def test_what_an_invite_says_goes_to_the_registration_of_its_contact() -> None:
    contact = "'header=Contact:<sip:a@10.0.0.1:5060>'"
    capture = read(
        REGISTER.format(contact, "header=Expires:600")
        + "UE -> P  INVITE call=2 'header=Contact:<sip:a@10.0.0.1:5060;ob>' header=Allow:INVITE,PRACK  @5.000\n"
    )
    methods = capture.table("capabilities").filter(pl.col("kind") == "method")
    assert methods["registration"].to_list() == capture.table("registrations")["registration"].to_list() * 2


@pytest.mark.shared
def test_a_real_phone() -> None:
    """Looked at by hand: an open5gs laboratory, a phone with SMS over IP and video."""
    table = captures.read(shared("captures", "open5gs__open5gs__nonipsec_reg.pcapng")).table("capabilities")
    registered = table.filter(pl.col("said_in") == "REGISTER")
    assert names(registered, "feature_tag") == ["+g.3gpp.smsip", "video", "+g.3gpp.accesstype"]
    assert names(registered, "icsi") == ["urn:urn-7:3gpp-service.ims.icsi.mmtel"]
