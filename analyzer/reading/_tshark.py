"""The child process of engine ``pyshark``: a program of its own that imports nothing of ours.

pyshark 0.6 breaks inside a running event loop (Jupyter) and off the main thread; in a process of its own it has neither.
Arguments: the capture, then tshark preferences NAME:VALUE. Prints one line of JSON for each frame with SIP.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pyshark
from pyshark.capture.capture import TSharkCrashException

#: What is asked of tshark before the user's own words: without it, messages in segments out of order are lost.
PREFERENCES = {"tcp.reassemble_out_of_order": "TRUE"}
_LAYERS = "frame ip ipv6 ipv6.fraghdr udp tcp sctp sip"


def main(path: str, *preferences: str) -> int:
    """Reads the capture; what tshark says of its end goes to stderr."""
    given = dict(preference.partition(":")[::2] for preference in preferences)
    capture = pyshark.FileCapture(
        path,
        display_filter="sip && !icmp && !icmpv6",
        use_json=True,
        include_raw=True,
        keep_packets=False,
        override_prefs={**PREFERENCES, **given},
        custom_parameters=["-J", _LAYERS],
    )
    try:
        for packet in capture:
            print(json.dumps(_frame(packet)), flush=False)
    except TSharkCrashException as error:
        print(str(error).strip().splitlines()[-1], file=sys.stderr)
        return 1
    return 0


def _frame(packet: Any) -> dict[str, Any]:
    """Number, time, innermost addresses and ports, and the payloads of one frame, in hexadecimal."""
    protocols = packet.frame_info.protocols.split(":")
    network = _last(protocols, {"ip", "ipv6"})
    transport = _last(protocols, {"udp", "tcp", "sctp"})
    ip, ports = _innermost(packet, network), _innermost(packet, transport)
    found: dict[str, Any] = {
        "frame": int(packet.number),
        "time": str(packet.frame_info.time_epoch),
        "transport": transport,
        "src": [str(ip.get_field("src")), int(ports.get_field("srcport"))],
        "dst": [str(ip.get_field("dst")), int(ports.get_field("dstport"))],
        "ident": int(str(ip.get_field("id")), 16) if network == "ip" else 0,
        "sip": _raw(packet, "sip"),
    }
    if transport == "udp":
        found["payload"] = str(ports.get_field("payload") or "").replace(":", "")
        found["length"] = int(ports.get_field("length")) - 8
    return found


def _last(protocols: list[str], names: set[str]) -> str:
    return next(name for name in reversed(protocols) if name in names)


def _innermost(packet: Any, name: str) -> Any:
    layer = next(layer for layer in packet.layers if layer.layer_name == name)
    return [layer, *layer.duplicate_layers][-1]


def _raw(packet: Any, name: str) -> list[str]:
    """The bytes of each layer of that name: [hexadecimal, position, length ...], or a list of such lists."""
    layer = next(layer for layer in packet.layers if layer.layer_name == f"{name}_raw")
    first = layer.value
    if isinstance(first, str):
        return [first]
    return [first[0], *(other.value[0] for other in layer.duplicate_layers)]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
