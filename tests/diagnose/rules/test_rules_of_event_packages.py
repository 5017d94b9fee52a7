"""SUBSCRIBE and PUBLISH that are refused for what they ask (RFC 6665 §8.3.2, RFC 3903 §6)."""

from __future__ import annotations

import pytest

from tests.diagnose.rules.diagnosed import told

ASKED = """
A -> P  {0} branch=a cseq=1 call_id=s header=Event:{1} @0
P -> B  {0} branch=p,a cseq=1 call_id=s header=Event:{1} @0.1
B -> P  {2} {0} branch=p,a cseq=1 call_id=s to_tag=b @0.2
P -> A  {2} {0} branch=a cseq=1 call_id=s to_tag=b @0.3
"""


@pytest.mark.parametrize(("method", "status"), [("SUBSCRIBE", 489), ("SUBSCRIBE", 404), ("PUBLISH", 489)])
def test_a_server_that_does_not_serve_the_package_is_named(method: str, status: int) -> None:
    row = told(ASKED.format(method, "presence", status))["event_package_refused"]
    assert (row["cases"], f"answered {status} to {method} of the package presence" in row["explanation"]) == (1, True)
    assert row["explanation"].startswith(row["nodes"].split(" ")[0])
    assert len(row["nodes"].split(" ")) == 1


@pytest.mark.parametrize(
    ("method", "package", "status"),
    [("SUBSCRIBE", "presence", 480), ("SUBSCRIBE", "reg", 404), ("SUBSCRIBE", "presence", 200)],
)
def test_what_is_not_about_the_package_is_not_told(method: str, package: str, status: int) -> None:
    assert "event_package_refused" not in told(ASKED.format(method, package, status))
