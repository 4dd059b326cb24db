"""What `kubectl get` and `kubectl describe` say about one workload, for every reason there is.

The file beside this one is for reading: would somebody understand it at three in the morning? After a change of words,
run these tests with WATTSWITCH_ACCEPT=1 and read the difference.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from golden.cases import CASES
from unit.engine.site_objects import (
    INFERENCE,
    MINING,
    Stage,
    autoscaler_raw,
    namespace_raw,
    pool_raw,
    reading,
    service_raw,
    target_raw,
)
from unit.engine.targets import empty_book
from wattswitch.engine import report
from wattswitch.engine.observe import Observation
from wattswitch.engine.roster import Entry
from wattswitch.planner import plan
from wattswitch.planner.model import Plan, Reason, SiteState

GOLDEN = Path(__file__).parent / "columns.txt"
_BY_PLANNER = set(CASES) - {Reason.HARDWARE_UNKNOWN, Reason.STOPPING}
"""The others are told in the words of the problem itself, or of objects that are gone."""
COLUMNS = ("replicasText", "grantedText", "kilowatts", "strike")


def planned(state: SiteState) -> str:
    """The row of the workload `told` of a site that exists only for the planner."""
    workload = next(each for each in state.workloads if each.key == "told")
    metadata = {"name": "told", "namespace": "ns", "uid": "u"}
    entry = Entry("told", workload.kind, {"metadata": metadata}, ("Deployment", "ns", "told"))
    observation = Observation(state, (entry,), {"told": empty_book()}, ())
    return row("told", observation, plan(state))


def seen(stage: Stage, name: str = "s21", raise_gate: str = "") -> str:
    """The row of one workload of a site that the API server shows."""
    observation = stage.look(raise_gate=raise_gate)
    return row(name, observation, plan(observation.state))


def row(name: str, observation: Observation, decision: Plan) -> str:
    subject = next(each for each in report.subjects(observation, decision) if each.entry.name == name)
    status = report.workload_status(subject, observation.state, decision)
    findings = report.workload_findings(subject, observation.state)
    shown = [f"{column}={status[column]}" for column in COLUMNS if column in status]
    ready = findings[0]
    summary = f"Ready={ready.holds} {ready.reason}"
    return "\n".join([f"{status['reason']}: {' '.join(shown)} {summary}".rstrip(), f"    {status['message']}"])


def unknown_worth() -> str:
    stage = Stage(pool_raw(worth={"feed": "nobody"}), target_raw(replicas=3))
    return seen(stage)


def stale_hashprice() -> str:
    stage = Stage(pool_raw(worth={"feed": "hashprice"}), target_raw(replicas=3))
    stage.feeds.readings["hashprice"] = reading(38.2, "Frozen")
    return seen(stage)


def removed_hardware() -> str:
    stage = Stage(pool_raw(), target_raw(replicas=4))
    stage.look()
    stage.set_budget(hardware=[])
    return seen(stage)


def unreadable_since() -> str:
    stage = Stage(pool_raw(), target_raw(replicas=4))
    stage.look()
    stage.put(pool_raw(replicas={"min": 0, "max": "ten"}))
    return seen(stage)


def advised() -> str:
    return seen(Stage(pool_raw(), target_raw(replicas=4), mode="Advise"))


def advised_under_surge() -> str:
    target = target_raw(replicas=4, strategy={"type": "RollingUpdate"})
    return seen(Stage(pool_raw(), target, mode="Advise", capWatts=30_000))


def another_hand() -> str:
    stage = Stage(pool_raw(), target_raw(replicas=4))
    stage.look()
    stage.put(target_raw(replicas=9, alive=4, manager="kubectl-scale"))
    return seen(stage)


def claimed() -> str:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "s21"}
    return seen(Stage(pool_raw("older", targetRef=reference), target_raw(), pool_raw(created="2026-03-01T00:00:00Z")))


def autoscaled() -> str:
    return seen(Stage(pool_raw(), target_raw(replicas=4), autoscaler_raw("ScaledObject", MINING, name="s21")))


def stateful() -> str:
    reference = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s21"}
    return seen(Stage(pool_raw(targetRef=reference), target_raw(kind="StatefulSet")))


def gated(reason: Reason) -> Callable[[], str]:
    return lambda: seen(Stage(pool_raw(), target_raw(replicas=4)), raise_gate=str(reason))


def pool(target: dict[str, Any] | None = None, *more: dict[str, Any], **spec: Any) -> Callable[[], str]:
    return lambda: seen(Stage(pool_raw(**spec), *([target] if target else []), *more))


def service(target: dict[str, Any], **spec: Any) -> Callable[[], str]:
    return lambda: seen(Stage(service_raw(**spec), target), "llama")


SEEN: dict[str, Callable[[], str]] = {
    "at its maximum, in Advise mode": advised,
    "below the limit with surge, in Advise mode": advised_under_surge,
    "inference with demand": service(
        target_raw("llama", INFERENCE, replicas=2, gpus=1), demand={"feed": "queue", "perReplica": "1"}
    ),
    "raised by another hand": another_hand,
    "parent missing": gated(Reason.PARENT_UNKNOWN),
    "cluster not re-listed": gated(Reason.VIEW_STALE),
    "ledger not written": gated(Reason.LEDGER_UNWRITTEN),
    "budget not readable": gated(Reason.INVALID_SPEC),
    "scaled by an autoscaler too": autoscaled,
    "without a target": pool(),
    "ordered StatefulSet": stateful,
    "target of an older workload": claimed,
    "namespace of nobody": pool(target_raw(), namespace_raw(MINING)),
    "too loud": pool(target_raw(replicas=4), priority=900),
    "hardware of nobody": pool(target_raw(), hardware="s99"),
    "hardware removed while it runs": removed_hardware,
    "eight GPUs where one is declared": service(target_raw("llama", INFERENCE, replicas=2, gpus=8)),
    "feed of nobody": unknown_worth,
    "hashprice that stands still": stale_hashprice,
    "spec never readable": pool(target_raw(), replicas={"min": 0, "max": "ten"}),
    "spec not readable any more": unreadable_since,
    "unknown field": pool(target_raw(replicas=4), colour="red"),
}


def rendered() -> str:
    parts = [f"# {reason}, as planned\n{planned(state)}" for reason, state in CASES.items() if reason in _BY_PLANNER]
    parts += [f"# {title}\n{show()}" for title, show in SEEN.items()]
    return "\n\n".join(parts) + "\n"


def test_every_row_reads_as_it_was_accepted() -> None:
    if os.environ.get("WATTSWITCH_ACCEPT"):
        GOLDEN.write_text(rendered())
    assert rendered() == GOLDEN.read_text()


def test_every_reason_has_a_row_and_a_sentence() -> None:
    lines = GOLDEN.read_text().splitlines()
    rows = [line for line in lines if line and not line.startswith((" ", "#"))]
    told = {line.partition(":")[0] for line in rows}
    assert set(Reason) - told == {Reason.BUDGET_MISSING, Reason.STOPPING, Reason.STARTING}, (
        "told of objects that have no row"
    )
    sentences = [line.strip() for line in lines if line.startswith("    ")]
    assert len(sentences) == len(rows)
    assert [sentence for sentence in sentences if " " not in sentence] == []
