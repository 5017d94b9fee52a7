"""Tags of switches and tunnels that carry SIP: what is inside is read, as tshark reads it, and named by its carrier."""

from __future__ import annotations

import itertools
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from ip_packets import HERE, MACS, START, THERE, ether, frame, ipv4, options, total, udp
from pcaps import pcap
from places import shared

import analyzer


def sctp(message: bytes) -> bytes:
    """One DATA chunk (RFC 9260 §3.3.1); the checksum is not looked at."""
    chunk = struct.pack("!BBHIHHI", 0, 3, 16 + len(message), 1, 0, 0, 0) + message
    return struct.pack("!HHII", 5060, 5060, 9, 0) + chunk + bytes(-len(message) % 4)


def lite(payload: bytes) -> bytes:
    """UDP-Lite (RFC 3828): of the checksum coverage only the header."""
    head = struct.pack("!HHH", 5060, 5060, 8)
    value = 0xFFFF - total(HERE + THERE + struct.pack("!HH", 136, 8 + len(payload)) + head)
    packet = ipv4(136, head + struct.pack("!H", value) + payload)
    head = packet[:10] + b"\0\0" + HERE + THERE
    return head[:10] + struct.pack("!H", 0xFFFF - total(head)) + head[12:] + packet[20:]


#: From what follows the addresses of a frame to what follows them in the carrier.
TAGS: dict[str, Callable[[bytes], bytes]] = {
    "vntag": lambda rest: b"\x89\x26\x80\x0a\x00\x2a" + rest,
    "etag": lambda rest: b"\x89\x3f\x20\x05\x10\x2a\x01\x02" + rest,
    "fabricpath": lambda rest: b"\x89\x03\x10\x3f" + MACS + rest,
    "cisco_metadata": lambda rest: b"\x89\x09\x01\x01\x00\x01\x00\x64" + rest,
    "arista_time": lambda rest: b"\xd2\x8b\x00\x01\x00\x10\x5f\x5e\x10\x00\x00\x0f\x42\x40" + rest,
    "macsec": lambda rest: b"\x88\xe5\x20\x00\x00\x00\x00\x05" + MACS[:6] + b"\x00\x01" + rest + bytes(range(16)),
    "nsh": lambda rest: b"\x89\x4f\x0f\xc6\x01\x03\x00\x00\x2a\xff" + bytes(16) + MACS + rest,
}


def nsh_of_no_metadata(rest: bytes) -> bytes:
    """Metadata type 2 of no length, IPv4 or IPv6 behind it."""
    following = 2 if rest[:2] == b"\x86\xdd" else 1
    return b"\x89\x4f\x0f\xc2\x02" + bytes((following,)) + b"\x00\x00\x2a\xff" + rest[2:]


def over_udp(port: int, head: bytes, *, source: int = 50_000) -> Callable[[bytes], bytes]:
    """Behind a UDP header, then ``head``, then the packet."""
    return lambda packet: udp(head + packet, source, port)


#: From an IP packet to the packet that carries it.
TUNNELS: dict[str, Callable[[bytes], bytes]] = {
    "mpls": over_udp(6635, b"\x00\x3e\x81\x40"),
    "lisp": over_udp(4341, b"\x80\x12\x34\x56\x00\x00\x00\x01"),
    "capwap": lambda packet: udp(b"\x00\x10\x02\x00" + bytes(4) + MACS + ether(packet), 50_000, 5247),
}


def isl(inner: bytes, vlan: int) -> bytes:
    length = 12 + len(inner) + 4
    head = bytes.fromhex("01000c0000") + b"\x00" + MACS[:6] + struct.pack("!H", length) + bytes.fromhex("aaaa03000102")
    return head + struct.pack("!HHH", vlan << 1, 1, 0) + inner + bytes(4)


def teredo(packet: bytes, before: bytes = b"") -> bytes:
    return udp(before + packet, 3544, 50_000)


ORIGIN = bytes.fromhex("0000ec773ffffdfe")
AUTHENTICATION = b"\x00\x01\x02\x03ididauthauth"[:4] + b"id" + b"aut" + bytes(8) + b"\x00"


def frames() -> dict[str, bytes]:
    """Call-ID and frame: every carrier around a message in IPv4, and around one in IPv6."""
    found: dict[str, bytes] = {}
    for version in (4, 6):
        for name, tag in [*TAGS.items(), ("nsh/2", nsh_of_no_metadata)]:
            call_id = f"{name}/{version}"
            found[call_id] = frame(tag(ether(udp(options(call_id), v6=version == 6))))
        for name, around in TUNNELS.items():
            call_id = f"{name}/{version}"
            found[call_id] = frame(ether(around(udp(options(call_id), v6=version == 6))))
        call_id = f"isl/{version}"
        found[call_id] = isl(frame(ether(udp(options(call_id), v6=version == 6))), 100)
    for name, before in (("teredo", b""), ("teredo/origin", ORIGIN), ("teredo/both", AUTHENTICATION + ORIGIN)):
        found[name] = frame(ether(teredo(udp(options(name), v6=True), before)))
    found["sctp_in_udp"] = frame(ether(udp(sctp(options("sctp_in_udp")), 9899, 9899)))
    found["udp_lite"] = frame(ether(lite(options("udp_lite"))))
    return found


