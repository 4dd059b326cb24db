"""The checks that need no cluster, each run even where another one failed."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = Path(sys.prefix) / "bin"


@dataclasses.dataclass(frozen=True)
class Check:
    """One check: what it is called, what it runs, and what repairs what it finds."""

    name: str
    command: tuple[str, ...]
    repair: tuple[str, ...] = ()


def main() -> int:
    """Run the checks and return 1 where one failed; --fix repairs first what can be repaired."""
    if "--fix" in sys.argv[1:]:
        for check in _checks():
            if check.repair:
                subprocess.run(check.repair, cwd=CHECKOUT, check=False)
    return 1 if failures() else 0


def failures() -> list[str]:
    """Run the checks and return the names of those that failed."""
    return [check.name for check in _checks() if not _passes(check)]


def _checks() -> list[Check]:
    scripts = _scripts()
    ruff, python = str(PROGRAMS / "ruff"), sys.executable
    checks = [
        Check("format", (ruff, "format", "--check", ".", *scripts), (ruff, "format", ".", *scripts)),
        Check("lint", (ruff, "check", ".", *scripts), (ruff, "check", "--fix", ".", *scripts)),
        Check("types", (python, "-m", "mypy")),
        Check("layers", (str(PROGRAMS / "lint-imports"),)),
    ]
    generate = CHECKOUT / "hack" / "generate"
    if generate.exists():
        checks.append(Check("generated files", (str(generate), "--check"), (str(generate),)))
    return checks


def _scripts() -> list[str]:
    """Python scripts without a suffix, which the tools do not find by themselves."""
    files = (file for file in (CHECKOUT / "hack").iterdir() if file.is_file() and not file.suffix)
    return [str(file.relative_to(CHECKOUT)) for file in sorted(files) if _is_python(file)]


def _is_python(file: Path) -> bool:
    with file.open("rb") as content:
        first_line = content.readline()
    return first_line.startswith(b"#!") and b"python" in first_line


def _passes(check: Check) -> bool:
    print(f"── {check.name}", flush=True)
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(check.command, cwd=CHECKOUT, env=environment, check=False).returncode == 0
