"""A site of miners and inference over real prices and real request rates.

The rates are of one week with nominal dates; they are laid over the period week by week, from its first Monday's
midnight on. A rule that remembers the week then knows more from the second one on than it ever would; so the days of
each week can be put into another order. Windows without reports are not known.
"""

from pathlib import Path
from random import Random

import numpy as np

from wattswitch.simulate.grid import Period
from wattswitch.simulate.inputs import Inputs, Recorded, build_inputs
from wattswitch.simulate.series import Series, read_moment, read_series
from wattswitch.simulate.site import SiteModel, read_site

FILE = Path(__file__).with_name("joint_site.yaml")
HUB = "hb_west_price_usd_per_mwh"
WEEK_DAYS = 7
WEEK_SECONDS = WEEK_DAYS * 86_400.0
MONDAY = read_moment("2024-01-01T00:00Z")


def joint_site() -> SiteModel:
    """Three pools and two services behind 60 % of their nameplate."""
    return read_site([FILE])


def joint_inputs(
    data: Path,
    site: SiteModel,
    start: str,
    end: str,
    step_seconds: float | None = None,
    *,
    order: Random | None = None,
) -> Inputs:
    """ERCOT West, 15 minutes with the day-ahead curve, and the request rates of two production models.

    With an `order` no week of rates is like another: it shuffles the days of each.
    """
    period = Period(read_moment(start), read_moment(end), step_seconds)
    recorded = Recorded(
        price=read_series(f"{data}/prices/ercot_rt15_2024h1.csv.gz:{HUB}"),
        outlook=read_series(f"{data}/prices/ercot_da_hourly_2024h1.csv.gz:{HUB}"),
        feeds={
            "chat-load": _weekly(data / "inference/servegen_m_small_10min_week1.csv", period, order),
            "code-load": _weekly(data / "inference/servegen_m_mid_10min_week1.csv", period, order),
        },
        time_zone="America/Chicago",
    )
    return build_inputs(site, recorded, period)


def _weekly(file: Path, period: Period, order: Random | None) -> Series:
    """One week of request rates, again and again over the period; none before it, for it would be learned from."""
    rates, holes = read_series(f"{file}:requests_per_s"), read_series(f"{file}:source_hole")
    values = np.where(holes.values > 0, np.nan, rates.values)
    first = int(((period.start or 0.0) - 86_400 - MONDAY) // WEEK_SECONDS)
    last = int(((period.end or 0.0) - MONDAY) // WEEK_SECONDS) + 1
    weeks = range(first, last)
    starts = np.concatenate([rates.starts + week * WEEK_SECONDS for week in weeks])
    days = values.reshape(WEEK_DAYS, -1)
    orders = [range(WEEK_DAYS) if order is None else order.sample(range(WEEK_DAYS), WEEK_DAYS) for _ in weeks]
    rates_of_weeks = np.concatenate([days[list(each)].ravel() for each in orders])
    played = starts + rates.step_seconds > (period.start or 0.0)
    return Series(starts[played], rates_of_weeks[played], file.name)
