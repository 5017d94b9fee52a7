"""The SIP of the benchmark: IMS call flows (3GPP TS 24.229, TS 24.930) as message templates.

A *script* is the ordered list of steps of one call or registration over every hop of its path. A step is one message
on one hop, its text ready but for the slots `{caller}`, `{token}` ... that differ from call to call; one `%` operation
on bytes fills them all, which is what lets a million messages be written in seconds.

Nothing of the analyzer is imported here: a generator that shared its code would agree with its mistakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

HOME = "ims.mnc001.mcc001.3gppnetwork.org"  # TS 23.003 §13.2; MCC 001 is the test network
MMTEL = "urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"
ALLOW = "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, MESSAGE, REFER, NOTIFY, OPTIONS, INFO, SUBSCRIBE"
T1_US = 500_000  # RFC 3261 §17.1.1.1

# Delays are (least, spread) in microseconds. A proxy takes longer than a TCP sender holds back a part-filled segment
# (pcap.HOLD_US): no message is passed on before its last byte was on the wire.
FORWARDING = (10_000, 4_000)
ANSWERING = (30_000, 20_000)
BEARER = (120_000, 80_000)  # the dedicated bearer: Rx, Gx and the radio, between PRACK and UPDATE
RINGING = (1_500_000, 2_000_000)
TALKING = (2_000_000, 5_000_000)


@dataclass(frozen=True)
class Node:
    """One element of the signalling path; `host` may hold a slot."""

    name: str
    host: str
    route: str  # user part of its Route entries; empty for a UE, which is no proxy


CALLER = Node("caller", "{caller_ip}", "")
CALLEE = Node("callee", "{callee_ip}", "")
P_CSCF1 = Node("p-cscf1", f"pcscf1.{HOME}", "mo")
S_CSCF1 = Node("s-cscf1", f"scscf1.{HOME}", "orig")
S_CSCF2 = Node("s-cscf2", f"scscf2.{HOME}", "term")
P_CSCF2 = Node("p-cscf2", f"pcscf2.{HOME}", "mt")

CALL_PATH = (CALLER, P_CSCF1, S_CSCF1, S_CSCF2, P_CSCF2, CALLEE)
REGISTRATION_PATH = (CALLER, P_CSCF1, S_CSCF1)
DIRECT_PATH = (CALLER, CALLEE)


Transports = dict[frozenset[str], str]  # the names of the two ends of a hop -> "UDP" or "TCP"


@dataclass(frozen=True)
class Step:
    """One message on one hop: `template` filled in and sent `delay` after the step before."""

    sender: Node
    receiver: Node
    delay: tuple[int, int]
    template: bytes
    what: str  # the method of a request, the status of a response
    resendable: bool  # a request that its client transaction sends again when nothing comes back
    retransmission: bool


@dataclass
class Script:
    """A flow being written down, and then played many times."""

    outcome: str
    path: tuple[Node, ...]
    transports: Transports
    steps: list[Step] = field(default_factory=list)

    def request(
        self,
        method: str,
        cseq: int,
        headers: list[str],
        body: str = "",
        *,
        wait: tuple[int, int] = ANSWERING,
        from_callee: bool = False,
        reach: int | None = None,
        trying: bool = False,
        transaction: str = "",
    ) -> None:
        """Send a request along the path (its first `reach` hops); with `trying`, each receiver says 100 at once."""
        travel = self.path[::-1] if from_callee else self.path
        for hop in range(len(travel) - 1 if reach is None else reach):
            self._step(
                travel[hop],
                travel[hop + 1],
                wait if hop == 0 else FORWARDING,
                self._request_text(travel, hop, method, cseq, headers, body, transaction or method),
                method,
                resendable=method != "ACK",
            )
            if trying:
                lines = ["SIP/2.0 100 Trying", *self._vias(travel, hop, transaction or method)]
                lines += _dialog_headers(method, cseq, from_callee, to_tag=False)
                self._step(travel[hop + 1], travel[hop], FORWARDING, _finish(lines, ""), "100")

    def response(
        self,
        status: str,
        method: str,
        cseq: int,
        headers: list[str],
        body: str = "",
        *,
        wait: tuple[int, int] = ANSWERING,
        from_callee: bool = False,
        reach: int | None = None,
        again: bool = False,
        transaction: str = "",
    ) -> None:
        """Answer from the far end of the first `reach` hops. A failed INVITE is acknowledged hop by hop (§17.1.1.3)."""
        travel = self.path[::-1] if from_callee else self.path
        last = len(travel) - 2 if reach is None else reach - 1
        transaction = transaction or method
        for hop in range(last, -1, -1):
            lines = [f"SIP/2.0 {status}", *self._vias(travel, hop, transaction)]
            lines += _dialog_headers(method, cseq, from_callee, to_tag=True)
            if method == "INVITE" and status[0] in "12":
                lines += [_record_route(node) for node in reversed(travel[1:-1])]
            if travel[hop].route and travel[hop + 1].route:
                lines += [CHARGING + ";term-ioi=home2.net"]
            lines += headers
            delay = wait if hop == last else FORWARDING
            self._step(travel[hop + 1], travel[hop], delay, _finish(lines, body), status[:3], retransmission=again)
            if method == "INVITE" and status[0] not in "12":
                self._acknowledge_failure(travel, hop, cseq)

    def cancel(self) -> None:
        """CANCEL is hop by hop (§9.2): every proxy answers it and sends its own, with its INVITE's branch."""
        for hop in range(len(self.path) - 1):
            sender, receiver = self.path[hop], self.path[hop + 1]
            via = self._vias(self.path, hop, "INVITE")[:1]
            lines = [f"CANCEL {_initial_target(self.path, hop)} SIP/2.0", *via, f"Max-Forwards: {70 - hop}"]
            lines += [_route(node) for node in self.path[hop + 1 : hop + 2] if node.route]
            lines += _dialog_headers("CANCEL", 1, False, to_tag=False)
            lines += ['Reason: SIP;cause=487;text="Request Terminated"']
            delay = RINGING if hop == 0 else FORWARDING
            self._step(sender, receiver, delay, _finish(lines, ""), "CANCEL", resendable=True)
            lines = ["SIP/2.0 200 OK", *via, *_dialog_headers("CANCEL", 1, False, to_tag=True)]
            self._step(receiver, sender, FORWARDING, _finish(lines, ""), "200")

    def _acknowledge_failure(self, travel: tuple[Node, ...], hop: int, cseq: int) -> None:
        lines = [
            f"ACK {_initial_target(travel, hop)} SIP/2.0",
            self._vias(travel, hop, "INVITE")[0],
            "Max-Forwards: 70",
        ]
        lines += [_route(node) for node in travel[hop + 1 : hop + 2] if node.route]
        lines += _dialog_headers("ACK", cseq, False, to_tag=True)
        self._step(travel[hop], travel[hop + 1], FORWARDING, _finish(lines, ""), "ACK")

    def _request_text(
        self,
        travel: tuple[Node, ...],
        hop: int,
        method: str,
        cseq: int,
        headers: list[str],
        body: str,
        transaction: str,
    ) -> str:
        from_callee = travel[0] is CALLEE
        initial = method in ("INVITE", "REGISTER")
        if method == "REGISTER":
            target = f"sip:{HOME}"
        elif initial:
            target = _initial_target(travel, hop)
        else:
            target = CALLER_CONTACT if from_callee else CALLEE_CONTACT
        lines = [f"{method} {target} SIP/2.0", *self._vias(travel, hop, transaction), f"Max-Forwards: {70 - hop}"]
        if method == "INVITE":
            # Service-Route up to the originating registrar, the Path of the callee after the terminating one.
            lines += [_route(node) for node in travel[hop + 1 : 3] if node.route]
            lines += [_route(P_CSCF2)] if travel[hop] is S_CSCF2 else []
        elif method != "REGISTER":
            lines += [_route(node) for node in travel[hop + 1 : -1]]
        if method == "INVITE":
            lines += [_record_route(node) for node in reversed(travel[1 : hop + 1])]
        lines += _dialog_headers(method, cseq, from_callee, to_tag=not initial)
        lines += headers
        if travel[hop].route and travel[hop + 1].route:
            lines += _network_headers(method, travel[hop])
        elif travel[hop + 1].route:
            lines += _ue_headers(method)
        return _finish(lines, body)

    def _vias(self, travel: tuple[Node, ...], hop: int, transaction: str) -> list[str]:
        """The Via stack of a request on this hop of its travel, newest first; a UE's own is completed by its proxy."""
        vias = []
        for at in range(hop, -1, -1):
            node = travel[at]
            transport = self.transports[frozenset((node.name, travel[at + 1].name))]
            tail = ""
            if not node.route:
                tail = ";rport" if at == hop else f";rport=5060;received={node.host}"
            branch = f"z9hG4bK{{token}}{transaction.lower()}{at}"
            vias.append(f"Via: SIP/2.0/{transport} {node.host}:5060{tail};branch={branch}")
        return vias

    def _step(
        self,
        sender: Node,
        receiver: Node,
        delay: tuple[int, int],
        text: str,
        what: str,
        *,
        resendable: bool = False,
        retransmission: bool = False,
    ) -> None:
        # RFC 3261 §17.1: only over an unreliable transport does a client transaction send a request again.
        unreliable = self.transports[frozenset((sender.name, receiver.name))] == "UDP"
        template = re.sub(r"\{(\w+)\}", r"%(\1)b", text.replace("%", "%%")).encode()
        self.steps.append(Step(sender, receiver, delay, template, what, resendable and unreliable, retransmission))


