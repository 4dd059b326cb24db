"""What the page says in sentences: the headline, the tiles, why things were off, what to do next."""

from collections.abc import Iterable
from dataclasses import dataclass

from wattswitch.simulate.report import wording
from wattswitch.simulate.report.data import NextStep, PolicyReport, ReportData, Role, WorkloadReport

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
    earned = f"{'Earned' if ours.profit >= 0 else 'Lost'} {wording.money(abs(ours.profit), data.currency)}"
    parts = [f"{earned} in {wording.duration(data.end - float(data.times[0]))}"]
    share = share_of_foresight(ours, data)
    if share is not None and share >= 0:
        parts.append(f"{wording.percent(share)} of what perfect foresight would have earned")
    static = data.policy(Role.BEST_STATIC)
    if static is not None:
        parts.append(_against(ours.profit - static.profit, data.currency))
    return f"{', '.join(parts)}.", _held(ours.violation_seconds)


def share_of_foresight(policy: PolicyReport, data: ReportData) -> float | None:
    """A policy's profit as a share of perfect foresight's; None where that earned nothing."""
    oracle = data.policy(Role.FORESIGHT)
    return policy.profit / oracle.profit if oracle is not None and oracle.profit > 0 else None


def tiles(data: ReportData) -> tuple[Tile, ...]:
    """The numbers of the header."""
    ours = data.policy(Role.WATTSWITCH)
    if ours is None:
        return ()
    found = [Tile("Profit", wording.money(ours.profit, data.currency), "revenue less energy and starts")]
    share = share_of_foresight(ours, data)
    if share is not None:
        found.append(Tile("Of perfect foresight", wording.percent(share), "profit beside the most there was to earn"))
    if data.policy(Role.FORESIGHT) is not None and data.policy(Role.BEST_STATIC) is not None:
        captured = "nothing to capture" if data.captured is None else wording.percent(data.captured)
        found.append(Tile("Captured switching value", captured, "of what switching can add to the best fixed split"))
    found.append(
        Tile("Energy", wording.energy(ours.energy_mwh), f"for {wording.money(ours.energy_cost, data.currency)}")
    )
    found.append(Tile("Over the limit", seconds(ours.violation_seconds), _good(ours.violation_seconds == 0)))
    found.append(Tile("Floors missed", wording.number(ours.floor_misses), _good(ours.floor_misses == 0)))
    return tuple(found)


def seconds(value: float) -> str:
    """Seconds over the limit: exact while few, then in a larger unit."""
    return f"{wording.number(value)}{wording.NBSP}s" if value < 3600 else wording.duration(value)


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
    best = max(others, key=lambda policy: policy.profit)
    name, lead = wording.policy(best.name), ours.profit - best.profit
    if lead >= 0:
        return f"Wattswitch earned the most; next came {name}, {wording.money(lead, data.currency)} behind."
    ahead = sum(policy.profit > ours.profit for policy in others)
    return (
        f"{ahead} of {len(others)} baselines earned more than Wattswitch; "
        f"{name} was {wording.money(-lead, data.currency)} ahead."
    )


def basis(data: ReportData) -> str:
    """What the decisions knew of the prices ahead, in a sentence."""
    known = sorted(((share, word) for word, share in data.basis_shares.items() if share > 0), reverse=True)
    if not known:
        return ""
    parts = (f"{wording.percent(share)} of the decisions on {wording.basis(word)}" for share, word in known)
    return f"Prices ahead: {', '.join(parts)}."


def next_steps(data: ReportData) -> tuple[NextStep, ...]:
    """What follows from the losses, and what the data suggests (else what reasons and feeds do); most money first."""
    steps = [*_from_losses(data), *(data.next_steps or _from_reasons(data))]
    if not steps:
        steps.append(NextStep("Nothing stands out: the rest is within what no setting here would change."))
    return tuple(sorted(steps, key=lambda step: -(step.money or 0.0)))


def _from_losses(data: ReportData) -> Iterable[NextStep]:
    oracle = data.policy(Role.FORESIGHT)
    if oracle is None:
        return
    for loss in sorted(data.losses, key=lambda loss: -loss.money):
        if loss.money <= max(0.0, _WORTH_TELLING * abs(oracle.profit)):
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
        kept = wording.energy(off["PowerLimit"] * full * hours / 1e6)
        yield NextStep(
            f"The site limit kept {kept} from workloads that wanted them. A higher cap or less reserve is worth a look."
        )
    late = sum(share for reason, share in off.items() if reason != "PowerLimit")
    if late >= _WORTH_TELLING:
        yield NextStep(
            f"Late feeds kept {wording.percent(late)} of full power off. A second source for them would pay."
        )


def _against(difference: float, currency: str) -> str:
    if abs(difference) < 0.005:
        return "just as much as the best fixed split"
    return (
        f"{wording.money(abs(difference), currency)} {'more' if difference > 0 else 'less'} than the best fixed split"
    )


def _held(violation_seconds: float) -> str:
    return f"{seconds(violation_seconds)} over the limit{'.' if violation_seconds == 0 else '!'}"


def _good(good: bool) -> str:  # noqa: FBT001
    return "✓ as it should be" if good else "✗ should be none"
