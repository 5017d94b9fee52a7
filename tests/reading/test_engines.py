"""Engines: each delivers to the one parser, so the messages are the same; what one cannot know is listed."""

from __future__ import annotations

import asyncio
import shlex
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import captures
import merged
import places
import polars as pl
import pytest
from click.testing import CliRunner
from places import SAMPLES

import analyzer
from analyzer.cli import group
from analyzer.errors import AnalyzerError, CaptureError

# Where a message lies in the file: an engine delivers packets, not the file.
UNKNOWN = ["byte_offset"]
# tshark tells the packet that completed a message, not the time of the first.
IN_SEVERAL_PACKETS = {"ipv6_fragments", "tcp_ugly", "sctp_call", "tunnel_fragments", "websocket_call"}
# Those whose file is the matter, or whose tables differ in some way; the others are read together, as one capture.
ALONE = [path for path in captures.SAMPLE_FILES if path.stem.startswith(("format_", *IN_SEVERAL_PACKETS))]
OTHERS = [path for path in captures.SAMPLE_FILES if path not in ALONE]
# What tshark delivers has no layer but IP, UDP, TCP and SCTP: what carried a message is told by the other engines.
CARRIAGE = [
    "interface",
    "tunnel",
    "outer_src_ip",
    "outer_dst_ip",
    "vlan",
    "teid",
    "spi",
    "correlation_id",
    "arrived_at",
]
# What has no IP layer, or UDP-Lite in it, this engine is not told of; our reader and engine scapy read it.
NO_IP_LAYER = {"exported_pdu", "link_sctp", "link_udp_lite"}
# Wireshark has no dissector of HEP.
NOT_DISSECTED = {"hep_v1", "hep_v2", "hep_v3", "hep_tcp", "hep_two_agents"}
# It looks into IP on the port of scat when it is told to (-d udp.port==47290,ip).
TOLD_BY_HAND = {"tunnel_ip_in_udp"}
# It decompresses SigComp and decrypts ESP when it is told to, and with what; so with the layout of L2TPv3
# (sample_pcaps/check_with_tshark.py tells it).
TOLD_BY_HAND |= {"sigcomp_call", "sigcomp_tcp", "gm_keys", "tunnel_l2tpv3"}
# It takes the last four bytes of a FabricPath frame for a check sequence, which captures of switches leave out.
SHORTENED = {"tunnel_fabricpath"}
# Frames of messages that tshark does not show (sample_pcaps/check_with_tshark.py says why): a BYE, and the answer to
# it, whose transaction then begins with itself.
NOT_SHOWN = {"tcp_ugly": [23, 24]}


def native(path: Path) -> pl.DataFrame:
    return captures.read(path).table("messages").drop(UNKNOWN)


def by_scapy(path: Path) -> pl.DataFrame:
    return analyzer.read(path, engine="scapy").table("messages").drop(UNKNOWN)


@pytest.mark.parametrize("path", ALONE, ids=captures.name_of)
def test_scapy_delivers_the_same_messages(path: Path) -> None:
    assert by_scapy(path).equals(native(path))


@pytest.mark.slow
def test_scapy_delivers_the_same_messages_of_all_other_samples(tmp_path: Path) -> None:
    path = merged.write(tmp_path / "merged.pcapng", merged.packets_of(OTHERS))
    assert by_scapy(path).equals(native(path))


def by_pyshark(path: Path) -> pl.DataFrame:
    return analyzer.read(path, engine="pyshark").table("messages").drop(UNKNOWN, *CARRIAGE)


@pytest.mark.tshark
@pytest.mark.parametrize("path", ALONE, ids=captures.name_of)
def test_pyshark_delivers_the_same_messages(path: Path) -> None:
    shown = ~pl.col("frame").is_in(NOT_SHOWN.get(path.stem, []))
    unlike = ["first_byte_at"] if path.stem in IN_SEVERAL_PACKETS else []
    expected, found = (frame.filter(shown).drop(unlike) for frame in (native(path).drop(CARRIAGE), by_pyshark(path)))
    assert found.equals(expected)


@pytest.mark.tshark
def test_pyshark_delivers_the_same_messages_of_all_other_samples(tmp_path: Path) -> None:
    known = [path for path in OTHERS if path.stem not in NO_IP_LAYER | NOT_DISSECTED | TOLD_BY_HAND | SHORTENED]
    path = merged.write(tmp_path / "merged.pcapng", merged.packets_of(known))
    assert by_pyshark(path).equals(native(path).drop(CARRIAGE))


