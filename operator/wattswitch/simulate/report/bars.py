"""Bars that stretch with the page: their places are percentages, so one drawing fits every width."""

from collections.abc import Sequence

from wattswitch.pages.markup import Markup, tag

_HEIGHT = 14


def share_bar(parts: Sequence[tuple[str, float]]) -> Markup:
    """Parts of a whole side by side; each is an id of a pattern and a share, together at most 1."""
    rects: list[Markup] = []
    left = 0.0
    for fill, share in parts:
        if share > 0:
            rects.append(_rect(left, left + share, "part", f"url(#{fill})"))
        left += share
    return _bar(rects)


def value_bar(value: float, low: float, high: float, class_: str) -> Markup:
    """A value from zero, on a scale from `low` to `high` that holds both; the zero line is drawn where it is inside."""
    span = high - low or 1.0
    zero, place = (0 - low) / span, (value - low) / span
    rects = [_rect(min(zero, place), max(zero, place), class_, None)]
    if low < 0:
        rects.append(tag("rect", x=_percent(zero), y=0, width=1, height=_HEIGHT, class_="bar-zero"))
    return _bar(rects)


def _bar(rects: list[Markup]) -> Markup:
    return tag("svg", *rects, class_="bar", height=_HEIGHT, aria_hidden="true")


def _rect(left: float, right: float, class_: str, fill: str | None) -> Markup:
    return tag(
        "rect", x=_percent(left), y=0, width=_percent(max(right - left, 0.0)), height=_HEIGHT, class_=class_, fill=fill
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
