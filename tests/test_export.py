"""Exports: the packets of calls as a capture that reads as the original did."""

from __future__ import annotations

import io
import json
import struct
import subprocess
from pathlib import Path

import captures
import merged
import pcaps
import polars as pl
import pytest
from click.testing import CliRunner
from ip_packets import START, ipv4, options
from places import SAMPLES, shared

import analyzer
from analyzer.api.filters import Filter
from analyzer.cli import group
from analyzer.errors import AnalyzerError

# Where a packet lies is that of the file it is in.
ELSEWHERE = ["file", "frame", "byte_offset"]


def again(capture: analyzer.Capture, **how: bool) -> analyzer.Capture:
    """What is read from the export of a capture."""
    capture.export(copy := io.BytesIO(), **how)
    return analyzer.read(io.BytesIO(copy.getvalue()))


#: The calls that took a call's place; and the columns that rest on their messages, too.
RELATED = ["continued_by", "continues"]
BY_RELATION = [*RELATED, "outcome_detail"]


def same_messages(capture: analyzer.Capture) -> bool:
    """Whether the messages of its export are its own."""
    return again(capture).table("messages").drop(ELSEWHERE).equals(capture.table("messages").drop(ELSEWHERE))


@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_all_messages_read_as_before(origin: str) -> None:
    """In every link type, tunnel and protocol of agents."""
    assert same_messages(merged.capture(origin))


#: Merged, the form of a file, the order of its packets and what a snap length left out are lost.
OF_THEIR_OWN_FORM = [
    path for path in captures.SAMPLE_FILES if path.stem.startswith("format_") or path.name in captures.FEW
]


@pytest.mark.parametrize("path", OF_THEIR_OWN_FORM, ids=captures.name_of)
def test_messages_read_as_before_whatever_the_form_of_the_file(path: Path) -> None:
    assert same_messages(captures.read(path))


#: The keys of a call are in the registration before it, which is no part of it (docs/encapsulation.md).
KEYS_ELSEWHERE = {"gm_keys"}


@pytest.mark.parametrize(
    "path", [path for path in captures.FLOWS if path.stem not in KEYS_ELSEWHERE], ids=captures.name_of
)
def test_each_call_alone_is_the_same_call(path: Path) -> None:
    calls = captures.read(path).table("calls")
    for number in calls["no"]:
        captures.read(path).call(number).export(copy := io.BytesIO(), media=True)
        found = analyzer.read(io.BytesIO(copy.getvalue())).table("calls")
        # Numbers count the calls of a view.
        expected = calls.filter(pl.col("no") == number).drop("no")
        if expected.select(pl.any_horizontal(pl.col(RELATED).is_not_null())).item():
            expected, found = expected.drop(BY_RELATION), found.drop(BY_RELATION)
        assert found.drop("no").to_dicts() == expected.to_dicts()


@pytest.mark.parametrize("name", ["blind_transfer.pcap"])
def test_calls_that_have_to_do_with_each_other_are_the_same_together(name: str) -> None:
    calls = captures.read(SAMPLES / name).table("calls")
    together = again(
        captures.read(SAMPLES / name).filter(Filter(where="continues is not null or continued_by is not null"))
    )
    related = calls.filter(pl.any_horizontal(pl.col(RELATED).is_not_null()))
    assert related.height == 2
    assert together.table("calls").drop("no").to_dicts() == related.drop("no").to_dicts()


def test_several_capture_points_stay_apart(tmp_path: Path) -> None:
    """The same packets at two taps whose clocks differ by 2 s: duplicates, not retransmissions."""
    later = tmp_path / "later.pcap"
    data = (SAMPLES / "basic_call.pcap").read_bytes()
    later.write_bytes(_shifted(data, seconds=2))
    capture = analyzer.read([SAMPLES / "basic_call.pcap", later])
    assert again(capture).table("messages")["duplicate"].sum() == 7


