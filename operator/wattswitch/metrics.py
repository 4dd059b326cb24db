"""Prometheus series of the operator: shows states, plans and readings; computes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from wattswitch.planner.ahead import Ahead
from wattswitch.planner.model import Plan, SiteState, Target
from wattswitch.planner.outlook import Basis

WORKLOAD = ("budget", "kind", "namespace", "name")
OUTLOOK = "outlook"
"""The published prices among the feeds."""
DECISION_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(slots=True)
class _Shown:
    """What is shown of one workload, and its series of whole numbers: looking them up again costs most of the time."""

    labels: tuple[str, ...]
    sizes: tuple[Gauge, ...]
    target: Target | None = None
    watts: int = -1


class Metrics:
    """All series, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.limit = self._gauge("limit_watts", "Watts that the site may draw now, at the meter", "budget")
        self.committed = self._gauge("committed_watts", "Watts that everything in the books may draw", "budget")
        self.planned = self._gauge("planned_watts", "Watts that the plan is heading for", "budget")
        self.measured = self._gauge("measured_watts", "Last good reading of the meter", "budget")
        self.correction = self._gauge("correction_watts", "Watts taken off the limit for the meter's sake", "budget")
        self.unmet_floor = self._gauge("unmet_floor_watts", "Watts of floors that the limit does not carry", "budget")
        self.price = self._gauge("price_per_mwh", "All-in price of electricity per MWh", "budget")
        self.replicas = self._gauge("workload_replicas", "Replicas asked for", *WORKLOAD)
        self.goal = self._gauge("workload_goal_replicas", "Replicas that the workload is heading for", *WORKLOAD)
        self.wanted = self._gauge("workload_wanted_replicas", "Replicas that price and demand would run", *WORKLOAD)
        self.watts = self._gauge("workload_watts", "Watts of the booked pods, without PUE", *WORKLOAD)
        self.worth = self._gauge("workload_worth_per_mwh", "What a MWh earns in this workload", *WORKLOAD)
        self.reason = self._gauge("workload_reason", "1 for the reason that binds the workload", *WORKLOAD, "reason")
        self.feed_age = self._gauge("feed_age_seconds", "Age of the feed's number by its own time", "budget", "feed")
        self.feed_fresh = self._gauge("feed_fresh", "1 while the feed is fresh", "budget", "feed")
        self.outlook_watts = self._gauge(
            "outlook_watts", "Watts intended for the next hour of this name in UTC, at the meter", "budget", "hour"
        )
        self.outlook_basis = self._gauge("outlook_basis", "1 for what the outlook is based on", "budget", "basis")
        self.curve_ahead = self._gauge("outlook_curve_seconds", "How far ahead prices are published", "budget")
        self.leading = self._gauge(
            "leading", "1 while this process may raise: it holds the Lease and has read the books of the last holder"
        )
        self.over_limit = Counter(
            "wattswitch_over_limit_seconds",
            "Seconds with committed above the limit",
            ["budget"],
            registry=self.registry,
        )
        self.writes = Counter(
            "wattswitch_scale_writes", "Sizes written", ["budget", "direction", "outcome"], registry=self.registry
        )
        self.failures = Counter(
            "wattswitch_decision_failures", "Decisions that ended in an error", ["budget"], registry=self.registry
        )
        self.decision = Histogram(
            "wattswitch_decision_seconds",
            "From waking up to the plan",
            ["budget"],
            buckets=DECISION_BUCKETS,
            registry=self.registry,
        )
        self._by_budget = (
            *(self.limit, self.committed, self.planned, self.measured, self.correction, self.unmet_floor, self.price),
            *(self.feed_age, self.feed_fresh, self.over_limit, self.writes, self.failures, self.decision),
            *(self.outlook_watts, self.outlook_basis, self.curve_ahead),
        )
        self._sizes = (self.replicas, self.goal, self.wanted, self.watts)
        self._shown: dict[str, dict[str, _Shown]] = {}
        self._feeds: dict[str, frozenset[str]] = {}
        """Names of the feeds that are shown, by budget."""

    def show(self, state: SiteState, plan: Plan) -> None:
        """Bring all series of one budget up to date, and drop those of workloads that are gone."""
        name = state.budget.name
        self.limit.labels(name).set(plan.limit_watts)
        self.committed.labels(name).set(plan.committed_watts)
        self.planned.labels(name).set(plan.planned_watts)
        self.correction.labels(name).set(state.budget.correction_watts)
        self.unmet_floor.labels(name).set(plan.unmet_floor_watts)
        _show_known(self.price, (name,), plan.price_per_mwh)
        _show_known(self.measured, (name,), state.budget.meter.value if state.budget.meter else None)
        self._show_workloads(name, state, plan)

    def show_ahead(self, budget: str, ahead: Ahead | None) -> None:
        """Bring the series of the next hours up to date; no series where nothing is known."""
        for series in (self.outlook_watts, self.outlook_basis):
            series.remove_by_labels({"budget": budget})
        if ahead is None:
            return
        self.outlook_basis.labels(budget, ahead.basis or str(Basis.LAST_PRICE)).set(1)
        for hour in ahead.hours:
            self.outlook_watts.labels(budget, f"{int(hour.start // 3600) % 24:02}").set(hour.watts)

    def show_feeds(self, budget: str, feeds: Mapping[str, tuple[float | None, bool]]) -> None:
        """Bring age in seconds and freshness of every feed up to date, and drop those of feeds that are no more.

        An age is None where the feed never had a number.
        """
        for gone in self._feeds.get(budget, frozenset()) - feeds.keys():
            _remove(self.feed_age, (budget, gone))
            _remove(self.feed_fresh, (budget, gone))
        for name, (age_seconds, fresh) in feeds.items():
            _show_known(self.feed_age, (budget, name), age_seconds)
            self.feed_fresh.labels(budget, name).set(fresh)
        self._feeds[budget] = frozenset(feeds)

    def show_curve(self, budget: str, age_seconds: float | None, ahead_seconds: float | None) -> None:
        """Bring the series of the published prices up to date; None for what is not known."""
        _show_known(self.feed_age, (budget, OUTLOOK), age_seconds)
        _show_known(self.curve_ahead, (budget,), ahead_seconds)

    def forget(self, budget: str) -> None:
        """Drop every series of a budget that is gone."""
        self._drop(self._shown.pop(budget, {}).values())
        self._feeds.pop(budget, None)
        for series in self._by_budget:
            series.remove_by_labels({"budget": budget})

    def _show_workloads(self, budget: str, state: SiteState, plan: Plan) -> None:
        booked = {w.key: w.booked_pods * w.it_watts_per_replica for w in state.workloads}
        before, after = self._shown.get(budget, {}), {}
        for target in plan.targets:
            shown = before.pop(target.key, None) or self._begin(budget, target.key)
            if shown.target != target or shown.watts != booked[target.key]:
                self._show_workload(shown, target, booked[target.key])
            after[target.key] = shown
        self._drop(before.values())
        self._shown[budget] = after

    def _begin(self, budget: str, key: str) -> _Shown:
        labels = (budget, *key.split("/", 2))
        return _Shown(labels, tuple(gauge.labels(*labels) for gauge in self._sizes))

    def _show_workload(self, shown: _Shown, target: Target, watts: int) -> None:
        numbers = (target.replicas, target.goal_replicas, target.wanted_replicas, watts)
        for series, number in zip(shown.sizes, numbers, strict=True):
            series.set(number)
        _show_known(self.worth, shown.labels, target.worth_per_mwh)
        if shown.target is not None and shown.target.reason != target.reason:
            _remove(self.reason, (*shown.labels, shown.target.reason))
        self.reason.labels(*shown.labels, target.reason).set(1)
        shown.target, shown.watts = target, watts

    def _drop(self, gone: Iterable[_Shown]) -> None:
        for shown in gone:
            for gauge in (*self._sizes, self.worth):
                _remove(gauge, shown.labels)
            if shown.target is not None:
                _remove(self.reason, (*shown.labels, shown.target.reason))

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"wattswitch_{name}", text, labels, registry=self.registry)


def _show_known(gauge: Gauge, labels: tuple[str, ...], value: float | None) -> None:
    """Show a number, or nothing where nobody knows it."""
    if value is None:
        _remove(gauge, labels)
    else:
        gauge.labels(*labels).set(value)


def _remove(gauge: Gauge, labels: tuple[str, ...]) -> None:
    try:
        gauge.remove(*labels)
    except KeyError:
        return
