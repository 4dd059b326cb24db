"""The samples of docs/bridges.md, which the tests of bridges are run with."""

import re
from pathlib import Path
from typing import Any

import yaml

PAGE = (Path(__file__).parents[3] / "docs" / "bridges.md").read_text(encoding="utf-8")

TEXTS: dict[str, str] = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL))
"""YAML by the file name in its first line."""

COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
"""What is to be typed, block by block."""

KINDS = ("openadr3", "openadr2b", "mqtt", "webhook")


def sample(name: str) -> Any:
    """What a sample says."""
    return yaml.safe_load(TEXTS[name])


def written(folder: Path, kind: str, **fields: Any) -> Path:
    """The configuration of a kind in a file, with some fields changed; None leaves one out."""
    config = {name: value for name, value in (sample(f"{kind}.yaml") | fields).items() if value is not None}
    file = folder / f"{kind}.yaml"
    file.write_text(yaml.safe_dump(config))
    return file