def _shifted(pcap: bytes, seconds: int) -> bytes:
    """A classic pcap with all times later."""
    order = "little" if pcap[0] in (0xD4, 0x4D) else "big"
    data, at = bytearray(pcap), 24
    while at < len(data):
        length = int.from_bytes(data[at + 8 : at + 12], order)
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], order) + seconds).to_bytes(4, order)
        at += 16 + length
    return bytes(data)


def test_a_websocket_that_is_reset_fails_as_its_connection_does(tmp_path: Path) -> None:
    """TCP carries it, and TCP is what breaks: the reset is evidence for the call, and exported with it."""
    at, data = 24, (SAMPLES / "websocket_call.pcap").read_bytes()
    records = []
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        records.append(bytearray(data[at : at + 16 + length]))
        at += 16 + length
    # Up to the frame that completes the INVITE; then the server's pong, with RST for PSH and no payload.
    reset = records[8][: 16 + 54]
    reset[8:16] = struct.pack("<II", 54, 54)
    reset[16 + 16 : 16 + 18] = struct.pack("!H", 40)
    reset[16 + 47] = 0x14
    path = tmp_path / "reset.pcap"
    path.write_bytes(data[:24] + b"".join(records[:8]) + reset)
    (outcome,) = analyzer.read(path).table("calls")["outcome"]
    assert outcome == "unreachable"
    assert again(analyzer.read(path).call(1)).table("calls")["outcome"].to_list() == [outcome]


def test_only_the_packets_of_the_call(tmp_path: Path) -> None:
    """One of 24 packets of SIP outside calls, and its answer."""
    capture = captures.read(SAMPLES / "outcomes.pcap")
    call = capture.call(1)
    assert call.export(tmp_path / "call.pcapng") == call.table("messages")["frame"].n_unique()


def test_every_fragment_is_there() -> None:
    """The INVITE came in three IPv6 fragments, frames 1 to 3; six packets follow."""
    assert captures.read(SAMPLES / "ipv6_fragments.pcap").export(io.BytesIO()) == 9


def test_of_segments_without_bytes_of_a_message_those_that_open_and_close_the_connection_are_there() -> None:
    """27 packets: fifteen carry the nine messages, two have SYN and two FIN; what is repeated or only acknowledges is
    left out."""
    assert captures.read(SAMPLES / "tcp_ugly.pcap").export(io.BytesIO()) == 15 + 4


def _tcp(sequence: int, flags: int, payload: bytes = b"") -> bytes:
    return ipv4(6, struct.pack("!HHIIBBHHH", 40_000, 5060, sequence, 0, 5 << 4, flags, 65_535, 0, 0) + payload)


def test_ports_used_again_are_another_connection(tmp_path: Path) -> None:
    """The second connection numbers its bytes as the first did: its SYN alone says that they are others."""
    first, second = options("first@192.0.2.1"), options("other@192.0.2.1")
    sent = [_tcp(1000, 0x02), _tcp(1001, 0x18, first), _tcp(1001 + len(first), 0x11)]
    sent += [_tcp(990, 0x02), _tcp(991, 0x18, second), _tcp(991 + len(second), 0x11)]
    path = tmp_path / "again.pcap"
    path.write_bytes(pcaps.pcap(101, ((START + number * 10**9, packet) for number, packet in enumerate(sent))))
    for capture in (read := analyzer.read(path), again(read)):
        assert capture.table("messages")["call_id"].to_list() == ["first@192.0.2.1", "other@192.0.2.1"]


@pytest.mark.shared
def test_media_is_asked_for() -> None:
    path = shared("captures") / "realjimmy__sample-captures__sip-rtp-g722.pcap"
    signalling, with_media = (captures.read(path).export(io.BytesIO(), media=media) for media in (False, True))
    packets = captures.read(path).table("files")["packets"].sum()
    assert (signalling, signalling < with_media <= packets) == (captures.read(path).table("messages").height, True)


