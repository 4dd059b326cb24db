"""Numbers and dates as a person reads them.

Every number carries its unit. A no-break space joins them, and a real minus sign marks what is below zero.
"""

import math
from collections.abc import Sequence
from datetime import datetime, tzinfo

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
UNKNOWN = "unknown"
NONE = "–"
"""Stands where a number does not apply."""

SAME_MONEY = 0.005
"""Amounts that differ by less than this read the same."""

_WITH_CENTS = 10_000.0

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "AUD": "A$"}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def sign(currency: str) -> str:
    """What stands before an amount: `$`, `A$`, or the code and a space."""
    return _SIGNS.get(currency, f"{currency}{NBSP}" if currency else "")


def per_mwh(currency: str) -> str:
    """The unit of a price, for an axis."""
    return f"{sign(currency).strip(NBSP)}/MWh"


def number(value: float, places: int = 0) -> str:
    """A number with thousands separated; never a minus zero."""
    if not math.isfinite(value):
        return UNKNOWN
    text = f"{abs(value):,.{places}f}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def places(value: float) -> int:
    """Decimals that leave about three digits."""
    size = abs(value)
    return 0 if size >= 100 or size == 0 else 1 if size >= 10 else 2


def money(value: float, currency: str, cents: int | None = None) -> str:
    """An amount of money: cents below 100, whole numbers to a million, then millions with two decimals.

    With `cents` it has so many decimals, however large it is, as amounts that stand beside each other need.
    """
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if cents is not None:
        text = number(size, cents)
    elif size >= 999_999.5:
        text = f"{number(size / 1e6, 2)}{NBSP}million"
    else:
        text = number(size, 0 if size >= 99.995 else 2)
    return f"{MINUS if value < 0 and text.strip('0.,') else ''}{sign(currency)}{text}"


def cents(amounts: Sequence[float]) -> int:
    """Decimals with which amounts beside each other can be told apart: two, or none where they are large and apart."""
    known = [amount for amount in amounts if math.isfinite(amount)]
    if not known or max(map(abs, known)) < _WITH_CENTS or max(known) - min(known) < _WITH_CENTS / 10:
        return 2
    return 0


def short_money(value: float, currency: str) -> str:
    """An amount on an axis: `$0`, `$250`, `$20k`, `$1.5M`."""
    size = abs(value)
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{MINUS if value < 0 else ''}{sign(currency)}{size / unit:.4g}{letter}"
    return f"{MINUS if value < 0 else ''}{sign(currency)}{size:.4g}"


def plus_money(value: float, currency: str) -> str:
    """A difference of money, with its sign."""
    return f"+{money(value, currency)}" if value >= 0 else money(value, currency)


def price(value: float, currency: str) -> str:
    """A price of energy: `$45.20/MWh`."""
    return f"{money(value, currency)}/MWh" if math.isfinite(value) else UNKNOWN


def percent(share: float, *, digits: int = 1) -> str:
    """A share as a percentage; a small one that is not zero never reads as zero, nor a large one as all."""
    if not math.isfinite(share):
        return UNKNOWN
    step = 10.0**-digits
    value = 100 * share
    if 0 < value < step / 2:
        return f"under {step:.{digits}f}{NBSP}%"
    if 100 - step / 2 <= value < 100 - 1e-9:
        value = 100 - step
    return f"{number(value, digits)}{NBSP}%"


Unit = tuple[float, str]
"""How much one of it is, and its name."""


def power(watts: float, unit: Unit | None = None) -> str:
    """Power in W, kW or MW, or in the unit that is given."""
    if not math.isfinite(watts):
        return UNKNOWN
    size = abs(watts)
    one, name = unit or ((1e6, "MW") if size >= 1e6 else (1e3, "kW") if size >= 1e3 else (1.0, "W"))
    return f"{number(watts / one, places(watts / one) if one > 1 else 0)}{NBSP}{name}"


def power_unit(most_watts: float) -> Unit:
    """The unit of a power axis up to this many watts, and its name."""
    if most_watts >= 2e6:
        return 1e6, "MW"
    return (1e3, "kW") if most_watts >= 2e3 else (1.0, "W")


def energy(mwh: float) -> str:
    """Energy in kWh, MWh or GWh."""
    if not math.isfinite(mwh):
        return UNKNOWN
    unit, name = energy_unit(mwh)
    return f"{number(mwh / unit, places(mwh / unit))}{NBSP}{name}"


def energy_unit(most_mwh: float) -> Unit:
    """The unit of energies up to this many MWh."""
    size = abs(most_mwh)
    return (1e3, "GWh") if size >= 1e4 else (1.0, "MWh") if size >= 1 else (1e-3, "kWh")


def column(values: Sequence[float], unit: float) -> list[str]:
    """Numbers in one unit, all with the decimals that the smallest needs."""
    known = [value / unit for value in values if math.isfinite(value)]
    decimals = max(map(places, known), default=0)
    return [number(value / unit, decimals) for value in values]


def duration(seconds: float) -> str:
    """A length of time in its largest fitting unit: `182 days`, `36 hours`, `15 minutes`, `40 s`."""
    for unit, name, least in ((86_400, "day", 2), (3_600, "hour", 1), (60, "minute", 1)):
        count = seconds / unit
        if count >= least:
            text = number(count, 0 if abs(count - round(count)) < 0.05 else 1)
            return f"{text}{NBSP}{name}{'' if text == '1' else 's'}"
    return f"{number(seconds, 0 if seconds == int(seconds) else 1)}{NBSP}s"


def local(at: float, zone: tzinfo) -> datetime:
    """A Unix time on the clock of that zone."""
    return datetime.fromtimestamp(at, zone)


def day(at: float, zone: tzinfo) -> str:
    """`15 Jan 2024`."""
    when = local(at, zone)
    return f"{when.day}{NBSP}{_MONTHS[when.month - 1]}{NBSP}{when.year}"


def weekday(at: float, zone: tzinfo) -> str:
    """`Mon 15 Jan 2024`."""
    return f"{_DAYS[local(at, zone).weekday()]}{NBSP}{day(at, zone)}"


def short_day(at: float, zone: tzinfo) -> str:
    """`15 Jan`."""
    when = local(at, zone)
    return f"{when.day}{NBSP}{_MONTHS[when.month - 1]}"


def month(at: float, zone: tzinfo) -> str:
    """`Jan`."""
    return _MONTHS[local(at, zone).month - 1]


def clock(at: float, zone: tzinfo) -> str:
    """`14:05`."""
    return f"{local(at, zone):%H:%M}"


def plain(text: str) -> str:
    """The same in characters that any program which reads this knows as numbers."""
    return text.replace(MINUS, "-").replace(NBSP, " ")


def zone_name(zone: tzinfo) -> str:
    """`America/Chicago`, `UTC`, `UTC-06:00`."""
    return str(getattr(zone, "key", None) or zone)
