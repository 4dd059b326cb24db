"""The promises that the planner keeps, one test each; the numbers are those of the design."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from builders import NOW, goals, sizes
from property import arithmetic
from property.arithmetic import asked_it_watts, floor_of, lowered, raised, size_watts, within_limit
from property.model_site import ModelSite
from property.strategies import (
    any_states,
    calm_states,
    contested_sites,
    full_sites,
    handovers,
    prices,
    running_sites,
    site_states,
    without_floors,
    without_outlook,
    worths,
)
from wattswitch.planner import plan
from wattswitch.planner.model import Demand, Draw, OnStale, Plan, Reason, Signal, SiteState, Workload, Worth, WorthUnit

WAITING = {Reason.WAITING_FOR_WATTS, Reason.WAITING_FOR_GPUS, Reason.RAMP_UP, Reason.RAMP_DOWN, Reason.SETTLING}
DWELLING = {Reason.MIN_RUN, Reason.MIN_OFF}


def by_key(state: SiteState) -> dict[str, Workload]:
    return {w.key: w for w in state.workloads}


def with_price(state: SiteState, value: float) -> SiteState:
    price = replace(state.budget.price, value=value)
    return replace(state, budget=replace(state.budget, price=price))


def without_ramps(state: SiteState) -> SiteState:
    budget = replace(state.budget, ramp_up_watts_per_minute=0, ramp_down_watts_per_minute=0)
    return replace(state, budget=budget)


def signals_of(state: SiteState, w: Workload) -> dict[str, Signal]:
    signals = {Reason.PRICE_STALE: state.budget.price, Reason.WORTH_STALE: w.worth.signal}
    if w.demand:
        signals[Reason.DEMAND_STALE] = w.demand.signal
    return {str(reason): signal for reason, signal in signals.items()}


@given(any_states)
def test_p1_no_raise_takes_committed_above_the_limit(state: SiteState) -> None:
    rising = raised(state, plan(state))
    growth = sum(size_watts(w, size) - size_watts(w, w.spec_replicas) for w, size in rising.values())
    if rising:
        assert within_limit(state.budget, arithmetic.booked_it_watts(state) + growth)
    for group in {w.gpu_group for w, _ in rising.values() if w.gpus_per_replica} - {""}:
        taken = sum(
            (arithmetic.size_pods(w, size) - arithmetic.size_pods(w, w.spec_replicas)) * w.gpus_per_replica
            for w, size in rising.values()
            if w.gpu_group == group
        )
        assert taken <= max(0, arithmetic.gpus_free(state, group))


@given(any_states)
def test_p1_committed_and_limit_are_what_fractions_say(state: SiteState) -> None:
    decision = plan(state)
    committed = arithmetic.meter_watts(state.budget, arithmetic.booked_it_watts(state))
    allowed = max(Fraction(0), arithmetic.limit_watts(state.budget))
    assert decision.committed_watts == ceil(committed)
    assert decision.limit_watts == floor(allowed)
    on_goal = asked_it_watts(state, goals(decision))
    assert within_limit(state.budget, on_goal) or not any(goals(decision).values())


@given(handovers())
def test_p2_a_raise_waits_until_the_pods_whose_watts_it_needs_are_gone(state: SiteState) -> None:
    """Price and worth move watts from some to others; nothing else is in the way, no pod is dying yet."""
    decision = plan(state)
    assert_raises_use_what_is_free(state, decision)
    waiting = [t.key for t in decision.targets if t.replicas < t.goal_replicas]
    assume(decision.lowers and waiting)

    asked = after_the_writes(state, decision, gone=False)
    meanwhile = plan(asked)
    assert meanwhile.raises == ()
    assert {t.reason for t in meanwhile.targets if t.key in waiting} == {Reason.WAITING_FOR_WATTS}

    freed = plan(after_the_writes(state, decision, gone=True))
    assert set(waiting) == set(freed.raises)
    assert sizes(freed) == goals(decision)


def after_the_writes(state: SiteState, decision: Plan, *, gone: bool) -> SiteState:
    """The site once the plan's sizes are asked for, with the pods that are to stop still dying or gone."""
    written = []
    for w in state.workloads:
        size = sizes(decision)[w.key]
        pods = arithmetic.size_pods(w, size)
        written.append(replace(w, spec_replicas=size, booked_pods=pods if gone else max(pods, w.booked_pods)))
    return replace(state, workloads=tuple(written))


