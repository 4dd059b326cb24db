"""How this page writes numbers that may not be known."""

from wattswitch.pages import amounts
from wattswitch.settlement.statement import EventStatement

_KWH_PER_MWH = 1e3
_KW = 1e3


def power(kw: float | None) -> str:
    """Kilowatts as a person reads them."""
    return amounts.UNKNOWN if kw is None else amounts.power(kw * _KW)


def count(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number}{amounts.NBSP}{noun}{'' if number == 1 else 's'}"


def number(value: float | None, places: int) -> str:
    """A number, or a dash."""
    return amounts.NONE if value is None else amounts.number(value, places)


def money(value: float | None, currency: str) -> str:
    """An amount, or a dash."""
    return amounts.NONE if value is None else amounts.money(value, currency)


def percent(value: float | None) -> str:
    """Hundredths, or a dash."""
    return amounts.NONE if value is None else amounts.percent(value / 100)


def energy(kwh: float | None) -> str:
    """Kilowatt-hours, or a dash."""
    return amounts.NONE if kwh is None else amounts.energy(kwh / _KWH_PER_MWH)


def cents(cents: float) -> str:
    """A price of a kWh."""
    return f"{amounts.number(cents, 2)}{amounts.NBSP}cents"


def mass(kg: float | None) -> str:
    """Kilograms or tonnes, or a dash."""
    if kg is None:
        return amounts.NONE
    return f"{amounts.number(kg / 1e3, 1)}{amounts.NBSP}t" if kg >= 1e3 else f"{amounts.number(kg)}{amounts.NBSP}kg"


def target(statement: EventStatement) -> str:
    """What was asked of an event."""
    limit = statement.lines[0].limit_kw if statement.lines else None
    told = [] if limit is None else [f"at most {power(limit)}"]
    told += [] if statement.committed_kw is None else [f"at least {power(statement.committed_kw)} less"]
    return ", ".join(told) or amounts.NONE
