"""The set-up of calls in phases, where its time went, and who said no."""

from __future__ import annotations

from analyzer.schema.table import Column as C
from analyzer.schema.table import Table

SETUPS = Table(
    "setups",
    "The set-up of one call at its reference hop: when it passed which message.",
    (
        C("call", "key", "Call; one whose INVITE was captured with its time."),
        C("started_at", "time", "First byte of the first INVITE."),
        C("again_at", "time", "INVITE that decided, where another came before it: challenge, redirection, failover."),
        C("trying_at", "time", "First 100 to it.", "RFC 3261 §21.1.1"),
        C("progress_at", "time", "First 101-199 that is no 180, before any 180.", "TS 24.229 §5.1.3"),
        C("progress_status", "int", "Its status: 183, 181 ..."),
        C("prack_at", "time", "The caller's first PRACK behind it.", "RFC 3262"),
        C("prack_answered_at", "time", "2xx to that PRACK."),
        C("update_at", "time", "The caller's first UPDATE with SDP behind that, before the 180.", "RFC 3311"),
        C("update_answered_at", "time", "2xx to that UPDATE."),
        C(
            "caller_ready_at",
            "time",
            "First SDP that says that the caller's resources are what is desired for every stream.",
            "RFC 3312 §5",
        ),
        C("callee_ready_at", "time", "The same of the callee's; null where no SDP told before the answer."),
        C("ringing_at", "time", "First 180."),
        C("cancelled_at", "time", "CANCEL of a call that was not answered."),
        C("final_at", "time", "First 2xx, else the final response that decided."),
        C("status", "int", "Its status."),
        C("ack_at", "time", "First ACK to the 2xx."),
        C("preconditions", "bool", "SDP before the answer speaks of preconditions.", "RFC 3312"),
        C("reliable", "int", "Reliable provisional responses, without copies.", "RFC 3262 §3"),
        C("unacknowledged", "int", "Those of them that no PRACK acknowledged (RAck).", "RFC 3262 §4"),
        C("rseq_gaps", "int", "Those whose RSeq is not one more than the last of the early dialog.", "RFC 3262 §3"),
        C(
            "stalled",
            "text",
            "Phase in which a call ended that was not answered: trying routing prack caller_bearer callee_bearer "
            "alerting ringing.",
            private="open",
        ),
        C("stalled_detail", "text", "The same in words, and what ended it.", private="open"),
    ),
)

PHASES = Table(
    "phases",
    "One phase of the set-up of a call at its reference hop, in order; phases up to the answer add up to setup_s.",
    (
        C("call", "key", "Call."),
        C(
            "phase",
            "text",
            "retry trying routing prack caller_bearer callee_bearer alerting ringing cancelling ack: what is waited"
            " for; docs/phases.md.",
            "TS 24.229 §5.1.3",
            private="open",
        ),
        C("begins", "text", "Method or status of the message that it begins with.", private="words"),
        C("ends", "text", "Of that which ends it; null where the set-up went no further.", private="words"),
        C("from_at", "time", "When it begins: first byte of a request, last of a response."),
        C("to_at", "time", "When it ends."),
        C("duration_s", "duration", "from_at to to_at."),
        C("from_message", "key", "Message that it begins with."),
        C("to_message", "key", "Message that ends it."),
        C("note", "text", "What else there is to say.", private="open"),
    ),
)

WATERFALL = Table(
    "waterfall",
    "One part of the way that a set-up waited on, in order; the parts add up to INVITE to final response.",
    (
        C("call", "key", "Call; one that got a final response."),
        C("part", "int", "1..n on its way."),
        C(
            "kind",
            "text",
            "node (a message through a node), link (on the wire between two capture points, there and back, or in "
            "several packets), resend (until it was sent again: lost, or its receiver was slow), elsewhere (the node "
            "had sent the INVITE elsewhere before, and was refused), far_end (until who answered answered, or rang), "
            "ringing (180 to final response there), caller (before its next request), unseen (no message tells which "
            "of them).",
            private="open",
        ),
        C("way", "text", "request response; null for what is neither, or both.", private="open"),
        C("address", "text", "ip:port of the node; of a link its nearer end.", private="host"),
        C("peer", "text", "ip:port of the other end of a link.", private="host"),
        C("method", "text", "Method of the message that ends the part.", private="words"),
        C("status", "int", "Its status; null marks a request."),
        C("offset_s", "duration", "Parts before it."),
        C("duration_s", "duration", "How long it is."),
        C("from_message", "key", "Message that it begins with."),
        C("to_message", "key", "Message that ends it."),
    ),
)

REFUSALS = Table(
    "refusals",
    "Who ended one call that was not answered. What nodes are is an estimate, and so is this.",
    (
        C("call", "key", "Call: any that ended without an answer, but for those answered elsewhere."),
        C("status", "int", "Final status at the reference hop; null where there was none."),
        C("said_by", "text", "user node network timer unknown: on whose behalf; docs/phases.md.", private="open"),
        C("because", "text", "The rule that says so.", private="open"),
        C(
            "address",
            "text",
            "ip:port of the node that the refusal came from first, over all hops and legs; of a cancelled call that"
            " sent the first CANCEL. Null where nobody said anything.",
            private="host",
        ),
        C("role", "text", "Its role, as in nodes.", private="open"),
        C("name", "text", "Its host name, as in nodes.", private="host"),
        C("node", "text", "The box, as in nodes.", private="host"),
        C(
            "partial",
            "bool",
            "A node behind it may have said so: it is no user agent, and was never seen to send an INVITE on; or it "
            "sent this one on, and what came back was not captured.",
        ),
        C("first_status", "int", "Status as it was first said; null for a CANCEL."),
        C("reason_phrase", "text", "Reason phrase as it was first said.", private="phrase"),
        C("message", "key", "The response, or CANCEL, where it was first seen."),
        C("seen_at", "time", "When that was."),
        C("silent", "text", "ip:port of a node that had been asked and did not answer.", private="host"),
        C(
            "reason_protocol",
            "text",
            "Protocol of the first Reason, in capitals: Q.850 SIP RELEASE_CAUSE ...",
            "RFC 3326, TS 24.229 §7.2A.18",
            private="words",
        ),
        C("reason_cause", "int", "Its cause."),
        C("reason", "text", "What that cause means.", "ITU-T Q.850, RFC 4411", private="open"),
        C("reason_text", "text", "Its text.", private="phrase"),
        C("warning_code", "int", "Code of the first Warning.", "RFC 3261 §20.43"),
        C("warning_agent", "text", "Who added it.", private="host"),
        C("warning_text", "text", "Its text.", private="phrase"),
    ),
)

REFUSAL_STEPS = Table(
    "refusal_steps",
    "One step of a refusal on its way back: a node said it or passed it on.",
    (
        C("call", "key", "Call."),
        C("step", "int", "1: who said it first."),
        C("address", "text", "ip:port of the node.", private="host"),
        C("role", "text", "Its role, as in nodes.", private="open"),
        C("method", "text", "INVITE, to which it is a response, or CANCEL.", private="words"),
        C("status", "int", "Status that it sent; null for a CANCEL."),
        C("changed", "bool", "It got another status than it sent."),
        C("receiver", "text", "ip:port that it was sent to.", private="host"),
        C("time", "time", "When it was captured."),
        C("message", "key", "Message."),
    ),
)