def assert_raises_use_what_is_free(state: SiteState, decision: Plan) -> None:
    """The raises fit beside every pod in the books, those that the same decision asks to stop included."""
    rising = raised(state, decision).values()
    growth = sum(size_watts(w, size) - size_watts(w, w.spec_replicas) for w, size in rising)
    assert not rising or within_limit(state.budget, arithmetic.booked_it_watts(state) + growth)


@given(any_states)
def test_p3_only_fresh_facts_raise(state: SiteState) -> None:
    for w, _ in raised(state, plan(state)).values():
        assert all(signal.fresh for signal in signals_of(state, w).values()) or w.leaving
        assert state.budget.meter is None or state.budget.meter.fresh
        assert (state.raise_gate, w.held, w.blocked) == ("", "", "")
        assert w.settled


@given(any_states, st.sampled_from((Reason.VIEW_STALE, Reason.NOT_LEADER, Reason.LEDGER_UNWRITTEN)))
def test_p3_stale_facts_still_lower_to_the_limit(state: SiteState, gate: Reason) -> None:
    gated = replace(state, raise_gate=str(gate))
    decision = plan(gated)
    assert not raised(gated, decision)
    assert_limit_is_asked_for(gated, decision)


@given(any_states, st.integers(0, 200_000), prices)
def test_p4_nothing_but_the_admin_raises_the_limit(state: SiteState, event: int, price: float) -> None:
    cap = state.budget.cap_watts * (100 - state.budget.reserve_percent) / 100
    decision = plan(state)
    assert decision.limit_watts <= cap
    assert decision.planned_watts <= cap or not any(goals(decision).values())
    louder = replace(with_price(state, price), workloads=tuple(replace(w, priority=10**6) for w in state.workloads))
    with_event = replace(
        louder, budget=replace(louder.budget, event_limits_watts=(*louder.budget.event_limits_watts, event))
    )
    assert plan(with_event).limit_watts <= decision.limit_watts


@given(any_states)
def test_p5_a_workload_with_a_stale_feed_is_not_raised_and_follows_the_policy(state: SiteState) -> None:
    decision = plan(without_ramps(state))
    for w in state.workloads:
        stale = [signal for signal in signals_of(state, w).values() if not signal.fresh]
        if not stale or w.leaving:
            continue
        assert sizes(decision)[w.key] <= w.spec_replicas
        unknown = [
            s
            for s in stale
            if s.on_stale is OnStale.SHED
            or (s.on_stale is OnStale.HOLD and s.value is None)
            or (s.on_stale is OnStale.ASSUME and s.assume is None)
        ]
        if unknown and not w.held:
            assert sizes(decision)[w.key] <= floor_of(w)


@given(any_states)
def test_p5_hold_wants_what_the_last_value_wants_and_assume_what_the_worse_one_wants(state: SiteState) -> None:
    def decided_with(signal: Signal, worst: float | None) -> Signal:
        if signal.fresh or signal.on_stale is OnStale.SHED or worst is None:
            return signal
        return Signal(worst)

    def pessimist(signal: Signal, *, dear: bool) -> Signal:
        known = [signal.value] if signal.value is not None else []
        if signal.on_stale is OnStale.ASSUME:
            known = [] if signal.assume is None else [*known, signal.assume]
        ordered = sorted(known)
        return decided_with(signal, ordered[-1 if dear else 0] if ordered else None)

    fresh = replace(
        state,
        budget=replace(state.budget, price=pessimist(state.budget.price, dear=True)),
        workloads=tuple(
            replace(
                w,
                worth=replace(w.worth, signal=pessimist(w.worth.signal, dear=False)),
                demand=w.demand and foreseeing_nothing(w.demand, pessimist(w.demand.signal, dear=False)),
            )
            for w in state.workloads
        ),
    )
    wanted = {target.key: target.wanted_replicas for target in plan(state).targets}
    assert wanted == {target.key: target.wanted_replicas for target in plan(fresh).targets}


