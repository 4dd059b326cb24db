"""The command `hack/demo`: a day of a site in minutes, an operator, a monitor that does not trust it, and a bill."""

import argparse
import contextlib
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

from local import programs
from local.api import ApiError
from local.cluster import export_line
from local.progress import step
from play import compare, day, ledger, script, site
from play.day import Occasion, Player
from play.faults import FAULTS
from play.feedserver import FeedServer
from play.report import Closing
from play.script import Script
from play.series import STEPS, SeriesError
from play.stage import Stage
from play.table import Display, Row, display, read_row

SPEED = 480.0
DELETED, CROWDED = "summaries", "s19j"
POLL_SECONDS = 0.1
DWELLS_HELD = 2
DYING_SECONDS = 15.0
"""For pods that die in real time, up to 10 s (hack/local/stages.yaml), and for what then rises in their place."""
SETTLE_SECONDS = 25.0
"""How long the operator may take after a kill until it raises: its start, and 2 s and 0.1 s for each of the site's 154
pods, in which something asked for before the kill may still arrive (SETTLE_SECONDS in wattswitch/engine/books.py)."""
ROW_AT = 0.9
"""Part of a step after which its row is read: the feeds are polled once a second."""
WRONG_USE, INTERRUPTED = 2, 130


def main() -> int:
    """Play a day; 0 where the monitor saw no violation and the table told what was decided, else 1."""
    chosen = _parser().parse_args()
    try:
        written = script.write(chosen.prices, chosen.start, chosen.demand)
    except SeriesError as problem:
        print(problem, file=sys.stderr)
        return WRONG_USE
    signal.signal(signal.SIGTERM, _end)
    programs.ensure_all()
    folder = Path(tempfile.mkdtemp(prefix="wattswitch-demo-"))
    try:
        passed = Demo(chosen, written, folder).run()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as problem:  # noqa: BLE001 - whatever it was, the day was not watched to its end
        print(f"the demo failed: {problem}\nlogs: {folder}", file=sys.stderr)
        return 1
    if passed:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    print(f"logs, records and timeline: {folder}", file=sys.stderr)
    return 1


class Demo:
    """One run of the demo."""

    def __init__(self, chosen: argparse.Namespace, written: Script, folder: Path) -> None:
        self._chosen, self._script, self._folder = chosen, written, folder
        self._began = time.monotonic()
        self._first_row_seconds = 0.0
        self._player = Player(chosen.speed, round(chosen.hours * STEPS / 24))
        self._rows: list[Row] = []

    def run(self) -> bool:
        """Start everything, play the day, tell what came of it, and return whether that is a pass."""
        clock = self._player.clock
        lasts = _duration(clock.steps * clock.step_seconds)
        pace = f"five minutes in {clock.step_seconds:.2f} s, {self._chosen.hours:g} h in {lasts}"
        print(f"{self._script.title}; {pace}", flush=True)
        with contextlib.closing(FeedServer(self._script.feeds(lambda: self._player.step))) as feeds:
            manifests = site.load(self._script.filling(feeds.url))
            applied = [site.hastened(manifest, self._chosen.speed) for manifest in manifests]
            with Stage(self._folder, applied, self._chosen.fault or "") as stage:
                print(f"to look around while it runs: {_export(stage)}", file=sys.stderr, flush=True)
                self._play(stage, applied)
                with step("the day is over, its last step stays until the site is at rest"):
                    _hold(stage, _hold_seconds(applied, was_killed=bool(self._chosen.kill)))
                with step("the bill, and every decision once more"):
                    closing = self._close(stage, manifests)
                self._tell(stage, closing)
        return closing.passed

    def _play(self, stage: Stage, applied: list[site.Manifest]) -> None:
        with contextlib.closing(display(self._script.currency)) as shown:
            self._player.play(self._agenda(stage, applied, shown), shown.note, stage.check)

    def _agenda(self, stage: Stage, applied: list[site.Manifest], shown: Display) -> Iterator[Occasion]:
        def restart() -> None:
            stage.operator.kill()
            stage.operator.start()

        deployments = {m["metadata"]["name"]: m for m in applied if m["kind"] == "Deployment"}
        cap_watts = next(m["spec"]["capWatts"] for m in applied if m["kind"] == "PowerBudget")
        start = self._script.prices.start
        for number in range(self._player.clock.steps):
            yield Occasion(number, "", partial(self._begin, number))
            yield Occasion(number + ROW_AT, "", partial(self._show, number, stage, shown))
        yield from day.happenings(stage.server, start, cap_watts, deployments[DELETED], deployments[CROWDED])
        yield from day.kills(self._chosen.kill, self._chosen.seed, start, restart, self._player.clock.steps)

    def _begin(self, number: int) -> None:
        self._player.step = number

    def _show(self, number: int, stage: Stage, shown: Display) -> None:
        clock = day.time_of_day(number, self._script.prices.start)
        row = read_row(stage.server, site.BUDGET, number, clock, time.time)
        self._rows.append(row)
        shown.row(row)
        self._first_row_seconds = self._first_row_seconds or time.monotonic() - self._began

    def _close(self, stage: Stage, manifests: list[site.Manifest]) -> Closing:
        seen = stage.monitor.finish()
        decisions = compare.read(stage.operator.records)
        demand = {name: played.values for name, played in self._script.demand.items()}
        account = ledger.settle(
            ledger.read_timeline(stage.monitor.timeline, site.BUDGET),
            self._player.clock,
            self._script.prices_per_mwh,
            ledger.earners(manifests, script.HASHPRICE, script.GPU_HOUR, demand),
        )
        absences = stage.operator.absences()
        return Closing(
            title=self._script.title,
            currency=self._script.currency,
            account=account,
            monitor=seen,
            replayed=compare.replay(decisions),
            shown=compare.rows_against_plans(self._rows, decisions, absences),
            end_state=_sizes(stage, manifests),
            kills=stage.operator.starts - 1,
            absences=absences,
            first_row_seconds=self._first_row_seconds,
        )

    def _tell(self, stage: Stage, closing: Closing) -> None:
        print()
        print(stage.cluster.kubectl("get", "wattswitch", "-A"))
        for line in closing.lines():
            print(line, flush=True)
        if self._chosen.json:
            closing.write(self._chosen.json)
        if self._chosen.keep:
            _stay(stage)


