"""Finds the programs of the control plane, and builds from locked Go modules those that are missing.

A program named by its environment variable is used as it is; one on PATH only where its version is ours.
"""

import dataclasses
import functools
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from local import cache, debian
from local.progress import step
from local.toolchain import Go, find_go

MODULES = Path(__file__).parent.parent / "controlplane"
FLAGS = ("-mod=readonly", "-trimpath")


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a program is built from."""

    folder: str
    package: str
    module: str
    version_arguments: tuple[str, ...] = ("--version",)
    cold_build: str = "half a minute"


SOURCES = {
    "etcd": Source("extra", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", cold_build="a minute"),
    "kwok": Source("extra", "sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/kwok", cold_build="2 minutes"),
    "kube-apiserver": Source(
        "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes", cold_build="6 minutes"
    ),
    "kube-controller-manager": Source(
        "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", "k8s.io/kubernetes", cold_build="2 minutes"
    ),
    "kube-scheduler": Source("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", "k8s.io/kubernetes"),
    "kubectl": Source("kubernetes", "k8s.io/kubernetes/cmd/kubectl", "k8s.io/kubernetes", ("version", "--client")),
}


def ensure_all() -> None:
    """Build whatever part of the control plane is missing."""
    for name in SOURCES:
        find(name)


@functools.cache
def find(name: str) -> Path:
    """Return the program's path: its environment variable, PATH, the cache, else a new build."""
    return _named_by_environment(name) or _on_path(name) or _cached(name)


def _named_by_environment(name: str) -> Path | None:
    variable = "WATTSWITCH_" + name.upper().replace("-", "_")
    value = os.environ.get(variable)
    if not value:
        return None
    program = Path(value)
    if not os.access(program, os.X_OK):
        raise FileNotFoundError(f"{variable} names {value}, which is not an executable file")
    return program


def _on_path(name: str) -> Path | None:
    # Debian's mosquitto is in /usr/sbin, which is not on the PATH of everybody.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        return None
    source = SOURCES.get(name)
    if source and not _is_release(Path(found), source):
        return None
    return Path(found)


def _is_release(program: Path, source: Source) -> bool:
    """Compare major and minor version, the part that an API or a flag may change with."""
    outcome = subprocess.run([program, *source.version_arguments], capture_output=True, text=True, check=False)
    said = re.search(r"(\d+)\.(\d+)\.\d+", outcome.stdout)
    return said is not None and [said[1], said[2]] == _version(source).split(".")[:2]


def _version(source: Source) -> str:
    lock = (MODULES / source.folder / "go.mod").read_text()
    required = re.search(rf"^\t{re.escape(source.module)} v(\S+)", lock, re.MULTILINE)
    if required is None:
        raise LookupError(f"{source.folder}/go.mod requires no {source.module}")
    return required[1]


def _cached(name: str) -> Path:
    if name == "prometheus":
        return debian.unpacked_program("prometheus", "usr/bin/prometheus")
    if name == "mosquitto":
        return debian.unpacked_program("mosquitto", "usr/sbin/mosquitto", with_libraries=True)
    source = SOURCES[name]
    go = find_go()
    program = cache.root() / "programs" / f"{source.folder}-{_key(source, go)}" / name
    if not program.exists():
        with cache.locked(name):
            if not program.exists():
                _build(name, source, go, program)
    return program


def _key(source: Source, go: Go) -> str:
    digest = hashlib.sha256(go.version.encode())
    for lock in ("go.mod", "go.sum"):
        digest.update((MODULES / source.folder / lock).read_bytes())
    return digest.hexdigest()[:16]


def _build(name: str, source: Source, go: Go, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_name(f".unfinished-{name}")
    command = [str(go.program), "build", *FLAGS, "-ldflags", _link_flags(source)]
    command += ["-o", str(unfinished), source.package]
    with step(f"{name}: building version {_version(source)}, about {source.cold_build} where nothing is cached"):
        outcome = subprocess.run(
            command,
            cwd=MODULES / source.folder,
            env=go.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode:
            raise RuntimeError(f"{name} could not be built with {go.version}\n{outcome.stderr[-4000:]}")
        unfinished.rename(program)


def _link_flags(source: Source) -> str:
    """Kubernetes programs call themselves v0.0.0 unless told their version when they are linked."""
    flags = ["-s", "-w"]
    if source.folder == "kubernetes":
        version = _version(source)
        major, minor, _ = version.split(".", 2)
        stated = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
        flags += [f"-X k8s.io/component-base/version.{name}={value}" for name, value in stated.items()]
    return " ".join(flags)
