"""Programs from Debian packages, unpacked into the cache without installing anything on the machine."""

import os
import shutil
import subprocess
from pathlib import Path

from local import cache
from local.progress import step


def unpacked_program(package: str, path: str) -> Path:
    """Return the program at this path inside the package, downloading the package on first use."""
    folder = cache.root() / "debian" / package
    program = folder / path
    if not program.exists():
        with cache.locked(f"debian {package}"):
            if not program.exists():
                _unpack(package, folder)
    return program


def _unpack(package: str, folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        variable = f"WATTSWITCH_{package.upper()}"
        raise RuntimeError(f"{package} is needed: put it on PATH or name it in {variable} (no apt-get here)")
    with step(f"{package}: unpacking the Debian package"), cache.fresh_folder(folder) as fresh:
        archive = _downloaded(package, fresh)
        _run(["dpkg", "-x", str(archive), str(fresh)], fresh)
        archive.unlink()


def _downloaded(package: str, folder: Path) -> Path:
    # Run as root, apt downloads as the user _apt, who may not write into a private folder.
    command = ["apt-get", "download", "-o", "APT::Sandbox::User=root", package]
    try:
        _run(command, folder)
    except RuntimeError:
        if os.geteuid():
            raise
        _run(["apt-get", "update", "--quiet"], folder)
        _run(command, folder)
    return next(folder.glob(f"{package}_*.deb"))


def _run(command: list[str], folder: Path) -> None:
    outcome = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise RuntimeError(f"failed: {' '.join(command)}\n{outcome.stderr[-2000:]}")
