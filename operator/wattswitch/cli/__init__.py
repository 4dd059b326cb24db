"""The command line, a module a command.

`run` the operator, `plan` one decision, `simulate` what it would have done, `bridge` the grid's requests into the
cluster, `report` what months and grid events came to.
"""

import click

from wattswitch import __version__
from wattswitch.cli.bridge import bridge_command
from wattswitch.cli.plan import plan_command
from wattswitch.cli.report import report_command
from wattswitch.cli.run import run_command
from wattswitch.cli.simulate import simulate_command


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Switch watts between Bitcoin miners and AI inference behind one power connection."""


main.add_command(run_command)
main.add_command(plan_command)
main.add_command(simulate_command)
main.add_command(bridge_command)
main.add_command(report_command)
