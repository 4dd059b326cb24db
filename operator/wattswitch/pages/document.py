"""A whole page in one file: it asks for nothing from outside and needs no script to be read."""

from importlib.resources import files

from wattswitch.pages.markup import Markup, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def document(title: str, *content: object, made_by: str, style: str = "") -> str:
    """An HTML document of these elements; `made_by` is the command that wrote it, `style` what it adds to the sheet."""
    footer = tag("footer", tag("p", f"Made by {made_by}.", class_="muted"))
    body = tag("body", *content, footer, tag("script", Markup(_text("page.js"))))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Markup(_text("page.css") + style)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
