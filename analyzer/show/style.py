"""The house style of every figure: colours, fonts, labels, and a Figure whose bytes are the same each time.

matplotlib's settings are global: they are changed under a lock while one figure is made, and put back. pyplot is not
touched, so figures can be made in threads and without a display.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import matplotlib.style
from matplotlib import figure, font_manager
from matplotlib.text import Text

from analyzer.explain.phrases import phrases
from analyzer.language import SPOKEN
from analyzer.show.text import fit, safe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito, "Color Universal Design" (2008).
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY = "#999999"
INK, FAINT = "#333333", "#DDDDDD"

# After matplotlib's own font, whichever of these is installed draws what that one has not (Chinese, Japanese, Korean).
_CJK_FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR", "Source Han Sans"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "IPAGothic", "Hiragino Sans", "PingFang SC"),
    *("Apple SD Gothic Neo", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic", "SimHei", "Arial Unicode MS", "Unifont"),
)

# Most Chinese fonts have no bold face: titles in their own weight are no news to anyone who asked for a figure.
logging.getLogger("matplotlib.font_manager").addFilter(lambda said: "find font weight" not in said.getMessage())

_STYLE: dict[str, Any] = {
    "figure.figsize": (8.0, 4.2),
    "savefig.dpi": 150,
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlepad": 20,
    # No ticks stand above the axes: matplotlib need not measure them to find room for the title.
    "axes.titley": 1.0,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "path",
    "svg.hashsalt": "sip-analyzer",
    "pdf.fonttype": 42,
}
_LOCK = threading.RLock()

CUT = 34
"""Columns of a label; what is longer would leave no room for the data."""


class Figure(figure.Figure):
    """A matplotlib Figure that a notebook shows without pyplot, and whose files have no date in them."""

    def savefig(self, fname: Any, **how: Any) -> None:
        """As matplotlib's; the format is that of the suffix, the bytes are the same each time."""
        form = how.get("format") or str(getattr(fname, "name", fname)).rpartition(".")[2].lower()
        undated: dict[str, dict[str, None]] = {
            "svg": {"Date": None},
            "pdf": {"CreationDate": None},
            "png": {"Software": None},
        }
        with house_style():
            super().savefig(fname, **{"metadata": undated.get(form), **how})

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """For Jupyter: twice the pixels, half the size, so that it is sharp."""
        width, height = (round(inches * 100) for inches in self.get_size_inches())
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=200)
        return stream.getvalue(), {"width": width, "height": height}


@contextmanager
def house_style() -> Iterator[None]:
    """Our settings over matplotlib's own defaults, whatever the user's are; one thread at a time."""
    settings: list[str | dict[str, Any]] = ["default", {**_STYLE, "font.family": list(fonts())}]
    with _LOCK, matplotlib.style.context(settings), _without_word_of_weights():
        yield


@contextmanager
def _without_word_of_weights() -> Iterator[None]:
    """Titles are bold; that a font for Chinese has one weight only is nothing that a reader of the figure can mend."""
    log = logging.getLogger("matplotlib.font_manager")
    # One inside another leaves it to the outer one.
    is_outer = _is_no_word_of_weights not in log.filters
    log.addFilter(_is_no_word_of_weights)
    try:
        yield
    finally:
        if is_outer:
            log.removeFilter(_is_no_word_of_weights)


def _is_no_word_of_weights(record: logging.LogRecord) -> bool:
    return "font weight" not in record.getMessage()


@contextmanager
def axes_of(ax: Axes | None) -> Iterator[Axes]:
    """The axes to draw on, in the house style: those given, or those of a new Figure."""
    with house_style():
        if ax is None:
            yield Figure(layout="constrained").add_subplot()
            return
        yield ax
        # These axes were made in another style. Asking for tick labels makes the ticks, in this one.
        for text in (*ax.findobj(Text), *ax.get_xticklabels(), *ax.get_yticklabels()):
            text.set_parse_math(False)


def figure_of(axes: Axes) -> figure.Figure:
    """The figure that the axes are in, also where they are in a part of it."""
    found = axes.get_figure(root=True)
    assert found is not None
    return found


# ---- text ------------------------------------------------------------------------------------------------------------


@lru_cache(1)
def fonts() -> tuple[str, ...]:
    """The fonts of figures: matplotlib's own, then those installed that have what it has not."""
    installed = set(font_manager.get_font_names())
    return ("DejaVu Sans", *(name for name in _CJK_FONTS if name in installed))


@lru_cache(1)
def _drawable() -> frozenset[int]:
    """The code points that some font of ours has."""
    paths = (font_manager.findfont(font_manager.FontProperties(family=name)) for name in fonts())
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def say(english: str) -> str:
    """A text of a figure in the language that is spoken (:data:`analyzer.language.SPOKEN`); English where no font has
    its characters.

    >>> say("calls")
    'calls'
    """
    told = phrases(SPOKEN.get())(english)
    return told if drawable(told) else english


def drawable(text: str) -> bool:
    """Whether some font of ours has each of its characters."""
    return text.isascii() or all(ord(character) in _drawable() for character in text)


def label(text: object, columns: int = CUT) -> str:
    """Text from the wire as a label: harmless, not too long, and of characters that can be drawn."""
    shown = safe(str(text))
    if not shown.isascii():
        codes = ((character, ord(character)) for character in shown)
        shown = "".join(
            character if code in _drawable() else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
            for character, code in codes
        )
    return fit(shown, columns)


def titles(axes: Axes, title: str, below: str) -> None:
    """What is drawn, and below it of how many."""
    axes.set_title(label(title, 200), wrap=True)
    axes.annotate(
        label(below, 200),
        *((0, 1), (0, 6)),
        xycoords="axes fraction",
        textcoords="offset points",
        va="bottom",
        fontsize=9,
    )


def legend(axes: Axes, *, below: bool = False) -> None:
    """Beside the data or below it, never on it."""
    if below:
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.13), borderaxespad=0, ncols=4)
    else:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, reverse=True)


def nothing(axes: Axes, what: str) -> None:
    """Says in the place of the data what is missing."""
    axes.text(0.5, 0.5, what, transform=axes.transAxes, ha="center", va="center", fontsize=11)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
