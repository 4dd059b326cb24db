"""Figures, the targets they are held against, and the JSON that carries both."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

UNFINISHED = math.inf
"""The value of a run that did not end in time: slower than any that did, and null in JSON."""


@dataclass(frozen=True)
class Spread:
    """How the values of one figure lie, each percentile being a value that was measured (nearest rank)."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Sort the values. Raises ValueError where there are none."""
        ordered = tuple(sorted(values))
        if not ordered:
            raise ValueError("a figure needs at least one value")
        return cls(ordered)

    def percentile(self, percent: float) -> float:
        """The smallest value that at least this many percent of the values do not pass."""
        rank = max(1, math.ceil(percent / 100 * len(self.values)))
        return self.values[rank - 1]

    @property
    def median(self) -> float:
        """The middle value, the mean of both where there are two."""
        middle = len(self.values) // 2
        if len(self.values) % 2:
            return self.values[middle]
        return (self.values[middle - 1] + self.values[middle]) / 2

    @property
    def worst(self) -> float:
        """The largest value."""
        return self.values[-1]

    def document(self) -> dict[str, Any]:
        """The spread as JSON takes it; the values themselves where they are few."""
        told = {
            "count": len(self.values),
            "unfinished": sum(value == UNFINISHED for value in self.values),
            "least": number(self.values[0]),
            "median": number(self.median),
            "p99": number(self.percentile(99)),
            "worst": number(self.worst),
        }
        return told | ({"values": [number(value) for value in self.values]} if len(self.values) <= FEW else {})


FEW = 20


@dataclass(frozen=True)
class Figure:
    """One number. `at_most` is the target, None where the figure is for comparison only; `rule` says it in words."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    rule: str = ""
    spread: Spread | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met, None where there is none."""
        return None if self.at_most is None else self.value <= self.at_most

    def document(self) -> dict[str, Any]:
        """The figure as JSON takes it."""
        told: dict[str, Any] = {"name": self.name, "value": number(self.value), "unit": self.unit}
        if self.at_most is not None:
            told["target"] = {"at_most": number(self.at_most), "rule": self.rule}
            told["met"] = self.met
        if self.spread is not None:
            told["spread"] = self.spread.document()
        return told


@dataclass
class Report:
    """What one benchmark found. `details` are figures' raw material, for whoever doubts them."""

    benchmark: str
    settings: Mapping[str, Any]
    figures: list[Figure] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The report as JSON takes it. `met` is false where any target is missed, null where there is no target."""
        verdicts = [figure.met for figure in self.figures if figure.met is not None]
        return {
            "benchmark": self.benchmark,
            "settings": dict(self.settings),
            "machine": dict(self.machine),
            "met": all(verdicts) if verdicts else None,
            "figures": [figure.document() for figure in self.figures],
            "details": self.details,
        }


def number(value: float) -> float | None:
    """A number with six significant digits, None for what JSON has no number for."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
