"""The same plan on a model site: what it runs, when it switches, and that it keeps the limit while pods die."""

from dataclasses import replace

import numpy as np
import pytest

from unit.simulate.sites import HOUR, START, inputs_of, series, site_of
from wattswitch.planner import plan
from wattswitch.planner.model import Demand, Signal, SiteState
from wattswitch.planner.record import from_line, to_line
from wattswitch.simulate.account import account
from wattswitch.simulate.grid import Period
from wattswitch.simulate.modelsite import ModelSite
from wattswitch.simulate.replay import ReplayError, replay
from wattswitch.simulate.run import run

DAY = 24


def waves(count: int, low: float = 20.0, high: float = 200.0) -> list[float]:
    """Twelve cheap hours, twelve dear ones."""
    return [low if (hour // 12) % 2 == 0 else high for hour in range(count)]


@pytest.fixture
def site(tmp_path):
    return site_of(tmp_path)


def free(objects):
    """No cost, no start time and no dwell: the strike alone decides."""
    for key in ("MiningPool/s21", "MiningPool/s19j"):
        objects[key]["spec"]["switching"] = {"minRunSeconds": 0, "minOffSeconds": 0, "startSeconds": 0}


def test_without_switch_costs_a_pool_runs_while_the_price_is_below_its_strike(tmp_path):
    site = site_of(tmp_path, free)
    inputs = inputs_of(site, waves(3 * DAY))
    result = run(site, inputs)
    pays = inputs.price_per_mwh < inputs.worth_per_mwh[:, 2]
    assert ((result.replicas[:, 2] > 0) == pays).all()
    words = [result.words[w] for w in result.reasons[:, 2]]
    assert {word for word, paying in zip(words, pays, strict=True) if not paying} == {"PriceAboveStrike"}


def test_it_serves_demand_first_keeps_the_limit_and_the_floor(site):
    queue = [8.0 * (1 + hour % 12) for hour in range(2 * DAY)]
    inputs = inputs_of(site, waves(2 * DAY), feeds={"queue": series(queue)})
    result = run(site, inputs)
    judged = account(site, inputs, result.spells)
    assert (result.replicas[:, 0] >= inputs.demand_replicas[:, 0]).all()
    assert (result.violation_seconds, judged.violation_seconds, judged.floor_misses) == (0.0, 0.0, 0.0)
    assert (result.committed_watts <= inputs.limit_watts).all()
    assert result.committed_watts.max() > 90_000
    assert judged.profit > 0


def test_a_raise_waits_until_dying_pods_are_gone(tmp_path):
    def tight(objects):
        objects["PowerBudget/west"]["spec"]["capWatts"] = 60_000
        objects["PowerBudget/west"]["spec"]["hardware"][0]["stopSeconds"] = 300

    site = site_of(tmp_path, tight)
    inputs = inputs_of(site, [20.0] * 4, feeds={"queue": series([8.0, 96.0, 96.0, 8.0])})
    seen = []
    result = run(site, inputs, record=lambda state, decision: seen.append((state.now, decision)))
    raised = [at - START - HOUR for at, decision in seen if "InferenceDeployment/inference/chat" in decision.raises]
    assert raised[0] < 300 <= raised[-1] < 400
    assert result.replicas[1, 0] == 12
    assert result.violation_seconds == 0
    assert (result.committed_watts <= inputs.limit_watts).all()


def test_a_ramp_is_kept_within_the_step(tmp_path):
    def slow(objects):
        free(objects)
        objects["PowerBudget/west"]["spec"]["rampUpWattsPerMinute"] = 8000

    site = site_of(tmp_path, slow)
    inputs = inputs_of(site, [200.0, 20.0, 20.0], step_seconds=300.0)
    result = run(site, inputs)
    mined = result.replicas[:, 1:].sum(axis=1)
    assert mined[0] == 0
    assert 8 <= mined[1] <= 12
    assert mined[2] > mined[1]


def test_a_stale_price_raises_nothing(tmp_path):
    site = site_of(tmp_path, free)
    queue = {"queue": series([8.0, 8.0, 48.0, 48.0], 900.0)}
    result = run(site, inputs_of(site, [20.0, np.nan, np.nan, 20.0], step_seconds=900.0, feeds=queue))
    assert result.replicas[:, 0].tolist() == [1, 1, 1, 6]
    assert result.words[result.reasons[2, 0]] == "PriceStale"


def test_a_price_that_is_late_is_acted_on_late(tmp_path):
    def patient(objects):
        free(objects)
        objects["PowerBudget/west"]["spec"]["price"]["staleAfterSeconds"] = 7200

    site = site_of(tmp_path, patient)
    prices = waves(3 * DAY)
    at_once, late = (run(site, inputs_of(site, prices, price_delay_seconds=delay)) for delay in (0.0, HOUR))
    assert (late.replicas[13:, 2] > 0).sum() > 0
    assert ((at_once.replicas[12:-1, 2] > 0) == (late.replicas[13:, 2] > 0)).mean() > 0.95


def test_a_lower_limit_is_met_at_once(site):
    inputs = inputs_of(site, [20.0] * 4)
    limits = np.array([98_000, 40_000, 40_001, 98_000])
    result = run(site, replace(inputs, limit_watts=limits))
    judged = account(site, replace(inputs, limit_watts=limits), result.replicas)
    assert judged.violation_seconds == 0
    # The pods of before draw until they are gone, which the count of seconds tells.
    assert 0 < result.violation_seconds <= 60
    assert result.committed_watts[0] > 40_000 >= result.committed_watts[2]


def test_equal_inputs_give_equal_runs(site):
    inputs = inputs_of(site, waves(2 * DAY), step_seconds=900.0)
    first, second = run(site, inputs), run(site, inputs)
    assert (first.replicas == second.replicas).all()
    assert first.words == second.words


def test_progress_reaches_the_end(site):
    told = []
    run(site, inputs_of(site, waves(450), step_seconds=300.0), progress=told.append)
    assert told == [0, 200, 400, 450]


def test_every_recorded_decision_is_decided_again(site, tmp_path):
    lines = []
    run(site, inputs_of(site, waves(30)), record=lambda state, decision: lines.append(to_line(state, decision)))
    file = tmp_path / "states.jsonl"
    file.write_text("\n".join(lines) + "\n")
    read: list[int] = []
    assert replay(file, read.append) == (len(lines), False)
    assert len(lines) >= 30
    assert read[-1] == file.stat().st_size
    state, decision = from_line(lines[20])
    wrong = replace(decision, targets=(replace(decision.targets[0], replicas=99), *decision.targets[1:]))
    file.write_text("\n".join([*lines[:20], to_line(state, wrong), *lines[21:]]) + "\n")
    with pytest.raises(ReplayError, match=r"line 21: InferenceDeployment/inference/chat was 99 \(.*\), is "):
        replay(file)
    file.write_text("\n".join([lines[0], to_line(state, replace(decision, limit_watts=1))]) + "\n")
    with pytest.raises(ReplayError, match="line 2: limit_watts was 1, is 98000 now"):
        replay(file)


@pytest.mark.parametrize(("text", "told"), [("", "is empty"), ("{}\n", "line 1: not a recorded decision")])
def test_a_file_that_is_no_recorded_run(tmp_path, text, told):
    file = tmp_path / "states.jsonl"
    file.write_text(text)
    with pytest.raises(ReplayError, match=told):
        replay(file)


def test_the_model_site_counts_seconds_over_the_limit_by_itself(site):
    pods = ModelSite(site, [0, 0, 20], START)
    assert pods.watts == 2000 + -(-70_000 * 108 // 100)
    pods.show([w.worth.of(Signal(1.0)) for w in site.workloads], [Demand(Signal(0.0), 8.0), None, None], [None] * 3)
    pods.machines[2].ask(0, START)
    pods.__dict__["_dying"] = 20
    pods.advance(START + 60, limit_watts=10_000)
    assert pods.violation_seconds == 5
    assert pods.watts == 2000
    state_pods = [w.booked_pods for w in pods.workloads()]
    assert state_pods == [0, 0, 0]


def test_the_planner_sees_dying_pods(site):
    pods = ModelSite(site, [0, 0, 20], START)
    inputs = inputs_of(site, [400.0] * 2)
    pods.show([w.worth.of(Signal(38.2)) for w in site.workloads], [Demand(Signal(0.0), 8.0), None, None], [None] * 3)
    state = SiteState(START, site.planner_budget(Signal(400.0)), pods.workloads())
    assert pods.write(plan(state))
    assert [w.booked_pods for w in pods.workloads()] == [1, 0, 20]
    assert inputs.steps == 2


def test_what_a_killed_process_leaves_of_a_record_is_left_out(site, tmp_path):
    lines = []
    run(site, inputs_of(site, waves(4)), record=lambda state, decision: lines.append(to_line(state, decision)))
    file = tmp_path / "states.jsonl"
    file.write_text("\n\n".join(lines) + "\n" + lines[0][:100])
    assert replay(file) == (len(lines), True)
    file.write_text(lines[0][:100])
    with pytest.raises(ReplayError, match="line 1: not a recorded decision"):
        replay(file)


def test_demand_of_before_the_first_step_is_learned_from(site):
    """The same evening, played with and without the days before it in the recording."""
    queue = series([8.0 + 80.0 * (hour % DAY >= 12) for hour in range(8 * DAY)])
    inputs = inputs_of(
        site, [20.0] * (8 * DAY), feeds={"queue": queue}, period=Period(START + 7 * DAY * HOUR, None, None)
    )
    assert inputs.earlier_times.size == 7 * DAY
    assert inputs.earlier_times[-1] == inputs.times[0] - HOUR
    asked = []
    run(site, inputs, record=lambda state, _: asked.append(state.workloads[0].demand))
    assert asked[0] is not None
    assert asked[0].needs
    nothing = []
    bare = replace(inputs, earlier_times=np.empty(0), earlier={})
    run(site, bare, record=lambda state, _: nothing.append(state.workloads[0].demand))
    assert nothing[0] is not None
    assert not nothing[0].needs
