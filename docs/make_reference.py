"""Makes the reference pages: tables.md and README.md's list of tables from analyzer/schema; findings.md's list of rules
from analyzer/diagnose/rules; kpis.md from analyzer/kpi; limits.md, problems.md and encapsulation.md from the core, and
the sentences on problems that `explain` shows.

`--check` reports the pages that are out of date.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from encapsulation_page import encapsulation
from kpis_page import kpis

from analyzer import schema
from analyzer.diagnose import rules as diagnosis
from analyzer.ims.roles import ENOUGH, MARGIN, RELATED, RULES, WEAK, Rule
from analyzer.schema.catalogue import FAMILIES

DOCS = Path(__file__).parent
CORE = DOCS.parent / "analyzer" / "_rust" / "sip-core" / "src"

TABLES_HEAD = """# Tables

This page is generated from `analyzer/schema` by `make docs`. A table has the same name as an attribute (`cap.calls`),
as a command (`sip-analyzer calls`; dashes for underscores) and as a heading. Missing values are null, never 0 or "".

| type | pandas | Polars | meaning |
|---|---|---|---|
| key | Int64 | Int64 | 63-bit hash; the same whatever the files, their order, the threads. A string in JSON |
| int | Int64 | Int64 | |
| time | datetime64[ns, UTC] | Datetime(ns, UTC) | capture time; RFC 3339 with nine digits in CSV and JSON |
| duration | float64 | Float64 | seconds |
| share | float64 | Float64 | 0 to 1; null if the denominator is zero |
| number | float64 | Float64 | in the unit that the row names |
| bool | bool | Boolean | never null |
| text | str | String | as sent; bad UTF-8 is U+FFFD |
| texts | object (list) | List(String) | joined by a space in CSV |

A key has 63 bits, a floating-point number 53. `pandas.read_parquet` reads what `--format parquet` writes in the types
above. CSV and JSON have no types, so pandas guesses: it rounds keys where one is missing, and takes telephone numbers
for integers. Tell it the types:

```python
from analyzer import schema

messages = schema.find("messages")
pd.read_csv("messages.csv", dtype=messages.pandas(), parse_dates=messages.of_type("time"))
pd.read_json("messages.json", dtype=messages.pandas())
```

Without this package, `dtype_backend="numpy_nullable"` keeps the keys of CSV as integers and those of JSON as strings.
"""


LIMITS_HEAD = """# Limits of reading

These limits protect against hostile or extremely large input. If a limit is reached, `problems` has a row for it. Set a
limit by its name: `analyzer.read(path, limits={"max_flows": 100_000})`. This page is generated from `limits.rs` by
`make docs`.

| limit | default | meaning |
|---|---|---|
"""

LIMITS_OF_STORES = """
A limit that is no option: a Call-ID that is silent for 24 h is over, with the reason in its rows (`expired`), and
messages that come later begin anew. So it is in every reading, in a [store](store.md) and in `live`.
"""

PROBLEMS_HEAD = """# Problems

These are the codes of the table `problems`; their names never change. Its column `layer` names one of the layers in
[encapsulation.md](encapsulation.md). This page is generated from `problem.rs` by `make docs`.

| code | meaning |
|---|---|
"""

NODES_HEAD = f"""# Nodes

`cap.nodes` (`sip-analyzer nodes`) lists the nodes of the network and their roles, `cap.node_evidence` the evidence for
each role, and `cap.reference_points` the reference points between nodes. Roles also label the lanes of ladders and the
summary. The tables of rules on this page are generated from `analyzer/ims/roles.py` by `make docs`.

## Endpoints and nodes

An endpoint is an address and port that sent or received SIP. The endpoints of one address that belong to one SIP entity
(a UE or P-CSCF with the ports of its security association, a TCP client) form one node; the column `node` groups them.
The grouping is inferred from messages only. Two ports belong to one node if the top Via names the other port, if
a request that arrived at one is answered from the other, or if a request leaves from the other with one more Via.
Processes that merely share an address remain separate nodes.

## Roles

Roles are an estimate over the whole capture. Each matching rule adds its points once, however often it matches. A role
needs {ENOUGH} points, and {MARGIN} more than any other role that the node cannot combine with it. CSCFs and BGCF,
P-CSCF and ATCF, and BGCF and MGCF or IBCF can be combined in one node; they are named together (`I/S-CSCF`) if each has
its {ENOUGH} points, and not less than a {WEAK}th of those of the strongest. IMS roles take precedence over those of
plain SIP, because a P-CSCF is also a proxy. A node that
scores below the threshold is reported as `unknown`. `confidence` is the number of points, at most 100, in hundredths,
times the share of the role in the points of this role and its strongest rival. Ladders, call pages, reports and the
summary show an IMS role with a confidence below 0.7 as `S-CSCF?`: one hint alone supports it, or another role rivals
it. Tables keep the plain name.

