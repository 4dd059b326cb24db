"""How much of each workload was off, and why: bars with a fill for each reason, and the same in words."""

from wattswitch.pages import amounts, reasons
from wattswitch.pages.markup import Markup, tag
from wattswitch.simulate.report import bars, story
from wattswitch.simulate.report.data import ReportData, WorkloadReport
from wattswitch.simulate.report.layers import MINING, pattern, swatch

MOST_BARS = 40
"""Workloads with a bar of their own; the rest are counted in a line."""

_MOST_REASONS = 7
_WORTH_TELLING = 0.0005
_ON = "fill-on"
_HUES = {
    "PriceAboveStrike": "price",
    "DemandMet": "demand",
    "PowerLimit": "limit",
    "GPULimit": "limit",
    "FloorUnmet": "limit",
    "SwitchCost": "switch",
    "MinRun": "switch",
    "MinOff": "switch",
    "RampUp": "switch",
    "RampDown": "switch",
    "WaitingForWatts": "switch",
    "Settling": "switch",
    "Starting": "switch",
}


def section(data: ReportData) -> Markup | None:
    """The section of the page; None where there is no workload."""
    if not data.workloads:
        return None
    named = _named(data)
    shown = sorted(data.workloads, key=lambda w: (w.kind == MINING, -w.full_watts, w.name))[:MOST_BARS]
    rest = len(data.workloads) - len(shown)
    key = [tag("li", swatch(_ON), "on")]
    key += [tag("li", swatch(_fill(index)), reasons.in_words(reason)) for index, reason in enumerate(named)]
    if len(story.off_reasons(data)) > len(named):
        key.append(tag("li", swatch(_fill(_MOST_REASONS)), "other reasons"))
    return tag(
        "section",
        tag("h2", "Why things were off"),
        tag("p", "Share of each workload's full power over the period.", class_="muted"),
        tag("ul", *key, class_="key"),
        tag("ul", *(_bar(workload, named) for workload in shown), class_="offs"),
        tag("p", f"{rest} smaller workloads are not shown.", class_="muted") if rest else None,
    )


def fills(data: ReportData) -> list[Markup]:
    """The patterns that the bars use, no two alike."""
    found = [
        pattern(_fill(index), f"hue-off-{_HUES.get(reason, 'other')}", index + 1)
        for index, reason in enumerate(_named(data))
    ]
    return [pattern(_ON, "hue-on", 0), *found, pattern(_fill(_MOST_REASONS), "hue-rest", _MOST_REASONS + 1)]


def _bar(workload: WorkloadReport, named: tuple[str, ...]) -> Markup:
    on = story.on_share(workload)
    parts = [(_ON, on)]
    parts += [(_fill(index), workload.off_shares.get(reason, 0.0)) for index, reason in enumerate(named)]
    others = sum(share for reason, share in workload.off_shares.items() if reason not in named)
    parts.append((_fill(_MOST_REASONS), others))
    ranked = sorted(workload.off_shares.items(), key=lambda item: (-item[1], item[0]))
    told = [item for item in ranked if item[1] >= _WORTH_TELLING] or ranked[:1]
    words = [f"{reasons.in_words(reason)} {amounts.percent(share)}" for reason, share in told if share > 0]
    return tag(
        "li",
        tag("div", tag("span", workload.name), tag("span", f"on {amounts.percent(on)}"), class_="name"),
        bars.share_bar(parts),
        tag("p", f"Off: {', '.join(words)}." if words else "Never off.", class_="why"),
    )


def _named(data: ReportData) -> tuple[str, ...]:
    return story.off_reasons(data)[:_MOST_REASONS]


def _fill(index: int) -> str:
    return f"off-{index}"
