"""The columns a person wants to see first, for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.show.text import SHORT_TAG

if TYPE_CHECKING:
    import polars as pl

# `src`, `dst`, `client`, `server` are address and port in one cell; `note` says in a word what is odd about a message.
DEFAULT: dict[str, tuple[str, ...]] = {
    "files": ("file", "point", "format", "link_types", "packets", "first_at", "last_at", "dropped", "sliced", "cut"),
    "messages": (
        *("time", "frame", "src", "dst", "transport", "method", "status", "reason_phrase"),
        *("from_uri", "to_uri", "call_id", "note", "message"),
    ),
    "transactions": (
        *("started_at", "client", "server", "transport", "method", "cseq", "status", "reason_phrase", "outcome"),
        *("provisional_delay_s", "final_delay_s", "request_copies", "response_copies", "call_id"),
    ),
    "dialogs": (
        *(
            "usage",
            "local_uri",
            "local_tag",
            "remote_uri",
            "remote_tag",
            "state",
            "early_at",
            "confirmed_at",
            "ended_at",
        ),
        *("ended_by", "end_reason", "call_id"),
    ),
    "calls": (
        *("no", "started_at", "caller", "callee", "outcome", "outcome_detail", "status", "reason_phrase"),
        *("pdd_s", "setup_s", "talk_s", "released_by", "legs", "hops", "retransmissions"),
    ),
    "registrations": (
        *("started_at", "aor", "contact", "kind", "outcome", "status", "challenges", "expires_s", "delay_s"),
        "registrar",
    ),
    "sdp": (
        *("message", "index", "role", "preview", "media", "connection", "port", "proto", "codecs", "direction"),
        *("bandwidth_kbps", "ptime", "qos_local", "qos_remote"),
    ),
    "offers": (
        *("offered_at", "answered_at", "pattern", "offered_by", "index", "media", "state", "status", "codecs"),
        *("direction", "local_connection", "local_port", "remote_connection", "remote_port", "qos_pending", "offer"),
    ),
    "holds": ("started_at", "ended_at", "duration_s", "held_by", "index", "media", "call"),
    "violations": ("message", "code", "index", "detail", "standard", "call"),
    "ims_registrations": (
        *("started_at", "aor", "kind", "outcome", "outcome_detail", "algorithm", "security", "security_check"),
        *("visited_network", "service_route", "public_ids"),
    ),
    "challenges": (
        *(
            "challenged_at",
            "answered_at",
            "outcome",
            "status",
            "algorithm",
            "realm",
            "rand",
            "autn",
            "auts",
            "rand_seen",
        ),
    ),
    "bindings": (*("aor", "contact", "started_at", "expires_at", "ended_at", "end", "event", "refreshes", "lapse_s"),),
    "reg_events": (*("time", "version", "document", "aor", "state", "contact", "contact_state", "event", "expires_s"),),
    "capabilities": ("user", "contact", "said_by", "said_in", "kind", "name", "value", "meaning"),
    "services": ("started_at", "method", "service", "detail", "evidence", "standard", "call"),
    "subscriptions": (
        *("started_at", "kind", "package", "subscriber", "resource", "status", "granted_s", "refreshes", "notifies"),
        *("state", "result", "ended_at", "ended_by", "end_reason"),
    ),
    "publications": (
        *("published_at", "action", "package", "publisher", "status", "granted_s", "if_match", "etag", "end"),
    ),
    "sms": (
        *("submitted_at", "direction", "outcome", "sender", "receiver", "tp_type", "tp_address", "status"),
        *("report_type", "report_delay_s", "rp_cause_text"),
    ),
    "nodes": (
        *("address", "node", "role", "confidence", "half", "name", "domain", "product", "sent", "received", "first_at"),
        "last_at",
    ),
    "node_evidence": ("node", "role", "rule", "points", "count", "message"),
    "reference_points": (
        "node",
        "role",
        "peer",
        "peer_role",
        "reference_point",
        "requests",
        "peer_requests",
        "first_at",
    ),
    "diameter": (
        *("time", "src", "dst", "application", "command", "said", "result", "experimental_result"),
        *("public_identity", "user_name", "origin_host", "session_id"),
    ),
    "diameter_transactions": (
        *("started_at", "delay_s", "application", "command", "result", "outcome", "client_host", "server_host"),
        *("public_identity", "user_name", "said"),
    ),
    "dns": ("started_at", "delay_s", "client_ip", "server_ip", "type", "name", "number", "rcode", "outcome", "answers"),
    "beside": (
        *("started_at", "delay_s", "application", "what", "name", "result", "peer", "client_ip", "server_ip", "score"),
        *("evidence", "call", "registration"),
    ),
    "waits": (
        *("started_at", "peer", "peer_ip", "exchanges", "failed", "waited_s", "slowest_s", "of_s", "share", "call"),
        "registration",
    ),
    "hops": (
        *("time", "method", "status", "sender", "receiver", "reference_point", "node", "delay_s", "unseen"),
        "linked_by",
    ),
    "legs": (
        *(
            "started_at",
            "call_id",
            "first_node",
            "last_node",
            "hops",
            "parent_call_id",
            "strength",
            "score",
            "evidence",
        ),
        *("node", "delay_s"),
    ),
    "cdrs": (
        *("no", "service_request_at", "position", "calling_party_address", "called_party_address", "duration_s"),
        *("service_reason_return_code", "icid", "orig_ioi", "term_ioi", "calling_rat", "called_rat"),
        *("calling_roaming", "charging_gap"),
    ),
    "access_networks": (
        *("first_at", "last_at", "party", "user", "rat", "mcc", "mnc", "tac", "lac", "cell_id", "enodeb"),
        *("enodeb_cell", "bssid", "network_provided", "roaming"),
    ),
    "setups": (
        *(
            "started_at",
            "trying_at",
            "progress_at",
            "prack_at",
            "update_at",
            "ringing_at",
            "final_at",
            "status",
            "ack_at",
        ),
        *("preconditions", "reliable", "unacknowledged", "stalled", "stalled_detail", "call"),
    ),
    "waterfall": ("call", "part", "kind", "way", "address", "peer", "method", "status", "offset_s", "duration_s"),
    "refusals": (
        *("seen_at", "status", "said_by", "because", "address", "role", "name", "partial", "first_status", "silent"),
        *("reason_protocol", "reason_cause", "reason", "warning_code", "warning_text", "call"),
    ),
    "refusal_steps": ("call", "step", "time", "address", "role", "method", "status", "changed", "receiver"),
    "phases": ("call", "phase", "begins", "ends", "from_at", "to_at", "duration_s", "note"),
    "clocks": (
        "point",
        "reference",
        "at",
        "offset_s",
        "offset_min_s",
        "offset_max_s",
        "drift_ppb",
        "bounds",
        "applied",
    ),
    "losses": ("time", "method", "status", "sender", "receiver", "seen_at", "missed_at", "sent_again", "verdict"),
    "headers": ("time", "src", "dst", "method", "status", "name", "ordinal", "value"),
    "problems": ("problem", "code", "layer", "file", "frame", "byte_offset", "detail"),
    "account": ("layer", "reason", "packets"),
}

# Measured tables begin with the columns they are grouped by; of the others these are left out.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "links": ("provisional_only", "requests", "resent_requests", "responses", "resent_responses"),
    "failures": ("nodes",),
    "outliers": ("call",),
}


def default(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The short selection of a table, for reading; whole tables have all columns of ``schema``."""
    import polars as pl

    if table in schema.MEASURES:
        return frame.drop(LEFT_OUT.get(table, ()))
    ends = (name for name in ("src", "dst", "client", "server") if {f"{name}_ip", f"{name}_port"} <= set(frame.columns))
    made = [endpoint(name) for name in ends]
    if table == "messages":
        made.append(
            pl.when("duplicate")
            .then(pl.lit("duplicate"))
            .when("retransmission")
            .then(pl.lit("sent again"))
            .when(~pl.col("complete"))
            .then(pl.lit("cut"))
            .alias("note")
        )
    if table == "dialogs":
        made += [_short(name) for name in ("local_tag", "remote_tag")]
    return frame.with_columns(made).select(DEFAULT.get(table, frame.columns))


def _short(tag: str) -> pl.Expr:
    """A tag cut to what tells it from others; whole in the other formats and with ``--columns``."""
    import polars as pl

    long = pl.col(tag).str.len_chars() > SHORT_TAG
    return pl.when(long).then(pl.format("{}…", pl.col(tag).str.head(SHORT_TAG - 1))).otherwise(tag).alias(tag)


def endpoint(name: str) -> pl.Expr:
    """Address and port of ``{name}_ip``, ``{name}_port`` in one cell; IPv6 in brackets (RFC 3986 §3.2.2)."""
    import polars as pl

    ip = pl.col(f"{name}_ip")
    host = pl.when(ip.str.contains(":", literal=True)).then(pl.format("[{}]", ip)).otherwise(ip)
    port = pl.col(f"{name}_port").cast(pl.String)
    return pl.when(port.is_null()).then(host).otherwise(pl.format("{}:{}", host, port)).alias(name)
