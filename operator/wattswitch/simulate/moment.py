"""One moment of a site: the state that the operator would decide from if its feeds said these numbers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from wattswitch.planner.model import SiteState
from wattswitch.simulate.grid import Period
from wattswitch.simulate.inputs import Recorded, build_inputs
from wattswitch.simulate.modelsite import ModelSite
from wattswitch.simulate.run import Signals
from wattswitch.simulate.series import InputsError, Series
from wattswitch.simulate.site import SiteModel

MOMENT_SECONDS: Final = 60.0
"""How long the numbers are taken to hold; any time will do."""


def state_at(
    site: SiteModel, now: float, price: float | None, feeds: Mapping[str, float], running: Mapping[str, int]
) -> SiteState:
    """The state at `now`, Unix seconds, when the feeds say `price` and `feeds`, in the units of their sources.

    `feeds` are by the feed's name or by feed/namespace/name; `running` are replicas by namespace/name, or by the whole
    key. Nothing has ever moved. Raises InputsError where a feed is missing or a name is not the site's.
    """
    recorded = Recorded(
        price=None if price is None else _lone(now, price),
        feeds={name: _lone(now, value) for name, value in feeds.items()},
        price_option="--price NUMBER",
        feed_value="NUMBER",
    )
    inputs = build_inputs(site, recorded, Period(now, now + MOMENT_SECONDS, MOMENT_SECONDS))
    pods = ModelSite(site, _sizes(site, running), now)
    signals = Signals(site, inputs)
    signals.take(0, now)
    pods.show(signals.worths, signals.demands, signals.batches)
    budget = replace(signals.budget(site.limit_watts), outlook=None)
    return SiteState(now=now, budget=budget, workloads=pods.workloads())


def _lone(now: float, value: float) -> Series:
    return Series(np.array([now]), np.array([value]), "the command line")


def _sizes(site: SiteModel, running: Mapping[str, int]) -> list[int]:
    sizes = {model.key: 0 for model in site.workloads}
    for name, replicas in running.items():
        keys = [model.key for model in site.workloads if name in {model.name, model.key}]
        if not keys:
            known = ", ".join(model.name for model in site.workloads)
            raise InputsError(f"--running {name}: there is no such workload (known: {known})")
        if len(keys) > 1:
            raise InputsError(f"--running {name} is {' and '.join(keys)}: name one of them with its kind")
        sizes[keys[0]] = replicas
    return [sizes[model.key] for model in site.workloads]
