"""Free TCP ports on loopback."""

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"
# Below the range that Linux takes ports of outgoing connections from (net.ipv4.ip_local_port_range).
LOWEST, HIGHEST = 15000, 32000


def free_ports(count: int) -> list[int]:
    """Return different ports that nothing listens on now."""
    with contextlib.ExitStack() as held:
        return [_hold_free_port(held) for _ in range(count)]


def _hold_free_port(held: contextlib.ExitStack) -> int:
    for _ in range(1000):
        port = random.randint(LOWEST, HIGHEST)
        candidate = held.enter_context(socket.socket())
        with contextlib.suppress(OSError):
            candidate.bind((LOOPBACK, port))
            return port
    raise OSError("no free port found on loopback")


def accepts_connections(port: int) -> bool:
    """Tell whether something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
