"""Each tutorial has its twin in Chinese, with commands that the program takes (``test_pages`` tries them)."""

from __future__ import annotations

import re

from places import ROOT

DOCS = ROOT / "docs"


def test_each_tutorial_has_its_twin() -> None:
    english = {page.name for page in DOCS.glob("tutorial_*.md")}
    chinese = {page.name for page in (DOCS / "zh").glob("tutorial_*.md")}
    assert english == chinese


def test_twins_are_in_chinese_and_the_index_names_them() -> None:
    index = (DOCS / "zh" / "README.md").read_text(encoding="utf-8")
    for page in (DOCS / "zh").glob("tutorial_*.md"):
        text = page.read_text(encoding="utf-8")
        assert len(re.findall("[\u4e00-\u9fff]", text)) > 100
        assert f"]({page.name})" in index