BODY_SAMPLE = {"caller_ip": "10.100.100.100", "callee_ip": "10.100.100.100", "session": "3000000000"}
CALLER_URI = f"sip:{{caller}}@{HOME}"
CALLEE_URI = f"sip:{{callee}}@{HOME};user=phone"
CALLER_CONTACT = "sip:{caller}@{caller_ip}:5060"
CALLEE_CONTACT = "sip:{callee}@{callee_ip}:5060"
CHARGING = "P-Charging-Vector: icid-value={icid};icid-generated-at=10.10.0.11;orig-ioi=home1.net"
PANI1 = "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp={caller_cell}"
PANI2 = "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp={callee_cell}"


def _finish(lines: list[str], body: str) -> str:
    """The whole message. The slots of a body have one width each, so that its length is known here."""
    if body:
        lines = [*lines, "Content-Type: application/sdp"]
    length = len(body.format_map(BODY_SAMPLE))
    return "\r\n".join([*lines, f"Content-Length: {length}", "", body])


def _initial_target(travel: tuple[Node, ...], hop: int) -> str:
    """The terminating S-CSCF replaces the dialled identity by the registered contact (TS 24.229 §5.4.3.3)."""
    past_registrar = S_CSCF2 in travel and hop >= travel.index(S_CSCF2)
    return CALLEE_CONTACT if past_registrar else CALLEE_URI