def foreseeing_nothing(demand: Demand, signal: Signal) -> Demand:
    """The demand with another signal; what was expected of one that is stale does not count."""
    foreseen = demand if demand.signal.fresh else replace(demand, forecast=None, needs=())
    return replace(foreseen, signal=signal)


@given(any_states)
def test_p6_floors_and_maxima_hold_but_for_the_limit(state: SiteState) -> None:
    decision = plan(state)
    for w in state.workloads:
        goal = goals(decision)[w.key]
        assert goal <= (w.spec_replicas if w.held else w.max_replicas)
        assert sizes(decision)[w.key] <= max(w.max_replicas, w.spec_replicas)
        if goal < floor_of(w) and not cannot_rise(state, w):
            assert_told_as_unmet(decision, w, goal)
            others = {v.key: min(goals(decision)[v.key], floor_of(v)) for v in state.workloads if precedes(v, w)}
            missing = {v.key: others.get(v.key, 0) for v in state.workloads} | {w.key: goal + 1}
            assert not within_limit(state.budget, asked_it_watts(state, missing)) or lacks_gpus(state, missing, w)


def assert_told_as_unmet(decision: Plan, w: Workload, goal: int) -> None:
    """The plan counts what this floor lacks: GPUs where its group is what is too small, else watts."""
    target = next(target for target in decision.targets if target.key == w.key)
    gpus = {group.name: group.gpus for group in decision.unmet_floor_gpus}
    if target.limited_by == Reason.GPU_LIMIT:
        lacking = arithmetic.size_pods(w, floor_of(w)) - arithmetic.size_pods(w, goal)
        assert gpus[w.gpu_group] >= lacking * w.gpus_per_replica > 0
    else:
        assert decision.unmet_floor_watts >= size_watts(w, floor_of(w)) - size_watts(w, goal) > 0


def precedes(v: Workload, w: Workload) -> bool:
    """Whether a floor may be unmet for the sake of `v`'s: never for that of a lower priority."""
    return v.key != w.key and not arithmetic.ranks_below(v, w)


def cannot_rise(state: SiteState, w: Workload) -> bool:
    stale = any(not signal.fresh for signal in signals_of(state, w).values()) and not w.leaving
    meter = state.budget.meter
    return bool(stale or w.held or w.blocked or state.raise_gate or (meter is not None and not meter.fresh))


def lacks_gpus(state: SiteState, asked: Mapping[str, int], w: Workload) -> bool:
    seen = tuple(replace(v, spec_replicas=asked[v.key]) for v in state.workloads)
    return bool(w.gpu_group) and arithmetic.gpus_exceeded(replace(state, workloads=seen))


@given(any_states, st.randoms(use_true_random=False))
def test_p7_the_same_state_gives_the_same_plan_in_any_order(state: SiteState, random: Random) -> None:
    shuffled = list(state.workloads)
    random.shuffle(shuffled)
    groups = tuple(reversed(state.budget.gpu_groups))
    other = replace(
        state,
        workloads=tuple(shuffled),
        draws=tuple(reversed(state.draws)),
        moves=tuple(reversed(state.moves)),
        budget=replace(state.budget, gpu_groups=groups, event_limits_watts=state.budget.event_limits_watts[::-1]),
    )
    assert plan(state) == plan(state) == plan(other)


@given(any_states, st.integers(0, 2000))
def test_p8_a_higher_price_raises_nobody_but_into_what_others_give(state: SiteState, dearer_by: int) -> None:
    state = without_ramps(state)
    assume(state.budget.price.value is not None)
    dearer = with_price(state, (state.budget.price.value or 0.0) + dearer_by)
    before, after = goals(plan(state)), goals(plan(dearer))
    if any(after[key] > before[key] for key in after):
        assert any(after[key] < before[key] for key in after)
    wanted = {target.key: target.wanted_replicas for target in plan(state).targets}
    assert all(target.wanted_replicas <= wanted[target.key] for target in plan(dearer).targets)


