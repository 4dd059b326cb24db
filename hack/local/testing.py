"""The command `hack/test`: the checks, the control plane, then pytest in this order and in one report.

Without arguments two workers share the tests: the cluster's are in one of them, and mostly wait.
"""

import contextlib
import os
import subprocess
import sys

from local import checks, failed_checks, programs

TWO_LANES = ["-n", "2", "-p", "local.lanes"]


def main() -> int:
    """Run everything and return pytest's exit code, which counts a failed check as a failure."""
    arguments = sys.argv[1:]
    failed = [] if arguments else checks.failures()
    if not arguments:
        programs.ensure_all()
        _ensure_prometheus()
        arguments = TWO_LANES
    environment = {**os.environ, failed_checks.VARIABLE: ",".join(failed)}
    command = [sys.executable, "-m", "pytest", "-p", "local.failed_checks", *arguments]
    return subprocess.run(command, cwd=checks.CHECKOUT, env=environment, check=False).returncode


def _ensure_prometheus() -> None:
    """Download it outside the tests' time limits; where it cannot be had, those fail that need it, and say why."""
    with contextlib.suppress(RuntimeError):
        programs.find("prometheus")