def _dialog_headers(method: str, cseq: int, from_callee: bool, *, to_tag: bool) -> list[str]:
    caller, callee = f"<{CALLER_URI}>;tag={{caller_tag}}", f"<{CALLEE_URI}>"
    if method == "REGISTER":
        callee = f"<{CALLER_URI}>"
    if to_tag:
        callee += ";tag={callee_tag}"
    sender, receiver = (callee, caller) if from_callee else (caller, callee)
    return [f"From: {sender}", f"To: {receiver}", "Call-ID: {call_id}", f"CSeq: {cseq} {method}"]


def _route(node: Node) -> str:
    return f"Route: <sip:{node.route}@{node.host}:5060;lr>"


def _record_route(node: Node) -> str:
    return f"Record-Route: <sip:{node.route}@{node.host}:5060;lr>"


def _ue_headers(method: str) -> list[str]:
    """What a UE says to its P-CSCF only (RFC 3329 security agreement, RFC 3325 preferred identity)."""
    if method == "ACK":
        return []
    security = "ipsec-3gpp;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=trans"
    spi = "spi-c=48291734;spi-s=48291735;port-c=5063;port-s=5062"
    lines = ["Require: sec-agree", "Proxy-Require: sec-agree", f"Security-Verify: {security};{spi};q=0.1"]
    if method == "INVITE":
        lines += [f"P-Preferred-Identity: <{CALLER_URI}>", f"P-Preferred-Service: {MMTEL.replace('%3A', ':')}"]
    return lines


