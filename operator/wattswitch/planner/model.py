"""What the planner sees and says: frozen data with the unit in every name, and nothing that does I/O.

Watts are integers. `it_watts` are watts of the pods themselves; everything else is at the meter, which adds the
fixed watts of the site and multiplies the pods' watts by PUE.
"""

from dataclasses import dataclass
from enum import StrEnum

from wattswitch.planner.price_model import Lessons

PUE_SCALE = 10_000
"""PUE is held as an integer of ten-thousandths, so that committed watts are exact."""


class Kind(StrEnum):
    """What a workload is; it decides how its worth and its wish are computed."""

    MINING = "MiningPool"
    INFERENCE = "InferenceDeployment"


class Mode(StrEnum):
    """Advise decides and reports; Enforce also writes."""

    ADVISE = "Advise"
    ENFORCE = "Enforce"


class OnStale(StrEnum):
    """What a feed's dependants do while it is stale."""

    HOLD = "Hold"
    SHED = "Shed"
    ASSUME = "Assume"


class WorthUnit(StrEnum):
    """The unit of a worth signal."""

    PER_MWH = "PerMWh"
    HASHPRICE = "PerPHPerDay"
    PER_GPU_HOUR = "PerGPUHour"
    PER_REPLICA_HOUR = "PerReplicaHour"


class Reason(StrEnum):
    """What binds a target, in words that never change once published."""

    AT_MAXIMUM = "AtMaximum"
    DEMAND_MET = "DemandMet"
    PRICE_ABOVE_STRIKE = "PriceAboveStrike"
    SWITCH_COST = "SwitchCost"
    CHEAPER_AHEAD = "CheaperAhead"
    DEADLINE = "Deadline"
    POWER_LIMIT = "PowerLimit"
    GPU_LIMIT = "GPULimit"
    FLOOR_UNMET = "FloorUnmet"
    MIN_RUN = "MinRun"
    MIN_OFF = "MinOff"
    RAMP_UP = "RampUp"
    RAMP_DOWN = "RampDown"
    WAITING_FOR_WATTS = "WaitingForWatts"
    WAITING_FOR_GPUS = "WaitingForGPUs"
    SETTLING = "Settling"
    PRICE_STALE = "PriceStale"
    WORTH_STALE = "WorthStale"
    DEMAND_STALE = "DemandStale"
    METER_STALE = "MeterStale"
    PARENT_UNKNOWN = "ParentUnknown"
    VIEW_STALE = "ViewStale"
    NOT_LEADER = "NotLeader"
    LEDGER_UNWRITTEN = "LedgerUnwritten"
    PAUSED = "Paused"
    AUTOSCALER_OWNED = "AutoscalerOwned"
    TARGET_MISSING = "TargetMissing"
    TARGET_UNSUPPORTED = "TargetUnsupported"
    TARGET_CLAIMED = "TargetClaimed"
    NAMESPACE_NOT_ADMITTED = "NamespaceNotAdmitted"
    PRIORITY_NOT_ALLOWED = "PriorityNotAllowed"
    HARDWARE_UNKNOWN = "HardwareUnknown"
    GPU_COUNT_MISMATCH = "GPUCountMismatch"
    FEED_UNKNOWN = "FeedUnknown"
    BUDGET_MISSING = "BudgetMissing"
    INVALID_SPEC = "InvalidSpec"
    STOPPING = "Stopping"
    STARTING = "Starting"


@dataclass(frozen=True, slots=True)
class Signal:
    """One number from a feed, with what may be done while it is not fresh.

    `value` is the last good one, None where none was ever stored. `problem` is a stable CamelCase word, empty when
    the value is fresh. `at` is the source's timestamp in Unix seconds. `assume` is used with `OnStale.ASSUME` only.
    """

    value: float | None
    problem: str = ""
    at: float = 0.0
    on_stale: OnStale = OnStale.HOLD
    assume: float | None = None

    @property
    def fresh(self) -> bool:
        """Whether the value may justify a raise."""
        return self.value is not None and not self.problem


@dataclass(frozen=True, slots=True)
class Worth:
    """What running is worth: a signal, its unit, and what turns it into money per MWh."""

    signal: Signal
    unit: WorthUnit
    pool_fee_percent: float = 0.0
    joules_per_terahash: float = 0.0


