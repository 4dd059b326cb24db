"""Resident memory of the operator: empty-handed, then with every target raised by itself and its pods running."""

import asyncio
from dataclasses import asdict

from measure import machine, objects
from measure.bed import bed
from measure.figures import UNFINISHED, Figure, Report
from measure.progress import say
from measure.subject import Resident

TARGET_MIB = 150e6 / 2**20
"""150 MB."""
SETTLE_SECONDS = 45.0
"""More than one full re-list, which is when most memory is needed."""


async def measure(targets: int, pods: int, patience: float) -> Report:
    """Have the operator raise everything from nothing, and look at its memory before and after."""
    largest = max(1, round(pods / targets))
    async with bed(targets, largest=largest, start=objects.ALL_OFF, replicas=0) as place:
        async with place.operator() as operator:
            await asyncio.sleep(5)
            at_start = operator.resident
            place.board.expect(objects.sizes(objects.ALL_ON, targets, largest))
            await place.feed.flip(objects.ALL_ON)
            say(f"memory: waiting up to {patience:g} s for {targets * largest} pods")
            finished = await place.board.finished(patience)
            if finished is None:
                say(f"memory: only {place.board.ready_pods} of {place.board.pods} pods are ready")
            await asyncio.sleep(SETTLE_SECONDS)
            at_end, cpu = operator.resident, operator.cpu_seconds
        report = Report("memory", {"targets": targets, "pods": targets * largest, "patience": patience})
        rule = f"at most 150 MB with {targets} targets and {targets * largest} pods"
        used = at_end if finished is not None else None
        report.figures = figures(rule, at_start, used, place.board.ready_pods)
        report.details = {"at_end": asdict(at_end), "operator_cpu_seconds": cpu, "load": machine.load()}
    return report


def figures(rule: str, at_start: Resident, with_all_pods: Resident | None, ready_pods: int) -> list[Figure]:
    """What was used in the end and at most, both held against the target; None where not all pods became ready."""
    used = with_all_pods or Resident(UNFINISHED, UNFINISHED)
    return [
        Figure("resident", used.now_mib, "MiB", TARGET_MIB, rule),
        Figure("resident_peak", used.peak_mib, "MiB", TARGET_MIB, rule),
        Figure("resident_before_pods", at_start.now_mib, "MiB"),
        Figure("ready_pods", ready_pods, "pods"),
    ]