def _hold_seconds(applied: list[site.Manifest], *, was_killed: bool) -> float:
    """How long the last step goes on, so that the site is where it was heading."""
    held = DWELLS_HELD * site.longest_dwell_seconds(applied) + DYING_SECONDS
    return held + (SETTLE_SECONDS if was_killed else 0)


def _hold(stage: Stage, seconds: float) -> None:
    """Leave the last step in force."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        stage.check()
        time.sleep(POLL_SECONDS)


def _sizes(stage: Stage, manifests: list[site.Manifest]) -> dict[str, int]:
    """The size that each Deployment of the site is asked for; one that its tenant has deleted is left out."""
    sizes = {}
    for manifest in manifests:
        if manifest["kind"] != "Deployment":
            continue
        try:
            sizes[manifest["metadata"]["name"]] = stage.server.get(site.path_of(manifest))["spec"]["replicas"]
        except ApiError as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
    return sizes


def _stay(stage: Stage) -> None:
    """Go on with the last step for whoever wants to look around."""
    print(f"\nThe last step goes on until Ctrl-C. In another terminal:\n{_export(stage)}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            stage.cluster.check()
            stage.operator.check()
            time.sleep(POLL_SECONDS)


def _export(stage: Stage) -> str:
    """What to type in another shell, where kubectl need not be installed."""
    line = export_line(stage.cluster.directory)
    if shutil.which("kubectl"):
        return line
    return f"{line} PATH={shlex.quote(str(programs.find('kubectl').parent))}:$PATH"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _end(*_: object) -> NoReturn:
    """End as Ctrl-C does, so that every program is stopped."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/demo", description=__doc__)
    parser.add_argument("--prices", metavar="FILE:COLUMN", help="CSV with a time column; a synthetic day without it")
    parser.add_argument("--from", dest="start", metavar="TIME", help="first moment of the day, 2024-05-08T00:00Z")
    parser.add_argument(
        "--demand", metavar="FILE:COLUMN", help="demand of the chat service, its peak 25 replicas' work"
    )
    parser.add_argument("--speed", type=_speed, default=SPEED, help="how many times faster than life (%(default)g)")
    parser.add_argument("--hours", type=_hours, default=24.0, help="how much of the day to play (%(default)g)")
    parser.add_argument("--keep", action="store_true", help="go on after the day, for kubectl")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the closing numbers")
    parser.add_argument("--kill", type=int, default=0, metavar="N", help="kill the operator at N random moments")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--fault", choices=["none", *FAULTS], help="a broken operator, which must make the demo fail")
    return parser


def _speed(text: str) -> float:
    speed = float(text)
    if not 1 <= speed <= SPEED * 2:
        raise argparse.ArgumentTypeError(f"between 1 and {SPEED * 2:g}: pods need real seconds to die")
    return speed


def _hours(text: str) -> float:
    hours = float(text)
    if not 1 <= hours <= 24:
        raise argparse.ArgumentTypeError("between 1 and 24")
    return hours
