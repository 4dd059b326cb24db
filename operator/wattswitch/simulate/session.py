"""One `wattswitch simulate`: play the recorded world, compare, and write the results."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from wattswitch.errors import SpecInvalid
from wattswitch.planner.model import Plan, SiteState
from wattswitch.planner.record import to_line
from wattswitch.simulate.account import Account, account
from wattswitch.simulate.aside import Aside, InTurn, Tell, has_another_core
from wattswitch.simulate.compare import foresee, loss_by_cause, score
from wattswitch.simulate.grid import Period
from wattswitch.simulate.halves import LONG_STEPS, run_long
from wattswitch.simulate.inputs import Inputs, Recorded, build_inputs
from wattswitch.simulate.jobs import read_jobs
from wattswitch.simulate.oracle import Oracle
from wattswitch.simulate.policies import RULES
from wattswitch.simulate.posing import problem_of
from wattswitch.simulate.queueing_site import queue_site, queueing
from wattswitch.simulate.report import write_report
from wattswitch.simulate.run import NAME, Record, Run, run
from wattswitch.simulate.series import write_moment
from wattswitch.simulate.site import SiteModel
from wattswitch.simulate.spells import Spells
from wattswitch.simulate.steps import write_steps
from wattswitch.simulate.summary import FORESIGHT, STATIC, Result, report_data, write_summary

NONE: Final = "none"

NAMES: Final = (*RULES, FORESIGHT)
"""What --policy takes, beside `none`."""

MOST_STEPS_EXPLAINED: Final = 40_000
"""Steps up to which the loss to perfect foresight is split by cause, which takes several more runs."""

NOTHING_TO_CAPTURE: Final = "nothing to capture: perfect foresight earns hardly more than the best static split"


class AskedError(SpecInvalid):
    """Something asked for that there is not; the text says what there is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to write and to compare with. No `policies` are all of them."""

    out: Path
    policies: tuple[str, ...] = ()
    record: Path | None = None
    jobs: Path | None = None
    facts: tuple[tuple[str, str], ...] = ()


class Bar(Tell, Protocol):
    """Where progress goes, with room for that of work which goes on at the same time."""

    def beside(self) -> Tell:
        """Where the progress of such work goes."""


def simulate(site: SiteModel, recorded: Recorded, period: Period, asked: Asked, tell: Bar) -> Result:
    """Play, compare and write. Raises SpecInvalid for what makes no simulation, and OSError where it can't write."""
    names = _policies(asked.policies)
    jobs = None if asked.jobs is None else read_jobs(asked.jobs)
    if jobs is not None:
        queue_site(site, int(np.max(jobs.gpus)))  # says what is wrong before anything is played
    inputs = build_inputs(site, recorded, period)
    asked.out.mkdir(parents=True, exist_ok=True)
    played, sizes, oracle = _played(site, inputs, names, asked.record, tell)
    own = account(site, inputs, played.spells)
    baselines = {name: account(site, inputs, replicas) for name, replicas in sizes.items()}
    compared = _compared(site, inputs, own, baselines, oracle)
    losses, skipped = _losses(site, inputs, own, oracle, tell)
    result = Result(
        site=site,
        inputs=inputs,
        run=played,
        account=own,
        policies=baselines,
        losses=losses,
        queueing=None if jobs is None else queueing(site, jobs, lambda what: tell.begin(what, None)),
        time_zone=recorded.time_zone,
        facts=(*asked.facts, *_facts(site, inputs, recorded)),
        notes=(*site.notes, *inputs.notes, *_replayed(site), *skipped),
        **compared,
    )
    tell.begin("steps.csv, summary.json, report.html", None)
    write_steps(asked.out / "steps.csv", site, inputs, played)
    write_summary(asked.out / "summary.json", result)
    write_report(asked.out / "report.html", report_data(result))
    return result


def _policies(asked: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in asked if name not in {*NAMES, NONE}]
    if unknown:
        raise AskedError(f"--policy {unknown[0]}: there is none of this name: use {', '.join(NAMES)} or {NONE}")
    return tuple(name for name in NAMES if not asked or name in asked)


@contextmanager
def _recording(path: Path) -> Iterator[Record]:
    with path.open("w", encoding="utf-8") as file:

        def record(state: SiteState, decision: Plan) -> None:
            file.write(to_line(state, decision) + "\n")

        yield record


