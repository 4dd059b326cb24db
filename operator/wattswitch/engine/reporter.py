"""Tells people what was decided: statuses, conditions, Events, series; once a second at most and only what changed."""

import asyncio
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wattswitch.api.base import Condition, ConditionStatus
from wattswitch.cluster import ObjectRef, StatusWrite
from wattswitch.engine import clock, report
from wattswitch.engine.actuate import Written
from wattswitch.engine.eventreport import event_findings, event_status, grid_findings, unreadable
from wattswitch.engine.observe import Observation, Site
from wattswitch.engine.outlook import OutlookTeller
from wattswitch.engine.services import Services
from wattswitch.feeds import Reading
from wattswitch.mapping import currency_of
from wattswitch.metrics import OUTLOOK
from wattswitch.planner.model import Kind, Plan, Reason, SiteState, Target, Workload

logger = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
READINGS_SECONDS = 30.0
AT_A_STRETCH = 50
"""Workloads that are told before others get their turn: less than 10 ms."""
EVENT_SECONDS = 60.0
"""What an event holds back grows all the time; its status is written for that alone no more often than this."""
EVENTS = "curtailmentevents"
GROWING = ("shedKilowattHours", "worstWatts")
PLURALS = {Kind.MINING: "miningpools", Kind.INFERENCE: "inferencedeployments"}
BAD_WHEN_TRUE = frozenset({"Infeasible", "ForeignScale"})
NEWS_WHEN_TRUE = frozenset({"Curtailed", "CoincidentPeak", "Active", "TargetMet", "Restored"})
"""Conditions that are worth an Event when they begin to hold."""
BAD_WHEN_FALSE = frozenset(
    {
        *("Ready", "WithinLimit", "PriceFresh", "OutlookFresh", "MeterFresh", "GridLimitFresh", "CommitmentsMet"),
        *("Accepted", "TargetMet"),
    }
)
TOLD = BAD_WHEN_FALSE | BAD_WHEN_TRUE | NEWS_WHEN_TRUE
"""Conditions whose changes are worth an Event."""
RETOLD: Mapping[str, str] = {"PowerBudget": "Ready", Kind.MINING: "Accepted", Kind.INFERENCE: "Accepted"}
"""The condition of each kind that is told again when it is bad for another reason: what somebody has to correct."""
IN_WORDS = frozenset({"Accepted", str(Reason.INVALID_SPEC)})
"""A type and a reason of conditions that name what to correct in their message only."""


@dataclass(frozen=True, slots=True)
class _StillSite:
    """What every workload's status shows of its site."""

    currency: str
    shown: tuple[object, ...]


