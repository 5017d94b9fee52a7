"""Packets made of masked messages: the same story, told of nobody."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import captures
import originals
import polars as pl
import pytest
from places import SAMPLES

import analyzer
from analyzer import schema

#: What a message came in, and where: that of the masked packets is their own.
CARRIAGE = {
    "file", "frame", "byte_offset", "point", "interface", "tunnel", "vlan", "teid", "spi", "outer_src_ip",
    "outer_dst_ip", "correlation_id", "arrived_at", "path",
}  # fmt: skip
#: One of each carriage, and calls in which more than the usual happens.
TOLD_AGAIN = [
    "volte_failures.pcap", "forked_two_answers.pcap", "lost_and_resent.pcap", "transport_error.pcap",
    "doubled_nat.pcap", "ipv6_fragments.pcap", "tcp_ugly.pcap", "sctp_call.pcap", "websocket_call.pcap",
    "tunnel_gtpu.pcap", "hep_v3.pcap", "exported_pdu.pcap", "ipsec_esp_null_tcp.pcap", "format_snaplen.pcap",
]  # fmt: skip


def packets_of(capture: analyzer.Capture, **how: bool) -> bytes:
    capture.export(copy := io.BytesIO(), **how)
    return copy.getvalue()


def story(capture: analyzer.Capture, name: str) -> pl.DataFrame:
    """A table without keys, which are made of the bytes of messages, and without what carried these."""
    keys = {column.name for column in schema.TABLES[name].columns if column.type == "key"}
    return capture.table(name).drop(keys | CARRIAGE, strict=False)


@pytest.mark.parametrize("name", TOLD_AGAIN)
def test_the_packets_tell_what_the_masked_tables_tell(name: str) -> None:
    masked = captures.masked(SAMPLES / name)
    again = analyzer.read(io.BytesIO(packets_of(masked)))
    for table in ("messages", "transactions", "dialogs", "calls", "registrations"):
        assert story(again, table).to_dicts() == story(masked, table).to_dicts(), table


@pytest.mark.parametrize("path", captures.FLOWS, ids=captures.name_of)
def test_no_packet_holds_an_original(path: Path) -> None:
    capture = captures.read(path)
    texts = [text.decode("utf-8", "replace") for text in capture.source.texts(capture.table("messages")["message"])]
    packets = packets_of(captures.masked(path)).decode("latin-1")
    assert [word for word in originals.telling(texts) if word in packets] == []


def test_of_media_the_headers_alone_are_there() -> None:
    path = SAMPLES / "media.pcap"
    masked = captures.masked(path)
    packets = packets_of(masked, media=True)
    again = analyzer.read(io.BytesIO(packets))
    assert story(again, "streams").to_dicts() == story(masked, "streams").to_dicts()
    # What follows the twelve bytes of a header in the capture, a second into the call.
    said = [packet["RTP"].load for packet in captures.read(path).call(1).packets(media=True)[50:60] if "RTP" in packet]
    assert [payload for payload in said if payload in packets] == []


def test_two_capture_points_stay_two() -> None:
    both = [SAMPLES / "tunnel_in_and_out.pcap", SAMPLES / "ims_core.pcap"]
    masked = analyzer.read(both).mask(captures.KEY)
    again = analyzer.read(io.BytesIO(packets_of(masked)))
    assert again.table("messages")["point"].n_unique() == masked.table("messages")["point"].n_unique() == 2
    assert again.table("messages")["duplicate"].sum() == masked.table("messages")["duplicate"].sum()


@pytest.mark.tshark
@pytest.mark.parametrize(
    "name",
    ["volte_call.pcap", "tcp_ugly.pcap", "sctp_call.pcap", "ipv6_fragments.pcap", "websocket_call.pcap", "hep_v3.pcap"],
)
def test_tshark_reads_the_same_messages_and_finds_no_wrong_checksum(name: str, tmp_path: Path) -> None:
    masked = captures.masked(SAMPLES / name)
    masked.export(tmp_path / "masked.pcapng")
    checks = [f"{protocol}.check_checksum:TRUE" for protocol in ("ip", "udp", "tcp")] + ["sctp.checksum:CRC32C"]
    command = [
        "tshark",
        "-n",
        "-r",
        str(tmp_path / "masked.pcapng"),
        *(word for check in checks for word in ("-o", check)),
    ]

    def shown(*more: str) -> list[str]:
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.split("\n")[:-1]

    call_ids = shown("-Y", "sip", "-T", "fields", "-e", "sip.Call-ID")
    assert call_ids == masked.table("messages")["call_id"].to_list()
    assert shown("-Y", '_ws.expert.message contains "hecksum" && _ws.expert.severity >= "Error"') == []
