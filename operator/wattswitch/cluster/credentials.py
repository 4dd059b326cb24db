"""Finds the cluster: a kubeconfig that was named, $KUBECONFIG, ~/.kube/config, else the pod's service account."""

import os
from pathlib import Path

import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from wattswitch.errors import KubeconfigInvalid


async def load_configuration(kubeconfig: str | None) -> Configuration:
    """A client configuration with fresh credentials.

    Raises KubeconfigInvalid where nothing usable was found. In a cluster the token file is read again every minute.
    """
    configuration = Configuration()
    # Many cluster CAs carry no Authority Key Identifier, which Python 3.13's strict flag refuses and client-go
    # accepts; the chain and the host name are still verified.
    configuration.disable_strict_ssl_verification = True
    # Like kopf: proxies come from the kubeconfig's proxy-url, never from the environment or ~/.netrc.
    configuration.client_session_kwargs = {"trust_env": False}
    located = _located(kubeconfig)
    try:
        if located is None:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=located, client_configuration=configuration, persist_config=False
            )
    except (ConfigException, OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as problem:
        source = located or "service account of the pod"
        # Not chained: a parser's message may quote the line, and the line may hold a token.
        msg = f"{source}: no usable cluster credentials ({type(problem).__name__}); pass --kubeconfig or set KUBECONFIG"
        raise KubeconfigInvalid(msg) from None
    return configuration


def _located(kubeconfig: str | None) -> str | None:
    """The kubeconfig to read (several joined by a colon are merged), None for the pod's service account."""
    named = kubeconfig or os.environ.get("KUBECONFIG")
    if not named:
        home = Path("~/.kube/config").expanduser()
        return str(home) if home.is_file() else None
    if not any(part and Path(part).expanduser().is_file() for part in named.split(os.pathsep)):
        msg = f"kubeconfig {named}: no such file; pass --kubeconfig or set KUBECONFIG"
        raise KubeconfigInvalid(msg)
    return named