class Reporter:
    """Reports on one budget and its workloads."""

    def __init__(self, services: Services, name: str, uid: str) -> None:
        self._services = services
        self._name = name
        self._uid = uid
        self._latest: tuple[Observation, Plan, Site, list[str]] | None = None
        self._fresh = asyncio.Event()
        self._conditions: dict[str, list[dict[str, Any]]] = {}
        """What was told last, as it was written: models of them would take three times the memory."""
        self._told: dict[str, tuple[object, ...]] = {}
        self._outlook = OutlookTeller()
        self._events_told: dict[str, tuple[float, tuple[object, ...]]] = {}
        self._readings: list[dict[str, str]] = []
        self._readings_at = 0.0
        self._over_since: float | None = None

    def submit(self, observation: Observation, plan: Plan, site: Site, problems: list[str]) -> None:
        """Have this decision told soon, in the place of any earlier one."""
        self._latest = (observation, plan, site, problems)
        self._fresh.set()

    def written(self, written: Written) -> None:
        """Tell one write."""
        book, outcome = written.book, written.outcome
        kind, _, rest = book.workload.partition("/")
        namespace, _, name = rest.partition("/")
        raw = self._services.view.get(kind, namespace, name) if kind in PLURALS else None
        if raw is None:
            return
        change = f"{book.kind} {book.name} {written.before} → {written.replicas}"
        if outcome.applied:
            verb = "Raised" if written.replicas > written.before else "Lowered"
            self._services.events.record(ObjectRef.of(raw), "Normal", verb, change)
        else:
            message = f"{change} was not written: {outcome.problem} {outcome.message}"
            self._services.events.record(ObjectRef.of(raw), "Warning", "ScaleFailed", message)

    async def run(self) -> None:
        """Tell the latest decision, again and again."""
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            if self._latest is not None:
                try:
                    await self._tell(*self._latest)
                except Exception:  # what cannot be told must not silence all that follows
                    logger.exception("budget %s: the report failed", self._name)
            await asyncio.sleep(REPORT_SECONDS)

    def close(self) -> None:
        """Drop what is known of the statuses: whoever writes them next may be another. `run` must have ended."""
        for uid in list(self._conditions):
            self._forget(uid)

    def count_over(self, plan: Plan) -> None:
        """Count the time above the limit; to be called with every decision."""
        now = clock.monotonic()
        if self._over_since is not None:
            self._services.metrics.over_limit.labels(self._name).inc(now - self._over_since)
        self._over_since = now if plan.committed_watts > plan.limit_watts else None

    async def _tell(self, observation: Observation, plan: Plan, site: Site, problems: list[str]) -> None:
        """Tell one decision; while another process holds the Lease that is left to it, but for the series.

        Others get their turn meanwhile, so all that they may change is read first.
        """
        self._show(observation.state, plan, site)
        told = report.subjects(observation, plan)
        if self._services.standby:
            return
        self._tell_budget(observation, plan, site, problems, observation.state.now)
        self._tell_events(site, observation.state.now)
        of_site = _still_site(observation.state, plan, currency_of(site.budget.spec))
        for number, subject in enumerate(told, 1):
            self._tell_workload(subject, observation.state, plan, of_site)
            if number % AT_A_STRETCH == 0:
                await asyncio.sleep(0)
                if self._services.standby:
                    return
        for uid in self._told.keys() - {subject.entry.uid for subject in told}:
            self._forget(uid)

    def _tell_budget(self, observation: Observation, plan: Plan, site: Site, problems: list[str], now: float) -> None:
        raw = self._services.view.get("PowerBudget", None, self._name)
        if raw is None:
            return
        readings, published = site.feeds.current(), site.feeds.curve()
        if now >= self._readings_at + READINGS_SECONDS:
            self._readings, self._readings_at = site.feeds.last_readings(), now
        status = report.budget_status(observation.state, plan, readings, self._readings)
        status["shedSeconds"] = site.grid.shed_seconds
        known = {
            "outlook": self._outlook.status,
            "priceModel": site.learner.memory(),
            "events": site.grid.kept() or None,
        }
        status |= {name: value for name, value in known.items() if value is not None}
        money = currency_of(site.budget.spec)
        findings = report.budget_findings(observation.state, plan, readings, problems, published, money)
        findings += grid_findings(site, observation.state, plan)
        self._write(raw, "powerbudgets", status, findings, now, keep=("targets",))

    def _tell_events(self, site: Site, now: float) -> None:
        """Tell every grid event of this budget where it has changed, and now and then what it holds back."""
        grid = site.grid
        present = {str(raw["metadata"]["uid"]): raw for raw in self._services.view.all("CurtailmentEvent")}
        for uid, window in grid.windows.items():
            raw = present.get(uid)
            if raw is None:
                continue
            event, course, problems = grid.book.events[uid], grid.courses[uid], grid.book.problems.get(uid)
            findings = [*event_findings(event, window, course)]
            if problems:
                findings[0] = unreadable(problems)
            status = event_status(event, window, course)
            self._tell_event(uid, raw, status, findings, now)
        for uid, problems in grid.book.problems.items():
            if uid in present and uid not in grid.windows:
                self._tell_event(uid, present[uid], {}, [unreadable(problems)], now)
        for uid in self._events_told.keys() - present.keys():
            del self._events_told[uid]
            self._forget(uid)

    def _tell_event(
        self, uid: str, raw: Mapping[str, Any], status: dict[str, Any], findings: list[report.Finding], now: float
    ) -> None:
        still = {name: value for name, value in status.items() if name not in GROWING}
        facts = (still, findings, raw["metadata"].get("generation", 0))
        at, before = self._events_told.get(uid, (-math.inf, ()))
        growing = any(status.get(name) is not None for name in GROWING) and now >= at + EVENT_SECONDS
        if before == facts and not growing and uid not in self._services.status.problems:
            return
        self._events_told[uid] = (now, facts)
        self._write(raw, EVENTS, status, findings, now)

    def _show(self, state: SiteState, plan: Plan, site: Site) -> None:
        """Bring the series up to date."""
        metrics, now, published = self._services.metrics, state.now, site.feeds.curve()
        metrics.show(state, plan)
        grid = site.grid
        metrics.show_grid(self._name, min(grid.now.limits_watts, default=None), grid.shed_seconds, grid.met)
        metrics.show_feeds(self._name, {name: _age_of(each, now) for name, each in site.feeds.current().items()})
        if self._outlook.follow(state, plan, published):
            metrics.show_ahead(self._name, self._outlook.ahead)
        curve = published.curve if published else None
        if published is not None:
            metrics.feed_fresh.labels(self._name, OUTLOOK).set(curve is not None)
        else:
            metrics.feed_fresh.remove_by_labels({"budget": self._name, "feed": OUTLOOK})
        age = max(0.0, now - published.fetched_at) if published and published.fetched_at else None
        metrics.show_curve(self._name, age, curve.end - now if curve else None)

    def _tell_workload(self, subject: report.Subject, state: SiteState, plan: Plan, of_site: _StillSite) -> None:
        """Tell one workload where it, or what it shows of its site, has changed."""
        entry = subject.entry
        facts = (
            subject.target,
            _switching(subject.target, plan),
            _still(subject.workload),
            subject.foreign,
            tuple(entry.problems),
            entry.paused,
            entry.raw["metadata"].get("generation", 0),
            subject.draw if subject.target is None else None,
            report.waiting_since(entry, subject.workload),
            of_site,
        )
        failed = entry.uid in self._services.status.problems
        if self._told.get(entry.uid) == facts and not failed:
            return
        self._told[entry.uid] = facts
        status = report.workload_status(subject, state, plan, of_site.currency)
        findings = report.workload_findings(subject, state, status["message"])
        self._write(entry.raw, PLURALS[entry.kind], status, findings, state.now)

    def _write(
        self,
        raw: Mapping[str, Any],
        plural: str,
        status: dict[str, Any],
        findings: Iterable[report.Finding],
        now: float,
        keep: tuple[str, ...] = (),
    ) -> None:
        meta = raw["metadata"]
        uid, generation = meta["uid"], meta.get("generation", 0)
        before = self._before(raw)
        after = report.conditions(before, findings, generation, now)
        self._conditions[uid] = [condition.to_raw() for condition in after]
        self._tell_changes(raw, before, after)
        found = {key: value for key, value in (raw.get("status") or {}).items() if key not in keep}
        self._services.status.seen(uid, found)
        told = report.fitting(plural, status) | {
            "observedGeneration": generation,
            "conditions": self._conditions[uid],
        }
        self._services.status.submit(StatusWrite(plural, meta.get("namespace"), meta["name"], uid, told))

    def _before(self, raw: Mapping[str, Any]) -> tuple[Condition, ...]:
        found = (raw.get("status") or {}).get("conditions") or []
        told = self._conditions.get(raw["metadata"]["uid"], found)
        return tuple(Condition.model_validate(each, extra="ignore") for each in told)

    def _tell_changes(
        self, raw: Mapping[str, Any], before: tuple[Condition, ...], after: tuple[Condition, ...]
    ) -> None:
        """An Event for every condition that turned bad or has another problem, one when the object is Ready again.

        Conditions that say the same are one Event.
        """
        old = {condition.type: condition for condition in before}
        retold = RETOLD.get(raw["kind"])
        told: set[tuple[str, str]] = set()
        for condition in after:
            was = old.get(condition.type)
            if condition.type not in TOLD or was == condition:
                continue
            turned = was is None or was.status != condition.status
            text = condition.message or f"{condition.type} is {condition.status}"
            if _is_bad(condition):
                another = condition.type == retold and was is not None and _problem(was) != _problem(condition)
                if (turned or another) and (condition.reason, text) not in told:
                    told.add((condition.reason, text))
                    self._services.events.record(ObjectRef.of(raw), "Warning", condition.reason, text)
            elif turned and (_is_news(condition) or (condition.type == "Ready" and was is not None)):
                self._services.events.record(ObjectRef.of(raw), "Normal", condition.type, text)

    def _forget(self, uid: str) -> None:
        self._told.pop(uid, None)
        self._conditions.pop(uid, None)
        self._services.status.forget(uid)


