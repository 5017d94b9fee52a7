"""How Sphinx makes the site of README and docs (``make site``); ``docs/make_site.py`` lays out what it reads."""

project = "sip-analyzer"
extensions = ["myst_parser"]
root_doc = "index"
html_title = "sip-analyzer"
html_theme = "furo"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
# Headings are named as on a forge, so that links to them hold in both.
myst_heading_anchors = 4
# Code blocks without a language are what a terminal shows.
highlight_language = "none"
# Scripts and pictures that pages lead to are copied; JSON with comments and the like is shown as it is.
suppress_warnings = ["misc.highlighting_failure"]
