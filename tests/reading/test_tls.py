"""SIP over TLS and WebSocket as OpenSSL and zlib write it (`sample_pcaps/tls`), beside its plan and tshark."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pcaps
import places
import polars as pl
import pytest

import analyzer
from analyzer.errors import AnalyzerError
from analyzer.reading import native

FOLDER = places.SAMPLES / "tls"
TRUTH = json.loads((FOLDER / "truth.json").read_text())
READ = sorted(name for name, rows in TRUTH.items() if "call_id" in rows[0])


def capture(name: str) -> Path:
    return FOLDER / f"{name}.pcapng.gz"


def keys(name: str) -> Path:
    return FOLDER / f"{name}.keys"


def call_ids(cap: analyzer.Capture) -> Counter[str]:
    return Counter(cap.table("messages")["call_id"].to_list())


def planned(name: str) -> dict[str, int]:
    return {row["call_id"]: row["messages"] for row in TRUTH[name]}


@pytest.mark.parametrize("name", READ)
def test_every_message_that_was_sent_is_read(name: str) -> None:
    cap = analyzer.read(capture(name), keylog=keys(name))
    assert call_ids(cap) == planned(name)
    assert set(cap.table("messages")["transport"]) == ({"ws", "wss"} if name == "websocket" else {"tls"})
    assert cap.table("problems").is_empty()
    assert cap.blind_spots() == []
    found = cap.table("tls_connections")
    assert set(found["decrypted"]) == {"yes"}
    assert set(found["keys"]) == {"key_log"}
    secure = cap.table("messages").filter(pl.col("transport") != "ws")
    assert found["messages"].sum() == secure.height


@pytest.mark.tshark
@pytest.mark.slow  # tshark takes a second to start
@pytest.mark.parametrize("name", READ)
def test_every_message_of_tshark_is_read_in_its_frame(name: str) -> None:
    words = [
        "-o",
        f"tls.keylog_file:{keys(name)}",
        "-Y",
        "sip",
        "-T",
        "json",
        "-e",
        "frame.number",
        "-e",
        "sip.Call-ID",
    ]
    ports = [word for port in range(5061, 5161) for word in ("-d", f"tls.port=={port},sip")]
    done = subprocess.run(["tshark", "-r", capture(name), *ports, *words], capture_output=True, check=True, text=True)
    theirs: Counter[tuple[int, str]] = Counter()
    for packet in json.loads(done.stdout):
        layers = packet["_source"]["layers"]
        theirs.update((int(layers["frame.number"][0]), call_id) for call_id in layers["sip.Call-ID"])
    messages = analyzer.read(capture(name), keylog=keys(name)).table("messages")
    ours = Counter(zip(messages["frame"].to_list(), messages["call_id"].to_list(), strict=True))
    assert theirs - ours == Counter()
    # tshark 4.0 does not show all of them, but most.
    assert 10 * theirs.total() >= 8 * ours.total()


def test_a_call_over_tls_is_a_call() -> None:
    cap = analyzer.read(capture("call"), keylog=keys("call"))
    assert cap.calls[["caller", "callee", "outcome", "status"]].values.tolist() == [
        ["alice@example.com", "bob@example.com", "answered", 200],
        ["carol@example.com", "dave@example.com", "answered", 200],
    ]


def test_versions_suites_and_resumption_are_those_of_the_plan() -> None:
    named = {"TLSv1": "TLS 1.0", "TLSv1_1": "TLS 1.1", "TLSv1_2": "TLS 1.2", "TLSv1_3": "TLS 1.3"}
    for name in ("suites", "handshakes"):
        found = analyzer.read(capture(name)).table("tls_connections")
        # Each of the plan is one connection; early data need one before.
        rows = [row for row in TRUTH[name] for _ in range(2 if row["call_id"] == "early-data" else 1)]
        assert found["version"].to_list() == [named[row["version"]] for row in rows]
        assert set(found["decrypted"]) == {"no"}
        assert set(found["server_name"]) == {"sip.example.com"}
        if name == "handshakes":
            assert [row["resumed"] for row in rows if "resumed" in row] == [
                handshake == "resumed" for handshake in found["handshake"][3:9]
            ]
        else:
            suites = dict(zip((row["call_id"] for row in rows), found["cipher_suite"], strict=True))
            assert suites["TLSv1_2-AES128-CCM8"] == "TLS_RSA_WITH_AES_128_CCM_8"
            assert suites["TLSv1_2-ECDHE-RSA-CHACHA20-POLY1305"] == "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
            assert suites["TLSv1_3-TLS_AES_128_CCM_8_SHA256"] == "TLS_AES_128_CCM_8_SHA256"
            assert found["cipher_suite"].str.starts_with("TLS_").all()


def test_without_keys_it_is_said_who_refused_whom_and_why() -> None:
    cap = analyzer.read(capture("refused"))
    found = cap.table("tls_connections")
    assert found.select("alert", "alert_from").rows(named=True) == TRUTH["refused"]
    assert set(found["handshake"]) == {"failed"}
    expired = found.row(1, named=True)
    assert (expired["certificate_subject"], expired["certificate_expires_at"].isoformat()) == (
        "sip-expired.example.com",
        "2020-01-31T00:00:00+00:00",
    )
    trusted = found.row(0, named=True)
    assert trusted["certificate_names"] == "sip-rsa.example.com sip:example.com 127.0.0.1"
    assert cap.blind_spots()[0].endswith(": bring a key log of either end (SSLKEYLOGFILE) with --keylog FILE")


def test_an_alert_that_ends_a_handshake_is_evidence_of_a_broken_transport() -> None:
    failures = native.Reading(native.sources(capture("refused")), 1, None).tables()["failures"]
    alerts = failures.filter(kind="tls_alert")
    # RFC 8446 §B.2: unknown_ca, certificate_expired, handshake_failure, protocol_version.
    assert alerts["detail"].to_list() == ["alert 48", "alert 45", "alert 40", "alert 70"]
    assert (alerts["dst_port"] == 5061).to_list() == [True, True, False, False]


def test_the_rsa_key_of_the_server_opens_old_key_exchanges_and_no_others() -> None:
    cap = analyzer.read(capture("suites"), keylog=FOLDER / "suites.rsa.pem")
    old = {row["call_id"]: 4 if row["version"] == "TLSv1" else 2 for row in TRUTH["suites"]}
    old = {name: count for name, count in old.items() if name.partition("-")[2].startswith(("AES", "NULL"))}
    assert call_ids(cap) == old
    assert set(cap.table("tls_connections").filter(pl.col("messages") > 0)["keys"]) == {"private_key"}
    rest = cap.table("problems")
    assert rest["code"].unique().to_list() == ["tls_keys_missing"]
    assert rest.height == len(TRUTH["suites"]) - len(old)


def secrets(log: bytes) -> bytes:
    """A decryption secrets block (draft-ietf-opsawg-pcapng §4.7)."""
    body = struct.pack("<II", 0x544C534B, len(log)) + log + b"\0" * (-len(log) % 4)
    return struct.pack("<II", 10, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def first_packet(data: bytes) -> int:
    """Where the first packet block of a little-endian pcapng file begins."""
    at = 0
    while (kind := struct.unpack_from("<I", data, at)[0]) != 6:
        assert kind in (0x0A0D0D0A, 1)
        at += struct.unpack_from("<I", data, at + 4)[0]
    return at


@pytest.mark.parametrize("place", ["before", "behind"])
def test_keys_in_the_capture_open_it_wherever_they_stand(tmp_path: Path, place: str) -> None:
    data, block = gzip.decompress(capture("call").read_bytes()), secrets(keys("call").read_bytes())
    at = first_packet(data) if place == "before" else len(data)
    path = tmp_path / "a.pcapng"
    path.write_bytes(data[:at] + block + data[at:])
    cap = analyzer.read(path)
    assert call_ids(cap) == planned("call")
    assert set(cap.table("tls_connections")["keys"]) == {"capture"}
    assert cap.table("problems").is_empty()
    assert cap.message(cap.messages["message"][0]).text.startswith(b"INVITE")


def packets(name: str) -> tuple[int, list[pcaps.Packet]]:
    ((link, found),) = pcaps.packets(capture(name)).items()
    return link, found


def rewritten(path: Path, link: int, found: Iterable[pcaps.Packet]) -> Path:
    path.write_bytes(pcaps.pcap(link, found))
    return path


def test_keys_of_half_of_the_connections(tmp_path: Path) -> None:
    lines = keys("call").read_text().splitlines()
    of_1_2 = tmp_path / "keys.txt"
    of_1_2.write_text("\r\n".join(line for line in lines if line.startswith("CLIENT_RANDOM")))
    cap = analyzer.read(capture("call"), keylog=of_1_2)
    assert call_ids(cap) == {"call-TLSv1_2": 7}
    (problem,) = cap.table("problems").rows(named=True)
    assert problem["code"] == "tls_keys_missing"
    assert problem["detail"].endswith(": no key is of this connection")
    assert "with the keys that are here" in cap.blind_spots()[0]


def test_what_follows_a_lost_segment_is_read(tmp_path: Path) -> None:
    link, found = packets("call")
    whole = analyzer.read(capture("call"), keylog=keys("call")).table("messages")
    # The 180 of each call: the capture lacks it, the peer had it.
    ringing = whole.filter(status=180)["frame"].to_list()
    path = rewritten(tmp_path / "a.pcap", link, (it for frame, it in enumerate(found, 1) if frame not in ringing))
    cap = analyzer.read(path, keylog=keys("call"))
    expected = whole.filter(~pl.col("frame").is_in(ringing))
    assert cap.table("messages")["via_branch"].to_list() == expected["via_branch"].to_list()
    assert cap.table("messages")["status"].to_list() == expected["status"].to_list()


def test_twice_captured_and_out_of_order_it_is_the_same(tmp_path: Path) -> None:
    link, found = packets("handshakes")
    doubled = [packet for packet in found for _ in range(2)]
    swapped = [*found]
    for place in range(40, len(found) - 1, 9):
        # The capture wrote two packets in the other order.
        (early, first), (late, second) = found[place : place + 2]
        swapped[place : place + 2] = [(early, second), (late, first)]
    for name, order in (("doubled", doubled), ("swapped", swapped)):
        cap = analyzer.read(rewritten(tmp_path / f"{name}.pcap", link, order), keylog=keys("handshakes"))
        assert call_ids(cap) == planned("handshakes"), name


def test_joined_midway_it_is_said_that_the_handshake_is_missing(tmp_path: Path) -> None:
    link, found = packets("call")
    first = analyzer.read(capture("call"), keylog=keys("call")).table("messages")["frame"][0]
    cap = analyzer.read(rewritten(tmp_path / "a.pcap", link, found[first - 1 :]), keylog=keys("call"))
    assert call_ids(cap) == {"call-TLSv1_2": 7}
    assert cap.table("problems")["code"].to_list() == ["tls_handshake_missing"]
    assert cap.table("tls_connections")["handshake"].to_list() == ["not_captured", "full"]


def test_no_key_is_in_any_table_or_export(tmp_path: Path) -> None:
    cap = analyzer.read(capture("call"), keylog=keys("call"))
    told = "\n".join(
        cap.table(name).write_csv() for name in ("problems", "tls_connections", "account", "files", "messages")
    )
    exported = tmp_path / "a.pcapng"
    cap.export(exported)
    lines = [line.split() for line in keys("call").read_text().splitlines() if not line.startswith("#")]
    words = {word for _, _, word in lines}
    assert len(words) > 5
    for word in words:
        assert word not in told.lower()
        assert bytes.fromhex(word) not in exported.read_bytes()
        assert word.encode() not in exported.read_bytes().lower()


def test_an_exported_call_is_read_with_the_same_keys(tmp_path: Path) -> None:
    cap = analyzer.read(capture("call"), keylog=keys("call"))
    for call_id in planned("call"):
        path = tmp_path / f"{call_id}.pcapng"
        cap.filter(analyzer.Filter(call_id=call_id)).export(path)
        again = analyzer.read(path, keylog=keys("call"))
        assert call_ids(again) == {call_id: 7}


def test_a_key_log_of_gigabytes_is_read_for_the_capture_alone(tmp_path: Path) -> None:
    large = tmp_path / "keys.txt"
    with large.open("wb") as file:
        file.write(b"# " + b"x" * (1 << 10) + b"\n")
        file.seek(33 << 20)  # zeros, which are a very long line
        file.write(b"\n" + keys("call").read_bytes())
    cap = analyzer.read(capture("call"), keylog=large)
    assert call_ids(cap) == planned("call")
    assert cap.table("problems")["code"].to_list() == ["tls_key_log_unusable"]


def test_what_is_no_key_log_is_said(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="there is no such file"):
        analyzer.read(capture("call"), keylog=tmp_path / "none.txt")
    other = tmp_path / "other.txt"
    other.write_text("secret words\n-----BEGIN nothing\n")
    (problem,) = analyzer.read(capture("refused"), keylog=other).table("problems").rows(named=True)
    assert problem["code"] == "tls_key_log_unusable"
    assert problem["file"] is None
    assert "secret" not in problem["detail"]