@dataclass(frozen=True, slots=True)
class Demand:
    """How much work waits, and how much of it one replica serves.

    `forecast` is what will be needed one start time ahead, its margin included, in the signal's unit; None where
    nothing is foreseen beyond the value of now. `needs` say the same for other margins: (share, need) pairs, shares
    rising and needs falling, such that demand is above `need` during `share` of the time. `recent` are (until, value)
    pairs, oldest first: demands that no later one reached, so that values fall, each with the last moment at which so
    much was asked for; the last is that of now.
    """

    signal: Signal
    per_replica: float
    forecast: float | None = None
    recent: tuple[tuple[float, float], ...] = ()
    needs: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Work that may wait, but is to be done `deadline_seconds` after it came.

    `oldest_at` is when the oldest that waits came, in Unix seconds, or earlier; one replica finishes
    `work_per_replica_hour` of the demand's count in an hour.
    """

    deadline_seconds: int
    work_per_replica_hour: float
    oldest_at: float


@dataclass(frozen=True, slots=True)
class Surge:
    """Pods that a rollout may add beyond the replicas asked for: a count, or a percentage rounded up."""

    pods: int = 0
    percent: int = 0

    def extra(self, replicas: int) -> int:
        """Surge pods at this size; a rollout never has more new pods than replicas."""
        return min(replicas, max(self.pods, -(-self.percent * replicas // 100)))


NO_SURGE = Surge()


@dataclass(frozen=True, slots=True)
class Workload:
    """One target under control: what it draws, what it may do, what it is worth.

    `booked_pods` is every pod that draws or may yet draw: asked for, surging, terminating, not yet seen to be gone.
    `stuck_pods` are those of them that should have died by now and have not, so that others must make room for them.
    `floor_replicas` is the contracted minimum. `held` names why only the limit may lower it and nothing may raise it;
    `blocked` names why it may be lowered but not raised. `settled` is False from a lowering until the cluster's
    status shows it. Times are Unix seconds; None means never. `leaving` says that its object was deleted: it goes to
    `max_replicas` whatever price, worth and demand are, and comes after all others, whatever its priority.
    A start takes `start_seconds` of power without income and costs `cost_per_start` in money, a stop takes
    `drain_seconds` of them; each per replica. `batch` is for work that waits with a deadline; it needs a `demand`.
    """

    key: str
    kind: Kind
    max_replicas: int
    it_watts_per_replica: int
    worth: Worth
    spec_replicas: int
    booked_pods: int
    stuck_pods: int = 0
    floor_replicas: int = 0
    priority: int = 0
    gpus_per_replica: int = 0
    gpu_group: str = ""
    surge: Surge = NO_SURGE
    demand: Demand | None = None
    ready_replicas: int = 0
    settled: bool = True
    raised_at: float | None = None
    lowered_at: float | None = None
    min_run_seconds: int = 0
    min_off_seconds: int = 0
    held: str = ""
    blocked: str = ""
    leaving: bool = False
    start_seconds: int = 0
    drain_seconds: int = 0
    cost_per_start: float = 0.0
    batch: Batch | None = None

    @property
    def surges(self) -> bool:
        """Whether a rollout may add pods."""
        return self.surge.pods > 0 or self.surge.percent > 0

    def pods(self, replicas: int) -> int:
        """Pods to book for a size that is asked for, surge included."""
        surge = self.surge
        return replicas + surge.extra(replicas) if surge.pods or surge.percent else replicas

    def it_watts(self, replicas: int) -> int:
        """Watts of the pods to book for a size that is asked for."""
        return self.it_watts_per_replica * self.pods(replicas)

    def gpus(self, replicas: int) -> int:
        """GPUs to book for a size that is asked for."""
        return self.gpus_per_replica * self.pods(replicas)


@dataclass(frozen=True, slots=True)
class Draw:
    """Pods that draw and that no plan controls: their target, its object or its admission is gone.

    `pods` is every booked pod, `staying_pods` those of them that nobody has asked to stop.
    """

    key: str
    pods: int
    staying_pods: int
    it_watts_per_pod: int
    gpus_per_pod: int = 0
    gpu_group: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of power that was asked for: `it_watts` above zero is a raise."""

    at: float
    it_watts: int


@dataclass(frozen=True, slots=True)
class GpuGroup:
    """GPUs that several workloads share."""

    name: str
    gpus: int


@dataclass(frozen=True, slots=True)
class PriceCurve:
    """Prices published ahead, without the site's adder.

    Each holds from its start, in ascending Unix seconds, to the next one's, the last as long as the median of them.
    """

    starts: tuple[float, ...] = ()
    prices_per_mwh: tuple[float, ...] = ()

    def __hash__(self) -> int:
        """Of what tells one from the next: kept results are looked up by it at every decision."""
        return hash((len(self.starts), self.starts[:1], self.prices_per_mwh[:1], self.prices_per_mwh[-1:]))


