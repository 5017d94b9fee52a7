"""Every table: column, type, unit, meaning, standard.

This package is the single source, a module for each subject. The reference page ``docs/tables.md`` is made from it, the
core's output and every stage are compared with it in the tests, and the command line takes its table commands from it.

A column has one of these types; what a user of pandas and of Polars receives for each:

========  =========================  ====================  =====================================================
type      pandas                     Polars                meaning
========  =========================  ====================  =====================================================
key       Int64                      Int64                 63-bit hash, stable over files, order, threads, windows
int       Int64                      Int64                 null where missing, never 0 in its place
time      datetime64[ns, UTC]        Datetime(ns, UTC)     capture time
duration  float64 (NaN = missing)    Float64               seconds
share     float64 (NaN = undefined)  Float64               0 to 1
bool      bool                       Boolean               never null
text      str                        String                as sent; bad UTF-8 is U+FFFD
texts     object (list of str)       List(String)          joined by a space in CSV
========  =========================  ====================  =====================================================
"""

from __future__ import annotations

from analyzer.schema.asked import ASKED, FIELDS, FIELDS_OF
from analyzer.schema.beside import BESIDE, DIAMETER, DIAMETER_TRANSACTIONS, DNS, WAITS
from analyzer.schema.core import (
    CORE_ONLY,
    DESCRIPTIONS,
    DNS_MESSAGES,
    EVIDENCE,
    FAILURES,
    FOR_IMS,
    FOR_SHOW,
    HEADERS,
    IMS_HEADERS,
    PARTS,
    VIA_TAILS,
)
from analyzer.schema.ims import (
    BINDINGS,
    CHALLENGES,
    CLOCKS,
    HOPS,
    IMS_REGISTRATIONS,
    LEGS,
    LOSSES,
    NODE_EVIDENCE,
    NODES,
    REFERENCE_POINTS,
    REG_EVENTS,
)
from analyzer.schema.measures import MEASURES
from analyzer.schema.services import ACCESS_NETWORKS, CAPABILITIES, CDRS, PUBLICATIONS, SERVICES, SMS, SUBSCRIPTIONS
from analyzer.schema.setups import PHASES, REFUSAL_STEPS, REFUSALS, SETUPS, WATERFALL
from analyzer.schema.sip import (
    ACCOUNT,
    CALLS,
    DIALOGS,
    FILES,
    HOLDS,
    MESSAGES,
    OFFERS,
    PROBLEMS,
    REGISTRATIONS,
    SDP,
    TRANSACTIONS,
    VIOLATIONS,
)
from analyzer.schema.table import Column, Table, Type

__all__ = [
    "ACCESS_NETWORKS",
    "ACCOUNT",
    "ASKED",
    "BESIDE",
    "BINDINGS",
    "CALLS",
    "CAPABILITIES",
    "CDRS",
    "CHALLENGES",
    "CLOCKS",
    "CORE_ONLY",
    "DESCRIPTIONS",
    "DIALOGS",
    "DIAMETER",
    "DIAMETER_TRANSACTIONS",
    "DNS",
    "DNS_MESSAGES",
    "EVIDENCE",
    "FAILURES",
    "FIELDS",
    "FIELDS_OF",
    "FILES",
    "FOR_IMS",
    "FOR_SHOW",
    "HEADERS",
    "HOLDS",
    "HOPS",
    "IMS_HEADERS",
    "IMS_REGISTRATIONS",
    "LEGS",
    "LOSSES",
    "MEASURES",
    "MESSAGES",
    "NODES",
    "NODE_EVIDENCE",
    "OFFERS",
    "PARTS",
    "PHASES",
    "PROBLEMS",
    "PUBLICATIONS",
    "REFERENCE_POINTS",
    "REFUSALS",
    "REFUSAL_STEPS",
    "REGISTRATIONS",
    "REG_EVENTS",
    "SDP",
    "SERVICES",
    "SETUPS",
    "SMS",
    "SUBSCRIPTIONS",
    "TABLES",
    "TRANSACTIONS",
    "VIA_TAILS",
    "VIOLATIONS",
    "WAITS",
    "WATERFALL",
    "Column",
    "Table",
    "Type",
    "find",
    "keys",
]

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(FILES, MESSAGES, SDP, TRANSACTIONS, DIALOGS, OFFERS, HOLDS, VIOLATIONS, CALLS, HOPS, LEGS, REGISTRATIONS),
        *(SETUPS, PHASES, WATERFALL, REFUSALS, REFUSAL_STEPS),
        *(IMS_REGISTRATIONS, CHALLENGES, BINDINGS, REG_EVENTS),
        *(CDRS, ACCESS_NETWORKS),
        *(CAPABILITIES, SERVICES, SUBSCRIPTIONS, PUBLICATIONS, SMS),
        *(NODES, NODE_EVIDENCE, REFERENCE_POINTS, DIAMETER, DIAMETER_TRANSACTIONS, DNS, BESIDE, WAITS),
        *(CLOCKS, LOSSES, PROBLEMS, ACCOUNT),
    )
}


def find(name: str) -> Table:
    """The table of that name, measured or asked for."""
    return TABLES.get(name) or ASKED.get(name) or MEASURES[name]


def keys(name: str) -> set[str]:
    """The columns of the table that hold keys; a measured one can have those of the tables it is made of."""
    made_of = (CALLS, TRANSACTIONS) if name in MEASURES else ()
    return {key for table in (find(name), *made_of) for key in table.of_type("key")}
