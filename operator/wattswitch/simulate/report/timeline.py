"""The sections over time: the whole period, the most eventful part of it in full, and the money."""

import numpy as np

from wattswitch.pages import amounts
from wattswitch.pages.frame import each_size
from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.markup import data as json_data
from wattswitch.pages.tables import row, scroll, table
from wattswitch.simulate.report import money, power
from wattswitch.simulate.report.columns import gather
from wattswitch.simulate.report.data import ReportData
from wattswitch.simulate.report.excerpt import excerpt
from wattswitch.simulate.report.layers import Layer, swatch, total_watts

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
    first = amounts.weekday(chosen.start, data.zone)
    last = amounts.weekday(chosen.end - data.step_seconds, data.zone)
    stretch = first if first == last else f"{first} to {last}"
    name = "The day" if chosen.end - chosen.start < 1.5 * _DAY else "The week"
    note = f"{stretch}, every step of {amounts.duration(data.step_seconds)}."
    return _power_section("excerpt", f"{name} {chosen.why}", view, data, note)


def earned(data: ReportData) -> Markup | None:
    """Profit as the period went on; None where no profit over time is known."""
    view = money.money_view(data)
    if view is None:
        return None
    pictures = each_size(lambda width: money.money_plot("money", view, data, width))
    key = [tag("li", _line(money.STYLES[role]), money.NAMES[role]) for role, _ in view.profits]
    note = "Revenue less energy cost and start cost, added up."
    if view.ahead:
        note += " The lower plot shows the same less what the best static split earned."
    figure = _figure(note, pictures, money.readout(view, data), tag("ul", *key, class_="key phone"))
    return tag("section", tag("h2", "Money"), figure)


def _columns_note(view: power.PowerView) -> str:
    if view.columns.exact:
        return "Every step is drawn."
    width = "1 day" if view.columns.seconds == _DAY else amounts.duration(view.columns.seconds)
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
        items.append(tag("li", _line("foresight"), "what foresight in whole pods would have drawn"))
    if view.strikes:
        paying = ", ".join(
            f"{power.without_namespace(name)} {amounts.number(value, 2)}" for name, value in view.strikes
        )
        items.append(tag("li", _line("strike"), f"price below which each pays, {amounts.per_mwh(currency)}: {paying}"))
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
    energy = total.mean * np.diff(columns.edges) / 3600 / 1e6
    watt, watt_name = amounts.power_unit(float(np.max(total.high)))
    hour, hour_name = amounts.energy_unit(float(np.max(energy)))
    prices = ([amounts.number(each, 2) for each in v.tolist()] for v in (price.low, price.mean, price.high))
    watts = (amounts.column(v.tolist(), watt) for v in (total.mean, total.high, limit.low))
    stamps = (f"{amounts.weekday(at, data.zone)} {amounts.clock(at, data.zone)}" for at in columns.edges[:-1].tolist())
    numbers = zip(*prices, *watts, amounts.column(energy.tolist(), hour), strict=True)
    rows = [row(stamp, cells) for stamp, cells in zip(stamps, numbers, strict=True)]
    unit = amounts.per_mwh(data.currency)
    names = (
        f"from ({amounts.zone_name(data.zone)})",
        f"lowest price, {unit}",
        f"mean price, {unit}",
        f"highest price, {unit}",
        f"mean draw, {watt_name}",
        f"highest draw, {watt_name}",
        f"lowest limit, {watt_name}",
        f"energy, {hour_name}",
    )
    return table(f"{title}: prices and power", names, rows)
