"""Fails if one of the files given is larger than a sample, a picture or a report here needs to be."""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT_KIB = 512

sizes = {path: Path(path).stat().st_size // 1024 for path in sys.argv[1:]}
large = [f"{path}: {size} KiB, more than {LIMIT_KIB}" for path, size in sizes.items() if size > LIMIT_KIB]
if large:
    sys.exit("\n".join([*large, "Cut it, or commit the script that makes it."]))
