"""The plot that tells the run: the price above, the watts of every workload under the limit below."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wattswitch.pages import amounts
from wattswitch.pages.frame import FONT, LINE, Frame, Panel, apart, axis_height, plot, time_axis, value_axis
from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.scale import Bent, Floats, Linear, Scale, price_scale
from wattswitch.pages.svg import band_path, steps_path, text, text_width
from wattswitch.simulate.report.columns import Columns, Spread, gather
from wattswitch.simulate.report.data import ReportData
from wattswitch.simulate.report.layers import Layer, total_watts

_MOST_STRIKES = 5
_LABEL_HEIGHT = 18.0
_EDGED_COLUMN = 2.5
"""Columns narrower than this many pixels get no edges: they would hide what is between them."""

_ROUNDING_WATTS = 1.0
_STRIKE_MARGIN = 150.0
_LONGEST_STRIKE = 19


@dataclass(frozen=True, slots=True, eq=False)
class PowerView:
    """A stretch of the run, gathered into columns.

    `prices` are those of every step. `watts` (L, C) are the means of the layers, `over` (C,) tells whether any step of
    the column was above its limit.
    `strikes` are what a MWh earns, by name, where that was about constant.
    """

    columns: Columns
    prices: Floats
    price: Spread
    limit: Spread
    total: Spread
    layers: tuple[Layer, ...]
    watts: Floats
    over: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    foresight: Floats | None
    strikes: tuple[tuple[str, float], ...]


def power_view(data: ReportData, layers: tuple[Layer, ...], start: float, end: float, *, closely: bool) -> PowerView:
    """The steps that start within [start, end); `closely` adds what only few steps have room for."""
    inside = np.flatnonzero((data.times >= start) & (data.times < end))
    part = slice(int(inside[0]), int(inside[-1]) + 1)
    columns = gather(data.times[part], data.step_seconds, data.zone)
    total = total_watts(layers, len(data.times))
    over = np.add.reduceat((total > data.limit_watts + _ROUNDING_WATTS)[part], columns.firsts, dtype=float) > 0
    foresight = (
        columns.spread(data.foresight_watts[part]).mean if closely and data.foresight_watts is not None else None
    )
    return PowerView(
        columns=columns,
        prices=data.price_per_mwh[part],
        price=columns.spread(data.price_per_mwh[part]),
        limit=columns.spread(data.limit_watts[part]),
        total=columns.spread(total[part]),
        layers=layers,
        watts=np.array([columns.spread(layer.watts[part]).mean for layer in layers]).reshape(len(layers), -1),
        over=over,
        foresight=foresight,
        strikes=_strikes(data, part) if closely else (),
    )


def power_plot(name: str, view: PowerView, data: ReportData, width: int, title: str) -> Markup:
    """The drawing at one width."""
    right = _STRIKE_MARGIN if view.strikes and width > 500 else 12.0
    frame = Frame(width, float(view.columns.edges[0]), float(view.columns.edges[-1]), data.zone, right=right)
    upper = Panel(26, 150 if frame.narrow else 190)
    lower = Panel(upper.bottom + 48, upper.bottom + (270 if frame.narrow else 340))
    x = frame.x(view.columns.edges)
    return plot(
        name,
        frame,
        lower.bottom + axis_height(),
        title,
        _description(view, data),
        time_axis(frame, (upper, lower)),
        _price_panel(frame, upper, view, data, x),
        _watts_panel(frame, lower, view, x),
        tag("path", class_="cursor", d="", data_top=upper.top, data_bottom=lower.bottom),
    )


def readout(view: PowerView, data: ReportData) -> dict[str, object]:
    """What stands in each column, as words, for the reading under the pointer."""
    edges = view.columns.edges
    long = view.columns.seconds >= 86_400
    stamps = [
        amounts.weekday(at, data.zone) + ("" if long else f" {amounts.clock(at, data.zone)}")
        for at in edges[:-1].tolist()
    ]
    rows: list[list[object]] = [["price", _range(view.price, data.currency)]]
    unit = amounts.power_unit(float(np.nanmax(view.total.high, initial=0.0)))
    powers = [("limit", view.limit.low), ("all together", view.total.mean)]
    powers += reversed([(layer.name, watts) for layer, watts in zip(view.layers, view.watts, strict=True)])
    rows += [[name, [amounts.power(value, unit) for value in watts.tolist()]] for name, watts in powers]
    places = (edges - edges[0]) / (edges[-1] - edges[0])
    return {"edges": np.round(places, 5).tolist(), "heads": stamps, "rows": rows}


def _range(price: Spread, currency: str) -> list[str]:
    texts = []
    for low, mean, high in zip(price.low.tolist(), price.mean.tolist(), price.high.tolist(), strict=True):
        span = f" ({amounts.number(low)} to {amounts.number(high)})" if high - low >= 0.5 else ""
        texts.append(amounts.price(mean, currency) + span)
    return texts


def _strikes(data: ReportData, part: slice) -> tuple[tuple[str, float], ...]:
    """What a MWh earned at each workload, where that moved by less than a tenth."""
    found = []
    for workload in data.workloads:
        worth = workload.worth_per_mwh
        if worth is None or not np.isfinite(worth[part]).any():
            continue
        low, high = float(np.nanmin(worth[part])), float(np.nanmax(worth[part]))
        if high - low <= 0.1 * abs(high):
            found.append((workload.name, float(np.nanmean(worth[part])), workload.full_watts))
    found.sort(key=lambda strike: -strike[2])
    return tuple(sorted(((name, value) for name, value, _ in found[:_MOST_STRIKES]), key=lambda strike: strike[1]))


def _description(view: PowerView, data: ReportData) -> str:
    known = np.isfinite(view.price.mean)
    prices = (
        f"The price ran from {amounts.price(float(np.nanmin(view.price.low)), data.currency)} "
        f"to {amounts.price(float(np.nanmax(view.price.high)), data.currency)}. "
        if known.any()
        else "No price is known. "
    )
    draw = f"The draw was {amounts.power(float(np.mean(view.total.mean)))} on average"
    most = f"and {amounts.power(float(np.max(view.total.high)))} at most"
    return f"{prices}{draw} {most}; the lowest limit was {amounts.power(float(np.nanmin(view.limit.low)))}."


def _price_panel(frame: Frame, panel: Panel, view: PowerView, data: ReportData, x: Floats) -> Markup:
    scale = price_scale(view.prices, panel.bottom, panel.top)
    unit = amounts.per_mwh(data.currency)
    title = f"Price, {unit}" + (
        f" (drawn closer beyond {amounts.number(scale.knee)})" if isinstance(scale, Bent) else ""
    )
    band = None
    if not view.columns.exact:
        band = tag("path", d=band_path(x, scale(view.price.low), scale(view.price.high)), class_="price-band")
    return tag(
        "g",
        value_axis(frame, panel, scale, title, amounts.number, 20),
        band,
        tag("path", d=steps_path(x, scale(view.price.mean)), class_="price-line"),
        _strike_lines(frame, panel, scale, view),
        _extremes(frame, panel, scale, view, data.currency) if isinstance(scale, Bent) else None,
    )


def _extremes(frame: Frame, panel: Panel, scale: Bent, view: PowerView, currency: str) -> Markup:
    """The highest price beside its peak, and the lowest one where it is far below zero."""
    parts = [_extreme(frame, view, view.price.high, np.nanargmax, panel.top + 9, currency)]
    if scale.low < -scale.knee:
        parts.append(_extreme(frame, view, view.price.low, np.nanargmin, panel.bottom - 2, currency))
    return tag("g", *parts)


def _extreme(
    frame: Frame, view: PowerView, prices: Floats, pick: Callable[[Floats], np.intp], y: float, currency: str
) -> Markup:
    column = int(pick(prices))
    edges = view.columns.edges
    label = amounts.price(float(prices[column]), currency)
    left, right = frame.x.at(float(edges[column])) - 4, frame.x.at(float(edges[column + 1])) + 4
    fits = right + text_width(label, FONT) <= frame.width - frame.right
    return text(right if fits else left, y, label, class_="on", anchor=None if fits else "end")


def _strike_lines(frame: Frame, panel: Panel, scale: Scale, view: PowerView) -> Markup:
    """A dashed line where each workload stops paying, and its name to the right where there is room for it."""
    strikes = [(name, scale.at(value)) for name, value in view.strikes if scale.low <= value <= scale.high]
    end = frame.width - frame.right
    parts = [tag("path", d=f"M{frame.left:.0f} {y:.1f}H{end:.0f}", class_="strike") for _, y in strikes]
    if not frame.narrow:
        places = apart([y + 4 for _, y in strikes], LINE, panel.top + LINE, panel.bottom + 4)
        parts += [text(end + 6, y, _short(name)) for (name, _), y in zip(strikes, places, strict=True)]
    return tag("g", *parts)


def _short(name: str) -> str:
    """A name that fits beside the plot: without its namespace, and cut where it is still too long."""
    name = without_namespace(name)
    half = _LONGEST_STRIKE // 2
    return name if len(name) <= _LONGEST_STRIKE else f"{name[:half]}…{name[-half:]}"


def without_namespace(name: str) -> str:
    """A workload's name alone."""
    return name.rpartition("/")[2]


