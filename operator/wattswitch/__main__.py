"""`python -m wattswitch`."""

from wattswitch.cli import main

main()
