"""Makes the site of README and docs in build/site: `make site`. It needs no network, neither here nor in the browser.

Sphinx makes it: its index of words is a script among the pages, so that search also works for files opened from a
disk, and its theme Furo loads no font or script from elsewhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "build" / "site"
SOURCE = ROOT / "build" / "site_source"
#: Pages beside README and docs, by their heading in the list of contents.
OTHERS = {
    "Samples": ["sample_pcaps/README.md", "sample_pcaps/*/README.md", "reports/README.md", "benchmarks/README.md"],
    "Project": ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "docs/decisions/*.md"],
}
#: Made from the source: what there is, by name.
REFERENCE = ["tables", "kpis", "findings", "problems", "limits", "encapsulation", "glossary", "stability"]
FIRST = ["docs/tutorial_*.md", "docs/terminal.md", "docs/browse.md", "docs/serve.md", "docs/examples/README.md"]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def contents() -> dict[str, list[str]]:
    """The pages by heading, each once: a page that is named stands there, not among those that a pattern finds."""
    sections = {
        "Start": ["README.md", *FIRST],
        "Guides": ["docs/*.md"],
        "Reference": [f"docs/{name}.md" for name in REFERENCE],
        "中文": ["docs/zh/README.md", "docs/zh/*.md"],
        **OTHERS,
    }
    taken = set(sections["Reference"])
    found: dict[str, list[str]] = {}
    for heading, patterns in sections.items():
        paths = [path.relative_to(ROOT).as_posix() for pattern in patterns for path in sorted(ROOT.glob(pattern))]
        found[heading] = [page for page in dict.fromkeys(paths) if page not in taken or heading == "Reference"]
        taken.update(found[heading])
    return found


def main() -> int:
    """Lay out the pages and what they lead to, then build."""
    for folder in (SITE, SOURCE):
        shutil.rmtree(folder, ignore_errors=True)
    pages = contents()
    for page in [page for of_heading in pages.values() for page in of_heading]:
        copied(page)
        for target in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
            linked = ((ROOT / page).parent / target).resolve()
            if linked.is_file() and linked.suffix != ".md":
                copied(linked.relative_to(ROOT).as_posix())
    trees = [f"```{{toctree}}\n:caption: {heading}\n:maxdepth: 1\n\n" + "\n".join(of) for heading, of in pages.items()]
    text = "# sip-analyzer\n\n" + "\n```\n\n".join(trees) + "\n```\n"
    (SOURCE / "index.md").write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "docs" / "site" / "conf.py", SOURCE)
    words = ("-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-b", "html", SOURCE, SITE)
    done = subprocess.run((sys.executable, *map(str, words)), check=False)
    if not done.returncode:
        print(f"{SITE.relative_to(ROOT)}/index.html")
    return done.returncode


def copied(name: str) -> None:
    """A file of the project, at its place among what Sphinx reads."""
    target = SOURCE / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / name, target)


if __name__ == "__main__":
    sys.exit(main())
