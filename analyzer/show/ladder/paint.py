"""The drawing of a ladder painted with matplotlib, for PDF and PNG: the same picture as the SVG, without a browser.

It reads the SVG that :mod:`analyzer.show.ladder.svg` writes, and no other: rectangles, paths of straight lines, text,
and groups that are moved down. Colours are those for paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from matplotlib import patches, patheffects
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextToPath

from analyzer.show.ladder.svg import OTHER_PHASE, PHASES, TONES, Sheet
from analyzer.show.style import fonts, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PIXELS_PER_INCH = 96
"""Of a drawing (CSS 2.1 §4.3.2)."""
_POINTS = 72 / PIXELS_PER_INCH
_SVG = "{http://www.w3.org/2000/svg}"
_NUMBERS = re.compile(r"([MHVhvlzml])|(-?\d+(?:\.\d+)?)")
_INK, _MUTED, _BAD = "#1f2328", "#59636e", "#a34100"
_FILLS: dict[str, tuple[str, str | None]] = {
    "paper": ("#ffffff", None),
    "box": ("#f6f8fa", "#8c959f"),
    "pill": ("#ffffff", "#8c959f"),
    "hold": ("#e69f00", None),
    **{f"band-{name}": (band, None) for name, (band, _, _) in {**PHASES, "other": OTHER_PHASE}.items()},
    **{f"tint-{name}": (tint, None) for name, (_, tint, _) in {**PHASES, "other": OTHER_PHASE}.items()},
}
_LINES: dict[str, dict[str, Any]] = {
    "lane": {"color": "#c3c9d0", "width": 1.0},
    "gap": {"color": "#c3c9d0", "width": 1.0, "dashes": (2, 4)},
    **{name: {"color": tone[0], "width": 1.6} for name, tone in TONES.items()},
}


def paint(axes: Axes, sheet: Sheet, *, scale: float = 1.0) -> None:
    """Paints a sheet over the whole of the axes; ``scale`` is points of the paper for each of :data:`_POINTS`."""
    axes.set_axis_off()
    axes.set(xlim=(0, sheet.width), ylim=(sheet.height, 0))
    for shape, down in _shapes(ElementTree.fromstring(sheet.element()), 0.0):
        kinds = shape.get("class", "").split()
        if "hit" in kinds:
            continue
        if shape.tag == f"{_SVG}rect":
            axes.add_patch(_rect(shape, kinds, down, scale))
        elif shape.tag == f"{_SVG}path":
            axes.add_patch(_path(shape, kinds, down, scale))
        else:
            _text(axes, shape, kinds, down, scale)


def _shapes(element: ElementTree.Element, down: float) -> Iterator[tuple[ElementTree.Element, float]]:
    for child in element:
        if child.tag in (f"{_SVG}rect", f"{_SVG}path", f"{_SVG}text"):
            yield child, down
        elif child.tag in (f"{_SVG}g", f"{_SVG}a"):
            moved = re.match(r"translate\(0 (\d+)\)", child.get("transform", ""))
            yield from _shapes(child, down + (float(moved[1]) if moved else 0))


def _rect(shape: ElementTree.Element, kinds: list[str], down: float, scale: float) -> patches.Patch:
    x, y, wide, high = (float(shape.get(name, "0")) for name in ("x", "y", "width", "height"))
    fill, edge = next((_FILLS[kind] for kind in kinds if kind in _FILLS), ("#ffffff", None))
    if "failure" in kinds:
        edge = TONES["failure"][0]
    look: dict[str, Any] = {"facecolor": fill, "edgecolor": edge or "none", "linewidth": _POINTS * scale}
    corner = float(shape.get("rx", "0"))
    if corner:
        style = patches.BoxStyle.Round(pad=0, rounding_size=corner)
        return patches.FancyBboxPatch((x, y + down), wide, high, boxstyle=style, **look)
    return patches.Rectangle((x, y + down), wide, high, **look)


def _path(shape: ElementTree.Element, kinds: list[str], down: float, scale: float) -> patches.Patch:
    found = Path(*_steps(shape.get("d", ""), down))
    head = next((kind.removesuffix("-head") for kind in kinds if kind.endswith("-head")), None)
    if head is not None:
        return patches.PathPatch(found, facecolor=TONES[head][0], edgecolor="none")  # type: ignore[index]
    line = next((_LINES[kind] for kind in kinds if kind in _LINES), _LINES["lane"])
    dashes = {"again": (6, 4), "dotted": (2, 3)}.get(next((k for k in kinds if k in ("again", "dotted")), ""))
    dashes = dashes or line.get("dashes")
    width = 2.2 if "cross" in kinds else line["width"]
    # matplotlib takes dashes in widths of the line.
    style: Any = (0, [length / width for length in dashes]) if dashes else "solid"
    return patches.PathPatch(
        found, fill=False, edgecolor=line["color"], linewidth=width * _POINTS * scale, linestyle=style
    )


def _steps(data: str, down: float) -> tuple[list[tuple[float, float]], list[Any]]:
    """Points and codes of a path of straight lines (SVG 1.1 §8.3)."""
    points: list[tuple[float, float]] = []
    codes: list[Any] = []
    x = y = 0.0
    command = ""
    numbers: list[float] = []
    takes = {"M": 2, "m": 2, "l": 2, "H": 1, "V": 1, "h": 1, "v": 1}
    for found in _NUMBERS.finditer(data):
        if found[1]:
            command, numbers = found[1], []
            if command == "z":
                points.append((0.0, 0.0))
                codes.append(Path.CLOSEPOLY)
            continue
        numbers.append(float(found[2]))
        if len(numbers) < takes[command]:
            continue
        if command in "Mml":
            x, y = (numbers[0], numbers[1] + down) if command == "M" else (x + numbers[0], y + numbers[1])
        elif command in "Hh":
            x = numbers[0] if command == "H" else x + numbers[0]
        else:
            y = numbers[0] + down if command == "V" else y + numbers[0]
        points.append((x, y))
        codes.append(Path.MOVETO if command in "Mm" else Path.LINETO)
        numbers = []
    return points, codes


def _text(axes: Axes, shape: ElementTree.Element, kinds: list[str], down: float, scale: float) -> None:
    x, y = float(shape.get("x", "0")), float(shape.get("y", "0")) + down
    pieces = [(part.text or "", part.get("class", "").split(), float(part.get("dx", "0"))) for part in shape]
    pieces = [piece for part, piece in zip(shape, pieces, strict=True) if part.tag == f"{_SVG}tspan"]
    pieces = pieces or [(shape.text or "", [], 0.0)]
    halo = [patheffects.withStroke(linewidth=4 * _POINTS * scale, foreground="#ffffff")] if "halo" in kinds else []
    align = {"end": "right", "middle": "center"}.get(shape.get("text-anchor", ""), "left")
    for text, own, before in pieces:
        looks = {*kinds, *own}
        size = 16.0 if "title" in looks else 10.5 if "small" in looks else 12.0
        bold = bool(looks & {"strong", "title"}) or ("bad" in looks and "muted" not in own)
        shown = label(text, 400)
        x += before
        axes.text(
            x,
            y,
            shown,
            fontsize=size * _POINTS * scale,
            fontweight="bold" if bold else "normal",
            color=_BAD if "bad" in looks and "muted" not in own else _MUTED if "muted" in looks else _INK,
            ha=align,
            va="baseline",
            path_effects=halo,
            clip_on=True,
        )
        if len(pieces) > 1:
            x += _wide(shown, size, bold)


@lru_cache(4096)
def _wide(text: str, size: float, bold: bool) -> float:
    """Pixels that a text takes."""
    look = FontProperties(family=list(fonts()), size=size, weight="bold" if bold else "normal")
    return float(TextToPath().get_text_width_height_descent(text, look, ismath=False)[0])
