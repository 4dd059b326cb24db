"""Instant queries to Prometheus: the value, and when that value was scraped.

An instant query answers with the time of its evaluation, which is always now. So `timestamp(query)` is asked first, and
then the query itself for the same moment; the time can only be older than the value, never younger. PromQL gives the
time of the sample for a plain selector (`ercot_spp{point="HB_WEST"}`). For an expression, such as a sum, it gives the
time of the evaluation, and for a scalar there is no `timestamp` at all and the evaluation counts: such a query goes
stale only as Prometheus itself drops its series, five minutes after the last scrape by default.

Nothing is ever put into a query: one that serves many workloads is told apart by the labels of its answer.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util import Retry

from wattswitch.api.feed import PerWorkload
from wattswitch.api.source import Prometheus
from wattswitch.feeds.access import Access, Granted
from wattswitch.feeds.body import BODY_LIMIT_BYTES, BadStatus
from wattswitch.feeds.lane import Lane
from wattswitch.feeds.numeric import read_number, read_unix_seconds
from wattswitch.feeds.reading import WHOLE, Key, Problem, Reading, Refused, no_value
from wattswitch.feeds.wire import Wire, WireSession

VECTOR_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""The most that a vector for all workloads may have: about 20,000 series."""

MAX_CONNECT_SECONDS: Final = 1.0

QUERY_REFUSED: Final = frozenset({400, 422})
"""What Prometheus answers to a query that it can't evaluate, such as the `timestamp` of a scalar."""

_Ask = Callable[..., list[Any]]


class _Sample(NamedTuple):
    labels: Mapping[str, str]
    evaluated_at: float
    raw: object


