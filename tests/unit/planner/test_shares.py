"""Shares of a limit that several sites have together."""

import math
from typing import Any

from builders import NOW, inference, miner, per_mwh, site
from wattswitch.planner import plan
from wattswitch.planner.model import Draw, Mode, SiteState, Surge
from wattswitch.planner.shares import Branch, Claim, Own, bound_watts, branch_of, shares


def branch(*claims: Claim, limit: int = 100_000, base: int = 0, asked: int = 0, committed: int = 0) -> Branch:
    return Branch(Own(limit, base), base, base, asked, committed, claims)


def tree(limit: int, **branches: Branch) -> tuple[dict[str, Branch], dict[str, tuple[str, ...]]]:
    """Sites under one budget that draws nothing itself."""
    lines = {name: (name, "top") for name in branches}
    return {**branches, "top": branch(limit=limit)}, {**lines, "top": ("top",)}


def given(limit: int, **branches: Branch) -> dict[str, int]:
    found = shares(*tree(limit, **branches)).watts
    return {name: watts for name, watts in found.items() if name != "top"}


def claim(wanted: int, gain: float = 50.0, priority: int = 0, floor: int = 0, watts: int = 1000) -> Claim:
    return Claim(priority, gain, watts, floor, wanted)


def test_what_earns_more_gets_the_watts_and_floors_go_first() -> None:
    assert given(10_000, rich=branch(claim(8, gain=90)), poor=branch(claim(8, gain=10, floor=3))) == {
        "rich": 7_000,
        "poor": 3_000,
    }


def test_priority_goes_before_money() -> None:
    assert given(10_000, rich=branch(claim(8, gain=90)), loud=branch(claim(8, gain=10, priority=5))) == {
        "rich": 2_000,
        "loud": 8_000,
    }


def test_no_share_is_above_what_the_site_may_draw_itself_but_for_what_nobody_claims() -> None:
    assert given(10_000, small=branch(claim(8, gain=90), limit=3_000), other=branch(claim(20))) == {
        "small": 3_000,
        "other": 7_000,
    }


def test_what_nobody_claims_everybody_may_have() -> None:
    assert given(10_000, a=branch(claim(2)), b=branch(claim(3))) == {"a": 7_000, "b": 8_000}


def test_what_is_always_drawn_comes_off_first_even_where_the_limit_does_not_carry_it() -> None:
    assert given(8_000, a=branch(claim(5), base=4_000), b=branch(claim(5), base=3_000)) == {"a": 5_000, "b": 3_000}
    assert given(5_000, a=branch(claim(5), base=4_000), b=branch(claim(5), base=3_000)) == {"a": 4_000, "b": 3_000}


def test_a_raise_waits_for_the_books_of_the_others() -> None:
    sites = tree(
        10_000,
        rising=branch(claim(8, gain=90), asked=2_000, committed=2_000),
        giving=branch(claim(8, gain=10), asked=8_000, committed=8_000),
    )
    assert bound_watts("rising", *sites) == (2_000, "top")
    assert bound_watts("giving", *sites) == (2_000, "top")


def test_what_others_have_too_much_is_theirs_to_give_back() -> None:
    sites = tree(
        10_000,
        mine=branch(claim(4), asked=4_000, committed=4_000),
        over=branch(claim(6, gain=10), asked=9_000, committed=9_000),
    )
    assert bound_watts("mine", *sites)[0] == 4_000
    assert bound_watts("over", *sites)[0] == 6_000


def test_what_a_site_between_cannot_carry_is_left_to_others() -> None:
    branches = {
        "top": branch(limit=10_000),
        "feeder": branch(limit=2_000),
        "rich": branch(claim(8, gain=90)),
        "hall": branch(claim(8)),
    }
    lines = {"top": ["top"], "feeder": ["feeder", "top"], "rich": ["rich", "feeder", "top"], "hall": ["hall", "top"]}
    found = shares(branches, lines)
    assert (found.watts["rich"], found.watts["hall"]) == (2_000, 8_000)
    assert bound_watts("rich", branches, lines) == (2_000, "feeder")


def seen(state: SiteState, limit_watts: int = 50_000, **own: Any) -> Branch:
    return branch_of(state, plan(state), Own(limit_watts, state.budget.fixed_watts, **own))


def test_a_site_as_others_see_it() -> None:
    state = site(
        miner(spec_replicas=4, booked_pods=6, worth=per_mwh(91.0), it_watts_per_replica=1000),
        draws=(Draw("gone", 2, 1, 500),),
        fixed_watts=700,
        pue_1e4=12_000,
    )
    found = seen(state)
    assert found.base_watts == 700 + 600
    assert found.asked_watts == 700 + 4_800 + 600
    assert found.committed_watts >= 700 + 7_200 + 1_200
    (mining,) = found.claims
    assert (mining.watts(1), mining.gain_per_mwh) == (1_200, 91.0 - 40.0)
    assert found.sure


def test_what_a_decision_raises_is_in_its_books_for_the_others_at_once() -> None:
    state = site(miner(spec_replicas=0, max_replicas=5, it_watts_per_replica=1000), cap_watts=50_000)
    assert seen(state).committed_watts == 5_000


def test_who_only_advises_has_nothing_to_give_back() -> None:
    state = site(miner(spec_replicas=3, it_watts_per_replica=1000), mode=Mode.ADVISE)
    found = seen(state)
    assert (found.base_watts, found.committed_watts, found.claims) == (3_000, 3_000, ())


def test_surge_is_claimed_as_it_is_booked() -> None:
    state = site(miner(spec_replicas=4, surge=Surge(percent=25), max_replicas=4, it_watts_per_replica=1000))
    found = seen(state)
    sites = tree(5_000, site=found)
    assert bound_watts("site", *sites) == (5_000, "top")
    assert found.claims[0].watts(4) == 5_000


def test_what_dwell_keeps_is_claimed() -> None:
    state = site(miner(spec_replicas=6, raised_at=NOW, min_run_seconds=600), price=500.0)
    assert seen(state).claims[0].wanted == 6


def test_what_the_meter_shows_beyond_the_books_is_drawn_for_the_others_too() -> None:
    found = seen(site(miner(spec_replicas=3, it_watts_per_replica=1000, max_replicas=3), correction_watts=500))
    assert (found.base_watts, found.committed_watts) == (500, 3_500)


def test_a_site_that_is_starting_is_not_sure() -> None:
    assert not seen(site(miner()), starting=True).sure


def test_what_is_held_claims_what_it_has_before_all_of_its_priority() -> None:
    state = site(miner(spec_replicas=3, held="Paused", worth=per_mwh(1.0)), inference())
    held = next(each for each in seen(state).claims if each.gain_per_mwh == math.inf)
    assert (held.wanted, held.floor) == (3, 0)


def test_a_site_that_may_not_raise_is_not_sure() -> None:
    assert not seen(site(miner(), raise_gate="NotLeader")).sure
