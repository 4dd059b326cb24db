"""Sites of all shapes for property tests: feasible or not, fresh or stale, at rest or in the middle of a change."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from builders import NOW, learned_prices
from wattswitch.planner.model import (
    Batch,
    Budget,
    Demand,
    Draw,
    GpuGroup,
    Kind,
    Move,
    OnStale,
    PriceCurve,
    PriceOutlook,
    Signal,
    SiteState,
    Surge,
    Workload,
    Worth,
    WorthUnit,
)

GROUPS = ("hopper", "ada")
KEYS = tuple("abcdef")
DWELL_SECONDS = (0, 60, 600)

dwells: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"min_run_seconds": a, "min_off_seconds": b} for a in DWELL_SECONDS for b in DWELL_SECONDS]
)
claims: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"floor_replicas": n, "priority": p} for n in (0, 0, 1, 3) for p in (0, 0, 100)]
)

switching: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    (
        *[{}] * 3,
        {"cost_per_start": 0.5},
        {"start_seconds": 120, "drain_seconds": 30},
        {"start_seconds": 600, "cost_per_start": 2.0},
    )
)

prices = st.integers(-100, 1500).map(float)
worths = st.integers(-20, 1400).map(float)
pod_watts = st.sampled_from((350, 700, 1275, 3050, 3500, 3500, 10_000)) | st.integers(1, 12_000)
surges = st.sampled_from((Surge(), Surge(), Surge(pods=1), Surge(pods=3), Surge(percent=25), Surge(percent=100)))
pues = st.sampled_from((10_000, 10_800, 11_111, 14_000, 19_999))


@st.composite
def signals(draw: st.DrawFn, values: st.SearchStrategy[float], *, fresh: bool = False) -> Signal:
    """A fresh signal, or one stale under any policy, possibly never known."""
    value = draw(values)
    if fresh or draw(st.integers(0, 5)):
        return Signal(value, at=NOW)
    return Signal(
        value=None if draw(st.booleans()) else value,
        problem=draw(st.sampled_from(("Stale", "Frozen", "OutOfRange"))),
        on_stale=draw(st.sampled_from(OnStale)),
        assume=draw(st.none() | values),
    )


@st.composite
def worth_of(draw: st.DrawFn, *, fresh: bool = False) -> Worth:
    """Worth in any unit; the numbers are of the order in which prices lie."""
    unit = draw(st.sampled_from((WorthUnit.PER_MWH, WorthUnit.PER_MWH, WorthUnit.HASHPRICE, WorthUnit.PER_GPU_HOUR)))
    if unit is WorthUnit.HASHPRICE:
        efficiency = draw(st.sampled_from((9.5, 17.5, 30.5)))
        return Worth(draw(signals(st.integers(0, 80).map(float), fresh=fresh)), unit, 1.0, efficiency)
    if unit is WorthUnit.PER_GPU_HOUR:
        return Worth(draw(signals(st.integers(0, 5).map(float), fresh=fresh)), unit)
    return Worth(draw(signals(worths, fresh=fresh)), unit)


margins: st.SearchStrategy[tuple[tuple[float, float], ...]] = st.sampled_from(
    (
        *[()] * 4,
        ((0.05, 9.0),),
        ((0.01, 40.0), (0.02, 14.0), (0.05, 6.0), (0.2, 2.0), (0.5, 0.0)),
        ((0.1, 20.0), (0.3, 20.0)),
    )
)
falling: st.SearchStrategy[tuple[tuple[float, float], ...]] = st.sampled_from(
    (
        *[()] * 4,
        ((NOW, 3.0),),
        ((NOW - 1200, 30.0), (NOW - 900, 12.0), (NOW - 30, 4.0)),
        ((NOW - 40_000, 40.0), (NOW - 7200, 11.0), (NOW, 1.0)),
    )
)

batches: st.SearchStrategy[Batch | None] = st.one_of(
    st.none(),
    st.none(),
    st.builds(
        Batch,
        deadline_seconds=st.sampled_from((60, 3600, 6 * 3600, 30 * 24 * 3600)),
        work_per_replica_hour=st.sampled_from((0.5, 2.0, 60.0)),
        oldest_at=st.sampled_from((NOW, NOW - 60, NOW - 3000, NOW - 30_000, NOW - 40 * 24 * 3600)),
    ),
)

LESSONS = (
    None,
    *(learned_prices(days, step).lessons for days, step in ((0.5, 300.0), (3, 300.0), (3, 900.0), (3, 3600.0))),
)
HOUR_START = NOW // 3600 * 3600


@st.composite
def curves(draw: st.DrawFn) -> PriceCurve:
    """A published curve: none, one that is over, one of now, one that has yet to begin, and any with a hole."""
    hourly = draw(st.lists(prices, max_size=30))
    first = HOUR_START + 3600 * draw(st.sampled_from((0, 0, -3, -50, 2)))
    starts = [first + 3600.0 * n for n in range(len(hourly))]
    if draw(st.integers(0, 5)) == 0:
        starts = [start + 7200 * (n >= len(starts) // 2) for n, start in enumerate(starts)]
    return PriceCurve(tuple(starts), tuple(hourly))


@st.composite
def outlooks(draw: st.DrawFn) -> PriceOutlook:
    """What may be known of the price beyond its value of now, from nothing to everything."""
    seen = draw(st.lists(st.tuples(st.sampled_from((1, 1, 4, 30)), prices), max_size=12))
    back = [sum(gap for gap, _ in seen[n:]) for n in range(len(seen))]
    recent = tuple((NOW - 300.0 * steps, price) for steps, (_, price) in zip(back, seen, strict=True))
    return PriceOutlook(draw(st.sampled_from(LESSONS)), draw(st.just(PriceCurve()) | curves()), recent)


@st.composite
def price_signals(draw: st.DrawFn, *, fresh: bool = False) -> Signal:
    """A price of this step, or one that comes late, or one that is stale."""
    price = draw(signals(prices, fresh=fresh))
    at = draw(st.sampled_from((NOW, NOW, NOW - 200, NOW - 400, NOW - 3600, NOW - 8 * 3600)))
    return replace(price, at=at) if price.fresh else price


@st.composite
def workloads(draw: st.DrawFn, key: str, *, calm: bool = False) -> Workload:
    """One workload in the books.

    A calm one is fresh, settled and unobstructed, no deadline draws near, and its pods are the ones asked for.
    """
    maximum = draw(st.integers(0, 12))
    spec = draw(st.integers(0, maximum if calm else 14))
    watts = draw(pod_watts)
    surge = draw(surges)
    stuck, dying = (0, 0) if calm else draw(st.sampled_from(((0, 0), (0, 0), (0, 1), (0, 5), (1, 0), (3, 2))))
    fields: dict[str, Any] = {}
    if draw(st.booleans()):
        fields["demand"] = Demand(
            draw(signals(st.integers(0, 40).map(float), fresh=calm)),
            draw(st.sampled_from((1.0, 3.0))),
            draw(st.sampled_from((None, None, 0.0, 7.5, 30.0))),
            draw(falling),
            draw(margins),
        )
        fields["batch"] = None if calm else draw(batches)
    if draw(st.integers(0, 3)) == 0:
        fields |= {"gpu_group": draw(st.sampled_from(GROUPS)), "gpus_per_replica": draw(st.integers(0, 4))}
    if not calm:
        fields |= draw(obstacles)
        fields |= {"raised_at": draw(moments), "lowered_at": draw(moments)}
    return Workload(
        key=key,
        kind=draw(st.sampled_from(Kind)),
        max_replicas=maximum,
        it_watts_per_replica=watts,
        worth=draw(worth_of(fresh=calm)),
        spec_replicas=spec,
        booked_pods=spec + surge.extra(spec) + stuck + dying,
        stuck_pods=stuck,
        **draw(claims),
        surge=surge,
        **draw(dwells),
        **draw(switching),
        **fields,
    )


obstacles: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    (
        *[{}] * 5,
        {"held": "Paused"},
        {"blocked": "InvalidSpec"},
        {"settled": False},
        {"leaving": True},
        {"leaving": True, "held": "NotLeader"},
    )
)
moments = st.none() | st.sampled_from((NOW - 1000, NOW - 600, NOW - 59, NOW))


@st.composite
def budgets(draw: st.DrawFn, *, calm: bool = False) -> Budget:
    """Any budget, so small that nothing fits or so large that all does."""
    event, reserve, fixed, correction = draw(constraints)
    up, down = (0, 0) if calm else draw(ramps)
    return Budget(
        name="west",
        cap_watts=draw(st.integers(0, 300_000)),
        price=draw(price_signals(fresh=calm)),
        reserve_percent=reserve,
        fixed_watts=fixed,
        pue_1e4=draw(pues),
        adder_per_mwh=draw(st.sampled_from((0.0, 12.5, -3.0))),
        correction_watts=correction,
        event_limits_watts=event,
        ramp_up_watts_per_minute=up,
        ramp_down_watts_per_minute=down,
        gpu_groups=draw(gpu_groups),
        meter=None if calm else draw(meters),
        outlook=draw(st.none() | outlooks()),
    )


constraints: st.SearchStrategy[tuple[tuple[int, ...], int, int, int]] = st.one_of(
    st.just(((), 0, 0, 0)),
    st.just(((), 2, 6_000, 1_234)),
    st.tuples(
        st.lists(st.integers(0, 150_000), max_size=2).map(tuple),
        st.sampled_from((0, 2, 50, 100)),
        st.sampled_from((0, 5_000, 60_000)),
        st.sampled_from((0, 0, 1_234)),
    ),
)
ramps = st.sampled_from([(up, down) for up in (0, 0, 1, 2_000, 20_000) for down in (0, 0, 1, 2_000, 20_000)])
gpu_groups = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(
    lambda gpus: tuple(GpuGroup(name, n) for name, n in zip(GROUPS, gpus, strict=True) if n)
)
meters = st.none() | st.none() | st.builds(Signal, st.just(50_000.0), st.sampled_from(("", "", "Stale")))


@st.composite
def draws(draw: st.DrawFn, key: str) -> Draw:
    """Pods that no plan controls."""
    pods = draw(st.integers(0, 6))
    group = draw(st.sampled_from(("", "hopper")))
    return Draw(key, pods, draw(st.integers(0, pods)), draw(pod_watts), draw(st.integers(0, 2)), group)


past_moves = st.builds(Move, st.sampled_from((NOW - 300, NOW - 60, NOW - 30, NOW)), st.integers(-9_000, 9_000))


@st.composite
def site_states(draw: st.DrawFn, least: int = 0) -> SiteState:
    """Any state that an operator may see."""
    count = draw(st.integers(least, 5))
    return SiteState(
        now=NOW,
        budget=draw(budgets()),
        workloads=tuple(draw(workloads(key)) for key in KEYS[:count]),
        draws=tuple(draw(draws(f"draw-{n}")) for n in range(draw(st.sampled_from((0, 0, 0, 1, 2))))),
        moves=tuple(draw(st.lists(past_moves, max_size=3))),
        raise_gate=draw(st.sampled_from(("", "", "", "", "", "NotLeader"))),
    )


@st.composite
def calm_states(draw: st.DrawFn) -> SiteState:
    """Fresh signals, no dwell, no ramp, no dying pods: what the goals are when nothing stands in their way."""
    count = draw(st.integers(1, 5))
    chosen = tuple(draw(workloads(key, calm=True)) for key in KEYS[:count])
    return SiteState(now=NOW, budget=draw(budgets(calm=True)), workloads=chosen)


@st.composite
def small_groups(draw: st.DrawFn, *, equal_pods: bool) -> SiteState:
    """Up to five workloads of one priority without floors, small enough to try every division of the limit."""
    count = draw(st.integers(1, 5))
    common = draw(st.integers(1, 9))
    chosen = tuple(
        Workload(
            key=key,
            kind=Kind.MINING,
            max_replicas=draw(st.integers(0, 4)),
            it_watts_per_replica=common if equal_pods else draw(st.integers(1, 9)),
            worth=Worth(Signal(float(draw(st.integers(1, 50)))), WorthUnit.PER_MWH),
            spec_replicas=0,
            booked_pods=0,
        )
        for key in KEYS[:count]
    )
    budget = Budget(name="west", cap_watts=draw(st.integers(0, 100)), price=Signal(float(draw(st.integers(-10, 50)))))
    return SiteState(now=NOW, budget=budget, workloads=chosen)


def without_outlook(state: SiteState) -> SiteState:
    """The same site where the price of now alone decides."""
    return replace(state, budget=replace(state.budget, outlook=None))


def without_floors(state: SiteState) -> SiteState:
    """The same site with no contracted floor."""
    return replace(state, workloads=tuple(replace(w, floor_replicas=0) for w in state.workloads))


@st.composite
def running_sites(draw: st.DrawFn) -> SiteState:
    """A site with fresh signals on which a plan can be followed to its end: dwell, ramps, dying pods, no obstacle."""
    count = draw(st.integers(1, 5))
    chosen = []
    for key in KEYS[:count]:
        w = draw(workloads(key, calm=True))
        w = replace(w, booked_pods=w.booked_pods + draw(st.sampled_from((0, 0, 2))))
        chosen.append(replace(w, raised_at=draw(moments), lowered_at=draw(moments)))
    budget = replace(
        draw(budgets(calm=True)),
        ramp_up_watts_per_minute=draw(st.sampled_from((0, 0, 5_000, 40_000))),
        ramp_down_watts_per_minute=draw(st.sampled_from((0, 0, 5_000, 40_000))),
    )
    return SiteState(now=NOW, budget=budget, workloads=tuple(chosen))


@st.composite
def full_sites(draw: st.DrawFn) -> SiteState:
    """A running site whose limit is what it draws, or little more, so that nobody grows but at another's cost."""
    state = draw(running_sites())
    asked = sum(w.it_watts(w.spec_replicas) for w in state.workloads)
    budget = replace(
        state.budget,
        cap_watts=state.budget.committed_watts(asked) + draw(st.integers(0, 5_000)),
        event_limits_watts=(),
        reserve_percent=0,
        correction_watts=0,
        gpu_groups=tuple(GpuGroup(name, 100) for name in GROUPS),
    )
    return replace(state, budget=budget)


