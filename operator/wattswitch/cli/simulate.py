"""`wattswitch simulate`: recorded series on a model site, or a recorded operator run decided again."""

from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from wattswitch.cli.options import named_values, told
from wattswitch.cli.table import console

if TYPE_CHECKING:
    from wattswitch.simulate.summary import Result


UTC: Final = "UTC"

DRAWN_PER_SECOND: Final = 3
"""How often the progress is drawn: each time takes milliseconds from the simulation."""

CUT: Final = "; the last line is cut short and left out"


@click.command("simulate")
@click.argument("site_files", metavar="SITE.yaml...", nargs=-1, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--prices", metavar="FILE:COLUMN", help="Recorded prices; the file needs a `time` column, RFC 3339 or Unix seconds."
)
@click.option("--outlook", metavar="FILE:COLUMN", help="The curve published ahead, such as day-ahead prices.")
@click.option(
    "--outlook-known",
    default="13:00",
    metavar="HH:MM",
    show_default=True,
    help="When the curve of a day is published, on the day before.",
)
@click.option(
    "--time-zone",
    metavar="ZONE",
    help="Zone of that time and of those days, such as America/Chicago; also that of the report, UTC without it.",
)
@click.option(
    "--feed",
    "feeds",
    multiple=True,
    metavar="NAME=FILE:COLUMN",
    help="What a feed of the budget said; NAME/namespace/workload for one workload alone.",
)
@click.option(
    "--jobs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recorded GPU jobs, to be queued on the site: all of them, whatever the period.",
)
@click.option(
    "--from", "start", metavar="TIME", help="First moment, such as 2024-05-08T00:00Z; UTC where it names no zone."
)
@click.option("--to", "end", metavar="TIME", help="Last moment, in UTC where it names no zone.")
@click.option("--step", type=click.FloatRange(min=1), metavar="SECONDS", help="Step; that of the prices without it.")
@click.option(
    "--price-delay", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="How late each price is seen."
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME",
    help="A baseline to compare with, or `none`; all of them without it.",
)
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Write every decision to this file.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="STATES.jsonl",
    help="Decide every line again that `wattswitch run --record` wrote, and compare.",
)
def simulate_command(
    site_files: tuple[Path, ...],
    prices: str | None,
    outlook: str | None,
    outlook_known: str,
    time_zone: str | None,
    feeds: tuple[str, ...],
    jobs: Path | None,
    start: str | None,
    end: str | None,
    step: float | None,
    price_delay: float,
    policies: tuple[str, ...],
    record: Path | None,
    out: Path | None,
    replay: Path | None,
) -> None:
    """Try a site on recorded history, without a cluster.

    SITE.yaml are the resources that the cluster takes. Decides as the operator does, step by step, and writes
    steps.csv, summary.json and report.html into the folder of --out: what it did and why, what that earned, and what
    simpler rules and perfect foresight would have.
    """
    if replay is not None:
        _refuse_beside_replay()
        _replay(replay)
        return
    if not site_files:
        raise click.UsageError("name the YAML files of a site")
    if out is None:
        raise click.UsageError("say where the results go: add --out DIR")
    if outlook is not None and time_zone is None:
        message = "--outlook needs the zone in whose days it is published: add --time-zone, such as America/Chicago"
        raise click.UsageError(message)
    from wattswitch.simulate.grid import Period  # noqa: PLC0415  (slow to import)
    from wattswitch.simulate.inputs import Recorded  # noqa: PLC0415
    from wattswitch.simulate.series import read_moment, read_series  # noqa: PLC0415
    from wattswitch.simulate.session import Asked, simulate  # noqa: PLC0415
    from wattswitch.simulate.site import read_site  # noqa: PLC0415

    with told(), _Bar() as bar:
        named = named_values("--feed", feeds, "NAME=FILE:COLUMN")
        bar.begin("reading", None)
        site = read_site(site_files)
        recorded = Recorded(
            price=None if prices is None else read_series(prices),
            outlook=None if outlook is None else read_series(outlook),
            feeds={name: read_series(reference) for name, reference in named.items()},
            time_zone=time_zone or UTC,
            outlook_known=_clock(outlook_known),
            price_delay_seconds=price_delay,
        )
        period = Period(None if start is None else read_moment(start), None if end is None else read_moment(end), step)
        facts = tuple(_facts(site_files, prices, outlook, feeds))
        result = simulate(site, recorded, period, Asked(out, policies, record, jobs, facts), bar)
    _tell(result, out)