def test_scapy_sees_where_a_file_is_cut() -> None:
    assert analyzer.read(SAMPLES / "format_cut.pcap", engine="scapy").damaged


@pytest.mark.tshark
def test_tshark_sees_where_a_file_is_cut() -> None:
    assert analyzer.read(SAMPLES / "format_cut.pcap", engine="pyshark").damaged


@pytest.mark.tshark
def test_the_capture_ends_when_it_ended() -> None:
    """A call without an answer timed out, as the packets behind it show."""
    calls = analyzer.read(SAMPLES / "timeout.pcap", engine="pyshark").table("calls")
    assert calls.equals(captures.read(SAMPLES / "timeout.pcap").table("calls"))


def test_scapy_finds_ip_behind_a_link_layer_of_its_own(tmp_path: Path) -> None:
    """PPI (link type 192), which nobody else here decodes, around 802.11 with an OPTIONS in it."""
    from scapy.layers.dot11 import Dot11
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import LLC, SNAP
    from scapy.layers.ppi import PPI

    text = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    packet = Dot11(type=2) / LLC() / SNAP() / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=5060, dport=5061) / text
    data = bytes(PPI(dlt=105) / packet)
    record = struct.pack("<IIII", 1740988800, 0, len(data), len(data)) + data
    path = tmp_path / "wireless.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 192) + record)
    rows = analyzer.read(path, engine="scapy").table("messages").select("frame", "src_ip", "dst_port", "method")
    assert rows.rows() == [(1, "192.0.2.1", 5061, "OPTIONS")]


def test_packets_in_memory() -> None:
    """Crafted ones, without a link layer."""
    from scapy.layers.inet import IP, UDP

    text = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    packet = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=5060, dport=5061) / text
    packet.time = 1.5
    rows = (
        analyzer.Capture.from_packets([packet]).table("messages").select("src_ip", "method", pl.col("time").cast(int))
    )
    assert rows.rows() == [("192.0.2.1", "OPTIONS", 1_500_000_000)]


def test_packets_of_a_call_read_as_the_call() -> None:
    capture = captures.read(SAMPLES / "sctp_call.pcap")
    again = analyzer.Capture.from_packets(capture.call(1).packets())
    assert again.table("calls").equals(capture.table("calls"))


def test_a_packet_that_no_capture_can_hold() -> None:
    from scapy.packet import Raw

    with pytest.raises(AnalyzerError, match="packet 1: no capture holds a Raw"):
        analyzer.Capture.from_packets([Raw(b"SIP")])


@pytest.mark.tshark
def test_pyshark_in_a_running_event_loop() -> None:
    """As in Jupyter, where pyshark itself fails."""

    async def cell() -> int:
        return analyzer.read(SAMPLES / "busy.pcap", engine="pyshark").table("messages").height

    assert asyncio.run(cell()) == 4


@pytest.mark.tshark
def test_pyshark_from_threads() -> None:
    def height(name: str) -> int:
        return analyzer.read(SAMPLES / name, engine="pyshark").table("messages").height

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(height, ["busy.pcap", "basic_call.pcap"])) == [4, 7]


@pytest.mark.tshark
def test_pyshark_in_a_notebook() -> None:
    import nbformat
    from nbclient import NotebookClient

    code = f"import analyzer; print(len(analyzer.read({str(SAMPLES / 'busy.pcap')!r}, engine='pyshark').messages))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert notebook.cells[0].outputs[0].text == "4\n"


@pytest.mark.tshark
def test_options_reach_tshark() -> None:
    """Without reassembly of segments out of order tshark loses the INVITE, whose second segment came first."""
    options = ["tcp.reassemble_out_of_order:FALSE"]
    found = analyzer.read(SAMPLES / "tcp_ugly.pcap", engine="pyshark", tshark_options=options).table("messages")
    assert "INVITE" not in found.filter(pl.col("status").is_null())["method"]


@pytest.mark.tshark
def test_a_preference_that_tshark_does_not_know() -> None:
    with pytest.raises(CaptureError, match="specifies unknown preference"):
        analyzer.read(SAMPLES / "busy.pcap", engine="pyshark", tshark_options=["sip.nothing:1"])


