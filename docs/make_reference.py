"""Makes the reference pages: tables.md, and the list of tables in README.md, out of analyzer/schema; limits.md,
problems.md and carriage.md out of the core's sources.

`--check` says whether they are up to date.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from carriage_page import carriage

from analyzer import schema
from analyzer.ims.roles import ENOUGH, MARGIN, RELATED, RULES, Rule
from analyzer.schema.catalogue import FAMILIES

DOCS = Path(__file__).parent
CORE = DOCS.parent / "analyzer" / "_rust" / "sip-core" / "src"

TABLES_HEAD = """# Tables

Made from `analyzer/schema` by `make docs`; edit there. Library (`cap.calls`), command (`sip-analyzer calls`) and
heading share one word; commands take dashes for underscores. Missing is null, never 0 or "".

| type | pandas | Polars | meaning |
|---|---|---|---|
| key | Int64 | Int64 | 63-bit hash; the same whatever the files, their order, the threads. A string in JSON |
| int | Int64 | Int64 | |
| time | datetime64[ns, UTC] | Datetime(ns, UTC) | capture time; RFC 3339 with nine digits in CSV and JSON |
| duration | float64 | Float64 | seconds |
| share | float64 | Float64 | 0 to 1; missing where there is nothing to be a share of |
| bool | bool | Boolean | never null |
| text | str | String | as sent; bad UTF-8 is U+FFFD |
| texts | object (list) | List(String) | joined by a space in CSV |
"""


LIMITS_HEAD = """# Limits of reading

Hostile or merely huge input runs into these; a limit reached is a row in `problems`. Each is an option by its name:
`analyzer.read(path, limits={"max_flows": 100_000})`. Made from `limits.rs` by `make docs`.

| limit | default | meaning |
|---|---|---|
"""

PROBLEMS_HEAD = """# Problems

The codes of the table `problems`; their names never change. Made from `problem.rs` by `make docs`.

| code | meaning |
|---|---|
"""

NODES_HEAD = f"""# Nodes

Which boxes there are and what each is: `cap.nodes`, `sip-analyzer nodes`; why: `cap.node_evidence`; between whom which
reference point lies: `cap.reference_points`. Roles stand on the lanes of ladders and in the summary. The tables of
rules are made from `analyzer/ims/roles.py` by `make docs`.

A node is an address and port; those of one address that are one speaker of SIP (a UE or P-CSCF with the ports of its
security association, a TCP client) are one box, `node`. It is told from messages alone: the top Via names the other
port, a request that came to one is answered from the other, or goes on from it with one more Via. Processes that merely
share an address stay apart.

Roles are an estimate over the whole capture. Each rule that is met gives its points once, however often it is met. A
role needs {ENOUGH} points, and {MARGIN} more than any other that a box does not have beside it; CSCFs and BGCF, P-CSCF
and ATCF, BGCF and MGCF or IBCF may share a box, and are named together (`I/S-CSCF`) where each has its {ENOUGH}. Roles
of an IMS come before those of plain SIP: a P-CSCF is a proxy, too. What has too little is `unknown`. `confidence` is
the points, at most 100, in hundredths, times the share of the role in the points of it and its strongest rival.

What an application server is for is told of an AS alone, with {ENOUGH} points for the kind: `TAS` (telephony: diverts,
bars), `SCC AS`, `conference AS`, `presence server`, `IP-SM-GW`; points and confidence are those of the AS.

Every hop has its reference point by the roles at its ends: `hops.reference_point`, and `reference_points` for each two
nodes. Where a box has several roles, that of the user or of a service comes first. Mm, to other IP networks, is never
told: a CSCF or border of another network of which too little is seen looks the same.

A network that hides what the rules look for, or shows only one side of a box, leaves it `proxy`, `UA` or `unknown`. Who
knows better says so, and neighbours are then judged by it:

```
sip-analyzer summary trace.pcap --nodes nodes.toml
```

```toml
"10.4.128.21:6060" = "S-CSCF"          # a port of an address, and all others of the same box
"10.45.0.0/16" = "UE"                  # every port of an address or of a network
"sbc1.example.com" = {{role = "IBCF", name = "sbc1", domain = "example.com"}}
```

In Python `analyzer.read(path, nodes="nodes.toml")` or `nodes={{"10.4.128.21:6060": "S-CSCF"}}`.

## How well it does

