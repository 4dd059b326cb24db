"""Numbers, dates and reasons as the report writes them."""

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from wattswitch.planner.model import Reason
from wattswitch.simulate.report import wording

NBSP = "\N{NO-BREAK SPACE}"


def plain(text: str) -> str:
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("value", "currency", "written"),
    [
        (0.0, "USD", "$0.00"),
        (12.345, "USD", "$12.35"),
        (-0.001, "USD", "$0.00"),
        (99.999, "EUR", "€100"),
        (84_300.4, "GBP", "£84,300"),
        (999_999.6, "USD", "$1.00 million"),
        (-1_234_567.0, "AUD", "−A$1.23 million"),
        (5.0, "CHF", "CHF 5.00"),
        (float("nan"), "USD", "unknown"),
    ],
)
def test_money(value: float, currency: str, written: str) -> None:
    assert plain(wording.money(value, currency)) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "$0"), (250.0, "$250"), (20_000.0, "$20k"), (-1.5e6, "−$1.5M"), (0.5, "$0.5")],
)
def test_money_on_an_axis(value: float, written: str) -> None:
    assert wording.short_money(value, "USD") == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.973, "97.3 %"),
        (0.0, "0.0 %"),
        (0.0001, "under 0.1 %"),
        (0.99999, "99.9 %"),
        (1.0, "100.0 %"),
        (-0.05, "−5.0 %"),
    ],
)
def test_percent_never_rounds_to_none_or_all(share: float, written: str) -> None:
    assert plain(wording.percent(share)) == written


@pytest.mark.parametrize(
    ("watts", "written"),
    [(999.0, "999 W"), (12_345.0, "12.3 kW"), (392_000.0, "392 kW"), (2_500_000.0, "2.50 MW"), (0.0, "0 W")],
)
def test_power(watts: float, written: str) -> None:
    assert plain(wording.power(watts)) == written


@pytest.mark.parametrize(
    ("mwh", "written"), [(0.0, "0 MWh"), (0.42, "420 kWh"), (1_234.0, "1,234 MWh"), (12_340.0, "12.3 GWh")]
)
def test_energy(mwh: float, written: str) -> None:
    assert plain(wording.energy(mwh)) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (15.0, "15 s"),
        (60.0, "1 minute"),
        (900.0, "15 minutes"),
        (86_400.0, "24 hours"),
        (182 * 86_400.0, "182 days"),
        (5_400.0, "1.5 hours"),
    ],
)
def test_duration(seconds: float, written: str) -> None:
    assert plain(wording.duration(seconds)) == written


def test_dates_carry_their_zone() -> None:
    assert plain(wording.weekday(1_704_067_200.0, ZoneInfo("America/Chicago"))) == "Sun 31 Dec 2023"
    assert wording.zone_name(ZoneInfo("America/Chicago")) == "America/Chicago"
    assert wording.zone_name(timezone(timedelta(hours=-6))) == "UTC-06:00"
    assert wording.zone_name(UTC) == "UTC"


def test_every_reason_reads_as_words() -> None:
    for reason in Reason:
        assert wording.reason(reason) == wording.reason(str(reason))
        assert " " in wording.reason(reason) or wording.reason(reason) in {"starting", "stopping"}


def test_a_new_reason_is_taken_apart() -> None:
    assert wording.reason("GridEventAhead") == "grid event ahead"
