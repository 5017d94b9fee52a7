"""Calls through real exchanges and proxies between SIPp ends: captures, and the truth from the ends' logs.

``python make.py [--software DIR] [--keep DIR] [BOX ...]`` as root. See README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ends
import fetch
from ends import NODE, Call
from plans import check_plan, fit_plan
from processes import run, running, until

HERE = Path(__file__).parent
# Of this process alone: several may run at a time.
NAMES = f"real-{os.getpid()}"
EDGE = "192.0.2.3"
SPACES = ("node", "near", "far")
NEAR = [ends.GATEWAY, *(f"192.0.2.{number}" for number in range(64, 140))]
FAR = [ends.SECOND, ends.TRUNK, *(f"192.0.2.{number}" for number in ends.ENDS)]
FILTER = "port 5060 or ip[6:2] & 0x1fff != 0"


# ---- namespaces and processes ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def network() -> Iterator[None]:
    """The node, those who call and those who are called: a namespace each, on one bridge in a fourth."""
    try:
        for space in (*SPACES, "wire"):
            run("ip", "netns", "add", f"{NAMES}-{space}")
            run("ip", "-n", f"{NAMES}-{space}", "link", "set", "lo", "up")
        run("ip", "-n", f"{NAMES}-wire", "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", f"{NAMES}-wire", "link", "set", "bridge", "up")
        for space, addresses in (("node", [NODE, EDGE]), ("near", NEAR), ("far", FAR)):
            run("ip", "-n", f"{NAMES}-wire", "link", "add", space, "type", "veth",
                "peer", "eth0", "netns", f"{NAMES}-{space}")  # fmt: skip
            run("ip", "-n", f"{NAMES}-wire", "link", "set", space, "master", "bridge", "up")
            for address in addresses:
                run("ip", "-n", f"{NAMES}-{space}", "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", f"{NAMES}-{space}", "link", "set", "eth0", "up")
        yield
    finally:
        for space in (*SPACES, "wire"):
            subprocess.run(["ip", "netns", "del", f"{NAMES}-{space}"], check=False, stderr=subprocess.DEVNULL)


def inside(space: str, root: Path | None, work: Path, *command: str) -> list[str]:
    """A command in a namespace, and in a root of unpacked packages that sees the work folder as ``/work``."""
    if root is None:
        return ["ip", "netns", "exec", f"{NAMES}-{space}", *command]
    # The mounts live in the mount namespace that `ip netns exec` makes, and go with it.
    script = (
        f"mount --bind /dev {root}/dev && mount --bind {work} {root}/work && mount -t proc proc {root}/proc"
        f' && exec chroot {root} "$@"'
    )
    return ["ip", "netns", "exec", f"{NAMES}-{space}", "sh", "-c", script, "sh", *command]


def listens(port: int = 5060) -> bool:
    """Whether somebody in the node's namespace has the UDP port."""
    command = ["ip", "netns", "exec", f"{NAMES}-node", "cat", "/proc/net/udp"]
    return f":{port:04X} " in subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout


# ---- the boxes -------------------------------------------------------------------------------------------------------

Start = Callable[[Path, Path, dict[str, str], contextlib.ExitStack], None]


@dataclass(frozen=True)
class Box:
    """A node: where its software comes from, how it is started, and which forms of the plan it takes."""

    what: str
    suite: str | None
    packages: list[str]
    start: Start
    forms: str = "0123456789+a"
    # Whether it challenges callers.
    challenges: bool = True
    # Ends that the plan has and it cannot call: a proxy leaves it to the caller to answer a challenge.
    skips: tuple[str, ...] = ("44",)
    # Whether it takes a REFER.
    transfers: bool = False
    # Whether callers call the proxy in front of it.
    edge: bool = False
    # The plan for the fit, and the one for the check.
    settings: tuple[dict[str, str], dict[str, str]] = ({}, {})


def _conf(name: str, words: dict[str, str]) -> str:
    text = (HERE / "conf" / name).read_text()
    return re.sub(r"@([A-Z]+)@", lambda match: words[match[1]], text)


