"""Where a budget stands in its tree: who is above and below, what is not known, and what that forbids."""

from typing import Any

import pytest

from builders import inference, miner, site
from unit.engine.site_objects import NOW, Stage, pool_raw, target_raw
from wattswitch.api.times import format_time
from wattswitch.cluster import View
from wattswitch.engine.forest import ALONE, Forest
from wattswitch.engine.observe import observe
from wattswitch.planner import plan
from wattswitch.planner.model import Mode, Plan, Signal, SiteState, Workload
from wattswitch.planner.shares import Own

TREE = {"utility": "", "feeder": "utility", "west": "feeder", "east": "feeder"}


class Trees:
    """A forest over budgets that exist in a view; `woken` counts how often others were told."""

    def __init__(self, parents: dict[str, str]) -> None:
        self.view, self.woken, self.version = View(), 0, 0
        self.forest = Forest(self.view, self._wake)
        for name, parent in parents.items():
            self.put(name, parent)

    def _wake(self) -> None:
        self.woken += 1

    def put(self, name: str, parent: str) -> None:
        self.version += 1
        spec = {"parent": parent} if parent else {}
        metadata = {"name": name, "resourceVersion": str(self.version)}
        self.view.apply("MODIFIED", {"kind": "PowerBudget", "metadata": metadata, "spec": spec})

    def note(self, name: str, *workloads: Workload, limit: int = 50_000, **own: Any) -> None:
        self.decide(name, *workloads, limit=limit, **own)

    def decide(self, name: str, *workloads: Workload, limit: int = 50_000, **own: Any) -> tuple[SiteState, Plan]:
        state = site(*workloads, cap_watts=limit, **own.pop("state", {}))
        given = Own(limit, **({"fixed_watts": 0} | own))
        return self.forest.decide(name, state, plan(state), given, self.forest.place(name))

    def note_all(self) -> None:
        for name in TREE:
            self.note(name, miner(it_watts_per_replica=1000)) if name in {"west", "east"} else self.note(name)


def test_a_budget_without_relatives_is_alone_and_what_was_known_of_it_is_forgotten() -> None:
    trees = Trees({"west": "", "hall": "west"})
    trees.note("west")
    trees.note("hall", miner())
    assert trees.forest.place("hall").gate == ""
    trees.put("hall", "")
    assert trees.forest.place("hall") is ALONE
    assert trees.forest.place("west") is ALONE
    trees.put("hall", "west")
    assert trees.forest.place("hall").gate == "ParentUnknown"


@pytest.mark.parametrize(
    "parents",
    [{"west": "nobody"}, {"west": "west"}, {"west": "east", "east": "west"}, {**TREE, "utility": "nobody"}],
    ids=["missing", "itself", "cycle", "missing above"],
)
def test_a_missing_parent_and_a_cycle_mean_that_nothing_is_raised(parents: dict[str, str]) -> None:
    trees = Trees(parents)
    trees.note("west", miner())
    assert trees.forest.place("west").gate == "ParentUnknown"


def test_nothing_is_raised_until_every_budget_of_the_tree_is_known() -> None:
    trees = Trees(TREE)
    for name in ("utility", "feeder", "west"):
        trees.note(name)
        assert trees.forest.place("west").gate == "ParentUnknown"
    trees.note("east")
    assert trees.forest.place("west").gate == ""
    trees.forest.forget("east")
    assert trees.forest.place("west").gate == "ParentUnknown"


@pytest.mark.parametrize("state", [{"raise_gate": "NotLeader"}, {"meter": Signal(5.0, "Stale")}])
def test_what_forbids_a_raise_above_forbids_it_below(state: dict[str, Any]) -> None:
    trees = Trees(TREE)
    trees.note_all()
    trees.note("utility", state=state)
    assert trees.forest.place("west").gate == "ParentUnknown"


def test_others_are_woken_by_what_changed_and_by_nothing_else() -> None:
    trees = Trees(TREE)
    trees.note_all()
    before = trees.woken
    trees.note_all()
    assert trees.woken == before
    trees.note("feeder", limit=3_000)
    assert trees.woken == before + 1


def test_a_limit_above_reaches_the_leaves_and_is_named() -> None:
    trees = Trees(TREE)
    trees.note_all()
    trees.note("feeder", limit=3_000)
    for name in ("west", "east"):
        state, decision = trees.decide(name, miner(spec_replicas=10, it_watts_per_replica=1000))
        assert state.budget.limited_by == "PowerBudget feeder"
        assert decision.planned_watts <= 3_000


@pytest.mark.parametrize("lost", ["east", "utility"])
def test_a_cut_above_is_followed_while_another_budget_of_the_tree_is_not_known(lost: str) -> None:
    trees = Trees(TREE)
    trees.note_all()
    trees.note("feeder", limit=3_000)
    trees.forest.forget(lost)
    _, decision = trees.decide("west", miner(spec_replicas=10, it_watts_per_replica=1000))
    assert decision.planned_watts <= 3_000


