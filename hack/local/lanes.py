"""A pytest plugin for two workers: one drives the cluster, the other computes with what that one leaves of the machine.

Tests of the real cluster stay together and in their order, because they share it and because they wait for it, most of
their time. All others may run anywhere; a worker that begins with one of them gives way to every other process.
"""

import os

import pytest

LEAST_URGENT = 19


class Lanes:
    """What one process has run so far."""

    def __init__(self) -> None:
        self._started = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests of the cluster in one worker, before all others."""
        for item in items:
            if item.get_closest_marker("integration"):
                item.add_marker(pytest.mark.xdist_group("cluster"))
        items.sort(key=lambda item: item.get_closest_marker("integration") is None)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Give way where the first test is not of the cluster."""
        if not self._started and not item.get_closest_marker("integration"):
            os.nice(LEAST_URGENT)
        self._started = True


def pytest_configure(config: pytest.Config) -> None:
    """Take part in every process of the session."""
    config.pluginmanager.register(Lanes(), "lanes")
