"""From specs to the values of the pure packages: what the operator and the simulator must read alike."""

import math
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from wattswitch.api.commitment import Hours
from wattswitch.api.curtailment_event import CurtailmentEvent, EventLimit
from wattswitch.api.inference_deployment import InferenceDeployment, InferenceDeploymentSpec, Order
from wattswitch.api.mining_pool import MiningPool, MiningPoolSpec
from wattswitch.api.power_budget import Hardware, PowerBudget, PowerBudgetSpec
from wattswitch.api.source import Day
from wattswitch.api.times import parse_date, parse_time
from wattswitch.api.units import Quantity, Unit
from wattswitch.curtailment import Amount, Form, GridEvent, Restoration, Urgency
from wattswitch.planner.model import PUE_SCALE, Batch, Budget, GpuGroup, Kind, Mode, Reason, Signal, WorthUnit
from wattswitch.settlement.coincident_peaks import ALL_YEAR, EVERY_DAY, ClockWindow, PeakRule
from wattswitch.settlement.commitments import Commitment

WORKLOAD_MODELS: Final[Mapping[str, type[MiningPool] | type[InferenceDeployment]]] = {
    Kind.MINING: MiningPool,
    Kind.INFERENCE: InferenceDeployment,
}

AnySpec = MiningPoolSpec | InferenceDeploymentSpec

WORTH_UNITS: Final[Mapping[Quantity, WorthUnit]] = {
    Quantity.PRICE: WorthUnit.PER_MWH,
    Quantity.HASHPRICE: WorthUnit.HASHPRICE,
    Quantity.GPU_RATE: WorthUnit.PER_GPU_HOUR,
    Quantity.REPLICA_RATE: WorthUnit.PER_REPLICA_HOUR,
}
"""What the planner calls the base unit of each quantity that can be a worth."""

MINING_QUANTITIES: Final = frozenset({Quantity.PRICE, Quantity.HASHPRICE})
INFERENCE_QUANTITIES: Final = frozenset({Quantity.PRICE, Quantity.GPU_RATE, Quantity.REPLICA_RATE})
"""What the worth of each kind may be measured in."""

_WATTS_PER_KW: Final = 1000.0
_MIDNIGHT: Final = time(0)
_WEEKDAYS: Final = tuple(Day)

MOST_NAMES: Final = 10
"""Names that a message lists."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a workload's spec against its budget: a word for programs, a sentence for people."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Names:
    """What a budget lets its workloads name."""

    budget: PowerBudget
    hardware: Mapping[str, Hardware]
    feeds: Mapping[str, Unit]

    @classmethod
    def of(cls, budget: PowerBudget) -> "Names":
        """The names in a budget."""
        hardware = {each.name: each for each in budget.spec.hardware}
        return cls(budget, hardware, {feed.name: feed.sources[0].unit for feed in budget.spec.feeds})

    @property
    def name(self) -> str:
        """Name of the budget."""
        return self.budget.metadata.name


# ---- one pod -------------------------------------------------------------------------------------------------------


def watts_per_replica(spec: AnySpec, hardware: Hardware, asked_gpus: int = 0) -> int:
    """Watts of one pod: the nameplate, or more where the tenant says so.

    A template that asks for more GPUs (`asked_gpus`) than the workload declares is believed: each device with one of
    them draws.
    """
    devices = max(spec.devices_per_replica, -(-asked_gpus // hardware.gpus) if hardware.gpus else 0)
    return max(hardware.watts * devices, spec.watts_per_replica or 0)


def gpus_per_replica(spec: AnySpec, hardware: Hardware, asked_gpus: int = 0) -> int:
    """GPUs of one pod: what the hardware says or what the template asks for, whichever is more."""
    return max(hardware.gpus * spec.devices_per_replica, asked_gpus)


def drain_seconds(spec: AnySpec) -> int:
    """From the order to stop until a pod is gone; 0 for miners, whose stop is the hardware's `stopSeconds`."""
    return spec.switching.drain_seconds if isinstance(spec, InferenceDeploymentSpec) else 0


def cost_per_start(spec: AnySpec) -> float:
    """What one start of one pod costs; nothing for inference."""
    return float(spec.switching.cost_per_start) if isinstance(spec, MiningPoolSpec) else 0.0


def has_deadline(spec: AnySpec) -> bool:
    """Whether the work may wait and is to be done by a deadline."""
    return isinstance(spec, InferenceDeploymentSpec) and spec.batch is not None and bool(spec.batch.deadline_seconds)


def in_order(spec: AnySpec) -> bool:
    """Whether the workload's own queue serves first in, first out."""
    batch = spec.batch if isinstance(spec, InferenceDeploymentSpec) else None
    return batch is None or batch.order is Order.FIRST_IN_FIRST_OUT


