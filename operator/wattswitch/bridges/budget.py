"""What a bridge wants to know of the budget that it asks for: that there is one, and how long shedding takes."""

import asyncio
import logging
from typing import Final

from wattswitch.bridges.asked import Asked
from wattswitch.cluster import KubeClient
from wattswitch.cluster.paths import item
from wattswitch.errors import WattswitchError

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 60.0


class BudgetWatch:
    """Looks at one PowerBudget. What can't be read holds up nothing: an event waits in the cluster for its budget."""

    def __init__(self, client: KubeClient, name: str) -> None:
        self._client = client
        self._name = name
        self._shed_seconds: float | None = None
        self._problem = ""

    def estimate(self, asked: Asked) -> float | None:
        """Seconds until the limit of an event is met at worst, as the operator says; None where it does not."""
        return None if asked.cancelled else self._shed_seconds

    async def run(self) -> None:
        """Look over and over, until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once; never raises, and tells a new problem once."""
        problem = ""
        self._shed_seconds = None
        try:
            budget = await self._client.request("GET", item("PowerBudget", None, self._name))
        except WattswitchError as error:
            problem = (
                f"PowerBudget {self._name} can't be read, and its events limit nothing while it is missing: {error}"
            )
        else:
            seconds = (budget.get("status") or {}).get("shedSeconds")
            self._shed_seconds = float(seconds) if isinstance(seconds, int) else None
        if problem != self._problem:
            self._problem = problem
            logger.log(logging.WARNING if problem else logging.INFO, problem or f"PowerBudget {self._name} is there")
