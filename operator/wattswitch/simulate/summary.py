"""What a simulation came to: `summary.json` and the report page's data."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from wattswitch import __version__
from wattswitch.planner.model import Reason
from wattswitch.simulate.account import Account
from wattswitch.simulate.inputs import Inputs
from wattswitch.simulate.report import Loss, NextStep, PolicyReport, ReportData, Role, WorkloadReport, off_shares
from wattswitch.simulate.run import NAME, Run
from wattswitch.simulate.series import write_moment
from wattswitch.simulate.site import WATTS_PER_MEGAWATT, SiteModel

STATIC: Final = "static"
FORESIGHT: Final = "foresight"
"""Names that --policy takes."""

ROLES: Final[Mapping[str, Role]] = {NAME: Role.WATTSWITCH, STATIC: Role.BEST_STATIC}
"""Policies that are more than a baseline."""

DIGITS: Final = 10
"""Digits of a number in summary.json: what a float adds up to, without its noise."""


@dataclass(frozen=True, eq=False)
class Result:
    """A run and what it is compared with.

    `policies` are the accounts of the baselines by name. `foresight_bound` is what nobody can pass with all prices and
    demand known, the profit of perfect foresight, and `foresight` the account of the best run of whole pods that was
    found; None where they were not asked for. `captured` is the captured switching value, 1 for all of it; None where
    there was nothing to capture or nothing to compare with, and `verdict` says which. `losses` are money by cause.
    `queueing` is the result of recorded jobs.
    """

    site: SiteModel
    inputs: Inputs
    run: Run
    account: Account
    policies: Mapping[str, Account] = field(default_factory=dict)
    foresight: Account | None = None
    foresight_bound: float | None = None
    captured: float | None = None
    verdict: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    queueing: Mapping[str, Any] | None = None
    time_zone: str = "UTC"
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def share_of_foresight(self) -> float | None:
        """Profit as a part of what nobody can pass, None where that is not above zero."""
        if self.foresight_bound is None or self.foresight_bound <= 0:
            return None
        return self.account.profit / self.foresight_bound

    def captured_by(self, profit: float) -> float | None:
        """What of the switching value this profit has, None where there is nothing to capture."""
        if self.captured is None or self.foresight_bound is None or STATIC not in self.policies:
            return None
        static = self.policies[STATIC].profit
        return (profit - static) / (self.foresight_bound - static)


# ---- summary.json --------------------------------------------------------------------------------------------------


def write_summary(path: Path, result: Result) -> None:
    """Write the file."""
    path.write_text(json.dumps(summary(result), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def summary(result: Result) -> dict[str, Any]:
    """The numbers of a result; money in the site's currency, energy in MWh at the meter.

    `foresight_profit` is what nobody can pass: shares are of it, and losses add up to what is lacking to it.
    """
    inputs, violation = result.inputs, result.run.violation_seconds
    foresight = result.foresight
    whole_pods = None if foresight is None else _compared(result, foresight)
    return {
        "version": __version__,
        "site": result.site.name,
        "currency": result.site.currency,
        "from": write_moment(float(inputs.times[0])),
        "to": write_moment(inputs.end),
        "step_seconds": inputs.step_seconds,
        "steps": inputs.steps,
        "decisions": result.run.decisions,
        **_money(result.account, violation),
        "captured_switching_value": _rounded(result.captured),
        "captured_verdict": result.verdict,
        "share_of_foresight": _rounded(result.share_of_foresight),
        "foresight_profit": _rounded(result.foresight_bound),
        "foresight_in_whole_pods": whole_pods,
        "baselines": {name: _compared(result, each) for name, each in result.policies.items()},
        "losses": {cause: _rounded(money) for cause, money in result.losses.items()},
        "workloads": [_workload(result, place) for place in range(len(result.site.workloads))],
        "outlook_basis": {basis: _rounded(share) for basis, share in basis_shares(result).items()},
        "queueing": result.queueing,
        "notes": list(result.notes),
    }


def _compared(result: Result, account: Account) -> dict[str, Any]:
    captured = result.captured_by(account.profit)
    return {**_money(account, account.violation_seconds), "captured_switching_value": _rounded(captured)}


def _money(account: Account, violation_seconds: float) -> dict[str, Any]:
    numbers = {
        "energy_mwh": account.energy_mwh,
        "cost": account.total_cost,
        "revenue": account.total_revenue,
        "start_cost": account.total_start_cost,
        "profit": account.profit,
        "switches": round(account.switches),
        "violation_seconds": violation_seconds,
        "floor_misses": account.floor_misses,
    }
    return {name: value if isinstance(value, int) else _rounded(value) for name, value in numbers.items()}


def _workload(result: Result, place: int) -> dict[str, Any]:
    model, account = result.site.workloads[place], result.account
    reasons = np.bincount(result.run.reasons[:, place], minlength=len(result.run.words)) / result.inputs.steps
    return {
        "workload": model.key,
        "mean_replicas": _rounded(float(result.run.spells.mean[:, place].mean())),
        "revenue": _rounded(float(account.revenue[:, place].sum())),
        "start_cost": _rounded(float(account.start_cost[:, place].sum())),
        "started": int(account.started[:, place].sum()),
        "stopped": int(account.stopped[:, place].sum()),
        "reasons": {w: _rounded(float(r)) for w, r in zip(result.run.words, reasons, strict=True) if r > 0},
    }


def basis_shares(result: Result) -> dict[str, float]:
    """The share of steps by what was known of the prices ahead."""
    counts = np.bincount(result.run.bases, minlength=len(result.run.basis_words)) / max(1, result.inputs.steps)
    return {word: float(share) for word, share in zip(result.run.basis_words, counts, strict=True) if share > 0}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


# ---- report.html ---------------------------------------------------------------------------------------------------


def report_data(result: Result) -> ReportData:
    """What the page shows."""
    site, inputs = result.site, result.inputs
    return ReportData(
        site=site.name,
        currency=site.currency,
        step_seconds=inputs.step_seconds,
        times=inputs.times,
        price_per_mwh=inputs.price_per_mwh,
        limit_watts=inputs.limit_watts.astype(np.float64),
        workloads=tuple(_workload_report(result, place) for place in range(len(site.workloads))),
        policies=tuple(_policies(result)),
        zone=ZoneInfo(result.time_zone),
        fixed_watts=float(site.fixed_watts),
        foresight_profit=result.foresight_bound,
        captured=result.captured,
        verdict=result.verdict,
        losses=tuple(Loss(cause, money) for cause, money in result.losses.items()),
        next_steps=tuple(next_steps(result)),
        basis_shares=basis_shares(result),
        foresight_watts=None if result.foresight is None else result.foresight.watts,
        facts=result.facts,
        notes=result.notes,
    )


def _workload_report(result: Result, place: int) -> WorkloadReport:
    model, replicas = result.site.workloads[place], result.run.spells.mean[:, place]
    watts = result.site.megawatts(model) * WATTS_PER_MEGAWATT
    words = np.array(result.run.words)
    return WorkloadReport(
        name=model.name,
        kind=str(model.kind),
        full_watts=model.max_replicas * watts,
        watts=replicas * watts,
        off_shares=off_shares(
            replicas,
            model.max_replicas,
            words[result.run.reasons[:, place]],
            result.inputs.demand_replicas[:, place],
        ),
        worth_per_mwh=result.inputs.worth_per_mwh[:, place],
    )


def _policies(result: Result) -> Iterator[PolicyReport]:
    """Every policy's numbers; perfect foresight itself is none of them, for it may run parts of pods."""
    yield _policy(NAME, Role.WATTSWITCH, result.account, result.run.violation_seconds, drawn=True)
    for name, account in result.policies.items():
        role = ROLES.get(name, Role.BASELINE)
        yield _policy(name, role, account, account.violation_seconds, drawn=role is Role.BEST_STATIC)
    if result.foresight is not None:
        yield _policy(FORESIGHT, Role.FORESIGHT, result.foresight, result.foresight.violation_seconds, drawn=True)