def _watts_panel(frame: Frame, panel: Panel, view: PowerView, x: Floats) -> Markup:
    drawn = float(np.max(view.total.high, initial=0.0))
    lowest = float(np.nanmin(view.limit.low)) if np.isfinite(view.limit.low).any() else np.inf
    shown = lowest <= 2 * drawn or drawn == 0
    most = max(drawn, float(np.nanmax(view.limit.high)) if shown and np.isfinite(lowest) else 0.0, 1.0)
    unit, unit_name = amounts.power_unit(most)
    scale = Linear(0.0, 1.14 * most, panel.bottom, panel.top)
    title = f"Power at the meter, {unit_name}" + ("" if shown else f" (limit {amounts.power(lowest)}, above the plot)")
    places = 1 if 1.14 * most / unit < 6 else 0
    return tag(
        "g",
        value_axis(frame, panel, scale, title, lambda tick: amounts.number(tick / unit, places)),
        _areas(frame, scale, view, x),
        _envelope(frame, scale, view, x),
        _limit_line(frame, scale, view, x) if shown else None,
        _over_marks(scale, view, x),
    )


def _areas(frame: Frame, scale: Linear, view: PowerView, x: Floats) -> Markup:
    """The stacked means, and the name of a layer where it is thick enough to hold it."""
    tops = np.cumsum(np.vstack((np.zeros(len(x) - 1), view.watts)), axis=0)
    y = scale(tops)
    areas: list[Markup] = []
    names: list[Markup] = []
    style = "layer" if (x[-1] - x[0]) / (len(x) - 1) >= _EDGED_COLUMN else None
    for index, layer in enumerate(view.layers):
        d = band_path(x, y[index], y[index + 1])
        areas.append(tag("path", tag("title", layer.name), d=d, class_=style, fill=f"url(#{layer.fill})"))
        if place := _room(x, y[index], y[index + 1], text_width(layer.name, FONT)):
            names.append(text(place[0], place[1] + 4, layer.name, class_="on", anchor="middle"))
    return tag("g", *areas, *names)


