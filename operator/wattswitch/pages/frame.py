"""What all plots over time share: sizes, the time axis, and labels that do not cover each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from wattswitch.pages import amounts
from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.scale import Linear, Scale, TimeTick, time_ticks
from wattswitch.pages.svg import text, text_width

SIZES = (354, 640, 1120)
"""Widths that each plot is drawn at; the style sheet shows the one that fits. One alone would be too small to read on
a phone or too coarse on a desk."""

FONT = 12.0
LINE = 16.0
_AXIS_HEIGHT = 52.0


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle with a value axis, `top` and `bottom` in pixels."""

    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Frame:
    """The width of a plot and what its time axis covers."""

    width: int
    start: float
    end: float
    zone: tzinfo
    left: float = 56.0
    right: float = 12.0

    @property
    def narrow(self) -> bool:
        """Whether this is the drawing for phones."""
        return self.width < 500

    @property
    def x(self) -> Linear:
        """From Unix seconds to pixels."""
        return Linear(self.start, self.end, self.left, self.width - self.right)

    def ticks(self) -> tuple[TimeTick, ...]:
        """Ticks that leave room for their labels."""
        return time_ticks(self.start, self.end, self.zone, max(2, int((self.width - self.left - self.right) / 58)))


def each_size(draw: Callable[[int], Markup]) -> list[Markup]:
    """The plot at every size."""
    return [draw(width) for width in SIZES]


def plot(name: str, frame: Frame, height: float, title: str, description: str, *parts: object) -> Markup:
    """An SVG element with a name and a description of its own for who cannot see it."""
    key = f"{name}-{frame.width}"
    return tag(
        "svg",
        tag("title", title, id=f"{key}-title"),
        tag("desc", description, id=f"{key}-desc"),
        *parts,
        class_=f"plot w{frame.width}",
        viewBox=f"0 0 {frame.width} {height:.0f}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        data_left=frame.left,
        data_right=frame.width - frame.right,
    )


def value_axis(
    frame: Frame, panel: Panel, scale: Scale, title: str, label: Callable[[float], str], pixels: float = 26.0
) -> Markup:
    """Grid lines about that many pixels apart, their labels, and above them what they measure, unit included."""
    parts: list[Markup] = [text(0, panel.top - 10, title, class_="axis-title")]
    for tick in scale.ticks(pixels):
        y = scale.at(tick)
        kind = "zero" if tick == 0 else "grid"
        parts.append(tag("path", d=f"M{frame.left:.0f} {y:.1f}H{frame.width - frame.right:.0f}", class_=kind))
        parts.append(text(frame.left - 6, y + 4, label(tick), anchor="end"))
    return tag("g", *parts)


def time_axis(frame: Frame, panels: Sequence[Panel]) -> Markup:
    """Upright grid lines through all panels; under the last one the times, the dates or years, and the zone."""
    parts: list[Markup] = []
    base = panels[-1].bottom
    taken = -1e9
    for tick in frame.ticks():
        x = frame.x.at(tick.at)
        lines = "".join(f"M{x:.1f} {panel.top:.0f}V{panel.bottom:.0f}" for panel in panels)
        parts.append(tag("path", d=lines, class_="grid"))
        parts.append(text(_inside(frame, x, tick.label), base + LINE, tick.label, anchor="middle"))
        half = text_width(tick.below, FONT) / 2
        middle = _inside(frame, x, tick.below)
        if tick.below and middle - half > taken:
            parts.append(text(middle, base + 2 * LINE, tick.below, anchor="middle"))
            taken = middle + half
    zone = f"time, {amounts.zone_name(frame.zone)}"
    parts.append(text(frame.width - frame.right, base + 3 * LINE, zone, class_="axis-title", anchor="end"))
    return tag("g", *parts)


def axis_height() -> float:
    """Pixels that the time axis needs under the last panel."""
    return _AXIS_HEIGHT


def apart(wished: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near to the wished ones as they can be, in their order, `gap` apart and between `low` and `high`."""
    order = sorted(range(len(wished)), key=lambda index: wished[index])
    placed: dict[int, float] = {}
    last = low - gap
    for index in order:
        last = max(wished[index], last + gap)
        placed[index] = last
    limit = high
    for index in reversed(order):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - gap
    return [placed[index] for index in range(len(wished))]


def _inside(frame: Frame, x: float, content: str) -> float:
    """The middle of a text that is to stand at x and may not leave the picture."""
    half = text_width(content, FONT) / 2
    return min(max(x, half), frame.width - half)
