"""The same `plan()` as the operator's, step by step over recorded inputs on a model site."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wattswitch.api.inference_deployment import InferenceDeploymentSpec, ServiceClass
from wattswitch.mapping import batch_of, has_deadline, in_order
from wattswitch.planner import plan
from wattswitch.planner.model import Batch, Budget, Demand, Mode, Plan, Signal, SiteState, Worth
from wattswitch.simulate.inputs import PRICE, Inputs, feed_key
from wattswitch.simulate.learning import BacklogLearner, DemandLearner, PriceLearner
from wattswitch.simulate.modelsite import ModelSite
from wattswitch.simulate.site import SiteModel, WorkloadModel

NAME: Final = "wattswitch"
"""What the run of `plan()` is called beside the baselines."""

LOOK_AGAIN_SECONDS: Final = 1.0
"""How soon after its own writes the operator decides again."""

MOST_DECISIONS: Final = 10_000
"""Decisions within one step after which a site is taken never to rest."""

PROGRESS_STEPS: Final = 200
"""How many steps go by between two reports of progress."""

Record = Callable[[SiteState, Plan], None]


@dataclass(frozen=True, eq=False)
class Run:
    """What a policy did: T steps of N workloads.

    `replicas` (T, N) are the sizes at the end of each step's moves. `reasons` (T, N) are places in `words`.
    `bases` (T,) are places in `basis_words`: what was known of the prices ahead, an empty word for nothing.
    `committed_watts` (T,) is the most that was drawn in each step, dying pods included, and `violation_seconds` how
    long that was above the limit.
    """

    name: str
    replicas: NDArray[np.int64]
    reasons: NDArray[np.int16]
    words: tuple[str, ...]
    bases: NDArray[np.int16]
    basis_words: tuple[str, ...]
    committed_watts: NDArray[np.int64]
    violation_seconds: float
    decisions: int


def run(
    site: SiteModel,
    inputs: Inputs,
    *,
    record: Record | None = None,
    progress: Callable[[int], None] = lambda steps: None,
    name: str = NAME,
    demand_known: bool = False,
) -> Run:
    """Play every step. `progress` is told how many are done; `record` is given every decision.

    With `demand_known` the demand ahead is told instead of forecast, so that the cost of not knowing it can be seen.

    Raises ValueError where the site never comes to rest within a step, which `plan()` promises not to let happen.
    """
    return _Runner(site, inputs, record, name, demand_known=demand_known).run(progress)


class _Runner:
    def __init__(
        self, site: SiteModel, inputs: Inputs, record: Record | None, name: str, *, demand_known: bool
    ) -> None:
        self._site, self._inputs, self._record, self._name = site, inputs, record, name
        self._times: list[float] = inputs.times.tolist()
        self._limits: list[int] = inputs.limit_watts.tolist()
        self._signals = Signals(site, inputs, demand_known=demand_known)
        self._replicas = np.zeros((inputs.steps, len(site.workloads)), dtype=np.int64)
        self._reasons = np.zeros((inputs.steps, len(site.workloads)), dtype=np.int16)
        self._committed = np.zeros(inputs.steps, dtype=np.int64)
        self._bases = np.zeros(inputs.steps, dtype=np.int16)
        self._words: dict[str, int] = {}
        self._basis_words: dict[str, int] = {}
        self._places = {model.key: place for place, model in enumerate(site.workloads)}
        self._decisions = 0

    def run(self, progress: Callable[[int], None]) -> Run:
        """Play every step."""
        pods = ModelSite(self._site, self._first_sizes(), self._times[0])
        for step in range(self._inputs.steps):
            self._play(pods, step)
            if step % PROGRESS_STEPS == 0:
                progress(step)
        progress(self._inputs.steps)
        return Run(
            self._name,
            self._replicas,
            self._reasons,
            tuple(self._words),
            self._bases,
            tuple(self._basis_words),
            self._committed,
            pods.violation_seconds,
            self._decisions,
        )

    def _first_sizes(self) -> list[int]:
        """Where the first step's inputs lead, ramps aside: what was before it is free."""
        pods = ModelSite(self._site, [0] * len(self._site.workloads), self._times[0])
        budget = replace(self._show(pods, 0), ramp_up_watts_per_minute=0, ramp_down_watts_per_minute=0)
        goals = {
            target.key: target.goal_replicas for target in plan(SiteState(pods.now, budget, pods.workloads())).targets
        }
        return [goals[model.key] for model in self._site.workloads]

    def _play(self, pods: ModelSite, step: int) -> None:
        end, limit = self._times[step] + self._inputs.step_seconds, self._limits[step]
        budget, most = self._show(pods, step), pods.watts
        for _ in range(MOST_DECISIONS):
            decision = self._decide(pods, budget)
            moved = pods.write(decision)
            most = max(most, pods.watts)
            again = _look_again(decision, pods, moved=moved)
            if again is None or again >= end:
                break
            pods.advance(again, limit)
        else:
            raise ValueError(f"the site does not come to rest in the step that begins at {self._times[step]:.0f}")
        self._keep(step, decision, pods, most)
        pods.advance(end, limit)

    def _show(self, pods: ModelSite, step: int) -> Budget:
        """Let the workloads see the feeds of a step, and return the budget that does."""
        self._signals.take(step, self._times[step])
        pods.show(self._signals.worths, self._signals.demands, self._signals.batches)
        return self._signals.budget(self._limits[step])

    def _decide(self, pods: ModelSite, budget: Budget) -> Plan:
        state = SiteState(now=pods.now, budget=budget, workloads=pods.workloads(), moves=pods.moves)
        decision = plan(state)
        self._decisions += 1
        if self._record is not None:
            self._record(state, decision)
        return decision

    def _keep(self, step: int, decision: Plan, pods: ModelSite, most: int) -> None:
        self._replicas[step] = pods.sizes
        self._committed[step] = most
        words, places = self._words, self._places
        row = [0] * len(places)
        for target in decision.targets:
            row[places[target.key]] = words.setdefault(target.reason, len(words))
        self._reasons[step] = row
        basis = "" if decision.outlook is None else str(decision.outlook.basis)
        self._bases[step] = self._basis_words.setdefault(basis, len(self._basis_words))