def nested() -> dict[str, bytes]:
    """Two carriers, one in the other."""
    found: dict[str, bytes] = {}
    for (outer, tag), (inner, other) in itertools.permutations(TAGS.items(), 2):
        call_id = f"{outer}+{inner}"
        found[call_id] = frame(tag(other(ether(udp(options(call_id))))))
    for (outer, around), (inner, within) in itertools.product(TUNNELS.items(), repeat=2):
        call_id = f"{outer}+{inner}"
        found[call_id] = frame(ether(around(within(udp(options(call_id))))))
    for (outer, tag), (inner, within) in itertools.product(TAGS.items(), TUNNELS.items()):
        call_id = f"{outer}+{inner}"
        found[call_id] = frame(tag(ether(within(udp(options(call_id))))))
    return found


def capture(path: Path, packets: list[bytes]) -> analyzer.Capture:
    path.write_bytes(pcap(1, [(START + second * 10**9, packet) for second, packet in enumerate(packets)]))
    return analyzer.read(path)


def call_ids(path: Path) -> list[str]:
    """The Call-IDs that tshark sees, by frame."""
    words = ["tshark", "-n", "-r", str(path), "-Y", "sip", "-T", "fields", "-e", "sip.Call-ID"]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout.split()


@pytest.mark.parametrize("call_id", frames())
def test_the_message_in_each_carrier_is_read(tmp_path: Path, call_id: str) -> None:
    cap = capture(tmp_path / "a.pcap", [frames()[call_id]])
    (message,) = cap.table("messages").rows(named=True)
    assert (message["call_id"], message["method"], message["complete"]) == (call_id, "OPTIONS", True)
    assert cap.table("problems").is_empty()
    assert cap.table("account").rows() == [("sip", "message", 1)]
    named = {"udp_lite": None, "nsh/2/4": "nsh", "nsh/2/6": "nsh"}
    first = call_id.split("/")[0]
    assert message["tunnel"] == named.get(call_id, "ip_in_udp" if first == "teredo" else first)


