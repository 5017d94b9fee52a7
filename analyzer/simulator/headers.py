"""What each kind of node writes into a message on each hop (TS 24.229 §5, RFC 3261 §16)."""

from __future__ import annotations

import base64
import itertools
import random
from typing import TYPE_CHECKING

from analyzer.simulator import bodies
from analyzer.simulator.bodies import Media
from analyzer.simulator.legs import Leg, Visit
from analyzer.simulator.network import AS, I_CSCF, IBCF, P_CSCF, RECORD_ROUTING, S_CSCF, SMS_GATEWAY, UE, Node, token
from analyzer.simulator.participants import Participants
from analyzer.simulator.script import Scenario, Step

if TYPE_CHECKING:
    from analyzer.simulator.air import Air

ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, MESSAGE, REFER, NOTIFY, OPTIONS, INFO, SUBSCRIBE\r\n"
MMTEL = "urn:urn-7:3gpp-service.ims.icsi.mmtel"
ICSI = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"'
SECURITY = "ipsec-3gpp;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=trans"
SERVER_SPI = "spi-c=48291734;spi-s=48291735;port-c=5063;port-s=5062"
SEC_AGREE = "Require: sec-agree\r\nProxy-Require: sec-agree\r\n"

# The headers that a word of a script stands for.
WORDS = {
    "reliable": "Require: 100rel\r\n",
    "early": "P-Early-Media: sendrecv\r\n",
    "clearing": 'Reason: Q.850;cause=16;text="Normal call clearing"\r\n',
    "elsewhere": 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n',
    "gone": 'Reason: SIP;cause=408;text="Request Timeout"\r\n',
    "hung-up": 'Reason: RELEASE_CAUSE;cause=1;text="User ends call"\r\n',
    "user-busy": 'Reason: Q.850;cause=17;text="User busy"\r\n',
    "declined": 'Reason: Q.850;cause=21;text="Call rejected"\r\n',
    "no-reply": 'Reason: Q.850;cause=19;text="No answer from user"\r\n',
    "barred": 'Warning: 399 network "Outgoing calls barred"\r\n',
    "broken": 'Warning: 399 network "Service logic failed"\r\n',
    "overload": "Retry-After: 5\r\n",
    "no-bearer": 'Reason: FAILURE_CAUSE;cause=3;text="Indication of failed resources allocation"\r\n',
    "unallocated": 'Reason: Q.850;cause=1;text="Unallocated (unassigned) number"\r\n',
    "radio-lost": 'Reason: FAILURE_CAUSE;cause=1;text="Media bearer loss"\r\n',
    "out-of-order": 'Reason: Q.850;cause=38;text="Network out of order"\r\n',
    "not-refreshed": 'Reason: SIP;cause=408;text="Session expired"\r\n',
    "not-here": 'Warning: 399 network "Roaming not allowed"\r\n',
    "proxy-challenge": 'Proxy-Authenticate: Digest realm="ims.example.net",nonce="c2ltdWxhdG9y",algorithm=MD5\r\n',
    "min-se": "Min-SE: 3600\r\n",
    "no-extension": "Unsupported: sec-agree\r\n",
    "sos": "Contact: <urn:service:sos>\r\n",
    "transfer": "Refer-To: <sip:+15559990001@ims.example.net>\r\n",
    "referring": "Event: refer\r\nSubscription-State: active;expires=60\r\n",
    "referred": "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n",
    "reg": "Event: reg\r\nExpires: 600000\r\n",
    "reginfo": "Event: reg\r\nSubscription-State: active;expires=600000\r\n",
}
IN_DIALOG = frozenset(("PRACK", "UPDATE", "ACK", "BYE", "NOTIFY", "INFO", "REFER"))
WITH_CONTACT = frozenset(("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"))


