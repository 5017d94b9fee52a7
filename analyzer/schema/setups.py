"""Set-up of calls, its delays and failures."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import MaskClass as M
from analyzer.schema.column import words
from analyzer.schema.table import ESTIMATE, Table
from analyzer.schema.values import SETUP_PHASES

SETUPS = Table(
    "setups",
    "The set-up of one call: when it passed which message, and where it stalled.",
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
            "Phase in which a call ended that was not answered.",
            values=words("trying routing prack caller_bearer callee_bearer alerting ringing"),
            mask=M.OPEN,
        ),
        C("stalled_detail", "text", "The same in words, and what ended it.", mask=M.OPEN),
    ),
    made_by="analyzer.ims.phases:set_ups",
    belongs_to=("call",),
    shown=words(
        "started_at trying_at progress_at prack_at update_at ringing_at final_at status ack_at preconditions "
        "reliable unacknowledged stalled stalled_detail call"
    ),
    note=(
        "Read at the reference hop of the call: INVITE, 100, 183, PRACK, UPDATE, preconditions met, 180, answer, ACK."
    ),
    example="unacknowledged > 0 or stalled = 'caller_bearer'",
)

PHASES = Table(
    "phases",
    "One phase of the set-up of a call, in order: what was waited for, and how long.",
    (
        C("call", "key", "Call."),
        C(
            "phase",
            "text",
            "Phase, named after what is waited for; docs/phases.md.",
            "TS 24.229 §5.1.3",
            values=SETUP_PHASES,
            mask=M.OPEN,
        ),
        C("begins", "text", "Method or status of the message that it begins with.", mask=M.FREE_TEXT),
        C("ends", "text", "Of that which ends it; null where the set-up went no further.", mask=M.FREE_TEXT),
        C("from_at", "time", "When it begins: first byte of a request, last of a response."),
        C("to_at", "time", "When it ends."),
        C("duration_s", "duration", "from_at to to_at."),
        C("from_message", "key", "Message that it begins with."),
        C("to_message", "key", "Message that ends it."),
        C("note", "text", "What else there is to say.", mask=M.OPEN),
    ),
    made_by="analyzer.ims.phases:set_ups",
    belongs_to=("call",),
    shown=words("call phase begins ends from_at to_at duration_s note"),
    note=(
        "From one message of the set-up to the next, at the reference hop; phases up to the answer add up to setup_s."
    ),
    example="phase = 'callee_bearer' and duration_s > 2",
)

WATERFALL = Table(
    "waterfall",
    "One interval of the way that a set-up waited on, in order.",
    (
        C("call", "key", "Call; one that got a final response."),
        C("part", "int", "1..n on its way."),
        C(
            "kind",
            "text",
            "Where the time went.",
            values=(
                ("node", "a message through a node"),
                ("link", "on the wire between two capture points, there and back, or in several packets"),
                ("resend", "until it was sent again: lost, or its receiver was slow"),
                ("elsewhere", "the node had sent the INVITE elsewhere before, and was refused"),
                ("far_end", "until the one who answered answered, or rang"),
                ("ringing", "180 to final response there"),
                ("caller", "before its next request"),
                ("unseen", "no message tells which of them"),
            ),
            mask=M.OPEN,
        ),
        C(
            "way",
            "text",
            "Direction of the message; null for a part that is neither, or both.",
            values=words("request response"),
            mask=M.OPEN,
        ),
        C("address", "text", "ip:port of the node; of a link its nearer end.", mask=M.HOST),
        C("peer", "text", "ip:port of the other end of a link.", mask=M.HOST),
        C("method", "text", "Method of the message that ends the part.", mask=M.FREE_TEXT),
        C("status", "int", "Its status; null marks a request."),
        C("offset_s", "duration", "Parts before it."),
        C("duration_s", "duration", "How long it is."),
        C("from_message", "key", "Message that it begins with."),
        C("to_message", "key", "Message that ends it."),
    ),
    made_by="analyzer.ims.waterfall:waterfall",
    belongs_to=("call",),
    shown=words("call part kind way address peer method status offset_s duration_s"),
    note=(
        "From the INVITE to the final response, over all hops and legs; the parts add up to it. As a "
        "picture: call N, and plot waterfall."
    ),
    example="kind = 'node' and duration_s > 0.5",
)

REFUSALS = Table(
    "refusals",
    "One call that was not answered: which node ended it, on whose behalf, and why.",
    (
        C("call", "key", "Call: any that ended without an answer, but for those answered elsewhere."),
        C("status", "int", "Final status at the reference hop; null where there was none."),
        C(
            "said_by",
            "text",
            "On whose behalf it was refused; docs/phases.md.",
            values=words("user node network timer unknown"),
            mask=M.OPEN,
        ),
        C("because", "text", "The rule that says so.", mask=M.OPEN),
        C(
            "address",
            "text",
            (
                "ip:port of the node that the refusal came from first, over all hops and legs; of a cancelled "
                "call that sent the first CANCEL. Null where nobody said anything."
            ),
            mask=M.HOST,
        ),
        C("role", "text", "Its role, as in nodes.", mask=M.OPEN),
        C("name", "text", "Its host name, as in nodes.", mask=M.HOST),
        C("node", "text", "The box, as in nodes.", mask=M.HOST),
        C(
            "partial",
            "bool",
            (
                "A node behind it may have said so: it is no user agent, and was never seen to send an INVITE on; "
                "or it sent this one on, and what came back was not captured."
            ),
        ),
        C("first_status", "int", "Status as it was first said; null for a CANCEL."),
        C("reason_phrase", "text", "Reason phrase as it was first said.", mask=M.PHRASE),
        C("message", "key", "The response, or CANCEL, where it was first seen."),
        C("seen_at", "time", "When that was."),
        C("silent", "text", "ip:port of a node that had been asked and did not answer.", mask=M.HOST),
        C(
            "reason_protocol",
            "text",
            "Protocol of the first Reason, in capitals: Q.850 SIP RELEASE_CAUSE ...",
            "RFC 3326, TS 24.229 §7.2A.18",
            mask=M.FREE_TEXT,
        ),
        C("reason_cause", "int", "Its cause."),
        C("reason", "text", "What that cause means.", "ITU-T Q.850, RFC 4411", mask=M.OPEN),
        C("reason_text", "text", "Its text.", mask=M.PHRASE),
        C("warning_code", "int", "Code of the first Warning.", "RFC 3261 §20.43"),
        C("warning_agent", "text", "Who added it.", mask=M.HOST),
        C("warning_text", "text", "Its text.", mask=M.PHRASE),
    ),
    made_by="analyzer.diagnose.call_failures:refusals",
    scope=ESTIMATE,
    belongs_to=("call",),
    shown=words(
        "seen_at status said_by because address role name partial first_status silent reason_protocol "
        "reason_cause reason warning_code warning_text call"
    ),
    note=(
        "Followed from the caller back to the node that the refusal came from first, over all hops and "
        "legs. Roles of nodes are an estimate, and so is this."
    ),
    example="said_by = 'node' and status >= 500",
)

REFUSAL_STEPS = Table(
    "refusal_steps",
    "One step of a refusal on its way back: a node that sent it first, or passed it on.",
    (
        C("call", "key", "Call."),
        C("step", "int", "1: who said it first."),
        C("address", "text", "ip:port of the node.", mask=M.HOST),
        C("role", "text", "Its role, as in nodes.", mask=M.OPEN),
        C("method", "text", "INVITE, to which it is a response, or CANCEL.", mask=M.FREE_TEXT),
        C("status", "int", "Status that it sent; null for a CANCEL."),
        C("changed", "bool", "It got another status than it sent."),
        C("receiver", "text", "ip:port that it was sent to.", mask=M.HOST),
        C("time", "time", "When it was captured."),
        C("message", "key", "Message."),
    ),
    made_by="analyzer.diagnose.call_failures:refusals",
    scope=ESTIMATE,
    belongs_to=("call",),
    shown=words("call step time address role method status changed receiver"),
    note=("Step 1 is the node that sent it first; changed marks a node that sent another status than it received."),
    example="changed",
)