@given(any_states)
def test_p8_nobody_rises_above_the_floor_where_the_price_is_above_the_strike(state: SiteState) -> None:
    decision = plan(state)
    worths = {target.key: target.worth_per_mwh for target in decision.targets}
    for w, size in raised(state, decision).values():
        worth = worths[w.key]
        if w.leaving or has_deadline(w):
            continue
        assert worth is not None
        assert decision.price_per_mwh is not None
        assert size <= floor_of(w) or worth > decision.price_per_mwh


def has_deadline(w: Workload) -> bool:
    """Whether the workload's work is to be done by some time, whatever the price is then."""
    return w.batch is not None and w.demand is not None


@given(any_states)
def test_p8_without_costs_of_switching_the_strike_decides(state: SiteState) -> None:
    free: dict[str, Any] = {"start_seconds": 0, "drain_seconds": 0, "cost_per_start": 0.0, "batch": None}
    state = replace(state, workloads=tuple(replace(w, **free) for w in state.workloads))
    assert replace(plan(state), outlook=None) == plan(without_outlook(state))


@given(calm_states(), st.integers(0, 100_000))
def test_p8_a_higher_limit_takes_no_value_from_the_top_priority(state: SiteState, more: int) -> None:
    """What the top priority earns over the price of now, at the watts in the books; the lower limit carries all floors.

    Single workloads may give way inside it: 9 kW run three 3 kW machines, 10 kW the better 10 kW machine.
    """
    if plan(state).unmet_floor_watts:
        state = without_floors(state)
    state = without_outlook(state)
    higher = replace(state, budget=replace(state.budget, cap_watts=state.budget.cap_watts + more))
    assert surplus_of_top_priority(higher) >= surplus_of_top_priority(state) - 1e-6


def surplus_of_top_priority(state: SiteState) -> float:
    decision = plan(state)
    top = max(w.priority for w in state.workloads)
    price = decision.price_per_mwh or 0.0
    surplus = 0.0
    for target in decision.targets:
        w = by_key(state)[target.key]
        if w.priority == top and target.worth_per_mwh is not None:
            surplus += (target.worth_per_mwh - price) * size_watts(w, target.goal_replicas)
    return surplus


@given(running_sites() | full_sites())
def test_p9_constant_inputs_come_to_rest(state: SiteState) -> None:
    site = ModelSite.of(state)
    resting = site.rest()
    last = plan(site.state)
    assert not {target.reason for target in last.targets} & (WAITING | DWELLING)
    site.wait(10**7)
    much_later = plan(site.state)
    assert (much_later.lowers, much_later.raises) == ((), ())
    assert sizes(much_later) == resting


@given(any_states, st.floats(0, 1, exclude_max=True))
def test_p9_nothing_changes_before_the_plan_says_to_look_again(state: SiteState, part: float) -> None:
    decision = plan(state)
    horizon = NOW + 10**6 if decision.look_again_at is None else decision.look_again_at
    assert horizon > NOW
    at = NOW + part * (horizon - NOW)
    assume(at < horizon)
    later = plan(replace(state, now=at))
    assert (sizes(later), goals(later)) == (sizes(decision), goals(decision))


@given(
    full_sites() | contested_sites(),
    st.lists(st.tuples(prices, worths, st.sampled_from((1.0, 30.0, 300.0))), max_size=6),
)
def test_p9_dwell_is_kept_whatever_price_and_worth_do(
    state: SiteState, future: list[tuple[float, float, float]]
) -> None:
    site = ModelSite.of(state)
    for n, (price, worth, seconds) in enumerate([(0.0, 700.0, 1.0), *future]):
        site.budget = replace(site.budget, price=Signal(price))
        machine = list(site.machines.values())[n % len(site.machines)]
        machine.workload = replace(machine.workload, worth=Worth(Signal(worth), WorthUnit.PER_MWH))
        before = site.state
        decision = plan(before)
        assert_dwell_is_kept(before, decision)
        site.write(decision)
        site.wait(seconds)