def asterisk(root: Path, work: Path, words: dict[str, str], stack: contextlib.ExitStack) -> None:
    sip = words["TECH"] == "SIP"
    modules = next(path for path in ("usr/lib/x86_64-linux-gnu/asterisk/modules", "usr/lib/asterisk/modules")
                   if (root / path).exists())  # fmt: skip
    words = words | {"MODULES": f"/{modules}", "OTHER": "chan_pjsip.so" if sip else "chan_sip.so"}
    etc = work / "etc"
    etc.mkdir()
    (work / "run").mkdir()
    for name in (
        "asterisk.conf",
        "modules.conf",
        "extensions.conf",
        "logger.conf",
        "sip.conf" if sip else "pjsip.conf",
    ):
        (etc / name).write_text(_conf(name, words))
    with (etc / ("sip.conf" if sip else "pjsip.conf")).open("a") as out:
        names = {f"end{number}": f"192.0.2.{number}" for number in ends.ENDS}
        for name, address in {**names, "trunk": ends.TRUNK, "second": ends.SECOND}.items():
            if sip:
                out.write(f"[{name}](an-end)\nhost = {address}\nremotesecret = {ends.SECRET}\ndefaultuser = pbx\n")
            else:
                out.write(
                    f"[{name}](an-end)\naors = {name}\noutbound_auth = far\n[{name}]\ntype = aor\n"
                    f"contact = sip:{address}\n[{name}]\ntype = identify\nendpoint = {name}\nmatch = {address}\n"
                )
        if not sip:
            out.write(f"[far]\ntype = auth\nauth_type = userpass\nusername = pbx\npassword = {ends.SECRET}\n")
        for user in range(1101, 1110):
            if sip:
                out.write(f"[{user}]\ntype = friend\nhost = dynamic\nsecret = {ends.SECRET}\ncontext = in\n")
            else:
                out.write(
                    f"[{user}](an-end)\nauth = {user}\n[{user}]\ntype = auth\nauth_type = userpass\n"
                    f"username = {user}\npassword = {ends.SECRET}\n"
                )
    command = inside("node", root, work, "/usr/sbin/asterisk", "-f", "-C", "/work/etc/asterisk.conf")
    stack.enter_context(running(command, work / "asterisk.log"))
    until(listens, "Asterisk listens", seconds=40)
    time.sleep(2)


TOPOH = """
modparam("topoh", "mask_key", "a sample")
modparam("topoh", "mask_ip", "192.0.2.254")
modparam("topoh", "mask_callid", 1)
"""
TOPOS = """
modparam("topos", "db_url", "text:///work/db")
modparam("topos", "sanity_checks", 0)
"""


def kamailio(root: Path, work: Path, words: dict[str, str], stack: contextlib.ExitStack) -> None:
    words = {"MODULES": "/usr/lib/x86_64-linux-gnu/kamailio/modules", "ADDRESS": NODE, "RESTORE": "auto", "LOAD": "",
             "SETTINGS": ""} | words  # fmt: skip
    (work / "kamailio.cfg").write_text(_conf("kamailio.cfg", words))
    tables = root / "usr/share/kamailio/dbtext/kamailio"
    if tables.exists():
        shutil.copytree(tables, work / "db")
    command = inside("node", root, work, "/usr/sbin/kamailio", "-DD", "-E", "-m", "32", "-f", "/work/kamailio.cfg",
                     "-Y", "/work")  # fmt: skip
    stack.enter_context(running(command, work / "kamailio.log"))
    until(listens, "Kamailio listens", seconds=40)
    time.sleep(1)


def sippy(root: Path, work: Path, words: dict[str, str], stack: contextlib.ExitStack) -> None:
    """Its B2BUA, which sends all calls one way; the first digit is taken off."""
    command = inside("node", None, work, str(fetch.python(["sippy"], root)), "-m", "sippy.b2bua", "-f", "-u", "-A", "0",
                     "-l", NODE, "-p", "5060", "-P", str(work / "pid"), "-L", str(work / "b2bua.log"),
                     "-c", str(work / "socket"), *words["WORDS"].split())  # fmt: skip
    stack.enter_context(running(command, work / "sippy.log"))
    until(listens, "sippy listens", seconds=40)
    time.sleep(1)


def baresip(root: Path, work: Path, words: dict[str, str], stack: contextlib.ExitStack) -> None:
    """Its module `b2bua`: what comes in for one account goes out from another, through its outbound proxy."""
    conf = work / "baresip"
    conf.mkdir()
    (conf / "config").write_text((HERE / "conf/baresip.config").read_text())
    (conf / "accounts").write_text(
        f"<sip:inside@{NODE}>;regint=0;b2bua=inbound\n"
        f'<sip:493023125000@{words["HOST"]}>;regint=0;b2bua=outbound;outbound="sip:{ends.TRUNK}"\n'
    )
    command = inside("node", root, work, "/usr/bin/baresip", "-f", "/work/baresip")
    stack.enter_context(running(command, work / "baresip.log"))
    until(listens, "baresip listens", seconds=40)
    time.sleep(1)


