"""Prometheus series of the operator: shows states, plans and readings; computes nothing."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from wattswitch.planner.ahead import Ahead
from wattswitch.planner.model import Plan, SiteState, Target
from wattswitch.planner.outlook import Basis

WORKLOAD = ("budget", "kind", "namespace", "name")
SERIES: Mapping[str, str] = {
    "workload_replicas": "Replicas asked for",
    "workload_goal_replicas": "Replicas that the workload is heading for",
    "workload_wanted_replicas": "Replicas that price and demand would run",
    "workload_watts": "Watts of the booked pods, without PUE",
    "workload_worth_per_mwh": "What a MWh earns in this workload",
}
REASON, REASON_TEXT = "workload_reason", "1 for the reason that binds the workload"
OUTLOOK = "outlook"
"""The published prices among the feeds."""
DECISION_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class WorkloadSeries(Collector):
    """The series of every workload, made from the last plans when somebody asks and not kept."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[SiteState, Plan]] = {}

    def show(self, state: SiteState, plan: Plan) -> None:
        """Show this plan of a budget in the place of the last."""
        self._shown[state.budget.name] = (state, plan)

    def forget(self, budget: str) -> None:
        """Show nothing of a budget any more."""
        self._shown.pop(budget, None)

    def describe(self) -> Iterable[Metric]:
        """The series without values, so that nobody else may take their names."""
        return self._families().values()

    def collect(self) -> Iterable[Metric]:
        """The series as of the last plans."""
        families = self._families()
        for state, plan in list(self._shown.values()):  # the loop goes on meanwhile
            watts = {w.key: w.booked_pods * w.it_watts_per_replica for w in state.workloads}
            for target in plan.targets:
                labels = (state.budget.name, *target.key.split("/", 2))
                for name, value in _numbers(target, watts[target.key]):
                    families[name].add_metric(labels, value)
                families[REASON].add_metric((*labels, target.reason), 1)
        return families.values()

    @staticmethod
    def _families() -> dict[str, GaugeMetricFamily]:
        gauges = {name: GaugeMetricFamily(f"wattswitch_{name}", text, labels=WORKLOAD) for name, text in SERIES.items()}
        reason = GaugeMetricFamily(f"wattswitch_{REASON}", REASON_TEXT, labels=(*WORKLOAD, "reason"))
        return {**gauges, REASON: reason}


def _numbers(target: Target, watts: int) -> Iterator[tuple[str, float]]:
    yield "workload_replicas", target.replicas
    yield "workload_goal_replicas", target.goal_replicas
    yield "workload_wanted_replicas", target.wanted_replicas
    yield "workload_watts", watts
    if target.worth_per_mwh is not None:
        yield "workload_worth_per_mwh", target.worth_per_mwh


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
        self.feed_age = self._gauge("feed_age_seconds", "Age of the feed's number by its own time", "budget", "feed")
        self.feed_fresh = self._gauge("feed_fresh", "1 while the feed is fresh", "budget", "feed")
        self.outlook_watts = self._gauge(
            "outlook_watts", "Watts intended for the next hour of this name in UTC, at the meter", "budget", "hour"
        )
        self.outlook_basis = self._gauge("outlook_basis", "1 for what the outlook is based on", "budget", "basis")
        self.curve_ahead = self._gauge("outlook_curve_seconds", "How far ahead prices are published", "budget")
        self.grid_limit = self._gauge("grid_limit_watts", "The lowest limit that the grid sets now", "budget")
        self.shed_seconds = self._gauge("shed_seconds", "How long it takes at worst until all is gone", "budget")
        self.event_met = self._gauge(
            "event_target_met", "1 while a grid event in force is met, 0 while it is not", "budget", "event"
        )
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
        self.record_problem = self._gauge(
            "record_problem", "1 for what keeps the record for settlement from being written", "budget", "problem"
        )
        self.record_waiting = self._gauge("record_waiting_rows", "Rows that the record has yet to take", "budget")
        self.record_lost_rows = Counter(
            "wattswitch_record_lost_rows",
            "Rows that the record never took: there was no room to wait",
            ["budget"],
            registry=self.registry,
        )
        self._by_budget = (
            *(self.limit, self.committed, self.planned, self.measured, self.correction, self.unmet_floor, self.price),
            *(self.feed_age, self.feed_fresh, self.over_limit, self.writes, self.failures, self.decision),
            *(self.outlook_watts, self.outlook_basis, self.curve_ahead),
            *(self.grid_limit, self.shed_seconds, self.event_met),
            *(self.record_problem, self.record_waiting, self.record_lost_rows),
        )
        self._workloads = WorkloadSeries()
        self.registry.register(self._workloads)
        self._feeds: dict[str, frozenset[str]] = {}
        """Names of the feeds that are shown, by budget."""

    def show(self, state: SiteState, plan: Plan) -> None:
        """Bring all series of one budget up to date."""
        name = state.budget.name
        self.limit.labels(name).set(plan.limit_watts)
        self.committed.labels(name).set(plan.committed_watts)
        self.planned.labels(name).set(plan.planned_watts)
        self.correction.labels(name).set(state.budget.correction_watts)
        self.unmet_floor.labels(name).set(plan.unmet_floor_watts)
        _show_known(self.price, (name,), plan.price_per_mwh)
        _show_known(self.measured, (name,), state.budget.meter.value if state.budget.meter else None)
        self._workloads.show(state, plan)

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

    def show_record(self, budget: str, problem: str, waiting_rows: int) -> None:
        """Bring the series of the record for settlement up to date; no `problem` where it is written."""
        self.record_problem.remove_by_labels({"budget": budget})
        if problem:
            self.record_problem.labels(budget, problem).set(1)
        self.record_waiting.labels(budget).set(waiting_rows)

    def forget_record(self, budget: str) -> None:
        """Drop the series of a record that is closed."""
        for series in (self.record_problem, self.record_waiting, self.record_lost_rows):
            series.remove_by_labels({"budget": budget})

    def show_grid(self, budget: str, limit_watts: int | None, shed_seconds: float, met: Mapping[str, bool]) -> None:
        """Bring what the grid asks for up to date; `met` are the events in force by name."""
        _show_known(self.grid_limit, (budget,), limit_watts)
        self.shed_seconds.labels(budget).set(shed_seconds)
        self.event_met.remove_by_labels({"budget": budget})
        for event, is_met in met.items():
            self.event_met.labels(budget, event).set(is_met)

    def forget(self, budget: str) -> None:
        """Drop every series of a budget that is gone."""
        self._workloads.forget(budget)
        self._feeds.pop(budget, None)
        for series in self._by_budget:
            series.remove_by_labels({"budget": budget})

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