def _network_headers(method: str, sender: Node) -> list[str]:
    """What the trust domain adds and takes away again before a UE (TS 24.229 §4.4)."""
    lines = [CHARGING]
    if method == "INVITE":
        lines += [f"P-Asserted-Identity: <{CALLER_URI}>, <tel:{{caller}}>"]
        lines += [f"P-Asserted-Service: {MMTEL.replace('%3A', ':')}"]
        if sender is S_CSCF2:
            lines += [f"P-Called-Party-ID: <{CALLEE_URI}>"]
    if method == "REGISTER":
        lines += [
            f"Path: <sip:{P_CSCF1.route}@{P_CSCF1.host}:5060;lr>",
            "Require: path",
            f'P-Visited-Network-ID: "{HOME}"',
        ]
    return lines


def _sdp(address: str, *, payloads: str, local: str, remote: str, confirm: bool = False) -> str:
    """An audio description of TS 26.114 with the preconditions of RFC 3312."""
    offers_all = payloads == "offer"
    formats = "107 106 104 105 101 100" if offers_all else "104 101"
    lines = [
        "v=0",
        f"o=- {{session}} {{session}} IN IP4 {address}",
        "s=-",
        f"c=IN IP4 {address}",
        "b=AS:49",
        "b=RS:600",
        "b=RR:2000",
        "t=0 0",
        f"m=audio 49152 RTP/AVP {formats}",
    ]
    if offers_all:
        lines += ["a=rtpmap:107 EVS/16000/1", "a=fmtp:107 br=5.9-24.4;bw=nb-swb;max-red=220"]
        lines += ["a=rtpmap:106 AMR-WB/16000/1", "a=fmtp:106 octet-align=1;mode-change-capability=2;max-red=220"]
    lines += ["a=rtpmap:104 AMR-WB/16000/1", "a=fmtp:104 mode-change-capability=2;max-red=220"]
    if offers_all:
        lines += ["a=rtpmap:105 telephone-event/16000", "a=fmtp:105 0-15"]
        lines += ["a=rtpmap:100 telephone-event/8000", "a=fmtp:100 0-15"]
    lines += ["a=rtpmap:101 telephone-event/16000", "a=fmtp:101 0-15"]
    lines += [f"a=curr:qos local {local}", f"a=curr:qos remote {remote}"]
    lines += ["a=des:qos mandatory local sendrecv", "a=des:qos mandatory remote sendrecv"]
    lines += ["a=conf:qos remote sendrecv"] if confirm else []
    lines += ["a=ptime:20", "a=maxptime:240", "a=sendrecv"]
    return "\r\n".join(lines) + "\r\n"


OFFER = _sdp("{caller_ip}", payloads="offer", local="none", remote="none")
ANSWER = _sdp("{callee_ip}", payloads="answer", local="none", remote="none", confirm=True)
OFFER_RESERVED = _sdp("{caller_ip}", payloads="answer", local="sendrecv", remote="none")
ANSWER_RESERVED = _sdp("{callee_ip}", payloads="answer", local="sendrecv", remote="sendrecv")

