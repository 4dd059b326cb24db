"""The end of the demo: what the day cost and earned, what the monitor saw, and whether that is a pass."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from play.compare import SHOWN_DIFFERENCES, Comparison
from play.ledger import Account


@dataclass(frozen=True)
class Closing:
    """Everything that is known at the end of a day."""

    title: str
    currency: str
    account: Account
    monitor: Mapping[str, Any]
    replayed: Comparison
    shown: Comparison
    end_state: Mapping[str, int]
    kills: int
    absences: Sequence[tuple[float, float]]
    first_row_seconds: float

    @property
    def came_back(self) -> bool:
        """Whether the operator was back after every kill: while it is away the monitor excuses what stays as it is."""
        return all(math.isfinite(back) for _, back in self.absences)

    @property
    def passed(self) -> bool:
        """Whether nothing passed over the limit, the table told what was decided, and the operator ran at the end."""
        wrong = self.monitor["violation_seconds"] or self.replayed.differences or self.shown.differences
        return self.came_back and not wrong

    def as_json(self) -> dict[str, Any]:
        """The numbers for --json."""
        account = self.account
        return {
            "day": self.title,
            "currency": self.currency,
            "violation_seconds": self.monitor["violation_seconds"],
            "over_seconds": self.monitor["over_seconds"],
            "max_over_watts": self.monitor["max_over_watts"],
            "raises_in_flight": self.monitor["raises_in_flight"],
            "switches": self.monitor["switches"],
            "changes_by_others": self.monitor["changes_by_others"],
            "energy_kwh": round(account.energy_kwh, 3),
            "cost": round(account.cost, 2),
            "revenue": round(account.revenue, 2),
            "mining_revenue": round(account.mining_revenue, 2),
            "inference_revenue": round(account.inference_revenue, 2),
            "profit": round(account.profit, 2),
            "kills": self.kills,
            "came_back": self.came_back,
            "first_row_seconds": round(self.first_row_seconds, 1),
            "decisions": self.replayed.decisions,
            "decisions_that_differ": len(self.replayed.differences),
            "rows": self.shown.rows,
            "rows_that_differ": len(self.shown.differences),
            "end_state": dict(self.end_state),
        }

    def write(self, path: Path) -> None:
        """Write the numbers as JSON."""
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n")

    def lines(self) -> list[str]:
        """The summary for a reader."""
        account, monitor = self.account, self.monitor
        money = f"{self.currency} {{:,.2f}}".format
        earned = f"mining {account.mining_revenue:,.2f}, inference {account.inference_revenue:,.2f}"
        left = f"{monitor['over_seconds']} in all, until pods were gone that a cut or others had left over"
        switches = f"{monitor['switches']} by the operator, {monitor['changes_by_others']} by others"
        lines = [
            f"{'day':26}{self.title}",
            f"{'energy':26}{account.energy_kwh:,.0f} kWh",
            f"{'cost of energy':26}{money(account.cost)}",
            f"{'revenue':26}{money(account.revenue)}, {earned}",
            f"{'profit':26}{money(account.profit)}",
            f"{'changes of size':26}{switches}",
            f"{'seconds over the limit':26}{monitor['violation_seconds']} by our doing; {left}",
            f"{'decisions replayed':26}{self.replayed.decisions}, {len(self.replayed.differences)} differ",
            f"{'rows held against plans':26}{self.shown.rows}, {len(self.shown.differences)} differences",
        ]
        if not self.came_back:
            lines.append("ABSENT at the end: the operator has not answered since it was killed")
        violating = [second for second in monitor["seconds"] if second["why"]][:SHOWN_DIFFERENCES]
        lines += [f"VIOLATION at {s['second']}: {s['over_watts']} W over, {s['why']}" for s in violating]
        lines += [f"DIFFERENT {text}" for text in (*self.replayed.differences, *self.shown.differences)][
            :SHOWN_DIFFERENCES
        ]
        return lines
