"""A site lived through: prices, events, demand, other hands, rollouts and restarts in any order."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from builders import sizes
from property import arithmetic
from property.arithmetic import asked_it_watts, floor_of, lowered, raised, within_limit
from property.model_site import Machine, ModelSite
from property.strategies import prices, running_sites
from wattswitch.planner import plan
from wattswitch.planner.model import OnStale, Plan, Signal, SiteState

NUMBERS = st.integers(0, 1_000_000)
SECONDS = st.sampled_from((0.1, 1.0, 3.0, 20.0, 61.0, 400.0))


class Site(RuleBasedStateMachine):
    """Each raise is checked by the model site itself, at the moment it is written."""

    @initialize(state=running_sites())
    def start(self, state: SiteState) -> None:
        self.site = ModelSite.of(state)

    @rule(price=prices, fresh=st.sampled_from((True, True, True, False)), on_stale=st.sampled_from(OnStale))
    def price_changes(self, price: float, *, fresh: bool, on_stale: OnStale) -> None:
        self._budget(price=Signal(price, problem="" if fresh else "Stale", on_stale=on_stale, assume=60.0))

    @rule(limit=st.integers(0, 200_000))
    def event_starts(self, limit: int) -> None:
        self._budget(event_limits_watts=(limit,))

    @precondition(lambda self: self.site.budget.event_limits_watts)
    @rule()
    def event_ends(self) -> None:
        self._budget(event_limits_watts=())

    @rule(which=NUMBERS, wanted=st.integers(0, 12))
    def demand_changes(self, which: int, wanted: int) -> None:
        machine = self._machine(which)
        if machine.workload.demand:
            demand = replace(machine.workload.demand, signal=Signal(float(wanted)))
            machine.workload = replace(machine.workload, demand=demand)

    @rule(which=NUMBERS, size=st.integers(0, 14))
    def another_hand_scales(self, which: int, size: int) -> None:
        self._machine(which).spec = size

    @rule(which=NUMBERS)
    def a_rollout_starts_or_ends(self, which: int) -> None:
        machine = self._machine(which)
        machine.rolling = not machine.rolling

    @rule(which=NUMBERS)
    def somebody_pauses_or_resumes(self, which: int) -> None:
        machine = self._machine(which)
        machine.workload = replace(machine.workload, held="" if machine.workload.held else "Paused")

    @rule()
    def the_operator_restarts(self) -> None:
        self.site.moves.clear()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.site.wait(seconds)

    @rule(seconds=SECONDS)
    def the_plan_is_written(self, seconds: float) -> None:
        before = self.site.state
        decision = plan(before)
        self.site.write(decision)
        assert self.site.sizes == sizes(decision)
        assert_promises_hold(before, decision)
        if not arithmetic.within_limit(before.budget, asked_it_watts(self.site.state)):
            assert not any(self.site.sizes.values())
        self.site.wait(seconds)

    @rule(writes=st.integers(0, 3), seconds=SECONDS)
    def the_operator_dies_while_writing(self, writes: int, seconds: float) -> None:
        self.site.write(plan(self.site.state), writes)
        self.site.moves.clear()
        self.site.wait(seconds)

    def teardown(self) -> None:
        """Left alone, every site comes to rest within its limit, or with nothing running."""
        if not hasattr(self, "site"):
            return
        self.site.rest()
        assert within_limit(self.site.budget, arithmetic.booked_it_watts(self.site.state)) or not any(
            self.site.sizes.values()
        )

    def _machine(self, which: int) -> Machine:
        machines = list(self.site.machines.values())
        return machines[which % len(machines)]

    def _budget(self, **fields: object) -> None:
        self.site.budget = replace(self.site.budget, **fields)  # type: ignore[arg-type]


def assert_promises_hold(before: SiteState, decision: Plan) -> None:
    """What one decision promises, whatever came before it."""
    goals = {target.key: target.goal_replicas for target in decision.targets}
    shed = before.budget.price.on_stale is OnStale.SHED and not before.budget.price.fresh
    for w, size in raised(before, decision).values():
        assert before.budget.price.fresh
        assert not w.held
        soon = w.lowered_at is not None and before.now < w.lowered_at + w.min_off_seconds
        assert not soon or size <= floor_of(w)
    for w, _ in lowered(before, decision).values():
        soon = w.raised_at is not None and before.now < w.raised_at + w.min_run_seconds
        if w.held or (soon and not shed):
            above_maximum = w.spec_replicas > w.max_replicas and not w.held
            assert arithmetic.may_give_way(before, goals, w) or above_maximum


TestSite = Site.TestCase
TestSite.settings = settings(stateful_step_count=25)