def assert_dwell_is_kept(before: SiteState, decision: Plan) -> None:
    """No lowering for money soon after a raise, no raise above the floor soon after a lowering."""
    for w, _ in lowered(before, decision).values():
        if w.raised_at is not None and before.now < w.raised_at + w.min_run_seconds:
            assert arithmetic.may_give_way(before, goals(decision), w) or w.spec_replicas > w.max_replicas
    for w, size in raised(before, decision).values():
        if w.lowered_at is not None and before.now < w.lowered_at + w.min_off_seconds:
            assert size <= floor_of(w)


@given(any_states)
def test_p10_every_target_says_what_binds_it(state: SiteState) -> None:
    decision = plan(state)
    assert [target.key for target in decision.targets] == sorted(w.key for w in state.workloads)
    for target in decision.targets:
        w = by_key(state)[target.key]
        assert target.from_replicas == w.spec_replicas
        assert target.reason in set(Reason)
        assert binds(Reason(target.reason), state, decision, w), target


def binds(reason: Reason, state: SiteState, decision: Plan, w: Workload) -> bool:
    """Whether the reason is true of the target that gives it."""
    target = next(target for target in decision.targets if target.key == w.key)
    more = goals(decision) | {w.key: target.goal_replicas + 1}
    budget = state.budget
    price, worth, meter = decision.price_per_mwh, target.worth_per_mwh, budget.meter
    held_back = w.spec_replicas <= target.replicas < target.goal_replicas
    stale = {name for name, signal in signals_of(state, w).items() if not signal.fresh}
    truths = {
        Reason.AT_MAXIMUM: target.replicas == w.max_replicas,
        Reason.DEMAND_MET: w.demand is not None and target.replicas == target.wanted_replicas,
        Reason.PRICE_ABOVE_STRIKE: None not in (price, worth)
        and (worth or 0.0) <= (price or 0.0)
        and target.replicas == floor_of(w),
        Reason.SWITCH_COST: w.cost_per_start + w.start_seconds + w.drain_seconds > 0
        and budget.outlook is not None
        and None not in (price, worth)
        and target.replicas <= w.spec_replicas
        and target.replicas == target.wanted_replicas,
        Reason.DEADLINE: w.batch is not None
        and None not in (price, worth)
        and (worth or 0.0) <= (price or 0.0)
        and floor_of(w) < target.replicas == target.wanted_replicas,
        Reason.CHEAPER_AHEAD: w.batch is not None
        and budget.outlook is not None
        and None not in (price, worth)
        and (worth or 0.0) > (price or 0.0)
        and target.replicas == target.wanted_replicas < w.max_replicas,
        Reason.POWER_LIMIT: not within_limit(budget, asked_it_watts(state, more)),
        Reason.GPU_LIMIT: lacks_gpus(state, more, w),
        Reason.FLOOR_UNMET: target.goal_replicas < floor_of(w)
        and (decision.unmet_floor_watts > 0 or bool(decision.unmet_floor_gpus)),
        Reason.MIN_RUN: w.raised_at is not None and w.raised_at + w.min_run_seconds > NOW,
        Reason.MIN_OFF: w.lowered_at is not None and w.lowered_at + w.min_off_seconds > NOW,
        Reason.RAMP_UP: held_back and budget.ramp_up_watts_per_minute > 0,
        Reason.WAITING_FOR_WATTS: held_back and not within_limit(budget, watts_with_one_more(state, decision, w)),
        Reason.WAITING_FOR_GPUS: held_back and gpus_free_with_one_more(state, decision, w) < 0,
        Reason.SETTLING: held_back and not w.settled,
        Reason.RAMP_DOWN: w.spec_replicas >= target.replicas > target.goal_replicas
        and budget.ramp_down_watts_per_minute > 0,
        Reason.PRICE_STALE: Reason.PRICE_STALE in stale,
        Reason.WORTH_STALE: Reason.WORTH_STALE in stale or worth is None,
        Reason.DEMAND_STALE: Reason.DEMAND_STALE in stale,
        Reason.METER_STALE: meter is not None and not meter.fresh,
        Reason.STOPPING: w.leaving and target.replicas == target.goal_replicas == w.max_replicas,
    }
    return truths.get(reason, reason in (w.held, w.blocked, state.raise_gate))


