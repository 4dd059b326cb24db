"""Wattswitch beside the baselines, and what perfect foresight had over it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wattswitch.pages import amounts
from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.tables import row, scroll, table
from wattswitch.simulate.report import bars, story, wording
from wattswitch.simulate.report.data import PolicyReport, ReportData, Role

_BARS = {Role.WATTSWITCH: "bar-ours", Role.FORESIGHT: "bar-oracle"}


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A profit and whose it is; `policy` is None for perfect foresight, of which nothing but its profit is known."""

    name: str
    profit: float
    policy: PolicyReport | None

    @property
    def emphasis(self) -> str | None:
        return "ours-row" if self.policy is not None and self.policy.role is Role.WATTSWITCH else None

    @property
    def bar(self) -> str:
        return _BARS.get(Role.FORESIGHT if self.policy is None else self.policy.role, "bar-static")


def policies(data: ReportData) -> Markup | None:
    """Profit of every policy as bars, and everything else about them as a table."""
    if not data.policies:
        return None
    ranked = sorted(_ranked(data), key=lambda each: -each.profit)
    return tag(
        "section",
        tag("h2", "Beside the baselines"),
        tag("p", story.ranking(data)),
        _profits(ranked, data),
        tag("h3", "In full"),
        tag("p", f"Start cost: {wording.START_COST_RULE}. Profit is revenue less energy cost and start cost."),
        scroll(_in_full(ranked, data), "all policies in full"),
        _rules(data),
    )


def losses(data: ReportData) -> Markup | None:
    """What perfect foresight had that Wattswitch had not, by cause."""
    most = data.foresight_profit
    if most is None or not data.losses:
        return None
    low = min(0.0, *(loss.money for loss in data.losses))
    high = max(0.0, *(loss.money for loss in data.losses))
    cents = amounts.cents([loss.money for loss in data.losses])
    rows = []
    for loss in sorted(data.losses, key=lambda loss: -loss.money):
        bar = bars.value_bar(loss.money, low, high, "bar-loss" if loss.money >= 0 else "bar-gain")
        share = amounts.percent(loss.money / most, digits=2) if most > 0 else amounts.NONE
        rows.append(row([loss.cause, bar], (amounts.money(loss.money, data.currency, cents), share)))
    total = amounts.money(sum(loss.money for loss in data.losses), data.currency)
    return tag(
        "section",
        tag("h2", f"What {wording.FORESIGHT} would have added"),
        tag("p", f"{total} in all, which is its profit less that of Wattswitch. Below zero means that it helped."),
        table(
            f"Profit that was out of reach, by cause, and its share of what {wording.FORESIGHT} earned.",
            ("cause", f"lost, {_unit(data)}", "of foresight"),
            rows,
            class_="barred",
        ),
    )


def _ranked(data: ReportData) -> Iterator[_Ranked]:
    if data.foresight_profit is not None:
        yield _Ranked(wording.FORESIGHT, data.foresight_profit, None)
    for policy in data.policies:
        yield _Ranked(wording.policy(policy.name), policy.profit, policy)


def _profits(ranked: Sequence[_Ranked], data: ReportData) -> Markup:
    low, high = min(0.0, *(each.profit for each in ranked)), max(0.0, *(each.profit for each in ranked))
    cents = amounts.cents([each.profit for each in ranked])
    about = "Profit of each policy on the same site, prices and demand."
    if data.captured is not None:
        about += f" Captured is {wording.CAPTURED_RULE}."
    rows = []
    for each in ranked:
        share = story.captured(each.profit, data)
        if data.captured is None:
            share = story.share_of_foresight(each.profit, data)
        cells = (amounts.money(each.profit, data.currency, cents), _percent(share))
        bar = bars.value_bar(each.profit, low, high, each.bar)
        rows.append(row([each.name, bar], cells, class_=each.emphasis))
    shares = "of foresight" if data.captured is None else "captured"
    return table(about, ("policy", f"profit, {_unit(data)}", shares), rows, class_="barred")


def _in_full(ranked: Sequence[_Ranked], data: ReportData) -> Markup:
    found = [each.policy for each in ranked if each.policy is not None]
    cents = amounts.cents([each.profit for each in ranked])
    unit, unit_name = amounts.energy_unit(max(policy.energy_mwh for policy in found))
    energy = iter(amounts.column([policy.energy_mwh for policy in found], unit))
    rows = []
    for each in ranked:
        profit = amounts.money(each.profit, data.currency, cents)
        policy, share = each.policy, _percent(story.share_of_foresight(each.profit, data))
        if policy is None:
            none = amounts.NONE
            cells = [none, none, none, profit, share, none, none, none, none]
        else:
            parts = (policy.revenue, policy.energy_cost, policy.start_cost)
            cells = [amounts.money(amount, data.currency, cents) for amount in parts]
            cells += [profit, share, next(energy), amounts.number(policy.switches)]
            cells += [story.seconds(policy.violation_seconds), amounts.number(policy.floor_misses)]
        rows.append(row(each.name, cells, class_=each.emphasis))
    return table(
        f"Energy at the meter, money in {data.currency}.",
        (
            "policy",
            "revenue",
            "energy cost",
            "start cost",
            "profit",
            "of foresight",
            f"energy, {unit_name}",
            "switches, pods",
            "over the limit",
            "floors missed, pod steps",
        ),
        rows,
    )


def _rules(data: ReportData) -> Markup | None:
    """What each policy does, with the name that --policy takes."""
    known_first = sorted(data.policies, key=lambda policy: policy.role is not Role.FORESIGHT)
    told = [(policy.name, text) for policy in known_first if (text := wording.rule(policy.name))]
    if not told:
        return None
    rules = [(wording.policy(name), f"{text} (--policy {name})") for name, text in told]
    if data.foresight_profit is not None:
        rules.insert(0, (wording.FORESIGHT, wording.FORESIGHT_RULE))
    facts = [tag(name, text) for label, value in rules for name, text in (("dt", label), ("dd", value))]
    return tag("details", tag("summary", "What each of them does"), tag("dl", *facts, class_="facts"))


def _percent(share: float | None) -> str:
    return amounts.NONE if share is None else amounts.percent(share)


def _unit(data: ReportData) -> str:
    return amounts.sign(data.currency).strip(amounts.NBSP)
