"""Writes hack/requirements/*.txt: versions and hashes only, no address of an index and no path."""

import subprocess
import sys
import venv
from pathlib import Path

from local import cache
from local.progress import step

CHECKOUT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path("hack/requirements")
OPTIONS = (
    *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-config", "--quiet"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
)


def main() -> int:
    """Lock the operator, the development tools and the Go toolchain."""
    more = sys.argv[1:]
    uv = _uv()
    _lock(uv, "runtime", ["pyproject.toml", *more])
    _lock(uv, "dev", ["pyproject.toml", "--extra", "dev", "--constraint", str(FOLDER / "runtime.txt"), *more])
    _lock(uv, "go", [str(FOLDER / "go.in"), *more])
    return 0


def _uv() -> Path:
    environment = cache.root() / "python" / "lock"
    uv = environment / "bin" / "uv"
    if not uv.exists():
        with step("uv: installing"):
            venv.create(environment, clear=True, with_pip=True)
            requirements = CHECKOUT / FOLDER / "lock.in"
            subprocess.run([environment / "bin" / "pip", "install", "--quiet", "-r", requirements], check=True)
    return uv


def _lock(uv: Path, name: str, sources: list[str]) -> None:
    with step(f"{name}.txt: locking"):
        output = FOLDER / f"{name}.txt"
        subprocess.run([uv, "pip", "compile", *sources, *OPTIONS, "-o", output], cwd=CHECKOUT, check=True)
