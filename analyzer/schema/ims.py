"""What 3GPP says: nodes, hops, legs, registrations in an IMS, clocks of capture points."""

from __future__ import annotations

from analyzer.schema.table import Column as C
from analyzer.schema.table import Table

IMS_REGISTRATIONS = Table(
    "ims_registrations",
    "What an IMS says in a registration attempt, over all its hops: the same rows as registrations.",
    (
        C("registration", "key", "Registration."),
        C("started_at", "time", "First byte of the first REGISTER."),
        C("aor", "text", "Address of record.", private="uri"),
        C("kind", "text", "initial refresh deregister third_party emergency.", private="open"),
        C("outcome", "text", "registered deregistered failed challenged pending.", private="open"),
        C(
            "outcome_detail",
            "text",
            "What is likely behind it. Of an unanswered challenge: ue_silent (it came to the hop next to the UE: the "
            "USIM refuses AUTN, or the radio), ue_silent_or_ipsec (the answer goes through the IPsec that it set up, "
            "which may have failed, or is not read), challenge_lost (it was seen further inside only), ue_not_seen (no "
            "hop next to a UE was captured). Else sync_failure mac_failure wrong_response stale_nonce security_refused "
            "interval_too_brief.",
            "TS 33.102 §6.3, TS 24.229 §5.1.1.5",
            private="open",
        ),
        C(
            "algorithm",
            "text",
            "How the UE proves who it is: AKAv1-MD5, MD5 ...",
            "RFC 3310, RFC 7616",
            private="words",
        ),
        C("protected", "text", "integrity-protected, as the P-CSCF says.", "TS 24.229 §7.2A.2", private="words"),
        C("security", "text", "Mechanism and algorithms that the P-CSCF offers first.", "RFC 3329", private="words"),
        C(
            "security_check",
            "text",
            "verified (Security-Verify is Security-Server), mismatch, not_verified (no Security-Verify came); null "
            "where nothing was offered.",
            "RFC 3329 §2.3.1",
            private="open",
        ),
        C("instance", "text", "+sip.instance of Contact.", "RFC 5626 §4.1", private="identifier"),
        C("contacts", "int", "Contacts in the 200: devices of the subscriber.", "RFC 3261 §10.3"),
        C("access_network", "text", "P-Access-Network-Info.", "RFC 7315 §4.4", private="P-Access-Network-Info"),
        C("visited_network", "text", "P-Visited-Network-ID.", "RFC 7315 §4.3", private="host"),
        C("path", "text", "Path.", "RFC 3327", private="Path"),
        C("service_route", "text", "Service-Route of the 200.", "RFC 3608", private="Service-Route"),
        C(
            "public_ids",
            "text",
            "P-Associated-URI of the 200: the implicitly registered identities, the default first.",
            "RFC 7315 §4.1",
            private="P-Associated-URI",
        ),
        C("public_gruu", "text", "Public GRUU of the 200.", "RFC 5628", private="uri"),
        C("temporary_gruu", "text", "Temporary GRUU of the 200.", "RFC 5628", private="uri"),
    ),
)

CHALLENGES = Table(
    "challenges",
    "One challenge to a REGISTER and what came of it, at the reference hop of the attempt.",
    (
        C("registration", "key", "Registration."),
        C("challenge", "key", "Message with the challenge: 401 or 407."),
        C("answer", "key", "Message of the next REGISTER of the attempt; null where none came."),
        C("challenged_at", "time", "When it came."),
        C("answered_at", "time", "First byte of the next REGISTER."),
        C(
            "outcome",
            "text",
            "accepted, sync_failure (AUTS), mac_failure (the USIM refuses AUTN: no response, no AUTS), wrong_response "
            "(challenged again), stale_nonce, rejected, begun_anew (the next REGISTER does not answer it), pending, "
            "unanswered.",
            "RFC 3310 §3, TS 33.102 §6.3",
            private="open",
        ),
        C("status", "int", "Final status of the answer."),
        C("algorithm", "text", "AKAv1-MD5, MD5 ...", "RFC 3310, RFC 7616", private="words"),
        C("realm", "text", "realm.", private="host"),
        C("rand", "text", "RAND of AKA, in hexadecimal.", "RFC 3310 §3.2", private="identifier"),
        C("autn", "text", "AUTN of AKA: SQN xor AK, AMF, MAC.", "TS 33.102 §6.3.1", private="identifier"),
        C("amf", "text", "Its authentication management field.", "TS 33.102 annex F", private="open"),
        C(
            "auts",
            "text",
            "AUTS of the answer: SQN of the USIM xor AK*, MAC-S.",
            "TS 33.102 §6.3.3",
            private="identifier",
        ),
        C("rand_seen", "bool", "The same RAND came in an earlier challenge: a replay, or the HSS stands still."),
    ),
)