def test_a_cut_between_is_followed_while_the_top_does_not_exist() -> None:
    trees = Trees({**TREE, "utility": "nobody"})
    trees.note_all()
    trees.note("feeder", limit=3_000)
    _, decision = trees.decide("west", miner(spec_replicas=10, it_watts_per_replica=1000))
    assert decision.planned_watts <= 3_000
    assert trees.forest.place("feeder").committed_watts > 0


def test_the_limit_is_reckoned_from_what_the_site_is_now() -> None:
    trees = Trees({"root": "", "west": "root", "east": "root"})
    for name in ("root", "west", "east"):
        trees.note(name, limit=60_000)
    trees.note("west", miner(spec_replicas=1, booked_pods=5, it_watts_per_replica=10_000), limit=60_000)
    trees.note("east", miner(spec_replicas=5, it_watts_per_replica=10_000), limit=60_000)
    state, decision = trees.decide("east", miner(spec_replicas=1, it_watts_per_replica=10_000), limit=60_000)
    assert state.budget.limit_watts == 10_000
    assert decision.raises == ()


def test_the_first_workload_of_a_leaf_is_bound_too() -> None:
    trees = Trees({"root": "", "west": "root", "east": "root"})
    for name in ("root", "west", "east"):
        trees.note(name, limit=50_000)
    trees.note("west", miner(spec_replicas=5, max_replicas=5, it_watts_per_replica=10_000), limit=50_000)
    _, decision = trees.decide("east", miner(it_watts_per_replica=10_000), limit=50_000)
    assert decision.raises == ()


def test_siblings_make_room_for_one_that_only_advises() -> None:
    trees = Trees({"root": "", "west": "root", "east": "root"})
    for name in ("root", "west", "east"):
        trees.note(name, limit=100_000)
    east = miner(spec_replicas=8, it_watts_per_replica=10_000)
    trees.note("east", east, limit=100_000, state={"mode": Mode.ADVISE})
    west = miner(spec_replicas=5, priority=10, it_watts_per_replica=10_000)
    _, decision = trees.decide("west", west, limit=100_000)
    assert decision.planned_watts == 20_000


def test_a_decision_that_failed_keeps_the_tree_from_raising() -> None:
    trees = Trees(TREE)
    trees.note_all()
    trees.forest.doubt("feeder")
    assert trees.forest.place("west").gate == "ParentUnknown"
    trees.note("feeder")
    assert trees.forest.place("west").gate == ""


def test_a_parent_has_the_books_of_all_below_in_its_own() -> None:
    trees = Trees(TREE)
    trees.note_all()
    place = trees.forest.place("utility")
    assert place.committed_watts == 20_000
    stage = Stage()
    alone = stage.state().budget.fixed_watts
    state = observe(stage.site, stage.view, stage.entries(), NOW, "", place).state
    assert state.budget.fixed_watts == alone + 20_000


def test_an_emergency_above_is_one_below() -> None:
    trees = Trees(TREE)
    trees.note_all()
    trees.note("utility", state={"emergency": True})
    assert trees.forest.place("west").emergency
    assert not trees.forest.place("utility").emergency


@pytest.mark.parametrize("taken_off", [{"reserve_percent": 10}, {"correction_watts": 0}])
def test_reserve_of_a_leaf_does_not_shrink_what_its_tree_leaves_to_it(taken_off: dict[str, Any]) -> None:
    trees = Trees(TREE)
    trees.note_all()
    trees.note("east")
    trees.note("feeder", limit=10_000)
    state, _ = trees.decide("west", miner(spec_replicas=10, it_watts_per_replica=1000), state=taken_off)
    assert 10_000 <= state.budget.limit_watts <= 10_001


def test_what_a_leafs_meter_shows_beyond_its_books_comes_off_once() -> None:
    trees = Trees(TREE)
    trees.note_all()
    trees.note("east")
    trees.note("feeder", limit=10_000)
    taken_off = {"correction_watts": 2_000}
    state, decision = trees.decide("west", miner(spec_replicas=10, it_watts_per_replica=1000), state=taken_off)
    assert state.budget.limit_watts == 8_000
    assert decision.planned_watts == 8_000


def test_best_effort_on_a_parent_leaves_the_floors_of_all_below() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=4))
    stage.put(
        {
            "apiVersion": "wattswitch.io/v1alpha1",
            "kind": "CurtailmentEvent",
            "metadata": {"name": "call", "uid": "call", "creationTimestamp": format_time(NOW)},
            "spec": {"budget": "west", "limit": {"all": True}, "urgency": "BestEffort"},
        }
    )
    trees = Trees({"west": "", "hall": "west"})
    trees.note("west")
    trees.note("hall", inference(floor_replicas=2, it_watts_per_replica=1000), fixed_watts=300)
    place = trees.forest.place("west")
    state = observe(stage.site, stage.view, stage.entries(), NOW, "", place).state
    assert place.floor_watts == 2_300
    assert min(state.budget.event_limits_watts) >= 2_300 + stage.spec.overhead.fixed_watts
