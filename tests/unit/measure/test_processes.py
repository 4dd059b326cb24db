import os
import time
from pathlib import Path

import pytest

from measure import machine, subject
from measure.memory import figures
from measure.subject import Resident, Subject, cpu_seconds, resident


def test_cpu_seconds_are_user_and_system_time() -> None:
    stat = "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 1000 1 2"
    assert cpu_seconds(stat, 100) == 3.0


def test_resident_memory_now_and_at_its_peak() -> None:
    assert resident("Name:\tpython\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\nThreads:\t4\n") == Resident(100, 200)


def test_the_kernel_says_it_in_this_form() -> None:
    assert cpu_seconds(Path("/proc/self/stat").read_text(), os.sysconf("SC_CLK_TCK")) > 0
    own = resident(Path("/proc/self/status").read_text())
    assert 0 < own.now_mib <= own.peak_mib


def test_waiting_is_not_busy() -> None:
    assert machine.busy_ticks("cpu  100 10 50 9999 8888 3 2 1 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n") == 166


def test_a_suspended_operator_stands_still_until_the_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "tied", lambda _: ["sleep", "60"])
    with Subject(tmp_path / "kubeconfig", tmp_path) as operator:
        with operator.suspended():
            operator.check()
            until_state(operator.pid, stopped=True)
        until_state(operator.pid, stopped=False)


def until_state(pid: int, *, stopped: bool) -> None:
    """Wait until the kernel says that a process is stopped, or that it is not."""
    ends_at = time.monotonic() + 5
    while (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T") != stopped:
        assert time.monotonic() < ends_at
        time.sleep(0.01)


@pytest.mark.parametrize(("mib", "met"), [(143.0, True), (143.1, False)])
def test_the_most_memory_that_it_ever_had_is_held_against_150_megabytes(mib: float, *, met: bool) -> None:
    found = {figure.name: figure for figure in figures("rule", Resident(80, 80), Resident(130, mib), 10_000)}
    assert found["resident"].met is True
    assert found["resident_peak"].met is met


def test_memory_with_fewer_pods_than_asked_for_meets_nothing() -> None:
    found = {figure.name: figure for figure in figures("rule", Resident(80, 80), None, 3000)}
    assert (found["resident"].met, found["resident_peak"].met) == (False, False)
    assert found["ready_pods"].value == 3000
