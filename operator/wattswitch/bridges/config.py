"""The configuration file of a bridge: YAML, the fields of its kind's model and no others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import yaml

from wattswitch.api.base import ApiModel
from wattswitch.api.parse import SpecError, parse_strict
from wattswitch.errors import SpecInvalid

AnySpec = TypeVar("AnySpec", bound=ApiModel)

_FILE: Final = "_file"


def read_config(path: Path, model: type[AnySpec]) -> AnySpec:
    """The configuration in a file. Raises SpecInvalid, a line for each field that is wrong, and OSError."""
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise SpecInvalid(f"{path}: is not text: write it as YAML in UTF-8") from None
    except yaml.YAMLError as problem:
        # Not quoted: what stands there may be a secret that belongs into a file of its own.
        mark = getattr(problem, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise SpecInvalid(f"{path}{where}: is not YAML: correct it") from None
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise SpecInvalid(f"{path}: must be one block of fields: write them as `field: value`")
    try:
        return parse_strict(model, documents[0])
    except SpecError as error:
        raise SpecInvalid("\n".join(f"{path}: {problem}" for problem in error.problems)) from None


def unreadable_files(spec: ApiModel) -> Iterator[str]:
    """What is wrong now with the files that a configuration names, a line each.

    No reason not to start: they are read each time they are needed, and may come later.
    """
    for name, info in type(spec).model_fields.items():
        if name.removesuffix("s").endswith(_FILE):
            value = getattr(spec, name)
            paths = (value,) if isinstance(value, str) else value or ()
            yield from (f"{info.alias}: {problem}" for path in paths if (problem := _unreadable(path)))


def _unreadable(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return f"{path} can't be read ({error.strerror}): make it readable, or name another file"
    return ""
