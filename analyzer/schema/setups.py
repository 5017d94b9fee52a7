"""Set-up of calls, its delays and failures."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import MaskClass as M
from analyzer.schema.column import words
from analyzer.schema.table import ESTIMATE, Section, Table
from analyzer.schema.values import SETUP_PHASES

# A column is a row of a table, and is laid out as one.
# fmt: off

SETUPS = Table(
    "setups",
    "The set-up of one call: the time of each milestone, and the phase in which it stalled.",
    (
        C("call", "key", "Call whose INVITE was captured with a time stamp."),
        C("started_at", "time", "First byte of the first INVITE."),
        C("again_at", "time",
          "INVITE that decided the call, if another preceded it: challenge, redirection, failover."),
        C("trying_at", "time", "First 100 to that INVITE.", "RFC 3261 §21.1.1"),
        C("progress_at", "time", "First 101-199 other than 180, before any 180.", "TS 24.229 §5.1.3"),
        C("progress_status", "int", "Status of that response: 183, 181 ..."),
        C("prack_at", "time", "First PRACK of the caller after that response.", "RFC 3262"),
        C("prack_answered_at", "time", "2xx to that PRACK."),
        C("update_at", "time", "First UPDATE of the caller with SDP after the PRACK, before the 180.", "RFC 3311"),
        C("update_answered_at", "time", "2xx to that UPDATE."),
        C("caller_ready_at", "time",
          "First SDP in which the caller's resources meet the desired status for every stream.", "RFC 3312 §5"),
        C("callee_ready_at", "time",
          "The same for the callee's resources; null if no SDP reported them before the answer."),
        C("ringing_at", "time", "First 180."),
        C("cancelled_at", "time", "CANCEL of an unanswered call."),
        C("final_at", "time", "First 2xx, otherwise the final response that decided the call."),
        C("status", "int", "Its status."),
        C("ack_at", "time", "First ACK to the 2xx."),
        C("preconditions", "bool", "SDP before the answer contains preconditions.", "RFC 3312"),
        C("reliable", "int", "Number of reliable provisional responses, without copies.", "RFC 3262 §3"),
        C("unacknowledged", "int", "Number of reliable provisional responses that no PRACK acknowledged (RAck).",
          "RFC 3262 §4"),
        C("rseq_gaps", "int",
          "Number of reliable provisional responses whose RSeq is not one more than the previous one of the early "
          "dialog.", "RFC 3262 §3"),
        C("stalled", "text", "Phase in which an unanswered call ended.",
          values=words("trying routing prack caller_bearer callee_bearer alerting ringing"), mask=M.OPEN),
        C("stalled_detail", "text", "Explanation of that phase, and the event that ended it.", mask=M.OPEN),
    ),
    made_by="analyzer.ims.phases:set_ups",
    belongs_to=("call",),
    shown=words(
        "started_at trying_at progress_at prack_at update_at ringing_at final_at status ack_at preconditions "
        "reliable unacknowledged stalled stalled_detail call"
    ),
    note=(
        "Measured at the reference hop of the call: INVITE, 100, 183, PRACK, UPDATE, preconditions "
        "met, 180, answer, ACK."
    ),
    example="unacknowledged > 0 or stalled = 'caller_bearer'",
)

PHASES = Table(
    "phases",
    "One phase of the set-up of a call, in order, with its duration.",
    (
        C("call", "key", "Call."),
        C("phase", "text", "Phase, named after the event that the call waits for; docs/phases.md.", "TS 24.229 §5.1.3",
          values=SETUP_PHASES, mask=M.OPEN),
        C("begins", "text", "Method or status of the message that begins the phase.", mask=M.FREE_TEXT),
        C("ends", "text", "Method or status of the message that ends the phase; null if the set-up went no further.",
          mask=M.FREE_TEXT),
        C("from_at", "time", "Begin of the phase: first byte of a request, last byte of a response."),
        C("to_at", "time", "End of the phase."),
        C("duration_s", "duration", "from_at to to_at."),
        C("from_message", "key", "Message that begins the phase."),
        C("to_message", "key", "Message that ends the phase."),
        C("note", "text", "Remarks.", mask=M.OPEN),
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
    "One interval on the path of a set-up, in order.",
    (
        C("call", "key", "Call that received a final response."),
        C("part", "int", "1..n along the path."),
        C("kind", "text", "Kind of the interval.", values=(("node", "a message through a node"),
          ("transit", "on the wire between two capture points, there and back, or in several packets"),
          ("retransmission", "until it was sent again: lost, or its receiver was slow"),
          ("serial_fork", "the node had sent the INVITE elsewhere before, and was refused"),
          ("far_end", "until the one who answered answered, or rang"), ("ringing", "180 to final response there"),
          ("caller", "before its next request"), ("unseen", "no message tells which of them")), mask=M.OPEN),
        C("way", "text", "Direction of the message; null if neither or both.", values=words("request response"),
          mask=M.OPEN),
        C("address", "text", "ip:port of the node; for a transit, its nearer end.", mask=M.HOST),
        C("peer", "text", "ip:port of the other end of a transit.", mask=M.HOST),
        C("method", "text", "Method of the message that ends the interval.", mask=M.FREE_TEXT),
        C("status", "int", "Status of that message; null for a request."),
        C("offset_s", "duration", "Sum of the preceding intervals."),
        C("duration_s", "duration", "Duration of the interval."),
        C("from_message", "key", "Message that begins the interval."),
        C("to_message", "key", "Message that ends the interval."),
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

CALL_FAILURES = Table(
    "call_failures",
    "One call that was not answered: which node ended it, on whose behalf, and why.",
    (
        C("call", "key", "Call that ended without an answer, except calls answered elsewhere."),
        C("status", "int", "Final status at the reference hop; null if there was none."),
        C("on_behalf_of", "text", "Side on whose behalf the call was rejected; docs/phases.md.",
          values=words("user node network timer unknown"), mask=M.OPEN),
        C("rule", "text", "Rule that decided this.", mask=M.OPEN),
        C("address", "text",
          "ip:port of the node that sent the failure first, over all hops and legs; for a cancelled call, of the "
          "node that sent the first CANCEL. Null if no node sent anything.", mask=M.HOST),
        C("failing_node", "text",
          "ip:port of the node that failed the call: unresponsive_node where the others gave up waiting for it, else "
          "address.", mask=M.HOST),
        C("role", "text", "Role of the node at address, as in nodes.", mask=M.OPEN),
        C("name", "text", "Host name of that node, as in nodes.", mask=M.HOST),
        C("node", "text", "That node, as in nodes.", mask=M.HOST),
        C("partial", "bool",
          "A node further on may have rejected the call: this one is not a user agent and was never captured "
          "forwarding an INVITE; or it forwarded this one, and the answer was not captured."),
        C("first_status", "int", "Status as first sent; null for a CANCEL."),
        C("reason_phrase", "text", "Reason phrase as first sent.", mask=M.PHRASE),
        C("message", "key", "First observation of the response or CANCEL."),
        C("seen_at", "time", "Time of that observation."),
        C("unresponsive_node", "text",
          "ip:port of a node that received the request and did not answer, or to which no connection could be opened.",
          mask=M.HOST),
        C("reason_protocol", "text", "Protocol of the first Reason, in capitals: Q.850 SIP RELEASE_CAUSE ...",
          "RFC 3326, TS 24.229 §7.2A.18", mask=M.FREE_TEXT),
        C("reason_cause", "int", "Cause in that Reason."),
        C("reason", "text", "Meaning of that cause.", "ITU-T Q.850, RFC 4411", mask=M.OPEN),
        C("reason_text", "text", "Text in that Reason.", mask=M.PHRASE),
        C("warning_code", "int", "Code of the first Warning.", "RFC 3261 §20.43"),
        C("warning_agent", "text", "Host that added the Warning.", mask=M.HOST),
        C("warning_text", "text", "Text of that Warning.", mask=M.PHRASE),
    ),
    made_by="analyzer.diagnose.call_failures:call_failures",
    scope=ESTIMATE,
    belongs_to=("call",),
    shown=words(
        "seen_at status on_behalf_of rule failing_node address role name partial first_status unresponsive_node "
        "reason_protocol reason_cause reason warning_code warning_text call"
    ),
    note=(
        "Traced from the caller back to the node that sent the failure first, over all hops and legs. "
        "The result is an estimate, because it depends on the roles of nodes."
    ),
    example="on_behalf_of = 'node' and status >= 500",
    section=Section(3, "Who said no", "Every call was answered."),
)

FAILURE_PATH = Table(
    "failure_path",
    "One step of a failure on its way back: a node that sent it first, or passed it on.",
    (
        C("call", "key", "Call."),
        C("step", "int", "1: the node that sent the failure first."),
        C("address", "text", "ip:port of the node.", mask=M.HOST),
        C("role", "text", "Role of the node, as in nodes.", mask=M.OPEN),
        C("method", "text", "INVITE for a response to it, or CANCEL.", mask=M.FREE_TEXT),
        C("status", "int", "Status that the node sent; null for a CANCEL."),
        C("changed", "bool", "The node received another status than it sent."),
        C("receiver", "text", "ip:port of the receiver.", mask=M.HOST),
        C("time", "time", "Capture time."),
        C("message", "key", "Message."),
    ),
    made_by="analyzer.diagnose.call_failures:call_failures",
    scope=ESTIMATE,
    belongs_to=("call",),
    shown=words("call step time address role method status changed receiver"),
    note=("Step 1 is the node that sent it first; changed marks a node that sent another status than it received."),
    example="changed",
)