For an application server (`AS`), the kind of service is reported as well if the kind has {ENOUGH} points: `TAS`
(telephony: diverts, bars), `SCC AS`, `conference AS`, `presence server`, `IP-SM-GW`. Points and confidence are those of
the AS.

The roles at the two ends of a hop determine its reference point: `hops.reference_point` for each hop,
`reference_points` for each pair of nodes. If a node has several roles, the one that faces a user or a service is used
first. Mm, to other IP networks, is never reported, because a CSCF or border of another network of which too little was
captured looks the same.

## Override a role

If a network hides the headers that the rules examine, or a capture shows only one side of a node, the node is reported
as `proxy`, `UA` or `unknown`. Override a role in a file; the roles of adjacent nodes are then inferred from it:

```
sip-analyzer summary trace.pcap --nodes nodes.toml
```

```toml
"10.4.128.21:6060" = "S-CSCF"          # a port of an address, and all other ports of the same node
"10.45.0.0/16" = "UE"                  # every port of an address or of a network
"sbc1.example.com" = {{role = "IBCF", name = "sbc1", domain = "example.com"}}
```

In Python, use `analyzer.read(path, nodes="nodes.toml")` or `nodes={{"10.4.128.21:6060": "S-CSCF"}}`.

## Accuracy

The first table covers nodes of the simulator ([simulator.md](simulator.md)), UEs included, with 100 to 150 calls
each; `tests/ims/test_nodes.py` checks the same variants. "Plain" counts nodes reported with a role of plain SIP, or as
`unknown`, instead of their role. Variants that captured only one side or one node take evidence away.

| capture | nodes | right | plain | wrong |
|---|---|---|---|---|
| everything; TCP; IPv6; 5 % loss, 2 % of packets not captured; mirrored; two points 2 s apart | 1624 | 1624 | 0 | 0 |
| proxying ASs; topology hiding; no ODI; host names; calls only; registrations only | 1430 | 1430 | 0 | 0 |
| only the access side, only the core | 648 | 648 | 0 | 0 |
| P+S or I+S in one node (if only one plays both, it is right to see one in the other) | 583 | 583 | 0 | 0 |
| P+S, only the access side | 290 | 285 | 5 | 0 |
| I-CSCF alone, or a TAS alone | 8 | 8 | 0 | 0 |
| an S-CSCF alone; MGCF and IBCF alone | 17 | 8 | 9 | 0 |

The simulator and the rules have the same author, so the second table covers other networks:

| capture | nodes | right | calls found once, outcome and path right | hops labelled right |
|---|---|---|---|---|
| Kamailio and SIPp, on the wire | 10 | 10 | 18 of 18 | 721 of 721 |
| the same at each of five nodes | 10 | 10 | 18 of 18 | 721 of 721 |
| real IMS captures | 22 | 22 | 4 of 4 | 166 of 166 |

The first two are [a sample](../sample_pcaps/kamailio/README.md): Debian's Kamailio as P-, I- and S-CSCF and AS, SIPp as
UEs and MGCF. The real captures are four of open5gs and one of a VoNR handset; each call was checked by hand and with
tshark (`tests/ims/test_kamailio_sample.py`, `test_real_networks.py`, `test_nodes.py`).

The Kamailio sample revealed three faults that the simulator had not. Its S-CSCF passes P-Served-User on, so the gateway
behind it was classified as an AS. If a message had two such fields, the lower, older one was read. Both session cases
of a call were reported as one.

## Rules on one request

A rule examines a request on one hop, the copy that its sender received, and its answer.
"""

NODES_RELATED = """
## Rules on neighbours

These rules need the roles of neighbours. They are applied after the others, and again as roles become known.
"""

LIST_BEGINS = "<!-- tables: made by `make docs` -->"
LIST_ENDS = "<!-- end of tables -->"

# A documented line of a macro: `/// text` (several), then `name: type = default,` or `Name = "code",`.
DOCUMENTED = r"((?:[ ]{4}/// .*\n)+)[ ]{4}"


ASKED_HEAD = """
# Tables by name

This table is read when you name headers: `cap.headers("P-Charging-Vector", "Warning")`, in Polars
`cap.headers_of(...)`, or `sip-analyzer headers trace.pcap --name P-Charging-Vector --name Warning`.
"""

MEASURES_HEAD = """
# Measured tables

