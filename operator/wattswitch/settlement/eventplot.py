"""The picture of one event: the load against its baseline and its limit."""

from collections.abc import Sequence
from datetime import tzinfo

import numpy as np

from wattswitch.pages import amounts
from wattswitch.pages.frame import (
    LINE,
    Frame,
    Panel,
    apart,
    axis_height,
    each_size,
    plot,
    time_axis,
    value_axis,
)
from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.markup import data as json_data
from wattswitch.pages.scale import Floats, Linear
from wattswitch.pages.svg import band_path, steps_path, text
from wattswitch.settlement import words
from wattswitch.settlement.statement import EventStatement

_KW = 1e3
_HEADROOM = 1.15
_LABEL_MARGIN = 78.0


def event_figure(name: str, statement: EventStatement, zone: tzinfo) -> Markup | None:
    """The load around an event at every width, a key and a reading; None where there is nothing to draw."""
    curve = statement.curve
    if not curve or all(point.metered_kw is None for point in curve):
        return None
    seconds = curve[1].start - curve[0].start if len(curve) > 1 else statement.lines[0].seconds
    pictures = each_size(lambda width: _plot(name, statement, zone, seconds, width))
    key = [("load", "load at the meter"), ("baseline", f"baseline ({statement.method})"), ("limit", "limit")]
    if not any(point.baseline_kw is not None for point in curve):
        key = [item for item in key if item[0] != "baseline"]
    items = [tag("li", _sample(class_), label) for class_, label in key]
    caption = f"Means of {amounts.duration(seconds)}; the event is shaded."
    reading = tag("script", json_data(_readout(statement, zone, seconds)), type="application/json")
    return tag("figure", tag("figcaption", caption), *pictures, tag("ul", *items, class_="key"), reading, data_read="")


def _plot(name: str, statement: EventStatement, zone: tzinfo, seconds: int, width: int) -> Markup:
    curve = statement.curve
    edges = np.array([*(point.start for point in curve), curve[-1].start + seconds], dtype=float)
    frame = Frame(width, float(edges[0]), float(edges[-1]), zone, right=12.0 if width < 500 else _LABEL_MARGIN)
    panel = Panel(26, 206 if frame.narrow else 286)
    load, baseline = (_watts(values) for values in zip(*((p.metered_kw, p.baseline_kw) for p in curve), strict=True))
    limit = statement.lines[0].limit_kw if statement.lines else None
    known = [float(np.nanmax(values)) for values in (load, baseline) if np.isfinite(values).any()]
    most = max([*known, 0.0 if limit is None else limit * _KW, 1.0])
    scale = Linear(0.0, _HEADROOM * most, panel.bottom, panel.top)
    unit, unit_name = amounts.power_unit(most)
    places = 1 if most / unit < 6 else 0
    x = frame.x(edges)
    return plot(
        name,
        frame,
        panel.bottom + axis_height(),
        f"Load during {statement.event.name}",
        _description(statement),
        _span(frame, panel, statement),
        value_axis(frame, panel, scale, f"Power, {unit_name}", lambda tick: amounts.number(tick / unit, places)),
        time_axis(frame, (panel,)),
        tag("path", d=band_path(x, scale(load), scale(_within(statement, baseline, load))), class_="reduced"),
        tag("path", d=steps_path(x, scale(baseline)), class_="baseline"),
        tag("path", d=steps_path(x, scale(load)), class_="load"),
        _limit(frame, scale, statement, limit),
        _misses(frame, scale, statement),
        None if frame.narrow else _labels(frame, panel, scale, load, baseline, limit),
        tag("path", class_="cursor", d="", data_top=panel.top, data_bottom=panel.bottom),
    )


def _watts(kw: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value * _KW for value in kw], dtype=float)


def _within(statement: EventStatement, baseline: Floats, load: Floats) -> Floats:
    """The baseline during the event, where it is above the load; NaN elsewhere."""
    starts = {line.start for line in statement.lines}
    during = np.array([point.start in starts for point in statement.curve])
    return np.where(during & (baseline > load), baseline, np.nan)


def _span(frame: Frame, panel: Panel, statement: EventStatement) -> Markup | None:
    if not statement.lines:
        return None
    last = statement.lines[-1]
    left, right = frame.x.at(statement.lines[0].start), frame.x.at(last.start + last.seconds)
    height = panel.bottom - panel.top
    return tag("rect", x=left, y=panel.top, width=right - left, height=height, class_="event-span")


def _limit(frame: Frame, scale: Linear, statement: EventStatement, limit: float | None) -> Markup | None:
    if limit is None or not statement.lines:
        return None
    last = statement.lines[-1]
    left, right = frame.x.at(statement.lines[0].start), frame.x.at(last.start + last.seconds)
    return tag("path", d=f"M{left:.1f} {scale.at(limit * _KW):.1f}H{right:.1f}", class_="limit")


def _misses(frame: Frame, scale: Linear, statement: EventStatement) -> Markup | None:
    """A mark above every interval in which the target was missed."""
    marks = ""
    for line in statement.lines:
        if line.compliant is False and line.metered_kw is not None:
            x, y = frame.x.at(line.start + line.seconds / 2), scale.at(line.metered_kw * _KW)
            marks += f"M{x - 4:.1f} {y - 12:.1f}h8l-4 8z"
    return tag("path", tag("title", "target missed"), d=marks, class_="over") if marks else None


def _labels(frame: Frame, panel: Panel, scale: Linear, load: Floats, baseline: Floats, limit: float | None) -> Markup:
    """The name of each line to the right of it."""
    wished = [("load", "load-label", _last(load)), ("baseline", "", _last(baseline))]
    wished.append(("limit", "limit-label", None if limit is None else limit * _KW))
    drawn = [(label, class_, scale.at(watts) + 4) for label, class_, watts in wished if watts is not None]
    places = apart([y for _, _, y in drawn], LINE, panel.top + LINE, panel.bottom + 4)
    x = frame.width - frame.right + 8
    return tag(
        "g", *(text(x, y, label, class_=f"label {c}".strip()) for (label, c, _), y in zip(drawn, places, strict=True))
    )


def _last(watts: Floats) -> float | None:
    known = watts[np.isfinite(watts)]
    return float(known[-1]) if len(known) else None


def _description(statement: EventStatement) -> str:
    worst = statement.worst
    if worst is None or worst.metered_kw is None:
        return "No interval of the event could be judged."
    told = f"In its worst interval the site drew {amounts.power(worst.metered_kw * _KW)}"
    if worst.limit_kw is not None:
        told += f" under a limit of {amounts.power(worst.limit_kw * _KW)}"
    return f"{told}."


def _readout(statement: EventStatement, zone: tzinfo, seconds: int) -> dict[str, object]:
    curve = statement.curve
    edges = np.array([*(point.start for point in curve), curve[-1].start + seconds], dtype=float)
    places = (edges - edges[0]) / (edges[-1] - edges[0])
    heads = [f"{amounts.weekday(point.start, zone)} {amounts.clock(point.start, zone)}" for point in curve]
    told = (("load", [p.metered_kw for p in curve]), ("baseline", [p.baseline_kw for p in curve]))
    rows = [[name, [words.power(kw) for kw in values]] for name, values in told]
    return {"edges": np.round(places, 5).tolist(), "heads": heads, "rows": rows}


def _sample(class_: str) -> Markup:
    drawing = tag("path", d="M0 7H28", class_=class_)
    return tag("svg", drawing, width=28, height=14, viewBox="0 0 28 14", aria_hidden="true")
