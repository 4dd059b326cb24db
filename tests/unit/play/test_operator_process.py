"""The operator's process as the demo drives it, with a program in its place that never answers."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.process import wait_until_gone
from play import operator_process
from play.operator_process import OperatorDiedError, OperatorProcess, absences

HACK = Path(operator_process.__file__).parent.parent
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
OWNER = """
import subprocess, sys, time
from local.tied import tied
child = subprocess.Popen(tied([sys.executable, "-c", "import time; time.sleep(600)"]), start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def mute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OperatorProcess]:
    """Give a started operator that listens nowhere."""
    monkeypatch.setattr(OperatorProcess, "_command", lambda _: [sys.executable, "-c", "import time; time.sleep(600)"])
    operator = OperatorProcess(tmp_path / "kubeconfig", tmp_path)
    operator.start()
    yield operator
    operator.stop()


def test_an_operator_that_never_answers_after_a_kill_is_told(
    mute: OperatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_process, "RETURN_SECONDS", 0.2)
    mute.check()
    mute.kill()
    mute.start()
    time.sleep(0.3)
    with pytest.raises(OperatorDiedError, match="did not answer within"):
        mute.check()
    assert [back for _, back in mute.absences()] == [math.inf]


def test_one_that_answers_after_a_kill_was_away_until_then(
    mute: OperatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OperatorProcess, "is_healthy", lambda _: True)
    mute.kill()
    mute.start()
    until(lambda: all(math.isfinite(back) for _, back in mute.absences()))
    monkeypatch.setattr(operator_process, "RETURN_SECONDS", 0.0)
    mute.check()
    assert len(mute.absences()) == 1


def test_one_that_ends_by_itself_is_told(mute: OperatorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    mute.stop()
    monkeypatch.setattr(OperatorProcess, "_command", lambda _: [sys.executable, "-c", "raise SystemExit(3)"])
    mute.start()

    def look() -> bool:
        mute.check()
        return False

    with pytest.raises(OperatorDiedError, match="ended with code 3"):
        until(look)


def test_kills_before_a_return_are_one_absence() -> None:
    told = [(False, 1.0), (False, 3.0), (True, 4.0), (True, 4.5), (False, 7.0)]
    assert absences({"running": running, "at": at} for running, at in told) == [(1.0, 4.0), (7.0, math.inf)]


def test_a_program_ends_with_the_process_that_started_it() -> None:
    environment = {**os.environ, "PYTHONPATH": str(HACK)}
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as owner:
        assert owner.stdout is not None
        program = Path("/proc") / owner.stdout.readline().strip()
        until(lambda: "tied" not in (program / "cmdline").read_text())
        owner.kill()
    until(lambda: not is_running(program))


def test_a_wait_that_is_interrupted_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        child.terminate()
        waited = child.wait

        def interrupt(timeout: float | None = None) -> int:
            if timeout is None:
                return waited()
            raise KeyboardInterrupt

        monkeypatch.setattr(child, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            wait_until_gone(child, 600)
        assert child.returncode is not None


def is_running(program: Path) -> bool:
    try:
        return (program / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "waited 20 s in vain"
        time.sleep(0.02)
