"""Measured tables: what others amount to."""

from __future__ import annotations

from analyzer.schema.table import Column as C
from analyzer.schema.table import Table

_BY = "Before these stand the columns of --by, and interval_at (begin of the interval) with --every."

_OVER_CALLS = (
    C("mean_s", "duration", "Mean, rounded down to the nanosecond."),
    C("median_s", "duration", "50th percentile, nearest rank."),
    C("p90_s", "duration", "90th percentile."),
    C("p95_s", "duration", "95th percentile."),
    C("p99_s", "duration", "99th percentile; null for n < 100."),
    C("max_s", "duration", "Longest."),
    C("share", "share", "Of all these times together (in the interval); ringing, elsewhere and ack have none."),
)

# Tables that sum up others; what their rows are is said by `by` and `every`.
MEASURES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "responses",
            f"How many transactions, each on its hop, got a response; by method and status. {_BY}",
            (
                C("transactions", "int", "Transactions that got it; a null status: no final response was seen."),
                C("of", "int", "Transactions in all: those that are alike in all that the response does not say."),
                C("share", "share", "transactions / of. 1 over the finals and the null status together."),
                C("resent", "int", "Copies of these responses beyond the first."),
            ),
        ),
        Table(
            "links",
            f"One way between two nodes, from the sender of requests to their receiver. {_BY}",
            (
                C("transactions", "int", "Transactions on it."),
                C("timeouts", "int", "Those that nobody answered.", "RFC 3261 §17.1: timers B, F"),
                C("timeout_share", "share", "timeouts / (transactions - pending - orphans)."),
                C("provisional_only", "int", "Those with a 1xx and no final response.", "RFC 3261 §16.6: timer C"),
                C("transport_errors", "int", "Those that ICMP, a TCP RST or an SCTP ABORT ended."),
                C("pending", "int", "Those still open when the capture ended: left out of timeout_share."),
                C("orphans", "int", "Those of which only responses were seen: left out of timeout_share."),
                C("requests", "int", "Requests sent, with every copy."),
                C("resent_requests", "int", "Copies among them."),
                C("responses", "int", "Final responses sent, with every copy."),
                C("resent_responses", "int", "Copies among them."),
                C("resent_share", "share", "Copies / all sent, of requests and final responses together."),
                C("response_median_s", "duration", "Request to the first response of any kind: median."),
                C("response_p95_s", "duration", "The same: 95th percentile."),
            ),
        ),
        Table(
            "failures",
            f"Requests that failed, each once over all its hops; by method and status. {_BY}",
            (
                C("requests", "int", "Requests that failed so."),
                C("share", "share", "requests / all that failed (in the interval)."),
                C("calls", "int", "Calls they belong to; 0 outside calls."),
                C("nodes", "int", "Nodes that sent it first."),
                C("node", "text", "ip:port of the one it came from most often."),
                C("node_share", "share", "That node's share of the requests."),
                C("reason_phrase", "text", "The most frequent reason phrase."),
                C("reason_header", "text", "The most frequent Reason header of these responses.", "RFC 3326"),
                C("first_at", "time", "Start of the first of these requests."),
                C("last_at", "time", "Start of the last."),
                C("no", "int", "calls.no of the first of them that is in a call: one to look at."),
            ),
        ),
        Table(
            "processing",
            f"How long a node has messages before it sends them on; by node and method. {_BY}",
            (
                C("messages", "int", "Messages with a known delay: hops.delay_s."),
                C("min_s", "duration", "Shortest."),
                C("mean_s", "duration", "Mean, rounded down to the nanosecond."),
                C("median_s", "duration", "50th percentile, nearest rank."),
                C("p90_s", "duration", "90th percentile."),
                C("p95_s", "duration", "95th percentile."),
                C("p99_s", "duration", "99th percentile; null for n < 100."),
                C("max_s", "duration", "Longest."),
            ),
        ),
        Table(
            "phase_times",
            f"How long a phase of the set-up took, over calls. {_BY}",
            (C("calls", "int", "Calls in which it ended."), *_OVER_CALLS),
        ),
        Table(
            "setup_shares",
            f"What a node, link or end took of the set-up, over calls: each counts what it took together. {_BY}",
            (C("calls", "int", "Calls that it is in."), *_OVER_CALLS),
        ),
        Table(
            "latency",
            f"One delay of calls. {_BY}",
            (
                C("delay", "text", "pdd alert srd setup ring talk: the column of calls, without _s."),
                C("calls", "int", "Calls in the group."),
                C("n", "int", "Calls that have the delay: over these all figures are taken."),
                C("min_s", "duration", "Shortest."),
                C("mean_s", "duration", "Mean, rounded down to the nanosecond."),
                C("median_s", "duration", "50th percentile, nearest rank."),
                C("p90_s", "duration", "90th percentile."),
                C("p95_s", "duration", "95th percentile."),
                C("p99_s", "duration", "99th percentile; null for n < 100."),
                C("max_s", "duration", "Longest."),
            ),
        ),
        Table(
            "outliers",
            "One call with a delay far outside those of its group. Before these stand the columns of --by.",
            (
                C("delay", "text", "pdd alert srd setup ring talk."),
                C("value_s", "duration", "What it is for this call."),
                C("median_s", "duration", "Median of the group."),
                C("fence_s", "duration", "Upper quartile + 1.5 (upper - lower quartile): what is longer is here."),
                C("n", "int", "Calls of the group that have the delay."),
                C("no", "int", "calls.no."),
                C("call", "key", "Call."),
                C("started_at", "time", "First byte of its first INVITE."),
                C("caller", "text", "Subscriber that calls."),
                C("callee", "text", "Subscriber that is called."),
                C("outcome", "text", "Its outcome."),
            ),
        ),
    )
}
