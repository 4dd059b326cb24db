"""The limit that grid events set, whatever they are and whatever is done to their objects: it only ever lowers."""

from copy import deepcopy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from unit.engine.site_objects import NOW, Stage
from wattswitch.api.times import format_time
from wattswitch.curtailment import Restoration, SiteFacts
from wattswitch.engine.eventreport import event_status
from wattswitch.engine.grid import Grid
from wattswitch.feeds import Reading

CAP_WATTS = 400_000
SPEC = Stage(capWatts=CAP_WATTS).spec
SPAN = 4_000

Raw = dict[str, Any]
Changes = list[tuple[float, list[Raw]]]

moments = st.integers(-SPAN * 1000, SPAN * 1000).map(lambda thousandths: NOW + thousandths / 1000)
limits = st.one_of(
    st.integers(0, 500_000).map(lambda watts: {"toWatts": watts}),
    st.integers(0, 500_000).map(lambda watts: {"byWatts": watts}),
    st.integers(0, 100_000_000).map(lambda millionths: {"toPercent": f"{millionths / 1e6:.6f}"}),
    st.just({"all": True}),
)
sites = st.builds(
    SiteFacts,
    cap_watts=st.just(CAP_WATTS),
    fixed_watts=st.just(6_000),
    floor_watts=st.just(150_000),
    shed_seconds=st.sampled_from([0.0, 33.0]),
    ramp_watts_per_minute=st.sampled_from([0, 60_000]),
    restoration=st.builds(
        Restoration,
        cooldown_seconds=st.sampled_from([1.0, 300.0]),
        wave_watts=st.sampled_from([0, 50_000]),
        wave_seconds=st.just(60.0),
    ),
)


def silent(feed: str) -> Reading:
    """No feed says anything."""
    raise AssertionError(f"{feed} is asked for")


@st.composite
def specs(draw: st.DrawFn) -> Raw:
    """What an event asks for."""
    spec: Raw = {"budget": "west", "limit": draw(limits)}
    spec["urgency"] = draw(st.sampled_from(["BestEffort", "Firm", "Emergency"]))
    if draw(st.booleans()):
        spec["start"] = format_time(draw(moments))
    if draw(st.booleans()):
        spec["durationSeconds"] = draw(st.integers(1, SPAN))
    if draw(st.integers(0, 3)) == 0:
        spec["cancelled"] = True
    return spec


def made(uid: str, at: float, spec: Raw) -> Raw:
    """The object of an event, as it is when it is new."""
    metadata = {"name": uid[0], "uid": uid, "generation": 1, "creationTimestamp": format_time(at)}
    return {"apiVersion": "wattswitch.io/v1alpha1", "kind": "CurtailmentEvent", "metadata": metadata, "spec": spec}


@st.composite
def histories(draw: st.DrawFn) -> Changes:
    """What objects there were, from each of a few moments on: made, edited, cancelled, deleted, made anew."""
    changes: Changes = []
    present: dict[str, Raw] = {}
    for number, at in enumerate(sorted(draw(st.lists(moments, min_size=1, max_size=4, unique=True)))):
        before, present = present, {}
        for name in draw(st.lists(st.sampled_from("abc"), unique=True)):
            spec, known = draw(specs()), before.get(name)
            if known is None:
                present[name] = made(f"{name}{number}", draw(moments), spec)
            else:
                newer = known["metadata"] | {"generation": known["metadata"]["generation"] + 1}
                present[name] = known | {"metadata": newer, "spec": spec}
        changes.append((at, list(present.values())))
    return changes


def look(grid: Grid, raws: list[Raw], site: SiteFacts, at: float) -> int:
    """What the grid lets the site draw then."""
    seen = grid.look(raws, SPEC, site, None, at, starting=False, read=silent)
    assert all(watts <= site.cap_watts for watts in seen.limits_watts)
    assert seen.look_again_at is None or seen.look_again_at > at
    return min((site.cap_watts, *seen.limits_watts))


def played(history: Changes, site: SiteFacts) -> tuple[Grid, list[Raw]]:
    """A grid that has seen all of it, with the objects as they are left."""
    grid, raws = Grid(), []
    for at, raws in history:
        look(grid, raws, site, at)
    return grid, raws


def told(grid: Grid, raws: list[Raw]) -> list[Raw]:
    """The objects with the statuses that the operator gave them."""
    uids = [raw["metadata"]["uid"] for raw in raws]
    statuses = [event_status(grid.book.events[uid], grid.windows[uid], grid.courses[uid]) for uid in uids]
    return [raw | {"status": status} for raw, status in zip(raws, statuses, strict=True)]


@given(histories(), sites, st.data())
def test_an_event_that_is_added_never_raises_the_limit(history: Changes, site: SiteFacts, data: st.DataObject) -> None:
    grid, raws = played(history, site)
    later = history[-1][0] + data.draw(st.integers(0, SPAN))
    added = [*raws, made("d", data.draw(moments), data.draw(specs()))]
    assert look(deepcopy(grid), added, site, later) <= look(grid, raws, site, later)


@given(histories(), sites, st.data())
def test_a_deletion_never_raises_the_limit_before_the_cooldown_is_over(
    history: Changes, site: SiteFacts, data: st.DataObject
) -> None:
    grid, raws = played(history, site)
    assume(raws)
    at = history[-1][0] + data.draw(st.integers(0, SPAN))
    before = look(grid, raws, site, at)
    gone = data.draw(st.sampled_from(raws))
    assume(grid.book.events[gone["metadata"]["uid"]].start <= at)
    left = [raw for raw in raws if raw is not gone]
    other = deepcopy(grid)
    assert look(grid, left, site, at) <= before
    for seconds in (0.5, site.restoration.cooldown_seconds - 0.001):
        assert look(deepcopy(grid), left, site, at + seconds) <= look(deepcopy(other), raws, site, at + seconds)


@given(histories(), sites, st.data())
def test_a_restart_at_any_moment_gives_the_same_limit(history: Changes, site: SiteFacts, data: st.DataObject) -> None:
    grid, raws = played(history, site)
    at = history[-1][0] + data.draw(st.integers(0, SPAN))
    look(grid, raws, site, at)
    later, kept = Grid(), told(grid, raws)
    later.book.restore(grid.kept())
    for seconds in sorted(data.draw(st.lists(st.integers(0, SPAN), min_size=1, max_size=3))):
        assert look(later, kept, site, at + seconds) == look(grid, kept, site, at + seconds)
