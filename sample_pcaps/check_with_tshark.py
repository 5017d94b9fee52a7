"""Hold the truth of every sample against tshark: the same messages, in the same frames, at the same times.

`python sample_pcaps/check_with_tshark.py [NAME ...]`. Compared are the number of packets and, of each message, its
frame, time, addresses, ports, method, status, Call-ID and CSeq. Where tshark sees a frame otherwise, `EXPLAINED` says
why, and that frame is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gm_keys

HERE = Path(__file__).resolve().parent
EXPLAINED: dict[str, dict[int, str]] = {
    "sigcomp_tcp": dict.fromkeys(
        (6, 10, 11),
        "tshark 4.0 takes each segment for a whole message of SigComp, and lacks the state of one that is not",
    ),
    "format_snaplen": dict.fromkeys((1, 3), "tshark shows no header of a message that the snap length cut"),
    "tcp_ugly": {
        23: "tshark 4.0 takes CRLFCRLF and the BYE behind it for one keep-alive; RFC 3261 §7.5 has it skipped"
    },
}
# Wireshark has no dissector of HEP.
NOT_DISSECTED = {"hep_v1", "hep_v2", "hep_v3", "hep_tcp", "hep_two_agents"}
# What a person would have to switch on, or say, by hand.
DECODE_AS = ("udp.port==47290,ip", "l2tp.pw_type==0,eth")
PREFERENCES = (
    "tcp.reassemble_out_of_order:TRUE",
    "esp.enable_null_encryption_decode_heuristic:TRUE",
    "sigcomp.decomp.msg:TRUE",
    "l2tp.cookie_size:8 Byte Cookie",
    "l2tp.l2_specific:Default L2-Specific",
)
# Keys that tshark does not find in the capture.
_GM = '"IPv4","*","*","*","AES-CBC [RFC3602]","0x{}","HMAC-SHA-1-96 [RFC2404]","0x{}"'
KEYS = {"gm_keys": _GM.format(gm_keys.CK.hex(), gm_keys.IK.hex() + "00000000")}


def layers_of(packet: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = packet.get(name, [])
    return found if isinstance(found, list) else [found]


def rfc3339(epoch: str) -> str:
    """tshark's seconds with nine decimals as RFC 3339 with nine digits and Z."""
    seconds, _, fraction = epoch.partition(".")
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%S}.{fraction:0<9}Z"


def tshark_packets(path: Path) -> int:
    done = subprocess.run(["tshark", "-n", "-r", str(path)], capture_output=True, timeout=60, check=False)
    return len(done.stdout.splitlines())


def tshark_rows(path: Path) -> list[tuple[Any, ...]]:
    """(frame, time, source, target, method, status, Call-ID, CSeq) of every SIP message that tshark sees."""
    command = ["tshark", "-n", "-r", str(path), "-Y", "sip && !icmp"]
    command += [word for preference in PREFERENCES for word in ("-o", preference)]
    command += [word for rule in DECODE_AS for word in ("-d", rule)]
    if keys := KEYS.get(path.stem):
        command += ["-o", "esp.enable_encryption_decode:TRUE", "-o", f"uat:esp_sa:{keys}"]
    command += ["-T", "json", "--no-duplicate-keys", "-J", "frame ip ipv6 udp udplite tcp sctp sip exported_pdu"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    rows = []
    for packet in json.loads(done.stdout.decode(errors="replace") or "[]"):
        layers = packet["_source"]["layers"]
        frame = layers["frame"]
        ends = innermost_ends(layers, frame["frame.protocols"].split(":"))
        for sip in layers_of(layers, "sip"):
            status = sip.get("sip.Status-Line_tree", {}).get("sip.Status-Code")
            header = sip.get("sip.msg_hdr_tree", {})
            cseq = header.get("sip.CSeq_tree", {})
            rows.append((
                int(frame["frame.number"]), rfc3339(frame["frame.time_epoch"]), *ends, cseq.get("sip.CSeq.method"),
                int(status) if status else None, header.get("sip.Call-ID"), int(cseq.get("sip.CSeq.seq", 0)),
            ))  # fmt: skip
    return rows


def innermost_ends(layers: dict[str, Any], protocols: list[str]) -> list[str | None]:
    """Source and target of the innermost addresses and ports; None where there is no IP."""
    if "exported_pdu" in layers:
        tags = {name: value for tag in layers["exported_pdu"]["exported_pdu.tag_tree"] for name, value in tag.items()}
        return [f"{tags[f'exported_pdu.ipv4_{side}']}:{tags[f'exported_pdu.{side}_port']}" for side in ("src", "dst")]
    if not {"ip", "ipv6"} & layers.keys():
        return [None, None]
    # Of a layer that is there twice the last is the innermost; what follows a chunk of SCTP has no ports.
    family = next(name for name in reversed(protocols) if name in ("ip", "ipv6"))
    transport = next(name for name in reversed(protocols) if name in ("udp", "udplite", "tcp", "sctp"))
    ip = layers_of(layers, family)[-1]
    # UDP-Lite has the names of UDP.
    names = transport.removesuffix("lite")
    ports = [layer for layer in layers_of(layers, transport) if f"{names}.srcport" in layer][-1]
    ends: list[str | None] = []
    for side in ("src", "dst"):
        host = ip[f"{family}.{side}"]
        host = f"[{host}]" if family == "ipv6" else host
        ends.append(f"{host}:{ports[f'{names}.{side}port']}")
    return ends


def truth_rows(truth: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("frame", "time", "src", "dst", "method", "status", "call_id", "cseq")
    return [tuple(row[name] for name in names) for row in truth["messages"]]


def main() -> int:
    files = {path.stem: path for path in sorted([*HERE.glob("*.pcap"), *HERE.glob("*.pcapng")])}
    failed = 0
    for name in sys.argv[1:] or files:
        truth = json.loads((HERE / "truth" / f"{name}.json").read_text())
        explained = EXPLAINED.get(name, {})
        known = [] if name in NOT_DISSECTED else truth_rows(truth)
        expected = [row for row in known if row[0] not in explained]
        seen = [row for row in tshark_rows(files[name]) if row[0] not in explained]
        packets = tshark_packets(files[name])
        if packets != truth["packets"]:
            failed += 1
            print(f"DIFFERS  {name}: {truth['packets']} packets, tshark has {packets}")
        elif expected == seen:
            print(f"agrees   {name}: {len(seen)} messages")
        else:
            failed += 1
            print(f"DIFFERS  {name}")
        for row in [row for row in expected if row not in seen]:
            print("    truth only: ", row)
        for row in [row for row in seen if row not in expected]:
            print("    tshark only:", row)
        for frame, reason in explained.items():
            print(f"    frame {frame}: {reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
