"""How points become roles, and that the table of rules is in order."""

from __future__ import annotations

from collections import Counter

import pytest
from ims_wire import read

from analyzer import schema
from analyzer.ims import roles
from analyzer.ims.reference_points import POINTS, reference_point


def test_a_role_needs_sixty_points() -> None:
    assert roles.chosen({"S-CSCF": 59})[0] == ["unknown"]
    assert roles.chosen({"S-CSCF": 60})[0] == ["S-CSCF"]


def test_roles_that_exclude_each_other_need_twenty_points_between_them() -> None:
    assert roles.chosen({"UE": 90, "P-CSCF": 71})[0] == ["unknown"]
    assert roles.chosen({"UE": 90, "P-CSCF": 70})[0] == ["UE"]


def test_cscfs_in_one_box_are_named_together() -> None:
    assert roles.shown(roles.chosen({"P-CSCF": 200, "S-CSCF": 60, "I-CSCF": 59})[0]) == "P/S-CSCF"


def test_weak_evidence_is_not_told_beside_strong() -> None:
    """A P-CSCF of a busy network meets one rule of an S-CSCF by chance."""
    assert roles.chosen({"P-CSCF": 590, "S-CSCF": 60})[0] == ["P-CSCF"]


def test_a_server_that_only_notifies_is_no_s_cscf() -> None:
    capture = read("R -> U NOTIFY via=r to_tag=y header=Event:reg @0\nU -> R 200 NOTIFY via=r to_tag=y @0.1")
    assert "S-CSCF" not in capture.table("endpoints")["role"].to_list()


def test_a_kind_of_server_is_no_rival_of_its_kind() -> None:
    assert roles.chosen({"AS": 160, "IP-SM-GW": 60}) == (["IP-SM-GW"], 160, 1.0)


def test_a_server_may_be_for_several_things() -> None:
    assert roles.chosen({"AS": 80, "conference AS": 120, "TAS": 60})[0] == ["TAS", "conference AS"]


def test_what_a_server_is_for_says_not_that_it_is_one() -> None:
    """PBXs divert calls, and devices notify of their presence."""
    assert roles.chosen({"TAS": 60, "presence server": 60, "B2BUA": 70})[0] == ["B2BUA"]


def test_who_serves_others_is_not_told_as_a_user_agent() -> None:
    assert roles.chosen({"UA": 120, "registrar": 60})[0] == ["registrar"]


def test_a_proxy_and_a_b2bua_are_two_things() -> None:
    assert roles.chosen({"proxy": 100, "B2BUA": 70})[0] == ["proxy"]


def test_what_speaks_for_others_makes_less_sure() -> None:
    alone, beside = (roles.chosen(points)[2] for points in ({"AS": 90}, {"AS": 90, "MGCF": 40}))
    assert beside < alone < 1


@pytest.mark.parametrize("role", ["UE", "I/S-CSCF", "P-CSCF+ATCF", "proxy+registrar", "redirect server"])
def test_names_of_combined_roles_can_be_taken_apart(role: str) -> None:
    assert roles.shown(roles.split(role)) == role


def test_each_rule_has_a_name_of_its_own_within_its_role() -> None:
    names = Counter((rule.role, rule.name) for rule in (*roles.RULES, *roles.RELATED))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_role_can_be_reached() -> None:
    """By the rules on one request and those on neighbours together."""
    points: Counter[str] = Counter()
    for rule in (*roles.RULES, *roles.RELATED):
        points[rule.role] += max(rule.points, 0)
    known = (*roles.IMS, *roles.PLAIN, roles.UA)
    assert {role for role in known if points[role] < roles.ENOUGH} == set()


def test_names_of_products_and_hosts_alone_make_a_role_only_together() -> None:
    """A host may be called anything; that it is called so on both sides, and calls itself so, is just enough."""
    by_name = [rule.points for rule in roles.RULES if rule.role == "BGCF"]
    assert sum(by_name) == roles.ENOUGH


def test_the_schema_names_every_role() -> None:
    column = schema.ENDPOINTS.column("role")
    known = (*roles.IMS, *roles.PLAIN, roles.UA, roles.UNKNOWN)
    assert [role for role in known if role not in column.meaning and role not in ("MRFC", "ATCF", "LRF")] == []


@pytest.mark.parametrize(
    ("one", "other", "point"),
    [
        ("UE", "P-CSCF", "Gm"),
        ("P-CSCF", "I-CSCF", "Mw"),
        ("S-CSCF", "S-CSCF", "Mw"),
        ("I-CSCF", "S-CSCF", "Mw"),
        ("S-CSCF", "AS", "ISC"),
        ("IP-SM-GW", "S-CSCF", "ISC"),
        ("TAS+conference AS", "S-CSCF", "ISC"),
        ("I-CSCF", "presence server", "Ma"),
        ("conference AS", "MRFC", "Mr'"),
        ("E-CSCF", "EATF", "I4"),
        ("EATF", "I-CSCF", "I5"),
        ("MSC server", "I/S-CSCF", "I2"),
        ("ATCF", "MSC server", "I2"),
        ("I-CSCF", "AS", "Ma"),
        ("S-CSCF", "BGCF", "Mi"),
        ("BGCF", "MGCF", "Mj"),
        ("MGCF", "I-CSCF", "Mg"),
        ("BGCF", "BGCF", "Mk"),
        ("S-CSCF", "IBCF", "Mx"),
        ("IBCF", "IBCF", "Ici"),
        ("S-CSCF", "MRFC", "Mr"),
        ("AS", "MRFC", "Mr'"),
        ("E-CSCF", "LRF", "Ml"),
        ("UE", "P/S-CSCF", "Gm"),
        ("I/S-CSCF", "AS", "ISC"),
        ("UE", "S-CSCF", None),
        ("P-CSCF", "unknown", None),
        ("UA", "proxy", None),
    ],
)
def test_reference_points_are_those_of_ts_23_228(one: str, other: str, point: str | None) -> None:
    assert reference_point(one, other) == reference_point(other, one) == point


def test_the_schema_names_every_reference_point() -> None:
    assert set(POINTS.values()) == set(schema.REFERENCE_POINTS.column("reference_point").allowed)