@pytest.mark.tshark
def test_tshark_reads_the_same_messages(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", list(frames().values()))
    ours = cap.table("messages")["call_id"].to_list()
    assert ours == call_ids(tmp_path / "a.pcap") == list(frames())


def test_carriers_in_carriers(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", list(nested().values()))
    assert cap.table("messages")["call_id"].to_list() == list(nested())
    assert cap.table("messages")["tunnel"].to_list() == [call_id.replace("+", "/") for call_id in nested()]
    assert cap.table("problems").is_empty()


@pytest.mark.tshark
def test_tshark_reads_no_message_in_carriers_that_we_do_not(tmp_path: Path) -> None:
    """It does not take every tag in every place; where it does, it and we see the same."""
    cap = capture(tmp_path / "a.pcap", list(nested().values()))
    theirs = call_ids(tmp_path / "a.pcap")
    assert len(theirs) > len(nested()) // 2
    assert set(theirs) <= set(cap.table("messages")["call_id"])


@pytest.mark.tshark
def test_the_case(tmp_path: Path) -> None:
    path = shared("cases", "carriers.pcap")
    cap = analyzer.read(path)
    assert cap.table("messages")["call_id"].to_list() == call_ids(path)
    assert cap.table("messages").height == cap.table("account")["packets"].sum() == 14
    assert cap.table("problems").is_empty()


def test_the_tag_of_a_vlan_and_ends_of_tunnels_are_told(tmp_path: Path) -> None:
    behind = b"\x81\x00\x00\x64" + ether(udp(options("1")))
    packets = [
        frame(TAGS["vntag"](behind)),
        isl(frame(ether(udp(options("2")))), 300),
        frame(ether(TUNNELS["lisp"](udp(options("3"), v6=True)))),
        frame(ether(udp(sctp(options("4")), 9899, 9899))),
    ]
    messages = capture(tmp_path / "a.pcap", packets).table("messages")
    assert messages["vlan"].to_list() == ["100", "300", None, None]
    assert messages["outer_src_ip"].to_list() == [None, None, "192.0.2.1", None]
    assert messages["src_ip"].to_list() == ["192.0.2.1", "192.0.2.1", "2001:db8::1", "192.0.2.1"]
    assert messages["transport"].to_list() == ["udp", "udp", "udp", "sctp"]


NOT_THESE = {
    # §9.3 of IEEE 802.1AE: E says that the data are encrypted, C that they were changed.
    "encrypted MACsec": (frame(b"\x88\xe5\x2c" + TAGS["macsec"](b"\x08\x00" + bytes(60))[3:]), "ethertype_macsec"),
    # RFC 5415 §4.3: type 1 is DTLS.
    "encrypted CAPWAP": (frame(ether(udp(b"\x01\x00\x00\x00" + bytes(60), 50_000, 5247))), "not_sip"),
    # RFC 9260 §3.2: no chunk is longer than its packet.
    "no SCTP": (
        frame(ether(udp(b"\x13\xc4\x13\xc4" + bytes(8) + b"\x00\x03\xff\xff" + bytes(8), 9899, 9899))),
        "not_sip",
    ),
}


@pytest.mark.parametrize("name", NOT_THESE)
def test_what_is_encrypted_or_something_else_is_no_message(tmp_path: Path, name: str) -> None:
    packet, reason = NOT_THESE[name]
    ((_, found, _),) = capture(tmp_path / "a.pcap", [packet]).table("account").rows()
    assert found.startswith(reason)


def test_sip_on_the_ports_of_tunnels_stays_sip(tmp_path: Path) -> None:
    ports = (4341, 6635, 9899, 5247, 3544, 47290, 4789, 2152)
    packets = [frame(ether(udp(options(f"to {port}"), target=port))) for port in ports]
    packets += [frame(ether(udp(options(f"from {port}"), source=port))) for port in ports]
    messages = capture(tmp_path / "a.pcap", packets).table("messages")
    assert messages.height == 2 * len(ports)
    assert messages["tunnel"].null_count() == messages.height


@pytest.mark.slow
def test_carriers_that_were_cut_lose_nothing_but_what_is_cut(tmp_path: Path) -> None:
    """At every length: each packet is counted once, and no Call-ID is there that nobody sent."""
    everything = [*frames().values()]
    sent = set(frames())
    for snap in (20, 40, 60, 75, 90, 140):
        path = tmp_path / "a.pcap"
        path.write_bytes(pcap(1, [(START + at, packet) for at, packet in enumerate(everything)], snap))
        cap = analyzer.read(path)
        assert cap.table("account")["packets"].sum() == len(everything)
        assert set(cap.table("messages")["call_id"].drop_nulls()) <= sent


def mutations(packets: list[bytes], seed: int) -> list[bytes]:
    """Bits flipped, lengths of nothing and of everything, ends cut off: each packet damaged in one place."""
    chance = random.Random(seed)
    found = []
    for packet in packets:
        data, at = bytearray(packet), chance.randrange(12, len(packet) - 2)
        kind = chance.randrange(4)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 3:
            del data[at:]
        else:
            data[at : at + 2] = b"\0\0" if kind == 1 else b"\xff\xff"
        found.append(bytes(data))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_damaged_carriers_are_counted_and_their_neighbours_read(tmp_path: Path, seed: int) -> None:
    whole = [*frames().values(), *nested().values()]
    damaged = mutations(whole, seed)
    cap = capture(tmp_path / "a.pcap", [packet for pair in zip(whole, damaged, strict=True) for packet in pair])
    assert cap.table("account")["packets"].sum() == 2 * len(whole)
    undamaged = cap.table("messages").filter(pl.col("frame") % 2 == 1)
    assert undamaged["call_id"].to_list() == [*frames(), *nested()]


@pytest.mark.slow
def test_a_hundred_carriers_in_one_another_end_at_the_limit(tmp_path: Path) -> None:
    for name, tag in TAGS.items():
        rest = ether(udp(options(name)))
        for _ in range(100):
            rest = tag(rest)
        cap = capture(tmp_path / "a.pcap", [frame(rest), frame(tag(ether(udp(options("behind")))))])
        assert cap.table("messages")["call_id"].to_list() == ["behind"], name
        assert "layer_limit" in cap.table("problems")["code"], name


def test_sip_in_a_carrier_that_nobody_knows_is_told(tmp_path: Path) -> None:
    unknown = frame(b"\x99\x99\x00\x01" + ether(udp(options("1"))))
    odd = frame(ether(ipv4(253, b"\x00\x00" + options("2"))))
    over = frame(ether(udp(b"\x01\x02" + bytes(40) + ether(udp(options("3"))), 40_000, 40_002)))
    cap = capture(tmp_path / "a.pcap", [unknown, unknown, odd, over])
    assert cap.table("messages").is_empty()
    told = cap.blind_spots()
    assert [sentence.partition(", which")[0].partition("packets of ")[2] for sentence in told] == [
        "ethertype 0x9999", "IP protocol 253", "an unknown protocol over UDP",
    ]  # fmt: skip
    assert all("--engine pyshark" in sentence for sentence in told)
    assert not any("interface" in sentence for sentence in told)


def test_what_is_no_sip_in_an_unknown_carrier_is_not_told(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [frame(b"\x99\x99\x00\x01" + ether(udp(b"HTTP/1.1 200 OK\r\n\r\n")))] * 3)
    assert cap.table("problems").is_empty()
    assert cap.blind_spots() == [
        "most packets are of a layer that is not decoded and may hide SIP; tshark may know it: --engine pyshark: "
        "0X9999 (3)"
    ]
