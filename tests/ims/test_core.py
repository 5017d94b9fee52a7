"""What the core gives for roles and registrations: the bits of headers, and the values that few messages have."""

from __future__ import annotations

import polars as pl
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet

import analyzer
from analyzer import schema
from analyzer.graph.node import CORE


def options(*lines: str, call_id: str = "1", at: float = 0.0) -> Packet:
    head = (
        "OPTIONS sip:b@example.com SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call_id}",
        "From: <sip:a@example.com>;tag=1",
        "To: <sip:b@example.com>",
        f"Call-ID: {call_id}",
        "CSeq: 1 OPTIONS",
    )
    text = "\r\n".join((*head, *lines, "", ""))
    packet = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=5060, dport=5060) / text.encode()
    packet.time = 1_767_225_600 + at
    return packet


def core_of(*packets: Packet) -> dict[str, pl.DataFrame]:
    inputs = analyzer.Capture.from_packets(packets).source._graph.inputs
    return {table: inputs[name] for name, table in CORE.items()}


def test_each_header_of_the_vocabulary_has_its_bit() -> None:
    bits = {header: core_of(options(f"{header}: 1"))["messages"]["_headers"].item() for header in schema.HEADERS}
    assert bits == {header: 1 << place for place, header in enumerate(schema.HEADERS)}


def test_the_core_gives_the_columns_of_the_schema() -> None:
    core = core_of(options())
    assert dict(core["ims_headers"].schema) == schema.IMS_HEADERS.polars()
    assert set(schema.CORE_ONLY.names) <= set(core["messages"].columns)


def test_messages_that_say_nothing_of_it_have_no_row() -> None:
    assert core_of(options("User-Agent: x"))["ims_headers"].is_empty()


def test_a_row_is_found_by_the_key_of_its_message_whatever_the_order_of_packets() -> None:
    core = core_of(
        *(
            options(f"Route: <sip:{number}.example;lr>", call_id=str(number), at=at)
            for number, at in ((1, 3), (2, 1), (3, 2))
        )
    )
    joined = core["messages"].join(core["ims_headers"], on="message")
    assert dict(joined.select("call_id", "_route").rows()) == {str(n): f"sip:{n}.example;lr" for n in (1, 2, 3)}
