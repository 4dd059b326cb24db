"""The figures of the queueing benchmark as tables in Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

HEAD = (
    "| load | arm | mean wait | p95 wait | mean completion | p95 completion | waits shorter | done sooner |"
    " preempted | mining given up, $ a year |"
)
CHANGED_HEAD = "| what is changed | mean wait A | mean wait C | waits shorter | done sooner | preempted A, C |"


def told(details: Mapping[str, Any]) -> Iterator[str]:
    """Every table, line by line."""
    for name in ("curve", "second_trace"):
        if name in details:
            yield from curve_lines(details[name])
    if "grid" in details:
        yield from grid_lines(details["grid"])
    for name in ("what_matters", "smaller_sites"):
        if name in details:
            yield from changed_lines(details[name])


def curve_lines(curve: Mapping[str, Any]) -> Iterator[str]:
    """One row for each load and arm; ratios are against arm A."""
    site = curve["site"]
    yield ""
    gpus = f"{site['share_gpus']} GPUs in the static share, {site['gpus']} in all"
    yield f"{curve['trace']}: {curve['jobs']} jobs, {gpus}"
    yield ""
    yield HEAD
    yield "|---" * (HEAD.count("|") - 1) + "|"
    for point in curve["points"]:
        for name, arm in point["arms"].items():
            ratios = point["ratios"].get(f"A/{name}")
            yield _arm_line(point["load"], name, arm, ratios)


def grid_lines(grid: list[Mapping[str, Any]]) -> Iterator[str]:
    """One row for each number of GPUs beyond the share, one column for each load: A against C."""
    loads = sorted({case["load"] for case in grid})
    yield ""
    yield "| GPUs beyond the share | " + " | ".join(f"load {load}" for load in loads) + " |"
    yield "|---" * (len(loads) + 1) + "|"
    for percent in sorted({case["beyond_percent"] for case in grid}):
        cells = [case["ratios"]["A/C"] for case in grid if case["beyond_percent"] == percent]
        yield f"| {percent} % | " + " | ".join(", ".join(_ratio_cells(each)) for each in cells) + " |"


def changed_lines(cases: list[Mapping[str, Any]]) -> Iterator[str]:
    """One row for each case: A against C."""
    yield ""
    yield CHANGED_HEAD
    yield "|---" * (CHANGED_HEAD.count("|") - 1) + "|"
    for case in cases:
        first, second = case["arms"]["A"], case["arms"]["C"]
        cells = [
            case["title"],
            *(duration(arm and arm["mean_wait_seconds"]) for arm in (first, second)),
            *_ratio_cells(case["ratios"]["A/C"]),
            ", ".join(str(arm["preemptions"]) if arm else "-" for arm in (first, second)),
        ]
        yield f"| {' | '.join(cells)} |"


def _arm_line(load: float, name: str, arm: Mapping[str, Any] | None, ratios: Mapping[str, Any] | None) -> str:
    if arm is None:
        return f"| {load} | {name} | the queue grows for ever |" + " |" * 7
    cells = [
        str(load),
        name,
        *(duration(arm[f"{what}_seconds"]) for what in ("mean_wait", "p95_wait", "mean_completion", "p95_completion")),
        *_ratio_cells(ratios),
        str(arm["preemptions"]),
        _money(name, arm),
    ]
    return f"| {' | '.join(cells)} |"


def _ratio_cells(ratios: Mapping[str, Any] | None) -> tuple[str, str]:
    if not ratios:
        return "", ""
    wait, sooner = ratios["wait"], ratios["completion_reduction_percent"]
    return (
        f"{_times(wait['value'])} ({_times(wait['low'])} to {_times(wait['high'])})",
        f"{_percent(sooner['value'])} ({_percent(sooner['low'])} to {_percent(sooner['high'])})",
    )


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds is None:
        return "-"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _money(name: str, arm: Mapping[str, Any]) -> str:
    """Mining income given up; without a cap nothing is, and there is no split to hold it against."""
    given = arm["mining_given_up_per_year"]
    return "-" if name == "E" or given is None else f"{given:,.0f}"


def _times(value: float | None) -> str:
    return "∞" if value is None else f"{value:.2f} ×"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"