These tables summarise the tables above; [numbers.md](numbers.md) defines each number. They are methods with `by=` and
`every=` (`cap.links(every="1h")`, in Polars `cap.measure("links", every="1h")`) and commands with `--by` and `--every`.
Rows begin with the columns of `by`, and with `interval_at` (the start of the interval) if you give `every`.
"""


def tables() -> str:
    kinds = ((schema.TABLES, TABLES_HEAD), (schema.ASKED, ASKED_HEAD), (schema.MEASURES, MEASURES_HEAD))
    return "".join(head + "".join(map(described, found.values())) for found, head in kinds)


def described(table: schema.Table) -> str:
    head = (
        f"\n## {table.name}\n\n{table.row} {table.note}\n\n| column | type | meaning | standard |\n|---|---|---|---|\n"
    )
    return head + "".join(
        f"| {c.name} | {c.type}{f', {c.unit}' if c.unit else ''} | {c.described} | {c.standard} |\n"
        for c in table.columns
    )


def readme() -> str:
    """README.md with the list of tables that stands between two marks."""
    page = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    before, begin, rest = page.partition(LIST_BEGINS)
    _, end, behind = rest.partition(LIST_ENDS)
    if not begin or not end:
        sys.exit(f"README.md has no {LIST_BEGINS} ... {LIST_ENDS} for the list of tables")
    families = (
        f"- **{heading}**: {', '.join(f'`{table.name}`' for table in tables)}\n" for heading, tables in FAMILIES.items()
    )
    return f"{before}{begin}\n{''.join(families)}{end}{behind}"


def prose(comment: str) -> str:
    return " ".join(line.strip().removeprefix("///").strip() for line in comment.splitlines())


def limits() -> str:
    source = (CORE / "limits.rs").read_text(encoding="utf-8")
    found = re.findall(DOCUMENTED + r"(\w+): \w+ = ([^,]+),", source[source.rindex("limits! {") :])
    rows = "".join(f"| {name} | {default} | {prose(text)} |\n" for text, name, default in found)
    return LIMITS_HEAD + rows + LIMITS_OF_STORES


def problems() -> str:
    return PROBLEMS_HEAD + "".join(f"| {code} | {text} |\n" for code, text in codes())


def problems_to_explain() -> str:
    """What ``sip-analyzer explain`` says of a code: the program does not carry the sources of its core."""
    head = "# Codes of `problems` in English. This file is generated from problem.rs by `make docs`.\n\n"
    return head + "".join(f"{code} = {json.dumps(text)}\n" for code, text in codes())


def codes() -> list[tuple[str, str]]:
    """Each code of a problem, and its sentence."""
    source = (CORE / "problem.rs").read_text(encoding="utf-8")
    found = re.findall(DOCUMENTED + r'\w+ = "(\w+)",', source.partition("\ncodes! {")[2].partition("\n}")[0])
    return [(code, prose(text)) for text, code in found]


def nodes() -> str:
    return NODES_HEAD + rules(RULES) + NODES_RELATED + rules(RELATED)


def rules(found: tuple[Rule, ...]) -> str:
    head = "\n| role | rule | points | evidence | standard |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {rule.role} | {rule.name} | {rule.points} | {rule.of.capitalize()}: {rule.says} | {rule.standard} |\n"
        for rule in found
    )


def findings() -> str:
    """findings.md with the list of rules that stands between two marks."""
    before, begin, rest = (DOCS / "findings.md").read_text(encoding="utf-8").partition("<!-- rules -->")
    _, end, behind = rest.partition("<!-- /rules -->")
    head = "| id | rule | severity | absence | finding | standard |\n|---|---|---|---|---|---|\n"
    rows = (
        f"| {rule.id} | {rule.code} | {rule.severity} | {'yes' if rule.absence else ''} | {rule.texts['en'].title} | "
        f"{rule.standard} |\n"
        for rule in diagnosis.ALL
    )
    return f"{before}{begin}\n## Rules\n\n{head}{''.join(rows)}{end}{behind}"


PAGES = {
    "../README.md": readme,
    "findings.md": findings,
    "nodes.md": nodes,
    "tables.md": tables,
    "limits.md": limits,
    "problems.md": problems,
    "../analyzer/explain/problems_en.toml": problems_to_explain,
    "encapsulation.md": encapsulation,
    "kpis.md": kpis,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    check = arguments.parse_args().check
    stale = []
    for name, make in PAGES.items():
        page = DOCS / name
        if not check:
            page.write_text(make(), encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != make():
            stale.append(f"docs/{name}")
    if stale:
        sys.exit(f"{', '.join(stale)} are out of date: run `make docs`")


if __name__ == "__main__":
    main()
