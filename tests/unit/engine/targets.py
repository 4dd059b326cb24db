"""Targets, books and raw objects in a line or two."""

from typing import Any

from wattswitch.cluster import TargetFacts
from wattswitch.engine.books import Book, Pods

NOW = 1_700_000_000.0


def facts(**fields: Any) -> TargetFacts:
    """A Deployment at rest with no pods; `replicas` sets the size and the pods of its status alike."""
    replicas = fields.pop("replicas", 0)
    defaults: dict[str, Any] = {
        "uid": "u1",
        "kind": "Deployment",
        "namespace": "mining",
        "name": "s21",
        "resource_version": 10,
        "generation": 1,
        "observed_generation": 1,
        "spec_replicas": replicas,
        "status_replicas": replicas,
        "ready_replicas": replicas,
        "terminating_replicas": 0,
        "rolled_out": True,
        "surge_pods": 0,
        "surge_percent": 0,
        "gpus_per_pod": 0,
        "grace_seconds": 30,
        "selector": "app=s21",
        "replicas_manager": "",
        "parallel": True,
    }
    return TargetFacts(**(defaults | fields))


def empty_book(**fields: Any) -> Book:
    """A book that has seen nothing yet."""
    defaults: dict[str, Any] = {
        "uid": "u1",
        "namespace": "mining",
        "kind": "Deployment",
        "name": "s21",
        "workload": "MiningPool/mining/s21",
        "selector": "app=s21",
        "watts": 3500,
    }
    return Book(**(defaults | fields))


def book_at(replicas: int, **fields: Any) -> Book:
    """A book at rest at this size."""
    book = empty_book(**fields)
    book.observe(facts(replicas=replicas), Pods(replicas, 0), NOW)
    return book
