"""A registration with AKA and a call, with what the core asks beside SIP: Cx of the HSS, Rx of the PCRF, ENUM and SRV.

TS 29.228 §6.1 (UAR, MAR, SAR, LIR), TS 29.214 §4.4 (AAR, STR), RFC 6116 (ENUM), RFC 3263 (SRV).
"""

import base64
import itertools
from decimal import Decimal

from aaa import CX, RX, TGPP, Peer, Resolver, avp, naptr, srv, tgpp
from lab import Capture
from sip_messages import Headers, Node, Request, digest, sdp
from wire import SctpAssociation, TcpConnection

HOME = "ims.mnc001.mcc262.3gppnetwork.org"
A, B = "+491701234567", "+491707654321"
IMPI = f"262010000000001@{HOME}"
UE1 = Node("ue1", "10.45.0.2", f"sip:{A}@{HOME}", agent="LabVoLTE 1.0")
UE2 = Node("ue2", "10.45.0.9", f"sip:{B}@{HOME}", agent="LabVoLTE 1.0")
PCSCF1, PCSCF2 = Node("pcscf1", "10.46.0.1"), Node("pcscf2", "10.47.0.1")
ICSCF = Node("icscf", "10.46.0.2")
SCSCF = Node("scscf", "10.46.0.3")
HSS = Node("hss", "10.46.0.10", port=3868)
PCRF = Node("pcrf", "10.46.0.11", port=3868)
DNS = Node("dns", "10.46.0.53")
ICID = "lab-icid-7f3a91"
FIRST, SUBSEQUENT = 2001, 2002  # Experimental-Result-Code of 3GPP, not of RFC 6733

UAR, SAR, LIR, MAR = (300, "UAR"), (301, "SAR"), (302, "LIR"), (303, "MAR")
AAR, STR = (265, "AAR"), (275, "STR")
SUCCESS = {"result_code": 2001, "result": "SUCCESS"}


def experimental(code: int) -> bytes:
    return avp(297, [avp(266, TGPP), avp(298, code)])


def same_ip(node: Node, port: int) -> Node:
    """The same host on another port."""
    return Node(f"{node.name} {port}", node.ip, port=port)


class Core:
    """The nodes' connections."""

    def __init__(self, lab: Capture) -> None:
        self.lab = lab
        hss = f"hss.{HOME}"
        self.icscf = Peer(lab, self._tcp(ICSCF, 41001, 0x1000), f"icscf.{HOME}", hss, CX)
        self.scscf = Peer(lab, self._tcp(SCSCF, 41002, 0x2000), f"scscf.{HOME}", hss, CX)
        pcrf = f"pcrf.{HOME}"
        self.rx1 = Peer(lab, self._sctp(PCSCF1, 0x51), f"pcscf1.{HOME}", pcrf, RX)
        self.rx2 = Peer(lab, self._sctp(PCSCF2, 0x61), f"pcscf2.{HOME}", pcrf, RX)
        self.resolve1, self.resolve_s = Resolver(lab, PCSCF1, DNS), Resolver(lab, SCSCF, DNS)

    def _tcp(self, node: Node, port: int, isn: int) -> TcpConnection:
        # They were open before the capture began.
        return TcpConnection(self.lab, node, HSS, port=port, client_isn=isn, server_isn=isn + 7)

    def _sctp(self, node: Node, tag: int) -> SctpAssociation:
        return SctpAssociation(self.lab, same_ip(node, 43868), PCRF, (tag, tag + 1), (tag << 8, tag << 9), protocol=46)


