"""The texts of ``explain``: everything that has to be explained is, in both languages, and says what standards say."""

from __future__ import annotations

import re

import pytest

from analyzer import schema
from analyzer.columns.causes import FAILURE_CAUSE, PREEMPTION, Q850, RELEASE_CAUSE
from analyzer.explain.entries import OF_FILES, Entry, columns, data, every, of_kind, rules, tables
from analyzer.explain.lookup import LONGEST, find
from analyzer.ims.reference_points import POINTS
from analyzer.ims.roles import UNKNOWN, split
from analyzer.language import LANGUAGES

#: IANA, SIP parameters, Header Fields: what RFCs and 3GPP TS 24.229 registered.
HEADER_FIELDS = """
    Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Additional-Identity Alert-Info
    AlertMsg-Error Allow Allow-Events Answer-Mode Attestation-Info Authentication-Info Authorization Call-ID Call-Info
    Cellular-Network-Info Contact Content-Disposition Content-Encoding Content-ID Content-Language Content-Length
    Content-Type CSeq Date Encryption Error-Info Event Expires Feature-Caps Flow-Timer From Geolocation
    Geolocation-Error Geolocation-Routing Hide History-Info Identity Identity-Info In-Reply-To Info-Package Join
    Max-Breadth Max-Forwards MIME-Version Min-Expires Min-SE Organization Origination-Id P-Access-Network-Info
    P-Answer-State P-Asserted-Identity P-Asserted-Service P-Associated-URI P-Called-Party-ID P-Charge-Info
    P-Charging-Function-Addresses P-Charging-Vector P-DCS-Billing-Info P-DCS-LAES P-DCS-OSPS P-DCS-Redirect
    P-DCS-Trace-Party-ID P-Early-Media P-Media-Authorization P-Preferred-Identity P-Preferred-Service
    P-Private-Network-Indication P-Profile-Key P-Refused-URI-List P-Served-User P-User-Database P-Visited-Network-ID
    Path Permission-Missing Policy-Contact Policy-ID Priority Priority-Share Priority-Verstat Priv-Answer-Mode Privacy
    Proxy-Authenticate Proxy-Authentication-Info Proxy-Authorization Proxy-Require RAck Reason Record-Route Recv-Info
    Refer-Events-At Refer-Sub Refer-To Referred-By Reject-Contact Relayed-Charge Replaces Reply-To Request-Disposition
    Require Resource-Priority Resource-Share Response-Key Response-Source Restoration-Info Retry-After Route RSeq
    Security-Client Security-Server Security-Verify Server Service-Interact-Info Service-Route Session-Expires
    Session-ID SIP-ETag SIP-If-Match Subject Subscription-State Supported Suppress-If-Match Target-Dialog Timestamp To
    Trigger-Consent Unsupported User-Agent User-to-User Via Warning WWW-Authenticate
"""
METHODS = "ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE"
WARNINGS = "300 301 302 303 304 305 306 307 330 331 370 380 381 399"

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def shown(entry: Entry) -> str:
    return f"{entry.kind} {entry.word} {entry.of}"


def test_no_text_lacks_its_twin() -> None:
    kinds = [entry for entry in every() if entry.kind != "rules"]
    assert [shown(entry) for entry in kinds for language in LANGUAGES if not entry.texts.get(language)] == []
    assert [shown(entry) for entry in kinds if entry.more and set(entry.more) != set(LANGUAGES)] == []
    assert [rule.word for rule in rules() if not set(LANGUAGES) <= set(rule.texts)] == []


def test_the_chinese_twin_is_chinese_and_the_english_one_is_not() -> None:
    """But for columns that only list words of the wire."""
    kinds = [entry for entry in every() if entry.kind != "rules"]
    assert [shown(entry) for entry in kinds if CHINESE.search(entry.texts["en"])] == []
    told = [entry for entry in kinds if entry.kind != "columns"]
    assert [shown(entry) for entry in told if not CHINESE.search(entry.texts["zh"])] == []