@dataclass(frozen=True, slots=True)
class PriceOutlook:
    """What is known of the price beyond its value of now: what was learned, what is published, what it has been.

    `recent` are (start, price) pairs of the last days, oldest first. All prices are without the site's adder.
    """

    lessons: Lessons | None = None
    curve: PriceCurve = PriceCurve()
    recent: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """What the site may draw. `event_limits_watts` are the limits that the grid sets now, by events or by a number,
    `upstream_limits_watts` what the budgets leave to it that it draws through.

    `limited_by` names what set the lowest of them. In an `emergency` whatever frees most watts goes first, and no
    harm counts. Without an `outlook` the price of now alone decides.
    """

    name: str
    cap_watts: int
    price: Signal
    mode: Mode = Mode.ENFORCE
    reserve_percent: int = 0
    fixed_watts: int = 0
    pue_1e4: int = PUE_SCALE
    adder_per_mwh: float = 0.0
    correction_watts: int = 0
    event_limits_watts: tuple[int, ...] = ()
    upstream_limits_watts: tuple[int, ...] = ()
    limited_by: str = ""
    emergency: bool = False
    ramp_up_watts_per_minute: int = 0
    ramp_down_watts_per_minute: int = 0
    gpu_groups: tuple[GpuGroup, ...] = ()
    meter: Signal | None = None
    outlook: PriceOutlook | None = None

    @property
    def limit_watts(self) -> int:
        """What may be drawn at the meter now."""
        allowed = min((self.cap_watts, *self.event_limits_watts, *self.upstream_limits_watts))
        return max(0, allowed * (100 - self.reserve_percent) // 100 - self.correction_watts)

    @property
    def it_limit_watts(self) -> int:
        """The most that all pods together may draw: exactly those sums whose committed watts are within the limit."""
        return (self.limit_watts - self.fixed_watts) * PUE_SCALE // self.pue_1e4

    def committed_watts(self, it_watts: int) -> int:
        """Watts at the meter of pods that draw `it_watts`."""
        return self.fixed_watts + -(-self.pue_1e4 * it_watts // PUE_SCALE)


@dataclass(frozen=True, slots=True)
class SiteState:
    """Everything one decision depends on; a recorded one replays it exactly.

    `raise_gate` names why nothing at all may be raised (a `Reason` value), empty when raising is allowed.
    """

    now: float
    budget: Budget
    workloads: tuple[Workload, ...]
    draws: tuple[Draw, ...] = ()
    moves: tuple[Move, ...] = ()
    raise_gate: str = ""

    @property
    def booked_it_watts(self) -> int:
        """Watts of every pod in the books."""
        controlled = sum([w.booked_pods * w.it_watts_per_replica for w in self.workloads])
        return controlled + sum([d.pods * d.it_watts_per_pod for d in self.draws])

    @property
    def staying_it_watts(self) -> int:
        """Watts of the pods that no plan controls and that nobody has asked to stop."""
        return sum([d.staying_pods * d.it_watts_per_pod for d in self.draws])


@dataclass(frozen=True, slots=True)
class Target:
    """How many replicas to ask for now, where that is heading, and what binds it.

    `wanted_replicas` is what price and demand alone would run, `goal_replicas` what the limit leaves of it.
    `worth_per_mwh` is None where it is not known. `limited_by` is `PowerLimit` or `GPULimit` where one of them keeps
    the goal short.
    """

    key: str
    from_replicas: int
    replicas: int
    goal_replicas: int
    wanted_replicas: int
    reason: str
    worth_per_mwh: float | None = None
    look_again_at: float | None = None
    limited_by: str = ""


@dataclass(frozen=True, slots=True)
class Sureness:
    """What the decision knew of the price to come, and how well.

    `basis` is `Curve`, `Learned` or `LastPrice`. `spread_per_mwh` is how far apart the 10 % and the 90 % price of one
    hour ahead are, None where nothing is known of it.
    """

    basis: str
    spread_per_mwh: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision. `lowers` and `raises` are keys in the order in which they are to be written.

    `unmet_floor_watts` is above zero where the limit does not carry the floors; `unmet_floor_gpus` are the GPUs that
    groups lack for floors which the limit would carry. `look_again_at` is the next moment at which the same facts
    would give another plan. `outlook` is None where the price of now alone decided.
    """

    limit_watts: int
    committed_watts: int
    planned_watts: int
    price_per_mwh: float | None
    targets: tuple[Target, ...]
    lowers: tuple[str, ...] = ()
    raises: tuple[str, ...] = ()
    unmet_floor_watts: int = 0
    look_again_at: float | None = None
    unmet_floor_gpus: tuple[GpuGroup, ...] = ()
    outlook: Sureness | None = None
