"""What is asked for as an object, and back: exactly, never limiting less, and what a hand wrote counts."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bridges.doubles import NOON
from wattswitch.api.curtailment_event import MAX_DURATION_SECONDS, CurtailmentEvent
from wattswitch.api.parse import parse_strict
from wattswitch.api.times import parse_time
from wattswitch.bridges import Asked, Form, Limit, Urgency
from wattswitch.bridges.asked import ALL, MAX_TEXT, MAX_WATTS
from wattswitch.bridges.event_object import (
    ASKED_SECONDS,
    ASKED_START,
    BRIDGE_LABEL,
    CANCELLED_AT,
    asked_of,
    label_of,
    object_of,
    over_since,
)

ONE = Asked("ers 10", "2026/0801", NOON, 3600.0, Limit(Form.TO_WATTS, 150_000), part="SIMPLE.0", announced_at=NOON - 60)

TEXTS = st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1, max_size=MAX_TEXT)
TIMES = st.floats(-1e10, 1e11)
LIMITS = st.one_of(
    st.builds(Limit, st.sampled_from([Form.TO_WATTS, Form.BY_WATTS]), st.integers(0, MAX_WATTS)),
    st.builds(Limit, st.just(Form.TO_PERCENT), st.integers(0, 100)),
    st.just(ALL),
)
ASKED = st.builds(
    Asked,
    program=TEXTS,
    reference=TEXTS,
    start=TIMES,
    duration_seconds=st.none() | st.floats(0, 1e10),
    limit=LIMITS,
    urgency=st.sampled_from(Urgency),
    part=st.just("") | TEXTS,
    announced_at=TIMES,
    cancelled=st.booleans(),
)


@given(ASKED)
def test_every_request_makes_a_valid_object_that_reads_as_the_same_request(asked: Asked) -> None:
    raw = object_of(asked, "west")
    parse_strict(CurtailmentEvent, raw)
    assert asked_of(raw) == asked


@given(ASKED, st.floats(9.5e8, 3.2e10))
def test_the_spec_alone_never_limits_less(asked: Asked, at: float) -> None:
    asked = replace(asked, start=at)
    spec = object_of(asked, "west")["spec"]
    start = parse_time(spec["start"])
    assert start <= asked.start + 0.001
    end = start + spec.get("durationSeconds", math.inf)
    assert end >= (math.inf if asked.end is None else asked.end - 1e-5)


def test_what_an_object_says_can_be_read_by_people() -> None:
    assert object_of(ONE, "west") == {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "CurtailmentEvent",
        "metadata": {
            "name": ONE.name,
            "labels": {"wattswitch.io/bridge": label_of("ers 10")},
            "annotations": {"wattswitch.io/part": "SIMPLE.0", "wattswitch.io/announced-at": "1785585540.0"},
        },
        "spec": {
            "budget": "west",
            "start": "2026-08-01T12:00:00Z",
            "durationSeconds": 3600,
            "limit": {"toWatts": 150_000},
            "urgency": "Firm",
            "source": {"program": "ers 10", "reference": "2026/0801"},
            "cancelled": False,
        },
    }


@pytest.mark.parametrize(
    ("start", "seconds", "said"),
    [
        (NOON + 0.25, 60.0, ("2026-08-01T12:00:00.250Z", 60)),
        (NOON + 0.0004, 60.0, ("2026-08-01T12:00:00Z", 61)),
        (NOON, 0.5, ("2026-08-01T12:00:00Z", 1)),
        (NOON, MAX_DURATION_SECONDS, ("2026-08-01T12:00:00Z", MAX_DURATION_SECONDS)),
        (NOON, MAX_DURATION_SECONDS + 1, ("2026-08-01T12:00:00Z", None)),
        (-1.0, None, ("2000-01-01T00:00:00Z", None)),
        (9e10, 60.0, ("2999-12-31T23:59:59Z", None)),
    ],
)
def test_times_that_a_spec_can_not_say(start: float, seconds: float | None, said: tuple[str, int | None]) -> None:
    raw = object_of(replace(ONE, start=start, duration_seconds=seconds), "west")
    assert (raw["spec"]["start"], raw["spec"].get("durationSeconds")) == said


def changed(raw: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**raw, "spec": {name: value for name, value in {**raw["spec"], **spec}.items() if value is not None}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"durationSeconds": 60}, {"duration_seconds": 60.0}),
        ({"durationSeconds": None}, {"duration_seconds": None}),
        ({"start": "2026-08-01T13:00:00+01:00"}, {"start": NOON}),
        ({"limit": {"toPercent": "12.5"}}, {"limit": Limit(Form.TO_PERCENT, 12), "start": NOON + 0.0004}),
        ({"limit": {"all": True}, "urgency": None}, {"limit": ALL, "start": NOON + 0.0004}),
    ],
    ids=str,
)
def test_of_what_was_changed_by_hand_the_spec_counts(spec: dict[str, Any], expected: dict[str, Any]) -> None:
    raw = object_of(replace(ONE, start=NOON + 0.0004), "west")
    assert {ASKED_START, ASKED_SECONDS} <= raw["metadata"]["annotations"].keys()
    read = asked_of(changed(raw, **spec))
    assert read is not None
    assert {name: getattr(read, name) for name in expected if name != "start"} == {
        name: value for name, value in expected.items() if name != "start"
    }
    assert read.start == pytest.approx(expected.get("start", NOON), abs=0.001)


@pytest.mark.parametrize("text", ["", "noon", "nan", "inf"])
def test_annotations_that_a_hand_broke_do_not_count(text: str) -> None:
    raw = object_of(replace(ONE, start=NOON + 0.25), "west")
    raw["metadata"] |= {"annotations": dict.fromkeys((ASKED_START, ASKED_SECONDS, "wattswitch.io/announced-at"), text)}
    raw["metadata"]["annotations"]["wattswitch.io/part"] = ONE.part
    raw["metadata"]["creationTimestamp"] = "2026-08-01T12:00:00Z"
    read = asked_of(raw)
    assert read == replace(ONE, start=NOON + 0.25, announced_at=NOON)


def test_an_object_that_no_bridge_made_asks_for_nothing() -> None:
    raw = object_of(ONE, "west")
    assert asked_of(changed(raw, source=None)) is None
    assert asked_of(changed(raw, limit={"toWatts": -1})) is None
    assert asked_of({**raw, "metadata": raw["metadata"] | {"labels": {}}}) is None
    assert asked_of({**raw, "metadata": raw["metadata"] | {"labels": {BRIDGE_LABEL: "other"}}}) is None
    assert asked_of({**raw, "metadata": raw["metadata"] | {"name": "by-hand"}}) is None


def test_since_when_an_event_is_over() -> None:
    raw = object_of(ONE, "west")
    assert over_since(raw, ONE) == NOON + 3600
    gone = replace(ONE, cancelled=True, duration_seconds=None)
    assert over_since(raw, gone) is None
    raw["status"] = {"cancelledAt": "2026-08-01T12:10:00Z"}
    assert over_since(raw, replace(ONE, duration_seconds=None)) is None
    assert over_since(raw, gone) == NOON + 600
    raw["metadata"]["annotations"][CANCELLED_AT] = repr(NOON + 300)
    assert over_since(raw, gone) == NOON + 300
    assert over_since(raw, replace(ONE, cancelled=True)) == NOON + 300
    assert over_since(raw, replace(ONE, cancelled=True, duration_seconds=60.0)) == NOON + 60


def test_labels_tell_programs_apart_and_fit() -> None:
    labels = {label_of(program) for program in ("ers", "ERS", "ers 10", "ers-10", "é" * 128, "-")}
    assert len(labels) == 6
    assert all(len(label) <= 63 for label in labels)
