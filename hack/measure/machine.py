"""The machine under the figures: what it is, and how busy it was before anything of ours ran."""

import os
import platform
import time
from pathlib import Path
from typing import Any

LOOK_SECONDS = 2.0


def described() -> dict[str, Any]:
    """Cores, processor, interpreter, load averages, and the cores that others keep busy, seen over two seconds."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": load(),
        "busy_cores_before": busy_cores(LOOK_SECONDS),
    }


def load() -> list[float]:
    """The load averages of 1, 5 and 15 minutes."""
    return [round(each, 2) for each in os.getloadavg()]


def busy_cores(seconds: float) -> float:
    """Mean number of cores that did anything during the next seconds, whoever for."""
    before = busy_ticks(Path("/proc/stat").read_text())
    time.sleep(seconds)
    after = busy_ticks(Path("/proc/stat").read_text())
    return round((after - before) / os.sysconf("SC_CLK_TCK") / seconds, 2)


def busy_ticks(proc_stat: str) -> int:
    """Ticks that were neither idle nor waiting for a disk, from the first line of /proc/stat (proc(5))."""
    user, nice, system, _, _, irq, softirq, steal = (int(field) for field in proc_stat.split("\n", 1)[0].split()[1:9])
    return user + nice + system + irq + softirq + steal


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
