"""The site has every page of the docs, each at one place (docs/make_site.py)."""

from __future__ import annotations

import runpy

from places import ROOT


def test_every_page_has_one_place() -> None:
    contents = runpy.run_path(str(ROOT / "docs" / "make_site.py"))["contents"]()
    found = [page for pages in contents.values() for page in pages]
    pages = {page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/**/*.md")}
    assert len(found) == len(set(found))
    assert pages | {"README.md", "CHANGELOG.md", "CONTRIBUTING.md"} <= set(found)