def test_packets_are_those_of_scapy() -> None:
    packets = captures.read(SAMPLES / "tcp_ugly.pcap").call(1).packets()
    assert (len(packets), packets[0].name, str(packets[0].time)) == (19, "Ethernet", "1740988800")


@pytest.mark.tshark
@pytest.mark.parametrize(
    "name",
    ["basic_call.pcap", "sctp_call.pcap", "ipv6_fragments.pcap", "forked_two_answers.pcap", "websocket_call.pcap"],
)
def test_tshark_sees_the_same_messages(name: str, tmp_path: Path) -> None:
    captures.read(SAMPLES / name).export(tmp_path / "copy.pcapng")
    seen = []
    for path in (SAMPLES / name, tmp_path / "copy.pcapng"):
        command = ["tshark", "-n", "-r", str(path), "-Y", "sip && !icmp", "-T", "fields", "-e", "frame.time_epoch"]
        done = subprocess.run([*command, "-e", "sip.CSeq"], capture_output=True, text=True, timeout=60, check=True)
        seen.append(done.stdout)
    assert seen[0] == seen[1] != ""


def test_a_display_filter_of_a_masked_capture_is_refused() -> None:
    masked = captures.read(SAMPLES / "busy.pcap").mask()
    for refused_filter in (masked.wireshark_filter, masked.call(1).wireshark_filter):
        with pytest.raises(AnalyzerError, match="cannot be masked"):
            refused_filter()


def test_the_original_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "busy.pcap"
    path.write_bytes((SAMPLES / "busy.pcap").read_bytes())
    for capture in (analyzer.read(path), analyzer.read(path).mask()):
        with pytest.raises(AnalyzerError, match="being read"):
            capture.export(path)


def test_filters_name_every_call_id_and_escape_it() -> None:
    from analyzer.reading.export import wireshark_filter

    messages = pl.DataFrame({"call_id": ['a"b\\c', "ü\x1b", None, 'a"b\\c']})
    assert wireshark_filter(messages) == r'sip.Call-ID == "a\x22b\x5cc" || sip.Call-ID == "\xc3\xbc\x1b"'


@pytest.mark.tshark
def test_the_filter_finds_the_call_in_tshark() -> None:
    """Seven messages, whose Call-ID is `../../<b>x</b>@evil.example`."""
    path = SAMPLES / "hostile.pcap"
    command = ["tshark", "-n", "-r", str(path), "-Y", captures.read(path).call(1).wireshark_filter()]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert len(done.stdout.splitlines()) == 7


def cli(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(group, ["export", *words], prog_name="sip-analyzer")
    return result.exit_code, result.stdout, result.stderr


def test_the_command_writes_the_calls_that_filters_pick(tmp_path: Path) -> None:
    copy = tmp_path / "busy.pcapng"
    status, _, said = cli(str(SAMPLES / "outcomes.pcap"), "--status", "488", "-o", str(copy))
    picked = captures.read(SAMPLES / "outcomes.pcap").filter(Filter(status=488)).table("calls")
    assert (status, "written to" in said) == (0, True)
    assert analyzer.read(copy).table("calls")["call_ids"].to_list() == picked["call_ids"].to_list()


def test_the_command_prints_a_filter() -> None:
    call_id = json.loads((SAMPLES / "truth" / "busy.json").read_text())["calls"][0]["call_ids"][0]
    assert cli(str(SAMPLES / "busy.pcap"), "--wireshark-filter")[:2] == (0, f'sip.Call-ID == "{call_id}"\n')


def test_nothing_picked_writes_no_file(tmp_path: Path) -> None:
    copy = tmp_path / "none.pcapng"
    status, _, said = cli(str(SAMPLES / "busy.pcap"), "--call-id", "nobody", "-o", str(copy))
    assert (status, said, copy.exists()) == (2, "sip-analyzer: no SIP matches the filter\n", False)


def test_where_to_must_be_said() -> None:
    assert cli(str(SAMPLES / "busy.pcap"))[0] == 2