def batch_of(spec: AnySpec, oldest_at: float) -> Batch | None:
    """What a deadline asks for of work whose oldest came at this time; None where there is no deadline."""
    batch = spec.batch if isinstance(spec, InferenceDeploymentSpec) else None
    if batch is None or not batch.deadline_seconds or not batch.work_per_replica_hour:
        return None
    return Batch(batch.deadline_seconds, float(batch.work_per_replica_hour), oldest_at)


def fixed_worth(spec: AnySpec) -> tuple[Decimal | None, WorthUnit]:
    """The worth that the spec itself says, None where a feed says it, and its unit."""
    if isinstance(spec, MiningPoolSpec):
        return spec.worth.per_mwh, WorthUnit.PER_MWH
    return spec.worth.per_replica_hour, WorthUnit.PER_REPLICA_HOUR


def pool_fee_percent(spec: AnySpec) -> float:
    """What the mining pool keeps, in percent; nothing of inference."""
    return float(spec.worth.pool_fee_percent) if isinstance(spec, MiningPoolSpec) else 0.0


# ---- the site ------------------------------------------------------------------------------------------------------


def budget_of(name: str, spec: PowerBudgetSpec, price: Signal, **known: Any) -> Budget:
    """The planner's budget as the spec has it; `known` are fields that the spec does not say."""
    of_spec: dict[str, Any] = {
        "mode": Mode(spec.mode),
        "cap_watts": spec.cap_watts,
        "reserve_percent": spec.reserve_percent,
        "fixed_watts": spec.overhead.fixed_watts,
        "pue_1e4": int(spec.overhead.pue * PUE_SCALE),
        "adder_per_mwh": float(spec.price.adder_per_mwh),
        "ramp_up_watts_per_minute": spec.ramp_up_watts_per_minute,
        "ramp_down_watts_per_minute": spec.ramp_down_watts_per_minute,
        "gpu_groups": tuple(GpuGroup(group.name, group.gpus) for group in spec.gpu_groups),
    }
    return Budget(name=name, price=price, **of_spec | known)


def currency_of(spec: PowerBudgetSpec) -> str:
    """The one currency of everything in a budget."""
    return spec.price.sources[0].unit.currency or ""


# ---- what the grid asks for ----------------------------------------------------------------------------------------


def grid_event_of(model: CurtailmentEvent, made_at: float, cancelled_at: float | None) -> GridEvent:
    """The event as its object asks for it.

    `made_at` is when the object was made, `cancelled_at` when it was taken back, in Unix seconds; None where it was
    not. What `spec.cancelled` says is for the caller to know.
    """
    spec, source = model.spec, model.spec.source
    start = made_at if spec.start is None else parse_time(spec.start)
    return GridEvent(
        uid=model.metadata.uid,
        name=model.metadata.name,
        start=start,
        amount=_amount_of(spec.limit),
        urgency=Urgency(spec.urgency),
        end=math.inf if spec.duration_seconds is None else start + spec.duration_seconds,
        cancelled_at=cancelled_at,
        program=source.program if source else "",
        reference=source.reference if source else "",
    )


def _amount_of(limit: EventLimit) -> Amount:
    """The one form that is set; nothing may be drawn where a file or an older rule let none or several through."""
    values = {Form.TO_WATTS: limit.to_watts, Form.BY_WATTS: limit.by_watts, Form.TO_PERCENT: limit.to_percent}
    given = [Amount(form, float(value)) for form, value in values.items() if value is not None]
    return given[0] if len(given) == 1 and not limit.all else Amount(Form.ALL)


def restoration_of(spec: PowerBudgetSpec) -> Restoration:
    """How power comes back after an event."""
    back = spec.curtailment
    return Restoration(float(back.cooldown_seconds), back.wave_watts, float(back.wave_seconds))


def commitments_of(spec: PowerBudgetSpec) -> tuple[Commitment, ...]:
    """What the site has promised to give back, in the order of the spec, less what `zone_problems` tells of."""
    return tuple(
        Commitment(
            name=each.name,
            programme=each.program,
            kw=each.watts / _WATTS_PER_KW,
            notice_seconds=float(each.notice_seconds),
            ramp_seconds=float(each.ramp_seconds),
            zone=each.time_zone,
            windows=_windows_of(each.windows),
            months=frozenset(each.months) or ALL_YEAR,
            first=parse_date(each.first_day) if each.first_day else None,
            last=parse_date(each.last_day) if each.last_day else None,
        )
        for each in spec.commitments
        if _is_zone(each.time_zone)
    )


def peak_rules_of(spec: PowerBudgetSpec) -> tuple[PeakRule, ...]:
    """When the grid's peaks count, in the order of the spec, less what `zone_problems` tells of.

    What their signals say is not in it.
    """
    return tuple(
        PeakRule(
            name=each.name,
            months=frozenset(each.months) or ALL_YEAR,
            zone=each.time_zone,
            interval_seconds=each.interval_seconds,
            windows=_windows_of(each.windows),
        )
        for each in spec.coincident_peaks
        if _is_zone(each.time_zone)
    )


