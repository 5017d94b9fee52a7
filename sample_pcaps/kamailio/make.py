"""An IMS of Debian's packages in network namespaces, sipp as its user equipment, and what its nodes saw.

    apt-get install kamailio kamailio-ims-modules kamailio-extra-modules sip-tester tcpdump openssl iproute2
    python sample_pcaps/kamailio/make.py          # as root, on a machine where nothing else is called ims-*

P-, I- and S-CSCF are one Kamailio process each, with the IMS examples of its package as they are but for `PATCHES`;
an application server is a fourth. `home.py` is the HSS and the name server. Each node has a namespace of its own, its
interface on a bridge. Two runs do not give the same bytes (tags, branches and times differ), so no test makes it again;
the truth beside it follows from what is staged here.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from home import DOMAIN, OP, SCSCF, K

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "real_nodes"))
from processes import run, running, until

HERE = Path(__file__).resolve().parent
EXAMPLES = Path("/usr/share/doc/kamailio/examples/ims")
TABLES = Path("/usr/share/kamailio/dbtext/kamailio")
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules"

# Node: address and role; each a namespace of its own. The devices share one.
NODES = {
    "pcscf": ("10.51.0.2", "P-CSCF"), "icscf": ("10.51.0.3", "I-CSCF"), "scscf": ("10.51.0.4", "S-CSCF"),
    "tas": ("10.51.0.5", "AS"), "mgcf": ("10.51.0.6", "MGCF"), "home": ("10.51.0.7", None),
}  # fmt: skip
DEVICES = {name: f"10.51.1.{11 + number}" for number, name in enumerate(("alice", "bob", "carol", "frank", "mallory"))}
CAPTURED = ("pcscf", "icscf", "scscf", "tas", "mgcf")

# What has to be changed in the examples to have them run here, by file: (what stands there, what is to).
PATCHES: dict[str, list[tuple[str, str]]] = {
    "pcscf": [
        # No IPsec, RTP engine or data base here; the registrar needs the module of IPsec all the same.
        (
            r'#!ifdef WITH_IPSEC\n(loadmodule "ims_ipsec_pcscf")\n#!endif',
            r'\1\nmodparam("ims_ipsec_pcscf", "ipsec_listen_addr", "10.51.0.2")',
        ),
        (r"ipsec_forward\([^)]*\);", "$var(none) = 0;"),
        (r'^(loadmodule|modparam\()\s*"rtpengine".*$', ""),
        (r"(?s)^route\[NATPING\].*?(?=^#!ifdef WITH_XMLRPC\ninclude_file)", ""),
        (r"rtpengine_manage\(.*\);", "return;"),
        (r"^mlock_pages=yes|^shm_force_alloc=yes", ""),
        # A device that does not answer is given up after 4 s.
        (r'modparam\("tm", "fr_timer", 3000\)', 'modparam("tm", "fr_timer", 4000)'),
    ],
    "icscf": [
        (r'loadmodule "db_mysql"', 'loadmodule "db_text"'),
        # Users are no telephone numbers here.
        (r'if !\(\$rU =~ "\\\+\.\*"\) \{\s*prefix\("\+"\);\s*\}', ""),
    ],
    "scscf": [
        # The presence module, which the registrar needs, wants a data base.
        (r'loadmodule "presence"', 'loadmodule "db_text"\nloadmodule "presence"'),
        (r'loadmodule "db_mysql"', ""),
        (r'modparam\("ims_usrloc_scscf", "db_mode", 1\)', ""),
        # Two arguments crash this version of the module (Kamailio issue 3412).
        (r'save\("(\w+)",\s*"location"\)', r'save("\1", "location", "0", "0")'),
        # Gateways are not asked whether they live; one that does not answer is given up after 4 s.
        (r'^modparam\("dispatcher", "(dst|grp|cnt|sock)_avp".*$', ""),  # gone from this version of the module
        (r'modparam\("dispatcher", "ds_ping_interval", 15\)', ""),
        (r'modparam\("dispatcher", "ds_probing_mode", 1\)', ""),
        (r'modparam\("tm", "fr_timer", 10000\)', 'modparam("tm", "fr_timer", 4000)'),
        # Whom it bars, which the example leaves open; and a part of the world that no gateway leads to.
        (
            r"# if \(S_originating_barred\(\)\)\{\s*# (sl_send_reply.*)\s*# exit;\s*# \}",
            r'if ($rU == "barred") {\n\1\nexit;\n}',
        ),
        (
            r"# if \(S_terminating_barred\(\)\)\{\s*# (sl_send_reply.*)\s*# exit;\s*# \}",
            r'if ($rU == "frank" && $fU == "bob") {\n\1\nexit;\n}',
        ),
        (r"(?s)(\$var\(has_trf\) == 0\) \{\s*if \()(!ds_select_domain)", r'\1$rU =~ "^\+999" || \2'),
    ],
}


# ---- what is staged --------------------------------------------------------------------------------------------------


@dataclass
class Call:
    """One call: what is done (`how`), and what a reader must find."""

    name: str
    caller: str
    uri: str
    outcome: str
    status: int | None
    #: Who gave the final response, and where the INVITE went.
    decided_by: str
    path: list[str]
    #: Who failed first, where the final response is another's.
    began: tuple[str, int] | None = None
    how: str = "refused"
    #: The device that is called, and what it says where it refuses.
    called: str | None = None
    answers: tuple[int, str] | None = None
    says: str = ""

    def truth(self) -> dict[str, object]:
        shown = asdict(self)
        return {
            key: shown[key] for key in ("name", "caller", "uri", "outcome", "status", "decided_by", "began", "path")
        }


ORIGINATING = ["pcscf", "scscf", "tas", "scscf"]
TERMINATING = ["icscf", "scscf", "tas", "scscf", "pcscf"]


def _way(caller: str, *nodes: str) -> list[str]:
    return [caller, *nodes]


def _subscriber(name: str) -> str:
    return f"sip:{name}@{DOMAIN}"


def _between(caller: str, called: str) -> list[str]:
    return _way(caller, *ORIGINATING, *TERMINATING, called)


CALLS = [
    Call("answered", "alice", _subscriber("bob"), "answered", 200, "bob", _between("alice", "bob"),
         how="answered", called="bob"),
    Call("called-hangs-up", "bob", _subscriber("alice"), "answered", 200, "alice", _between("bob", "alice"),
         how="called hangs up", called="alice"),
    Call("busy", "alice", _subscriber("bob"), "busy", 486, "bob", _between("alice", "bob"),
         called="bob", answers=(486, "Busy Here")),
    Call("declined", "bob", _subscriber("carol"), "rejected", 603, "carol", _between("bob", "carol"),
         called="carol", answers=(603, "Decline")),
    Call("cancelled", "alice", _subscriber("carol"), "cancelled", 487, "carol", _between("alice", "carol"),
         how="cancelled", called="carol"),
    # Frank's device is registered and switched off: the P-CSCF gives up, and of its 408 the I-CSCF makes a 500.
    Call("device-is-gone", "alice", _subscriber("frank"), "server_failure", 500, "icscf", _between("alice", "frank"),
         began=("pcscf", 408)),
    Call("no-device-registered", "alice", _subscriber("grace"), "unreachable", 480, "icscf",
         _way("alice", *ORIGINATING, "icscf")),
    # Erin has services and no device; the S-CSCF of the example cannot go on after it has asked the HSS for them.
    Call("served-unregistered", "alice", _subscriber("erin"), "server_failure", 500, "scscf",
         _way("alice", *ORIGINATING, "icscf", "scscf")),
    Call("unknown-subscriber", "alice", _subscriber("dave"), "unreachable", 604, "icscf",
         _way("alice", *ORIGINATING, "icscf")),
    Call("refused-by-service", "alice", _subscriber("premium"), "rejected", 403, "tas",
         _way("alice", "pcscf", "scscf", "tas")),
    Call("not-registered", "mallory", _subscriber("bob"), "rejected", 403, "pcscf", _way("mallory", "pcscf")),
    Call("to-number-of-subscriber", "carol", f"sip:+15550102@{DOMAIN};user=phone", "answered", 200, "bob",
         _between("carol", "bob"), how="answered", called="bob"),
    Call("to-telephone-network", "alice", f"sip:+15550199@{DOMAIN};user=phone", "answered", 200, "mgcf",
         _way("alice", *ORIGINATING, "mgcf"), how="answered", called="mgcf",
         says="P-Charging-Vector: icid-value=mgcf-1;icid-generated-at=10.51.0.6"),
    Call("number-not-assigned", "alice", f"sip:+15550188@{DOMAIN};user=phone", "unreachable", 404, "mgcf",
         _way("alice", *ORIGINATING, "mgcf"), called="mgcf", answers=(404, "Not Found"),
         says='Reason: Q.850;cause=1;text="Unallocated (unassigned) number"'),
    Call("gateway-is-down", "bob", f"sip:+15550177@{DOMAIN};user=phone", "server_failure", 408, "scscf",
         _way("bob", *ORIGINATING, "mgcf")),
    # The S-CSCF of either half says no by itself, and where it has nowhere to send the call to: of that 503 the next
    # proxy makes a 500 (RFC 3261 §16.7).
    Call("barred-by-originating-half", "alice", _subscriber("barred"), "rejected", 403, "scscf",
         _way("alice", "pcscf", "scscf")),
    Call("barred-by-terminating-half", "bob", _subscriber("frank"), "unreachable", 404, "scscf",
         _way("bob", *ORIGINATING, "icscf", "scscf")),
    Call("no-gateway", "carol", f"sip:+9995550100@{DOMAIN};user=phone", "server_failure", 500, "tas",
         _way("carol", *ORIGINATING), began=("scscf", 503)),
]  # fmt: skip


@dataclass
class Registration:
    """One registration: Call-ID, user, kind, final status, and how often it was challenged."""

    name: str
    user: str
    kind: str
    expires: int
    outcome: str
    status: int
    cseq: int = 1
    challenges: int = 1
    wrong_key: bool = field(default=False, repr=False)

    def truth(self) -> dict[str, object]:
        shown = asdict(self)
        return {name: shown[name] for name in ("name", "user", "kind", "outcome", "status", "challenges")}


_USERS = ("alice", "bob", "carol", "frank")
REGISTRATIONS = [
    *(Registration(f"reg-{user}", user, "initial", 600, "registered", 200) for user in _USERS),
    Registration("reg-alice", "alice", "refresh", 600, "registered", 200, cseq=3),
    Registration("reg-alice", "alice", "deregister", 0, "deregistered", 200, cseq=5),
]  # fmt: skip


# ---- the machinery ---------------------------------------------------------------------------------------------------


def inside(namespace: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", f"ims-{namespace}", *command]


@contextlib.contextmanager
def network() -> Iterator[None]:
    """The namespaces with their interfaces on one bridge; each resolves names at the name server."""
    spaces = [*NODES, "devices", "wire"]
    try:
        for space in spaces:
            run("ip", "netns", "add", f"ims-{space}")
            run(*inside(space, "ip", "link", "set", "lo", "up"))
            resolver = Path(f"/etc/netns/ims-{space}/resolv.conf")
            resolver.parent.mkdir(parents=True)
            resolver.write_text(f"nameserver {NODES['home'][0]}\noptions timeout:1\n")
        run(*inside("wire", "ip", "link", "add", "bridge", "type", "bridge"))
        run(*inside("wire", "ip", "link", "set", "bridge", "up"))
        for space in (*NODES, "devices"):
            run(*inside("wire", "ip", "link", "add", space, "type", "veth", "peer", "eth0", "netns", f"ims-{space}"))
            run(*inside("wire", "ip", "link", "set", space, "master", "bridge", "up"))
            for address in DEVICES.values() if space == "devices" else [NODES[space][0]]:
                run(*inside(space, "ip", "addr", "add", f"{address}/16", "dev", "eth0"))
            run(*inside(space, "ip", "link", "set", "eth0", "up"))
        yield
    finally:
        for space in spaces:
            subprocess.run(["ip", "netns", "del", f"ims-{space}"], check=False, stderr=subprocess.DEVNULL)
            shutil.rmtree(f"/etc/netns/ims-{space}", ignore_errors=True)


def configured(node: str, directory: Path) -> Path:
    """The configuration of a node: Debian's example, patched, and our part beside it."""
    place = directory / node
    if node == "tas":
        place.mkdir()
        shutil.copy(HERE / "conf/tas.cfg", place / "kamailio.cfg")
        return place / "kamailio.cfg"
    shutil.copytree(EXAMPLES / node, place)
    for path in (place / "kamailio.cfg", *place.glob("route/*.cfg")):
        text = path.read_text()
        for old, new in (
            *PATCHES[node], (f"/etc/kamailio_{node}|/run/kamailio_{node}", str(place)),
            ("log_stderror=no", "log_stderror=yes"), (r"children=\d+", "children=2"),
        ):  # fmt: skip
            text = re.sub(old, new, text, flags=re.MULTILINE)
        path.write_text(text)
    site = (HERE / f"conf/{node}.cfg").read_text().replace("@DIR@", str(place))
    (place / f"{node}.cfg").write_text(site)
    diameter = (HERE / "conf/diameter.xml").read_text().replace("@NODE@", node).replace("@ADDRESS@", NODES[node][0])
    (place / f"{node}.xml").write_text(diameter)
    (place / "dispatcher.list").write_text(f"1 sip:{NODES['mgcf'][0]}:5060\n")
    tables = place / "tables"
    shutil.copytree(TABLES, tables)
    (tables / "nds_trusted_domains").write_text(f"id(int,auto) trusted_domain(string)\n1:{DOMAIN}\n")
    uri = SCSCF.replace(":", "\\:")
    (tables / "s_cscf").write_text(f"id(int,auto) name(string) s_cscf_uri(string)\n1:S-CSCF:{uri}\n")
    capabilities = "id(int,auto) id_s_cscf(int) capability(int)\n1:1:0\n2:1:1\n"
    (tables / "s_cscf_capabilities").write_text(capabilities)
    return place / "kamailio.cfg"