INVITE_HEADERS = [
    f'Contact: <{CALLER_CONTACT}>;+sip.instance="<urn:gsma:imei:{{imei}}>";+g.3gpp.icsi-ref="{MMTEL}";audio',
    f'Accept-Contact: *;+g.3gpp.icsi-ref="{MMTEL}"',
    PANI1,
    "P-Early-Media: supported",
    "Supported: 100rel,precondition,timer,replaces,norefersub,histinfo,199",
    f"Allow: {ALLOW}",
    "Accept: application/sdp,application/3gpp-ims+xml",
    "Session-Expires: 1800;refresher=uac",
    "Min-SE: 90",
    "Privacy: none",
    "User-Agent: {caller_agent}",
]
REPLY_HEADERS = [
    f'Contact: <{CALLEE_CONTACT}>;+g.3gpp.icsi-ref="{MMTEL}";audio',
    f"P-Asserted-Identity: <sip:{{callee}}@{HOME}>, <tel:{{callee}}>",
    PANI2,
    f"Allow: {ALLOW}",
    "Server: {callee_agent}",
]


def _set_up(script: Script) -> None:
    """INVITE to 180 with reliable provisionals (RFC 3262) and resource reservation (RFC 3312)."""
    script.request("INVITE", 1, INVITE_HEADERS, OFFER, trying=True)
    reliable = ["Require: 100rel,precondition", "RSeq: 1", "P-Early-Media: gated"]
    script.response("183 Session Progress", "INVITE", 1, REPLY_HEADERS + reliable, ANSWER)
    script.request("PRACK", 2, ["RAck: 1 1 INVITE", PANI1, "User-Agent: {caller_agent}"])
    script.response("200 OK", "PRACK", 2, [PANI2, "Server: {callee_agent}"])
    reserved = [f"Contact: <{CALLER_CONTACT}>", PANI1, "Require: precondition", "User-Agent: {caller_agent}"]
    script.request("UPDATE", 3, [*reserved, f"Allow: {ALLOW}", "Supported: timer"], OFFER_RESERVED, wait=BEARER)
    script.response("200 OK", "UPDATE", 3, [*REPLY_HEADERS, "Require: precondition"], ANSWER_RESERVED)
    script.response("180 Ringing", "INVITE", 1, [*REPLY_HEADERS, "Require: 100rel", "RSeq: 2"], wait=BEARER)
    second = "prack2-"
    script.request("PRACK", 4, ["RAck: 2 1 INVITE", PANI1, "User-Agent: {caller_agent}"], transaction=second)
    script.response("200 OK", "PRACK", 4, [PANI2, "Server: {callee_agent}"], transaction=second)


def _answered(transports: Transports, *, bye_from_callee: bool = False, ok_lost: bool = False) -> Script:
    script = Script("answered", CALL_PATH, transports)
    _set_up(script)
    final = [*REPLY_HEADERS, "Require: timer", "Session-Expires: 1800;refresher=uac", "Supported: timer,replaces"]
    script.response("200 OK", "INVITE", 1, final, wait=RINGING)
    if ok_lost:  # RFC 3261 §13.3.1.4: the callee repeats its 2xx until the ACK is there, over any transport
        script.response("200 OK", "INVITE", 1, final, wait=(T1_US, 0), again=True)
    script.request("ACK", 1, [PANI1, "User-Agent: {caller_agent}"])
    headers = [PANI2 if bye_from_callee else PANI1, 'Reason: Q.850;cause=16;text="Normal call clearing"']
    headers += ["User-Agent: {callee_agent}" if bye_from_callee else "User-Agent: {caller_agent}"]
    script.request("BYE", 5, headers, wait=TALKING, from_callee=bye_from_callee)
    script.response("200 OK", "BYE", 5, [PANI1 if bye_from_callee else PANI2], from_callee=bye_from_callee)
    return script


def _refused(transports: Transports, outcome: str, status: str, *, reach: int = 5, reason: str) -> Script:
    script = Script(outcome, CALL_PATH, transports)
    script.request("INVITE", 1, INVITE_HEADERS, OFFER, trying=True, reach=reach)
    script.response(status, "INVITE", 1, [f"Allow: {ALLOW}", reason, "Server: {callee_agent}"], reach=reach)
    return script


