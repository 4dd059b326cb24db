"""Numbers, dates and reasons as the report writes them."""

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from wattswitch.pages import amounts, reasons
from wattswitch.planner.model import Reason
from wattswitch.simulate.report import wording
from wattswitch.simulate.session import NAMES

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
    assert plain(amounts.money(value, currency)) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "$0"), (250.0, "$250"), (20_000.0, "$20k"), (-1.5e6, "−$1.5M"), (0.5, "$0.5")],
)
def test_money_on_an_axis(value: float, written: str) -> None:
    assert amounts.short_money(value, "USD") == written


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
    assert plain(amounts.percent(share)) == written


@pytest.mark.parametrize(
    ("watts", "written"),
    [(999.0, "999 W"), (12_345.0, "12.3 kW"), (392_000.0, "392 kW"), (2_500_000.0, "2.50 MW"), (0.0, "0 W")],
)
def test_power(watts: float, written: str) -> None:
    assert plain(amounts.power(watts)) == written


@pytest.mark.parametrize(
    ("mwh", "written"), [(0.0, "0 kWh"), (0.42, "420 kWh"), (1_234.0, "1,234 MWh"), (12_340.0, "12.3 GWh")]
)
def test_energy(mwh: float, written: str) -> None:
    assert plain(amounts.energy(mwh)) == written


def test_numbers_of_a_column_have_the_decimals_of_the_smallest() -> None:
    unit, name = amounts.energy_unit(16.2)
    assert (name, amounts.column([16.2, 0.0, 9.8765, float("nan")], unit)) == (
        "MWh",
        ["16.20", "0.00", "9.88", "unknown"],
    )
    assert amounts.column([], 1.0) == []
    assert plain(amounts.power(900.0, amounts.power_unit(98e3))) == "0.90 kW"


@pytest.mark.parametrize(
    ("beside", "decimals"),
    [
        ((2_341.19, 2_179.38), 2),
        ((134_846.0, 130_269.0), 0),
        ((134_846.0, 134_269.0), 2),
        ((float("nan"),), 2),
        ((), 2),
    ],
)
def test_amounts_beside_each_other_can_be_told_apart(beside: tuple[float, ...], decimals: int) -> None:
    assert amounts.cents(beside) == decimals
    assert plain(amounts.money(1_234_567.891, "USD", 0)) == "$1,234,568"


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
    assert plain(amounts.duration(seconds)) == written


def test_dates_carry_their_zone() -> None:
    assert plain(amounts.weekday(1_704_067_200.0, ZoneInfo("America/Chicago"))) == "Sun 31 Dec 2023"
    assert amounts.zone_name(ZoneInfo("America/Chicago")) == "America/Chicago"
    assert amounts.zone_name(timezone(timedelta(hours=-6))) == "UTC-06:00"
    assert amounts.zone_name(UTC) == "UTC"


def test_every_reason_reads_as_words() -> None:
    for reason in Reason:
        assert reasons.in_words(reason) == reasons.in_words(str(reason))
        assert " " in reasons.in_words(reason) or reasons.in_words(reason) in {"starting", "stopping"}


def test_every_policy_has_a_name_in_which_its_option_can_be_seen() -> None:
    for name in NAMES:
        assert name.replace("-", " ") in wording.policy(name).lower().replace("-", " ")
        assert wording.rule(name)


def test_a_new_reason_is_taken_apart() -> None:
    assert reasons.in_words("GridEventAhead") == "grid event ahead"
