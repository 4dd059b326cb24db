"""Budgets in a tree, on any site: no raise ever takes the books of a subtree above the limit of the budget over it."""

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from builders import miner, per_mwh, site
from wattswitch.cluster import View
from wattswitch.engine.forest import Forest
from wattswitch.planner import plan
from wattswitch.planner.model import Plan, SiteState
from wattswitch.planner.shares import Own

PARENTS = {"utility": "", "feeder": "utility", "east": "feeder", "west": "feeder", "hall": "utility"}
LEAVES = ("east", "west", "hall")
POD = 1000
DEATH_STEPS = 3


@dataclass
class Pool:
    """One pool of one leaf: what is asked for, and pods that are dying with the step at which they are gone."""

    size: int = 0
    dying: list[tuple[int, int]] = field(default_factory=list)

    @property
    def pods(self) -> int:
        return self.size + sum(count for _, count in self.dying)


@dataclass
class World:
    """A tree of budgets; `limits` are their caps, `worth` what a MWh earns in each leaf."""

    limits: dict[str, int]
    worth: dict[str, float]
    pools: dict[str, Pool] = field(default_factory=lambda: {leaf: Pool() for leaf in LEAVES})
    step_number: int = 0

    def __post_init__(self) -> None:
        self.view = View()
        self.forest = Forest(self.view, lambda: None)
        for number, (name, parent) in enumerate(PARENTS.items(), 1):
            raw = {"kind": "PowerBudget", "metadata": {"name": name, "resourceVersion": str(number)}, "spec": {}}
            raw["spec"] = {"parent": parent} if parent else {}
            self.view.apply("ADDED", raw)

    def state(self, name: str) -> SiteState:
        place = self.forest.place(name)
        pool = self.pools.get(name)
        workloads = ()
        if pool is not None:
            worth = per_mwh(self.worth[name])
            workloads = (
                miner(
                    f"MiningPool/{name}/pool",
                    max_replicas=12,
                    spec_replicas=pool.size,
                    booked_pods=pool.pods,
                    it_watts_per_replica=POD,
                    worth=worth,
                ),
            )
        state = site(*workloads, cap_watts=self.limits[name], raise_gate=place.gate)
        return replace(state, budget=replace(state.budget, fixed_watts=place.committed_watts))

    def step(self, name: str) -> tuple[SiteState, Plan]:
        """One decision of one budget, acted on at once."""
        self.step_number += 1
        for pool in self.pools.values():
            pool.dying = [(until, count) for until, count in pool.dying if until > self.step_number]
        place = self.forest.place(name)
        state = self.state(name)
        state, decision = self.forest.decide(name, state, plan(state), Own(self.limits[name], 0), place)
        for target in decision.targets:
            pool = self.pools[name]
            if target.replicas < pool.size:
                pool.dying.append((self.step_number + DEATH_STEPS, pool.size - target.replicas))
            pool.size = target.replicas
        return state, decision

    def round(self) -> None:
        for name in PARENTS:
            self.step(name)

    def under(self, name: str) -> int:
        """Watts of every pod below a budget, counted by hand."""
        return sum(pool.pods for leaf, pool in self.pools.items() if name in line(leaf)) * POD


def line(name: str) -> list[str]:
    found = [name]
    while PARENTS[found[-1]]:
        found.append(PARENTS[found[-1]])
    return found


caps = st.fixed_dictionaries({name: st.integers(0, 16).map(lambda pods: pods * POD) for name in PARENTS})
worths = st.fixed_dictionaries({leaf: st.sampled_from((30.0, 60.0, 90.0, 120.0)) for leaf in LEAVES})
orders = st.lists(st.sampled_from(sorted(PARENTS)), min_size=1, max_size=40)


@given(caps, worths, orders, caps, orders)
def test_no_raise_takes_a_subtree_above_the_limit_over_it(
    before: dict[str, int], worth: dict[str, float], first: list[str], after: dict[str, int], then: list[str]
) -> None:
    world = World(before, worth)
    for limits, order in ((before, first), (after, then)):
        world.limits = limits
        for name in PARENTS:  # the loops of a tree are woken by every change of one of its budgets
            world.step(name)
        for name in order:
            sizes = {leaf: pool.size for leaf, pool in world.pools.items()}
            world.step(name)
            for leaf in LEAVES:
                if world.pools[leaf].size > sizes[leaf]:
                    assert all(world.under(above) <= limits[above] for above in line(leaf))


@given(caps, worths)
def test_a_tree_comes_to_rest_within_all_limits_and_wastes_nothing_that_pays(
    limits: dict[str, int], worth: dict[str, float]
) -> None:
    world = World(limits, worth)
    for _ in range(12):
        world.round()
    sizes = {leaf: pool.size for leaf, pool in world.pools.items()}
    world.round()
    assert sizes == {leaf: pool.size for leaf, pool in world.pools.items()}
    assert all(world.under(name) <= limits[name] for name in PARENTS)
    for leaf in LEAVES:
        one_more = all(world.under(above) + POD <= limits[above] for above in line(leaf))
        assert worth[leaf] <= 40.0 or sizes[leaf] == 12 or not one_more


@given(caps, worths)
def test_who_earns_more_is_never_short_while_a_sibling_runs(limits: dict[str, int], worth: dict[str, float]) -> None:
    world = World({**limits, "east": 16 * POD, "west": 16 * POD}, worth)
    for _ in range(12):
        world.round()
    rich, poor = sorted(("east", "west"), key=lambda leaf: -worth[leaf])
    if worth[rich] > worth[poor]:
        assert world.pools[rich].size == 12 or world.pools[poor].size == 0
