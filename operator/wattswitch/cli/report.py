"""`wattswitch report`: what months and grid events came to, from the record that the operator keeps."""

import re
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click

from wattswitch.cli.options import told

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@click.command("report")
@click.option(
    "--store",
    required=True,
    envvar="WATTSWITCH_STORE",
    show_envvar=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the record, the one of `wattswitch run --store`, which may be running.",
)
@click.option("--budget", required=True, metavar="NAME", help="PowerBudget to report on.")
@click.option("--month", "months", multiple=True, metavar="YYYY-MM", help="Month, in the zone of --time-zone.")
@click.option("--event", metavar="NAME", help="One grid event, by its name or reference.")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="NAME",
    help="What the load would have been: 10-of-10-adjusted, 5-of-10, meter-before, meter-before-after, same-day-3-2, "
    "match-day, centerpoint or firm-service-level. The first one counts, others are told beside it; that of the "
    "program's terms without it.",
)
@click.option(
    "--terms",
    "terms_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with what programs ask and pay, credits of months, and holidays.",
)
@click.option(
    "--budget-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with the PowerBudget, whose commitments and coincident peaks count then.",
)
@click.option(
    "--system-load", metavar="FILE:COLUMN", help="Load of the whole grid, for what the site drew in its peaks."
)
@click.option(
    "--time-zone", "zone_name", default="UTC", show_default=True, metavar="ZONE", help="Zone of months, days and times."
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
def report_command(
    store: Path,
    budget: str,
    months: tuple[str, ...],
    event: str | None,
    baselines: tuple[str, ...],
    terms_file: Path | None,
    budget_file: Path | None,
    system_load: str | None,
    zone_name: str,
    out: Path,
) -> None:
    """Settle months, or one grid event.

    Load against baseline and limit, credits, avoided cost, lost income, and what a kWh cost all in. Writes report.html,
    report.json, months.csv, events.csv, intervals.csv and a file for each event into the folder of --out.
    """
    if bool(months) == (event is not None):
        raise click.UsageError("say what to report on: either --month, such as --month 2026-08, or --event NAME")
    asked = tuple(sorted({_month(text) for text in months}))
    zone = _zone(zone_name)
    from wattswitch.cli.settle import Asked, settle, write  # noqa: PLC0415  (slow to import)
    from wattswitch.cli.statements import Statements  # noqa: PLC0415
    from wattswitch.cli.table import console  # noqa: PLC0415

    with told():
        settled = settle(Asked(store, budget, asked, event, baselines, terms_file, budget_file, system_load, zone))
        files = write(settled, out)
    printer = console()
    printer.print(Statements(settled.page))
    for note in settled.notes:
        printer.print(f"note: {note}", markup=False)
    printer.print("  ".join(map(str, files)), markup=False, soft_wrap=True)


def _month(text: str) -> tuple[int, int]:
    found = _MONTH.fullmatch(text)
    if found is None:
        raise click.UsageError(f"--month: {text!r} is no month: write it as 2026-08")
    return int(found[1]), int(found[2])


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"--time-zone: {name!r} is no zone of the IANA database: write it as America/Chicago"
        raise click.UsageError(message) from error