def _policy(name: str, role: Role, account: Account, violation_seconds: float, *, drawn: bool) -> PolicyReport:
    return PolicyReport(
        name=name,
        role=role,
        energy_mwh=account.energy_mwh,
        energy_cost=account.total_cost,
        revenue=account.total_revenue,
        start_cost=account.total_start_cost,
        profit=account.profit,
        switches=account.switches,
        violation_seconds=violation_seconds,
        floor_misses=account.floor_misses,
        cumulative_profit=np.cumsum(account.profit_by_step) if drawn else None,
    )


SELDOM: Final = 0.02
"""Part of its full size below which a workload hardly ever ran."""


def next_steps(result: Result) -> Iterator[NextStep]:
    """What the admin could look at next, with the money where there is a bound for it."""
    limited = _kept_off(result, {Reason.POWER_LIMIT, Reason.FLOOR_UNMET})
    if limited > 0:
        text = "The limit kept off what would have paid: more capacity, or less reserve, would have earned more"
        yield NextStep(text, limited)
    gpus = _kept_off(result, {Reason.GPU_LIMIT})
    if gpus > 0:
        yield NextStep("Shared GPUs ran out while more of them would have paid: more GPUs would have earned more", gpus)
    waiting = _kept_off(result, {Reason.RAMP_UP, Reason.MIN_OFF})
    if waiting > 0:
        text = "Ramps and minimum times off held back what would have paid: shorter ones would have earned more"
        yield NextStep(text, waiting)
    for place, model in enumerate(result.site.workloads):
        if result.run.spells.mean[:, place].mean() < SELDOM * model.max_replicas:
            yield NextStep(f"{model.name} hardly ever ran at these prices: its place may be worth more to another")
    if result.run.violation_seconds > 0:
        seconds = result.run.violation_seconds
        yield NextStep(f"The site was above its limit for {seconds:.0f} s: raise reservePercent, and report it")
    yield NextStep("Apply the same files to a cluster with mode: Advise, and compare what it says with this page")


def _kept_off(result: Result, reasons: set[Reason]) -> float:
    """Money that replicas in demand would have earned in steps in which one of these kept them off."""
    binds = np.isin(result.run.reasons, [place for place, word in enumerate(result.run.words) if word in reasons])
    inputs, site = result.inputs, result.site
    megawatts = np.array([site.megawatts(model) for model in site.workloads])
    lacking = np.maximum(inputs.demand_replicas - result.run.spells.mean, 0) * binds
    margin = np.maximum(inputs.worth_per_mwh - inputs.price_per_mwh[:, None], 0.0)
    return float((lacking * megawatts * np.nan_to_num(margin)).sum()) * inputs.hours