@pytest.mark.parametrize("mark", [",", ";", "(", ")"])
def test_marks_within_chinese_are_those_of_chinese(mark: str) -> None:
    wrong = re.compile(rf"[\u4e00-\u9fff]{re.escape(mark)}|{re.escape(mark)}[\u4e00-\u9fff]")
    assert [shown(entry) for entry in every() if wrong.search(entry.texts["zh"])] == []


def test_each_is_at_most_three_sentences() -> None:
    """Of a column or a table the catalogue decides; of a word of the field, "Not a fault." counts."""
    entries = [entry for kind in OF_FILES for entry in of_kind(kind).values()]
    sentences = {shown(entry): len(re.findall(r"[.?](?: |$)|[。]", entry.texts["en"])) for entry in entries}
    assert {name: number for name, number in sentences.items() if number > 4} == {}


def test_no_word_is_longer_than_those_that_close_ones_are_sought_for() -> None:
    assert max(len(spelling) for entry in every() for spelling in (entry.word, *entry.names.values())) <= 2 * LONGEST
    assert max(len(entry.word) for entry in every()) <= LONGEST


def test_each_ends_as_a_sentence() -> None:
    entries = [entry for kind in OF_FILES for entry in of_kind(kind).values()]
    assert [shown(entry) for entry in entries if not entry.texts["en"].endswith(".")] == []
    assert [shown(entry) for entry in entries if not entry.texts["zh"].endswith("。")] == []


@pytest.mark.parametrize(
    ("kind", "registered"), [("header_fields", HEADER_FIELDS), ("methods", METHODS), ("warnings", WARNINGS)]
)
def test_every_name_of_the_registry_is_explained(kind: str, registered: str) -> None:
    assert set(registered.split()) - set(of_kind(kind)) == set()


def test_every_cause_that_the_program_knows_is_explained() -> None:
    known = {"Q.850": Q850, "PREEMPTION": PREEMPTION, "RELEASE_CAUSE": RELEASE_CAUSE, "FAILURE_CAUSE": FAILURE_CAUSE}
    assert set(of_kind("causes")) == {f"{protocol} {cause}" for protocol, causes in known.items() for cause in causes}


def test_every_reference_point_and_role_is_explained() -> None:
    assert set(schema.values.REFERENCE_POINT_NAMES) | set(POINTS.values()) <= set(of_kind("reference_points"))
    roles = {role for pair in POINTS for role in pair} | {"UA", "proxy", "B2BUA", "registrar", "redirect server"}
    assert [role for role in roles for one in split(role) if one != UNKNOWN and not find(one)] == []


def test_every_outcome_is_explained() -> None:
    outcomes = {
        outcome
        for table in (schema.CALLS, schema.REGISTRATIONS, schema.TRANSACTIONS)
        for outcome in table.column("outcome").allowed
    }
    assert set(of_kind("outcomes")) == outcomes


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("calls", "outcome_detail"),
        ("ims_registrations", "outcome_detail"),
        ("setups", "stalled"),
        ("phases", "phase"),
        ("services", "service"),
        ("offer_answer_violations", "code"),
    ],
)
def test_every_value_that_is_a_word_of_ours_is_explained(table: str, column: str) -> None:
    values = schema.find(table).column(column).allowed
    assert [value for value in values if value != "unknown" and not find(value)] == []


def test_every_table_and_column_of_the_catalogue_is_explained() -> None:
    catalogue = [*schema.TABLES.values(), *schema.ASKED.values(), *schema.MEASURES.values()]
    assert {entry.word for entry in tables()} == {table.name for table in catalogue}
    explained = {name for entry in columns() for name in entry.also}
    assert explained == {f"{table.name}.{column.name}" for table in catalogue for column in table.columns}


def test_what_is_written_of_the_catalogue_is_in_it() -> None:
    """A column that is renamed takes its Chinese along."""
    catalogue = {
        table.name: table for group in (schema.TABLES, schema.ASKED, schema.MEASURES) for table in group.values()
    }
    written = data("tables_zh")
    of_tables = {name: set(texts) - {"row"} for name, texts in written.items() if name not in ("every", "values")}
    assert [name for name, written_of in of_tables.items() if written_of - set(catalogue[name].names)] == []
    every_column = {column.name: column for table in catalogue.values() for column in table.columns}
    assert set(written["every"]) - set(every_column) == set()
    explained = {
        (column.name, value[0])
        for table in catalogue.values()
        for column in table.columns
        for value in column.values
        if not isinstance(value, str)
    }
    assert {(column, value) for column, values in written["values"].items() for value in values} == explained