def edge(root: Path, work: Path, words: dict[str, str], stack: contextlib.ExitStack) -> None:
    """Asterisk behind a Kamailio in the same namespace, at `EDGE`."""
    tools = root.parent / "bookworm"
    asterisk(root, work, words, stack)
    words = words | {"MODULES": "/usr/lib/x86_64-linux-gnu/kamailio/modules", "ADDRESS": EDGE, "NODE": NODE}
    (work / "edge.cfg").write_text(_conf("edge.cfg", words))
    shutil.copytree(tools / "usr/share/kamailio/dbtext/kamailio", work / "db")
    command = inside("node", tools, work, "/usr/sbin/kamailio", "-DD", "-E", "-m", "32", "-f", "/work/edge.cfg",
                     "-Y", "/work")  # fmt: skip
    stack.enter_context(running(command, work / "edge.log"))
    time.sleep(3)


FIRST = {"TRUNK": "493023125000", "PREFIX": "0049", "DIRECT": "no", "PAI": "no", "CAUSE": ""}
OTHER = {
    "TRUNK": "+494066969000",
    "PREFIX": "+49",
    "DIRECT": "no",
    "PAI": "yes",
    "CAUSE": '${IF($["${DIALSTATUS}"="NOANSWER"]?19:${HANGUPCAUSE})}',
}


