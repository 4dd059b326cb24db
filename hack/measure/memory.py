"""Resident memory of the operator: empty-handed, then with every target raised by itself and its pods running."""

import asyncio

from measure import machine, objects
from measure.bed import bed
from measure.figures import Figure, Report
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
        report.figures = figures(at_start, at_end, place.board.ready_pods, targets, targets * largest)
        report.details = {"operator_cpu_seconds": cpu, "load": machine.load()}
    return report


def figures(at_start: Resident, at_end: Resident, ready_pods: int, targets: int, wanted_pods: int) -> list[Figure]:
    """What was used, and with how many pods: fewer than asked for say what the cluster held."""
    rule = f"at most 150 MB with {targets} targets and {wanted_pods} pods"
    return [
        Figure("resident", at_end.now_mib, "MiB", TARGET_MIB, rule),
        Figure("resident_peak", at_end.peak_mib, "MiB"),
        Figure("resident_before_pods", at_start.now_mib, "MiB"),
        Figure("ready_pods", ready_pods, "pods"),
    ]