BINDINGS = Table(
    "bindings",
    "One time without a gap in which a contact was bound to an address of record.",
    (
        C("binding", "key", "Registration that began it."),
        C("aor", "text", "Address of record.", "RFC 3261 §10", private="uri"),
        C("contact", "text", "addr-spec of Contact.", private="uri"),
        C("private_id", "text", "Private identity.", private="user"),
        C("started_at", "time", "200 that began it."),
        C("expires_at", "time", "When it expires, as last granted."),
        C("ended_at", "time", "When it ended; null while it lasts at the end of the capture."),
        C("end", "text", "open deregistered expired network (a NOTIFY of the package reg said so).", private="open"),
        C(
            "event",
            "text",
            "Why the network ended it: deactivated rejected probation ...",
            "RFC 3680 §5.2",
            private="words",
        ),
        C("refreshes", "int", "Refreshes in it."),
        C("lapse_s", "duration", "From its expiry to the next registration of the contact: nobody could call it."),
    ),
)

REG_EVENTS = Table(
    "reg_events",
    "One contact, or one address of record without any, in a NOTIFY of the event package reg.",
    (
        C("message", "key", "NOTIFY, once however many hops it was seen on."),
        C("time", "time", "When it was seen first."),
        C("version", "int", "version of the document; one more each time.", "RFC 3680 §5.2"),
        C("document", "text", "full partial.", "RFC 3680 §5.2", private="words"),
        C("aor", "text", "Address of record.", private="uri"),
        C("state", "text", "Of the address of record: init active terminated.", "RFC 3680 §4.1", private="words"),
        C("contact", "text", "URI of the contact.", private="uri"),
        C("contact_state", "text", "active terminated.", "RFC 3680 §4.2", private="words"),
        C(
            "event",
            "text",
            "registered created refreshed shortened expired deactivated probation unregistered rejected.",
            "RFC 3680 §4.2",
            private="words",
        ),
        C("expires_s", "int", "Seconds that it still has, where said."),
    ),
)

NODES = Table(
    "nodes",
    "One address and port that spoke SIP, and what box it belongs to. An estimate over the whole capture.",
    (
        C("address", "text", "ip:port.", private="host"),
        C("ip", "text", "Address.", private="address"),
        C("port", "int", "Port."),
        C(
            "node",
            "text",
            "The box: ip:port of its main port. Ports of one address are one box where a message that came in on one "
            "went on from the other, or was answered from it.",
            "RFC 3261 §18, §16.6",
            private="host",
        ),
        C(
            "role",
            "text",
            "What it is: UE P-CSCF I-CSCF S-CSCF E-CSCF AS (where it shows what for: TAS, SCC AS, conference AS, "
            "presence server, IP-SM-GW) BGCF MGCF IBCF MRFC ATCF LRF EATF MSC server, outside IMS UA proxy B2BUA "
            "registrar redirect server; several in one box I/S-CSCF, P-CSCF+ATCF, proxy+registrar; or unknown.",
            "TS 23.228 §4, RFC 3261 §6",
            private="open",
        ),
        C("confidence", "share", "How sure that is: points of the evidence, at most 100, and what speaks for others."),
        C("points", "int", "Points of the evidence for the role; of the weakest where there are several."),
        C("half", "text", "originating terminating both: on which side of calls it stands.", private="open"),
        C("name", "text", "Host name that others route to it by, or that it writes into Via.", private="host"),
        C("domain", "text", "Network that it belongs to, where something says so.", private="host"),
        C("product", "text", "User-Agent or Server of what it made itself.", private="User-Agent"),
        C("source", "text", "evidence, or given: the user said so.", private="open"),
        C("sent", "int", "Messages it sent, duplicates of the capture left out."),
        C("received", "int", "Messages it received."),
        C("first_at", "time", "First of them."),
        C("last_at", "time", "Last of them."),
    ),
)

NODE_EVIDENCE = Table(
    "node_evidence",
    "One rule that speaks for a role of a node; docs/nodes.md has the rules.",
    (
        C("node", "text", "Box, as in nodes.", private="host"),
        C("role", "text", "Role that it speaks for.", private="open"),
        C("rule", "text", "Name of the rule.", private="open"),
        C("points", "int", "Its points, once however often it was met; below 0 where it speaks against the role."),
        C(
            "count",
            "int",
            "How often it was met; of requests within dialogs only some are looked at where there are many.",
        ),
        C("message", "key", "A message that shows it: the first."),
    ),
)

REFERENCE_POINTS = Table(
    "reference_points",
    "Two nodes that sent each other requests, and the reference point between them.",
    (
        C("node", "text", "Box that sent the first request, as in nodes.", private="host"),
        C("role", "text", "Its role.", private="open"),
        C("peer", "text", "Box that it was sent to.", private="host"),
        C("peer_role", "text", "Its role.", private="open"),
        C(
            "reference_point",
            "text",
            "Gm Mw ISC Ma Mi Mj Mg Mk Mr Mr' Ml Mx Ici I2 I4 I5; null where a role is not known, or between them there"
            " is none.",
            "TS 23.228 §4.4",
            private="open",
        ),
        C("requests", "int", "Requests from node to peer, copies left out; no ACK and CANCEL."),
        C("peer_requests", "int", "Requests from peer to node."),
        C("first_at", "time", "First of them."),
        C("last_at", "time", "Last of them."),
    ),
)

