"""Profit as the run went on: the policies themselves, and how far each was ahead of the best static split."""

from dataclasses import dataclass

import numpy as np

from wattswitch.pages import amounts
from wattswitch.pages.frame import FONT, LINE, Frame, Panel, apart, axis_height, plot, time_axis, value_axis
from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.scale import Floats, Linear, nice_above
from wattswitch.pages.svg import line_path, text
from wattswitch.simulate.report import wording
from wattswitch.simulate.report.columns import gather
from wattswitch.simulate.report.data import ReportData, Role

NAMES = {
    Role.WATTSWITCH: wording.policy("wattswitch"),
    Role.BEST_STATIC: wording.policy("static"),
    Role.FORESIGHT: wording.policy("foresight"),
}
STYLES = {Role.WATTSWITCH: "ours", Role.BEST_STATIC: "static", Role.FORESIGHT: "oracle"}
_ROOM_BELOW = 4.0
_NAMES_WIDTH = 176.0


@dataclass(frozen=True, slots=True, eq=False)
class MoneyView:
    """Profits at `edges` (C + 1,) of the columns, by role; `ahead` is the same less the best static split's, if any."""

    edges: Floats
    profits: tuple[tuple[Role, Floats], ...]
    ahead: tuple[tuple[Role, Floats], ...]


def money_view(data: ReportData) -> MoneyView | None:
    """The three policies that have a profit over time; None where Wattswitch has none."""
    columns = gather(data.times, data.step_seconds, data.zone)
    profits: dict[Role, Floats] = {}
    for role in NAMES:
        policy = data.policy(role)
        if policy is not None and policy.cumulative_profit is not None:
            profits[role] = np.append(0.0, columns.last(policy.cumulative_profit))
    if Role.WATTSWITCH not in profits:
        return None
    base = profits.get(Role.BEST_STATIC)
    ahead = () if base is None else tuple((role, values - base) for role, values in profits.items())
    return MoneyView(columns.edges, tuple(profits.items()), ahead)


def money_plot(name: str, view: MoneyView, data: ReportData, width: int) -> Markup:
    """The drawing at one width."""
    frame = Frame(
        width, float(view.edges[0]), float(view.edges[-1]), data.zone, right=12.0 if width < 500 else _NAMES_WIDTH
    )
    panels = [Panel(26, 170 if frame.narrow else 220)]
    unit = amounts.sign(data.currency).strip(amounts.NBSP)
    parts = [_panel(frame, panels[0], view.edges, view.profits, f"Profit so far, {unit}", data.currency)]
    if view.ahead:
        panels.append(Panel(panels[0].bottom + 48, panels[0].bottom + (190 if frame.narrow else 230)))
        title = f"Ahead of the best static split, {unit}"
        parts.append(_panel(frame, panels[1], view.edges, view.ahead, title, data.currency))
    return plot(
        name,
        frame,
        panels[-1].bottom + axis_height(),
        "Profit as the period went on",
        _description(view, data),
        time_axis(frame, panels),
        *parts,
        tag("path", class_="cursor", d="", data_top=panels[0].top, data_bottom=panels[-1].bottom),
    )


def readout(view: MoneyView, data: ReportData) -> dict[str, object]:
    """The profit at the end of each column, as words, for the reading under the pointer."""
    places = (view.edges - view.edges[0]) / (view.edges[-1] - view.edges[0])
    heads = [f"by {amounts.weekday(at, data.zone)} {amounts.clock(at, data.zone)}" for at in view.edges[1:].tolist()]
    rows = [
        [NAMES[role], [amounts.money(value, data.currency) for value in values[1:].tolist()]]
        for role, values in view.profits
    ]
    return {"edges": np.round(places, 5).tolist(), "heads": heads, "rows": rows}


def _panel(
    frame: Frame, panel: Panel, edges: Floats, lines: tuple[tuple[Role, Floats], ...], title: str, currency: str
) -> Markup:
    known = np.concatenate([values[np.isfinite(values)] for _, values in lines] + [np.zeros(1)])
    low, high = float(np.min(known)), float(np.max(known))
    room = (high - low) * 0.05 or nice_above(1.0)
    scale = Linear(low - room if low < 0 else 0.0, high + room, panel.bottom, panel.top)
    x = frame.x(edges)
    parts = [value_axis(frame, panel, scale, title, lambda tick: amounts.short_money(tick, currency))]
    for role, values in reversed(lines):
        parts.append(tag("path", tag("title", NAMES[role]), d=line_path(x, scale(values)), class_=STYLES[role]))
    if not frame.narrow:
        parts.append(_end_labels(frame, panel, scale, lines))
    return tag("g", *parts)


def _end_labels(frame: Frame, panel: Panel, scale: Linear, lines: tuple[tuple[Role, Floats], ...]) -> Markup:
    """The name of each line to the right of its end."""
    ends = [scale.at(float(values[-1])) + _ROOM_BELOW for _, values in lines]
    places = apart(ends, LINE, panel.top + FONT, panel.bottom + _ROOM_BELOW)
    left = frame.width - frame.right + 6
    return tag(
        "g",
        *(
            text(left, y, NAMES[role], class_=f"label {STYLES[role]}-label")
            for (role, _), y in zip(lines, places, strict=True)
        ),
    )


def _description(view: MoneyView, data: ReportData) -> str:
    ends = (f"{NAMES[role]} {amounts.money(float(values[-1]), data.currency)}" for role, values in view.profits)
    return f"Profit at the end: {', '.join(ends)}."
