"""Measured tables, figures over the others."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import Header, words
from analyzer.schema.column import MaskClass as M
from analyzer.schema.table import ESTIMATE, Measure, Section
from analyzer.schema.values import DELAYS

# A column is a row of a table, and is laid out as one.
# fmt: off

#: The figures of a distribution, as ``analyzer.columns.distribution`` makes them.
_DISTRIBUTION = (
    C("min_s", "duration", "Minimum."),
    C("mean_s", "duration", "Mean, rounded down to the nanosecond."),
    C("median_s", "duration", "50th percentile, nearest rank."),
    C("p90_s", "duration", "90th percentile."),
    C("p95_s", "duration", "95th percentile."),
    C("p99_s", "duration", "99th percentile; null for n < 100."),
    C("max_s", "duration", "Maximum."),
)
_SHARE = C("share", "share",
           "Share of the sum of all these times (in the interval); null for ringing, serial_fork and ack.")

_BEGAN = ("started_at", "first_provisional_at", "final_at")
_HOP = ("client_ip", "client_port", "server_ip", "server_port")

RESPONSES = Measure(
    "responses",
    "The number of transactions, each on its hop, by response.",
    (
        C("transactions", "int",
          "Number of transactions with this response; for a null status, those without a captured final response."),
        C("total", "int", "Number of transactions that agree in all columns that do not depend on the response."),
        C("share", "share", "transactions / total. Adds up to 1 over the final responses and the null status."),
        C("resent", "int", "Number of copies of these responses beyond the first."),
    ),
    made_by="analyzer.measure.responses:responses",
    of=("transactions", "messages"),
    looks_at={
        "transactions": ("transaction", "method", "status", "reason_phrase", "response_copies", *_BEGAN, *_HOP),
        "messages": ("transaction", "status", "reason_phrase", "duplicate", "retransmission"),
    },
    note=(
        "Grouped by method and status without --by, which takes class, peer (with direction) and the "
        "columns of transactions. share is that of all transactions of the method (or peer, interval "
        "...); a null status counts those without a final response."
    ),
    example="peer,class",
    section=Section(11, "Responses", "No transactions in this capture."),
)

FAILURES = Measure(
    "failures",
    "The requests that failed, most frequent first, and the node that failed them first.",
    (
        C("requests", "int", "Number of requests that failed in this way."),
        C("share", "share", "requests / all failed requests (in the interval)."),
        C("calls", "int", "Number of calls of these requests; 0 outside calls."),
        C("nodes", "int", "Number of nodes that failed them."),
        C("node", "text", "ip:port of the most frequent of these nodes.", mask=M.HOST),
        C("node_share", "share", "Share of that node in the requests."),
        C("reason_phrase", "text", "Most frequent reason phrase.", mask=M.PHRASE),
        C("reason_header", "text", "Most frequent Reason header of these responses.", "RFC 3326", mask=Header.REASON),
        C("first_at", "time", "Start of the first of these requests."),
        C("last_at", "time", "Start of the last."),
        C("no", "int", "calls.no of the first of these requests that belongs to a call, as an example."),
    ),
    made_by="analyzer.measure.responses:failures",
    of=("transactions", "messages", "calls"),
    optional=("failing_nodes",),
    looks_at={
        "transactions": (
            *("transaction", "call_id", "cseq", "method", "status", "outcome", "transport", "via_count", "call"),
            *_BEGAN, *_HOP,
        ),
        "messages": (
            *("message", "transaction", "from_tag", "to_tag", "credentials", "status", "duplicate"),
            *("reason_phrase", "reason_header"),
        ),
        "calls": ("call", "no", "outcome", "reference"),
    },
    shown=words("requests share calls node node_share reason_phrase reason_header first_at last_at no"),
    note=(
        "A request counts once over all its hops, the INVITE of a call once over all its legs. Grouped by method and "
        "status without --by, which takes class, node, outcome, reason_phrase, reason_header, transport and call_id. "
        "node: failing_node of call_failures; of other requests the first one that sent the response, as far as the "
        "capture shows; no: a call to look at. Answered challenges and cancelled INVITEs are not failures."
    ),
    example="status,node",
    section=Section(2, "Failures", "No request failed."),
)

LINKS = Measure(
    "links",
    "The losses of each link: retransmissions, timeouts, time to the first response.",
    (
        C("transactions", "int", "Number of transactions on the link."),
        C("timeouts", "int", "Number of transactions without any response.", "RFC 3261 §17.1: timers B, F"),
        C("timeout_share", "share", "timeouts / (transactions - pending - orphans)."),
        C("provisional_only", "int", "Number of transactions with a 1xx and no final response.",
          "RFC 3261 §16.6: timer C"),
        C("transport_errors", "int", "Number of transactions ended by ICMP, TCP RST or SCTP ABORT."),
        C("pending", "int",
          "Number of transactions still open at the end of the capture; excluded from timeout_share."),
        C("orphans", "int", "Number of transactions with captured responses only; excluded from timeout_share."),
        C("requests", "int", "Number of requests sent, copies included."),
        C("resent_requests", "int", "Number of copies among them."),
        C("responses", "int", "Number of final responses sent, copies included."),
        C("resent_responses", "int", "Number of copies among them."),
        C("resent_share", "share", "Copies / all sent, of requests and final responses together."),
        C("response_median_s", "duration", "Request to the first response of any kind: median."),
        C("response_p95_s", "duration", "Request to the first response of any kind: 95th percentile."),
    ),
    made_by="analyzer.measure.responses:links",
    of=("transactions",),
    looks_at={
        "transactions": (
            *("outcome", "request_copies", "response_copies", "provisional_delay_s", "final_delay_s"),
            *_BEGAN, *_HOP,
        ),
    },
    shown=words(
        "transactions timeouts timeout_share transport_errors pending orphans resent_share response_median_s "
        "response_p95_s"
    ),
    note=(
        "A link is one way, from the address that sends requests to the one that answers; busiest first. "
        "--by takes peer (with direction) and the columns of transactions. timeout_share leaves out "
        "pending and orphans."
    ),
    example="client_ip,server_ip,transport",
    section=Section(12, "Links", "No transactions in this capture."),
)

NODE_DELAYS = Measure(
    "node_delays",
    "The time that nodes take to forward messages: median, percentiles, extremes.",
    (
        C("messages", "int", "Number of messages with a known delay: hops.delay_s."),
        *_DISTRIBUTION,
    ),
    made_by="analyzer.measure.node_delays:node_delays",
    scope=ESTIMATE,
    of=("hops",),
    note=(
        "From an incoming message to the message made from it, by one capture point's clock; slowest "
        "first. --by takes the columns of hops."
    ),
    example="node,method,status",
)

PHASE_TIMES = Measure(
    "phase_times",
    "The duration of the phases of a set-up: median, percentiles, extremes, share.",
    (
        C("calls", "int", "Number of calls in which the phase ended."),
        *_DISTRIBUTION[1:],
        _SHARE,
    ),
    made_by="analyzer.measure.setups:phase_times",
    of=("phases", "calls"),
    note=(
        "At the reference hop of each call. --by takes the columns of phases, and of calls (caller callee "
        "outcome status codecs emergency)."
    ),
    example="phase,outcome",
    section=Section(6, "Set-up in phases", "No set-up was captured."),
)

SETUP_SHARES = Measure(
    "setup_shares",
    "The share of nodes, links and endpoints in the set-up time: median, percentiles, share.",
    (
        C("calls", "int", "Number of calls that contain it."),
        *_DISTRIBUTION[1:],
        _SHARE,
    ),
    made_by="analyzer.measure.setups:setup_shares",
    scope=ESTIMATE,
    of=("waterfall", "endpoints", "calls"),
    note=(
        "The waterfall of each call, over all calls; each node counts once with all it took. --by takes "
        "the columns of waterfall, of endpoints (role node name session_case domain) and of calls (caller callee "
        "outcome status codecs emergency)."
    ),
    example="kind,role",
    section=Section(7, "Where set-up time goes", "No set-up was captured."),
)

LATENCY = Measure(
    "latency",
    "Set-up latency: median, percentiles and extremes of the delays of calls.",
    (
        C("delay", "text", "Delay: a column of calls, without _s.", values=DELAYS, mask=M.OPEN),
        C("calls", "int", "Number of calls in the group."),
        C("n", "int", "Number of calls that have the delay; all figures are over these."),
        *_DISTRIBUTION,
    ),
    made_by="analyzer.measure.latency:latency",
    of=("calls", "transactions"),
    looks_at={"transactions": ("transaction", "transport", *_HOP)},
    note=(
        "pdd, alert, srd, setup, ring and talk as in calls, in seconds; n of the calls have that delay. "
        "Percentiles are nearest-rank, p99 from 100 calls on. --by takes peer (with direction), the "
        "addresses of the reference hop and the columns of calls."
    ),
    example="peer",
    section=Section(4, "Delays", "No calls to measure."),
)

OUTLIERS = Measure(
    "outliers",
    "The calls with a delay far outside those of their group.",
    (
        C("delay", "text", "Delay: a column of calls, without _s.", values=DELAYS, mask=M.OPEN),
        C("value_s", "duration", "Delay of this call."),
        C("median_s", "duration", "Median of the group."),
        C("fence_s", "duration", "Upper quartile + 1.5 (upper - lower quartile); longer delays are outliers."),
        C("n", "int", "Number of calls of the group that have the delay."),
        C("no", "int", "calls.no."),
        C("call", "key", "Call."),
        C("started_at", "time", "First byte of its first INVITE."),
        C("caller", "text", "Calling subscriber.", mask=M.SUBSCRIBER),
        C("callee", "text", "Subscriber that is called.", mask=M.SUBSCRIBER),
        C("outcome", "text", "Outcome of the call.", mask=M.OPEN),
    ),
    made_by="analyzer.measure.latency:outliers",
    of=("calls", "transactions"),
    looks_at={"transactions": ("transaction", "transport", *_HOP)},
    shown=words("delay value_s median_s fence_s n no started_at caller callee outcome"),
    note=(
        "Beyond the fence of a box plot: the upper quartile and 1.5 times the distance of the quartiles, "
        "in a group of ten or more. Worst first of each delay. --by and --every, as in latency, choose "
        "the group that a call is compared with."
    ),
    example="peer",
    section=Section(5, "Slow calls", "No call lies far outside the others."),
)

KPIS = Measure(
    "kpis",
    "The key performance indicators: RFC 6076, ITU-T (ASR, NER, ACD, PDD ...), 3GPP TS 32.409 and TS 32.454, load.",
    (
        C("kpi", "text", "KPI; docs/kpis.md defines each.", mask=M.OPEN),
        C("unit", "text", "Unit of value; a share is 0 to 1.", values=words("share s 1/s erlang calls"), mask=M.OPEN),
        C("value", "number",
          "numerator / denominator: of a duration the mean; of a peak the peak. Null if there is nothing to measure.",
          "RFC 6076 §4"),
        C("n", "int", "Number of calls, registrations, requests ... that count."),
        C("numerator", "number", "What is divided: a number of calls, a sum of seconds; null for a peak."),
        C("denominator", "number", "What it is divided by: a number of calls, seconds captured; null for a peak."),
        C("low", "share", "Share: lower end of its 95 % interval (Wilson)."),
        C("high", "share", "Share: upper end."),
        C("p50_s", "duration", "Duration: median, nearest rank."),
        C("p95_s", "duration", "95th percentile."),
        C("p99_s", "duration", "99th percentile; null for n < 100."),
        C("p50_low_s", "duration", "Lower end of the 95 % interval of the median; null if n is too small for one."),
        C("p50_high_s", "duration", "Upper end."),
        C("p95_low_s", "duration", "Lower end of the 95 % interval of the 95th percentile."),
        C("p95_high_s", "duration", "Upper end; null for n < 72."),
        C("excluded", "int", "Number of calls ... of the same kind that do not count."),
        C("excluded_why", "text", "Why they do not count; null if all count.", mask=M.OPEN),
        C("point", "text", "Where it is measured.", mask=M.OPEN),
        C("note", "text", "Words of warning, separated by spaces: no_data low_n (n < 30) clock_stepped packets_lost.",
          mask=M.OPEN),
        C("total", "bool", "The row is over all groups and intervals, made of the calls ... themselves."),
    ),
    made_by="analyzer.kpi.kpis:kpis",
    of=("calls", "transactions", "registrations", "messages", "files", "streams", "call_media"),
    asks=True,
    shown=words("kpi value unit n numerator denominator p50_s p95_s p99_s excluded excluded_why note total"),
    note=(
        "A row for each KPI and group, and one over all (total). --by takes node, from_node and to_node (a pair of "
        "nodes that the call passed), reference_point, service, rat, peer (with direction), method, and the columns "
        "of calls, registrations, transactions and streams; a KPI without such a column has no row. A call counts for "
        "each node that it passed. Ratios are never averaged. docs/kpis.md shows how each number is made."
    ),
    example="node",
)
