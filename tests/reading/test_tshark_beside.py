"""Diameter and DNS beside what tshark sees of them, in captures of other people and a sample: every message."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from places import SAMPLES, shared

import analyzer
from analyzer.reading import native

WITH_DIAMETER = (
    *("ZakiraZaza__SSMTK_FMC_VoNR_IMS_5G__rp2_snimak1.pcap", "arkime__arkime__arkime_synthetic.pcap"),
    *("open5gs__open5gs__ipsec_to_ipsec_call.pcapng", "open5gs__open5gs__ipsec_to_nonipsec_call.pcapng"),
    *("open5gs__open5gs__nonipsec_reg.pcapng", "open5gs__open5gs__volte.pcapng", "ims_core.pcap"),
)
WITH_DNS = (
    *("ZakiraZaza__SSMTK_FMC_VoNR_IMS_5G__wp4.pcapng", "open5gs__open5gs__ipsec_to_ipsec_call.pcapng"),
    *("open5gs__open5gs__nonipsec_reg.pcapng", "arkime__arkime__arkime_synthetic.pcap", "ims_core.pcap"),
)
# Frames where we and tshark differ, and why.
NOT_QUESTIONS = {
    "arkime__arkime__arkime_synthetic.pcap": {
        618: "port 53, but NULs where the question is to be: no name, no type",
        623: "GENEVE from port 6081 to another port: RFC 8926 §3.3 names the destination's",
    }
}


def capture(name: str) -> Path:
    return SAMPLES / name if (SAMPLES / name).exists() else shared("captures") / name


def tshark(path: Path, what: str, *options: str) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Frame, all layers and one dissected message, for each message."""
    command = ["tshark", "-n", "-r", str(path), "-Y", what, *options, "-T", "json", "--no-duplicate-keys"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    found = []
    for packet in json.loads(done.stdout.decode(errors="replace") or "[]"):
        layers = packet["_source"]["layers"]
        dissected = layers.get(what, [])
        several = dissected if isinstance(dissected, list) else [dissected]
        found += [(int(layers["frame"]["frame.number"]), layers, one) for one in several]
    return found


def deep(tree: Any, name: str) -> str | None:
    """The first value of a field, wherever it stands in the tree."""
    if isinstance(tree, list):
        return next((value for part in tree if (value := deep(part, name)) is not None), None)
    if not isinstance(tree, dict):
        return None
    if name in tree and isinstance(tree[name], (str, list)):
        value = tree[name]
        return value if isinstance(value, str) else value[0]
    return next((value for part in tree.values() if (value := deep(part, name)) is not None), None)


def every(layers: Any, name: str) -> list[str]:
    """A field of each of the layers with one name: a tunnel has several."""
    values = [layer.get(name, []) for layer in (layers if isinstance(layers, list) else [layers or {}])]
    return [text for value in values for text in (value if isinstance(value, list) else [value])]


def number(text: str | None) -> int | None:
    return None if text is None else int(text, 0)


@pytest.mark.tshark
@pytest.mark.parametrize("name", WITH_DIAMETER)
def test_diameter_is_that_of_tshark(name: str) -> None:
    path = capture(name)
    ours = analyzer.read(path).table("diameter")
    # tshark knows Diameter by its port alone: the ports where we found it are told to it.
    ports = {
        (row["transport"], port) for row in ours.iter_rows(named=True) for port in (row["src_port"], row["dst_port"])
    }
    options = [word for kind, port in sorted(ports) for word in ("-d", f"{kind}.port=={port},diameter")]
    theirs = Counter(
        (
            frame,
            number(one["diameter.cmd.code"]),
            number(one["diameter.applicationId"]),
            number(one["diameter.flags"]),
            number(one["diameter.hopbyhopid"]),
            number(one["diameter.endtoendid"]),
            deep(one, "diameter.Session-Id"),
            deep(one, "diameter.Origin-Host"),
            number(deep(one, "diameter.Result-Code")),
            number(deep(one, "diameter.Experimental-Result-Code")),
        )
        for frame, _, one in tshark(path, "diameter", *options)
    )
    flags = pl.sum_horizontal(
        pl.col(flag).cast(pl.Int64) * bit
        for flag, bit in (("request", 0x80), ("proxiable", 0x40), ("error", 0x20), ("resent", 0x10))
    )
    told = ours.select(
        "frame", "command_code", "application_id", flags, "hop_by_hop", "end_to_end", "session_id", "origin_host",
        "result_code", "experimental_result_code",
    )  # fmt: skip
    assert Counter(told.iter_rows()) == theirs


@pytest.mark.tshark
@pytest.mark.parametrize("name", WITH_DNS)
def test_dns_is_that_of_tshark(name: str) -> None:
    path = capture(name)
    found = pl.DataFrame(native.core().companion([(str(path), str(path), None, None)])["dns"])
    ours = Counter(found.select("frame", "id", "response", "name").iter_rows())
    left_out = NOT_QUESTIONS.get(name, {})
    theirs: Counter[tuple[Any, ...]] = Counter()
    for frame, layers, one in tshark(path, "dns"):
        ports = {value for kind in ("udp", "tcp") for value in every(layers.get(kind), f"{kind}.port")}
        if "53" not in ports or one["dns.count.queries"] != "1" or frame in left_out:
            continue
        asked = deep(one, "dns.qry.name") or ""
        is_response = deep(one, "dns.flags.response") in ("1", "True")
        theirs[frame, number(one["dns.id"]), is_response, "." if asked == "<Root>" else asked] += 1
    assert ours == theirs


@pytest.mark.shared
def test_every_capture_with_diameter_or_dns_is_compared() -> None:
    """What is not in the lists above has none, as tables say; a new capture has to be put there."""
    folder = shared("captures")
    for path in sorted(folder.glob("*.pcap*")):
        if path.name in WITH_DIAMETER or path.name in WITH_DNS:
            continue
        found = native.core().companion([(str(path), str(path), None, None)])
        assert all(pl.DataFrame(table).is_empty() for table in found.values()), path.name
