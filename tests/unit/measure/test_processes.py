import os
from pathlib import Path

import pytest

from measure import machine
from measure.memory import figures
from measure.subject import Resident, cpu_seconds, resident


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


@pytest.mark.parametrize(("mib", "met"), [(143.0, True), (143.1, False)])
def test_the_most_memory_that_it_ever_had_is_held_against_150_megabytes(mib: float, *, met: bool) -> None:
    found = {figure.name: figure for figure in figures("rule", Resident(80, 80), Resident(130, mib), 10_000)}
    assert found["resident"].met is True
    assert found["resident_peak"].met is met


def test_memory_with_fewer_pods_than_asked_for_meets_nothing() -> None:
    found = {figure.name: figure for figure in figures("rule", Resident(80, 80), None, 3000)}
    assert (found["resident"].met, found["resident_peak"].met) == (False, False)
    assert found["ready_pods"].value == 3000
