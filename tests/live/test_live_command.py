"""``sip-analyzer live``: pipes, agents and monitoring, on loopback."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import captures
from places import SAMPLES
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import analyzer
from analyzer.live.metrics import Metrics, Server
from analyzer.live.wire import Agents
from analyzer.store.lock import locked

LIVE = [sys.executable, "-m", "analyzer", "live"]


def run(*words: str, **how: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*LIVE, *words], capture_output=True, timeout=100, check=False, **how)  # type: ignore[call-overload,no-any-return]


def test_a_pipe_is_followed_to_its_end() -> None:
    done = run("-", "--format", "jsonl", input=(SAMPLES / "volte_failures.pcap").read_bytes())
    told = [json.loads(line) for line in done.stdout.splitlines()]
    calls = captures.read(SAMPLES / "volte_failures.pcap").table("calls")
    assert {row["call"]: row["outcome"] for row in told} == {
        str(key): outcome for key, outcome in calls.select("call", "outcome").iter_rows()
    }
    assert done.returncode == 0
    assert b"3 calls ended or failed" in done.stderr


def test_what_is_no_capture_is_a_sentence() -> None:
    done = run("-", input=b"this is a text, and no packets are in it")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"tcpdump -w -" in done.stderr
    assert b"Traceback" not in done.stderr


def test_what_came_before_a_stream_broke_off_is_told() -> None:
    done = run("-", input=(SAMPLES / "volte_call.pcap").read_bytes() + b"\xff" * 99)
    assert b"answered" in done.stdout
    assert (done.returncode, b"70 messages" in done.stderr, b"is damaged" in done.stderr) == (1, True, True)


def test_a_store_that_another_run_writes_loses_nothing_of_what_was_captured(tmp_path: Path) -> None:
    with locked(tmp_path / "store"):
        done = run("-", "-o", str(tmp_path / "store"), input=(SAMPLES / "basic_call.pcap").read_bytes())
    (kept,) = re.findall(r"sip-analyzer batch (\S+) -o", done.stderr.decode())
    assert (done.returncode, analyzer.read(kept).table("messages").height) == (2, 7)
    shutil.rmtree(kept)


def test_a_service_that_is_stopped_writes_its_store_first(tmp_path: Path) -> None:
    words = [*LIVE, "-", "-o", str(tmp_path / "store"), "--every", "0.1"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write((SAMPLES / "basic_call.pcap").read_bytes())
        process.stdin.flush()
        assert b"answered" in process.stdout.readline()
        process.terminate()
        _, said = process.communicate(timeout=100)
    assert (process.returncode, b"7 messages, 1 calls" in said) == (0, True)
    assert analyzer.open_store(tmp_path / "store").table("messages").height == 7


def test_one_source_is_wanted() -> None:
    for words in ((), ("-i", "lo", "--hep", ":9060"), ("trace.pcap",), ("-", "--filter", "udp")):
        assert run(*words).returncode == 2


def test_agents_are_heard() -> None:
    """What agents of HEP send is what they would have sent to any collector."""
    from analyzer.live.segments import Segments

    agents = Agents("127.0.0.1", 0)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams = [bytes(packet["UDP"].payload) for packet in _packets("hep_two_agents.pcap") if "UDP" in packet]
    for datagram in datagrams:
        sender.sendto(datagram, ("127.0.0.1", agents.port))
    segments = Segments()
    segments.feed(agents.read(0.5) or b"")
    agents.close()
    sender.close()
    assert segments._whole == len(datagrams) > 0


def _packets(name: str) -> list[Any]:
    from scapy.all import rdpcap

    return list(rdpcap(str(SAMPLES / name)))


def test_monitoring_reads_what_was_followed() -> None:
    metrics = Metrics()
    rows = captures.read(SAMPLES / "volte_failures.pcap").table("calls").rows(named=True)
    metrics.add(rows, 192, 4, 7)
    server = Server(metrics, 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
            kind, text = answer.headers["Content-Type"], answer.read().decode()
    finally:
        server.close()
    assert kind.startswith("application/openmetrics-text")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    outcomes = {sample.labels["outcome"]: sample.value for sample in families["sip_calls"].samples}
    assert outcomes == {"answered": 1.0, "server_failure": 2.0}
    assert [sample.value for sample in families["sip_open_calls"].samples] == [4.0]
    assert [sample.value for sample in families["sip_packets_dropped"].samples] == [7.0]


def test_the_port_is_of_this_machine_alone() -> None:
    server = Server(Metrics(), 0)
    host = server._server.server_address[0]
    server.close()
    assert host == "127.0.0.1"
    assert not any(thread.name == "metrics" for thread in threading.enumerate())


def test_a_call_is_told_with_its_media_and_masked() -> None:
    """In the sample 7 of 501 packets of the callee are lost, and both sides are heard."""
    done = run("-", "--mask", "--format", "jsonl", input=(SAMPLES / "media.pcap").read_bytes())
    (call,) = map(json.loads, done.stdout.splitlines())
    assert (call["media"], round(call["loss"], 4)) == ("both_ways", round(7 / 501, 4))
    assert b"alice" not in done.stdout
    assert b"bob" not in done.stdout


def test_a_mask_and_a_store_do_not_go_together() -> None:
    done = run("-", "--mask", "-o", "store", input=b"")
    assert (done.returncode, b"a masked store is written once" in done.stderr) == (2, True)
