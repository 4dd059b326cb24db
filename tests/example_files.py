"""The YAML examples beside this file: whole objects (full/), and a pair for each rule (valid/, refused/)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "examples"
CRDS = FOLDER.parent.parent / "crds"


@cache
def names(folder: str) -> list[str]:
    """The examples in a folder, without suffix."""
    return sorted(file.stem for file in (FOLDER / folder).glob("*.yaml"))


def file(folder: str, name: str) -> Path:
    """Where an example is."""
    return FOLDER / folder / f"{name}.yaml"


@cache
def title(folder: str, name: str) -> str:
    """The first line of an example: the message of the rule that it is about."""
    with file(folder, name).open() as lines:
        return lines.readline().removeprefix("# ").strip()


@cache
def documents(folder: str, name: str) -> list[dict[str, Any]]:
    """The objects in an example, shared by all who ask: copy before changing one."""
    text = file(folder, name).read_text()
    return [json.loads(json.dumps(body)) for body in yaml.safe_load_all(text)]  # what YAML aliases share, apart


@cache
def definitions() -> dict[str, dict[str, Any]]:
    """The committed custom resource definitions by kind."""
    documents = (yaml.safe_load(crd.read_text()) for crd in sorted(CRDS.glob("*.yaml")))
    return {crd["spec"]["names"]["kind"]: crd for crd in documents}


def schema(definition: dict[str, Any]) -> dict[str, Any]:
    """The schema in a custom resource definition."""
    return dict(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
