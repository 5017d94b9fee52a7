"""Calls of real telephones over a line that spoils their media, and the truth from the line's log.

    python sample_pcaps/real_media/make.py [--software DIR] [SAMPLE ...]      # as root; a quarter of a minute each

See README.md. Two runs give other bytes, so no test makes them again; what is lost, doubled and late is by seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import scenarios
from relay import Impairment, Relay, enter, truth

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "real_nodes"))
import fetch
from processes import run, running, until

HERE = Path(__file__).resolve().parent
ALICE, BOB = "192.0.2.1", "192.0.2.2"
NAMES = f"media-{os.getpid()}"
PACKAGES = ["baresip-core", "sip-tester"]


class Stage:
    """Two ends, in a namespace each, the line between them, and the capture at the end of Bob."""

    def __init__(self, software: Path, work: Path) -> None:
        self.software, self.work = software, work

    @contextlib.contextmanager
    def line(self, there: Impairment, back: Impairment) -> Iterator[Relay]:
        spaces = (f"{NAMES}-alice", f"{NAMES}-bob")
        try:
            for space in spaces:
                run("ip", "netns", "add", space)
            relay = Relay(spaces, (there, back))
            try:
                for space, own, peer in zip(spaces, (ALICE, BOB), (BOB, ALICE), strict=True):
                    run("ip", "-n", space, "addr", "add", own, "peer", peer, "dev", "line")
                    run("ip", "-n", space, "link", "set", "line", "up")
                    run("ip", "-n", space, "link", "set", "lo", "up")
                capture = [
                    "tcpdump",
                    "-n",
                    "-i",
                    "line",
                    "-U",
                    "--immediate-mode",
                    "-w",
                    str(self.work / "line.pcap"),
                    "ip",
                ]
                log = self.work / "tcpdump.log"
                with running(["ip", "netns", "exec", spaces[1], *capture], log):
                    until(lambda: "listening on" in log.read_text(), "tcpdump captures", log)
                    yield relay
                    time.sleep(0.5)
            finally:
                relay.close()
        finally:
            for space in spaces:
                subprocess.run(["ip", "netns", "del", space], check=False, stderr=subprocess.DEVNULL)

    @contextlib.contextmanager
    def program(self, end: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Runs a program at an end, in a root of unpacked packages that sees the work folder as ``/work``."""
        root = self.software
        script = (
            f"mount --bind /dev {root}/dev && mount --bind {self.work} {root}/work && mount -t proc proc {root}/proc"
            f' && exec chroot {root} "$@"'
        )
        words = ["ip", "netns", "exec", f"{NAMES}-{end}", "sh", "-c", script, "sh", *command]
        with running(words, self.log(end)) as process:
            yield process

    def log(self, end: str) -> Path:
        return self.work / f"{end}.log"

    def tell(self, end: str, message: bytes, port: int) -> None:
        """Sends bytes to a TCP port of an end."""

        def send() -> None:
            enter(f"{NAMES}-{end}")
            with socket.create_connection(("127.0.0.1", port), 3) as there:
                there.sendall(message)
                there.recv(4096)

        thread = threading.Thread(target=send)
        thread.start()
        thread.join()


def make(name: str, software: Path) -> dict[str, Any]:
    scenario = scenarios.ALL[name]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        # tcpdump writes as another user.
        work.chmod(0o777)
        stage = Stage(software, work)
        with stage.line(scenario.there, scenario.back) as relay:
            scenario.play(stage)
        data = (work / "line.pcap").read_bytes()
    (HERE / f"{name}.pcap.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    # Behind the line for what Bob hears; in front of it for what he says, of which nothing is lost there yet.
    behind = truth([it for it in relay.sent if it.way == "there"], places(relay, "there"))
    said = [it for it in relay.sent if it.way == "back"]
    before = truth(said, [(0.0, place) for place in range(len(said))])
    return {"streams": behind + before, "lost_behind": behind_capture(relay), **scenario.truth}


def places(relay: Relay, way: str) -> list[tuple[float, int]]:
    """The packets of one way that arrived, by their places among those of this way."""
    own = [place for place, it in enumerate(relay.sent) if it.way == way]
    number = {place: n for n, place in enumerate(own)}
    return [(at, number[place]) for at, place in relay.arrived if place in number]


def behind_capture(relay: Relay) -> int:
    """Packets of Bob that the line lost on their way to Alice."""
    arrived = {place for _, place in relay.arrived}
    return sum(it.way == "back" and place not in arrived for place, it in enumerate(relay.sent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--software", type=Path)
    parser.add_argument("samples", nargs="*", default=list(scenarios.ALL))
    options = parser.parse_args()
    path = HERE / "truth.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        software = fetch.root("bookworm", PACKAGES, options.software or Path(folder))
        for name in options.samples:
            known[name] = make(name, software)
            print(name, *(f"{it['way']} {it['packets']}/{it['expected']}" for it in known[name]["streams"]))
    path.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