class Headers:
    """The headers of one play's messages. What the same on all hops of a leg is made once, the rest for each hop."""

    def __init__(self, lab: Air, number: int, scenario: Scenario, cast: Participants) -> None:
        self.lab, self.number, self.scenario, self.cast, self.rng = lab, number, scenario, cast, lab.rng
        self.all_legs: list[Leg] = []
        self.odi: dict[str, str] = {}  # the original dialog identifier on the Route of each AS (TS 24.229 §5.4.3.4)
        self.nonce = ""
        self.hides = lab.settings.topology_hiding and "X1" in scenario.parts[0][0]
        self.port = 10_000 + 2 * lab.rng.randrange(20_000)
        self.session_a, self.session_b = self._hex(128), self._hex(128)
        self.reference = number & 0xFF
        self.media_ports: dict[tuple[str, int], int] = {}

    def _ends(self, leg: Leg, method: str, cseq: int, downstream: bool, tag: str) -> str:
        """From, To, Call-ID and CSeq as the sender of the request writes them; `tag` is that of the callee."""
        calling, called = f"<{leg.from_uri}>;tag={leg.from_tag}", f"<{leg.to_uri}>{';tag=' + tag if tag else ''}"
        sender, receiver = (calling, called) if downstream else (called, calling)
        return f"From: {sender}\r\nTo: {receiver}\r\nCall-ID: {leg.call_id}\r\nCSeq: {cseq} {method}\r\n"

    def _tag(self, leg: Leg, answerer: str) -> str:
        if answerer not in leg.tags:
            leg.tags[answerer] = self._hex(40)
        return leg.tags[answerer]

    def _remote_target(self, visit: Visit) -> str:
        """The remote target: the contact of one end of a leg."""
        if UE in visit.kinds:
            return self.cast.subscriber(visit.names[-1]).contact_uri
        return f"sip:{visit.node.host_port}"

    def _contact_header(self, visit: Visit) -> str:
        if UE in visit.kinds:
            person = self.cast.subscriber(visit.names[-1])
            return f'Contact: <{person.contact_uri}>;+sip.instance="{person.instance}";{ICSI};audio\r\n'
        return f"Contact: <sip:{visit.node.host_port}>\r\n"

    def _own_request(self, leg: Leg, step: Step, sender: Visit, downstream: bool) -> str:
        """What the sender of a request says, the same on all hops of a leg."""
        method, words = step.method, step.words
        lines = []
        if method in WITH_CONTACT:
            lines.append(self._contact_header(sender))
        if method == "INVITE":
            lines.append(f"{ALLOW}Supported: 100rel, precondition, timer, histinfo, replaces, 199\r\n")
            lines.append("P-Early-Media: supported\r\nSession-Expires: 1800;refresher=uac\r\n")
            lines.append(
                f"Accept-Contact: *;{ICSI}\r\nP-Asserted-Service: {MMTEL}\r\n"
                if leg.parent
                else f"Accept-Contact: *;{ICSI}\r\n"
            )
            lines.append(f"Session-ID: {leg.session};remote={'0' * 32}\r\n{leg.history}")
            if self.cast.anonymous:
                lines.append("Privacy: id\r\n")
        elif method == "PRACK":
            lines.append(f"RAck: {leg.rseq} {leg.invite_cseq} INVITE\r\n")
        elif method == "UPDATE":
            lines.append("Require: precondition\r\n")
        elif method == "REGISTER":
            lines.append(self._register_headers(leg, words))
        elif method == "MESSAGE" and "rp-ack" in words:
            lines.append(f"In-Reply-To: {self.all_legs[0].call_id}\r\n")
        elif method == "SUBSCRIBE":
            lines.append("Accept: application/reginfo+xml\r\n")
        lines += [WORDS[word] for word in words if word in WORDS]
        if UE in sender.kinds:
            lines.append(f"User-Agent: {self.cast.subscriber(sender.names[-1]).agent}\r\n")
        return "".join(lines)

    def _register_headers(self, leg: Leg, words: tuple[str, ...]) -> str:
        if "third-party" in words:
            expires = 0 if "unbound" in words else 600_000
            return f"Contact: <sip:{leg.visits[0].node.host_port}>\r\nExpires: {expires}\r\n"
        expires = 0 if "deregister" in words else 600_000
        return (
            self._contact_header(leg.visits[0])
            + f"Expires: {expires}\r\nSupported: path, gruu, sec-agree\r\n{ALLOW}"
            + f"Security-Client: {SECURITY};spi-c=1{self.number:07d};spi-s=2{self.number:07d};"
            + "port-c=6100;port-s=6101\r\n"
        )

    def _credentials(self, words: tuple[str, ...]) -> str:
        """The Authorization of a REGISTER without its end of line (RFC 3310)."""
        person = self.cast.subscriber("A")
        home = person.home
        head = f'Authorization: Digest username="{person.imsi}@{home}",realm="{home}",uri="sip:{home}"'
        if "initial" in words:
            return head + ',nonce="",response=""'
        rng = random.Random(f"{self.nonce} {words}")  # the same on each hop
        count = "00000001" if "response" in words or "auts" in words else "00000002"
        tail = f',nonce="{self.nonce}",algorithm=AKAv1-MD5,qop=auth,nc={count},cnonce="{rng.getrandbits(48):012x}"'
        if "mac-failure" in words:  # neither a response nor AUTS (TS 24.229 §5.1.1.5.3)
            return f'{head}{tail},response=""'
        if "auts" in words:
            return f'{head}{tail},response="{rng.getrandbits(128):032x}",auts="{token(rng, 14)}"'
        return f'{head}{tail},response="{rng.getrandbits(128):032x}"'

    def _extra_request(self, leg: Leg, sender: Visit, receiver: Visit, step: Step, in_dialog: bool) -> str:
        """What belongs to one hop: what a UE tells its P-CSCF, and what only the trusted network may see (§4.4)."""
        method, cast = step.method, self.cast
        if method == "REGISTER":
            return self._extra_register(leg, sender, receiver, step.words)
        if UE in sender.kinds:
            person = cast.subscriber(sender.names[-1])
            if method == "ACK":
                return ""
            access = f"P-Access-Network-Info: {person.cell}\r\n"
            verify = f"{SEC_AGREE}Security-Verify: {SECURITY};{SERVER_SPI};q=0.1\r\n"
            if in_dialog:
                return access + verify
            preferred = f"P-Preferred-Identity: <{person.identity}>\r\n"
            service = f"P-Preferred-Service: {MMTEL}\r\n" if method == "INVITE" else ""
            return preferred + service + access + verify
        if UE in receiver.kinds:
            if in_dialog:
                return ""
            called = cast.subscriber(receiver.names[-1]).identity
            return f"{'' if cast.anonymous else self._asserted(leg, method)}P-Called-Party-ID: <{called}>\r\n"
        if method == "ACK":
            return ""
        charging = self._charging(leg, sender)
        if in_dialog:
            return charging
        lines = [charging, self._asserted(leg, method)]
        if leg.parent is None and sender.names[0] in ("P1", "S1") and self.scenario.parts[0][0].startswith("A"):
            lines.append(f"P-Access-Network-Info: {cast.subscriber('A').cell}\r\n")
        if S_CSCF in sender.kinds:
            if receiver.kinds & {AS, SMS_GATEWAY}:
                terminating = sender.names[-1] != "S1" and sender.names[0] != "S1"
                served = cast.subscriber("B" if terminating else "A").identity
                lines.append(f"P-Served-User: <{served}>;sescase={'term' if terminating else 'orig'};regstate=reg\r\n")
            elif P_CSCF in receiver.kinds:
                lines.append(f"P-Called-Party-ID: <{cast.subscriber(leg.visits[-1].names[-1]).identity}>\r\n")
        return "".join(lines)

    def _asserted(self, leg: Leg, method: str) -> str:
        if method == "SUBSCRIBE" or self.scenario.kind != "call":
            who = leg.from_uri
            return f"P-Asserted-Identity: <{who}>\r\n"
        caller = self.cast.subscriber("A")
        return f"P-Asserted-Identity: <{caller.identity}>, <tel:{caller.number}>\r\n"

    def _charging(self, leg: Leg, visit: Visit, term: str = "") -> str:
        home = self.lab.network.operators[self.cast.node("S1").network].domain
        related = f";related-icid={leg.related}" if leg.related else ""
        icid = f"icid-value={leg.icid};icid-generated-at={leg.icid_at}"
        return f"P-Charging-Vector: {icid};orig-ioi={home}{term}{related}\r\n"

    def _extra_register(self, leg: Leg, sender: Visit, receiver: Visit, words: tuple[str, ...]) -> str:
        if "third-party" in words:
            return self._charging(leg, sender)
        credentials = self._credentials(words)
        person = self.cast.subscriber("A")
        access = f"P-Access-Network-Info: {person.cell}\r\n"
        if UE in sender.kinds:
            verify = "" if "initial" in words else f"Security-Verify: {SECURITY};{SERVER_SPI};q=0.1\r\n"
            return f"{credentials}\r\n{access}{SEC_AGREE}{verify}"
        protected = "no" if "initial" in words else "yes"
        visited = self.lab.network.operators[leg.visits[1].node.network].domain
        return (
            f'{credentials},integrity-protected="{protected}"\r\n{access}'
            f"Path: <sip:term@{leg.visits[1].node.host_port};lr>\r\n"
            f'Require: path\r\nP-Visited-Network-ID: "{visited}"\r\n{self._charging(leg, sender)}'
        )

    def _own_response(self, leg: Leg, step: Step, answering: Visit, answerer: str) -> str:
        method, status, words = step.method, step.status, step.words
        lines = []
        if "challenge" in words:  # RAND, then AUTN: SQN xor AK, AMF, MAC (RFC 3310 §3.2, TS 33.102 §6.3)
            authentication = self.rng.randbytes(22) + b"\x80\x00" + self.rng.randbytes(8)
            self.nonce = base64.b64encode(authentication).decode()
        if method in WITH_CONTACT and 100 < status < 300 and method != "NOTIFY":
            lines.append(self._contact_header(answering))
        if method == "INVITE" and 100 < status < 300:
            lines.append(f"Session-ID: {self.session_b};remote={leg.session}\r\n{ALLOW}")
            if status == 200:
                lines.append("Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\n")
        if "reliable" in words:
            leg.rseq += 1
            lines.append(f"RSeq: {leg.rseq}\r\n")
        lines += [WORDS[word] for word in words if word in WORDS]
        if "third-party" in words:
            expires = 0 if "unbound" in words else 600_000
            lines.append(f"Contact: <sip:{leg.visits[0].node.host_port}>;expires={expires}\r\n")
        elif "bound" in words or "unbound" in words:
            person = self.cast.subscriber("A")
            contact = self._contact_header(leg.visits[0]).rstrip()
            expires = 600_000 if "bound" in words else 0
            s_cscf = next(visit for visit in leg.visits if "S1" in visit.names).node
            lines.append(
                f"{contact};expires={expires}\r\nPath: <sip:term@{leg.visits[1].node.host_port};lr>\r\n"
                f"Service-Route: <sip:orig@{s_cscf.host_port};lr>\r\n"
                f"P-Associated-URI: <{person.identity}>, <tel:{person.number}>\r\n"
            )
        return "".join(lines)

    def _extra_response(self, leg: Leg, sender: Visit, receiver: Visit, step: Step, answerer: str) -> str:
        status, method = step.status, step.method
        if "challenge" in step.words:
            return self._challenge(receiver)
        if UE in sender.kinds:
            return f"P-Access-Network-Info: {self.cast.subscriber(sender.names[-1]).cell}\r\n"
        if UE in receiver.kinds and method == "INVITE" and 100 < status < 300:
            return self._answering(answerer)
        if UE in receiver.kinds or method not in ("INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE"):
            return ""
        home = self.lab.network.operators[self.cast.node(self._terminating()).network].domain
        charging = self._charging(leg, sender, f";term-ioi={home}")
        return charging + (self._answering(answerer) if method == "INVITE" and 100 < status < 300 else "")

    def _terminating(self) -> str:
        return "S2" if "B" in self.cast.people else "S1"

    def _answering(self, answerer: str) -> str:
        """Who answered, as the network asserts it (RFC 3325); a second device has the identity of the first."""
        if answerer == "MGCF":
            return f"P-Asserted-Identity: <tel:{self.cast.called_number}>\r\n"
        if answerer not in self.cast.people:
            return ""
        person = self.cast.subscriber("B" if answerer == "B2" else answerer)
        return f"P-Asserted-Identity: <{person.identity}>, <tel:{person.number}>\r\n"

    def _challenge(self, receiver: Visit) -> str:
        """401 with AKA: nonce = RAND and AUTN (RFC 3310 §3.2); the keys end at the P-CSCF (TS 33.203 §7)."""
        person = self.cast.subscriber("A")
        head = f'WWW-Authenticate: Digest realm="{person.home}",nonce="{self.nonce}",algorithm=AKAv1-MD5,qop="auth"'
        if UE in receiver.kinds:
            return f"{head}\r\nSecurity-Server: {SECURITY};{SERVER_SPI};q=0.1\r\n"
        rng = random.Random(self.nonce)
        return f'{head},ik="{rng.getrandbits(128):032x}",ck="{rng.getrandbits(128):032x}"\r\n'

    def _records(self, passed: list[Visit], sender: Visit, receiver: Visit) -> str:
        """Record-Route with the last node passed on top, as it may be seen between two nodes."""
        staying = [visit.node for visit in passed if visit.kinds & RECORD_ROUTING]
        return "".join(f"Record-Route: {uri}\r\n" for uri in self._shown(staying[::-1], sender, receiver))

    def _dialog_routes(self, visits: list[Visit], hop: int) -> str:
        coming = [visit.node for visit in visits[hop + 1 : -1]]
        return "".join(f"Route: {uri}\r\n" for uri in self._shown(coming, visits[hop], visits[hop + 1]))

    def _shown(self, nodes: list[Node], sender: Visit, receiver: Visit) -> list[str]:
        """Route entries; where topology is hidden, those inside the other network are one token of its IBCF."""
        if not self.hides:
            return [f"<sip:{node.host_port};lr>" for node in nodes]
        here = sender.node.network if sender.node.network == receiver.node.network else None
        shown = []
        for network, group in itertools.groupby(nodes, lambda node: node.network):
            members = list(group)
            if network == here:
                shown += [f"<sip:{node.host_port};lr>" for node in members]
                continue
            gate = next(node for node in members if IBCF in node.roles)
            inside = f"<sip:{self._token(network)}@{gate.host_port};tokenized-by={self._domain(network)};lr>"
            outside = f"<sip:{gate.host_port};lr>"
            hidden = [inside] if len(members) > 1 else []
            shown += [outside, *hidden] if members[0] is gate else [*hidden, outside]
        return shown

    def _token(self, network: int) -> str:
        return f"t{random.Random(f'{self.number} {network}').getrandbits(128):x}"

    def _domain(self, network: int) -> str:
        return self.lab.network.operators[network].domain

    def _tokenised(self, vias: str, gate: Node) -> str:
        """The Via stack of the nodes behind an IBCF as one entry (TS 24.229 §5.10.4)."""
        domain = self._domain(gate.network)
        hidden = f"{self._token(gate.network)}.{domain};tokenized-by={domain}"
        return f"Via: SIP/2.0/UDP {hidden};branch=z9hG4bK{self._hex(72)}\r\n"

    def _first_routes(self, leg: Leg, hop: int, method: str) -> str:
        """Route of a request that makes a dialog or stands alone, on one hop of its way."""
        sender, receiver = leg.visits[hop], leg.visits[hop + 1]
        if UE in receiver.kinds or I_CSCF in receiver.kinds or method == "REGISTER":
            return ""
        there = receiver.node.host_port
        if receiver.kinds & {AS, SMS_GATEWAY}:
            return f"Route: <sip:{there};lr>\r\nRoute: <sip:{self._odi_uri(receiver)}{sender.node.host_port};lr>\r\n"
        if sender.kinds & {AS, SMS_GATEWAY}:
            return f"Route: <sip:{self._odi_uri(sender)}{there};lr>\r\n"
        if UE in sender.kinds:
            after = leg.visits[hop + 2] if hop + 2 < len(leg.visits) else None
            routes = f"Route: <sip:{there};lr>\r\n"
            if after is not None and "S1" in after.names:
                routes += f"Route: <sip:orig@{after.node.host_port};lr>\r\n"
            return routes
        if P_CSCF in sender.kinds and "S1" in receiver.names:
            return f"Route: <sip:orig@{there};lr>\r\n"
        if P_CSCF in receiver.kinds:
            return f"Route: <sip:term@{there};lr>\r\n"
        return f"Route: <sip:{there};lr>\r\n"

    def _odi_uri(self, server: Visit) -> str:
        odi = self.odi[server.names[-1]]
        return f"{odi}@" if odi else ""

    def _body(self, leg: Leg, words: tuple[str, ...], chain: list[Leg], downstream: bool) -> tuple[bytes, str]:
        """The body and its Content-Type line. An AS that anchors media puts its own address in it."""
        for word in words:
            if word.startswith(("offer", "answer")):
                return bodies.sdp(
                    self._media(leg, chain, downstream), word, self._sound(leg)
                ), "Content-Type: application/sdp\r\n"
            if word == "reginfo":
                person = self.cast.subscriber("A")
                return bodies.reginfo(person.identity, person.contact_uri), "Content-Type: application/reginfo+xml\r\n"
            if word == "rp-data":
                body = bodies.rp_data(self.reference, self.cast.dialled.removeprefix("tel:"), self.cast.called_number)
                return body, "Content-Type: application/vnd.3gpp.sms\r\n"
            if word in bodies.FRAGMENTS:
                return bodies.FRAGMENTS[word], "Content-Type: message/sipfrag;version=2.0\r\n"
            if word == "sos":
                return bodies.EMERGENCY, "Content-Type: application/3gpp-ims+xml\r\n"
            if word == "dtmf":
                return b"Signal=5\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay\r\n"
            if word == "rp-ack":
                return bodies.rp_ack(self.reference), "Content-Type: application/vnd.3gpp.sms\r\n"
        return b"", ""

    def _sound(self, leg: Leg) -> tuple[str, str]:
        """Codec and suite of SRTP that the descriptions of a leg have; "" for what they have anyway."""
        sound = self.scenario.sound
        if sound is None:
            return "", ""
        codec = sound.far_codec if leg.parent and sound.far_codec else sound.codec
        return "" if codec == "AMR-WB" else codec, sound.srtp

    def media_nodes(self) -> list[Node]:
        """All nodes on the ways of the play that have media, its ends first."""
        return [*self.cast.nodes.values()]

    def _media(self, leg: Leg, chain: list[Leg], downstream: bool) -> Media:
        """What an end offers or answers, unless a B2BUA that it passed before this leg anchors media."""
        maker = chain[0].visits[0 if downstream else -1]
        session = 3_000_000_000 + (self.number * 7 + (0 if downstream else 3)) % 1_000_000_000
        media = Media(maker.node.ip, self.port + (0 if downstream else 2), session)
        for crossed, following in itertools.pairwise(chain[: chain.index(leg) + 1]):
            anchor = (following if downstream else crossed).anchor
            if anchor:
                media = anchor if downstream else anchor._replace(port=anchor.port + 2, session=anchor.session + 1)
        return media._replace(port=self._media_port(media.ip, media.port))

    def _media_port(self, ip: str, wanted: int) -> int:
        """Where media are received at an address, RTCP one above: this port, or the next that no other play has."""
        if (ip, wanted) not in self.media_ports:
            self.media_ports[ip, wanted] = self.lab.media_port(ip, wanted)
        return self.media_ports[ip, wanted]

    def _hex(self, bits: int) -> str:
        return f"{self.rng.getrandbits(bits):0{bits // 4}x}"
