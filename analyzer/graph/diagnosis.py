"""The node of all rules of diagnosis: what it needs, the rules say, so that it is made when it is first asked for."""

from __future__ import annotations

from analyzer.graph.node import Node, whole
from analyzer.schema.table import ESTIMATE


def diagnosis() -> Node:
    """What the rules found, which the tables ``findings`` and ``finding_cases`` show."""
    from analyzer.diagnose import findings

    return Node(findings.diagnosis, ESTIMATE, findings.NEEDS, findings.COLUMNS, cut=whole, asks=True)