def kamailio(node: str, directory: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    config = configured(node, directory)
    command = inside(node, "kamailio", "-DD", "-E", "-f", str(config), "-L", MODULES, "-Y", str(config.parent))
    return running(command, directory / f"{node}.log")


# ---- the user equipment ----------------------------------------------------------------------------------------------


def scenario(directory: Path, name: str, **words: object) -> str:
    """A scenario of `sipp/` with its words filled in: `@WORD@` by a word, a part of the same folder, or nothing."""
    known = {"DOMAIN": DOMAIN, "K": K.decode(), "OP": OP.decode()} | words

    def filled(text: str) -> str:
        # A word that stands for a whole line and is empty leaves no line.
        text = re.sub(r"^@([A-Z0-9]+)@\n", lambda match: filled(f"{known[match[1]]}\n").lstrip("\n"), text, flags=re.M)
        return re.sub(r"@([A-Z0-9]+)@", lambda match: filled(str(known[match[1]])), text)

    text = filled((HERE / f"sipp/{name}.xml").read_text())
    path = directory / f"{name}-{time.monotonic_ns()}.xml"
    path.write_text(text)
    return str(path)


def part(name: str) -> str:
    return (HERE / f"sipp/{name}.xml").read_text()


def sipp(who: str, path: str, call_id: str, seconds: int = 15) -> list[str]:
    space, address = ("mgcf", NODES["mgcf"][0]) if who == "mgcf" else ("devices", DEVICES[who])
    proxy = f"{NODES['pcscf'][0]}:5060"
    return inside(
        space, "sipp", "-sf", path, "-i", address, "-p", "5060", "-m", "1", "-nostdin", "-timeout", f"{seconds}s",
        "-timeout_error", "-cid_str", f"{call_id}", "-trace_err", "-error_file", f"{path}.err", proxy,
    )  # fmt: skip


def finished(process: subprocess.Popen[bytes], what: str) -> None:
    """Nothing is kept of a run in which anything came that was not planned."""
    if process.wait(30) != 0:
        raise SystemExit(f"{what}: sipp ended with {process.returncode}; run it again")


def register(row: Registration, directory: Path) -> None:
    path = scenario(directory, "register", USER=row.user, NAME=row.name, EXPIRES=row.expires, CSEQ=row.cseq,
                    CSEQ2=row.cseq + 1, FINAL=row.status)  # fmt: skip
    with running(sipp(row.user, path, row.name), directory / f"{row.name}.{row.kind}.sipp") as process:
        finished(process, f"{row.name} {row.kind}")


def call(row: Call, directory: Path) -> None:
    common = {"NAME": row.name, "STATUS": row.status, "URI": row.uri}
    of_device = row.called != "mgcf"
    features = ';+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"' if of_device else ""
    access = "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010000202"
    says = "\n".join(filter(None, [row.says, access if of_device else ""]))
    called = common | {"NAME": f"{row.name}-called", "USER": row.called, "CALLED": row.called, "SAYS": says,
                       "FEATURES": features, "RINGING": part("ringing")}  # fmt: skip
    route = f"Route: <sip:{NODES['pcscf'][0]}:5060;lr>, <sip:orig@{SCSCF.removeprefix('sip:')};lr>"
    calling = common | {"USER": row.caller, "INVITE": part("invite"), "ROUTE": route}
    with contextlib.ExitStack() as stack:
        if row.called is not None:
            if row.answers is not None:
                status, phrase = row.answers
                path = scenario(directory, "refuse", **called | {"STATUS": status, "PHRASE": phrase})
            elif row.how == "cancelled":
                path = scenario(directory, "ring_on", **called)
            else:
                end = part("called_hangs_up" if row.how == "called hangs up" else "is_hung_up")
                path = scenario(directory, "answer", **called | {"END": end})
            command = sipp(row.called, path, f"{row.name}.called")
            callee = stack.enter_context(running(command, directory / f"{row.name}.called.sipp"))
            time.sleep(0.3)
        if row.how == "cancelled":
            path = scenario(directory, "cancel", **calling)
        elif row.how == "refused":
            path = scenario(directory, "refused", **calling)
        else:
            end = part("is_hung_up" if row.how == "called hangs up" else "hang_up")
            path = scenario(directory, "call", **calling | {"END": end})
        command = sipp(row.caller, path, row.name)
        caller = stack.enter_context(running(command, directory / f"{row.name}.sipp"))
        finished(caller, row.name)
        if row.called is not None:
            finished(callee, f"{row.name}, called")


# ---- all of it -------------------------------------------------------------------------------------------------------


def stage(directory: Path) -> None:
    """Every registration and call, with captures running at each node: `NODE.pcap` and, of the bridge, `all.pcap`."""
    with network(), contextlib.ExitStack() as stack:
        for what in ("dns", "hss"):
            command = inside("home", sys.executable, str(HERE / "home.py"), what, NODES["home"][0])
            stack.enter_context(running(command, directory / f"{what}.log"))
            log = directory / f"{what}.log"
            until(lambda log=log: b"ready" in log.read_bytes(), f"{what} listens", log)
        for name, space, interface in (*((node, node, "eth0") for node in CAPTURED), ("all", "wire", "bridge")):
            command = inside(space, "tcpdump", "-Z", "root", "-U", "-s", "0", "--nano", "-i", interface,
                             "-w", str(directory / f"{name}.pcap"), "ip")  # fmt: skip
            stack.enter_context(running(command, directory / f"{name}.tcpdump"))
        started = ("pcscf", "icscf", "scscf", "tas")
        processes = [stack.enter_context(kamailio(node, directory)) for node in started]
        time.sleep(6)
        for node, process in zip(started, processes, strict=True):
            if process.poll() is not None:
                raise SystemExit(f"{node} did not start: see {directory}/{node}.log")
        for row in REGISTRATIONS[:-1]:
            register(row, directory)
            time.sleep(0.3)
        for row in CALLS:
            call(row, directory)
            time.sleep(0.5)
        register(REGISTRATIONS[-1], directory)
        time.sleep(1)


def truth() -> dict[str, object]:
    roles = {address: role for address, role in NODES.values() if role is not None}
    roles |= {DEVICES[name]: "UE" for name in DEVICES}
    return {
        "what": "An IMS of Kamailio 5.6.3 (Debian 12): registrations with AKA, calls, and every node saying no once.",
        "addresses": {name: address for name, (address, _) in NODES.items()} | DEVICES,
        "roles": roles,
        "registrations": [row.truth() for row in REGISTRATIONS],
        "calls": [row.truth() for row in CALLS],
    }


def main() -> int:
    kept = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    directory = Path(tempfile.mkdtemp(prefix="ims-"))
    directory.chmod(0o755)
    print(directory)
    stage(directory)
    target = kept or HERE
    target.mkdir(exist_ok=True)
    for name in (*CAPTURED, "all"):
        data = (directory / f"{name}.pcap").read_bytes()
        (target / f"{name}.pcap.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    (target / "truth.json").write_text(json.dumps(truth(), indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
