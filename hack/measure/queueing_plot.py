"""The curve of the queueing benchmark as an SVG text: both claims as bands, every arm as a line over the load."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 930, 380
TOP, BOTTOM = 64, 326
PANELS = ((58, 308), (478, 728))
LABELS = {
    "B": "B static, shortest first",
    "C": "C switched, FIFO",
    "D": "D switched, shortest first",
    "E": "E no cap, FIFO",
    "A+": "A+ C's mean watts, static",
}
LEAST_GAP = 15
STYLE = """
  .text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 } .soft { fill: #57606a }
  .grid { stroke: #d0d7de } .claim { fill: #bf8700; opacity: .35 } .claimed { fill: #7d4e00 }
  .line { fill: none; stroke-width: 2 } .whisker { stroke-width: 1; opacity: .55 }
  .B { stroke: #8250df } .C { stroke: #0969da } .D { stroke: #1a7f37 } .E { stroke: #6e7781; stroke-dasharray: 5 4 }
  .Aplus { stroke: #bc4c00 }
  .label { stroke: none }
  .label.B { fill: #8250df } .label.C { fill: #0969da } .label.D { fill: #1a7f37 } .label.E { fill: #57606a }
  .label.Aplus { fill: #bc4c00 }
  .ground { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } .text { fill: #e6edf3 } .soft { fill: #9198a1 } .grid { stroke: #30363d }
    .claimed { fill: #e3b341 }
    .B { stroke: #bc8cff } .C { stroke: #58a6ff } .D { stroke: #3fb950 } .E { stroke: #9198a1 }
    .Aplus { stroke: #f0883e }
    .label { stroke: none }
    .label.B { fill: #bc8cff } .label.C { fill: #58a6ff } .label.D { fill: #3fb950 } .label.E { fill: #9198a1 }
    .label.Aplus { fill: #f0883e }
  }
"""

Interval = Mapping[str, float | None]
Place = Callable[[float], float]


@dataclass(frozen=True)
class Curve:
    """One arm against A: for each load how many times shorter waits are, and how many percent sooner jobs are done."""

    arm: str
    points: tuple[tuple[float, Interval, Interval], ...]

    @property
    def kind(self) -> str:
        """Its class in the style."""
        return self.arm.replace("+", "plus")


def draw(curves: Sequence[Curve], wait_ratio: float, reduction_percent: tuple[float, float]) -> str:
    """Two panels over the load, each with the claim as a band. What is infinite or not known is left out."""
    loads = sorted({point[0] for curve in curves for point in curve.points})
    waits = [_known(curve, 1) for curve in curves]
    sooner = [_known(curve, 2) for curve in curves]
    most = max([2.0, *(value[0] for line in waits for _, value in line)])
    least = min([1.0, *(value[0] for line in waits for _, value in line)])
    lows = min([0.0, *(value[0] for line in sooner for _, value in line)])
    floor = max(-100.0, 20 * math.floor(lows / 20))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>Queueing against a static split of the watts, by offered load</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
    ]
    up = _logarithmic(_decade(least, math.floor), _decade(most * 1.01, math.ceil))
    ticks = _decades(_decade(least, math.floor), _decade(most * 1.01, math.ceil))
    lines += _panel(0, "Mean wait in the queue: times shorter than A", loads, up, [(t, f"{t:g} ×") for t in ticks])
    lines += _claim(0, up, (wait_ratio * 0.96, wait_ratio * 1.04), f"claimed: {wait_ratio} ×")
    lines += _curves(0, curves, waits, loads, up)
    linear = _linear(floor, 100.0)
    marks = [(value, f"{value:g} %") for value in range(int(floor), 101, 20)]
    lines += _panel(1, "Mean time to completion: less than A", loads, linear, marks)
    lines += _claim(1, linear, reduction_percent, f"claimed: {reduction_percent[0]:g} to {reduction_percent[1]:g} %")
    lines += _curves(1, curves, sooner, loads, linear)
    return "\n".join([*lines, "</svg>", ""])


def _known(curve: Curve, place: int) -> list[tuple[float, tuple[float, float, float]]]:
    """Load, and value, low and high where the value is finite; an end that is not stops at the value."""
    line = []
    for point in curve.points:
        interval = point[1] if place == 1 else point[2]
        value = interval["value"]
        if value is None:
            continue
        low, high = interval["low"], interval["high"]
        line.append((point[0], (value, value if low is None else low, value if high is None else high)))
    return line


def _decade(value: float, towards: Callable[[float], int]) -> float:
    """A power of ten, or a half of one, beside this value."""
    exponent = towards(math.log10(max(value, 1e-3)))
    return float(10**exponent)


def _decades(low: float, high: float) -> list[float]:
    exponents = range(round(math.log10(low)), round(math.log10(high)) + 1)
    return [10.0**exponent for exponent in exponents]


def _logarithmic(low: float, high: float) -> Place:
    span = math.log(high / low)
    return lambda value: BOTTOM - (BOTTOM - TOP) * math.log(min(max(value, low), high) / low) / span


def _linear(low: float, high: float) -> Place:
    return lambda value: BOTTOM - (BOTTOM - TOP) * (min(max(value, low), high) - low) / (high - low)


def _across(panel: int, loads: Sequence[float], load: float) -> float:
    left, right = PANELS[panel]
    low, high = loads[0], loads[-1]
    share = (load - low) / (high - low) if high > low else 0.5
    return left + 14 + (right - left - 28) * share


def _panel(
    panel: int, title: str, loads: Sequence[float], up: Place, ticks: Sequence[tuple[float, str]]
) -> Iterator[str]:
    left, right = PANELS[panel]
    yield _text(left - 40, 24, title, "title")
    for value, label in ticks:
        y = up(value)
        yield f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(left - 6, y + 4, label, "soft", "end")
    for load in loads:
        yield _text(_across(panel, loads, load), BOTTOM + 18, f"{load:g}", "soft", "middle")
    yield _text((left + right) / 2, BOTTOM + 38, "offered load of the static share", "soft", "middle")


def _claim(panel: int, up: Place, band: tuple[float, float], label: str) -> Iterator[str]:
    left, right = PANELS[panel]
    top, bottom = up(band[1]), up(band[0])
    yield f'<rect class="claim" x="{left}" y="{top:.1f}" width="{right - left}" height="{bottom - top:.1f}"/>'
    yield _text(left, 46, label, "claimed")


def _curves(
    panel: int,
    curves: Sequence[Curve],
    lines: Sequence[list[tuple[float, tuple[float, float, float]]]],
    loads: Sequence[float],
    up: Place,
) -> Iterator[str]:
    ends = []
    for place, (curve, line) in enumerate(zip(curves, lines, strict=True)):
        if not line:
            continue
        aside = 3 * (place - (len(curves) - 1) / 2)
        points = [(_across(panel, loads, load) + aside, value) for load, value in line]
        path = " ".join(f"{x:.1f},{up(value[0]):.1f}" for x, value in points)
        yield f'<polyline class="line {curve.kind}" points="{path}"/>'
        for x, (_, low, high) in points:
            ends_at = f'y1="{up(low):.1f}" y2="{up(high):.1f}"'
            yield f'<line class="whisker {curve.kind}" x1="{x:.1f}" x2="{x:.1f}" {ends_at}/>'
        ends.append((up(points[-1][1][0]), curve))
    for y, curve in _apart(sorted(ends, key=lambda end: end[0])):
        yield _text(PANELS[panel][1] + 4, y + 4, LABELS[curve.arm] if panel else curve.arm, f"label {curve.kind}")


def _apart(ends: list[tuple[float, Curve]]) -> list[tuple[float, Curve]]:
    """Labels moved so that none covers another, upwards where the lowest would leave the panel."""
    placed: list[tuple[float, Curve]] = []
    for y, curve in ends:
        placed.append((max(y, placed[-1][0] + LEAST_GAP) if placed else y, curve))
    excess = max(0.0, placed[-1][0] - BOTTOM) if placed else 0.0
    return [(y - excess, curve) for y, curve in placed]


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="text {kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