def register(lab: Capture, core: Core) -> None:
    session = lab.session("registration", UE1, UE1)
    nonce = base64.b64encode(bytes.fromhex(digest("rand") + digest("autn"))).decode()
    who = [tgpp(601, UE1.uri), avp(1, IMPI)]
    subject = {"user_name": IMPI, "public_identity": UE1.uri}

    def credentials(value: str, response: str) -> Headers:
        text = f'Digest username="{IMPI}", realm="{HOME}", nonce="{value}", uri="sip:{HOME}", response="{response}"'
        return [("Authorization", text + ", algorithm=AKAv1-MD5")]

    def first(add: Headers) -> Request:
        binding = [("Contact", UE1.contact), ("Expires", "600000"), ("Supported", "path")]
        return session.request("REGISTER", UE1, PCSCF1, uri=f"sip:{HOME}", peer=UE1, add=[*binding, *add])

    path = [("Path", f"<sip:{PCSCF1.hostport};lr>"), ("P-Visited-Network-ID", HOME)]

    # The P-CSCF looks for the home network's I-CSCF, which asks the HSS; the S-CSCF fetches a vector.
    request = first(credentials("", ""))
    started = lab.send(0, UE1, PCSCF1, request)
    core.resolve1.ask(
        2, 6, "SRV", f"_sip._udp.{HOME}", [srv(0, 0, 5060, f"icscf.{HOME}")], f"SRV 0 0 5060 icscf.{HOME}",
        asked_for="registration", additional={f"icscf.{HOME}": ICSCF.ip},
    )  # fmt: skip
    request = request.forward(ICSCF, add=path)
    lab.send(7, PCSCF1, ICSCF, request)
    core.icscf.ask(
        9, 21, UAR, [*who, tgpp(600, HOME), tgpp(623, 0)], [experimental(FIRST), tgpp(602, f"sip:{SCSCF.hostport}")],
        asked_for="registration", **subject, result_code=2001, result="FIRST_REGISTRATION", experimental_vendor=TGPP,
        said="User-Authorization-Type=REGISTRATION", server_name=f"sip:{SCSCF.hostport}",
    )  # fmt: skip
    request = request.forward(SCSCF, uri=f"sip:{SCSCF.hostport}")
    lab.send(23, ICSCF, SCSCF, request)
    item = [tgpp(613, 1), tgpp(608, "Digest-AKAv1-MD5"), tgpp(609, bytes.fromhex(digest("rand") + digest("autn")))]
    item += [tgpp(610, b"XRESXRES"), tgpp(625, b"C" * 16), tgpp(626, b"I" * 16)]
    # Its answer in two segments.
    core.scscf.ask(
        26, 51, MAR, [*who, tgpp(612, [tgpp(608, "Digest-AKAv1-MD5")]), tgpp(607, 1)],
        [avp(268, 2001), *who, tgpp(607, 1), tgpp(612, item)],
        asked_for="registration", **subject, **SUCCESS, cut=100,
    )  # fmt: skip
    challenge = f'Digest realm="{HOME}", nonce="{nonce}", algorithm=AKAv1-MD5, qop="auth"'
    *_, challenged = lab.pass_back(53, "1.5", request.reply(401, add=[("WWW-Authenticate", challenge)]))

    request = first(credentials(nonce, digest("res")))
    lab.send(180, UE1, PCSCF1, request)
    request = request.forward(ICSCF, add=path)
    lab.send(182, PCSCF1, ICSCF, request)
    core.icscf.ask(
        183, 189, UAR, [*who, tgpp(600, HOME), tgpp(623, 0)],
        [experimental(SUBSEQUENT), tgpp(602, f"sip:{SCSCF.hostport}")],
        asked_for="registration", **subject, result_code=2002, result="SUBSEQUENT_REGISTRATION",
        experimental_vendor=TGPP, said="User-Authorization-Type=REGISTRATION", server_name=f"sip:{SCSCF.hostport}",
    )  # fmt: skip
    request = request.forward(SCSCF, uri=f"sip:{SCSCF.hostport}")
    lab.send(191, ICSCF, SCSCF, request)
    core.scscf.ask(
        194, 234, SAR, [*who, tgpp(602, f"sip:{SCSCF.hostport}"), tgpp(614, 1), tgpp(624, 0)],
        [avp(268, 2001), avp(1, IMPI), tgpp(606, "<IMSSubscription/>")],
        asked_for="registration", **subject, **SUCCESS, said="Server-Assignment-Type=REGISTRATION",
        server_name=f"sip:{SCSCF.hostport}",
    )  # fmt: skip
    granted = [("Contact", f"{UE1.contact};expires=600000"), *path[:1], ("P-Associated-URI", f"<{UE1.uri}>")]
    granted.append(("Service-Route", f"<sip:orig@{SCSCF.hostport};lr>"))
    *_, done = lab.pass_back(236, "1.5", request.reply(200, add=granted))
    lab.registration(
        aor=UE1.uri, contact=UE1.contact_uri, outcome="registered", kind="initial", first=started, final=done,
        challenges=1, expires=600000, status=200,
    )  # fmt: skip
    assert challenged.time < done.time


