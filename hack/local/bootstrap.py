"""Puts a hack script into the project's own Python environment, installed from the hashed lock file.

Standard library only, and readable by any Python 3: an interpreter that is too old must still say so.
"""

import hashlib
import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOCK = CHECKOUT / "hack" / "requirements" / "dev.txt"
MARK = "WATTSWITCH_ENVIRONMENT"


def run(module: str) -> int:
    """Enter the environment, and there run the module's `main`."""
    enter()
    exit_code: int = importlib.import_module(module).main()
    return exit_code


def enter() -> None:
    """Return at once inside the environment, otherwise make it and run this script again in it."""
    if sys.version_info < OLDEST_PYTHON:
        _run_with_newer_python()
    environment = _environment_folder()
    if os.environ.get(MARK) == str(CHECKOUT) and environment.exists() and environment.samefile(sys.prefix):
        return
    _require_venv()
    _ensure_installed(environment)
    _run_again(environment / "bin" / "python")


def _run_with_newer_python() -> None:
    for minor in range(OLDEST_PYTHON[1], 20):
        newer = shutil.which(f"python3.{minor}")
        if newer and _runs(newer):
            os.execv(newer, [newer, *sys.argv])  # noqa: S606
    version = platform.python_version()
    sys.exit(f"Python 3.11 or newer is needed, this is {version}: install python3.11 and its venv module")


def _runs(python: str) -> bool:
    """A version manager puts stand-ins on PATH for versions that are not chosen; those fail."""
    return (
        subprocess.run([python, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    )


def _environment_folder() -> Path:
    from local import cache

    identity = f"{platform.python_version()}|{platform.machine()}|{sys.base_prefix}|{sys.implementation.name}"
    key = hashlib.sha256(LOCK.read_bytes() + identity.encode()).hexdigest()[:16]
    return cache.root() / "python" / key


def _require_venv() -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(
            f"Python's {' and '.join(missing)} module is missing. Debian and Ubuntu: apt-get install python3-venv. "
            "Fedora and others: install the full python3 package with pip."
        )


def _ensure_installed(environment: Path) -> None:
    from local import cache

    complete = environment / "complete"
    if complete.exists():
        return
    with cache.locked("python environment"):
        if not complete.exists():
            _install(environment)
            complete.touch()


def _install(environment: Path) -> None:
    from local.progress import step

    packages = sum(1 for line in LOCK.read_text().splitlines() if "==" in line)
    with step(f"python environment: installing {packages} locked packages"):
        _quietly([sys.executable, "-m", "venv", "--clear", str(environment)])
        python = str(environment / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--require-hashes"]
        _quietly([*pip, "--no-deps", "-r", str(LOCK)])


def _quietly(command: "list[str]") -> None:
    outcome = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if outcome.returncode:
        sys.exit(f"{outcome.stdout.decode(errors='replace')[-4000:]}\nfailed: {' '.join(command)}")


def _run_again(python: Path) -> None:
    sources = [str(CHECKOUT / "operator"), str(CHECKOUT / "hack")]
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join([*sources, *(entry for entry in inherited if entry)])
    environment[MARK] = str(CHECKOUT)
    environment["PATH"] = str(python.parent) + os.pathsep + environment.get("PATH", os.defpath)
    sys.stdout.flush()
    os.execve(python, [str(python), *sys.argv], environment)  # noqa: S606
