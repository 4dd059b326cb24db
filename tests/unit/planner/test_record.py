"""A recorded decision is read back as it was written, or refused with the name of what is wrong."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import inference, miner, site
from property.strategies import site_states
from wattswitch.planner import plan
from wattswitch.planner.model import SiteState
from wattswitch.planner.record import from_line, to_line

STATE = site(miner(), inference(floor_replicas=1))


@settings(deadline=None, max_examples=100)
@given(site_states())
def test_a_line_survives_the_round_trip(state: SiteState) -> None:
    decision = plan(state)
    line = to_line(state, decision)
    assert "\n" not in line
    assert from_line(line) == (state, decision)
    assert plan(from_line(line)[0]) == decision


numbers = st.integers(-(10**20), 10**20) | st.integers(-2, 2) | st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=500)
@given(site_states(least=1), st.data())
def test_no_number_that_is_read_can_fail_the_plan(state: SiteState, data: st.DataObject) -> None:
    line = json.loads(to_line(state, plan(state)))
    places = list(numeric_places(line["state"]))
    for where, name in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        where[name] = data.draw(numbers)
    try:
        read, _ = from_line(json.dumps(line))
    except ValueError:
        return
    assert to_line(read, plan(read))


def numeric_places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Where numbers stand in the data: the object or list that holds one, and its name or place there."""
    for name, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
        if isinstance(value, dict | list):
            yield from numeric_places(value)
        elif type(value) in (int, float):
            yield data, name


def spoilt(change: Callable[[dict[str, Any]], object]) -> str:
    data = json.loads(to_line(STATE, plan(STATE)))
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("plan"), "plan must be an object, got null"),
        (lambda d: d.update(state=[]), r"state must be an object, got \[\]"),
        (lambda d: d["state"].pop("budget"), "state.budget is missing"),
        (lambda d: d["state"]["budget"].pop("cap_watts"), "state.budget.cap_watts is missing"),
        (lambda d: d["state"]["budget"].update(watts=1), "state.budget.watts is no known field"),
        (lambda d: d["state"]["budget"].update(cap_watts="1"), 'state.budget.cap_watts must be of type int, got "1"'),
        (lambda d: d["state"]["budget"].update(cap_watts=None), "state.budget.cap_watts must be of type int, got null"),
        (lambda d: d["state"].update(now=True), "state.now must be a finite number, got true"),
        (lambda d: d["state"].update(now=10**400), "state.now must be a finite number|not a recorded decision"),
        (lambda d: d["state"]["budget"]["price"].update(value=float("nan")), "NaN is no number"),
        (lambda d: d["state"]["workloads"][1].update(kind="Oven"), r"state.workloads\[1\].kind must be one of Mining"),
        (lambda d: d["state"]["workloads"][1].update(kind=[]), r"state.workloads\[1\].kind must be one of Mining"),
        (lambda d: d["state"].update(workloads=7), "state.workloads must be a list, got 7"),
        (lambda d: d["state"]["budget"].update(pue_1e4=0), "state.budget.pue_1e4 must be 10000 or more, got 0"),
        (lambda d: d["state"]["budget"].update(cap_watts=2**63), "state.budget.cap_watts must be a number of 63 bits"),
        (lambda d: d["state"]["budget"].update(reserve_percent=101), "reserve_percent must be 100 or less, got 101"),
        (
            lambda d: d["state"]["workloads"][1].update(it_watts_per_replica=0),
            r"state.workloads\[1\].it_watts_per_replica must be 1 or more, got 0",
        ),
        (lambda d: d["state"]["workloads"][0].update(spec_replicas=-1), "spec_replicas must be 0 or more, got -1"),
        (lambda d: d["state"]["workloads"][0]["surge"].update(pods=-1), "surge.pods must be 0 or more, got -1"),
        (
            lambda d: d["state"]["workloads"][0].update(demand={"signal": {"value": 1}, "per_replica": 0}),
            "demand.per_replica must be above 0, got 0",
        ),
        (
            lambda d: d["state"]["workloads"][0]["worth"].update(unit="PerPHPerDay", joules_per_terahash=0),
            "worth.joules_per_terahash must be above 0, got 0",
        ),
    ],
)
def test_a_spoilt_line_is_refused_by_name(change: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"not a recorded decision: .*{message}"):
        from_line(spoilt(change))


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "3", '{"state": {"now": 1e999}}', "[" * 100_000])
def test_what_is_no_recorded_decision_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a recorded decision"):
        from_line(line)
