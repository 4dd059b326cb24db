"""A pytest plugin that makes checks which failed before the tests part of pytest's own result."""

import os

import pytest

VARIABLE = "WATTSWITCH_FAILED_CHECKS"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session where a check failed, however the tests went."""
    if _names() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the failed checks right before pytest's closing line."""
    for name in _names():
        terminalreporter.write_line(f"FAILED CHECK {name} (hack/check shows why)", red=True)


def _names() -> list[str]:
    return [name for name in os.environ.get(VARIABLE, "").split(",") if name]