def call(lab: Capture, core: Core) -> None:
    session = lab.session("call", UE1, UE2)
    charging = [("P-Charging-Vector", f"icid-value={ICID};icid-generated-at={PCSCF1.ip}")]
    routes = [f"<sip:{PCSCF1.hostport};lr>", f"<sip:orig@{SCSCF.hostport};lr>"]
    invite = session.request("INVITE", UE1, PCSCF1, uri=f"tel:{B}", routes=routes, body=sdp(UE1, payloads="96"))
    began = lab.send(10_000, UE1, PCSCF1, invite)
    lab.send(10_001, PCSCF1, UE1, invite.reply(100))
    invite = invite.forward(SCSCF, record_route=True, add=[("P-Asserted-Identity", f"<{UE1.uri}>"), *charging])
    lab.send(10_003, PCSCF1, SCSCF, invite)
    # The S-CSCF makes a SIP URI of the number, finds its network's I-CSCF by name, and that asks who serves the callee.
    domain = ".".join(reversed(B.removeprefix("+"))) + ".e164.arpa"
    uri = f"!^.*$!sip:{B}@{HOME}!"
    core.resolve_s.ask(
        10_006, 10_026, "NAPTR", domain, [naptr(100, 10, "u", "E2U+sip", uri)],
        f'NAPTR 100 10 "u" "E2U+sip" "{uri}" .', asked_for="call", number=B,
    )  # fmt: skip
    core.resolve_s.ask(
        10_028, 10_033, "SRV", f"_sip._udp.{HOME}", [srv(0, 0, 5060, f"icscf.{HOME}")], f"SRV 0 0 5060 icscf.{HOME}",
        asked_for="call",
    )  # fmt: skip
    core.resolve_s.ask(10_034, 10_038, "A", f"icscf.{HOME}", [bytes([10, 46, 0, 2])], f"A {ICSCF.ip}", asked_for="call")
    # Somebody else's business at the same time.
    core.resolve_s.ask(10_035, 10_036, "A", "updates.example.org", [], None, asked_for=None, rcode=3)
    invite = invite.forward(ICSCF, uri=f"sip:{B}@{HOME}", record_route=True)
    lab.send(10_040, SCSCF, ICSCF, invite)
    core.icscf.ask(
        10_042, 10_060, LIR, [tgpp(601, f"sip:{B}@{HOME}")], [avp(268, 2001), tgpp(602, f"sip:{PCSCF2.hostport}")],
        asked_for="call", public_identity=f"sip:{B}@{HOME}", **SUCCESS, server_name=f"sip:{PCSCF2.hostport}",
    )  # fmt: skip
    invite = invite.forward(PCSCF2, uri=UE2.contact_uri)
    lab.send(10_062, ICSCF, PCSCF2, invite)
    invite = invite.forward(UE2, record_route=True, drop=["P-Charging-Vector"])
    lab.send(10_064, PCSCF2, UE2, invite)

    # A bearer for each side when the answer passes: the caller's P-CSCF tells the icid, the callee's does not.
    answer = sdp(UE2, payloads="96")
    progress = invite.reply(183, add=[("Require", "100rel"), ("RSeq", "1")], body=answer)
    lab.send(10_300, UE2, PCSCF2, progress)
    media = tgpp(517, [tgpp(518, 1), tgpp(520, 0), tgpp(516, 41000), tgpp(515, 41000), tgpp(511, 2)])
    said = {"said": "Rx-Request-Type=INITIAL_REQUEST", "media": "1 audio ENABLED 41000/41000 bit/s"}
    theirs = [avp(8, bytes([10, 45, 0, 9])), media, tgpp(533, 0)]
    core.rx2.ask(
        10_302, 10_318, AAR, theirs, [avp(268, 2001)], asked_for="call", **SUCCESS, **said, framed_ip=UE2.ip, icid=None
    )
    steps = [progress]
    while steps[-1].answers.upstream is not None:
        steps.append(steps[-1].relay())
    times = [10_320, 10_322, 10_324, "10352.5"]
    progressed = None
    session_id = f"pcscf1.{HOME};9;77"
    for moment, response in zip(times, steps[1:], strict=True):
        if response is steps[-1]:
            ours = [avp(8, bytes([10, 45, 0, 2])), media, tgpp(533, 0), tgpp(505, ICID)]
            core.rx1.ask(
                10_326, 10_351, AAR, ours, [avp(268, 2001)], asked_for="call", session=session_id, **SUCCESS, **said,
                framed_ip=UE1.ip, icid=ICID,
            )  # fmt: skip
        progressed = lab.send(moment, *lab.ends(response), response)
    back = [*reversed([PCSCF1, SCSCF, ICSCF, PCSCF2])]
    assert len(back) == len(times)
    *_, ringing = lab.pass_back(10_600, "2.5", invite.reply(180))
    *_, answered = lab.pass_back(14_000, "2.5", invite.reply(200))
    inside = [f"<sip:{node.hostport};lr>" for node in (PCSCF1, SCSCF, PCSCF2)]
    way = [UE1, PCSCF1, SCSCF, PCSCF2, UE2]
    lab.pass_on(14_050, "2.5", way, session.request("ACK", UE1, PCSCF1, in_dialog=True, cseq=1, routes=inside))
    bye = session.request("BYE", UE1, PCSCF1, in_dialog=True, routes=inside)
    hangup = lab.send(30_000, UE1, PCSCF1, bye)
    # The bearer goes; nobody answers the other P-CSCF.
    core.rx1.ask(
        30_001, 30_009, STR, [avp(295, 1)], [avp(268, 2001)], asked_for="call", session=session_id, **SUCCESS,
        said="Termination-Cause=LOGOUT",
    )  # fmt: skip
    for index, (node, target) in enumerate(itertools.pairwise(way[1:])):
        bye = bye.forward(target)
        lab.send(Decimal(30_002) + 2 * index, node, target, bye)
    lab.pass_back(30_040, "2.5", bye.reply(200))
    lab.dialog(
        session, state="terminated", early=progressed, confirmed=answered, ended=hangup, ended_by="local",
        end_reason="bye",
    )  # fmt: skip
    lab.call(
        caller=A.removeprefix("+"), callee=B.removeprefix("+"), outcome="answered", status=200,
        call_ids=[session.call_id], invite=began, provisional=progressed, ringing=ringing, answered=answered,
        ended=hangup, released_by="caller", hops=5, early_media=progressed,
    )  # fmt: skip


def build() -> list[Capture]:
    lab = Capture(
        "ims_core",
        "A registration with AKA and a call, and what the core asks for them: UAR, MAR, SAR and LIR of the HSS (TCP), "
        "AAR and STR of the PCRF (SCTP), ENUM, SRV and A of DNS. One lookup belongs to neither.",
    )
    core = Core(lab)
    register(lab, core)
    call(lab, core)
    lab.note("The answer to the MAR holds an authentication vector, of which nothing may be shown.")
    lab.note("The lookup of updates.example.org has nothing to do with the call: no message names that host.")
    return [lab]