def _look_again(decision: Plan, pods: ModelSite, *, moved: bool) -> float | None:
    """When the same inputs may give another plan: pods gone, a ramp or a dwell over, None where the site rests."""
    times = [] if decision.look_again_at is None else [decision.look_again_at]
    if any(target.replicas != target.goal_replicas for target in decision.targets):
        death = pods.next_death()
        times += [] if death is None else [death]
        if moved and (death is None or pods.keeps_ramps):
            times.append(pods.now + LOOK_AGAIN_SECONDS)
    return min((at for at in times if at > pods.now), default=None)


class Signals:
    """What the feeds say at a step. Objects stay the same while what they say does, so that nothing is built twice."""

    def __init__(self, site: SiteModel, inputs: Inputs, *, demand_known: bool = False) -> None:
        self._site, self._seen = site, {key: _Column(inputs, key) for key in inputs.seen}
        self._learner = PriceLearner(inputs)
        self._outlook = self._learner.outlook(float(inputs.times[0]))
        learners: dict[tuple[str, int], DemandLearner] = {}
        self._sources = [
            _WorkloadSignals(model, inputs, self._seen, learners, demand_known=demand_known) for model in site.workloads
        ]
        self._budget: Budget | None = None
        self.worths: list[Worth] = []
        self.demands: list[Demand | None] = []
        self.batches: list[Batch | None] = []

    def take(self, step: int, now: float) -> None:
        """Move to a step."""
        for column in self._seen.values():
            column.take(step)
        outlook, price = self._learner.outlook(now), self._seen[PRICE].signal
        if self._budget is None or outlook is not self._outlook or price is not self._budget.price:
            self._outlook = outlook
            self._budget = self._site.planner_budget(price, outlook=outlook, mode=Mode.ENFORCE)
        self.worths = [source.worth() for source in self._sources]
        self.demands = [source.demand(step, now) for source in self._sources]
        self.batches = [source.batch(now) for source in self._sources]

    def budget(self, limit_watts: int) -> Budget:
        """The budget whose limit is this."""
        if self._budget is None:
            raise ValueError("take a step first")
        if limit_watts == self._site.limit_watts:
            return self._budget
        share = 100 - self._budget.reserve_percent
        return replace(self._budget, event_limits_watts=(-(-limit_watts * 100 // share),))


class _Column:
    """One feed along the steps."""

    def __init__(self, inputs: Inputs, key: str) -> None:
        sampled = inputs.seen[key]
        self._sampled = sampled
        self._rows = list(zip(sampled.values.tolist(), sampled.since.tolist(), sampled.fresh.tolist(), strict=True))
        self._row: tuple[float, float, bool] | None = None
        self.signal = Signal(None)

    def take(self, step: int) -> None:
        """Move to a step; the signal stays the same object while the row does."""
        if self._rows[step] != self._row:
            self._row = self._rows[step]
            self.signal = self._sampled.signal(step)


class _WorkloadSignals:
    """Worth and demand of one workload."""

    def __init__(
        self,
        model: WorkloadModel,
        inputs: Inputs,
        seen: Mapping[str, _Column],
        learners: dict[tuple[str, int], DemandLearner],
        *,
        demand_known: bool,
    ) -> None:
        self._model = model
        fixed = Signal(model.worth.fixed)
        self._worth_column = None if model.worth.feed is None else seen[feed_key(model.worth.feed, model, seen)]
        self._demand_column = None if model.demand is None else seen[feed_key(model.demand.feed, model, seen)]
        self._worth = model.worth.of(fixed)
        self._demand: Demand | None = None
        self._learner: DemandLearner | None = None
        if model.demand is not None and _foreseen(model):
            shared = (feed_key(model.demand.feed, model, seen), model.start_seconds)
            self._learner = learners.setdefault(shared, DemandLearner(model.start_seconds))
        self._backlog = BacklogLearner(in_order=in_order(model.spec)) if has_deadline(model.spec) else None
        self._known = _most_ahead(model, inputs) if _foreseen(model) and demand_known else None

    def worth(self) -> Worth:
        """What running is worth now."""
        if self._worth_column is not None and self._worth_column.signal is not self._worth.signal:
            self._worth = self._model.worth.of(self._worth_column.signal)
        return self._worth

    def demand(self, step: int, now: float) -> Demand | None:
        """How much work waits now, and how much will when a replica that starts now is ready."""
        column, model = self._demand_column, self._model.demand
        if column is None or model is None:
            return None
        signal = column.signal
        forecast = self._forecast(now, signal)
        if self._known is not None:
            forecast = self._known[step]
        recent = () if self._learner is None else self._learner.recent
        known = self._demand
        if known is None or (known.signal, known.forecast, known.recent) != (signal, forecast, recent):
            self._demand = Demand(signal, model.per_replica, forecast, recent)
        return self._demand

    def batch(self, now: float) -> Batch | None:
        """What a deadline asks for now."""
        column = self._demand_column
        if self._backlog is None or column is None or column.signal.value is None:
            return None
        return batch_of(self._model.spec, self._backlog.oldest_at(now, column.signal.at, column.signal.value))

    def _forecast(self, now: float, signal: Signal) -> float | None:
        if self._learner is None or signal.value is None or not signal.fresh:
            return None
        return self._learner.need(now, signal.at, signal.value)


def _foreseen(model: WorkloadModel) -> bool:
    """Whether replicas must be ready before the demand comes; work that may wait needs none."""
    spec = model.spec
    if not isinstance(spec, InferenceDeploymentSpec) or model.demand is None or not model.start_seconds:
        return False
    return spec.service_class is not ServiceClass.BATCH


def _most_ahead(model: WorkloadModel, inputs: Inputs) -> list[float | None]:
    """The most that demand comes to from each step until a replica that starts in it serves."""
    if model.demand is None:
        return [None] * inputs.steps
    values = inputs.seen[feed_key(model.demand.feed, model, inputs.seen)].values
    most = values.copy()
    for ahead in range(1, math.ceil(model.start_seconds / inputs.step_seconds) + 1):
        most[:-ahead] = np.fmax(most[:-ahead], values[ahead:])
    return [None if math.isnan(value) else value for value in most.tolist()]
