"""The laboratory's networks: nodes with their roles and addresses, subscribers, and who serves whom.

Addresses are of documentation and private ranges; the home networks carry names of TS 23.003 §13.2 under the test
country code 001. A `Node` is one node. A combined node has several roles at one address.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

UE, P_CSCF, I_CSCF, S_CSCF, AS = "UE", "P-CSCF", "I-CSCF", "S-CSCF", "AS"
SMS_GATEWAY, BGCF, MGCF, IBCF = "IP-SM-GW", "BGCF", "MGCF", "IBCF"

MS = 1_000_000  # in the nanoseconds of every clock here

# What a node needs from its ear to its mouth: least and spread in ms. A telephony AS has a long tail of its own.
WORK = {
    UE: (20, 30), P_CSCF: (3, 4), I_CSCF: (6, 8), S_CSCF: (4, 5), AS: (15, 20), SMS_GATEWAY: (10, 20), BGCF: (2, 2),
    MGCF: (8, 10), IBCF: (2, 3),
}  # fmt: skip

# Who stays on the path of a dialog (TS 24.229 §5.3.2, §5.6.2: I-CSCF and BGCF need not).
RECORD_ROUTING = frozenset((P_CSCF, S_CSCF, AS, IBCF))

_PAIRS: dict[str, list[tuple[str, ...]]] = {
    "Gm": [(UE, P_CSCF)],
    "Mw": [(P_CSCF, I_CSCF), (P_CSCF, S_CSCF), (I_CSCF, S_CSCF), (S_CSCF,), (P_CSCF,)],
    "ISC": [(S_CSCF, AS), (S_CSCF, SMS_GATEWAY)],
    "Ma": [(I_CSCF, AS)],
    "Mi": [(S_CSCF, BGCF)],
    "Mj": [(BGCF, MGCF)],
    "Mg": [(S_CSCF, MGCF), (I_CSCF, MGCF)],
    "Mx": [(S_CSCF, IBCF), (I_CSCF, IBCF), (P_CSCF, IBCF)],
    "Ici": [(IBCF,)],
}
#: The interface between two roles; of one role with itself where the set has one member (TS 23.228 §4).
REFERENCE_POINTS = {frozenset(pair): name for name, pairs in _PAIRS.items() for pair in pairs}


@dataclass(eq=False, slots=True)
class Node:
    """A node: one address and port that speaks SIP. `network` is the index of its operator."""

    name: str
    roles: tuple[str, ...]
    ip: str
    network: int
    host: str  # as written in Via and Route: a name or an address
    port: int = 5060
    mac: bytes = b""
    address: bytes = b""
    ip_id: int = 0  # counts the packets it has sent
    slower: int = 0  # ns that it needs more than others of its roles

    @property
    def host_port(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def socket(self) -> str:
        """Address and port as they are on the wire."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(eq=False, slots=True)
class Subscriber:
    """Somebody with a UE, served by a P-CSCF and an S-CSCF of the home network."""

    number: str  # E.164 with its plus
    imsi: str
    home: str
    ue: Node
    p_cscf: Node
    s_cscf: Node
    server: Node
    instance: str
    agent: str
    cell: str
    short: str  # the number within the company

    @property
    def identity(self) -> str:
        return f"sip:{self.number}@{self.home}"

    @property
    def contact_uri(self) -> str:
        return f"sip:{self.number[1:]}@{self.ue.host_port}"


AGENTS = ("Samsung IMS 6.0 SM-S921B", "iOS/18.1 iPhone", "Pixel 9 Android/15", "Xiaomi__Android15_24053PY09C")


@dataclass(eq=False)
class Operator:
    """One operator's nodes."""

    number: int
    domain: str
    p_cscfs: list[Node] = field(default_factory=list)
    i_cscfs: list[Node] = field(default_factory=list)
    s_cscfs: list[Node] = field(default_factory=list)
    servers: list[Node] = field(default_factory=list)
    sms: Node = None  # type: ignore[assignment]  # this and the rest are set with the lists
    bgcf: Node = None  # type: ignore[assignment]
    mgcf: Node = None  # type: ignore[assignment]
    ibcf: Node = None  # type: ignore[assignment]


