"""`steps.csv`: every step of every workload, a row each."""

import math
from pathlib import Path
from typing import Final

from wattswitch.simulate.inputs import Inputs
from wattswitch.simulate.run import Run
from wattswitch.simulate.series import write_moment
from wattswitch.simulate.site import SiteModel

HEADER: Final = "time,price_per_mwh,limit_watts,committed_watts,workload,replicas,reason\n"

_ROWS_AT_ONCE: Final = 20_000


def write_steps(path: Path, site: SiteModel, inputs: Inputs, run: Run) -> None:
    """Write the file. Prices are with the adder, blank where unknown; watts are the most of the step.

    `replicas` are the mean of the step, weighted by time, so that energy can be added up from them; `reason` is that of
    the step's last decision.
    """
    rows = zip(
        inputs.times.tolist(),
        inputs.price_per_mwh.tolist(),
        inputs.limit_watts.tolist(),
        run.committed_watts.tolist(),
        run.spells.mean.tolist(),
        run.reasons.tolist(),
        strict=True,
    )
    keys, words = [model.key for model in site.workloads], run.words
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        lines: list[str] = []
        for at, price, limit, committed, sizes, reasons in rows:
            head = f"{write_moment(at)},{'' if math.isnan(price) else f'{price:.6g}'},{limit},{committed},"
            lines += [f"{head}{key},{n:.6g},{words[w]}\n" for key, n, w in zip(keys, sizes, reasons, strict=True)]
            if len(lines) >= _ROWS_AT_ONCE:
                file.write("".join(lines))
                lines.clear()
        file.write("".join(lines))
