"""HTML and SVG elements as text: whatever is not `Markup` already is escaped."""

import html
import json


class Markup(str):
    """Text that may go into a page as it is."""

    __slots__ = ()


_VOID = frozenset({"meta", "link", "br", "hr"})


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. `class_` and `data_x` become `class` and `data-x`; None leaves an attribute or a child out.

    Children that are not `Markup` are escaped. Floats are written with one decimal at most.
    """
    written = "".join(f' {_attribute(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: object) -> Markup:
    """Elements and texts one after the other; lists are taken apart."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, (list, tuple)):
        return Markup("".join(join(child) for child in children))
    return Markup(html.escape(str(children)))


def data(value: object) -> Markup:
    """JSON for a script element; nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def decimal(value: float) -> str:
    """A coordinate: one decimal, and none where it is zero."""
    text = f"{value:.1f}"
    return "0" if text in {"-0.0", "0.0"} else text.removesuffix(".0")


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return decimal(value) if isinstance(value, float) else html.escape(str(value))
