"""What a reader sees who points at a status, an outcome, the head of a column."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from places import SAMPLES

import analyzer
from analyzer.show import tooltips
from analyzer.show.ladder import html as page_of_ladder
from analyzer.show.report import report, sections
from analyzer.show.text import width

HOSTILE = '"\'><script>alert(1)</script><b title="'


class Titles(HTMLParser):
    """The titles of a page by what they stand on, and the elements that begin a script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.data = ""
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self._open = tag == "script" and given.get("id") == "data"
        if title := given.get("title"):
            self.found.append((tag, title))

    def handle_data(self, data: str) -> None:
        if self._open:
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._open = False


@pytest.fixture(scope="module")
def busy() -> dict[str, pl.DataFrame]:
    capture = analyzer.read(SAMPLES / "busy.pcap")
    return {name: capture.table(name) for name in sections.TABLES}


def ladder_of(name: str, language: str = "en") -> str:
    return analyzer.read(SAMPLES / name).call(1).ladder().html(language=language)


def test_a_value_of_a_column_is_told_in_the_words_of_explain() -> None:
    assert tooltips.of_value("status", 486).startswith("Busy Here: ")
    assert tooltips.of_value("status", 486, "zh").startswith("用户忙：")
    assert tooltips.of_value("reference_point", "Mw").startswith("between CSCFs: ")
    assert "P-CSCF proxy CSCF: " in tooltips.of_value("role", "P-CSCF+ATCF")
    assert "ATCF access transfer control function: " in tooltips.of_value("role", "P-CSCF+ATCF")
    assert tooltips.of_value("code", "sip_nul") == "The header section contains NUL."


@pytest.mark.parametrize("value", [499, "INVENTED", "<b>", None])
def test_nothing_is_told_of_what_nobody_registered(value: object) -> None:
    assert [tooltips.of_value(column, value) for column in tooltips.KINDS] == [""] * len(tooltips.KINDS)


def test_each_value_stands_once_however_many_rows_have_it() -> None:
    rows = pl.DataFrame({"status": [486, 486, 200, None, 499], "other": ["a"] * 5})
    assert list(tooltips.of_values([rows, rows])["status"]) == ["200", "486"]


def test_the_page_of_a_ladder_tells_its_statuses() -> None:
    titles = Titles(ladder_of("busy.pcap")).found
    assert ("span", tooltips.of_value("status", 486)) in titles
    assert ("span", tooltips.of_value("method", "INVITE")) in titles


def test_the_page_of_a_ladder_in_chinese() -> None:
    page = ladder_of("busy.pcap", "zh")
    assert '<html lang="zh">' in page
    assert "<h2>名词解释</h2>" in page
    assert ("span", tooltips.of_value("status", 486, "zh")) in Titles(page).found
    assert "该对话（连同标签）或这些注册的标识。 (RFC 3261 §20.8)" in page


def test_a_report_tells_outcomes_statuses_and_columns(busy: dict[str, pl.DataFrame]) -> None:
    page = Titles(report(busy))
    assert ("a", tooltips.of_value("outcome", "busy")) in page.found
    heads = {title for tag, title in page.found if tag == "th"}
    assert "Post-dial delay: INVITE to the earliest of 180, authorised early media, 200." in heads
    assert json.loads(page.data)["meanings"]["status"]["486"] == tooltips.of_value("status", 486)


def test_tooltips_are_a_small_part_of_a_report(busy: dict[str, pl.DataFrame]) -> None:
    page = report(busy)
    assert len(json.dumps(json.loads(Titles(page).data)["meanings"])) < 0.03 * len(page)


def test_a_report_in_chinese(busy: dict[str, pl.DataFrame]) -> None:
    page = report(busy, language="zh")
    titles = Titles(page).found
    assert '<html lang="zh">' in page
    assert '<h2 id="verdict-heading">结论</h2>' in page
    assert ("a", tooltips.of_value("outcome", "busy", "zh")) in titles
    assert ("th", "拨号后时延：INVITE 到 180、获授权的早期媒体、200 中最早者。") in titles
    assert json.loads(Titles(page).data)["phrases"]["Download CSV"] == "下载 CSV"


def test_a_report_in_english_carries_no_other_language(busy: dict[str, pl.DataFrame]) -> None:
    assert json.loads(Titles(report(busy)).data)["phrases"] == {}


def test_tooltips_are_escaped(busy: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = Titles(report(busy)).tags.count("script")
    of_ladder = Titles(ladder_of("busy.pcap")).tags.count("script")
    monkeypatch.setattr(tooltips, "of_value", lambda *_: HOSTILE)
    monkeypatch.setattr(page_of_ladder.tooltips, "of_value", lambda *_: HOSTILE)
    page = Titles(report(busy))
    assert page.tags.count("script") == scripts
    assert ("a", HOSTILE) in page.found
    ladder = Titles(ladder_of("busy.pcap"))
    assert ladder.tags.count("script") == of_ladder
    assert ("span", HOSTILE) in ladder.found


@pytest.mark.parametrize("columns", [60, 100])
def test_a_summary_in_chinese(columns: int) -> None:
    capture = analyzer.read([SAMPLES / "outcomes.pcap", SAMPLES / "registration_failed.pcap"])
    lines = capture.summary(width=columns, language="zh").splitlines()
    assert {"文件", "消息", "呼叫", "注册", "失败呼叫", "分组"} <= {line.split()[0] for line in lines if line[0] != " "}
    assert any("404 Not Found 未找到 1" in line for line in lines)
    # A mark that ends something may hang over; names of files are not broken.
    assert max(width(line) for line in lines if "sample_pcaps" not in line and ".pcap" not in line) <= columns + 2


def test_commands_speak_the_language_of_the_locale(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from analyzer.cli import group

    locale = {"LC_ALL": "zh_CN.UTF-8"}
    told = CliRunner().invoke(group, ["summary", str(SAMPLES / "busy.pcap")], env=locale).stdout
    assert told.startswith("文件")
    out = tmp_path / "report.html"
    CliRunner().invoke(group, ["report", str(SAMPLES / "busy.pcap"), "-o", str(out), "--lang", "en"], env=locale)
    assert '<html lang="en">' in out.read_text(encoding="utf-8")
