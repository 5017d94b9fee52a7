"""How Sphinx makes the site of README and docs (``make site``); ``docs/make_site.py`` lays out what it reads."""

import re

from sphinx.search import languages
from sphinx.search.en import SearchEnglish

project = "sip-analyzer"
extensions = ["myst_parser"]
root_doc = "index"
html_title = "sip-analyzer"
html_theme = "furo"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
# The summary of a result would be fetched, which a browser refuses a page that is opened from a disk.
html_show_search_summary = False
# Headings are named as on a forge, so that links to them hold in both.
myst_heading_anchors = 4
# Code blocks without a language are what a terminal shows.
highlight_language = "none"
# TOML and console blocks with remarks in them are no perfect TOML: they are shown all the same.
suppress_warnings = ["misc.highlighting_failure"]


class EnglishAndChinese(SearchEnglish):
    """Chinese has no spaces between words: each two characters that follow each other are found together."""

    js_splitter_code = """
function splitQuery(query) {
  const words = query.split(/[^\\p{Letter}\\p{Number}_]+/gu).filter(word => word);
  return words.flatMap(word => word.split(/(\\p{Script=Han}+)/u).filter(part => part).flatMap(part =>
    /^\\p{Script=Han}{2,}$/u.test(part) ? [...part].slice(1).map((second, at) => [...part][at] + second) : [part]));
}
"""

    def split(self, text: str) -> list[str]:
        """The words, and of Chinese each character and each pair of them."""
        found = []
        for part in re.findall("[\u3400-\u9fff]+|[^\\W\u3400-\u9fff]+", text):
            is_chinese = "\u3400" <= part[0] <= "\u9fff"
            pairs = [part[at : at + 2] for at in range(len(part) - 1)]
            found += [*part, *pairs] if is_chinese else [part]
        return found


languages["en"] = EnglishAndChinese