def watts_with_one_more(state: SiteState, decision: Plan, w: Workload) -> int:
    """Every pod in the books, the raises of the decision, and one replica more of `w` with its surge."""
    grown = grown_to(state, decision, w)
    growth = sum(max(0, size_watts(v, grown[v.key]) - size_watts(v, v.spec_replicas)) for v in state.workloads)
    return arithmetic.booked_it_watts(state) + growth


def gpus_free_with_one_more(state: SiteState, decision: Plan, w: Workload) -> int:
    """GPUs of the group of `w` that nobody holds, after the raises of the decision and one replica more of `w`."""
    grown = grown_to(state, decision, w)
    members = [v for v in state.workloads if v.gpu_group == w.gpu_group]
    pods = {v.key: arithmetic.size_pods(v, grown[v.key]) - arithmetic.size_pods(v, v.spec_replicas) for v in members}
    return arithmetic.gpus_free(state, w.gpu_group) - sum(max(0, pods[v.key]) * v.gpus_per_replica for v in members)


def grown_to(state: SiteState, decision: Plan, w: Workload) -> dict[str, int]:
    sizes_now = sizes(decision)
    return sizes_now | {w.key: sizes_now[w.key] + 1}


@given(any_states, prices)
def test_p11_the_paused_are_moved_by_the_limit_alone(state: SiteState, price: float) -> None:
    for before in (state, with_price(state, price)):
        decision = plan(before)
        for w in before.workloads:
            if not w.held:
                continue
            goal = goals(decision)[w.key]
            assert goal <= w.spec_replicas
            if goal < w.spec_replicas:
                assert arithmetic.may_give_way(before, goals(decision), w)
                assert_less_than_a_pod_is_above(before, decision, w, of_equals_too=True, floors_too=goal < floor_of(w))


@given(any_states)
def test_p11_higher_priorities_lose_nothing_while_a_lower_one_is_above_its_floor(state: SiteState) -> None:
    decision = plan(state)
    for target in decision.targets:
        if target.reason == Reason.POWER_LIMIT:
            w = by_key(state)[target.key]
            assert_less_than_a_pod_is_above(state, decision, w, of_equals_too=False, floors_too=False)


def assert_less_than_a_pod_is_above(
    state: SiteState, decision: Plan, w: Workload, *, of_equals_too: bool, floors_too: bool
) -> None:
    """What those who rank below, or beside it and are not held, have above their floors carries no more pod of `w`."""
    others = [v for v in state.workloads if arithmetic.ranks_below(v, w)]
    if of_equals_too:
        beside = (v for v in state.workloads if not arithmetic.ranks_below(v, w) and not arithmetic.ranks_below(w, v))
        others += [v for v in beside if v.key != w.key and not v.held]
    goal = goals(decision)
    bare = goal | {v.key: min(goal[v.key], floor_of(v)) for v in others} | {w.key: goal[w.key] + 1}
    if floors_too:
        bare |= {v.key: 0 for v in others}
    assert not within_limit(state.budget, asked_it_watts(state, bare)) or lacks_gpus(state, bare, w)


@given(running_sites(), st.data())
def test_p12_killed_at_any_moment_it_ends_where_it_would_have_ended(state: SiteState, data: st.DataObject) -> None:
    undisturbed = ModelSite.of(state).rest()
    site = ModelSite.of(state)
    for _ in range(data.draw(st.integers(1, 4), label="kills")):
        decision = plan(site.state)
        site.write(decision, data.draw(st.integers(0, len(decision.lowers + decision.raises)), label="writes"))
        site.moves.clear()
        site.wait(data.draw(st.sampled_from((0.1, 5.0, 90.0)), label="dead for seconds"))
    assert site.rest() == undisturbed


