"""One self-contained HTML page that tells a site manager what a simulated run earned, and why."""

from wattswitch.simulate.report.data import (
    Excerpt,
    Loss,
    NextStep,
    PolicyReport,
    ReportData,
    Role,
    WorkloadReport,
    off_shares,
)
from wattswitch.simulate.report.page import render, write_report

__all__ = [
    "Excerpt",
    "Loss",
    "NextStep",
    "PolicyReport",
    "ReportData",
    "Role",
    "WorkloadReport",
    "off_shares",
    "render",
    "write_report",
]
