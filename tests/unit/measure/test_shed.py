import json
from dataclasses import replace

import pytest

from measure.curtailed import Curtailed
from measure.figures import UNFINISHED
from measure.shed import DEFAULT, EMERGENCY, FIRM, RAISED, Drop, figures, firm, hurried

SITE = Curtailed(miners=500, services=40)


def drop(under_seconds: float, bare_under_seconds: float, **fields: object) -> Drop:
    made = Drop(RAISED, FIRM, 1000, 0.5, under_seconds, 0.3, bare_under_seconds, (1.0, 2.0, 3.0))
    return replace(made, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("urgency", "under_seconds", "met"),
    [(FIRM, 11.0, True), (FIRM, 11.1, False), (EMERGENCY, 2.0, True), (EMERGENCY, 2.1, False)],
)
def test_how_soon_is_held_against_the_bare_scale(urgency: str, under_seconds: float, *, met: bool) -> None:
    found = {figure.name: figure for figure in figures([drop(under_seconds, 10.0, urgency=urgency)])}
    assert found[f"{urgency.lower()}_raised_under_limit_part_of_bare"].met is met
    assert found[f"{urgency.lower()}_raised_under_limit"].value == under_seconds


def test_each_event_is_compared_with_its_own_bare_scale() -> None:
    short, long = drop(4.0, 5.0), drop(12.0, 10.0)
    found = {figure.name: figure for figure in figures([short, short, long])}
    parts = found["firm_raised_under_limit_part_of_bare"]
    assert parts.value == 0.8
    assert parts.spread is not None
    assert parts.spread.worst == 1.2
    assert found["firm_raised_under_limit_bare"].value == 5.0


@pytest.mark.parametrize(("worst_seconds", "met"), [(2.0, True), (2.1, False), (UNFINISHED, False)])
def test_the_slowest_of_few_last_writes_decides(worst_seconds: float, *, met: bool) -> None:
    drops = [drop(4.0, 4.0), drop(4.0, 4.0, write_seconds=worst_seconds), drop(4.0, 4.0)]
    found = {figure.name: figure for figure in figures(drops)}
    assert found["firm_raised_last_write"].met is met
    assert found["firm_raised_last_write"].value == worst_seconds


def test_urgencies_and_rates_are_figures_of_their_own() -> None:
    drops = [drop(4.0, 4.0), drop(30.0, 30.0, rates=DEFAULT), drop(5.0, 30.0, rates=DEFAULT, urgency=EMERGENCY)]
    under = {figure.name: figure.value for figure in figures(drops) if figure.name.endswith("under_limit")}
    assert under == {
        "firm_raised_under_limit": 4.0,
        "firm_default_under_limit": 30.0,
        "emergency_default_under_limit": 5.0,
    }


@pytest.mark.parametrize(("under", "bare"), [(UNFINISHED, 5.0), (5.0, UNFINISHED), (UNFINISHED, UNFINISHED)])
def test_a_comparison_with_what_never_ended_misses_the_target(under: float, bare: float) -> None:
    found = {figure.name: figure for figure in figures([drop(under, bare)])}
    assert found["firm_raised_under_limit_part_of_bare"].met is False


def test_a_drop_is_strict_json() -> None:
    document = drop(UNFINISHED, 4.0).document()
    assert json.loads(json.dumps(document, allow_nan=False))["under_seconds"] is None


def test_firm_events_take_half_and_nearly_everything_in_turn() -> None:
    limits = [ask.to_watts for ask in firm(SITE, 3)]
    assert limits == [908_000, 18_160, 908_000]
    assert {ask.urgency for ask in firm(SITE, 3)} == {FIRM}


def test_an_emergency_leaves_the_services_alone() -> None:
    assert [(ask.urgency, ask.to_watts) for ask in hurried(SITE, 2)] == [(EMERGENCY, 66_000)] * 2
