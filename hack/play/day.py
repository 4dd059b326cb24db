"""The day as an agenda: steps of prices and demand, and what people do to the site in between."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from local.api import ApiServer
from play.ledger import DayClock
from play.series import DAY_SECONDS, STEP_SECONDS, STEPS
from play.site import BUDGET, Manifest, apply, path_of

BUDGET_PATH = f"/apis/wattswitch.io/v1alpha1/powerbudgets/{BUDGET}"
GRID, STRANGER, TENANT = "grid", "stranger", "tenant"
"""Field managers of the hands that are not the operator's."""
STRANGER_REPLICAS = 60
KILL_MARGIN_STEPS = 6
LONGEST_NAP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that happens at a step, in the middle of which it falls where it is a fraction."""

    step: float
    title: str
    act: Callable[[], object]


class Player:
    """Knows which step it is and plays an agenda by the wall clock."""

    def __init__(self, speed: float, steps: int = STEPS) -> None:
        self.clock = DayClock(time.time(), speed, steps)
        self.step = 0

    def play(self, agenda: Iterable[Occasion], say: Callable[[str], None], look: Callable[[], None]) -> None:
        """Do everything at its time. `look` is called again and again in between and ends the day by raising."""
        self.clock = DayClock(time.time(), self.clock.speed, self.clock.steps)
        played = (occasion for occasion in agenda if occasion.step < self.clock.steps)
        for occasion in sorted(played, key=lambda each: each.step):
            self._wait(self.clock.begins(occasion.step), look)
            if occasion.title:
                say(occasion.title)
            occasion.act()
        self._wait(self.clock.ended, look)

    def _wait(self, until: float, look: Callable[[], None]) -> None:
        while True:
            look()
            left = until - time.time()
            if left <= 0:
                return
            time.sleep(min(left, LONGEST_NAP_SECONDS))


def time_of_day(step: int, start: float = 0.0) -> str:
    """HH:MM of a step."""
    minutes = (int(start) // 60 + step * STEP_SECONDS // 60) % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def step_at(text: str, start: float = 0.0) -> float:
    """The middle of the step of a time of day, so that what happens then does not coincide with a new price."""
    hours, minutes = text.split(":")
    return (int(hours) * 3600 + int(minutes) * 60 - start) % DAY_SECONDS // STEP_SECONDS + 0.5


def happenings(server: ApiServer, start: float, cap_watts: int, deployment: Manifest, pool: Manifest) -> list[Occasion]:
    """What people do on every day: two cuts of the cap, a stranger's scale-up, a deployment deleted and deployed again.

    The day begins at `start` (Unix seconds). `deployment` is the one that its tenant deletes, `pool` the Deployment
    that a stranger scales up.
    """

    def cap(percent: int) -> Callable[[], object]:
        patch = {"spec": {"capWatts": cap_watts * percent // 100}}
        return lambda: server.merge(BUDGET_PATH, patch, GRID)

    def scale_up() -> object:
        # Not to /scale: there the API server forgets who wrote once the size was 0, and the monitor would blame us.
        return server.merge(path_of(pool), {"spec": {"replicas": STRANGER_REPLICAS}}, STRANGER)

    crowd, left = pool["metadata"]["name"], deployment["metadata"]["name"]
    happening = [
        ("09:30", f"a stranger scales {crowd} to {STRANGER_REPLICAS} pods", scale_up),
        ("13:00", "the grid cuts the cap to 55 %", cap(55)),
        ("14:00", "the cap is back", cap(100)),
        ("15:30", f"the tenant deletes Deployment {left}", lambda: server.remove(path_of(deployment))),
        ("16:30", f"the tenant deploys {left} again", lambda: apply(server, deployment, TENANT)),
        ("18:30", "the grid cuts the cap to 30 %", cap(30)),
        ("19:15", "the cap is back", cap(100)),
    ]
    return [Occasion(step_at(when, start), f"{when}  {title}", act) for when, title, act in happening]


def kills(count: int, seed: int, start: float, kill: Callable[[], object], steps: int = STEPS) -> list[Occasion]:
    """SIGKILLs at random moments of the day, away from its very ends."""
    dice = random.Random(f"kills {seed}")
    moments = sorted(dice.uniform(KILL_MARGIN_STEPS, steps - KILL_MARGIN_STEPS) for _ in range(count))
    title = "SIGKILL to the operator, and a new start"
    return [Occasion(step, f"{time_of_day(int(step), start)}  {title}", kill) for step in moments]