class PrometheusSource:
    """Asks one query at a time, on a thread of its own whose connections are cut when the caller gives up."""

    def __init__(
        self,
        name: str,
        spec: Prometheus,
        now: Callable[[], float],
        *,
        timeout_seconds: float,
        per_workload: PerWorkload | None = None,
        allow_private: bool = True,
    ) -> None:
        self.name = name
        self._spec = spec
        self._now = now
        self._timeouts = (min(MAX_CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self._per_workload = per_workload
        self._allow_private = allow_private
        self._limit = BODY_LIMIT_BYTES if per_workload is None else VECTOR_LIMIT_BYTES
        self._lane = Lane(f"feed-{name}")
        self._access = Access(spec.url, spec.credentials, spec.ca_file)
        self._is_scalar = False

    async def fetch(self) -> Mapping[Key, Reading]:
        """The one sample, or one for each workload. Raises Refused."""
        wire = Wire(allow_private=self._allow_private)
        try:
            return await self._lane.run(partial(self._fetch, wire, self._now()))
        finally:
            wire.cut()

    def _fetch(self, wire: Wire, asked_at: float) -> Mapping[Key, Reading]:
        url = self._spec.url.rstrip("/")
        granted = self._access.grant()
        session = WireSession(url, wire, granted.tls, self._limit)
        try:
            client = PrometheusConnect(
                url=url,
                headers=_headers(granted),
                retry=Retry(total=0),
                session=session,
                timeout=self._timeouts,
            )
            return self._readings(_polite(client.custom_query), asked_at)
        finally:
            session.close()
            wire.close()

    def _readings(self, ask: _Ask, asked_at: float) -> Mapping[Key, Reading]:
        times = [] if self._is_scalar else self._sample_times(ask)
        if self._is_scalar:
            return {WHOLE: self._scalar(ask(self._query), asked_at)}
        if not times:
            raise Refused(Problem.EMPTY, "the query gives no series")
        values = _samples(ask(self._query, params={"time": times[0].evaluated_at}))
        if self._per_workload is not None:
            return self._by_workload(self._per_workload, times, values, asked_at)
        return {WHOLE: self._reading(times, values, asked_at)}

    @property
    def _query(self) -> str:
        return self._spec.query

    def _sample_times(self, ask: _Ask) -> list[_Sample]:
        """When each sample was scraped; nothing, and `_is_scalar`, where the query gives a scalar."""
        try:
            return _samples(ask(f"timestamp((\n{self._query}\n))"))
        except BadStatus as refusal:
            if refusal.status not in QUERY_REFUSED:
                raise
        answer = ask(self._query)
        if not _looks_scalar(answer):
            count = len(_samples(answer))
            raise Refused(Problem.SEVERAL_SAMPLES if count > 1 else Problem.TIME_UNREADABLE, _no_times(count))
        if self._per_workload is not None:
            raise Refused(Problem.EMPTY, "the query gives a scalar, which has no labels to tell workloads apart")
        self._is_scalar = True
        return []

    def _scalar(self, answer: list[Any], asked_at: float) -> Reading:
        if not _looks_scalar(answer):
            raise Refused(Problem.NOT_PROMETHEUS, "the answer is no longer a scalar")
        return Reading(read_number(answer[1]), read_unix_seconds(answer[0]), asked_at, self.name)

    def _reading(self, times: list[_Sample], values: list[_Sample], asked_at: float) -> Reading:
        """The number of the only sample, with its own problem if it has one."""
        if not values:
            return no_value(Refused(Problem.EMPTY, "the query gives no series"), self.name, asked_at)
        if len(values) > 1 or len(times) > 1:
            refusal = Refused(Problem.SEVERAL_SAMPLES, f"{max(len(values), len(times))} series where one is needed")
            return no_value(refusal, self.name, asked_at)
        if not times:
            refusal = Refused(Problem.TIME_UNREADABLE, "the series has a value but no time yet")
            return no_value(refusal, self.name, asked_at)
        try:
            return Reading(read_number(values[0].raw), read_unix_seconds(times[0].raw), asked_at, self.name)
        except Refused as refusal:
            return no_value(refusal, self.name, asked_at)

    def _by_workload(
        self, labels: PerWorkload, times: list[_Sample], values: list[_Sample], asked_at: float
    ) -> Mapping[Key, Reading]:
        times_of, values_of = _group(labels, times), _group(labels, values)
        return {key: self._reading(times_of.get(key, []), values_of[key], asked_at) for key in values_of}


def _headers(granted: Granted) -> dict[str, str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "wattswitch"}
    return headers if granted.authorization is None else {**headers, "Authorization": granted.authorization}


def _polite(query: Callable[..., Any]) -> _Ask:
    """`query` with every way in which it can fail told as a Refused."""

    def ask(promql: str, params: dict[str, Any] | None = None) -> list[Any]:
        try:
            answer = query(promql, params=params)
        except requests.exceptions.SSLError:
            raise Refused(Problem.TLS_FAILED, "the server's certificate or TLS is not trusted: see caFile") from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
            raise Refused(Problem.TIMED_OUT, "no answer in time") from None
        except PrometheusApiClientException:
            raise Refused(Problem.HTTP_STATUS, "an HTTP status other than 200") from None
        except (requests.JSONDecodeError, RecursionError):
            raise Refused(Problem.NOT_JSON, "the answer is no JSON") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Refused(Problem.UNREACHABLE, f"no connection, or it broke ({type(error).__name__})") from None
        except (KeyError, TypeError):
            raise Refused(Problem.NOT_PROMETHEUS, "the answer is JSON, but not that of a Prometheus") from None
        except ValueError:
            raise Refused(Problem.TOO_MANY_DIGITS, "the answer holds a number of too many digits") from None
        if not isinstance(answer, list):
            raise Refused(Problem.NOT_PROMETHEUS, "the answer is JSON, but not that of a Prometheus")
        return answer

    return ask


def _looks_scalar(answer: list[Any]) -> bool:
    return len(answer) == 2 and not any(isinstance(part, dict) for part in answer)


def _samples(answer: Iterable[Any]) -> list[_Sample]:
    try:
        return [_sample(entry) for entry in answer]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Refused(Problem.NOT_PROMETHEUS, "the answer is JSON, but not that of a Prometheus") from None


def _sample(entry: Mapping[str, Any]) -> _Sample:
    if "value" not in entry:
        raise Refused(Problem.NOT_NUMERIC, "the query gives ranges or histograms: it must give one number a series")
    evaluated_at, raw = entry["value"]
    return _Sample(dict(entry["metric"]), read_unix_seconds(evaluated_at), raw)


def _group(labels: PerWorkload, samples: Iterable[_Sample]) -> dict[Key, list[_Sample]]:
    """Samples by workload; those without both labels are nobody's."""
    groups: dict[Key, list[_Sample]] = {}
    for sample in samples:
        key = (str(sample.labels.get(labels.namespace_label, "")), str(sample.labels.get(labels.name_label, "")))
        if all(key):
            groups.setdefault(key, []).append(sample)
    return groups


def _no_times(count: int) -> str:
    if count > 1:
        return f"{count} series where one is needed, and PromQL can't tell their times apart"
    return "PromQL gives no timestamp for this query: use a plain selector or a scalar"
