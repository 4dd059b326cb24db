"""Programs from Debian packages, unpacked into the cache without installing anything on the machine."""

import os
import shutil
import subprocess
from pathlib import Path

from local import cache
from local.progress import step


class NoAptError(RuntimeError):
    """This machine has no Debian packages: the program has to be named or put on PATH."""


def unpacked_program(package: str, path: str, *, with_libraries: bool = False) -> Path:
    """Return the program at this path inside the package, downloading the package on first use.

    With its libraries, the packages that it depends on and that are not installed are unpacked beside it.
    Raises NoAptError where it is not in the cache and there is no apt-get, RuntimeError where apt-get fails.
    """
    folder = folder_of(package)
    program = folder / path
    if not program.exists():
        with cache.locked(f"debian {package}"):
            if not program.exists():
                _unpack(package, folder, with_libraries=with_libraries)
    return program


def library_folders(package: str) -> list[Path]:
    """Return the folders of libraries that were unpacked with the package; none where it was not unpacked."""
    return sorted({library.parent for library in folder_of(package).rglob("lib*.so.*")})


def missing_packages(simulated: str) -> list[str]:
    """Return the packages, in order, that apt-get said it would install when asked to simulate it."""
    return [line.split()[1] for line in simulated.splitlines() if line.startswith("Inst ")]


def folder_of(package: str) -> Path:
    """Return where the package is unpacked, whether it is yet or not."""
    return cache.root() / "debian" / package


def _unpack(package: str, folder: Path, *, with_libraries: bool) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        variable = f"WATTSWITCH_{package.upper()}"
        raise NoAptError(f"{package} is needed: put it on PATH or name it in {variable} (no apt-get here)")
    with step(f"{package}: unpacking the Debian package"), cache.fresh_folder(folder) as fresh:
        # The package itself comes first: its download refreshes the lists of packages where there are none.
        _unpack_one(package, fresh)
        for name in _needed(package, fresh) if with_libraries else []:
            _unpack_one(name, fresh)


def _unpack_one(package: str, folder: Path) -> None:
    archive = _downloaded(package, folder)
    _run(["dpkg", "-x", str(archive), str(folder)], folder)
    archive.unlink()


def _needed(package: str, folder: Path) -> list[str]:
    """Return what the package depends on and is not installed; names of libraries differ between releases."""
    simulated = _run(["apt-get", "install", "--simulate", "--no-install-recommends", package], folder)
    return [name for name in missing_packages(simulated) if name != package]


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


def _run(command: list[str], folder: Path) -> str:
    outcome = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise RuntimeError(f"failed: {' '.join(command)}\n{outcome.stderr[-2000:]}")
    return outcome.stdout
