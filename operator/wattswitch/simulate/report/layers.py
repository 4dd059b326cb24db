"""The stack of the power plots: what lies where, and how it is told apart without colour."""

from dataclasses import dataclass

import numpy as np

from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.scale import Floats
from wattswitch.simulate.report.data import ReportData, WorkloadReport

MOST_LAYERS = 8
"""Workloads with a layer of their own; the rest of each kind share one."""

HUES = 4
MINING = "MiningPool"
_HATCHES = (
    "",
    "M0 8L8 0M-2 2L2-2M6 10L10 6",
    "M2 2h1.6v1.6h-1.6zM6 6h1.6v1.6h-1.6z",
    "M0 4H8",
    "M0 0L8 8M-2 6L2 10M6-2L10 2",
    "M4 0V8",
    "M0 4H8M4 0V8",
    "M0 0L8 8M8 0L0 8",
    "M0 2H4M4 6H8",
    "M1 1h2M5 5h2",
)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One band of the stack, from the bottom up. `fill` is the id of its pattern, `hue` the class that colours it."""

    name: str
    fill: str
    hue: str
    watts: Floats


def stack(data: ReportData) -> tuple[Layer, ...]:
    """The site's own draw, then inference, then mining, each by energy: what switches least lies lowest."""
    shown = _largest(data.workloads)
    layers: list[Layer] = []
    if data.fixed_watts:
        fixed = np.full(len(data.times), float(data.fixed_watts))
        layers.append(Layer("Site itself", "fill-fixed", "hue-fixed", fixed))
    for mining, family, kind in ((False, "serve", "inference services"), (True, "mine", "mining pools")):
        members = sorted((w for w in data.workloads if (w.kind == MINING) is mining), key=_most_energy)
        own = [w for w in members if w.name in shown]
        rest = [np.nan_to_num(w.watts) for w in members if w.name not in shown]
        for index, w in enumerate(own):
            fill, hue = f"fill-{family}-{index}", f"hue-{family}-{index % HUES}"
            layers.append(Layer(w.name, fill, hue, np.nan_to_num(w.watts)))
        if rest:
            name = f"{len(rest)} {'other' if own else 'small'} {kind}"
            layers.append(Layer(name, f"fill-{family}-rest", f"hue-{family}-{len(own) % HUES}", np.sum(rest, axis=0)))
    return tuple(layers)


def total_watts(layers: tuple[Layer, ...], steps: int) -> Floats:
    """The draw of the whole stack, (T,)."""
    return np.sum([layer.watts for layer in layers], axis=0) if layers else np.zeros(steps)


def fills(layers: tuple[Layer, ...]) -> list[Markup]:
    """The patterns of these layers, no two alike."""
    return [pattern(layer.fill, layer.hue, index) for index, layer in enumerate(layers)]


def pattern(name: str, hue: str, index: int) -> Markup:
    """A fill: a colour, and on it the hatching of that index."""
    hatch = _HATCHES[index % len(_HATCHES)]
    return tag(
        "pattern",
        tag("rect", width=8, height=8, class_=f"{hue} fill"),
        tag("path", d=hatch, class_="hatch") if hatch else None,
        id=name,
        width=8,
        height=8,
        patternUnits="userSpaceOnUse",
    )


def swatch(fill: str) -> Markup:
    """A small sample of a fill, for a key; nothing to a screen reader, the word beside it says it."""
    sample = tag("rect", x=0.5, y=0.5, width=23, height=13, class_="swatch", fill=f"url(#{fill})")
    return tag("svg", sample, width=24, height=14, viewBox="0 0 24 14", aria_hidden="true")


def _largest(workloads: tuple[WorkloadReport, ...]) -> frozenset[str]:
    """Names of the workloads with a layer of their own; one alone is not left for the rest."""
    most = len(workloads) if len(workloads) <= MOST_LAYERS + 1 else MOST_LAYERS
    return frozenset(w.name for w in sorted(workloads, key=_most_energy)[:most])


def _most_energy(workload: WorkloadReport) -> tuple[float, str]:
    return -float(np.nansum(workload.watts)), workload.name