@st.composite
def contested_sites(draw: st.DrawFn) -> SiteState:
    """A full site of one priority without floors or demand, where some have just been raised: only worth tells."""
    state = draw(full_sites())
    plain: dict[str, Any] = {"priority": 0, "floor_replicas": 0, "demand": None, "lowered_at": None, "gpu_group": ""}
    just_raised: st.SearchStrategy[dict[str, Any]] = st.sampled_from(({}, {"raised_at": NOW, "min_run_seconds": 600}))
    return replace(state, workloads=tuple(replace(w, **plain | draw(just_raised)) for w in state.workloads))


@st.composite
def handovers(draw: st.DrawFn) -> SiteState:
    """A full site without dwell, ramps or shared GPUs, where price or worth have just turned from one to another."""
    state = draw((full_sites() | contested_sites()).filter(lambda state: len(state.workloads) > 1))
    free: dict[str, Any] = {"gpu_group": "", "min_run_seconds": 0, "min_off_seconds": 0, "floor_replicas": 0}
    giver, taker, *others = (replace(w, **free) for w in state.workloads)
    running = max(1, giver.spec_replicas)
    giver = replace(
        giver, spec_replicas=running, max_replicas=max(running, giver.max_replicas), worth=_per_mwh(draw(worths))
    )
    taker = replace(
        taker,
        demand=None,
        priority=giver.priority,
        max_replicas=taker.spec_replicas + draw(st.integers(1, 5)),
        worth=_per_mwh(2_000.0),
    )
    others = [replace(w, worth=_per_mwh(draw(worths))) for w in others]
    chosen = tuple(replace(w, booked_pods=w.pods(w.spec_replicas)) for w in (giver, taker, *others))
    asked = sum(w.it_watts(w.spec_replicas) for w in chosen)
    budget = replace(
        state.budget,
        cap_watts=state.budget.committed_watts(asked) + draw(st.integers(0, 2_000)),
        price=Signal(draw(prices)),
        ramp_up_watts_per_minute=0,
        ramp_down_watts_per_minute=0,
    )
    return replace(state, budget=budget, workloads=chosen)