def _rung_out(transports: Transports) -> Script:
    script = Script("no_answer", CALL_PATH, transports)
    _set_up(script)
    gone = ['Reason: Q.850;cause=19;text="No answer from user"', "Server: {callee_agent}"]
    script.response("480 Temporarily Unavailable", "INVITE", 1, gone, wait=RINGING)
    return script


def _cancelled(transports: Transports) -> Script:
    script = Script("cancelled", CALL_PATH, transports)
    _set_up(script)
    script.cancel()
    script.response("487 Request Terminated", "INVITE", 1, ["Server: {callee_agent}"])
    return script


def registration(transports: Transports) -> Script:
    """REGISTER, 401, REGISTER, 200 with IMS AKA (TS 24.229 §5.1.1; RFC 3310); the S-CSCF is its own I-CSCF."""
    script = Script("registered", REGISTRATION_PATH, transports)
    contact = f'Contact: <{CALLER_CONTACT}>;+sip.instance="<urn:gsma:imei:{{imei}}>";+g.3gpp.icsi-ref="{MMTEL}";audio'
    common = [contact, "Expires: 600000", PANI1, "Supported: path,gruu,sec-agree", f"Allow: {ALLOW}"]
    identity = f'Authorization: Digest username="{{imsi}}@{HOME}",realm="{HOME}",uri="sip:{HOME}"'
    script.request("REGISTER", 1, [*common, identity + ',nonce="",response=""', "User-Agent: {caller_agent}"])
    challenge = f'WWW-Authenticate: Digest realm="{HOME}",nonce="{{nonce}}",algorithm=AKAv1-MD5,qop="auth"'
    script.response("401 Unauthorized", "REGISTER", 1, [challenge])
    answer = identity + ',nonce="{nonce}",algorithm=AKAv1-MD5,qop=auth,nc=00000001,cnonce="{token}",response="{digest}"'
    script.request("REGISTER", 2, [*common, answer, "User-Agent: {caller_agent}"], transaction="register2-")
    bound = [contact + ";expires=600000", f"P-Associated-URI: <{CALLER_URI}>, <tel:{{caller}}>"]
    bound += [f"Service-Route: <sip:{S_CSCF1.route}@{S_CSCF1.host}:5060;lr>"]
    bound += [f"Path: <sip:{P_CSCF1.route}@{P_CSCF1.host}:5060;lr>"]
    script.response("200 OK", "REGISTER", 2, bound, transaction="register2-")
    return script


def basic_call(transports: Transports) -> Script:
    """Six messages between two UEs: the least a call can be, for measuring what starting costs."""
    script = Script("answered", DIRECT_PATH, transports)
    script.request("INVITE", 1, INVITE_HEADERS, OFFER)
    script.response("180 Ringing", "INVITE", 1, REPLY_HEADERS)
    script.response("200 OK", "INVITE", 1, REPLY_HEADERS, ANSWER, wait=RINGING)
    script.request("ACK", 1, [])
    script.request("BYE", 2, [], wait=TALKING)
    script.response("200 OK", "BYE", 2, [])
    return script


def calls(transports: Transports) -> list[tuple[int, Script]]:
    """Every kind of call with its share in a hundred: 82 are answered, 18 fail in five ways."""
    busy = 'Reason: Q.850;cause=17;text="User busy"'
    unknown = 'Reason: Q.850;cause=1;text="Unallocated number"'
    return [
        (47, _answered(transports)),
        (32, _answered(transports, bye_from_callee=True)),
        (3, _answered(transports, ok_lost=True)),
        (5, _refused(transports, "busy", "486 Busy Here", reason=busy)),
        (3, _refused(transports, "unreachable", "404 Not Found", reach=3, reason=unknown)),
        (2, _refused(transports, "server_failure", "503 Service Unavailable", reach=4, reason="Retry-After: 5")),
        (4, _rung_out(transports)),
        (4, _cancelled(transports)),
    ]