def test_every_code_of_a_problem_is_explained() -> None:
    assert set(data("problems")) == set(data("problems_en"))


def test_standards_are_named_as_everywhere() -> None:
    pattern = re.compile(
        r"(RFC \d{4}|TS \d\d\.\d{3}|ITU-T [A-Z]\.\d+(\.\d+)?|GSMA (IR|NG)\.\d+|[A-Z]\.\d+)"
        r"( (§[\dA-Z]+(\.\d+[A-Z]?)*(, )?)+)?"
    )
    wrong = [
        shown(entry)
        for kind in OF_FILES
        for entry in of_kind(kind).values()
        for standard in re.split(r", (?!§)", entry.standard)
        if standard and not pattern.fullmatch(standard)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("word", "standard", "fact"),
    [
        # RFC 3261 §17.1.1.2: Timer B is 64*T1; with T1 = 500 ms 32 s. TS 24.229 table 7.7.1: 128 s at the UE.
        ("Timer B", "RFC 3261 §17.1.1.2", "64 T1, 32 s by default and 128 s between UE and P-CSCF"),
        # RFC 3261 §16.6 step 11: Timer C MUST be larger than 3 minutes.
        ("Timer C", "RFC 3261 §16.6, §16.8", "more than 3 minutes"),
        # RFC 3261 §17.1.1.2: intervals 500 ms, 1 s, 2 s, 4 s, 8 s, 16 s after the first INVITE.
        ("Timer A", "RFC 3261 §17.1.1.2", "0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s"),
        # TS 24.229 table 7.8.1.
        ("reg-await-auth", "TS 24.229 §7.8", "4 minutes"),
        ("emerg-reg", "TS 24.229 §7.8", "8 to 20 s"),
        # RFC 3398 §7.2.4.1: the mapping of ISUP causes to status codes.
        ("Q.850 17", "ITU-T Q.850", "486"),
        ("Q.850 102", "ITU-T Q.850", "504"),
        ("Q.850 34", "ITU-T Q.850", "503"),
        ("Q.850 28", "ITU-T Q.850", "484"),
        # RFC 6076 §4.7: SEER counts 480, 486, 600 and 603.
        ("SEER", "RFC 6076 §4.7", "480, 486, 600 and 603"),
        # RFC 4028 §6 defines 422, RFC 3312 §8 580, RFC 7315 §5.6 P-Charging-Vector.
        ("422", "RFC 4028 §6", "Min-SE"),
        ("580", "RFC 3312 §8", "preconditions"),
        ("P-Charging-Vector", "RFC 7315 §5.6", "icid"),
        ("pdd_s", "", "180"),
    ],
)
def test_facts_of_the_standards(word: str, standard: str, fact: str) -> None:
    entry = find(word)[0]
    assert fact in entry.text("en")
    assert standard in entry.standard


def test_a_cause_names_the_status_that_rfc_3398_maps_it_to() -> None:
    """RFC 3398 §7.2.4.1, for the causes that say one."""
    mapped = {
        404: (1, 2, 3, 26), 486: (17,), 408: (18,), 480: (19, 20, 31), 403: (21, 55, 57, 87), 410: (22, 23), 502: (27,),
        484: (28,), 501: (29, 79), 503: (34, 38, 41, 42, 47, 58, 88), 488: (65, 70), 504: (102,), 500: (111, 127),
    }  # fmt: skip
    status_of = {cause: status for status, causes in mapped.items() for cause in causes}
    for word, entry in of_kind("causes").items():
        said = re.search(r"SIP has (\d{3})", entry.texts["en"])
        if said:
            assert int(said[1]) == status_of[int(word.split()[1])], word
            assert said[1] in entry.texts["zh"], word
