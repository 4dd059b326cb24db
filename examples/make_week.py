"""Makes week.csv, one synthetic week by the hour: run it from this folder as python make_week.py.

Prices swing through the day around what they were published for, with a spike and an hour that is not known; requests
follow the working day.
"""

import math
from pathlib import Path

START, HOUR, HOURS = 1_717_372_800, 3600, 7 * 24  # Monday, 3 June 2024, 00:00Z
SPIKE, UNKNOWN = 66, 100


def swing(hour: int, middle: float, width: float, low_at: int) -> float:
    """A day that is lowest at one hour and highest twelve hours later."""
    return middle - width * math.cos((hour - low_at) / 24 * 2 * math.pi)


def row(hour: int) -> str:
    """One hour: time, price, published price, hashprice per TH/s and day, requests in flight."""
    published = swing(hour, 60, 45, 5)
    price = 900 if hour == SPIKE else published + 9 * math.sin(hour * 1.7) + 6 * math.sin(hour * 0.23)
    requests = swing(hour, 45, 40, 3) * (1 if hour // 24 % 7 < 5 else 0.6)
    known = "" if hour == UNKNOWN else f"{price:.2f}"
    return f"{START + HOUR * hour},{known},{published:.2f},0.0382,{requests:.1f}"


if __name__ == "__main__":
    header = "time,price,day_ahead,hashprice,requests"
    Path("week.csv").write_text("\n".join([header, *map(row, range(HOURS))]) + "\n", encoding="utf-8")
