"""The page itself: sections in the order in which a site manager asks.

It asks for nothing from outside, needs no script to be read, and its size does not grow with the number of steps.
"""

from pathlib import Path

from wattswitch.pages import amounts
from wattswitch.pages.document import document
from wattswitch.pages.markup import Markup, tag
from wattswitch.simulate.report import comparison, offs, story, timeline
from wattswitch.simulate.report.data import ReportData, Role
from wattswitch.simulate.report.layers import Layer, fills, stack


def write_report(path: Path, data: ReportData) -> None:
    """Write the page; raises OSError where the file cannot be written."""
    path.write_text(render(data), encoding="utf-8")


def render(data: ReportData) -> str:
    """The whole page as one HTML document."""
    layers = stack(data)
    return document(
        f"{data.title} · {data.site}",
        _patterns(data, layers),
        _header(data),
        tag("main", _sections(data, layers)),
        made_by="wattswitch simulate",
    )


def _sections(data: ReportData, layers: tuple[Layer, ...]) -> list[Markup | None]:
    if not len(data.times):
        return [comparison.policies(data), _method(data)]
    return [
        timeline.whole(data, layers),
        timeline.part(data, layers),
        timeline.earned(data),
        offs.section(data),
        comparison.policies(data),
        comparison.losses(data),
        _next(data),
        _method(data),
    ]


def _patterns(data: ReportData, layers: tuple[Layer, ...]) -> Markup:
    """Fills that all drawings share; kept out of sight without `display: none`, which would switch them off."""
    defs = tag("defs", fills(layers), offs.fills(data))
    return tag("svg", defs, class_="defs", aria_hidden="true", width=0, height=0)


def _header(data: ReportData) -> Markup:
    earned, held = story.headline(data)
    ours = data.policy(Role.WATTSWITCH)
    good = ours is not None and ours.violation_seconds == 0
    return tag(
        "header",
        tag("h1", f"{data.title} · {data.site}"),
        tag("p", earned, class_="headline"),
        tag("p", f"{'✓' if good else '✗'} {held}", class_=f"held {'good' if good else 'bad'}") if held else None,
        tag("p", _period(data), class_="muted"),
        tag("dl", *(_tile(tile) for tile in story.tiles(data)), class_="tiles"),
    )


def _tile(tile: story.Tile) -> Markup:
    about = tag("dd", tile.about, class_="about") if tile.about else None
    return tag("div", tag("dt", tile.label), tag("dd", tile.value, class_="value"), about, class_="tile")


def _period(data: ReportData) -> str:
    if not len(data.times):
        return "There are no steps in this period."
    first, last = float(data.times[0]), data.end
    span = " to ".join(f"{amounts.weekday(at, data.zone)} {amounts.clock(at, data.zone)}" for at in (first, last))
    zone = amounts.zone_name(data.zone)
    return f"{span} ({zone}), steps of {amounts.duration(data.step_seconds)}, money in {data.currency}."


def _next(data: ReportData) -> Markup:
    items = []
    for step in story.next_steps(data):
        worth = f" At most {amounts.money(step.money, data.currency)} in this period." if step.money else None
        items.append(tag("li", f"{step.text.rstrip('.')}.", tag("strong", worth) if worth else None))
    intro = tag("p", "What would change the most, first things first.", class_="muted")
    return tag("section", tag("h2", "Next steps"), intro, tag("ol", *items, class_="steps"))


def _method(data: ReportData) -> Markup | None:
    notes = [note for note in (story.basis(data), *data.notes) if note]
    facts = [tag(name, text) for label, value in data.facts for name, text in (("dt", label), ("dd", value))]
    if not notes and not facts:
        return None
    return tag(
        "section",
        tag("h2", "How this was worked out"),
        tag("dl", *facts, class_="facts") if facts else None,
        *(tag("p", note) for note in notes),
    )