Compared = tuple[dict[str, NDArray[np.int64]], Oracle | None]
"""Sizes by baseline, and perfect foresight where it was asked for."""


def _played(
    site: SiteModel, inputs: Inputs, names: Sequence[str], recorded_to: Path | None, tell: Bar
) -> tuple[Run, dict[str, NDArray[np.int64]], Oracle | None]:
    """The run and what it is compared with, at the same time where that is sooner done."""
    comparing: Aside[Compared] | InTurn[Compared]
    if inputs.steps >= LONG_STEPS and names and has_another_core():
        comparing = Aside(tell.beside(), compare, site, inputs, names)
    else:
        comparing = InTurn(tell, compare, site, inputs, names)

    def progress(steps: int) -> None:
        tell.advance(steps)
        comparing.look()

    with comparing:
        tell.begin(NAME, inputs.steps)
        if recorded_to is None:
            played = run_long(site, inputs, progress)
        else:
            with _recording(recorded_to) as record:
                played = run(site, inputs, record=record, progress=progress)
        return played, *comparing.result()


def compare(tell: Tell, site: SiteModel, inputs: Inputs, names: Sequence[str]) -> Compared:
    """What else could have been done."""
    problem, sizes = problem_of(site, inputs), {}
    for name in (name for name in names if name in RULES):
        tell.begin(name, None)
        sizes[name] = RULES[name](problem)
    if FORESIGHT not in names:
        return sizes, None
    return sizes, foresee(site, inputs, lambda what: tell.begin(what, None), sizes)


def _compared(
    site: SiteModel, inputs: Inputs, own: Account, baselines: Mapping[str, Account], oracle: Oracle | None
) -> dict[str, Any]:
    """What the comparison adds to a result."""
    if oracle is None:
        return {}
    found: dict[str, Any] = {"foresight": account(site, inputs, oracle.sizes), "foresight_bound": oracle.bound}
    if STATIC in baselines:
        judged = score(own.profit, baselines[STATIC].profit, oracle.bound)
        found["captured"] = judged.captured
        found["verdict"] = "" if judged.captured is not None else NOTHING_TO_CAPTURE
    return found


def _losses(
    site: SiteModel, inputs: Inputs, own: Account, oracle: Oracle | None, tell: Tell
) -> tuple[Mapping[str, float], tuple[str, ...]]:
    """The loss to perfect foresight by cause, and what to say where that would take too long."""
    if oracle is None:
        return {}, ()
    if inputs.steps > MOST_STEPS_EXPLAINED:
        return {}, (
            f"the loss is split by cause up to {MOST_STEPS_EXPLAINED} steps only: shorten --from … --to for it",
        )

    def decide(site: SiteModel, inputs: Inputs, *, demand_known: bool = False) -> Spells:
        tell.begin("the same rule, told the future", inputs.steps)
        return run(site, inputs, progress=tell.advance, demand_known=demand_known).spells

    return loss_by_cause(site, inputs, own.profit, oracle, decide, lambda what: tell.begin(what, None)), ()


def _replayed(site: SiteModel) -> Iterator[str]:
    """What to say of work that could have waited."""
    batch = [w.name for w in site.workloads if w.demand is not None and w.is_batch]
    if batch:
        yield (
            f"{', '.join(batch)} (serviceClass Batch): the recorded backlog is played as it was, so that work put off"
            " does not come back later and counts as lost"
        )


def _facts(site: SiteModel, inputs: Inputs, recorded: Recorded) -> Iterator[tuple[str, str]]:
    yield "Period", f"{write_moment(float(inputs.times[0]))} to {write_moment(inputs.end)}"
    yield "Step", f"{inputs.step_seconds:g} s"
    yield "Cap", f"{site.spec.cap_watts / 1000:g} kW less {site.spec.reserve_percent} % reserve"
    yield "Overhead", f"PUE {site.pue:g}, {site.fixed_watts / 1000:g} kW fixed"
    yield "Adder", f"{site.adder_per_mwh:g} {site.currency}/MWh on top of the price feed"
    if inputs.price_delay_seconds:
        yield "Price delay", f"{inputs.price_delay_seconds:g} s, for every rule that is not chosen in hindsight"
    if recorded.outlook is not None:
        yield "Curve known", f"{recorded.outlook_known:%H:%M} the day before, {recorded.time_zone}"
