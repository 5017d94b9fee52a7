"""The registry of response codes of SIP (IANA, SIP parameters)."""

from __future__ import annotations

from analyzer.explain.entries import of_kind

#: RFC 3261 §21, RFC 3903, 4028, 4412, 5079, 5360, 5393, 5626, 5839, 6086, 6228, 6442, 6665, 8197, 8224, 8599, 8688
#: and 8876.
REGISTERED = """
    100 180 181 182 183 199 200 202 204 300 301 302 305 380
    400 401 402 403 404 405 406 407 408 410 412 413 414 415 416 417 420 421 422 423 424 425 428 429 430 433 436 437 438
    439 440 469 470 480 481 482 483 484 485 486 487 488 489 491 493 494
    500 501 502 503 504 505 513 555 580 600 603 604 606 607 608
"""


def test_every_registered_status_is_explained_and_no_other() -> None:
    classes = [f"{first}xx" for first in range(1, 7)]
    assert sorted(of_kind("statuses")) == sorted([*REGISTERED.split(), *classes])


def test_a_status_of_rfc_3261_names_the_clause_of_its_class() -> None:
    """RFC 3261 §21.1 to §21.6 are the classes 1xx to 6xx; the clauses of each follow the codes."""
    clauses = [
        (word, [int(part) for part in entry.standard.split("§")[1].split(",")[0].split(".")])
        for word, entry in of_kind("statuses").items()
        if entry.standard.startswith("RFC 3261 §21")
    ]
    assert {clause[1] for word, clause in clauses if clause[1] != int(word[0])} == set()
    assert clauses == sorted(clauses, key=lambda one: one[1])
    # Worked: the last of the fourth class and the first of the fifth.
    assert dict(clauses)["493"] == [21, 4, 28]
    assert dict(clauses)["500"] == [21, 5, 1]
