"""Every format of a ladder: each event once, the same bytes each time, and nothing from the wire comes alive."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser

import polars as pl
import pytest
from flow import START, frame, messages
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SAMPLES

import analyzer
from analyzer.show.ladder.html import html
from analyzer.show.ladder.mermaid import escaped as mermaid_text
from analyzer.show.ladder.mermaid import mermaid
from analyzer.show.ladder.plantuml import escaped as plantuml_text
from analyzer.show.ladder.plantuml import plantuml
from analyzer.show.ladder.svg import ROWS, svg
from analyzer.show.ladder.text import text
from analyzer.show.timeline import Timeline, bounded, timeline

SVG = "{http://www.w3.org/2000/svg}"

FORMATS: dict[str, Callable[[Timeline], str]] = {
    "text": text,
    "svg": lambda model: svg(model, title="A call"),
    "html": lambda model: html(model, {}, title="A call", missing="not at hand"),
    "mermaid": lambda model: mermaid(model, title="A call"),
    "plantuml": lambda model: plantuml(model, title="A call"),
}


def ping(count: int, hosts: int = 2) -> pl.DataFrame:
    """So many OPTIONS, each to the next host, every one of its own kind."""
    return messages(
        "\n".join(f"{n} h{n % hosts} -> h{(n + 1) % hosts} M{n:05}M | cseq={n} via_branch=b{n}" for n in range(count))
    )


STORY = """
    0     10.0.0.1 -> 10.0.0.9 INVITE | has_sdp transaction=1 via_count=1 user_agent=Phone/1
    0.5   10.0.0.1 -> 10.0.0.9 INVITE | has_sdp transaction=1 retransmission
    0.501 10.0.0.9 -> 10.0.0.1 100 Trying | transaction=1
    20    10.0.0.9 -> 10.0.0.1 486 Busy Here | to_tag=t transaction=1
    20.1  10.0.0.1 -> 10.0.0.9 ACK | to_tag=t transaction=1