def both(words: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    return FIRST | words, OTHER | words


BOXES = {
    "asterisk16_pjsip": Box("Asterisk 16, chan_pjsip", "bullseye", ["asterisk"], asterisk,
                            skips=(), transfers=True,
                            settings=both({"TECH": "PJSIP"})),
    "asterisk16_sip": Box("Asterisk 16, chan_sip", "bullseye", ["asterisk"], asterisk,
                            skips=(), transfers=True,
                          settings=both({"TECH": "SIP"})),
    "asterisk22_pjsip": Box("Asterisk 22, chan_pjsip", "sid", ["asterisk"], asterisk,
                            skips=(), transfers=True,
                            settings=(FIRST | {"TECH": "PJSIP"}, OTHER | {"TECH": "PJSIP", "DIRECT": "yes"})),
    "kamailio": Box("Kamailio 5.6 as a proxy", "bookworm", ["kamailio"], kamailio, forms="012345678+a",
                    settings=both({})),
    "kamailio_topoh": Box("Kamailio 5.6 with topoh, Call-IDs masked", "bookworm", ["kamailio"], kamailio,
                          forms="012345678+a",
                          settings=both({"LOAD": 'loadmodule "topoh.so"', "SETTINGS": TOPOH})),
    "kamailio_topos": Box("Kamailio 5.6 with topos", "bookworm", ["kamailio"], kamailio, forms="012345678+a",
                          settings=both({"LOAD": 'loadmodule "db_text.so"\nloadmodule "topos.so"',
                                         "SETTINGS": TOPOS})),
    "kamailio61_topos": Box("Kamailio 6.1 with topos, in memory", "sid", ["kamailio"], kamailio, forms="012345678+a",
                            settings=both({"LOAD": 'loadmodule "htable.so"\nloadmodule "topos.so"\n'
                                                   'loadmodule "topos_htable.so"',
                                           "SETTINGS": 'modparam("topos", "storage", "htable")\n'
                                                       'modparam("topos", "contact_mode", 1)'})),
    "sippy": Box("sippy 2.5, B2BUA", None, [], sippy, forms="234578+a", challenges=False,
                 settings=({"WORDS": f"-s {ends.TRUNK};cli=493023125000 -T s/^[0-9]//"},
                           {"WORDS": f"-s {ends.TRUNK} -H -T s/^[0-9]/+49/"})),
    "baresip": Box("baresip 1.0, module b2bua", "bookworm", ["baresip-core"], baresip, forms="234578+a",
                   challenges=False, skips=("43", "44"), settings=({"HOST": NODE}, {"HOST": "carrier.example"})),
    "edge_asterisk": Box("Asterisk 16 behind a Kamailio 5.6", "bullseye", ["asterisk"], edge, skips=(),
                         transfers=True, edge=True,
                         settings=(FIRST | {"TECH": "PJSIP", "HIDING": ""},
                                   OTHER | {"TECH": "PJSIP", "HIDING": 'loadmodule "topoh.so"\n' + TOPOH})),
}  # fmt: skip


# ---- one run ---------------------------------------------------------------------------------------------------------


def planned(box: Box, calls: list[Call], settings: dict[str, str]) -> list[Call]:
    """The calls of a plan that the box can make, with their names."""
    kept = [
        call for call in calls
        if ("a" if call.dialled[0].isalpha() else call.dialled[0]) in box.forms
        and call.dialled[-5:-3] not in box.skips
    ]  # fmt: skip
    for number, call in enumerate(kept):
        call.name = f"c{number:02}"
        # The scenarios that hold or transfer are not ready for an exchange that renews the offer just then.
        renews = settings.get("DIRECT") == "yes" and call.how in ("holds", "transfers")
        if renews or (call.how == "transfers" and not box.transfers):
            call.how, call.refer_to = "", ""
    return kept


def stage(box: Box, settings: dict[str, str], calls: list[Call], timing: tuple[int, int], software: Path,
          work: Path, *, host: str) -> list[dict[str, object]]:  # fmt: skip
    """Makes the calls through the box; `work` has the capture and the logs afterwards."""
    tools = fetch.root("bookworm", PACKAGES["bookworm"], software)
    root = fetch.root(box.suite, PACKAGES[box.suite], software) if box.suite else software
    kept = planned(box, calls, settings)
    with network(), contextlib.ExitStack() as stack:
        box.start(root, work, settings, stack)
        for address in FAR:
            command = inside("far", tools, work, *ends.callee(address, work, *timing))
            stack.enter_context(running(command, work / f"{address}.out"))
        capture = inside("node", tools, work, "tcpdump", "-Z", "root", "-U", "-s", "0", "--nano",
                         "-i", "any" if box.edge else "eth0",
                         "-w", "/work/node.pcap", FILTER)  # fmt: skip
        stack.enter_context(running(capture, work / "tcpdump.out"))
        time.sleep(1.5)
        started = time.monotonic()
        made = []
        for call in sorted(kept, key=lambda call: call.at):
            time.sleep(max(0.0, started + call.at - time.monotonic()))
            port = 5060 if call.address != ends.GATEWAY else 6000 + int(call.name[1:])
            command = inside(
                "near",
                tools,
                work,
                *ends.caller(call, work, host, box.challenges, port=port, node=EDGE if box.edge else NODE),
            )
            made.append((call, stack.enter_context(running(command, work / f"{call.name}.out"))))
        for call, process in made:
            if process.wait(60) != 0:
                print(f"  {call.name} {call.dialled} {call.how}: SIPp ended with {process.returncode}")
        time.sleep(1)
    return ends.truth(kept, work)


PACKAGES: dict[str, list[str]] = {}
for _box in BOXES.values():
    if _box.suite:
        PACKAGES.setdefault(_box.suite, []).extend(name for name in _box.packages)
PACKAGES.setdefault("bookworm", []).extend(["sip-tester", "tcpdump", "baresip-core"])


def remember(path: Path, name: str, entry: dict[str, object]) -> None:
    """One call a line, so that a run's difference can be read."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        truth = json.loads(file.read() or "{}") | {name: entry}
        file.truncate(0)
        shown = []
        for key, value in sorted(truth.items()):
            calls = ",\n  ".join(json.dumps(call) for call in value["calls"])
            rest = json.dumps({word: value[word] for word in value if word != "calls"})
            shown.append(f'"{key}": {rest[:-1]}, "calls": [\n  {calls}\n ]}}')
        file.write("{\n " + ",\n ".join(shown) + "\n}\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--software", type=Path, help="where software is unpacked, or was")
    parser.add_argument("--keep", type=Path, default=HERE, help="where captures go")
    parser.add_argument("--part", choices=("fit", "check"), help="one of the two captures alone")
    parser.add_argument("box", nargs="*", choices=[*BOXES, []])
    options = parser.parse_args()
    software = options.software or Path(tempfile.mkdtemp(prefix="real-software-"))
    options.keep.mkdir(exist_ok=True)
    for name in options.box or BOXES:
        box = BOXES[name]
        for part, plan, settings, timing, host in (
            ("fit", fit_plan(), box.settings[0], (200, 800), NODE),
            ("check", check_plan(), box.settings[1], (400, 1300), ""),
        ):
            if options.part not in (None, part):
                continue
            work = Path(tempfile.mkdtemp(prefix=f"real-{name}-{part}-"))
            work.chmod(0o755)
            print(f"{name} {part}: {work}")
            rows = stage(box, settings, plan, timing, software, work, host=host)
            data = (work / "node.pcap").read_bytes()
            (options.keep / f"{name}-{part}.pcap.gz").write_bytes(gzip.compress(data, 9, mtime=0))
            entry = {"box": name, "what": box.what, "part": part, "node": NODE, "calls": rows}
            remember(options.keep / "truth.json", f"{name}-{part}", entry)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
