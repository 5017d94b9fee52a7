"""Media in a store: streams go on over files, windows and runs, joined to calls as one reading joins them."""

from __future__ import annotations

import io
import json
import shutil
import struct
from pathlib import Path

import pytest
from pcaps import RAW_IP, pcap, udp
from places import SAMPLES
from stored import batched, same

import analyzer
from analyzer import AnalyzerError, Capture
from tests.media import talk
from tests.sip import wire

# Files that a run writes in many, and small ones.
pytestmark = pytest.mark.xdist_group("stores")

TABLES = ("calls", "streams", "stream_intervals", "dtmf", "rtcp_reports", "call_media", "account", "files")
CALLED = ("10.0.0.2", 6000)
TURNED = ("10.0.0.9", 5000)
Packets = list[tuple[int, bytes]]


def call(number: int, begins: float, lasts: float) -> Packets:
    """A call in a dialog of its own, whose audio goes between the same two ends."""
    of = f"call_id=c{number} from_tag=f{number}"
    dialogue = f"""
        UAC -> UAS  INVITE {of} branch=i{number} sdp=offer                         @{begins}
        UAS -> UAC  200 INVITE {of} to_tag=t{number} branch=i{number} sdp=answer   @{begins + 1}
        UAC -> UAS  ACK {of} to_tag=t{number} branch=a{number}                     @{begins + 1.01}
        UAC -> UAS  BYE {of} to_tag=t{number} branch=b{number} cseq=2              @{begins + lasts}
        UAS -> UAC  200 BYE {of} to_tag=t{number} branch=b{number} cseq=2          @{begins + lasts + 0.01}
    """
    events = "a=rtpmap:101 telephone-event/8000\n"
    offer, answer = (wire.audio(side, formats="8 101", port=port) + events for side, port in ((1, 4000), (2, 6000)))
    return wire.packets(dialogue, offer=offer, answer=answer)


def reported(at: float, source: int, lost: int) -> tuple[int, bytes]:
    """A receiver report (RFC 3550 §6.4.2) of what the callee gets."""
    block = struct.pack(">IIIIII", source, lost << 24 | 3, 100, 80, 0, 0)
    report = struct.pack(">BBHI", 0x81, 201, 7, 99) + block
    return talk.ns(at), udp(CALLED[0], talk.CALLER[0], report, (CALLED[1] + 1, talk.CALLER[1] + 1))