def _per_mwh(value: float) -> Worth:
    return Worth(Signal(value), WorthUnit.PER_MWH)


@st.composite
def lively_states(draw: st.DrawFn) -> SiteState:
    """Everybody wants all or nothing and no feed is in the way; the limit is within a watt of what some sizes draw."""
    state = draw(site_states(least=1))
    group = st.sampled_from(({}, {"gpu_group": "hopper", "gpus_per_replica": 2}))
    obstacle = st.sampled_from(({}, {}, {"settled": False}))
    willing: dict[str, Any] = {
        "held": "",
        "blocked": "",
        "demand": None,
        "worth": Worth(Signal(91.0), WorthUnit.PER_MWH),
    }
    chosen = tuple(replace(w, **willing | draw(group) | draw(obstacle)) for w in state.workloads)
    state = replace(state, workloads=chosen, raise_gate="")
    more = sum(w.it_watts(w.spec_replicas + draw(st.integers(0, 5))) - w.it_watts(w.spec_replicas) for w in chosen)
    budget = replace(
        state.budget,
        price=Signal(draw(st.sampled_from((-100.0, -100.0, 1000.0)))),
        meter=None,
        cap_watts=max(
            0, state.budget.committed_watts(state.booked_it_watts + more) + draw(st.sampled_from((-1, 0, 500)))
        ),
        event_limits_watts=(),
        reserve_percent=0,
        correction_watts=0,
    )
    return replace(state, budget=budget)


any_states = site_states() | lively_states()
