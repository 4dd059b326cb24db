"""A site file in a line: the one in examples with some fields changed, and inputs for it."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from wattswitch.simulate.grid import Period
from wattswitch.simulate.inputs import Inputs, Recorded, build_inputs
from wattswitch.simulate.series import Series
from wattswitch.simulate.site import SiteModel, read_site

WEST = Path(__file__).parents[3] / "examples" / "site.yaml"
START = 1_704_067_200.0
"""2024-01-01T00:00Z."""
HOUR = 3600.0

Documents = dict[str, dict[str, Any]]


def documents() -> Documents:
    """The objects of the site by kind and name."""
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in yaml.safe_load_all(WEST.read_text())}


def written(folder: Path, change: Callable[[Documents], object] = lambda _: None) -> Path:
    """The site in one file, after `change`."""
    objects = copy.deepcopy(documents())
    change(objects)
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump_all(objects.values()), encoding="utf-8")
    return path


def site_of(folder: Path, change: Callable[[Documents], object] = lambda _: None) -> SiteModel:
    """The model of that file."""
    return read_site([written(folder, change)])


def series(values: Sequence[float], step_seconds: float = HOUR, start: float = START) -> Series:
    """Numbers one step apart."""
    return Series(start + step_seconds * np.arange(len(values)), np.array(values, dtype=np.float64), "test")


def inputs_of(site: SiteModel, prices: Sequence[float], step_seconds: float = HOUR, **more: Any) -> Inputs:
    """Inputs of so many steps; hashprice 38.2 per PH, a queue of 40."""
    count = len(prices)
    feeds = {"hashprice": series([0.0382] * count, step_seconds), "queue": series([40.0] * count, step_seconds)}
    feeds |= more.pop("feeds", {})
    period = more.pop("period", Period())
    known = {name: each for name, each in feeds.items() if name.partition("/")[0] in _names(site)}
    return build_inputs(site, Recorded(price=series(prices, step_seconds), feeds=known, **more), period)


def _names(site: SiteModel) -> set[str]:
    return {feed.name for feed in site.spec.feeds}