def pressed(at: float, source: int, number: int) -> Packets:
    """A digit in three packets (RFC 4733 §2.5.1)."""
    return [
        (
            talk.ns(at + 0.02 * n),
            udp(talk.CALLER[0], CALLED[0],
                talk.packet(number + n, 900, bytes([5, 0x8A if n == 2 else 10, 0, 80 * (n + 1)]), 101, source),
                (talk.CALLER[1], CALLED[1])),
        )
        for n in range(3)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def packets() -> Packets:
    """Three calls within an hour: a sender begins anew, media go on for minutes behind the end, some are of none."""
    there, back = (talk.CALLER, CALLED), (CALLED, talk.CALLER)
    lossy = [number for number in range(400) if number % 9]
    found = [*call(1, 0, 60), *call(2, 700, 40), *call(3, 2000, 20)]
    found += talk.rtp(lossy, there, since=0.5, source=11, packet_s=0.1, units=800)
    found += talk.rtp(range(300), back, since=1.2, source=12, packet_s=0.1, units=800)
    found += talk.rtp(range(30_000, 30_200), back, since=32, source=12, packet_s=0.1, units=800, first=30_000)
    found += [reported(at, 11, lost) for at, lost in ((5, 20), (25, 40), (45, 10))]
    found += pressed(42, 11, 400)
    # The caller's sound comes from another address, and the other side answers where it comes from.
    found += talk.rtp(range(300), (CALLED, TURNED), since=701, source=21, packet_s=0.1, units=800)
    found += talk.rtp(range(300), (TURNED, CALLED), since=701.5, source=22, packet_s=0.1, units=800)
    # Nobody hangs up, as far as the media tell; they end when the next call has begun.
    found += talk.rtp(range(650), there, since=2001, source=31, packet_s=1, units=8000)
    found += talk.rtp(range(100), (("10.7.0.1", 7000), ("10.7.0.2", 7000)), since=300, source=41)
    # A quarter of an hour is silence enough to be another stream.
    found += talk.rtp(range(100, 200), (("10.7.0.1", 7000), ("10.7.0.2", 7000)), since=1200, source=41, first=100)
    return sorted(found)


@pytest.fixture(scope="module")
def files(packets: Packets, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Each goes on where the one before it ends."""
    folder = tmp_path_factory.mktemp("files")
    size = -(-len(packets) // 5)
    paths = [folder / f"part{number}.pcap" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(pcap(RAW_IP, packets[number * size : (number + 1) * size]))
    return paths


@pytest.fixture(scope="module")
def whole(files: list[Path]) -> Capture:
    return analyzer.read(files)


def differing(whole: Capture, store: Capture) -> list[str]:
    return [name for name in TABLES if not same(whole.table(name), store.table(name))]


def test_windows_have_the_rows_of_the_whole(files: list[Path], whole: Capture, tmp_path: Path) -> None:
    assert differing(whole, batched(files, tmp_path, size=3)) == []


def test_streams_go_on_from_one_run_to_the_next(files: list[Path], whole: Capture, tmp_path: Path) -> None:
    for file in files:
        store = batched([file], tmp_path)
    assert differing(whole, store) == []


def test_what_was_planned_is_what_is_told(whole: Capture) -> None:
    """By hand: of three streams one begins anew, two are of a caller behind a NAT, one has one way, two are of none."""
    streams = whole.table("streams")
    assert sorted(streams.select("ssrc", "joined_by").rows(), key=str) == [
        (11, "receiver"), (12, "receiver"), (12, "receiver"), (21, "sender"), (22, "receiver"), (31, "receiver"),
        (41, None), (41, None),
    ]  # fmt: skip
    assert whole.table("calls")["media"].to_list() == ["both_ways", "both_ways", "caller_only"]
    assert whole.table("dtmf").height == 1


def test_calls_of_some_hours_keep_what_was_heard_of_them(files: list[Path], whole: Capture, tmp_path: Path) -> None:
    store = batched(files, tmp_path)
    since = analyzer.Filter(since="2026-01-01T00:10:00Z")
    assert same(whole.filter(since).table("calls"), store.filter(since).table("calls"))
    assert store.filter(since).table("streams")["ssrc"].to_list() == [21, 22, 31]


def test_a_call_has_its_streams(files: list[Path], whole: Capture, tmp_path: Path) -> None:
    store = batched(files, tmp_path)
    for name in ("streams", "stream_intervals", "rtcp_reports"):
        assert same(store.call(1).table(name), whole.call(1).table(name))


def test_sound_comes_from_the_captures_while_they_are_there(tmp_path: Path) -> None:
    capture = shutil.copy(SAMPLES / "media.pcap", tmp_path / "media.pcap")
    store = batched([Path(capture)], tmp_path / "store")
    analyzer.read(capture).call(1).audio(expected := io.BytesIO())
    store.call(1).audio(heard := io.BytesIO())
    assert heard.getvalue() == expected.getvalue()
    Path(capture).unlink()
    with pytest.raises(AnalyzerError, match="is gone: packets, audio and texts"):
        analyzer.open_store(tmp_path / "store").call(1).audio(io.BytesIO())


def test_tls_connections_are_those_of_the_whole(tmp_path: Path) -> None:
    captures = [SAMPLES / "tls" / f"{name}.pcapng.gz" for name in ("handshakes", "refused")]
    store = batched(captures, tmp_path)
    assert same(analyzer.read(captures).table("tls_connections"), store.table("tls_connections"))
    assert store.table("tls_connections").height == 15


def test_a_store_from_before_media_takes_them_from_now_on(tmp_path: Path) -> None:
    batched([SAMPLES / "basic_call.pcap"], tmp_path)
    told = json.loads((tmp_path / "store.json").read_text())
    for name in ("streams", "core/rtp_streams", "core/rtp_intervals", "core/rtp_events", "core/rtcp_reports",
                 "core/msrp_sessions"):  # fmt: skip
        shutil.rmtree(tmp_path / name)
    for name in ("media", "media_from", "tls"):
        del told[name]
    memory = next((tmp_path / "state").glob("*.bin"))
    length = int.from_bytes(memory.read_bytes()[:8], "little")
    memory.write_bytes(memory.read_bytes()[8 : 8 + length])
    del told["state"]["media"]
    (tmp_path / "store.json").write_text(json.dumps(told | {"version": 1}))
    assert analyzer.open_store(tmp_path).table("streams").is_empty()
    store = batched([SAMPLES / "media.pcap"], tmp_path)
    assert store.table("streams").height == 2
    assert store.table("calls")["media"].to_list() == ["both_ways", "not_captured"]
