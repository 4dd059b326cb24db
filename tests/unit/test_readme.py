"""The README's YAML is what the operator reads."""

import re
from pathlib import Path

import yaml

from wattswitch.api.crd import KINDS
from wattswitch.api.parse import parse_strict
from wattswitch.planner.model import Reason

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
MODELS = {kind.__name__: kind for kind in KINDS}


def test_every_object_in_the_readme_is_read_strictly():
    blocks = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    objects = [each for block in blocks for each in yaml.safe_load_all(block)]
    assert {each["kind"] for each in objects} == {"PowerBudget", "MiningPool", "InferenceDeployment"}
    for each in objects:
        parse_strict(MODELS[each["kind"]], each)


def test_every_reason_in_the_readme_exists():
    table = README.split("## Why is this pod off?")[1].split("##")[0]
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", table)) - {"Infeasible"}
    assert named <= {str(reason) for reason in Reason}
