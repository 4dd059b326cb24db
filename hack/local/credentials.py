"""Keys, tokens and kubeconfigs of one throw-away cluster."""

import base64
import json
import secrets
from pathlib import Path

# RFC 5915 ECPrivateKey on the curve P-256 (order 0xffffffff00000000ffff…), without the optional public key:
# SEQUENCE { INTEGER 1, OCTET STRING (32 bytes), [0] OBJECT IDENTIFIER prime256v1 }
EC_PREFIX = bytes.fromhex("3031020101 0420".replace(" ", ""))
EC_SUFFIX = bytes.fromhex("a00a06082a8648ce3d030107")


def write_signing_key(path: Path) -> None:
    """Write the elliptic-curve key that signs ServiceAccount tokens; any number below 2^255 is a valid one."""
    scalar = (secrets.randbits(255) | 1).to_bytes(32, "big")
    encoded = base64.encodebytes(EC_PREFIX + scalar + EC_SUFFIX).decode()
    _write_private(path, f"-----BEGIN EC PRIVATE KEY-----\n{encoded}-----END EC PRIVATE KEY-----\n")


def write_admin_token(path: Path) -> str:
    """Write kube-apiserver's token file with one user, the administrator, and return the token."""
    token = secrets.token_hex(16)
    _write_private(path, f"{token},admin,admin,system:masters\n")
    return token


def write_kubeconfig(path: Path, server: str, token: str, ca_file: Path) -> None:
    """Write a kubeconfig that names no other file."""
    trusted = base64.b64encode(ca_file.read_bytes()).decode()
    name = "wattswitch-local"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": trusted}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    _write_private(path, json.dumps(kubeconfig, indent=1))


def _write_private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)