class Network:
    """Two operators and their subscribers, the same for the same arguments.

    `combined` is "" (each role has a node), "P+S" or "I+S" (one node has both roles).
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        subscribers: int,
        p_cscfs: int,
        s_cscfs: int,
        application_servers: int,
        combined: str,
        ipv6: bool,
        host_names: bool,
    ) -> None:
        self.ipv6, self.host_names = ipv6, host_names
        self.nodes: list[Node] = []
        self.operators = [self._operator(number, p_cscfs, s_cscfs, application_servers, combined) for number in (0, 1)]
        self.subscribers = [
            [self._subscriber(rng, operator, number, count) for number in range(count)]
            for operator, count in zip(self.operators, (subscribers, max(2, subscribers // 4)), strict=True)
        ]

    def _operator(self, number: int, p_cscfs: int, s_cscfs: int, servers: int, combined: str) -> Operator:
        operator = Operator(number, f"ims.mnc00{number + 1}.mcc001.3gppnetwork.org")
        mark = "" if number == 0 else "b"

        def box(name: str, *roles: str) -> Node:
            return self._node(mark + name, roles, operator)

        if combined == "P+S":
            operator.s_cscfs = [box(f"pscscf{i + 1}", P_CSCF, S_CSCF) for i in range(s_cscfs)]
            operator.p_cscfs = operator.s_cscfs
            operator.i_cscfs = [box("icscf1", I_CSCF)]
        else:
            operator.p_cscfs = [box(f"pcscf{i + 1}", P_CSCF) for i in range(p_cscfs)]
            if combined == "I+S":
                operator.s_cscfs = [box(f"iscscf{i + 1}", I_CSCF, S_CSCF) for i in range(s_cscfs)]
                operator.i_cscfs = operator.s_cscfs[:1]
            else:
                operator.s_cscfs = [box(f"scscf{i + 1}", S_CSCF) for i in range(s_cscfs)]
                operator.i_cscfs = [box("icscf1", I_CSCF)]
        operator.servers = [box(f"tas{i + 1}", AS) for i in range(servers)]
        operator.sms = box("ipsmgw1", SMS_GATEWAY)
        operator.bgcf = box("bgcf1", BGCF)
        operator.mgcf = box("mgcf1", MGCF)
        operator.ibcf = box("ibcf1", IBCF)
        return operator

    def _node(self, name: str, roles: Iterable[str], operator: Operator) -> Node:
        number = len(self.nodes) + 1
        ip = f"2001:db8:{operator.number + 1:x}::{number:x}" if self.ipv6 else f"10.{operator.number + 1}.0.{number}"
        host = f"[{ip}]" if self.ipv6 else ip
        if self.host_names:
            host = f"{name}.{operator.domain}"
        return self._add(Node(name, tuple(roles), ip, operator.number, host))

    def _add(self, node: Node) -> Node:
        number = len(self.nodes) + 1
        node.mac = b"\x02\x00" + number.to_bytes(4, "big")
        node.address = packed(node.ip)
        node.ip_id = number * 251 % 50_000
        self.nodes.append(node)
        return node

    def _subscriber(self, rng: random.Random, operator: Operator, number: int, count: int) -> Subscriber:
        high, low = divmod(number, 250)
        ip = (
            f"2001:db8:a{operator.number}:{number + 1:x}::1"
            if self.ipv6
            else f"10.{100 + operator.number * 50 + high // 250}.{high % 250}.{low + 2}"
        )
        ue = Node(f"ue{operator.number + 1}-{number + 1}", (UE,), ip, operator.number, f"[{ip}]" if self.ipv6 else ip)
        bits = rng.getrandbits
        p_cscf = operator.p_cscfs[number % len(operator.p_cscfs)]
        # The nodes of one site serve together only where they are one node.
        s_cscf = p_cscf if S_CSCF in p_cscf.roles else operator.s_cscfs[number // 2 % len(operator.s_cscfs)]
        return Subscriber(
            number=f"+1555{operator.number + 2}{number * 7 % 1_000_000:06d}",
            imsi=f"0010{operator.number + 1}{number + 1:010d}",
            home=operator.domain,
            ue=self._add(ue),
            p_cscf=p_cscf,
            s_cscf=s_cscf,
            server=operator.servers[number // 3 % len(operator.servers)],
            instance=f"<urn:gsma:imei:35{bits(20) % 1_000_000:06d}-{number % 1_000_000:06d}-0>",
            agent=AGENTS[number % len(AGENTS)],
            cell=f"3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=00101{number % 64 + 1:04X}{number % 997 * 256 + 1:07X}",
            short=f"{7000 + number % 1000}",
        )


def packed(ip: str) -> bytes:
    """An address as it is in the IP header."""
    import ipaddress

    return ipaddress.ip_address(ip).packed


def token(rng: random.Random, size: int) -> str:
    """Base64 of `size` random bytes."""
    return base64.b64encode(rng.randbytes(size)).decode()
