"""Every unit has a quantity, a currency where it is money, and a factor to its base unit."""

import pytest

from wattswitch.api.units import CURRENCIES, Quantity, Unit

FACTORS = {
    Quantity.PRICE: {1, 10, 1_000},
    Quantity.POWER: {1, 1_000, 1_000_000},
    Quantity.HASHPRICE: {1, 1_000},
    Quantity.GPU_RATE: {1},
    Quantity.REPLICA_RATE: {1},
    Quantity.COUNT: {1},
}


@pytest.mark.parametrize(
    ("unit", "number", "quantity", "currency", "base"),
    [
        (Unit.USD_PER_MWH, 45.0, Quantity.PRICE, "USD", 45.0),
        (Unit.EUR_PER_KWH, 0.25, Quantity.PRICE, "EUR", 250.0),
        (Unit.PENCE_PER_KWH, 12.0, Quantity.PRICE, "GBP", 120.0),
        (Unit.MEGAWATTS, 0.4, Quantity.POWER, None, 400_000.0),
        (Unit.KILOWATTS, 3.5, Quantity.POWER, None, 3_500.0),
        (Unit.USD_PER_TH_PER_DAY, 0.0382, Quantity.HASHPRICE, "USD", 38.2),
        (Unit.AUD_PER_GPU_HOUR, 3.0, Quantity.GPU_RATE, "AUD", 3.0),
        (Unit.GBP_PER_REPLICA_HOUR, 2.0, Quantity.REPLICA_RATE, "GBP", 2.0),
        (Unit.COUNT, 7.0, Quantity.COUNT, None, 7.0),
    ],
)
def test_a_number_in_base_units(
    unit: Unit, number: float, quantity: Quantity, currency: str | None, base: float
) -> None:
    assert (unit.quantity, unit.currency) == (quantity, currency)
    assert number * unit.to_base == pytest.approx(base)


@pytest.mark.parametrize("unit", Unit)
def test_money_has_a_currency_and_the_rest_has_none(unit: Unit) -> None:
    assert (unit.currency in CURRENCIES) == (unit.quantity not in {Quantity.POWER, Quantity.COUNT})
    assert unit.to_base in FACTORS[unit.quantity]


def test_each_currency_has_every_form_of_money() -> None:
    money = [q for q in Quantity if q not in {Quantity.POWER, Quantity.COUNT}]
    for currency in CURRENCIES:
        assert {u.quantity for u in Unit if u.currency == currency} == set(money)


def test_units_of_quantities() -> None:
    assert Unit.of(Quantity.POWER, Quantity.COUNT) == (Unit.WATTS, Unit.KILOWATTS, Unit.MEGAWATTS, Unit.COUNT)
