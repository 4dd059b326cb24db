"""Paths and texts of the plots."""

from collections.abc import Iterator

import numpy as np

from wattswitch.pages.markup import Markup, decimal, tag
from wattswitch.pages.scale import Floats


def steps_path(x: Floats, y: Floats) -> str:
    """A line that holds each y (C,) from one x (C + 1,) to the next; not drawn where y is NaN."""
    return "".join(f"M{_corners(x[a : b + 1], y[a:b])}" for a, b in runs(np.isfinite(y)))


def band_path(x: Floats, low: Floats, high: Floats) -> str:
    """The area between two such lines; left out where they touch or either is NaN."""
    drawn = np.isfinite(low) & np.isfinite(high) & (np.abs(high - low) >= 0.05)
    return "".join(
        f"M{_corners(x[a : b + 1], high[a:b])}L{_corners(x[a : b + 1][::-1], low[a:b][::-1])}Z" for a, b in runs(drawn)
    )


def line_path(x: Floats, y: Floats) -> str:
    """A line from point to point, x and y (C,); not drawn where y is NaN. Points that change nothing are left out."""
    parts = []
    for a, b in runs(np.isfinite(y)):
        points = dict.fromkeys(
            f"{decimal(float(px))} {decimal(float(py))}" for px, py in zip(x[a:b], y[a:b], strict=True)
        )
        parts.append("M" + "L".join(points))
    return "".join(parts)


def runs(wanted: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Iterator[tuple[int, int]]:
    """First and one past the last index of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], wanted, [False])).astype(np.int8)))
    return ((int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))


def text(x: float, y: float, content: str, *, class_: str = "", anchor: str | None = None) -> Markup:
    """A text whose baseline starts, is centred (`middle`) or ends (`end`) at the point."""
    return tag("text", content, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def text_width(content: str, size: float) -> float:
    """About how wide a text is; rather too wide than too narrow."""
    return 0.6 * size * len(content)


def _corners(x: Floats, y: Floats) -> str:
    """`x0 y0 H x1 V y1 H x2 …` over y (C,) and its edges x (C + 1,); equal neighbours are one stretch."""
    written = [decimal(value) for value in y.tolist()]
    parts = [f"{decimal(float(x[0]))} {written[0]}"]
    for index, value in enumerate(written[1:], start=1):
        if value != written[index - 1]:
            parts.append(f"H{decimal(float(x[index]))}V{value}")
    parts.append(f"H{decimal(float(x[-1]))}")
    return "".join(parts)