def _age_of(reading: Reading, now: float) -> tuple[float | None, bool]:
    """Seconds since the feed's number was true, None where there never was one, and whether it is fresh."""
    return None if reading.value is None else max(0.0, now - reading.at), reading.fresh


def _is_bad(condition: Condition) -> bool:
    if condition.type in BAD_WHEN_TRUE:
        return condition.status == ConditionStatus.TRUE
    return condition.type in BAD_WHEN_FALSE and condition.status == ConditionStatus.FALSE


def _is_news(condition: Condition) -> bool:
    return condition.type in NEWS_WHEN_TRUE and condition.status == ConditionStatus.TRUE


def _problem(condition: Condition) -> tuple[str, str]:
    """What a bad condition is about; of most of them the words move without that being news."""
    in_words = not IN_WORDS.isdisjoint({condition.type, condition.reason})
    return condition.reason, condition.message if in_words else ""


def _still(workload: Workload | None) -> tuple[object, ...]:
    """What a workload's status shows of its state, without the times of its readings."""
    if workload is None:
        return ()
    demand = workload.demand.signal.problem if workload.demand else ""
    problems = (workload.worth.signal.problem, demand)
    sizes = (workload.spec_replicas, workload.ready_replicas, workload.booked_pods, workload.max_replicas)
    return (*sizes, workload.it_watts_per_replica, workload.held, *problems)


def _switching(target: Target | None, plan: Plan) -> tuple[object, ...]:
    """What the sentence about the cost of a switch says of the price."""
    price = plan.price_per_mwh
    if target is None or target.reason != Reason.SWITCH_COST or target.worth_per_mwh is None or price is None:
        return ()
    return (price < target.worth_per_mwh, plan.outlook.basis if plan.outlook else "")


def _still_site(state: SiteState, plan: Plan, currency: str) -> _StillSite:
    meter = state.budget.meter.problem if state.budget.meter else ""
    shown = (state.budget.mode, state.raise_gate, plan.limit_watts, state.budget.price.problem, meter)
    return _StillSite(currency, shown)
