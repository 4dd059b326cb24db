"""Jobs that queue for the GPUs of a site behind one cap, event by event: watts split for good, or moved to the jobs.

Nothing here draws more than the cap: GPUs and miners that are powered, starting or stopping are booked together. A job
takes its GPUs all at once and keeps them to its end; nothing starts before the head of the queue (no backfill). What a
pod takes to start is charged to the switched policies only where they have to power a GPU; a static share is warm.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wattswitch.simulate.jobs import DAY_SECONDS, Jobs
from wattswitch.simulate.queueing_mining import Margin, Mining, steady_margin

MOST_PERIODS: Final = 60
"""So many repetitions of the trace without the end of the measured jobs mean more work than the GPUs carry."""

STEADY_SHARE: Final = 0.98
"""Of the work that comes in one period, what must be done in it for the queue to be in balance."""


class OverloadError(ValueError):
    """The jobs do not end: they need more GPUs than they can ever have."""


@dataclass(frozen=True, slots=True)
class QueueSite:
    """GPUs and miners behind one cap. The static split carries `share_gpus`, and miners with the rest of the watts.

    Switching never gives the jobs fewer than `warm_gpus` (None: the static share) and at most `gpus`; from 0 on it
    lends idle watts of the share to the miners as well. A GPU pod does work `start_seconds` after its watts are free,
    a miner that has to give them is off after `stop_seconds` and earns again `miner_start_seconds` after its start. A
    raise is not taken back before `min_run_seconds`. A preempted job resumes from its last checkpoint, taken every
    `checkpoint_seconds` of its run.
    """

    cap_watts: int
    gpus: int
    share_gpus: int
    miners: int
    gpu_watts: int = 1275
    miner_watts: int = 3500
    warm_gpus: int | None = None
    start_seconds: float = 180.0
    stop_seconds: float = 5.0
    miner_start_seconds: float = 120.0
    min_run_seconds: float = 300.0
    checkpoint_seconds: float = 1800.0

    @property
    def floor_gpus(self) -> int:
        """GPUs that switching keeps powered for jobs, wanted or not."""
        return self.share_gpus if self.warm_gpus is None else self.warm_gpus


class Split(NamedTuple):
    """What is powered."""

    gpus: int
    miners: int


def static_split(site: QueueSite, limit_watts: float) -> Split:
    """Each side has its part of the limit for good, as of the cap."""
    gpus = int(site.share_gpus * min(limit_watts, site.cap_watts) // site.cap_watts)
    rest = limit_watts - site.share_gpus * site.gpu_watts * limit_watts / site.cap_watts
    return Split(gpus, min(site.miners, int(rest // site.miner_watts)))


def switched_split(site: QueueSite, limit_watts: float, wanted_gpus: int) -> Split:
    """Jobs first, miners in what is left: what `plan()` decides where jobs have the higher priority and miners pay."""
    gpus = min(max(wanted_gpus, site.floor_gpus), site.gpus, int(limit_watts // site.gpu_watts))
    return Split(gpus, beside(site, limit_watts, gpus))


def beside(site: QueueSite, limit_watts: float, gpus: int) -> int:
    """Miners that the limit carries beside these GPUs."""
    return max(0, min(site.miners, int((limit_watts - gpus * site.gpu_watts) // site.miner_watts)))


@dataclass(frozen=True, slots=True)
class Policy:
    """Who gets the watts, and in which order jobs are taken. Without a cap all GPUs and all miners are powered."""

    name: str
    switched: bool = False
    shortest_first: bool = False
    capped: bool = True


STATIC_FIFO: Final = Policy("A")
STATIC_SHORTEST: Final = Policy("B", shortest_first=True)
SWITCHED_FIFO: Final = Policy("C", switched=True)
SWITCHED_SHORTEST: Final = Policy("D", switched=True, shortest_first=True)
UNCAPPED: Final = Policy("E", capped=False)
POLICIES: Final = (STATIC_FIFO, STATIC_SHORTEST, SWITCHED_FIFO, SWITCHED_SHORTEST, UNCAPPED)


@dataclass(frozen=True, eq=False)
class Arrivals:
    """N jobs from second 0 on, ascending. `days` (N,) are those on which the record has them.

    With a period they come again after it, for ever: the first `warmup_periods` fill the site, the next one is
    measured, and more follow until all of its jobs have ended. Without one they come once and all are measured.
    """

    submitted: NDArray[np.float64]
    run_seconds: NDArray[np.float64]
    gpus: NDArray[np.int64]
    days: NDArray[np.int64]
    period_seconds: float = math.inf
    warmup_periods: int = 0

    @property
    def begin(self) -> float:
        """When measuring begins."""
        return self.warmup_periods * self.period_seconds if self.warmup_periods else 0.0


def at_load(jobs: Jobs, share_gpus: int, load: float) -> Arrivals:
    """The jobs at another pace: their work comes at `load` times what `share_gpus` do.

    Only the clock of the arrivals is stretched or pressed; every job and the order and relative gaps of all stay, so
    bursts are as large as they were. The warm-up is two periods more than the longest job takes.
    """
    stretch = jobs.busy_gpus / (load * share_gpus)
    period = jobs.period_seconds * stretch
    since = jobs.submitted - jobs.begin
    return Arrivals(
        submitted=since * stretch,
        run_seconds=jobs.run_seconds,
        gpus=jobs.gpus,
        days=(since // DAY_SECONDS).astype(np.int64),
        period_seconds=period,
        warmup_periods=math.ceil(float(np.max(jobs.run_seconds)) / period) + 2,
    )


@dataclass(frozen=True, slots=True)
class Curtailment:
    """From `start` to `end` (seconds of the run) the site may draw `limit_watts`."""

    start: float
    end: float
    limit_watts: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One decision: what was known, and what is powered from then on."""

    at: float
    limit_watts: float
    wanted_gpus: int
    pods_before: int
    miners_before: int
    raised_at: float
    pods: int
    miners: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of the N measured jobs; all of them have ended. Times are seconds of the run, arrays (N,)."""

    submitted: NDArray[np.float64]
    started: NDArray[np.float64]
    ended: NDArray[np.float64]
    run_seconds: NDArray[np.float64]
    gpus: NDArray[np.int64]
    days: NDArray[np.int64]
    preemptions: NDArray[np.int64]
    lost_gpu_seconds: float
    mining: Mining

    @property
    def wait_seconds(self) -> NDArray[np.float64]:
        """From the moment of handing in to the first start."""
        return self.started - self.submitted

    @property
    def total_wait_seconds(self) -> NDArray[np.float64]:
        """Everything that is not useful run: waits after preemptions and work done twice as well."""
        return np.maximum(0.0, self.completion_seconds - self.run_seconds)

    @property
    def steady(self) -> bool:
        """Whether as much work was done in the measured period as came in it; if not, the queue grows for ever."""
        came = float((self.run_seconds * self.gpus).sum())
        return self.mining.busy_gpu_seconds >= STEADY_SHARE * came

    @property
    def completion_seconds(self) -> NDArray[np.float64]:
        """From the moment of handing in to the end."""
        return self.ended - self.submitted


def simulate(
    arrivals: Arrivals,
    site: QueueSite,
    policy: Policy,
    *,
    curtailments: Iterable[Curtailment] = (),
    margin: Margin | None = None,
    on_decision: Callable[[Moment], None] | None = None,
) -> Outcome:
    """Run the jobs through the site until every measured one has ended. Raises OverloadError where that never comes."""
    run = _Run(arrivals, site, policy, tuple(curtailments), margin or steady_margin(0.0), on_decision)
    run.to_the_end()
    return run.outcome()


@dataclass(slots=True)
class _Job:
    number: int
    submitted: float
    left: float
    gpus: int
    started: float = math.nan
    since: float = 0.0
    ends: float = 0.0
    ended: float = math.nan
    preemptions: int = 0
    lost: float = 0.0


@dataclass
class _Run:
    arrivals: Arrivals
    site: QueueSite
    policy: Policy
    curtailments: tuple[Curtailment, ...]
    margin: Margin
    on_decision: Callable[[Moment], None] | None
    now: float = 0.0
    next_number: int = 0
    waiting: list[tuple[float, int, _Job]] = field(default_factory=list)
    waiting_gpus: int = 0
    running: dict[int, _Job] = field(default_factory=dict)
    ends: list[tuple[float, int]] = field(default_factory=list)
    busy: int = 0
    ready: int = 0
    starting: deque[tuple[float, int]] = field(default_factory=deque)
    starting_gpus: int = 0
    raised_at: float = -math.inf
    look_again_at: float = math.inf
    measured: list[_Job] = field(default_factory=list)
    unfinished: int = 0
    booked_at: float = 0.0
    busy_gpu_seconds: float = 0.0

    def __post_init__(self) -> None:
        a = self.arrivals
        self.submitted: list[float] = a.submitted.tolist()
        self.run_seconds: list[float] = a.run_seconds.tolist()
        self.gpus: list[int] = a.gpus.tolist()
        self.count = len(self.submitted)
        self.first_measured = a.warmup_periods * self.count
        self.unfinished = self.count
        begin, end = a.begin, a.begin + a.period_seconds
        limits = {at for each in self.curtailments for at in (each.start, each.end)}
        self.changes = deque(sorted(at for at in {*limits, begin, end} if 0 < at < math.inf))
        self.limit_watts: float = self.site.cap_watts
        self.mining = Mining(self.site.miner_watts, begin, end, self.margin)
        self._refresh_limit()
        self.ready = switched_split(self.site, self.limit_watts, 0).gpus if self.policy.switched else self._most()
        self.miners = self._miners_beside(self.ready)
        self.next_arrival = self._arrival_at(0)
        self.moves = self.policy.switched or bool(self.curtailments) or self.on_decision is not None
        largest = max(self.gpus)
        if largest > (self.site.gpus if self.policy.switched else self._most()):
            raise OverloadError(f"a job asks for {largest} GPUs, more than it can ever have")

    def to_the_end(self) -> None:
        while self.unfinished:
            self._advance()
            self._end_jobs()
            self._take_arrivals()
            self._take_ready_pods()
            if self.changes and self.changes[0] <= self.now:
                self.changes.popleft()
                self._book()
                self._refresh_limit()
                self._shed()
            self._start_jobs()
            if self.moves:
                self._resize()

    def outcome(self) -> Outcome:
        self._book()
        jobs, a = self.measured, self.arrivals
        return Outcome(
            submitted=np.array([job.submitted for job in jobs]),
            started=np.array([job.started for job in jobs]),
            ended=np.array([job.ended for job in jobs]),
            run_seconds=a.run_seconds,
            gpus=a.gpus,
            days=a.days,
            preemptions=np.array([job.preemptions for job in jobs], dtype=np.int64),
            lost_gpu_seconds=sum(job.lost * job.gpus for job in jobs),
            mining=self.mining,
        )

    def _arrival_at(self, number: int) -> float:
        period, place = divmod(number, self.count)
        if not period:
            return self.submitted[place]
        if period > MOST_PERIODS:
            raise OverloadError(f"jobs still wait after the trace came {MOST_PERIODS} times: the load is too high")
        return self.submitted[place] + period * self.arrivals.period_seconds

    def _advance(self) -> None:
        at = min(self.next_arrival, self.look_again_at)
        if self.ends:
            at = min(at, self.ends[0][0])
        if self.starting:
            at = min(at, self.starting[0][0])
        if self.changes:
            at = min(at, self.changes[0])
        if at == math.inf:
            raise OverloadError("jobs wait for GPUs that never come")
        if at > self.now:
            self.busy_gpu_seconds += self.busy * (at - self.now)
            self.now = at

    def _book(self) -> None:
        """Enter what ran since the last entry: before every change of what is powered, at the window's edges."""
        borrowed = self.ready + self.starting_gpus - self.static.gpus
        powered = (self.miners, self.static.miners, borrowed)
        self.mining.book(self.booked_at, self.now, *powered, self.busy_gpu_seconds)
        self.booked_at, self.busy_gpu_seconds = self.now, 0.0

    def _end_jobs(self) -> None:
        while self.ends and self.ends[0][0] <= self.now:
            at, number = heapq.heappop(self.ends)
            job = self.running.get(number)
            if job is None or job.ends != at:
                continue
            del self.running[number]
            self.busy -= job.gpus
            job.ended = at
            self.unfinished -= self._is_measured(number)

    def _is_measured(self, number: int) -> bool:
        return 0 <= number - self.first_measured < self.count

    def _take_arrivals(self) -> None:
        while self.next_arrival <= self.now:
            number = self.next_number
            place = number % self.count
            job = _Job(number, self.next_arrival, self.run_seconds[place], self.gpus[place])
            if self._is_measured(number):
                self.measured.append(job)
            self._enqueue(job)
            self.next_number += 1
            self.next_arrival = self._arrival_at(self.next_number)

    def _enqueue(self, job: _Job) -> None:
        rank = job.left if self.policy.shortest_first else job.number
        heapq.heappush(self.waiting, (rank, job.number, job))
        self.waiting_gpus += job.gpus

    def _take_ready_pods(self) -> None:
        while self.starting and self.starting[0][0] <= self.now:
            pods = self.starting.popleft()[1]
            self.starting_gpus -= pods
            self.ready += pods

    def _start_jobs(self) -> None:
        while self.waiting and self.waiting[0][2].gpus <= self.ready - self.busy:
            job = heapq.heappop(self.waiting)[2]
            self.waiting_gpus -= job.gpus
            self.busy += job.gpus
            if not job.preemptions:
                job.started = self.now
            job.since, job.ends = self.now, self.now + job.left
            self.running[job.number] = job
            heapq.heappush(self.ends, (job.ends, job.number))

    def _refresh_limit(self) -> None:
        limits = (each.limit_watts for each in self.curtailments if each.start <= self.now < each.end)
        self.limit_watts = min((self.site.cap_watts, *limits))
        self.static = static_split(self.site, self.limit_watts)

    def _most(self) -> int:
        """GPUs that the policy may power under the limit of now."""
        if not self.policy.capped:
            return self.site.gpus
        if self.policy.switched:
            return switched_split(self.site, self.limit_watts, self.site.gpus).gpus
        return self.static.gpus

    def _miners_beside(self, pods: int) -> int:
        if not self.policy.capped:
            return self.site.miners
        if self.policy.switched:
            return beside(self.site, self.limit_watts, pods)
        return self.static.miners

    def _shed(self) -> None:
        """Obey a limit that fell: starting pods go first, then idle ones, then jobs, the last started first."""
        excess = self.ready + self.starting_gpus - self._most()
        if excess > 0:
            self._lower(excess)

    def _lower(self, pods: int) -> None:
        self._book()
        while pods and self.starting:
            at, count = self.starting.pop()
            cancelled = min(pods, count)
            if count > cancelled:
                self.starting.append((at, count - cancelled))
            self.starting_gpus -= cancelled
            pods -= cancelled
        self.ready -= pods
        while self.busy > self.ready:
            self._preempt(max(self.running.values(), key=lambda job: (job.since, job.number)))

    def _preempt(self, job: _Job) -> None:
        del self.running[job.number]
        self.busy -= job.gpus
        done = self.now - job.since
        kept = done // self.site.checkpoint_seconds * self.site.checkpoint_seconds
        job.left -= kept
        job.lost += done - kept
        job.preemptions += 1
        self._enqueue(job)

    def _resize(self) -> None:
        """Power what the jobs want and the policy allows; what a raise needs comes from miners, which stop first."""
        pods, miners_before, raised_at = self.ready + self.starting_gpus, self.miners, self.raised_at
        wanted = self.busy + self.waiting_gpus
        aim = switched_split(self.site, self.limit_watts, wanted).gpus if self.policy.switched else self._most()
        self.look_again_at = math.inf
        if aim > pods:
            self._raise(aim - pods, self._miners_beside(aim))
        elif aim < pods:
            if self.now >= self.raised_at + self.site.min_run_seconds:
                self._lower(pods - aim)
            else:
                self.look_again_at = self.raised_at + self.site.min_run_seconds
        powered = self.ready + self.starting_gpus
        self._set_miners(self._miners_beside(powered))
        if self.on_decision is not None:
            self.on_decision(
                Moment(self.now, self.limit_watts, wanted, pods, miners_before, raised_at, powered, self.miners)
            )

    def _raise(self, pods: int, miners: int) -> None:
        self._book()
        delay = self.site.start_seconds + (self.site.stop_seconds if miners < self.miners else 0.0)
        self.starting.append((self.now + delay, pods))
        self.starting_gpus += pods
        self.raised_at = self.now

    def _set_miners(self, miners: int) -> None:
        if miners == self.miners:
            return
        self._book()
        if miners > self.miners:
            self.mining.book_starts(self.now, miners - self.miners, self.site.miner_start_seconds)
        self.miners = miners
