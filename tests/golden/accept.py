"""Record anew what the planner decides for every case: `python tests/golden/accept.py`, then read the difference."""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER.parent), str(FOLDER.parent.parent / "operator")]

from golden.cases import CASES  # noqa: E402
from wattswitch.planner import plan  # noqa: E402
from wattswitch.planner.record import to_line  # noqa: E402


def main() -> None:
    for old in FOLDER.glob("*.jsonl"):
        old.unlink()
    for reason, state in CASES.items():
        (FOLDER / f"{reason}.jsonl").write_text(to_line(state, plan(state)) + "\n")


if __name__ == "__main__":
    main()
