"""The same `plan()` as the operator's, step by step over recorded inputs on a model site."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wattswitch.mapping import batch_of, has_deadline, in_order
from wattswitch.planner import plan
from wattswitch.planner.forecast import Expected
from wattswitch.planner.model import Batch, Budget, Demand, Mode, Plan, Signal, SiteState, Worth
from wattswitch.simulate.inputs import PRICE, Inputs, feed_key
from wattswitch.simulate.learning import BacklogLearner, DemandLearner, PriceLearner
from wattswitch.simulate.modelsite import ModelSite
from wattswitch.simulate.sampling import Sampled
from wattswitch.simulate.site import SiteModel, WorkloadModel
from wattswitch.simulate.spells import Spells, SpellsBook

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

    `spells` are the sizes over time. `reasons` (T, N) are those of each step's last decision, as places in `words`.
    `bases` (T,) are places in `basis_words`: what was known of the prices ahead, an empty word for nothing.
    `committed_watts` (T,) is the most that was drawn in each step, dying pods included, and `violations` (T,) how many
    seconds that was above the limit. `decided` (T,) is how often `plan()` was asked.
    """

    name: str
    spells: Spells
    reasons: NDArray[np.int16]
    words: tuple[str, ...]
    bases: NDArray[np.int16]
    basis_words: tuple[str, ...]
    committed_watts: NDArray[np.int64]
    violations: NDArray[np.float64]
    decided: NDArray[np.int64]

    @property
    def replicas(self) -> NDArray[np.int64]:
        """(T, N) the sizes with which each step ends."""
        return self.spells.last

    @property
    def violation_seconds(self) -> float:
        """How long more was drawn than the limit."""
        return float(self.violations.sum())

    @property
    def decisions(self) -> int:
        """How often `plan()` was asked."""
        return int(self.decided.sum())

    def joined(self, other: "Run", step: int) -> "Run":
        """This run up to a step, and the other from there on."""
        words, basis_words = _merged(self.words, other.words), _merged(self.basis_words, other.basis_words)
        reasons = np.array([words.index(word) for word in other.words], dtype=np.int16)[other.reasons]
        bases = np.array([basis_words.index(word) for word in other.basis_words], dtype=np.int16)[other.bases]

        def both(mine: NDArray[Any], theirs: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate((mine[:step], theirs[step:]))

        return Run(
            self.name,
            self.spells.joined(other.spells, step),
            both(self.reasons, reasons),
            words,
            both(self.bases, bases),
            basis_words,
            both(self.committed_watts, other.committed_watts),
            both(self.violations, other.violations),
            both(self.decided, other.decided),
        )


def _merged(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return (*first, *(word for word in second if word not in first))


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
    runner = Runner(site, inputs, record, name, demand_known=demand_known)
    runner.begin(0)
    for step in range(inputs.steps):
        runner.play(step)
        if step % PROGRESS_STEPS == 0:
            progress(step)
    progress(inputs.steps)
    return runner.result()


class Runner:
    """A run on its way: `begin`, then `play` every step from there on, then ask for the `result`."""

    def __init__(
        self,
        site: SiteModel,
        inputs: Inputs,
        record: Record | None = None,
        name: str = NAME,
        *,
        demand_known: bool = False,
    ) -> None:
        self._site, self._inputs, self._record, self._name = site, inputs, record, name
        self._times: list[float] = inputs.times.tolist()
        self._limits: list[int] = inputs.limit_watts.tolist()
        self._signals = Signals(site, inputs, demand_known=demand_known)
        self._spells = SpellsBook(inputs.steps, len(site.workloads), inputs.step_seconds)
        self._reasons = np.zeros((inputs.steps, len(site.workloads)), dtype=np.int16)
        self._committed = np.zeros(inputs.steps, dtype=np.int64)
        self._bases = np.zeros(inputs.steps, dtype=np.int16)
        self._words: dict[str, int] = {}
        self._basis_words: dict[str, int] = {}
        self._places = {model.key: place for place, model in enumerate(site.workloads)}
        self._decisions = np.zeros(inputs.steps, dtype=np.int64)
        self._violation = np.zeros(inputs.steps)
        self._pods = ModelSite(site, [0] * len(site.workloads), self._times[0])

    def see(self, step: int) -> None:
        """Let what learns learn from a step that is not played."""
        self._signals.learn(step, self._times[step])

    def begin(self, step: int) -> None:
        """Begin with the sizes that a step's inputs lead to, as if they had been there."""
        self._pods = ModelSite(self._site, self._first_sizes(step), self._times[step])

    def state(self) -> Hashable:
        """What the steps to come depend on beside the inputs."""
        return self._pods.state()

    def result(self) -> Run:
        """What was done."""
        return Run(
            self._name,
            self._spells.spells(),
            self._reasons,
            tuple(self._words),
            self._bases,
            tuple(self._basis_words),
            self._committed,
            self._violation,
            self._decisions,
        )

    def _first_sizes(self, step: int) -> list[int]:
        """Where a step's inputs lead, ramps aside."""
        pods = ModelSite(self._site, [0] * len(self._site.workloads), self._times[step])
        budget = replace(self._show(pods, step), ramp_up_watts_per_minute=0, ramp_down_watts_per_minute=0)
        goals = {
            target.key: target.goal_replicas for target in plan(SiteState(pods.now, budget, pods.workloads())).targets
        }
        return [goals[model.key] for model in self._site.workloads]

    def play(self, step: int) -> None:
        """Play one step."""
        pods, before = self._pods, self._pods.violation_seconds
        begin, limit = self._times[step], self._limits[step]
        end = begin + self._inputs.step_seconds
        budget, most = self._show(pods, step), pods.watts
        for number in range(MOST_DECISIONS):
            decision = self._decide(pods, budget)
            self._decisions[step] += 1
            moved = pods.write(decision)
            if moved or not number:
                self._spells.put(step, pods.now - begin if number else 0.0, pods.sizes)
            most = max(most, pods.watts)
            again = _look_again(decision, pods, moved=moved)
            if again is None or again >= end:
                break
            pods.advance(again, limit)
        else:
            raise ValueError(f"the site does not come to rest in the step that begins at {begin:.0f}")
        self._keep(step, decision, most)
        pods.advance(end, limit)
        self._violation[step] = pods.violation_seconds - before

    def _show(self, pods: ModelSite, step: int) -> Budget:
        """Let the workloads see the feeds of a step, and return the budget that does."""
        self._signals.take(step, self._times[step])
        pods.show(self._signals.worths, self._signals.demands, self._signals.batches)
        return self._signals.budget(self._limits[step])

    def _decide(self, pods: ModelSite, budget: Budget) -> Plan:
        state = SiteState(now=pods.now, budget=budget, workloads=pods.workloads(), moves=pods.moves)
        decision = plan(state)
        if self._record is not None:
            self._record(state, decision)
        return decision

    def _keep(self, step: int, decision: Plan, most: int) -> None:
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
        self._site, self._seen = site, {key: _Column(sampled) for key, sampled in inputs.seen.items()}
        self._learner = PriceLearner(inputs)
        demands = _Demands(inputs, self._seen, demand_known=demand_known)
        self._sources = [_WorkloadSignals(model, self._seen, demands.of(model)) for model in site.workloads]
        self._learning = [source for source in self._sources if source.learns]
        self._look_back(inputs)
        self._budget: Budget | None = None
        self.worths: list[Worth] = []
        self.demands: list[Demand | None] = []
        self.batches: list[Batch | None] = []

    def _look_back(self, inputs: Inputs) -> None:
        """Let what learns see what was recorded before the first step."""
        columns = {key: _Column(sampled) for key, sampled in inputs.earlier.items()}
        for step, now in enumerate(inputs.earlier_times.tolist() if self._learning else ()):
            for column in columns.values():
                column.take(step)
            for source in self._learning:
                source.learn_from(columns, now)

    def learn(self, step: int, now: float) -> None:
        """Let what learns see a step that nobody asks about; prices are caught up with when somebody does."""
        for source in self._learning:
            source.learn(step, now)

    def take(self, step: int, now: float) -> None:
        """Move to a step."""
        for column in self._seen.values():
            column.take(step)
        outlook, price = self._learner.outlook(now), self._seen[PRICE].signal
        if self._budget is None:
            self._budget = self._site.planner_budget(price, outlook=outlook, mode=Mode.ENFORCE)
        elif outlook is not self._budget.outlook or price is not self._budget.price:
            self._budget = replace(self._budget, price=price, outlook=outlook)
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

    def __init__(self, sampled: Sampled) -> None:
        self._sampled = sampled
        self._rows = list(zip(sampled.values.tolist(), sampled.since.tolist(), sampled.fresh.tolist(), strict=True))
        self._row: tuple[float, float, bool] | None = None
        self.signal = Signal(None)

    def take(self, step: int) -> None:
        """Move to a step; the signal stays the same object while the row does."""
        if self._rows[step] != self._row:
            self._row = self._rows[step]
            self.signal = self._sampled.signal_of(*self._row)


class _DemandSignals:
    """One demand, for all workloads whose replicas serve so much of it and take so long to start.

    `known` is the demand ahead by step, where it is told.
    """

    def __init__(
        self,
        key: str,
        column: _Column | None,
        per_replica: float,
        learner: DemandLearner | None,
        known: list[float | None] | None,
    ) -> None:
        self.key, self.column = key, column
        self._per_replica, self._learner, self._known = per_replica, learner, known
        self._step = -1
        self._demand: Demand | None = None

    @property
    def learns(self) -> bool:
        """Whether anything is foreseen from its past."""
        return self._learner is not None

    def learn(self, now: float, signal: Signal) -> None:
        """See the demand of a moment."""
        self._expected(now, signal)

    def at(self, step: int, now: float) -> Demand | None:
        """How much work waits now, and how much will when a replica that starts now is ready.

        The same object for all who ask in one step, and while nothing changes.
        """
        if self.column is not None and step != self._step:
            self._step, seen = step, self._seen(step, now, self.column.signal)
            if seen != self._demand:
                self._demand = seen
        return self._demand

    def _seen(self, step: int, now: float, signal: Signal) -> Demand:
        """The demand with what is known of it beyond now: all that comes, or what its past says."""
        if self._known is not None:
            return Demand(signal, self._per_replica, self._known[step])
        expected = self._expected(now, signal)
        recent = () if self._learner is None else self._learner.recent
        if expected is None:
            return Demand(signal, self._per_replica, recent=recent)
        return Demand(signal, self._per_replica, expected.need, recent, expected.needs)

    def _expected(self, now: float, signal: Signal) -> Expected | None:
        if self._learner is None or signal.value is None or not signal.fresh:
            return None
        return self._learner.ahead(now, signal.at, signal.value)


class _Demands:
    """The demands of a site: each is learned once for all workloads that share it."""

    def __init__(self, inputs: Inputs, seen: Mapping[str, _Column], *, demand_known: bool) -> None:
        self._inputs, self._seen, self._demand_known = inputs, seen, demand_known
        self._learners: dict[tuple[str, int], DemandLearner] = {}
        self._demands: dict[tuple[str, float, int | None], _DemandSignals] = {}

    def of(self, model: WorkloadModel) -> _DemandSignals | None:
        """The demand of a workload, None where it has none."""
        if model.demand is None:
            return None
        key, foreseen = feed_key(model.demand.feed, model, self._seen), _foreseen(model)
        shared = (key, model.demand.per_replica, model.start_seconds if foreseen else None)
        if shared not in self._demands:
            learner = known = None
            if foreseen:
                learner = self._learners.setdefault((key, model.start_seconds), DemandLearner(model.start_seconds))
                known = _most_ahead(model, self._inputs) if self._demand_known else None
            self._demands[shared] = _DemandSignals(key, self._seen.get(key), model.demand.per_replica, learner, known)
        return self._demands[shared]


class _WorkloadSignals:
    """Worth and demand of one workload."""

    def __init__(self, model: WorkloadModel, seen: Mapping[str, _Column], demand: _DemandSignals | None) -> None:
        self._model, self._demand = model, demand
        self._worth_column = None if model.worth.feed is None else seen[feed_key(model.worth.feed, model, seen)]
        self._worth = model.worth.of(Signal(model.worth.fixed))
        self._backlog = BacklogLearner(in_order=in_order(model.spec)) if has_deadline(model.spec) else None

    @property
    def learns(self) -> bool:
        """Whether anything is learned from its demand."""
        return self._backlog is not None or (self._demand is not None and self._demand.learns)

    def learn(self, step: int, now: float) -> None:
        """See the demand of a step."""
        column = None if self._demand is None else self._demand.column
        if column is not None:
            column.take(step)
            self._learn(now, column.signal)

    def learn_from(self, columns: Mapping[str, "_Column"], now: float) -> None:
        """See the demand of a moment before the first step, in columns that were moved there."""
        column = None if self._demand is None else columns.get(self._demand.key)
        if column is not None:
            self._learn(now, column.signal)

    def _learn(self, now: float, signal: Signal) -> None:
        if self._demand is not None:
            self._demand.learn(now, signal)
        self._batch(now, signal)

    def worth(self) -> Worth:
        """What running is worth now."""
        if self._worth_column is not None and self._worth_column.signal is not self._worth.signal:
            self._worth = self._model.worth.of(self._worth_column.signal)
        return self._worth

    def demand(self, step: int, now: float) -> Demand | None:
        """How much work waits now, and how much will when a replica that starts now is ready."""
        return None if self._demand is None else self._demand.at(step, now)

    def batch(self, now: float) -> Batch | None:
        """What a deadline asks for now."""
        if self._backlog is None or self._demand is None or self._demand.column is None:
            return None
        return self._batch(now, self._demand.column.signal)

    def _batch(self, now: float, signal: Signal) -> Batch | None:
        if self._backlog is None or signal.value is None:
            return None
        return batch_of(self._model.spec, self._backlog.oldest_at(now, signal.at, signal.value))


def _foreseen(model: WorkloadModel) -> bool:
    """Whether replicas must be ready before the demand comes; work that may wait needs none."""
    return model.demand is not None and model.start_seconds > 0 and not model.is_batch


def _most_ahead(model: WorkloadModel, inputs: Inputs) -> list[float | None]:
    """The most that demand comes to from each step until a replica that starts in it serves."""
    if model.demand is None:
        return [None] * inputs.steps
    values = inputs.seen[feed_key(model.demand.feed, model, inputs.seen)].values
    most = values.copy()
    for ahead in range(1, math.ceil(model.start_seconds / inputs.step_seconds) + 1):
        most[:-ahead] = np.fmax(most[:-ahead], values[ahead:])
    return [None if math.isnan(value) else value for value in most.tolist()]
