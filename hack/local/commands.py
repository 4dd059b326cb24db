"""The command line of each program of the control plane."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

from local import programs
from local.ports import LOOPBACK, free_ports

STAGES = Path(__file__).parent / "stages.yaml"
# On a busy machine kwok renews its leases late, and a node that seems dead would lose its pods.
NODE_LEASE_SECONDS = 240
NODE_GRACE_SECONDS = 600


class Ports(NamedTuple):
    """The ports that one cluster listens on."""

    etcd: int
    etcd_peer: int
    server: int


@dataclasses.dataclass(frozen=True)
class Settings:
    """What one cluster is started with; None leaves a program its own default rate."""

    directory: Path
    controller_qps: int | None = 500
    scheduler_qps: int | None = 500
    ports: Ports = dataclasses.field(default_factory=lambda: Ports(*free_ports(3)))

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{LOOPBACK}:{self.ports.server}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.directory / "kubeconfig"

    @property
    def ca_file(self) -> Path:
        """The certificate that kube-apiserver makes for itself."""
        return self.directory / "certificates" / "apiserver.crt"

    @property
    def signing_key(self) -> Path:
        """The key of ServiceAccount tokens."""
        return self.directory / "service-account.key"

    @property
    def token_file(self) -> Path:
        """The administrator's token in kube-apiserver's own format."""
        return self.directory / "tokens.csv"


def command_lines(settings: Settings) -> dict[str, list[str]]:
    """Return the command lines in the order in which the programs start."""
    arguments = {
        "etcd": _etcd(settings),
        "kube-apiserver": _apiserver(settings),
        "kube-controller-manager": _controller_manager(settings),
        "kube-scheduler": _scheduler(settings),
        "kwok": _kwok(settings),
    }
    return {name: [str(programs.find(name)), *given] for name, given in arguments.items()}


def _etcd(settings: Settings) -> list[str]:
    client, peer = (f"http://{LOOPBACK}:{port}" for port in (settings.ports.etcd, settings.ports.etcd_peer))
    return [
        f"--data-dir={settings.directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver(settings: Settings) -> list[str]:
    return [
        f"--etcd-servers=http://{LOOPBACK}:{settings.ports.etcd}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={settings.ports.server}",
        f"--cert-dir={settings.ca_file.parent}",
        f"--token-auth-file={settings.token_file}",
        f"--service-account-key-file={settings.signing_key}",
        f"--service-account-signing-key-file={settings.signing_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--authorization-mode=RBAC",
        # Pods start at once in a new namespace; without kubelets nothing would use a pod's own token.
        "--disable-admission-plugins=ServiceAccount",
        "--profiling=false",
    ]


def _controller_manager(settings: Settings) -> list[str]:
    return [
        f"--kubeconfig={settings.kubeconfig}",
        f"--service-account-private-key-file={settings.signing_key}",
        f"--root-ca-file={settings.ca_file}",
        f"--node-monitor-grace-period={NODE_GRACE_SECONDS}s",
        # The server's own certificate is no certificate authority's, and this controller would complain for ever.
        "--controllers=*,-kube-apiserver-serving-clustertrustbundle-publisher-controller",
        "--leader-elect=false",
        "--secure-port=0",
        *_rates(settings.controller_qps),
    ]


def _scheduler(settings: Settings) -> list[str]:
    return [
        f"--kubeconfig={settings.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        *_rates(settings.scheduler_qps),
    ]


def _kwok(settings: Settings) -> list[str]:
    return [
        f"--kubeconfig={settings.kubeconfig}",
        f"--config={STAGES}",
        "--manage-all-nodes=true",
        f"--node-lease-duration-seconds={NODE_LEASE_SECONDS}",
    ]


def _rates(qps: int | None) -> list[str]:
    return [] if qps is None else [f"--kube-api-qps={qps}", f"--kube-api-burst={2 * qps}"]
