"""Wattswitch beside the baselines, and what perfect foresight had over it."""

from wattswitch.simulate.report import bars, story, wording
from wattswitch.simulate.report.data import PolicyReport, ReportData, Role
from wattswitch.simulate.report.markup import Markup, tag
from wattswitch.simulate.report.tables import row, scroll, table

_BARS = {Role.WATTSWITCH: "bar-ours", Role.FORESIGHT: "bar-oracle"}
_IN_FULL = (
    "policy",
    "energy",
    "energy cost",
    "revenue",
    "start cost",
    "profit",
    "switches, pods",
    "over the limit",
    "floors missed, pod steps",
)


def policies(data: ReportData) -> Markup | None:
    """Profit of every policy as bars, and everything else about them as a table."""
    if not data.policies:
        return None
    ranked = sorted(data.policies, key=lambda policy: -policy.profit)
    low = min(0.0, *(policy.profit for policy in ranked))
    high = max(0.0, *(policy.profit for policy in ranked))
    return tag(
        "section",
        tag("h2", "Beside the baselines"),
        tag("p", story.ranking(data)),
        table(
            "Profit of each policy on the same site, prices and demand. The best fixed split and perfect foresight "
            "know the whole period beforehand.",
            ("policy", f"profit, {_unit(data)}", "of foresight"),
            (_profit(policy, low, high, data) for policy in ranked),
            class_="barred",
        ),
        tag("h3", "In full"),
        scroll(
            table(
                f"Energy at the meter, money in {data.currency}.",
                _IN_FULL,
                (_in_full(policy, data) for policy in ranked),
            ),
            "all policies in full",
        ),
    )


def losses(data: ReportData) -> Markup | None:
    """What perfect foresight had that Wattswitch had not, by cause."""
    oracle = data.policy(Role.FORESIGHT)
    if oracle is None or not data.losses:
        return None
    low = min(0.0, *(loss.money for loss in data.losses))
    high = max(0.0, *(loss.money for loss in data.losses))
    rows = []
    for loss in sorted(data.losses, key=lambda loss: -loss.money):
        bar = bars.value_bar(loss.money, low, high, "bar-loss" if loss.money >= 0 else "bar-gain")
        share = wording.percent(loss.money / oracle.profit, digits=2) if oracle.profit > 0 else "–"
        rows.append(row([loss.cause, bar], (wording.money(loss.money, data.currency), share)))
    total = sum(loss.money for loss in data.losses)
    return tag(
        "section",
        tag("h2", "What perfect foresight would have added"),
        tag("p", f"{wording.money(total, data.currency)} in all. Below zero means that it helped."),
        table(
            "Profit that was out of reach, by cause, and its share of what perfect foresight earned.",
            ("cause", f"lost, {_unit(data)}", "of foresight"),
            rows,
            class_="barred",
        ),
    )


def _profit(policy: PolicyReport, low: float, high: float, data: ReportData) -> Markup:
    share = story.share_of_foresight(policy, data)
    bar = bars.value_bar(policy.profit, low, high, _BARS.get(policy.role, "bar-static"))
    cells = (wording.money(policy.profit, data.currency), "–" if share is None else wording.percent(share))
    return row([wording.policy(policy.name), bar], cells, class_=_emphasis(policy))


def _in_full(policy: PolicyReport, data: ReportData) -> Markup:
    amounts = (policy.energy_cost, policy.revenue, policy.start_cost, policy.profit)
    cells = (
        wording.energy(policy.energy_mwh),
        *(wording.money(amount, data.currency) for amount in amounts),
        wording.number(policy.switches),
        story.seconds(policy.violation_seconds),
        wording.number(policy.floor_misses),
    )
    return row(wording.policy(policy.name), cells, class_=_emphasis(policy))


def _emphasis(policy: PolicyReport) -> str | None:
    return "ours-row" if policy.role is Role.WATTSWITCH else None


def _unit(data: ReportData) -> str:
    return wording.sign(data.currency).strip(wording.NBSP)
