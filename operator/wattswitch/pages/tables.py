"""What all tables of the page share."""

from collections.abc import Iterable

from wattswitch.pages.markup import Markup, tag


def table(caption: str, names: Iterable[str], rows: Iterable[Markup], *, class_: str | None = None) -> Markup:
    """A table with a caption and a name for each column."""
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
    return tag("table", tag("caption", caption), head, tag("tbody", *rows), class_=class_)


def row(name: object, cells: Iterable[str], *, class_: str | None = None) -> Markup:
    """A row: what it is about, then its cells."""
    return tag("tr", tag("th", name, scope="row"), *(tag("td", cell) for cell in cells), class_=class_)


def scroll(content: Markup, label: str) -> Markup:
    """A table that may be wider than a phone, reachable by keyboard."""
    return tag("div", content, class_="scroll", tabindex=0, role="region", aria_label=label)
