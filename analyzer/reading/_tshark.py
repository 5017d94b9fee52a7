"""The child process of engine ``pyshark``: a program of its own that imports nothing of ours.

pyshark 0.6 breaks inside a running event loop (Jupyter) and off the main thread; in a process of its own it has
neither. Arguments: the capture, then tshark preferences NAME:VALUE. Prints one line of JSON for each frame
with SIP.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from pyshark.capture.capture import TSharkCrashException
from pyshark.capture.file_capture import FileCapture

#: What is asked of tshark before the user's own words: without it, messages out of order and in ESP in clear are lost.
PREFERENCES = {"tcp.reassemble_out_of_order": "TRUE", "esp.enable_null_encryption_decode_heuristic": "TRUE"}
_LAYERS = "frame ip ipv6 ipv6.fraghdr udp tcp sctp sip"


def main(path: str, *preferences: str) -> None:
    """Reads the capture; where tshark fails, the last line says why."""
    pairs = [preference.partition(":")[::2] for preference in preferences]
    given = {name: value for name, value in pairs if name != "decode_as"}
    # tshark -d takes it in one word; pyshark in two.
    decode_as = dict(value.rpartition(",")[::2] for name, value in pairs if name == "decode_as")
    file_capture: Any = FileCapture  # pyshark has no types
    capture = file_capture(
        path,
        display_filter="sip && !icmp && !icmpv6",
        use_json=True,
        include_raw=True,
        keep_packets=False,
        decode_as=decode_as or None,
        override_prefs={**PREFERENCES, **given},
        custom_parameters=["-J", _LAYERS],
    )
    try:
        for packet in capture:
            print(json.dumps(_frame(packet)))
        capture.close()
    except ValueError as error:
        print(json.dumps({"error": str(error)}))
    except TSharkCrashException as error:
        said = re.search(r"^Last error line: (?:tshark: )?(.*)", str(error), re.MULTILINE)
        print(json.dumps({"error": said[1] if said else str(error)}))


def _frame(packet: Any) -> dict[str, Any]:
    """Number, time, innermost addresses and ports, and the payloads of one frame, in hexadecimal."""
    protocols = packet.frame_info.protocols.split(":")
    network = _last(protocols, {"ip", "ipv6"})
    transport = _last(protocols, {"udp", "tcp", "sctp"})
    found: dict[str, Any] = {
        "frame": int(packet.number),
        "time": str(packet.frame_info.time_epoch),
        "transport": transport,
        "src": [_innermost(packet, network, "src"), int(_innermost(packet, transport, "srcport"))],
        "dst": [_innermost(packet, network, "dst"), int(_innermost(packet, transport, "dstport"))],
        "ident": int(_innermost(packet, network, "id"), 16) if network == "ip" else 0,
        "sip": _raw(packet, "sip"),
        "websocket": "websocket" in protocols,
    }
    if transport == "udp":
        found["payload"] = _innermost(packet, transport, "payload").replace(":", "")
        found["length"] = int(_innermost(packet, transport, "length")) - 8
    return found


def _last(protocols: list[str], names: set[str]) -> str:
    found = next((name for name in reversed(protocols) if name in names), None)
    if found is None:
        raise ValueError(f"a message without {' or '.join(sorted(names))}: engine native reads such captures")
    return found


def _innermost(packet: Any, name: str, field: str) -> str:
    """The field in the innermost layer of that name that has it."""
    layer = next(layer for layer in packet.layers if layer.layer_name == name)
    layers = [layer, *layer.duplicate_layers]
    return next(str(layer.get_field(field)) for layer in reversed(layers) if field in layer.field_names)


def _raw(packet: Any, name: str) -> list[str]:
    """The bytes of each layer of that name, in hexadecimal."""
    layer = next(layer for layer in packet.layers if layer.layer_name == f"{name}_raw")
    values = [value for each in (layer, *layer.duplicate_layers) for value in _flat(each.value)]
    # Position, length, bit mask and type of each are numbers; tshark nests them in more than one way.
    return [value for value in values if isinstance(value, str)]


def _flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    main(*sys.argv[1:])
