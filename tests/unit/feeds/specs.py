"""Feeds as a site admin would write them."""

from typing import Any

from wattswitch.api.feed import Feed, NamedFeed, PriceFeed


def http_source(url: str, name: str = "api", **more: Any) -> dict[str, Any]:
    """A source that takes `price` from a JSON document."""
    return {"name": name, "unit": "USDPerMWh", "http": {"url": url, "path": "price", **more}}


def prometheus_source(url: str, name: str = "prom", **more: Any) -> dict[str, Any]:
    """A source that asks for `price`."""
    return {"name": name, "unit": "USDPerMWh", "prometheus": {"url": url, "query": "price", **more}}


def fixed_source(value: str, name: str = "contract", unit: str = "USDPerMWh") -> dict[str, Any]:
    """A source that never changes."""
    return {"name": name, "unit": unit, "fixed": {"value": value}}


def price(*sources: dict[str, Any], **more: Any) -> Feed:
    """A price that is polled every second."""
    return PriceFeed.model_validate({"pollSeconds": 1, "timeoutSeconds": 1, "sources": list(sources), **more})


def per_workload(*sources: dict[str, Any], **more: Any) -> Feed:
    """A demand with one series for each workload."""
    return NamedFeed.model_validate(
        {
            "name": "queue",
            "pollSeconds": 1,
            "timeoutSeconds": 1,
            "perWorkload": {"namespaceLabel": "namespace", "nameLabel": "service"},
            "sources": [{**source, "unit": "Count"} for source in sources],
            **more,
        }
    )