@given(any_states)
def test_p13_a_limit_in_force_is_asked_for_at_once(state: SiteState) -> None:
    assert_limit_is_asked_for(state, plan(state))


def assert_limit_is_asked_for(state: SiteState, decision: Plan) -> None:
    after = {key: min(size, by_key(state)[key].spec_replicas) for key, size in sizes(decision).items()}
    assert within_limit(state.budget, asked_it_watts(state, after)) or not any(after.values())


@given(
    running_sites(),
    st.sampled_from((1, 3_000, 20_000)),
    st.sampled_from((1, 3_000, 20_000)),
    st.lists(
        st.tuples(st.sampled_from((-200.0, -200.0, 40.0, 5000.0)), st.sampled_from((1.0, 17.0, 60.0))), max_size=12
    ),
)
def test_p13_economic_moves_keep_to_the_ramp(
    state: SiteState, up: int, down: int, future: list[tuple[float, float]]
) -> None:
    site = ModelSite.of(within_its_limit(without_dwell(state)))
    made: list[tuple[float, int, int]] = []
    for price, seconds in future:
        ramps: dict[str, Any] = {"ramp_up_watts_per_minute": up, "ramp_down_watts_per_minute": down}
        site.budget = replace(site.budget, price=Signal(price), **ramps)
        before, moved = site.sizes, len(site.moves)
        decision = plan(site.state)
        site.write(decision)
        pods = [abs(site.sizes[key] - before[key]) for key in (*decision.lowers, *decision.raises)]
        made += [(move.at, move.it_watts, n) for move, n in zip(site.moves[moved:], pods, strict=True)]
        site.wait(seconds)
    for sign, ramp in ((1, up), (-1, down)):
        for window in minutes([(at, sign * watts, pods) for at, watts, pods in made if sign * watts > 0]):
            at_the_meter = arithmetic.meter_watts(state.budget, sum(w for _, w, _ in window)) - state.budget.fixed_watts
            assert at_the_meter <= ramp or [pods for _, _, pods in window] == [1]


def without_dwell(state: SiteState) -> SiteState:
    return replace(state, workloads=tuple(replace(w, min_run_seconds=0, min_off_seconds=0) for w in state.workloads))


def within_its_limit(state: SiteState) -> SiteState:
    """The site with the sizes that its limit leaves it."""
    fits = goals(plan(without_ramps(state)))
    seen = (replace(w, spec_replicas=min(w.spec_replicas, fits[w.key])) for w in state.workloads)
    return replace(
        state, workloads=tuple(replace(w, booked_pods=arithmetic.size_pods(w, w.spec_replicas)) for w in seen)
    )


def minutes(moves: list[tuple[float, int, int]]) -> Iterator[list[tuple[float, int, int]]]:
    """What moved in the minute that ends with each move."""
    for end, _, _ in moves:
        yield [move for move in moves if end - 60 < move[0] <= end]


@given(site_states(least=2))
def test_p14_a_bad_object_is_not_raised_and_does_not_stop_the_others(state: SiteState) -> None:
    """The others decide as if the blocked workload's pods were so much draw of nobody's."""
    state = without_ramps(state)
    bad, others = replace(state.workloads[0], blocked="InvalidSpec", held=""), state.workloads[1:]
    decision = plan(replace(state, workloads=(bad, *others)))
    assert sizes(decision)[bad.key] <= bad.spec_replicas
    if goals(decision)[bad.key] < bad.spec_replicas:
        return
    pods = arithmetic.size_pods(bad, bad.spec_replicas) + bad.stuck_pods
    draw = Draw("bad", bad.booked_pods, pods, bad.it_watts_per_replica, bad.gpus_per_replica, bad.gpu_group)
    alone = plan(replace(state, workloads=others, draws=(*state.draws, draw)))
    assert sizes(decision) == sizes(alone) | {bad.key: bad.spec_replicas}
    assert goals(decision) == goals(alone) | {bad.key: bad.spec_replicas}
