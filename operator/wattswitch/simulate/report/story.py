"""What the page says in sentences: the headline, the tiles, why things were off, what to do next."""

from collections.abc import Iterable
from dataclasses import dataclass

from wattswitch.pages import amounts
from wattswitch.simulate.report import wording
from wattswitch.simulate.report.data import NextStep, ReportData, Role, WorkloadReport

_WORTH_TELLING = 0.002
"""A part of perfect foresight's profit, or of full power, below which nothing is suggested."""

_ADVICE = {
    "switch cost and dwell": (
        "Starts, stops and minimum times cost the most. Measure startSeconds, drainSeconds and costPerStart, and see "
        "whether minRunSeconds and minOffSeconds can be shorter."
    ),
    "demand error": (
        "Demand turned out other than expected. A signal that leads, such as the queue length rather than the load, "
        "would help most."
    ),
    "integer pods": "Whole replicas leave watts unused. Smaller replicas would fill the limit better.",
    "priority before money": (
        "Priorities went before money, as they were told to. Where floors are enough to keep a promise, equal "
        "priorities let the watts go to what earns most."
    ),
    "ramp": "The ramp limits cost the most. Ask whether rampUpWattsPerMinute and rampDownWattsPerMinute can be higher.",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the header, what it is, and a few words on it."""

    label: str
    value: str
    about: str = ""


def headline(data: ReportData) -> tuple[str, str]:
    """What was earned, and whether the limit held, one sentence each."""
    ours = data.policy(Role.WATTSWITCH)
    if ours is None or not len(data.times):
        return "Nothing was simulated.", ""
    earned = f"{'Earned' if ours.profit >= 0 else 'Lost'} {amounts.money(abs(ours.profit), data.currency)}"
    parts = [f"{earned} in {amounts.duration(data.end - float(data.times[0]))}"]
    share = share_of_foresight(ours.profit, data)
    if share is not None and share >= 0:
        parts.append(f"{amounts.percent(share)} of what {wording.FORESIGHT} would have earned")
    static = data.policy(Role.BEST_STATIC)
    if static is not None:
        parts.append(_against(ours.profit - static.profit, data.currency))
    return f"{', '.join(parts)}.", _held(ours.violation_seconds)


def share_of_foresight(profit: float, data: ReportData) -> float | None:
    """A profit as a share of perfect foresight's; None where that earned nothing."""
    most = data.foresight_profit
    return profit / most if most is not None and most > 0 else None


def captured(profit: float, data: ReportData) -> float | None:
    """A profit between that of the best static split and perfect foresight's; None where nothing is to be captured."""
    static, most = data.policy(Role.BEST_STATIC), data.foresight_profit
    if data.captured is None or static is None or most is None or most <= static.profit:
        return None
    return (profit - static.profit) / (most - static.profit)


def tiles(data: ReportData) -> tuple[Tile, ...]:
    """The numbers of the header."""
    ours = data.policy(Role.WATTSWITCH)
    if ours is None:
        return ()
    found = [Tile("Profit", amounts.money(ours.profit, data.currency), "revenue less energy cost and start cost")]
    share = share_of_foresight(ours.profit, data)
    if share is not None:
        most = amounts.money(data.foresight_profit or 0.0, data.currency)
        found.append(Tile(f"Of {wording.FORESIGHT}", amounts.percent(share), f"of {most}, the most there was to earn"))
    if data.captured is not None:
        about = f"of what switching can add to the {wording.policy('static')}"
        found.append(Tile("Captured switching value", amounts.percent(data.captured), about))
    elif data.verdict:
        verdict, _, why = data.verdict.partition(": ")
        found.append(Tile("Captured switching value", verdict, why))
    found.append(
        Tile("Energy", amounts.energy(ours.energy_mwh), f"for {amounts.money(ours.energy_cost, data.currency)}")
    )
    found.append(Tile("Over the limit", seconds(ours.violation_seconds), _good(ours.violation_seconds == 0)))
    found.append(Tile("Floors missed", amounts.number(ours.floor_misses), _good(ours.floor_misses == 0)))
    return tuple(found)


def seconds(value: float) -> str:
    """Seconds over the limit: exact while few, then in a larger unit."""
    return f"{amounts.number(value)}{amounts.NBSP}s" if value < 3600 else amounts.duration(value)


def off_reasons(data: ReportData) -> tuple[str, ...]:
    """The reasons why things were off, the one that kept most watts off first."""
    watts: dict[str, float] = {}
    for workload in data.workloads:
        for reason, share in workload.off_shares.items():
            watts[reason] = watts.get(reason, 0.0) + share * workload.full_watts
    return tuple(sorted((r for r in watts if watts[r] > 0), key=lambda reason: (-watts[reason], reason)))


def on_share(workload: WorkloadReport) -> float:
    """The share of its full size that a workload was on."""
    return min(1.0, max(0.0, 1.0 - sum(workload.off_shares.values())))


def ranking(data: ReportData) -> str:
    """Where Wattswitch came among the policies that do not know the future, in a sentence."""
    ours = data.policy(Role.WATTSWITCH)
    others = [p for p in data.policies if p.role not in {Role.WATTSWITCH, Role.FORESIGHT}]
    if ours is None or not others:
        return ""
    leads = {policy.name: ours.profit - policy.profit for policy in others}
    level = _listed(wording.policy(name) for name, lead in leads.items() if abs(lead) < amounts.SAME_MONEY)
    ahead = sum(lead <= -amounts.SAME_MONEY for lead in leads.values())
    first = min(leads, key=lambda name: leads[name])
    name, lead = wording.policy(first), amounts.money(abs(leads[first]), data.currency)
    if ahead:
        also = f"; {level} earned just as much as Wattswitch" if level else ""
        baselines = "1 baseline" if len(others) == 1 else f"{len(others)} baselines"
        return f"{ahead} of {baselines} earned more than Wattswitch; {name} was {lead} ahead{also}."
    if level:
        return f"Wattswitch earned the most, and {level} just as much."
    return f"Wattswitch earned the most; next came {name}, {lead} behind."


def basis(data: ReportData) -> str:
    """What the decisions knew of the prices ahead, in a sentence."""
    known = sorted(((share, word) for word, share in data.basis_shares.items() if share > 0), reverse=True)
    if not known:
        return ""
    parts = (f"{amounts.percent(share)} of the decisions on {wording.basis(word)}" for share, word in known)
    return f"Prices ahead: {', '.join(parts)}."


def next_steps(data: ReportData) -> tuple[NextStep, ...]:
    """What follows from the losses, and what the data suggests (else what reasons and feeds do); most money first."""
    steps = [*_from_losses(data), *(data.next_steps or _from_reasons(data))]
    if not steps:
        steps.append(NextStep("Nothing stands out: the rest is within what no setting here would change."))
    return tuple(sorted(steps, key=lambda step: -(step.money or 0.0)))


def _from_losses(data: ReportData) -> Iterable[NextStep]:
    if data.foresight_profit is None:
        return
    for loss in sorted(data.losses, key=lambda loss: -loss.money):
        if loss.money <= max(0.0, _WORTH_TELLING * abs(data.foresight_profit)):
            return
        if loss.cause == "price not known":
            yield NextStep(_on_unknown_prices(data), loss.money)
        elif loss.cause in _ADVICE:
            yield NextStep(_ADVICE[loss.cause], loss.money)


def _on_unknown_prices(data: ReportData) -> str:
    if data.basis_shares and data.basis_shares.get("Curve", 0.0) < 0.5:
        return "Prices came as a surprise. Give the price feed an outlook: the curve that the market publishes ahead."
    return (
        "Prices came as a surprise. Some of that nobody can know ahead; a later or longer published curve helps with "
        "the rest."
    )


def _from_reasons(data: ReportData) -> Iterable[NextStep]:
    full = sum(workload.full_watts for workload in data.workloads)
    if not full:
        return
    off = {
        reason: sum(w.off_shares.get(reason, 0.0) * w.full_watts for w in data.workloads) / full
        for reason in ("PowerLimit", "PriceStale", "WorthStale", "DemandStale", "MeterStale")
    }
    hours = (data.end - float(data.times[0])) / 3600 if len(data.times) else 0.0
    if off["PowerLimit"] >= 0.01:
        kept = amounts.energy(off["PowerLimit"] * full * hours / 1e6)
        yield NextStep(
            f"The site limit kept {kept} from workloads that wanted them. A higher cap or less reserve is worth a look."
        )
    late = sum(share for reason, share in off.items() if reason != "PowerLimit")
    if late >= _WORTH_TELLING:
        yield NextStep(
            f"Late feeds kept {amounts.percent(late)} of full power off. A second source for them would pay."
        )


def _against(difference: float, currency: str) -> str:
    static = f"the {wording.policy('static')}"
    if abs(difference) < amounts.SAME_MONEY:
        return f"just as much as {static}"
    return f"{amounts.money(abs(difference), currency)} {'more' if difference > 0 else 'less'} than {static}"


def _listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`; nothing for none."""
    *rest, last = [*names] or [""]
    return f"{', '.join(rest)} and {last}" if rest else last


def _held(violation_seconds: float) -> str:
    return f"{seconds(violation_seconds)} over the limit{'.' if violation_seconds == 0 else '!'}"


def _good(good: bool) -> str:  # noqa: FBT001
    return "✓ as it should be" if good else "✗ should be none"
