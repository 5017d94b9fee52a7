"""Nodes, hops and registrations in an IMS."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import Header, words
from analyzer.schema.column import MaskClass as M
from analyzer.schema.table import ESTIMATE, Section, Table
from analyzer.schema.values import REFERENCE_POINT_NAMES, REGISTRATION_KINDS, REGISTRATION_OUTCOMES

# A column is a row of a table, and is laid out as one.
# fmt: off

LEGS = Table(
    "legs",
    "One leg of a call, and the leg that it continues across a B2BUA.",
    (
        C("leg", "key", "Leg: message of its first INVITE."),
        C("call", "key", "Call of the leg."),
        C("call_id", "text", "Call-ID of the leg.", mask=M.IDENTIFIER),
        C("started_at", "time", "First byte of the first INVITE of the leg."),
        C("first_node", "text", "Address where the leg begins.", mask=M.HOST),
        C("last_node", "text", "Address where the leg ends; for a forked leg, the first.", mask=M.HOST),
        C("hops", "int", "Number of hops on which the INVITE was captured."),
        C("parent", "key", "Leg that this one continues, as in leg; null if none is known."),
        C("parent_call_id", "text", "Call-ID of that leg.", mask=M.IDENTIFIER),
        C("relation", "text",
          "Relation to the parent: a leg of the same call, or the header field that names the other.",
          "RFC 3891, RFC 3911, RFC 4538, RFC 3261 §20.21", values=words("leg replaces join target_dialog in_reply_to"),
          mask=M.OPEN),
        C("strength", "text", "Strength of the correlation.",
          values=(("strong", "a fact: legs of one call are one row of calls"), ("possible", "shown, not acted on")),
          mask=M.OPEN),
        C("score", "int", "Points of the evidence: strong from 100, possible from 60."),
        C("evidence", "text", "Evidence with its points; docs/hops_and_legs.md.", mask=M.OPEN),
        C("node", "text", "Address where the parent ends and this leg begins.", mask=M.ADDRESS),
        C("delay_s", "duration",
          "Arrival of the parent's INVITE to departure of this leg's INVITE, at one capture point."),
    ),
    made_by="analyzer.ims.legs:table",
    belongs_to=("call",),
    shown=words("started_at call_id first_node last_node hops parent_call_id strength score evidence node delay_s"),
    note=(
        "A leg is a Call-ID and a From tag; a leg with several possible parents has a row for each. "
        "Strong links make legs one call; possible links are only shown."
    ),
    example="strength = 'possible'",
)

HOPS = Table(
    "hops",
    "One message on its way from one node to the next, and the message that preceded it at the node.",
    (
        C("message", "key", "Message, without duplicates."),
        C("call", "key", "Call; null outside calls."),
        C("transaction", "key", "Transaction of the message; null for an ACK to a 2xx."),
        C("time", "time", "Capture time."),
        C("method", "text", "Method; for a response, the method in its CSeq.", mask=M.FREE_TEXT),
        C("status", "int", "Status code; null for a request."),
        C("sender", "text", "ip:port of the sender.", mask=M.HOST),
        C("receiver", "text", "ip:port of the receiver.", mask=M.HOST),
        C("previous", "key",
          "Message from which the sender made this one; null if the sender originated it or its arrival was not "
          "captured.", "RFC 3261 §16.6, §16.7"),
        C("node", "text", "ip:port at which others reach the sender, if previous is known.", mask=M.HOST),
        C("delay_s", "duration",
          "Arrival of previous to departure of this message, at one capture point that captured both; otherwise null."),
        C("point", "text", "That capture point; without a delay, the message's own.", mask=M.FILE),
        C("unseen", "int",
          "Number of nodes between previous and this message that no capture point observed; null without previous, "
          "or if unknown."),
        C("linked_by", "text", "Rule by which previous was found.", values=(("via", "Via stacks"),
          ("cancel", "the CANCEL of an INVITE made from another"),
          ("order", "it came in before at the same node: Vias hidden or removed"),
          ("leg", "a B2BUA between two legs of the call")), mask=M.OPEN),
        C("reference_point", "text",
          "Reference point of the hop, by the estimated roles of the nodes at both ends; null if a role is unknown "
          "or the standards name none.", "TS 23.228 §4.4", values=REFERENCE_POINT_NAMES, mask=M.OPEN),
    ),
    made_by="analyzer.ims.hops:hops",
    scope=ESTIMATE,
    belongs_to=("message",),
    shown=words("time method status sender receiver reference_point node delay_s unseen linked_by"),
    note=(
        "In message order. previous is the message from which this one was made, linked_by the rule "
        "that found it, delay_s the time spent in the node."
    ),
    example="delay_s > 0.5 and node is not null",
)

ENDPOINTS = Table(
    "endpoints",
    "One address and port that sent or received SIP, and the node that it belongs to.",
    (
        C("address", "text", "ip:port.", mask=M.HOST),
        C("ip", "text", "Address.", mask=M.ADDRESS),
        C("port", "int", "Port."),
        C("node", "text",
          "Node: ip:port of its main port. Ports of one address form one node if a message that arrived at one was "
          "forwarded from the other, or answered from it.", "RFC 3261 §18, §16.6", mask=M.HOST),
        C("role", "text",
          "Role: UE P-CSCF I-CSCF S-CSCF E-CSCF AS (if its kind is known: TAS, SCC AS, conference AS, presence "
          "server, IP-SM-GW) BGCF MGCF IBCF MRFC ATCF LRF EATF MSC server; outside an IMS UA proxy B2BUA registrar "
          "redirect server; several roles of one node as I/S-CSCF, P-CSCF+ATCF, proxy+registrar; or unknown.",
          "TS 23.228 §4, RFC 3261 §6", mask=M.OPEN),
        C("confidence", "share",
          "Confidence in the role: points of the evidence, at most 100, weighed against the evidence for other roles."),
        C("points", "int", "Points of the evidence for the role; for several roles, those of the weakest."),
        C("session_case", "text", "Session case that the node serves.", values=words("originating terminating both"),
          mask=M.OPEN),
        C("name", "text", "Host name by which others route to the node, or that it puts into Via.", mask=M.HOST),
        C("domain", "text", "Network that the node belongs to, if known.", mask=M.HOST),
        C("product", "text", "User-Agent or Server of the messages that the node originated.", mask=Header.USER_AGENT),
        C("source", "text", "Origin of the role.", values=("evidence", ("given", "by the user")), mask=M.OPEN),
        C("sent", "int", "Number of messages sent, without duplicates."),
        C("received", "int", "Number of messages received."),
        C("first_at", "time", "Time of the first message."),
        C("last_at", "time", "Time of the last message."),
    ),
    made_by="analyzer.ims.nodes:find",
    scope=ESTIMATE,
    belongs_to=(("address", "endpoint"),),
    shown=words("address node role confidence session_case name domain product sent received first_at last_at"),
    note="Several ports of one address can belong to one node; the table nodes has a row per node.",
    example="role = 'P-CSCF' and confidence < 1",
)

NODES = Table(
    "nodes",
    "One node that sent or received SIP: a UE, a CSCF, an AS, a PBX, with its role.",
    (
        C("node", "text", "ip:port of its main port.", mask=M.HOST),
        *(ENDPOINTS.column(name) for name in words("role confidence points session_case name domain product source")),
        C("endpoints", "int", "Number of addresses and ports that belong to the node."),
        *(ENDPOINTS.column(name) for name in words("sent received first_at last_at")),
    ),
    made_by="analyzer.ims.nodes:nodes",
    scope=ESTIMATE,
    belongs_to=("node",),
    shown=words("node role confidence session_case name domain product endpoints sent received first_at last_at"),
    note=(
        "Roles are estimated from the whole capture: P-CSCF, S-CSCF, AS ... in an IMS; UA, proxy, B2BUA, "
        "registrar, redirect server elsewhere; unknown where the evidence is too weak. sip-analyzer "
        "node-evidence shows why; --nodes FILE overrides a role."
    ),
    example="role = 'P-CSCF' and confidence < 1",
    section=Section(10, "Nodes", "No node spoke SIP."),
)

NODE_EVIDENCE = Table(
    "node_evidence",
    "One rule that supports a role of a node.",
    (
        C("node", "text", "Node, as in nodes.", mask=M.HOST),
        C("role", "text", "Role that the rule supports.", mask=M.OPEN),
        C("rule", "text", "Name of the rule.", mask=M.OPEN),
        C("points", "int",
          "Points of the rule, counted once however often it matched; negative if it contradicts the role."),
        C("count", "int", "Number of matches; if there are many requests within dialogs, only some are examined."),
        C("message", "key", "First message that matches."),
    ),
    made_by="analyzer.ims.nodes:find",
    scope=ESTIMATE,
    belongs_to=("node",),
    shown=words("node role rule points count message"),
    note="docs/nodes.md lists the rules. A role needs 60 points, and 20 more than any that excludes it.",
    example="role = 'I-CSCF' and points >= 60",
)

REFERENCE_POINTS = Table(
    "reference_points",
    "Two nodes that sent each other requests, and the reference point between them.",
    (
        C("node", "text", "Node that sent the first request, as in nodes.", mask=M.HOST),
        C("role", "text", "Role of the node.", mask=M.OPEN),
        C("peer", "text", "Node that received it.", mask=M.HOST),
        C("peer_role", "text", "Role of the peer.", mask=M.OPEN),
        C("reference_point", "text",
          "Reference point; null if a role is unknown, or the standards name none between them.", "TS 23.228 §4.4",
          values=REFERENCE_POINT_NAMES, mask=M.OPEN),
        C("requests", "int", "Number of requests from node to peer, without copies, ACK and CANCEL."),
        C("peer_requests", "int", "Number of requests from peer to node."),
        C("first_at", "time", "Time of the first request."),
        C("last_at", "time", "Time of the last request."),
    ),
    made_by="analyzer.ims.nodes:find",
    scope=ESTIMATE,
    belongs_to=("node", ("peer", "node")),
    shown=words("node role peer peer_role reference_point requests peer_requests first_at"),
    note="Gm Mw ISC Mi Mj Mg Mx Ici ..., by the roles of the nodes, as sip-analyzer nodes estimates them.",
    example="reference_point = 'Gm'",
)

IMS_REGISTRATIONS = Table(
    "ims_registrations",
    "The IMS details of a registration attempt, over all its hops.",
    (
        C("registration", "key", "Registration."),
        C("started_at", "time", "First byte of the first REGISTER."),
        C("aor", "text", "Address of record.", mask=M.URI),
        C("kind", "text", "Kind of registration.", values=REGISTRATION_KINDS, mask=M.OPEN),
        C("outcome", "text", "Outcome of the attempt.", values=REGISTRATION_OUTCOMES, mask=M.OPEN),
        C("outcome_detail", "text", "Likely reason why a challenge was not answered or the registration failed.",
          "TS 33.102 §6.3, TS 24.229 §5.1.1.5", values=(
          ("ue_silent", "the challenge reached the hop next to the UE: the USIM refuses AUTN, or the radio failed"),
          ("ue_silent_or_ipsec", "the answer goes through the IPsec that the challenge set up, which may have "
          "failed, or is not read"), ("challenge_lost", "it was seen further inside only"),
          ("ue_not_seen", "no hop next to a UE was captured"), "sync_failure", "mac_failure", "wrong_response",
          "stale_nonce", "security_refused", "interval_too_brief"), mask=M.OPEN),
        C("algorithm", "text", "Authentication algorithm of the UE: AKAv1-MD5, MD5 ...", "RFC 3310, RFC 7616",
          mask=M.FREE_TEXT),
        C("protected", "text", "integrity-protected, as reported by the P-CSCF.", "TS 24.229 §7.2A.2",
          mask=M.FREE_TEXT),
        C("security", "text", "First mechanism and algorithms offered by the P-CSCF.", "RFC 3329", mask=M.FREE_TEXT),
        C("security_check", "text", "Check of the security agreement; null if none was offered.", "RFC 3329 §2.3.1",
          values=(("verified", "Security-Verify equals Security-Server"), "mismatch",
          ("not_verified", "no Security-Verify came")), mask=M.OPEN),
        C("spis", "text", "SPIs of the IPsec associations that were agreed, and to whom ESP with each goes.",
          "RFC 3329, TS 33.203 §7.2", mask=M.OPEN),
        C("outside", "int", "Requests sent outside these associations; null if none was agreed.", "TS 33.203 §7.1"),
        C("instance", "text", "+sip.instance of Contact.", "RFC 5626 §4.1", mask=M.IDENTIFIER),
        C("contacts", "int", "Number of contacts in the 200: devices of the subscriber.", "RFC 3261 §10.3"),
        C("access_network", "text", "P-Access-Network-Info.", "RFC 7315 §4.4", mask=Header.ACCESS_NETWORK),
        C("visited_network", "text", "P-Visited-Network-ID.", "RFC 7315 §4.3", mask=M.HOST),
        C("path", "text", "Path.", "RFC 3327", mask=Header.PATH),
        C("service_route", "text", "Service-Route of the 200.", "RFC 3608", mask=Header.SERVICE_ROUTE),
        C("public_ids", "text",
          "P-Associated-URI of the 200: the implicitly registered identities, the default first.", "RFC 7315 §4.1",
          mask=Header.ASSOCIATED_URI),
        C("public_gruu", "text", "Public GRUU of the 200.", "RFC 5628", mask=M.URI),
        C("temporary_gruu", "text", "Temporary GRUU of the 200.", "RFC 5628", mask=M.URI),
    ),
    made_by="analyzer.ims.registration:ims_registrations",
    belongs_to=("registration",),
    shown=words(
        "started_at aor kind outcome outcome_detail algorithm security security_check visited_network "
        "service_route public_ids"
    ),
    note=(
        "The same rows as registrations: authentication, security agreement, Path, Service-Route, "
        "identities, GRUUs, and the likely reason for a challenge that was not answered. Keys and digest "
        "responses are never shown."
    ),
    example="security_check = 'mismatch'",
)

CHALLENGES = Table(
    "challenges",
    "One challenge to a REGISTER, with AKA decoded, and its outcome.",
    (
        C("registration", "key", "Registration."),
        C("challenge", "key", "Message with the challenge: 401 or 407."),
        C("answer", "key", "Message of the next REGISTER of the attempt; null if there is none."),
        C("challenged_at", "time", "Time of the challenge."),
        C("answered_at", "time", "First byte of the next REGISTER."),
        C("outcome", "text", "Outcome of the challenge.", "RFC 3310 §3, TS 33.102 §6.3", values=("accepted",
          ("sync_failure", "AUTS"), ("mac_failure", "the USIM refuses AUTN: no response, no AUTS"),
          ("wrong_response", "challenged again"), "stale_nonce", "rejected",
          ("begun_anew", "the next REGISTER does not answer it"), "pending", "unanswered"), mask=M.OPEN),
        C("status", "int", "Final status of the answer."),
        C("algorithm", "text", "AKAv1-MD5, MD5 ...", "RFC 3310, RFC 7616", mask=M.FREE_TEXT),
        C("realm", "text", "Realm of the challenge.", mask=M.HOST),
        C("rand", "text", "RAND of AKA, in hexadecimal.", "RFC 3310 §3.2", mask=M.IDENTIFIER),
        C("autn", "text", "AUTN of AKA: SQN xor AK, AMF, MAC.", "TS 33.102 §6.3.1", mask=M.IDENTIFIER),
        C("amf", "text", "Authentication management field of AUTN.", "TS 33.102 annex F", mask=M.OPEN),
        C("auts", "text", "AUTS of the answer: SQN of the USIM xor AK*, MAC-S.", "TS 33.102 §6.3.3",
          mask=M.IDENTIFIER),
        C("rand_seen", "bool",
          "The same RAND was in an earlier challenge: a replay, or an HSS that repeats its vectors."),
    ),
    made_by="analyzer.ims.registration:challenges",
    belongs_to=("registration",),
    shown=words("challenged_at answered_at outcome status algorithm realm rand autn auts rand_seen"),
    note=(
        "Measured at the reference hop of the attempt. RAND, AUTN and AUTS are sent in clear; ik, ck "
        "and responses are never shown."
    ),
    example="outcome = 'sync_failure'",
)

BINDINGS = Table(
    "bindings",
    "One uninterrupted period in which a contact was registered.",
    (
        C("binding", "key", "Registration that began the binding."),
        C("aor", "text", "Address of record.", "RFC 3261 §10", mask=M.URI),
        C("contact", "text", "addr-spec of Contact.", mask=M.URI),
        C("private_id", "text", "Private identity.", mask=M.USER),
        C("started_at", "time", "200 that began the binding."),
        C("expires_at", "time", "Expiry of the binding, as last granted."),
        C("ended_at", "time", "End of the binding; null if it lasts at the end of the capture."),
        C("end_reason", "text", "Reason why the binding ended.",
          values=("open", "deregistered", "expired", ("network", "a NOTIFY of the package reg ended it")),
          mask=M.OPEN),
        C("event", "text", "Reason why the network ended the binding: deactivated rejected probation ...",
          "RFC 3680 §5.2", mask=M.FREE_TEXT),
        C("refreshes", "int", "Number of refreshes."),
        C("lapse_s", "duration",
          "Time from the expiry to the next registration of the contact, during which it was unreachable."),
    ),
    made_by="analyzer.ims.registration:bindings",
    belongs_to=(("binding", "registration"),),
    shown=words("aor contact started_at expires_at ended_at end_reason event refreshes lapse_s"),
    note=(
        "From the 200 that began it to its end: by the UE, the network, its expiry, or open at the end of the capture."
    ),
    example="refreshes > 3",
)

REG_EVENTS = Table(
    "reg_events",
    "One contact, or one address of record without any, in a NOTIFY of the event package reg.",
    (
        C("message", "key", "NOTIFY, counted once over all hops."),
        C("time", "time", "Time of the first observation."),
        C("version", "int", "version of the document; increases by one each time.", "RFC 3680 §5.2"),
        C("document", "text", "full partial.", "RFC 3680 §5.2", mask=M.FREE_TEXT),
        C("aor", "text", "Address of record.", mask=M.URI),
        C("state", "text", "State of the address of record: init active terminated.", "RFC 3680 §4.1",
          mask=M.FREE_TEXT),
        C("contact", "text", "URI of the contact.", mask=M.URI),
        C("contact_state", "text", "active terminated.", "RFC 3680 §4.2", mask=M.FREE_TEXT),
        C("event", "text",
          "registered created refreshed shortened expired deactivated probation unregistered rejected.",
          "RFC 3680 §4.2", mask=M.FREE_TEXT),
        C("expires_s", "int", "Remaining seconds, if given.", unit="s"),
    ),
    made_by="analyzer.ims.registration:reg_events",
    belongs_to=("message",),
    shown=words("time version document aor state contact contact_state event expires_s"),
    note="The registrar's view of its bindings (RFC 3680), each NOTIFY once over all its hops.",
    example="event = 'deactivated'",
)
