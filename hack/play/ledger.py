"""What the day cost and earned: the monitor's timeline of watts and ready pods, at the prices that were played."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from play.series import STEP_SECONDS, STEPS

TERAHASH_PER_PETAHASH = 1000


@dataclass(frozen=True, slots=True)
class DayClock:
    """When the day was played: wall-clock start in Unix seconds, how many times faster, and how much of it."""

    started: float
    speed: float
    steps: int = STEPS

    @property
    def step_seconds(self) -> float:
        """Wall-clock seconds of one step of five minutes."""
        return STEP_SECONDS / self.speed

    @property
    def ended(self) -> float:
        """Wall-clock end of the day."""
        return self.begins(self.steps)

    def begins(self, step: float) -> float:
        """Wall-clock start of a step."""
        return self.started + step * self.step_seconds

    def step(self, now: float) -> int:
        """The step of a moment, the first or last one outside the day."""
        return min(self.steps - 1, max(0, math.floor((now - self.started) / self.step_seconds + 1e-9)))


@dataclass(frozen=True, slots=True)
class Span:
    """A state of the site that began at `at`: watts at the meter and ready pods of each workload."""

    at: float
    watts: int
    ready: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Earner:
    """What one ready pod of a workload earns in an hour, for as many pods as are wanted in each step (None: all)."""

    per_pod_hour: float
    wanted: tuple[int, ...] | None = None

    def earned(self, pods: int, step: int, hours: float) -> float:
        """Money for this many ready pods during a part of a step."""
        busy = pods if self.wanted is None else min(pods, self.wanted[step])
        return busy * self.per_pod_hour * hours


@dataclass(slots=True)
class Account:
    """Sums of a day, in the currency of its prices."""

    energy_kwh: float = 0.0
    cost: float = 0.0
    mining_revenue: float = 0.0
    inference_revenue: float = 0.0

    @property
    def revenue(self) -> float:
        """What miners and inference earned."""
        return self.mining_revenue + self.inference_revenue

    @property
    def profit(self) -> float:
        """Revenue less the cost of energy."""
        return self.revenue - self.cost


def settle(
    spans: Iterable[Span], clock: DayClock, prices_per_mwh: tuple[float, ...], earners: Mapping[str, Earner]
) -> Account:
    """Add up the day. `prices_per_mwh` are all-in, one for each step; what lies outside the day does not count."""
    account = Account()
    for span, until in _with_ends(spans, clock.ended):
        for step, seconds in _pieces(max(span.at, clock.started), until, clock):
            hours = seconds * clock.speed / 3600
            kwh = span.watts / 1000 * hours
            account.energy_kwh += kwh
            account.cost += kwh / 1000 * prices_per_mwh[step]
            for key, earner in earners.items():
                earned = earner.earned(span.ready.get(key, 0), step, hours)
                if key.startswith("MiningPool/"):
                    account.mining_revenue += earned
                else:
                    account.inference_revenue += earned
    return account


def read_timeline(path: Path, budget: str) -> Iterator[Span]:
    """Read what the monitor wrote down about one budget."""
    with path.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                note = json.loads(line)
                yield Span(note["at"], note["watts"].get(budget, 0), note["ready"])


def earners(
    manifests: Iterable[Mapping[str, Any]],
    hashprice_per_ph_day: float,
    per_gpu_hour: float,
    demand: Mapping[str, tuple[float, ...]],
) -> dict[str, Earner]:
    """What each workload of a site earns, from its manifests; `demand` is by the workload's name."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for manifest in manifests:
        kinds.setdefault(manifest["kind"], []).append(manifest)
    hardware = {device["name"]: device for budget in kinds["PowerBudget"] for device in budget["spec"]["hardware"]}
    found = {}
    for pool in kinds["MiningPool"]:
        found[_key(pool)] = Earner(_mining_rate(pool["spec"], hardware, hashprice_per_ph_day))
    for service in kinds["InferenceDeployment"]:
        found[_key(service)] = _inference(service, hardware, per_gpu_hour, demand[service["metadata"]["name"]])
    return found


def _mining_rate(spec: Mapping[str, Any], hardware: Mapping[str, Any], hashprice_per_ph_day: float) -> float:
    device = hardware[spec["hardware"]]
    terahash: float = device["watts"] / float(device["joulesPerTerahash"]) * spec.get("devicesPerReplica", 1)
    kept = 1 - float(spec["worth"].get("poolFeePercent", 0)) / 100
    return terahash / TERAHASH_PER_PETAHASH * hashprice_per_ph_day / 24 * kept


def _inference(
    service: Mapping[str, Any], hardware: Mapping[str, Any], per_gpu_hour: float, demand: tuple[float, ...]
) -> Earner:
    spec = service["spec"]
    gpus = hardware[spec["hardware"]].get("gpus", 0) * spec.get("devicesPerReplica", 1)
    rate = float(spec["worth"].get("perReplicaHour", per_gpu_hour * gpus))
    per_replica = float(spec["demand"]["perReplica"])
    return Earner(rate, tuple(math.ceil(waiting / per_replica) for waiting in demand))


def _key(manifest: Mapping[str, Any]) -> str:
    metadata = manifest["metadata"]
    return f"{manifest['kind']}/{metadata['namespace']}/{metadata['name']}"


def _with_ends(spans: Iterable[Span], end: float) -> Iterator[tuple[Span, float]]:
    """Each span with the moment at which the next one begins, the last one with `end`."""
    previous = None
    for span in spans:
        if previous is not None:
            yield previous, min(span.at, end)
        previous = span
    if previous is not None:
        yield previous, end


def _pieces(start: float, end: float, clock: DayClock) -> Iterator[tuple[int, float]]:
    """Cut a time into (step, seconds)."""
    while start < end:
        step = clock.step(start)
        until = end if step == clock.steps - 1 else min(end, clock.begins(step + 1))
        if until <= start:  # the start lies a rounding error before the next step
            until = min(end, clock.begins(step + 2))
        yield step, until - start
        start = until
