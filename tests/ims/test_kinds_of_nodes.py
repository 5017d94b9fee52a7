"""What an application server is for, nodes of emergency calls and of the circuit-switched network."""

from __future__ import annotations

import polars as pl
import pytest
from ims_wire import read

import analyzer

# An S-CSCF calls an application server: its own URI is the second Route. T answers as the end of what it is asked.
CALLED = (
    "U -> S  INVITE call=0 via=u header='Route:<sip:orig@s.example;lr>' @0\n"
    "S -> T  INVITE call=0 via=s,u header='Route:<sip:t.example;lr>,<sip:x@s.example;lr>' {served} {more} @0.01\n"
)
SERVED = "header='P-Served-User:<sip:a@e>;sescase=orig;regstate=reg'"


def roles(capture: analyzer.Capture) -> list[str]:
    """By the order in which nodes come."""
    return capture.table("endpoints").unique("node", maintain_order=True)["role"].to_list()


def server(dialogue: str, more: str = "") -> str:
    """What T is called for."""
    return roles(read(CALLED.format(served=SERVED, more=more) + dialogue))[2]


def test_a_server_of_which_nothing_more_is_known() -> None:
    assert server("") == "AS"


def test_a_server_that_adds_how_a_call_was_diverted() -> None:
    diverted = "header='History-Info:<sip:b@e>;index=1,<sip:c@e>;index=1.1'"
    assert (
        server(f"T -> S INVITE call=0 via=t,s,u to=sip:c@e header='Route:<sip:x@s.example;lr>' {diverted} @0.02")
        == "TAS"
    )


def test_a_server_that_notifies_of_a_conference() -> None:
    assert server("T -> U NOTIFY call=2 via=t to_tag=y header=Event:conference @1") == "conference AS"


def test_a_server_that_takes_what_is_published_of_presence() -> None:
    dialogue = "S -> T PUBLISH call=2 via=s,u header=Event:presence @1\nT -> S 200 PUBLISH call=2 via=s,u to_tag=y @1.1"
    assert server(dialogue) == "presence server"


def test_a_server_that_may_transfer_calls_and_the_node_that_it_tells() -> None:
    information = "header='Content-Type:application/vnd.3gpp.srvcc-info+xml'"
    capture = read(
        CALLED.format(served=SERVED, more="") + f"T -> X MESSAGE call=2 via=t uri=sip:x@e {information} @1\n"
        "X -> T 200 MESSAGE call=2 via=t to_tag=y @1.1"
    )
    assert roles(capture)[2:] == ["SCC AS", "ATCF"]


def test_a_device_that_tells_of_its_presence_is_no_server() -> None:
    assert "presence server" not in roles(read("U -> W NOTIFY via=u to_tag=y header=Event:presence @0"))


def test_what_an_s_cscf_only_passes_on_says_nothing_of_the_next_node() -> None:
    """Whom it serves was written for the server before; the gateway behind is none."""
    capture = read(
        CALLED.format(served=SERVED, more="")
        + f"T -> S INVITE call=0 via=t,s,u header='Route:<sip:x@s.example;lr>' {SERVED} @0.02\n"
        f"S -> G INVITE call=0 via=s2,t,s,u uri=tel:+1 {SERVED} @0.03\n"
    )
    told = capture.table("node_evidence").filter(pl.col("role") == "AS")
    assert told["node"].unique().to_list() == ["10.0.0.3:5060"]


def test_an_emergency_call_is_anchored() -> None:
    """The E-CSCF is second Route under the EATF, as an S-CSCF is under an application server."""
    sos = "uri=urn:service:sos icid=1"
    capture = read(
        f"U -> P INVITE via=u {sos} @0\n"
        f"P -> E INVITE via=p,u {sos} header='Route:<sip:e.example;lr>' @0.01\n"
        f"E -> T INVITE via=e,p,u {sos} header='Route:<sip:t.example;lr>,<sip:e.example;lr>' @0.02\n"
    )
    assert roles(capture)[2:] == ["E-CSCF", "EATF"]
    points = capture.table("reference_points").filter(pl.col("peer_role") == "EATF")
    assert points["reference_point"].to_list() == ["I4"]


@pytest.mark.parametrize(("value", "role"), [("server", "MSC server"), ("principal", "UE")])
def test_who_registers_for_users_of_the_circuit_switched_network(value: str, role: str) -> None:
    contact = f"header='Contact:<sip:m.example>;+g.3gpp.ics=\"{value}\"'"
    access = "header='P-Access-Network-Info:3GPP-GERAN;cgi-3gpp=1'"
    assert roles(read(f"M -> I REGISTER via=m uri=sip:e to=sip:a@e from=sip:a@e {contact} {access} @0"))[0] == role
