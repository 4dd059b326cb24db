"""The sample site: YAML as a user would apply it, with its durations divided by the speed of the demo.

A day in three minutes needs dwell times of seconds, or nothing would move. The operator has no clock of its own to
turn, so the YAML is what changes; `stopSeconds` stays real, because kwok's pods take real seconds to die.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from local.api import ApiServer

FOLDER = Path(__file__).resolve().parent.parent / "demo_site"
BUDGET = "west-texas"
GROUP = "wattswitch.io/"
LEAST_STALE_SECONDS = 5
POLL_SECONDS = 1
MANAGER = "site-admin"
KEPT_REAL = ("stopSeconds", "timeoutSeconds")

_UNIT = re.compile(r"(usd|eur|aud|gbp)_per_(mwh|kwh)", re.IGNORECASE)
_COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "PowerBudget": "/apis/wattswitch.io/v1alpha1/powerbudgets",
    "MiningPool": "/apis/wattswitch.io/v1alpha1/namespaces/{namespace}/miningpools",
    "InferenceDeployment": "/apis/wattswitch.io/v1alpha1/namespaces/{namespace}/inferencedeployments",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filling:
    """What the templates leave open: the address of the feeds, the price's unit, how much a replica serves."""

    feeds: str
    price_unit: str = "USDPerMWh"
    per_replica: tuple[tuple[str, float], ...] = (("chat", 8.0), ("summaries", 8.0))

    @property
    def currency(self) -> str:
        """ISO 4217 code of the price; worth is told in the same money."""
        return self.price_unit[:3]

    def words(self) -> dict[str, str]:
        """Each placeholder with its text."""
        words = {"FEEDS": self.feeds, "PRICE_UNIT": self.price_unit, "CURRENCY": self.currency}
        for service, amount in self.per_replica:
            words[f"{service.upper()}_PER_REPLICA"] = f"{amount:.6f}".rstrip("0").rstrip(".")
        return words


def load(filling: Filling, folder: Path = FOLDER) -> list[Manifest]:
    """Return the manifests in real time, in the order in which they are applied."""
    texts = [Template(path.read_text()).substitute(filling.words()) for path in sorted(folder.glob("*.yaml"))]
    manifests = [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]
    order = list(_COLLECTIONS)
    return sorted(manifests, key=lambda manifest: order.index(manifest["kind"]))


def hastened(manifest: Manifest, speed: float) -> Manifest:
    """Return a manifest as it is applied at this speed; other people's kinds stay as they are."""
    if not manifest["apiVersion"].startswith(GROUP):
        return manifest
    changed: Manifest = _hastened(manifest, speed)
    for feed in _feeds(changed["spec"]):
        feed["pollSeconds"] = POLL_SECONDS
    return changed


def unit_of(column: str) -> str:
    """The unit that a column's name ends in (price_eur_per_mwh); money per MWh in USD where it says nothing."""
    found = _UNIT.search(column)
    if not found:
        return "USDPerMWh"
    return f"{found[1].upper()}Per{'KWh' if found[2].lower() == 'kwh' else 'MWh'}"


def path_of(manifest: Manifest) -> str:
    """The object's path at the API server."""
    metadata = manifest["metadata"]
    collection = _COLLECTIONS[manifest["kind"]].format(namespace=metadata.get("namespace", ""))
    return f"{collection}/{metadata['name']}"


def apply(server: ApiServer, manifest: Manifest, manager: str = MANAGER) -> None:
    """Create or update an object on the server."""
    server.apply(path_of(manifest), manifest, manager)


def longest_dwell_seconds(manifests: list[Manifest]) -> int:
    """The longest time that a workload keeps its size, in the seconds that the manifests say."""
    switching = (manifest["spec"].get("switching", {}) for manifest in manifests if "spec" in manifest)
    longest: int = max(
        max(terms.get("minRunSeconds", 0), terms.get("minOffSeconds", 0), terms.get("drainSeconds", 0))
        for terms in switching
    )
    return longest


def _feeds(spec: Manifest) -> Iterator[Manifest]:
    if "price" in spec:
        yield spec["price"]
    if "meter" in spec:
        yield spec["meter"]
    yield from spec.get("feeds", ())


def _hastened(node: Any, speed: float) -> Any:
    if isinstance(node, dict):
        return {key: _scaled(key, _hastened(value, speed), speed) for key, value in node.items()}
    if isinstance(node, list):
        return [_hastened(item, speed) for item in node]
    return node


def _scaled(key: str, value: Any, speed: float) -> Any:
    if not isinstance(value, int) or key in KEPT_REAL:
        return value
    if key == "staleAfterSeconds":
        return max(LEAST_STALE_SECONDS, math.ceil(value / speed))
    if key.endswith("Seconds"):
        return max(1, math.ceil(value / speed)) if value else 0
    if key.endswith("WattsPerMinute"):
        return round(value * speed)
    return value