def _refuse_beside_replay() -> None:
    """Refuse what a replay would have to ignore."""
    context = click.get_current_context()
    given = [
        each
        for each in context.command.params
        if each.name != "replay" and context.get_parameter_source(each.name or "") is ParameterSource.COMMANDLINE
    ]
    if given:
        names = ", ".join(each.opts[0] if isinstance(each, click.Option) else "SITE.yaml" for each in given)
        raise click.UsageError(f"--replay decides recorded states again: leave out {names}")


def _clock(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007  (a time of day in any zone)
    except ValueError as error:
        raise click.UsageError(f"--outlook-known: {text!r} is no time of day: write it as 13:00") from error


def _facts(
    site_files: tuple[Path, ...], prices: str | None, outlook: str | None, feeds: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """What the run was made from, for the report; files by name, so that no path of this machine is in it."""
    yield "Site", ", ".join(path.name for path in site_files)
    for label, reference in (("Prices", prices), ("Published ahead", outlook)):
        if reference is not None:
            yield label, Path(reference).name
    for feed in feeds:
        name, _, reference = feed.partition("=")
        yield f"Feed {name}", Path(reference).name


class _Bar:
    """A line for each part of the work, on the terminal's error stream, so that tables can be piped."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), refresh_per_second=DRAWN_PER_SECOND)
        self._lines = [_Line(self._progress)]

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            line.finish()
        self._progress.stop()

    def begin(self, what: str, total: int | None) -> None:
        """Start the next part; its length is not known where `total` is None."""
        self._lines[0].begin(what, total)

    def advance(self, done: int) -> None:
        """Say how much of the part is done."""
        self._lines[0].advance(done)

    def beside(self) -> "_Line":
        """Where work that goes on at the same time says how far it is."""
        self._lines.append(_Line(self._progress))
        return self._lines[-1]


class _Line:
    """Parts of the work that follow each other, a line each; what follows a comma shares one."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._name = ""

    def begin(self, what: str, total: int | None) -> None:
        """Start the next part; its length is not known where `total` is None."""
        name = what.partition(",")[0]
        if self._task is None or name != self._name:
            self.finish()
            self._task, self._name = self._progress.add_task(what, total=total), name
        else:
            self._progress.update(self._task, description=what, total=total, completed=0)

    def advance(self, done: int) -> None:
        """Say how much of the part is done."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)

    def finish(self) -> None:
        """The last part is done."""
        if self._task is not None:
            total = next(task.total for task in self._progress.tasks if task.id == self._task) or 1
            self._progress.update(self._task, description=self._name, total=total, completed=total)
            self._task = None


def _tell(result: "Result", out: Path) -> None:
    from wattswitch.simulate.terminal import Comparison  # noqa: PLC0415

    printer = console()
    printer.print(Comparison(result))
    for note in result.notes:
        printer.print(f"note: {note}", markup=False)
    printer.print(f"{out / 'report.html'}  {out / 'summary.json'}  {out / 'steps.csv'}", markup=False, soft_wrap=True)


def _replay(file: Path) -> None:
    from wattswitch.simulate.replay import replay  # noqa: PLC0415

    with told():
        with _Bar() as bar:
            bar.begin("replay", file.stat().st_size)
            decisions, cut = replay(file, bar.advance)
        click.echo(f"{decisions} decisions, every one as recorded{CUT if cut else ''}")
