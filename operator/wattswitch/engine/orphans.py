"""Objects that no loop serves: workloads and events whose budget does not exist, and budgets that cannot be read."""

from collections.abc import Mapping
from typing import Any

from wattswitch.api.base import Condition
from wattswitch.cluster import ObjectRef, StatusWrite
from wattswitch.engine import clock, report
from wattswitch.engine.reporter import EVENTS, PLURALS
from wattswitch.engine.services import Services
from wattswitch.planner.model import Reason


class Orphans:
    """Tells each such object once, again when the answer changes, and again until the answer has arrived."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._told: dict[str, tuple[int, str]] = {}
        self._present: set[str] = set()

    def tell(self) -> None:
        """Give every workload and event without a budget a condition that says so, and forget what has one again.

        To be called after each round in which unreadable budgets were told.
        """
        view = self._services.view
        budgets = {raw["metadata"]["name"] for raw in view.all("PowerBudget")}
        for kind, plural in (*PLURALS.items(), ("CurtailmentEvent", EVENTS)):
            for raw in view.all(kind):
                name = raw.get("spec", {}).get("budget")
                if name not in budgets:
                    message = f"PowerBudget {name} does not exist: create it or correct spec.budget; nothing is moved"
                    self._tell(raw, plural, Reason.BUDGET_MISSING, message)
        for uid in self._told.keys() - self._present:
            del self._told[uid]
            self._services.status.forget(uid)
        self._present.clear()

    def unreadable(self, raw: Mapping[str, Any], problems: list[str]) -> None:
        """Give a budget that cannot be read a condition that says why."""
        self._tell(raw, "powerbudgets", Reason.INVALID_SPEC, "; ".join(problems))

    def _tell(self, raw: Mapping[str, Any], plural: str, reason: Reason, message: str) -> None:
        meta = raw["metadata"]
        uid, answer = meta["uid"], (meta.get("generation", 0), message)
        if self._services.standby:
            return  # the leader tells it, and what we said once may be overwritten
        self._present.add(uid)
        known = self._told.get(uid) == answer
        if known and uid not in self._services.status.problems:
            return
        self._told[uid] = answer
        self._submit(raw, plural, reason, message)
        if not known:
            self._services.events.record(ObjectRef.of(raw), "Warning", str(reason), message)

    def _submit(self, raw: Mapping[str, Any], plural: str, reason: Reason, message: str) -> None:
        meta = raw["metadata"]
        generation = meta.get("generation", 0)
        kept = (raw.get("status") or {}).get("conditions") or []
        before = tuple(Condition.model_validate(each, extra="ignore") for each in kept)
        type_ = "Accepted" if plural == EVENTS else "Ready"
        finding = report.Finding(type_, holds=False, reason=str(reason), message=message)
        after = report.conditions(before, [finding], generation, clock.now())
        # Only fields of our own: the books in a budget's status must not be written from a view.
        status: dict[str, Any] = {"observedGeneration": generation, "message": message}
        if plural in PLURALS.values():
            status["reason"] = str(reason)
        told = report.fitting(plural, status) | {"conditions": [each.to_raw() for each in after]}
        self._services.status.submit(StatusWrite(plural, meta.get("namespace"), meta["name"], meta["uid"], told))