@pytest.mark.parametrize("engine", ["scapy", pytest.param("pyshark", marks=pytest.mark.tshark)])
def test_a_file_that_is_no_capture(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.pcap"
    path.write_text("not a capture at all")
    with pytest.raises(CaptureError, match=r"notes\.pcap"):
        analyzer.read(path, engine=engine)


def test_tshark_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AnalyzerError, match="install the Debian package tshark"):
        analyzer.read(SAMPLES / "busy.pcap", engine="pyshark")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"engine": "wireshark"}, "no engine is called 'wireshark'"),
        ({"tshark_options": ["a:b"]}, "for engine pyshark"),
        ({"engine": "pyshark", "tshark_options": ["sip"]}, "give it as NAME:VALUE"),
    ],
)
def test_what_makes_no_sense_is_refused(how: dict[str, str], why: str) -> None:
    with pytest.raises(AnalyzerError, match=why):
        analyzer.read(SAMPLES / "busy.pcap", **how)


def test_the_command_takes_an_engine() -> None:
    result = CliRunner().invoke(group, ["calls", str(SAMPLES / "busy.pcap"), "--engine", "scapy", "--format", "csv"])
    assert (result.exit_code, ",busy," in result.stdout) == (0, True)


#: Formats that editcap writes and the native reader does not open.
FOREIGN = (
    *("5views", "commview-ncf", "k12text", "lanalyzer", "netmon1", "netmon2", "nettl", "ngsniffer"),
    *("ngwsniffer_2_0", "snoop", "visual"),
)


@pytest.mark.tshark
@pytest.mark.parametrize("form", FOREIGN)
def test_advice_to_convert_works_as_typed(form: str, tmp_path: Path) -> None:
    path, converted = tmp_path / "trace", tmp_path / "converted"
    subprocess.run(["editcap", "-F", form, SAMPLES / "busy.pcap", path], check=True, capture_output=True)
    with pytest.raises(CaptureError) as refused:
        analyzer.read(path)
    advice = str(refused.value).partition("convert it first: ")[2]
    words = [
        {"IN": str(path), "OUT.pcap": str(converted), "OUT.pcapng": str(converted)}.get(w, w)
        for w in shlex.split(advice)
    ]
    assert words[0] in ("editcap", "tshark")
    subprocess.run(words, check=True, capture_output=True)
    assert analyzer.read(converted).table("messages").height == 4
    if "--engine pyshark" in str(refused.value):
        assert analyzer.read(path, engine="pyshark").table("messages").height == 4


@pytest.mark.tshark
def test_pyshark_that_finds_nothing_says_what_is_there() -> None:
    capture = analyzer.read(SAMPLES / "ipsec_encrypted.pcap", engine="pyshark")
    native = captures.read(SAMPLES / "ipsec_encrypted.pcap")
    said = capture.blind_spots()
    assert said[0].startswith(f"tshark found no SIP in {native.table('files')['packets'].sum()} packets")
    assert said[1:] == native.blind_spots()
    assert capture.table("files")["last_at"].equals(native.table("files")["last_at"])
    assert capture.table("problems")["code"].to_list()[-1] == "engine_found_nothing"


@pytest.mark.tshark
def test_what_is_no_sip_to_tshark_beside_sip_is_named() -> None:
    path = places.shared("cases", "pyshark_finds_nothing.pcap")
    assert analyzer.read(path, engine="pyshark").blind_spots()[1].startswith("7 packets of IPsec (ESP)")
    sa = '"IPv4","*","*","*","AES-CBC [RFC3602]","0x30313233343536373839616263646566","HMAC-SHA-1-96 [RFC2404]","0x'
    options = ["esp.enable_encryption_decode:TRUE", f'uat:esp_sa:{sa}{"6b" * 20}"']
    found = analyzer.read(path, engine="pyshark", tshark_options=options)
    assert found.table("calls")["outcome"].to_list() == ["answered"]
    assert found.blind_spots() == []


@pytest.mark.tshark
def test_keys_inside_a_file_that_needs_none_are_no_problem(tmp_path: Path) -> None:
    keys, path = tmp_path / "keys.txt", tmp_path / "trace.pcapng"
    keys.write_text(f"CLIENT_RANDOM {'0' * 64} {'0' * 96}\n")
    subprocess.run(["editcap", "--inject-secrets", f"tls,{keys}", SAMPLES / "busy.pcap", path], check=True)
    assert analyzer.read(path).table("problems").is_empty()
