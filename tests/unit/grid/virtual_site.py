"""A site in virtual time: Deployments at work, whose own meter integrates what every pod draws until it is gone."""

from dataclasses import dataclass
from random import Random
from typing import Any

from unit.engine.model_cluster import ModelCluster
from unit.engine.site_objects import INFERENCE, MINING, target_raw

CAP_WATTS = 100_000
FIXED_WATTS = 3_000
PUE = 1.08
RESERVE_PERCENT = 2
RAMP_WATTS_PER_MINUTE = 60_000
COOLDOWN_SECONDS = 300
WAVE_WATTS = 25_000
WAVE_SECONDS = 60

BUDGET: dict[str, Any] = {
    "capWatts": CAP_WATTS,
    "reservePercent": RESERVE_PERCENT,
    "overhead": {"fixedWatts": FIXED_WATTS, "pue": "1.08"},
    "rampDownWattsPerMinute": RAMP_WATTS_PER_MINUTE,
    "curtailment": {"cooldownSeconds": COOLDOWN_SECONDS, "waveWatts": WAVE_WATTS, "waveSeconds": WAVE_SECONDS},
    "meter": {"sources": [{"name": "pdu", "unit": "Watts", "fixed": {"value": "0"}}]},
}


@dataclass(frozen=True)
class Pods:
    """One workload: what a pod draws, and what the resource says."""

    name: str
    namespace: str
    watts: int
    least: int
    most: int
    gpus: int = 0

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and name, of the target and of the workload."""
        return self.namespace, self.name


S21 = Pods("s21", MINING, 3_500, 0, 16)
OLD = Pods("old", MINING, 1_000, 3, 15)
LLAMA = Pods("llama", INFERENCE, 1_275, 2, 10, gpus=1)
CHAT = Pods("chat", INFERENCE, 1_275, 3, 8, gpus=1)
WORKLOADS = (S21, OLD, LLAMA, CHAT)
FLOOR_IT_WATTS = sum(each.least * each.watts for each in WORKLOADS)


class Target(ModelCluster):
    """A Deployment of the model whose next event can be asked for."""

    @property
    def next_at(self) -> float:
        """When something happens of itself, never where nothing is on its way."""
        return max(self.now, self._due[0][0]) if self._due else float("inf")

    def reach(self, at: float) -> None:
        """Let time pass up to this moment."""
        self.run(max(0.0, at - self.now))
        self.now = at

    def raw(self, pods: Pods) -> dict[str, Any]:
        """The Deployment as the API server shows it."""
        raw = target_raw(
            pods.name,
            pods.namespace,
            replicas=self.replicas,
            alive=self.status_alive,
            terminating=self.status_terminating,
            gpus=pods.gpus,
        )
        raw["metadata"]["generation"] = self.generation
        raw["status"]["observedGeneration"] = self.observed_generation
        return raw


class VirtualSite:
    """All targets of the site, and its meter. `joules` are those from the start on."""

    def __init__(self, random: Random, now: float) -> None:
        self.now = now
        self.joules = 0.0
        self.targets = {each.place: Target(random, replicas=each.least, now=now) for each in WORKLOADS}

    @property
    def watts(self) -> float:
        """What is drawn at the meter now."""
        return self._at_the_meter({each.place: self._drawing(each) for each in WORKLOADS})

    @property
    def watts_to_come(self) -> float:
        """What would be drawn if all that was asked for were there already, and nothing were gone yet."""
        pods = {}
        for each in WORKLOADS:
            target = self.targets[each.place]
            pods[each.place] = max(target.replicas, target.alive + target.to_create) + target.terminating
        return self._at_the_meter(pods)

    @property
    def next_at(self) -> float:
        """When something happens of itself."""
        return min(target.next_at for target in self.targets.values())

    def size(self, place: tuple[str, str]) -> int:
        """What is asked for."""
        return self.targets[place].replicas

    def reach(self, at: float) -> None:
        """Let time pass up to this moment, before which nothing may happen of itself."""
        self.joules += self.watts * (at - self.now)
        self.now = at
        for target in self.targets.values():
            target.reach(at)

    def _drawing(self, pods: Pods) -> int:
        target = self.targets[pods.place]
        return target.alive + target.terminating

    def _at_the_meter(self, pods: dict[tuple[str, str], int]) -> float:
        return FIXED_WATTS + PUE * sum(pods[each.place] * each.watts for each in WORKLOADS)
