"""Small drawings as SVG within a page: sharp at any size, drawn in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Scale(NamedTuple):
    """An axis: ``low`` and ``high`` of the data at ``start`` and ``end`` of the drawing."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, values: float | np.ndarray) -> np.ndarray:
        """Places of values in the drawing."""
        low, high, x = self.low, self.high, np.asarray(values, float)
        if self.is_log:
            low, high, x = math.log10(low), math.log10(high), np.log10(x)
        return self.start + (x - low) / (high - low) * (self.end - self.start)

    def ticks(self, about: int = 6) -> list[tuple[float, str]]:
        """Round values within the axis and how they are written."""
        low, high = sorted((self.low, self.high))
        if self.is_log:
            first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
            step = max(1, -(-(last - first) // about))
            return [(10.0**k, power_of_ten(k)) for k in range(first, last + 1, step)]
        rough = (high - low) / about
        power = 10.0 ** math.floor(math.log10(rough))
        step_ = power * next(one for one in _STEPS if one * power >= rough * 0.999)
        decimals = max(0, -math.floor(math.log10(step_) + 1e-9))
        first, last = math.ceil(low / step_ - 1e-9), math.floor(high / step_ + 1e-9)
        return [(k * step_, f"{k * step_:.{decimals}f}") for k in range(first, last + 1)]


def power_of_ten(exponent: int) -> str:
    """Write a power of ten as people do."""
    if -1 <= exponent <= 3:
        return f"{10.0**exponent:g}"
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def significant(value: float, digits: int = 3) -> str:
    """Write a number with so many digits, with a power of ten where it is very large or small."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if -4 <= exponent < 5:
        return f"{value:.{max(0, digits - 1 - exponent)}f}"
    power = f"10{str(exponent).translate(_SUPERSCRIPTS)}"
    return f"{value / 10.0**exponent:.{digits - 1}f} × {power}"


class Drawing:
    """Elements of an SVG in the order they are drawn; texts are escaped, looks are classes of CSS.

    Parameters
    ----------
    width, height : float
        Of its own units; on the page it is as wide as there is room.
    label : str
        What it shows, for those who do not see it.
    """

    def __init__(self, width: float, height: float, label: str) -> None:
        self.width, self.height, self.label = width, height, label
        self._parts: list[str] = []

    def markup(self) -> Markup:
        """Whole drawing."""
        head = Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">').format(
            self.width, self.height, self.label
        )
        return head + Markup("\n".join(self._parts)) + Markup("</svg>")

    def add(self, element: Markup) -> None:
        """Add an element as it is."""
        self._parts.append(str(element))

    def line(self, xs: Iterable[float], ys: Iterable[float], look: str) -> None:
        """Draw a line through places."""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        self.add(Markup('<polyline class="{}" points="{}"/>').format(look, points))

    def circle(self, x: float, y: float, radius: float, look: str, title: str = "") -> None:
        """Draw a disc; ``title`` is shown to who points at it."""
        self.add(
            Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}">{}</circle>').format(
                look, x, y, radius, _title(title)
            )
        )

    def polygon(self, xs: Sequence[float], ys: Sequence[float], look: str, title: str = "") -> None:
        """Draw a closed shape."""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        self.add(
            Markup('<polygon class="{}" points="{}">{}</polygon>').format(look, points, _title(title))
        )

    def rectangle(self, x: float, y: float, width: float, height: float, look: str) -> None:
        """Draw a rectangle."""
        self.add(
            Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                look, x, y, width, height
            )
        )

    def star(self, x: float, y: float, radius: float, look: str, title: str = "") -> None:
        """Draw a star of five points."""
        turns = np.arange(10) * math.pi / 5 - math.pi / 2
        reach = np.where(np.arange(10) % 2, 0.42, 1.0) * radius
        self.polygon(
            (x + reach * np.cos(turns)).tolist(), (y + reach * np.sin(turns)).tolist(), look, title
        )

    def text(self, x: float, y: float, text: str, look: str = "", anchor: str = "middle") -> None:
        """Write a text."""
        self.add(
            Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
                look, x, y, anchor, text
            )
        )

    def dots(self, xs: np.ndarray, ys: np.ndarray, look: str) -> None:
        """Draw many small dots as one element; those that would cover each other once."""
        self.add(Markup('<path class="{}" d="{}"/>').format(look, dots_path(xs, ys)))

    def axes(self, x: Scale, y: Scale, x_label: str, y_label: str) -> None:
        """Draw two axes with ticks and labels."""
        left, bottom = min(x.start, x.end), max(y.start, y.end)
        self.line([left, left, max(x.start, x.end)], [min(y.start, y.end), bottom, bottom], "axis")
        for value, written in x.ticks():
            at = float(x.at(value))
            self.line([at, at], [bottom, bottom + 4], "axis")
            self.text(at, bottom + 15, written, "tick")
        for value, written in y.ticks():
            at = float(y.at(value))
            self.line([left - 4, left], [at, at], "axis")
            self.text(left - 7, at + 3.5, written, "tick", "end")
        self.text((x.start + x.end) / 2, bottom + 31, x_label, "label")
        middle = (y.start + y.end) / 2
        self.add(
            Markup(
                '<text class="label" transform="translate(11 {:.1f}) rotate(-90)" '
                'text-anchor="middle">{}</text>'
            ).format(middle, y_label)
        )


def dots_path(xs: np.ndarray, ys: np.ndarray) -> str:
    """Path of dots on a grid of one unit, a dot a place."""
    places = np.unique(np.rint(np.column_stack([ys, xs])).astype(int), axis=0)
    return "".join(f"M{x} {y}h0" for y, x in places.tolist())


def _title(text: str) -> Markup:
    return Markup("<title>{}</title>").format(text) if text else Markup("")