def _room(x: Floats, low: Floats, high: Floats, width: float) -> tuple[float, float] | None:
    """The middle of the thickest place of a band that holds a text of that width; `low` is the lower edge's pixel."""
    count = int(np.ceil((width + 8) / ((x[-1] - x[0]) / len(low))))
    if count > len(low):
        return None
    windows = np.lib.stride_tricks.sliding_window_view
    floor, ceiling = windows(low, count).min(axis=1), windows(high, count).max(axis=1)
    best = int(np.argmax(floor - ceiling))
    if floor[best] - ceiling[best] < _LABEL_HEIGHT:
        return None
    return float(x[best] + x[best + count]) / 2, float(floor[best] + ceiling[best]) / 2


def _envelope(frame: Frame, scale: Linear, view: PowerView, x: Floats) -> Markup | None:
    """The highest draw in each column, where a column hides steps, and what foresight would have drawn."""
    parts: list[Markup] = []
    if not view.columns.exact:
        parts.append(tag("path", d=steps_path(x, scale(view.total.high)), class_="highest"))
    if view.foresight is not None:
        parts.append(tag("path", d=steps_path(x, scale(view.foresight)), class_="foresight"))
    return tag("g", *parts) if parts else None


def _limit_line(frame: Frame, scale: Linear, view: PowerView, x: Floats) -> Markup:
    """The lowest limit in each column, named above its first stretch."""
    low, high = float(np.nanmin(view.limit.low)), float(np.nanmax(view.limit.high))
    label = f"limit {amounts.power(low)}" if low == high else "limit"
    first = view.limit.low[: max(1, len(view.limit.low) // 8)]
    y = scale.at(float(np.nanmax(first)) if np.isfinite(first).any() else high)
    return tag(
        "g",
        tag("path", d=steps_path(x, scale(view.limit.low)), class_="limit"),
        text(frame.left + 6, y - 6, label, class_="on strong"),
    )


def _over_marks(scale: Linear, view: PowerView, x: Floats) -> Markup | None:
    """A mark above every column in which the draw passed the limit."""
    columns = np.flatnonzero(view.over)
    if not len(columns):
        return None
    tops = scale(view.total.high)
    marks = "".join(f"M{(x[c] + x[c + 1]) / 2 - 4:.1f} {tops[c] - 12:.1f}h8l-4 8z" for c in columns.tolist())
    return tag("path", tag("title", "over the limit"), d=marks, class_="over")
