"""The command `hack/bench`: JSON on standard output, progress on standard error, exit code 0 whatever the figures."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from measure import machine
from measure.figures import Report

INTERRUPTED = 130


def main() -> int:
    """Run one benchmark and print what it found."""
    chosen = _parser().parse_args()
    _end_in_order()
    try:
        surroundings = machine.described()
        report = chosen.measure(chosen)
    except KeyboardInterrupt:
        return INTERRUPTED
    report.machine = {**surroundings, "load_after": machine.load()}
    text = json.dumps(report.document(), indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0


def _end_in_order() -> None:
    """Take SIGTERM as Ctrl-C, which a shell in the background ignores: nothing of ours may be left running."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/bench", description=__doc__)
    benchmarks = parser.add_subparsers(required=True, metavar="BENCHMARK")
    reaction = _add(benchmarks, "reaction", _reaction, "from the price to the last write and the last pod")
    reaction.add_argument("--targets", type=_pair, default=200, help="Deployments, one pool each; at least 2")
    reaction.add_argument("--repeats", type=_count, default=5, help="flips of each direction")
    _add_rates(reaction)
    idle = _add(benchmarks, "idle", _idle, "what the operator writes and asks for while nothing happens")
    idle.add_argument("--targets", type=_count, default=200, help="Deployments, one pool each")
    idle.add_argument("--seconds", type=_count, default=60, help="length of the window")
    decision = _add(benchmarks, "decision", _decision, "the time of one plan()")
    decision.add_argument("--workloads", type=_count, nargs="+", default=[10, 100, 1000, 10_000])
    decision.add_argument("--seconds", type=_count, default=10, help="time to spend on each size")
    decision.add_argument("--seed", type=int, default=1)
    memory = _add(benchmarks, "memory", _memory, "resident memory of the operator")
    memory.add_argument("--targets", type=_count, default=1000, help="Deployments, one pool each")
    memory.add_argument("--pods", type=_count, default=10_000, help="pods that all of them have")
    memory.add_argument("--patience", type=_count, default=600, help="seconds to wait for the pods")
    shed = _add(benchmarks, "shed", _shed, "from the grid's event to the last write and to watts under its limit")
    shed.add_argument("--miners", type=_pair, default=500, help="pods of pools, 50 to a Deployment; at least 2")
    shed.add_argument("--services", type=_count, default=40, help="pods of inference, 10 to a Deployment")
    shed.add_argument("--repeats", type=_count, default=20, help="events at raised rates of kube-controller-manager")
    shed.add_argument("--slow-repeats", type=_count, default=4, help="events of each urgency at its default rates")
    queueing = _add(benchmarks, "queueing", _queueing, "queues of recorded jobs, watts split for good and switched")
    queueing.add_argument(
        "--trace", type=Path, metavar="FILE", help="a CSV of jobs, in place of those in $WATTSWITCH_DATA"
    )
    queueing.add_argument("--loads", type=_load, nargs="+", default=[0.7, 0.8, 0.9, 0.95], help="of the static share")
    queueing.add_argument("--beyond", type=_percent, default=25, help="%% of GPUs beyond those of the static share")
    queueing.add_argument("--repeats", type=_count, default=2000, help="bootstrap resamples")
    queueing.add_argument("--seed", type=int, default=1)
    queueing.add_argument("--prices", metavar="FILE:COLUMN", help="power prices in USD/MWh, in place of a steady 40")
    queueing.add_argument("--plot", type=Path, metavar="FILE", help="draw the curve here, as SVG")
    return parser


def _add(
    benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    measure: Callable[[argparse.Namespace], Report],
    text: str,
) -> argparse.ArgumentParser:
    parser = benchmarks.add_parser(name, help=text, description=text)
    parser.set_defaults(measure=measure)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON here too")
    return parser


def _add_rates(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--controller-qps",
        type=int,
        default=500,
        help="API rate of kube-controller-manager; 0 leaves it at its own default of 20",
    )


def _count(text: str) -> int:
    return _at_least(1, text)


def _pair(text: str) -> int:
    """Enough for a flip that moves one half down and the other up."""
    return _at_least(2, text)


def _percent(text: str) -> int:
    return _at_least(0, text)


def _load(text: str) -> float:
    load = float(text)
    if not 0 < load < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return load


def _at_least(least: int, text: str) -> int:
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{text} is not at least {least}")
    return number


def _reaction(chosen: argparse.Namespace) -> Report:
    from measure import reaction

    return asyncio.run(reaction.measure(chosen.targets, chosen.repeats, chosen.controller_qps or None))


def _idle(chosen: argparse.Namespace) -> Report:
    from measure import idle

    return asyncio.run(idle.measure(chosen.targets, chosen.seconds))


def _decision(chosen: argparse.Namespace) -> Report:
    from measure import decision

    return decision.measure(chosen.workloads, chosen.seconds, chosen.seed)


def _memory(chosen: argparse.Namespace) -> Report:
    from measure import memory

    return asyncio.run(memory.measure(chosen.targets, chosen.pods, chosen.patience))


def _shed(chosen: argparse.Namespace) -> Report:
    from measure import shed

    return asyncio.run(shed.measure(chosen.miners, chosen.services, chosen.repeats, chosen.slow_repeats))


def _queueing(chosen: argparse.Namespace) -> Report:
    from measure import queueing
    from wattswitch.errors import SpecInvalid

    try:
        return queueing.measure(
            chosen.trace, chosen.loads, chosen.beyond, chosen.repeats, chosen.seed, chosen.prices, chosen.plot
        )
    except SpecInvalid as problem:
        sys.exit(f"hack/bench queueing: {problem}")
