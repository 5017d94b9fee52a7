"""The report in a browser: it opens, sorts, searches, filters, draws ladders, and loads and runs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from chromium import Chromium, Page, program
from places import SAMPLES

import analyzer
from analyzer.show import tooltips
from analyzer.show.report import report
from analyzer.show.text import safe
from analyzer.show.timeline import Event, timeline

# What the module makes once, one worker makes.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("report_page")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium(program()) as running:
        yield running


@cache
def capture(*names: str) -> analyzer.Capture:
    return analyzer.read([SAMPLES / name for name in names])


Open = Callable[..., Page]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture
def opened(browser: Chromium, folder: Path) -> Iterator[Open]:
    """Opens the report of samples; each is written once."""
    pages = []

    def open_(*names: str, fragment: str = "", **how: object) -> Page:
        path = folder / f"{'-'.join(names)}.html"
        if not path.exists():
            capture(*names).report(path)
        pages.append(browser.open(path, fragment, **how))  # type: ignore[arg-type]
        return pages[-1]

    yield open_
    for page in pages:
        page.close()


#: Several calls with several outcomes, and registrations.
MANY = ("outcomes.pcap", "busy.pcap", "registration.pcap", "timeout.pcap", "basic_call.pcap")


def cells(page: Page, table: str, column: int) -> list[str]:
    return page.texts(f"#{table} tbody tr td:nth-child({column})")


def click(page: Page, selector: str) -> None:
    page.js(f"document.querySelector({selector!r}).click()")


def rows_drawn(page: Page) -> list[str]:
    """What stands at each row of the ladder: of a message its tooltip, of a mark its text."""
    return page.texts(".picture svg > g > title")


# ---- it opens --------------------------------------------------------------------------------------------------------


def test_it_asks_the_network_for_nothing_and_has_no_errors(opened: Open) -> None:
    page = opened(*MANY, fragment="#call/1")
    page.wait(".picture")
    asked = [event["request"]["url"] for event in page.happened("Network.requestWillBeSent")]
    assert ([url for url in asked if not url.startswith(("file:", "blob:"))], len(asked)) == ([], 1)
    assert page.happened("Runtime.exceptionThrown", "Log.entryAdded") == []


def test_what_an_attacker_sent_runs_nothing(opened: Open) -> None:
    for fragment in ("", "#calls?q=<img src=x onerror=alert(1)>", "#call/1", "#registrations?outcome=<script>"):
        page = opened("hostile.pcap", fragment=fragment)
        assert page.happened("Page.javascriptDialogOpening", "Runtime.exceptionThrown", "Log.entryAdded") == []
        assert page.js("[...document.querySelectorAll('img,iframe,object,embed,link,form,script')].length") == 2
        assert len(page.happened("Network.requestWillBeSent")) == 1


def test_hostile_text_is_shown_with_its_codes(opened: Open) -> None:
    page = opened("hostile.pcap", fragment="#call/1")
    page.wait(".picture")
    shown = page.js("document.body.innerText")
    assert not {"\x1b", "\u202e", "\x00"} & set(shown)


def test_without_javascript_the_first_rows_stand_there(opened: Open) -> None:
    page = opened(*MANY, script=False)
    assert cells(page, "calls", 5) == capture(*MANY).table("calls")["outcome"].to_list()
    assert page.js("getComputedStyle(document.querySelector('.tools')).display") == "none"


# ---- tables ----------------------------------------------------------------------------------------------------------


def test_a_heading_sorts_and_says_so(opened: Open) -> None:
    page = opened(*MANY)
    click(page, "#calls [data-sort=callee]")
    up = cells(page, "calls", 4)
    assert page.js("document.querySelector('#calls [data-sort=callee]').parentElement.ariaSort") == "ascending"
    click(page, "#calls [data-sort=callee]")
    down = cells(page, "calls", 4)
    assert up == sorted(up)
    assert down == sorted(up, reverse=True)
    assert page.js("document.querySelector('#calls [data-sort=callee]').parentElement.ariaSort") == "descending"


def test_what_is_missing_is_sorted_last_either_way(opened: Open) -> None:
    page = opened(*MANY)
    for direction in ("setup_s", "-setup_s"):
        page.go(f"#calls?sort={direction}", "#calls th:not([aria-sort=none])")
        found = cells(page, "calls", 10)
        known = [float(cell) for cell in found if cell != "-"]
        assert found[len(known) :] == ["-"] * (len(found) - len(known))
        assert known == sorted(known, reverse=direction.startswith("-"))


def test_search_finds_text_anywhere_and_in_columns(opened: Open) -> None:
    page = opened(*MANY)
    calls = capture(*MANY).table("calls")
    numbers = {
        "Busy Here": calls.filter(pl.col("reason_phrase") == "Busy Here"),
        "outcome:time": calls.filter(outcome="timeout"),
        "status>=500": calls.filter(pl.col("status") >= 500),
        "no<3 bob": calls.filter(pl.col("no") < 3, pl.col("callee").str.contains("bob")),
        "status >= 500": calls.filter(pl.col("status") >= 500),
        "setup>0": calls.filter(pl.col("setup_s") > 0),
        "setup s > 0": calls.filter(pl.col("setup_s") > 0),
    }
    for words, expected in numbers.items():
        page.js(
            "(() => { const node = document.querySelector('#calls input');"
            f" node.value = {words!r}; node.dispatchEvent(new Event('input')); }})()"
        )
        assert cells(page, "calls", 1) == [str(no) for no in expected["no"]], words


@pytest.mark.parametrize(
    ("words", "said"),
    [("nonsense>3", "nonsense is no column"), ("status>many", "a number is wanted"), ("status>400", "")],
)
def test_search_says_what_it_did_not_understand(opened: Open, words: str, said: str) -> None:
    page = opened(*MANY)
    page.js(
        "(() => { const node = document.querySelector('#calls input');"
        f" node.value = {words!r}; node.dispatchEvent(new Event('input')); }})()"
    )
    (told,) = page.texts("#calls .unclear")
    assert said in told
    assert bool(told) == bool(said)


def test_a_link_from_a_number_filters_and_the_way_back_does_not(opened: Open) -> None:
    page = opened(*MANY)
    everything = len(cells(page, "calls", 1))
    click(page, '.bars a[href="#calls?outcome=busy"]')
    page.wait('#calls .chip[aria-pressed=true][data-value="busy"]')
    assert cells(page, "calls", 5) == ["○ busy"]
    page.js("history.back()")
    page.wait('#calls .chip[aria-pressed=false][data-value="busy"]')
    assert len(cells(page, "calls", 1)) == everything


def test_chips_add_up_and_are_in_the_address(opened: Open) -> None:
    page = opened(*MANY)
    click(page, '#calls .chip[data-value="busy"]')
    click(page, '#calls .chip[data-value="timeout"]')
    assert page.js("location.hash") == "#calls?outcome=busy,timeout"
    assert set(cells(page, "calls", 5)) == {"○ busy", "✕ timeout"}


def test_many_rows_come_in_pages(opened: Open, browser: Chromium, tmp_path: Path) -> None:
    tables = {name: capture("busy.pcap").table(name) for name in analyzer.schema.TABLES}
    one = tables["problems"]
    problems = pl.DataFrame(
        {**{name: [None] * 120 for name in one.columns}, "problem": range(1, 121)}, schema=one.schema
    )
    (tmp_path / "p.html").write_text(report({**tables, "problems": problems}))
    page = browser.open(tmp_path / "p.html", "#problems")
    first = cells(page, "problems", 1)
    page.js("document.querySelector('#problems .pager button:nth-of-type(2)').click()")
    second = cells(page, "problems", 1)
    assert (first[0], first[-1], second[0], second[-1]) == ("1", "50", "51", "100")


def test_csv_has_the_rows_shown_and_no_formula(opened: Open) -> None:
    page = opened("hostile.pcap", "busy.pcap")
    page.go("#calls?outcome=answered", ".chip[aria-pressed=true], #calls tbody tr:only-child")
    text = page.js(
        """new Promise(done => {
            URL.createObjectURL = blob => { blob.text().then(done); return "#"; };
            HTMLAnchorElement.prototype.click = () => {};
            [...document.querySelectorAll("#calls button")].find(b => b.textContent === "Download CSV").click();
        })"""
    )
    assert len(text.splitlines()) == 2
    frame = pl.read_csv(text.encode(), infer_schema=False)
    call = capture("hostile.pcap", "busy.pcap").table("calls").filter(outcome="answered")
    assert frame["caller"].to_list() == ["'" + safe(call["caller"][0])]
    assert frame["started_at"].to_list() == call["started_at"].dt.to_string("%Y-%m-%dT%H:%M:%S%.9fZ").to_list()


# ---- calls -----------------------------------------------------------------------------------------------------------

#: One for each thing that is drawn: phases, copies, silence, no answer, lanes by port, forks, several legs.
DRAWN = ("volte_call", "lost_and_resent", "timeout", "transport_error", "forked_two_answers", "mid_call", "redirect")


@pytest.mark.parametrize("name", [f"{name}.pcap" for name in DRAWN])
def test_a_ladder_has_the_messages_of_the_timeline(opened: Open, name: str) -> None:
    number = capture(name).table("calls")["no"].to_list()[-1]
    page = opened(name, fragment=f"#call/{number}")
    page.wait(".picture")
    call = capture(name).call(number)
    model = timeline(call.table("messages"), call=call.table("calls"), transactions=call.table("transactions"))
    drawn = [text.partition("; ")[0] for text in rows_drawn(page)]
    silence_and_events = [
        f"{row.what}{' with SDP' if row.sdp else ''}, {model.lanes[row.source]} > {model.lanes[row.target]}"
        if isinstance(row, Event)
        else row.text
        for row in model.rows
        if isinstance(row, Event) or row.kind in ("silence", "no_response", "pending", "transport_error", "resent")
    ]
    assert [text for text in drawn if text in map(safe, silence_and_events)] == [
        safe(text) for text in silence_and_events
    ]


def test_phases_are_those_of_the_timeline(opened: Open) -> None:
    call = capture("volte_call.pcap").call(1)
    model = timeline(call.table("messages"), call=call.table("calls"))
    page = opened("volte_call.pcap", fragment="#call/1")
    page.wait(".picture")
    shown = page.texts(".picture svg > text")
    for phase in model.phases:
        assert phase.name in shown
        assert not phase.lasted or phase.lasted in shown


def test_lanes_carry_the_roles_of_their_nodes(opened: Open) -> None:
    page = opened("volte_call.pcap", fragment="#call/1")
    page.wait(".picture")
    # Whom the script of the sample lets register, add a Path, and challenge.
    shown = set(page.texts(".picture svg text.strong"))
    assert {"UE", "P-CSCF", "S-CSCF"} <= shown


def test_a_row_opens_its_call_and_escape_goes_back(opened: Open) -> None:
    page = opened(*MANY)
    click(page, "#calls tbody tr:nth-child(2) td:nth-child(3)")
    page.wait("#call .picture")
    assert page.js("location.hash") == "#call/2"
    assert page.texts("#call h2")[0].startswith("Call 2: ")
    page.js("dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    page.wait("#call[hidden]")
    assert page.js("location.hash") == "#calls"


def test_next_follows_the_order_of_the_table(opened: Open) -> None:
    page = opened(*MANY, fragment="#calls?outcome=timeout&sort=-no")
    numbers = cells(page, "calls", 1)
    click(page, "#calls tbody tr td a")
    page.wait("#call .picture")
    page.js(
        "new Promise(done => { addEventListener('hashchange', () => done(true), {once: true});"
        " document.querySelector('#call nav button:nth-child(3)').click(); })"
    )
    assert page.js("location.hash") == f"#call/{numbers[1]}"


def test_who_points_at_a_status_an_outcome_or_a_message_sees_what_it_means(opened: Open) -> None:
    page = opened(*MANY)
    busy = tooltips.of_value("status", 486)
    titled = "[...document.querySelectorAll('#calls tbody td')].map(cell => cell.title)"
    assert {busy, tooltips.of_value("outcome", "busy")} <= set(page.js(titled))
    page = opened("busy.pcap", fragment="#call/1")
    page.wait("#call .picture")
    assert any(row.endswith(f"; {busy}") for row in rows_drawn(page))


def test_a_page_in_chinese_speaks_it_where_its_script_does(browser: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "zh.html"
    capture(*MANY).report(path, language="zh")
    page = browser.open(path, "#call/1")
    try:
        page.wait("#call .picture")
        assert page.texts("#call h2")[0].startswith("呼叫 1：")
        assert "下一个呼叫" in page.texts("#call nav button")
        assert "下载 CSV" in page.texts("#calls .tools button")
        assert tooltips.of_value("status", 486, "zh") in page.js(
            "[...document.querySelectorAll('#calls tbody td')].map(cell => cell.title)"
        )
        assert page.js("document.documentElement.lang") == "zh"
    finally:
        page.close()


def test_a_message_chosen_shows_its_text(opened: Open) -> None:
    page = opened("busy.pcap", fragment="#call/1")
    page.wait(".messages")
    page.js("document.querySelector('.messages tbody tr').click()")
    assert page.texts(".text pre")[0].startswith("INVITE sip:bob@example.com SIP/2.0\n")
    assert page.js("document.querySelectorAll('.chosen').length") == 2


def test_a_registration_has_a_ladder_too(opened: Open) -> None:
    page = opened("registration.pcap", fragment="#registration/1")
    page.wait(".messages")
    assert page.texts(".messages td.what:not(.muted)") == [
        "REGISTER",
        "✕ 401 Unauthorized (REGISTER)",
        "REGISTER",
        "200 OK (REGISTER)",
    ]


def test_a_call_that_is_not_there_is_told(opened: Open) -> None:
    page = opened("busy.pcap", fragment="#call/99")
    page.wait("#call .missing")
    assert page.texts("#call .missing") == ["No call 99 in this report."]


# ---- for every eye ---------------------------------------------------------------------------------------------------

_CONTRAST = """(selector => {
    const level = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    const light = rgb => 0.2126 * level(rgb[0]) + 0.7152 * level(rgb[1]) + 0.0722 * level(rgb[2]);
    const numbers = text => text.match(/[\\d.]+/g).map(Number);
    const behind = e => { for (; e; e = e.parentElement) {
        const c = numbers(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } };
    return Math.min(...[...document.querySelectorAll(selector)].filter(e => e.checkVisibility()).map(e => {
        const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }));
})("main a, main td, main th, main p, h1, h2, .n, .mark, .chip, button, footer p, .is-good, .is-bad, .is-people")"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(opened: Open, dark: bool) -> None:
    """WCAG 2.2 §1.4.3: at least 4.5 to 1."""
    assert opened(*MANY, dark=dark).js(_CONTRAST) >= 4.5


def test_dark_follows_the_system(opened: Open) -> None:
    light, dark = (
        opened("busy.pcap", dark=dark).js("getComputedStyle(document.body).backgroundColor") for dark in (False, True)
    )
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(13, 17, 23)")


def test_everything_that_can_be_clicked_can_be_reached_and_has_a_name(opened: Open) -> None:
    page = opened(*MANY)
    unnamed = """[...document.querySelectorAll('button, a, input, select')].filter(e =>
        !(e.textContent.trim() || e.getAttribute('aria-label'))).length"""
    assert page.js(unnamed) == 0
    assert page.js("document.querySelectorAll('main, header, footer, nav').length") >= 4
    assert page.js("[...document.querySelectorAll('section')].every(s => s.getAttribute('aria-labelledby'))")


def test_on_a_telephone_nothing_is_wider_than_the_screen(opened: Open) -> None:
    for fragment in ("", "#call/1"):
        page = opened(*MANY, fragment=fragment, size=(390, 844))
        page.js("new Promise(done => requestAnimationFrame(done))")
        assert page.js("document.documentElement.scrollWidth") <= 390