Boxes of the laboratory ([laboratory.md](laboratory.md)), UEs among them, 100 to 150 calls each;
`tests/ims/test_nodes.py` looks at the same variants. "Plain" is a role of plain SIP or `unknown` in place of the right
one. Where only one side or one box was captured, it is a variant that takes evidence away.

| capture | boxes | right | plain | wrong |
|---|---|---|---|---|
| everything; TCP; IPv6; 5 % loss, 2 % of packets not captured; mirrored; two points 2 s apart | 1624 | 1624 | 0 | 0 |
| ASs that proxy; topology hiding; no ODI; host names; calls alone; registrations alone | 1430 | 1430 | 0 | 0 |
| only the access side, only the core | 648 | 648 | 0 | 0 |
| P+S or I+S in one box (where only one plays both, it is right to see one in the other) | 583 | 583 | 0 | 0 |
| P+S, only the access side | 290 | 285 | 5 | 0 |
| I-CSCF, or a TAS alone | 8 | 8 | 0 | 0 |
| an S-CSCF alone; MGCF and IBCF alone | 17 | 8 | 9 | 0 |

Apart from these, for one hand wrote laboratory and rules:

| capture | boxes | right | calls found once, outcome and way right | hops labelled right |
|---|---|---|---|---|
| Kamailio and SIPp, on the wire | 10 | 10 | 18 of 18 | 721 of 721 |
| the same at each of five nodes | 10 | 10 | 18 of 18 | 721 of 721 |
| real IMS captures | 22 | 22 | 4 of 4 | 166 of 166 |

The first is [a sample](../sample_pcaps/kamailio/README.md): Debian's Kamailio as P-, I- and S-CSCF and AS, SIPp as UEs
and MGCF. The last are four of open5gs and one of a VoNR handset, each call looked at by hand and with tshark
(`tests/ims/test_kamailio_sample.py`, `test_real_networks.py`, `test_nodes.py`).

The Kamailio sample showed three faults that the laboratory did not: its S-CSCF passes P-Served-User on, so the gateway
behind it was told as an AS; of two such fields the lower, older was read; both halves of calls were told as one.

## Rules on one request

A rule looks at a request on one hop, the copy that its sender received, and its answer.
"""

NODES_RELATED = """
## Rules on neighbours

These need the roles of neighbours, are tried after the others, and again as roles become known.
"""

LIST_BEGINS = "<!-- tables: made by `make docs` -->"
LIST_ENDS = "<!-- end of tables -->"

# A documented line of a macro: `/// text` (several), then `name: type = default,` or `Name = "code",`.
DOCUMENTED = r"((?:[ ]{4}/// .*\n)+)[ ]{4}"


ASKED_HEAD = """
# Tables by name

What is read when somebody names it: `cap.headers("P-Charging-Vector", "Warning")`, as Polars `cap.headers_of(...)`,
`sip-analyzer headers trace.pcap --name P-Charging-Vector --name Warning`.
"""

MEASURES_HEAD = """
# Measured tables

What the tables above amount to; [numbers.md](numbers.md) says how each number is made. Methods with `by=` and `every=`
(`cap.links(every="1h")`, as Polars `cap.measure("links", every="1h")`), commands with `--by` and `--every`. Their rows
begin with the columns of `by`, and `interval_at` (begin of the interval) with `every`.
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
    return LIMITS_HEAD + "".join(f"| {name} | {default} | {prose(text)} |\n" for text, name, default in found)


def problems() -> str:
    source = (CORE / "problem.rs").read_text(encoding="utf-8")
    found = re.findall(DOCUMENTED + r'\w+ = "(\w+)",', source)
    return PROBLEMS_HEAD + "".join(f"| {code} | {prose(text)} |\n" for text, code in found)


def nodes() -> str:
    return NODES_HEAD + rules(RULES) + NODES_RELATED + rules(RELATED)


def rules(found: tuple[Rule, ...]) -> str:
    head = "\n| role | rule | points | who | standard |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {rule.role} | {rule.name} | {rule.points} | the {rule.of} {rule.says} | {rule.standard} |\n"
        for rule in found
    )


PAGES = {
    "../README.md": readme,
    "nodes.md": nodes,
    "tables.md": tables,
    "limits.md": limits,
    "problems.md": problems,
    "carriage.md": carriage,
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
        sys.exit(f"{', '.join(stale)} are not what their sources say: run `make docs`")


if __name__ == "__main__":
    main()
