"""A pytest plugin for two workers: one drives the cluster, the other computes with what that one leaves of the machine.

The tests of the real cluster stay together and in their order, because they share it and because they wait for it most
of their time. All others may run anywhere; a worker that begins with one of them gives way to every other process.
"""

import os
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

CLUSTER_TESTS = "tests/integration/"
LEAST_URGENT = 19


class LaneScheduling(LoadScopeScheduling):  # type: ignore[misc]  # untyped
    """Gives out the tests of the cluster as one piece of work, the largest and so the first, and all others singly."""

    def _split_scope(self, nodeid: str) -> str:
        return CLUSTER_TESTS if nodeid.startswith(CLUSTER_TESTS) else nodeid


class Lanes:
    """What one process has run so far."""

    def __init__(self) -> None:
        self._started = False

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> LaneScheduling:
        """Share the tests out by lanes."""
        return LaneScheduling(config, log)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Give way where the first test is not of the cluster."""
        if not self._started and not item.nodeid.startswith(CLUSTER_TESTS):
            os.nice(LEAST_URGENT)
        self._started = True


def pytest_configure(config: pytest.Config) -> None:
    """Take part in every process of the session."""
    config.pluginmanager.register(Lanes(), "lanes")