"""


def story() -> Timeline:
    row = {"call": 1, "no": 1, "outcome": "busy", "started_at": START, "ended_at": START + 20_000_000_000}
    return timeline(messages(STORY), call=frame("calls", [row]))


# ---- whole outputs, read and found right -----------------------------------------------------------------------------


def test_text() -> None:
    assert text(story(), width=80).splitlines() == [
        "2024-05-01 10:00:00.000000000Z",
        "  seconds    delta frame  10.0.0.1                                    10.0.0.9",
        "  setup 20.000 s              │                                           │",
        "    0.000              1      │───────────── INVITE SDP (x2) ────────────>│",
        "    0.501   +0.501     3      │<─────────────── 100 Trying ───────────────│",
        "                              │           [19.499 s of silence]           │",
        "  release 0.100 s             │                                           │",
        "   20.000  +19.499     4      │<───────────── 486 Busy Here ──────────────│",
        "   20.100   +0.100     5      │─────────────────── ACK ──────────────────>│",
        "5 messages; 1 of them sent again, (xN): sent N times",
    ]


def test_mermaid() -> None:
    assert mermaid(story(), title="Call 1: a; b").splitlines() == [
        "sequenceDiagram",
        "    title Call 1: a#59; b",
        "    participant L1 as 10.0.0.1",
        "    participant L2 as 10.0.0.9",
        "    Note over L1,L2: setup 20.000 s",
        "    L1->>L2: 0.000 INVITE SDP ×2",
        "    L2-->>L1: 0.501 100 Trying",
        "    Note over L1,L2: 19.499 s of silence",
        "    Note over L1,L2: release 0.100 s",
        "    L2-->>L1: 20.000 ✕ 486 Busy Here",
        "    L1->>L2: 20.100 ACK",
        "    %% 5 messages#59; 1 of them sent again, (xN): sent N times",
    ]


def test_plantuml() -> None:
    assert plantuml(story(), title="Call 1: a; b").splitlines() == [
        "@startuml",
        "hide footbox",
        "title Call 1: a<U+003B> b",
        'participant "10.0.0.1" as L1',
        'participant "10.0.0.9" as L2',
        "== setup 20.000 s ==",
        "L1 -[#0072B2]> L2 : 0.000 INVITE SDP ×2",
        "L2 -[#6B7280]-> L1 : 0.501 100 Trying",
        "... 19.499 s of silence ...",
        "== release 0.100 s ==",
        "L2 -[#C24E00]-> L1 : 20.000 ✕ 486 Busy Here",
        "L1 -[#0072B2]> L2 : 20.100 ACK",
        "caption 5 messages<U+003B> 1 of them sent again, (xN): sent N times",
        "@enduml",
    ]


# ---- all formats -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_every_event_is_there_once(form: str) -> None:
    model = timeline(ping(90, hosts=5))
    # A page also lists the messages below the picture; tooltips say a label again.
    shown = re.sub(r"<title>.*?</title>|<details.*?</details>", "", FORMATS[form](model), flags=re.DOTALL)
    assert sorted(re.findall(r"M\d{5}M", shown)) == [event.what for event in model.events]


@pytest.fixture(scope="module")
def twice() -> list[Timeline]:
    """The same call of two readings."""
    path = SAMPLES / "forked_two_answers.pcap"
    return [analyzer.read(path, threads=threads).call(1).timeline() for threads in (1, 2)]


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_call_gives_the_same_bytes(form: str, twice: list[Timeline]) -> None:
    first, second = twice
    assert FORMATS[form](first) == FORMATS[form](second)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "rows",
    [
        messages("0 a -> b INVITE").clear(),
        messages("0 a -> b INVITE"),
        messages("- a -> b INVITE\n- b -> a 486 Busy | to_tag=t"),
        messages("0 a:1 -> a:1 INVITE"),
        messages("0 [2001:db8::1]:5060 -> [2001:db8::2]:5060 INVITE"),
        ping(5000),
    ],
    ids=["none", "one", "no time", "one lane", "ipv6", "5000"],
)
def test_whatever_there_is_is_drawn(form: str, rows: pl.DataFrame) -> None:
    model = bounded(timeline(rows), 1000)
    assert FORMATS[form](model).count("\n") > 0


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_left_out_is_said(form: str) -> None:
    assert "4,000 messages are not shown here" in FORMATS[form](bounded(timeline(ping(5000)), 1000))


@pytest.mark.parametrize("form", FORMATS)
def test_no_messages_are_said(form: str) -> None:
    assert "no messages" in FORMATS[form](timeline(messages("0 a -> b INVITE").clear()))


# ---- SVG -------------------------------------------------------------------------------------------------------------


def test_lanes_are_named_on_every_sheet() -> None:
    drawn = ET.fromstring(svg(timeline(ping(2 * ROWS + 1))))
    assert [label.text for label in drawn.iter(f"{SVG}text")].count("h0") == 3


def test_a_failure_is_not_told_by_colour_alone() -> None:
    drawn = ET.fromstring(svg(timeline(messages("0 b -> a 486 Busy"))))
    assert any("cross" in path.get("class", "") for path in drawn.iter(f"{SVG}path"))


def test_what_was_sent_again_is_dashed_and_counted() -> None:
    drawn = ET.fromstring(svg(story()))
    dashed = [path for path in drawn.iter(f"{SVG}path") if "again" in path.get("class", "")]
    counted = [label.text for label in drawn.iter(f"{SVG}tspan") if label.text == "×2"]
    assert (len(dashed), len(counted)) == (2, 1)  # the arrow and the legend


def test_a_long_name_is_whole_in_its_tooltip() -> None:
    reason = "Service Unavailable " * 9
    drawn = ET.fromstring(svg(timeline(messages(f"0 b -> a 503 {reason}"))))
    assert any(reason.strip() in (title.text or "") for title in drawn.iter(f"{SVG}title"))


def test_paper_is_light() -> None:
    dark = re.search(r"@media (.*?)\{", svg(story()))
    assert dark is not None
    assert dark[1] == "screen and (prefers-color-scheme:dark)"


@pytest.mark.parametrize("count", [1, 30, 300])
def test_nothing_is_drawn_outside(count: int) -> None:
    drawn = ET.fromstring(svg(timeline(ping(count, hosts=7))))
    wide = int(drawn.get("width", "0"))
    assert all(0 <= float(label.get("x", "0")) <= wide for label in drawn.iter(f"{SVG}text"))


# ---- hostile text ----------------------------------------------------------------------------------------------------

HOSTILE = "</text><script>alert(1)</script>\x1b[31m\u202e\x00\ufffe]]>&amp;\"'><img src=x onerror=alert(2)>"


def hostile() -> Timeline:
    rows = messages("0 a -> b INVITE | via_count=1\n1 b -> a 486 Busy | to_tag=t\n2 b -> a REFER").with_columns(
        reason_phrase=pl.when(pl.col("status").is_not_null()).then(pl.lit(HOSTILE)),
        reason_header=pl.lit(HOSTILE),
        user_agent=pl.lit(HOSTILE),
        refer_to=pl.lit(f"<{HOSTILE}>"),
        file=pl.lit(HOSTILE),
        call_id=pl.format("{}{}", pl.lit(HOSTILE), pl.col("message")),
        src_ip=pl.concat_str("src_ip", pl.lit(HOSTILE)),
    )
    held = pl.DataFrame({"media": [HOSTILE], "held_by": [HOSTILE], "started_at": [START], "ended_at": [None]})
    return timeline(rows, holds=held, fragments={3: HOSTILE})


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_hostile_svg_is_xml_of_our_own_elements() -> None:
    drawn = ET.fromstring(svg(hostile(), title=HOSTILE))
    assert {element.tag.removeprefix(SVG) for element in drawn.iter()} == {
        *("svg", "g", "title", "style", "rect", "path", "text", "tspan"),
    }


def test_hostile_html_has_our_script_alone_and_no_handler() -> None:
    model = hostile()
    texts = {
        event.message: f"INVITE sip:a SIP/2.0\r\nVia: {HOSTILE}\r\n{HOSTILE}: x\r\n\r\nv=0\r\ns={HOSTILE}".encode()
        for event in model.events
    }
    found = Elements(html(model, texts, title=HOSTILE, missing=HOSTILE)).found
    assert [tag for tag, _ in found].count("script") == 1
    assert {tag for tag, _ in found} & {"img", "iframe", "object", "embed", "link", "form", "base"} == set()
    assert [name for _, attributes in found for name in attributes if name.startswith("on")] == []


def test_a_page_names_nothing_on_the_network() -> None:
    found = Elements(html(story(), {})).found
    links = [value for _, attributes in found for name, value in attributes.items() if name in ("href", "src")]
    assert all(link and link.startswith("#") for link in links)


def test_the_policy_of_a_page_allows_our_script_and_nothing_else() -> None:
    page = html(story(), {})
    policy = next(a["content"] for tag, a in Elements(page).found if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/]{43}='", rules["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/]{43}='", rules["style-src"])


def test_no_control_or_format_character_reaches_any_format() -> None:
    for form in FORMATS.values():
        assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", form(hostile())) is None


MERMAID_LINE = re.compile(
    r"sequenceDiagram|    (title [^#;]*|participant L\d+ as T|Note over L\d+(,L\d+)?: T|L\d+--?>>L\d+: T|%% T)".replace(
        "T", r"(?:[^#;<>{}%\\\"\[\]|&]|#\d+;)+"
    ).replace("[^#;]*", r"(?:[^#;<>{}%\\\"\[\]|&]|#\d+;)+")
)
PLANTUML_LINE = re.compile(
    r"@startuml|@enduml|hide footbox|(title|caption) T|participant \"T\" as L\d+|== T ==|\.\.\. T \.\.\.|"
    r"L\d+ -\[#[0-9A-F]{6}\]-?> L\d+ : T|note over L\d+(, L\d+)? : T".replace(
        "T", r"(?:[^<>!$%~*|'\"\\\[\]{}#;&]|<U\+[0-9A-F]{4,6}>)+"
    )
)


@pytest.mark.parametrize("model", [story(), hostile()], ids=["story", "hostile"])
def test_each_line_of_mermaid_is_one_we_write(model: Timeline) -> None:
    lines = mermaid(model, title=HOSTILE).splitlines()
    assert [line for line in lines if not MERMAID_LINE.fullmatch(line)] == []


@pytest.mark.parametrize("model", [story(), hostile()], ids=["story", "hostile"])
def test_each_line_of_plantuml_is_one_we_write(model: Timeline) -> None:
    lines = plantuml(model, title=HOSTILE).splitlines()
    assert [line for line in lines if not PLANTUML_LINE.fullmatch(line)] == []


@pytest.mark.parametrize("word", ["end", "END", "style:x#;", "classDef:#;", "wrap:", "nowrap:", "%%{init}%%", "$$x$$"])
def test_words_that_mermaid_looks_for_are_broken(word: str) -> None:
    assert word not in mermaid_text(word)


@pytest.mark.slow
@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_keeps_to_its_line_in_diagrams(wire: str) -> None:
    means = {mermaid_text: r"[%$\"'\\\[\]{}|<>&]", plantuml_text: r"[!%$\"'\\\[\]{}|~&;#]"}
    for escaped, special in means.items():
        shown = escaped(wire)
        assert len(shown.splitlines()) <= 1
        assert re.search(special, shown) is None


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_any_text_is_xml(wire: str) -> None:
    rows = messages("0 b -> a 486 Busy | via_count=1").with_columns(reason_phrase=pl.lit(wire), src_ip=pl.lit(wire))
    assert ET.fromstring(svg(timeline(rows), title=wire)).tag == f"{SVG}svg"


def test_events_are_numbered_alike_in_the_picture_and_the_list() -> None:
    model = story()
    found = Elements(html(model, {})).found
    rows = [attributes["href"] for tag, attributes in found if tag == "a" and attributes.get("class") == "row"]
    listed = [f"#{attributes['id']}" for tag, attributes in found if tag == "details"]
    assert rows == listed == [f"#m{number}" for number in range(len(model.events))]


def test_a_long_title_of_a_picture_is_whole_in_lines_that_fit() -> None:
    title = "Call 1: " + " ".join(f"sip:somebody{number}@example.com" for number in range(5)) + ", answered (200 OK)"
    drawn = ET.fromstring(svg(timeline(ping(2)), title=title))
    lines = [str(line.text) for line in drawn.iter(f"{SVG}text") if line.get("class") == "title"]
    assert (len(lines) > 1, " ".join(lines)) == (True, title)
    assert max(map(len, lines)) * 11 < int(drawn.attrib["width"])