HOPS = Table(
    "hops",
    "One message on its way from one node to the next, and the message it was made from; in message order.",
    (
        C("message", "key", "Message; duplicates left out."),
        C("call", "key", "Call; null outside calls."),
        C("transaction", "key", "Its transaction; null for an ACK to a 2xx."),
        C("time", "time", "When it was captured."),
        C("method", "text", "Method; a response has that of its CSeq.", private="words"),
        C("status", "int", "Status code; null marks a request."),
        C("sender", "text", "ip:port it was sent from.", private="host"),
        C("receiver", "text", "ip:port it was sent to.", private="host"),
        C(
            "previous",
            "key",
            "Message that the sender made it from; null where the sender began it or nobody saw it come in.",
            "RFC 3261 §16.6, §16.7",
        ),
        C("node", "text", "ip:port of the sender as others reach it, where previous is known.", private="host"),
        C("delay_s", "duration", "previous in to this out, at one capture point that saw both; else null."),
        C("point", "text", "That capture point; without a delay the message's own.", private="file"),
        C(
            "unseen",
            "int",
            "Nodes between previous and this that no capture point saw; null without previous, or if unknown.",
        ),
        C(
            "linked_by",
            "text",
            "via (Via stacks), cancel (the CANCEL of an INVITE made from another), order (came in before at the same"
            " node: Vias hidden or taken off), leg (a B2BUA between two legs of the call).",
            private="open",
        ),
        C(
            "reference_point",
            "text",
            "Interface that it crossed, by the roles of nodes at both ends: Gm Mw ISC ..., an estimate as they are;"
            " null where a role is not known, or the standards name none.",
            "TS 23.228 §4.4",
            private="open",
        ),
    ),
)

LEGS = Table(
    "legs",
    "One leg and the leg that a B2BUA made it from; a leg with several possible origins has a row for each.",
    (
        C("leg", "key", "Leg: message of its first INVITE."),
        C("call", "key", "Call it is in."),
        C("call_id", "text", "Its Call-ID.", private="identifier"),
        C("started_at", "time", "First byte of its first INVITE."),
        C("first_node", "text", "Address that it begins at.", private="host"),
        C("last_node", "text", "Address that it ends at; of a forked one the first.", private="host"),
        C("hops", "int", "Hops its INVITE was seen on."),
        C("parent", "key", "Leg it was made from, as leg; null where none is known."),
        C("parent_call_id", "text", "Call-ID of that leg.", private="identifier"),
        C(
            "relation",
            "text",
            "leg (of one call), or what it says of the other: replaces join target_dialog in_reply_to.",
            "RFC 3891, RFC 3911, RFC 4538, RFC 3261 §20.21",
            private="open",
        ),
        C(
            "strength",
            "text",
            "strong (a fact: legs of one call are one row of calls) or possible (shown, not acted on).",
            private="open",
        ),
        C("score", "int", "Points of the evidence: strong from 100, possible from 60."),
        C("evidence", "text", "What there is of it, with its points; docs/hops_and_legs.md.", private="open"),
        C("node", "text", "Address where the one ends and the other begins.", private="address"),
        C("delay_s", "duration", "INVITE of the parent in to INVITE of the leg out, at one capture point."),
    ),
)

CLOCKS = Table(
    "clocks",
    "One capture point's clock against that of the first; no row for a single capture point.",
    (
        C("point", "text", "Capture point.", private="file"),
        C("reference", "text", "The first capture point.", private="file"),
        C("at", "time", "When it is off by offset_s, by its own clock: the middle of what both saw."),
        C("offset_s", "duration", "How much its clock is ahead of the reference; null where nothing ties the two."),
        C("offset_min_s", "duration", "The least that agrees with every message."),
        C("offset_max_s", "duration", "The most."),
        C("drift_ppb", "int", "How much faster it runs: nanoseconds a second."),
        C("drift_min_ppb", "int", "The least that agrees with every message."),
        C("drift_max_ppb", "int", "The most."),
        C("bounds", "int", "Bounds that this rests on: packets seen twice, and messages forwarded between the points."),
        C("applied", "bool", "Taken off the times of this reading."),
    ),
)

LOSSES = Table(
    "losses",
    "One message that one capture point saw and another, which watches the same way, did not.",
    (
        C("message", "key", "Message."),
        C("call", "key", "Call; null outside calls."),
        C("time", "time", "When it was captured."),
        C("method", "text", "Method; a response has that of its CSeq.", private="words"),
        C("status", "int", "Status code; null marks a request."),
        C("sender", "text", "ip:port it was sent from.", private="host"),
        C("receiver", "text", "ip:port it was sent to.", private="host"),
        C("seen_at", "text", "Capture point that saw it.", private="file"),
        C("missed_at", "text", "Capture point that did not.", private="file"),
        C("sent_again", "bool", "A further copy followed."),
        C(
            "verdict",
            "text",
            "not_captured (the receiver acted on it) lost (it did not, and a copy followed) unknown.",
            private="open",
        ),
    ),
)
