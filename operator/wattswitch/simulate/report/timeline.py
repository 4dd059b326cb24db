"""The sections over time: the whole period, the most eventful part of it in full, and the money."""

import numpy as np

from wattswitch.simulate.report import money, power, wording
from wattswitch.simulate.report.columns import gather
from wattswitch.simulate.report.data import ReportData
from wattswitch.simulate.report.excerpt import excerpt
from wattswitch.simulate.report.frame import each_size
from wattswitch.simulate.report.layers import Layer, swatch, total_watts
from wattswitch.simulate.report.markup import Markup, tag
from wattswitch.simulate.report.markup import data as json_data
from wattswitch.simulate.report.tables import row, scroll, table

_TABLE_ROWS = 31
_DAY = 86_400.0


def whole(data: ReportData, layers: tuple[Layer, ...]) -> Markup:
    """Price, limit and watts over the whole period."""
    view = power.power_view(data, layers, float(data.times[0]), data.end, closely=False)
    return _power_section("power", "Price, limit and watts", view, data, _columns_note(view))


def part(data: ReportData, layers: tuple[Layer, ...]) -> Markup | None:
    """The same over a day or a week with every step; None where the whole period is drawn so anyway."""
    chosen = excerpt(data)
    if chosen is None:
        return None
    view = power.power_view(data, layers, chosen.start, chosen.end, closely=True)
    first = wording.weekday(chosen.start, data.zone)
    last = wording.weekday(chosen.end - data.step_seconds, data.zone)
    stretch = first if first == last else f"{first} to {last}"
    name = "The day" if chosen.end - chosen.start < 1.5 * _DAY else "The week"
    note = f"{stretch}, every step of {wording.duration(data.step_seconds)}."
    return _power_section("excerpt", f"{name} {chosen.why}", view, data, note)


def earned(data: ReportData) -> Markup | None:
    """Profit as the period went on; None where no profit over time is known."""
    view = money.money_view(data)
    if view is None:
        return None
    pictures = each_size(lambda width: money.money_plot("money", view, data, width))
    key = [tag("li", _line(money.STYLES[role]), money.NAMES[role]) for role, _ in view.profits]
    note = "Revenue less energy and starts, added up."
    if view.ahead:
        note += " The lower plot shows the same less what the best fixed split earned."
    figure = _figure(note, pictures, money.readout(view, data), tag("ul", *key, class_="key phone"))
    return tag("section", tag("h2", "Money"), figure)


def _columns_note(view: power.PowerView) -> str:
    if view.columns.exact:
        return "Every step is drawn."
    width = "1 day" if view.columns.seconds == _DAY else wording.duration(view.columns.seconds)
    return (
        f"Each column is {width}: areas and the price line are means, the pale band runs from the lowest to the "
        "highest price, and the thin line on top is the highest draw of any step, so that no spike is averaged away."
    )


def _power_section(name: str, title: str, view: power.PowerView, data: ReportData, note: str) -> Markup:
    pictures = each_size(lambda width: power.power_plot(name, view, data, width, title))
    numbers = scroll(_power_table(view, data, title), f"{title}: the same as a table")
    return tag(
        "section",
        tag("h2", title),
        _figure(note, pictures, power.readout(view, data), _power_key(view, data.currency)),
        tag("details", tag("summary", "The same as a table"), numbers),
    )


def _figure(note: str, pictures: list[Markup], reading: dict[str, object], key: Markup) -> Markup:
    script = tag("script", json_data(reading), type="application/json")
    return tag("figure", tag("figcaption", note), *pictures, key, script, data_read="")


def _power_key(view: power.PowerView, currency: str) -> Markup:
    """Top of the stack first, then the lines."""
    items = [tag("li", swatch(layer.fill), layer.name) for layer in reversed(view.layers)]
    items.append(tag("li", _line("limit"), "limit"))
    if view.over.any():
        mark = tag("path", d="M8 2h12l-6 10z", class_="over")
        items.append(tag("li", _sample(mark), "draw over the limit"))
    if not view.columns.exact:
        items.append(tag("li", _line("highest"), "highest draw in the column"))
    if view.foresight is not None:
        items.append(tag("li", _line("foresight"), "what perfect foresight would have drawn"))
    if view.strikes:
        paying = ", ".join(
            f"{power.without_namespace(name)} {wording.number(value, 2)}" for name, value in view.strikes
        )
        items.append(tag("li", _line("strike"), f"price below which each pays, {wording.per_mwh(currency)}: {paying}"))
    return tag("ul", *items, class_="key")


def _line(class_: str) -> Markup:
    return _sample(tag("path", d="M0 7H28", class_=class_))


def _sample(drawing: Markup) -> Markup:
    return tag("svg", drawing, width=28, height=14, viewBox="0 0 28 14", aria_hidden="true")


def _power_table(view: power.PowerView, data: ReportData, title: str) -> Markup:
    edges = view.columns.edges
    inside = (data.times >= edges[0]) & (data.times < edges[-1])
    columns = gather(data.times[inside], data.step_seconds, data.zone, _TABLE_ROWS)
    price = columns.spread(data.price_per_mwh[inside])
    limit = columns.spread(data.limit_watts[inside])
    total = columns.spread(total_watts(view.layers, len(data.times))[inside])
    hours = np.diff(columns.edges) / 3600
    rows = []
    for i, at in enumerate(columns.edges[:-1].tolist()):
        prices = (wording.number(float(v[i]), 2) for v in (price.low, price.mean, price.high))
        watts = (wording.power(float(v)) for v in (total.mean[i], total.high[i], limit.low[i]))
        used = wording.energy(float(total.mean[i] * hours[i]) / 1e6)
        rows.append(row(f"{wording.weekday(at, data.zone)} {wording.clock(at, data.zone)}", (*prices, *watts, used)))
    unit = wording.per_mwh(data.currency)
    names = (
        f"from ({wording.zone_name(data.zone)})",
        f"lowest price, {unit}",
        f"mean price, {unit}",
        f"highest price, {unit}",
        "mean draw",
        "highest draw",
        "lowest limit",
        "energy",
    )
    return table(f"{title}: prices and power", names, rows)