def zone_problems(spec: PowerBudgetSpec) -> list[str]:
    """Which commitments and peaks name a time zone that there is not, which no API server knows; a line for each."""
    named = [(f"commitments[{n}]", each.time_zone) for n, each in enumerate(spec.commitments)]
    named += [(f"coincidentPeaks[{n}]", each.time_zone) for n, each in enumerate(spec.coincident_peaks)]
    return [
        f"spec.{place}.timeZone {zone!r} is not in the IANA database: use one like America/Chicago"
        for place, zone in named
        if not _is_zone(zone)
    ]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _windows_of(hours: Iterable[Hours]) -> tuple[ClockWindow, ...]:
    """Windows of one day each: hours that pass midnight are two."""
    return tuple(window for each in hours for window in _days_of(each))


def _days_of(hours: Hours) -> Iterator[ClockWindow]:
    start = time.fromisoformat(hours.start)
    end = _MIDNIGHT if hours.end == "24:00" else time.fromisoformat(hours.end)
    days = frozenset(map(_WEEKDAYS.index, hours.days)) or EVERY_DAY
    if end == _MIDNIGHT or start < end:
        yield ClockWindow(start, end, days)
    else:
        yield ClockWindow(start, _MIDNIGHT, days)
        yield ClockWindow(_MIDNIGHT, end, frozenset((day + 1) % len(_WEEKDAYS) for day in days))


# ---- what a workload names -----------------------------------------------------------------------------------------


def unknown_hardware(spec: AnySpec, names: Names) -> Fault:
    """What to say of hardware that the budget does not list."""
    message = (
        f"spec.hardware {spec.hardware!r} is not listed in PowerBudget {names.name} (known:"
        f" {_listed(names.hardware)}): correct it or add it there"
    )
    return Fault(Reason.HARDWARE_UNKNOWN, message)


def worth_faults(spec: AnySpec, names: Names) -> Iterator[Fault]:
    """What is wrong with the feed that says the workload's worth."""
    name, path = spec.worth.feed, "spec.worth.feed"
    if name is None:
        return
    mining, unit, hardware = isinstance(spec, MiningPoolSpec), names.feeds.get(name), names.hardware.get(spec.hardware)
    if unit is None:
        yield _unknown_feed(path, name, names)
    elif unit.quantity not in (needed := MINING_QUANTITIES if mining else INFERENCE_QUANTITIES):
        wanted = "a hashprice or money per MWh" if mining else "money per GPU hour, per replica hour or per MWh"
        yield _wrong_feed(path, name, needed, wanted, names)
    elif hardware is not None:
        yield from _missing_scale(hardware, unit)


def demand_faults(spec: AnySpec, names: Names) -> Iterator[Fault]:
    """What is wrong with the feed that says the workload's demand."""
    if not isinstance(spec, InferenceDeploymentSpec) or spec.demand is None:
        return
    path, name = "spec.demand.feed", spec.demand.feed
    unit = names.feeds.get(name)
    if unit is None:
        yield _unknown_feed(path, name, names)
    elif unit.quantity is not Quantity.COUNT:
        yield _wrong_feed(path, name, {Quantity.COUNT}, "a Count", names)


def _missing_scale(hardware: Hardware, unit: Unit) -> Iterator[Fault]:
    """What the hardware does not say of itself, and a worth in `unit` needs."""
    if unit.quantity is Quantity.HASHPRICE and hardware.joules_per_terahash is None:
        message = f"hardware {hardware.name!r} has no joulesPerTerahash: set it, or use worth.perMWh"
        yield Fault(Reason.HARDWARE_UNKNOWN, message)
    elif unit.quantity is Quantity.GPU_RATE and not hardware.gpus:
        message = f"hardware {hardware.name!r} has no gpus: set them, or use worth.perReplicaHour"
        yield Fault(Reason.HARDWARE_UNKNOWN, message)


def _unknown_feed(path: str, name: str, names: Names) -> Fault:
    what = f"is not a feed of PowerBudget {names.name} (known: {_listed(names.feeds)}): correct it or add it there"
    return Fault(Reason.FEED_UNKNOWN, f"{path} {name!r} {what}")


def _wrong_feed(path: str, name: str, needed: AbstractSet[Quantity], wanted: str, names: Names) -> Fault:
    fitting = _listed(known for known, unit in names.feeds.items() if unit.quantity in needed)
    what = f"is a feed in {names.feeds[name]}, but {wanted} is needed"
    return Fault(
        Reason.FEED_UNKNOWN,
        f"{path} {name!r} {what} (known in PowerBudget {names.name}: {fitting}): correct it or add one there",
    )


def _listed(known: Iterable[str]) -> str:
    names = list(known)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more if names else "none"
