"""Where built programs and environments live: outside the work tree, shared by every checkout of this user."""

import contextlib
import fcntl
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local.progress import step


def root() -> Path:
    """Return the cache folder: $WATTSWITCH_CACHE, else the user's cache folder, else one below the temp folder."""
    configured = os.environ.get("WATTSWITCH_CACHE")
    if configured:
        return _made(Path(configured).absolute())
    with contextlib.suppress(OSError):
        return _made(_user_cache() / "wattswitch")
    return _private(Path(tempfile.gettempdir()) / f"wattswitch-{os.getuid()}")


def _user_cache() -> Path:
    configured = os.environ.get("XDG_CACHE_HOME")
    if configured:
        return Path(configured).absolute()
    home = os.environ.get("HOME")
    if home:
        return Path(home).absolute() / ".cache"
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache"
    except KeyError as unknown_user:
        raise OSError("this user has no home folder") from unknown_user


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"the cache folder {folder} is not writable: set WATTSWITCH_CACHE to another one")
    return folder


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user: set WATTSWITCH_CACHE")
    return folder


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the cache's lock of this name; the operating system frees it when the process ends."""
    folder = root() / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step(f"{name}: another process is preparing it"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def fresh_folder(destination: Path) -> Iterator[Path]:
    """Give an empty folder that takes the destination's place when the block ends well, and vanishes otherwise."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".unfinished-") as unfinished:
        folder = Path(unfinished) / destination.name
        folder.mkdir()
        yield folder
        shutil.rmtree(destination, ignore_errors=True)
        folder.rename(destination)
