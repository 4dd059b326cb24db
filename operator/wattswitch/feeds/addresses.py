"""Which network addresses a feed may be fetched from; checked on the address that is connected to, after DNS.

A budget is the site admin's alone, so the site's own private networks are allowed unless the operator is told
otherwise. What hands out credentials of the machine is never allowed.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from wattswitch.feeds.reading import Problem, Refused

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

CLOUD_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure wire server
        "192.0.0.192",  # Oracle Cloud, classic
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
    )
)
"""Metadata services outside the link-local ranges."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_THIS_NETWORK: Final = ipaddress.IPv4Network("0.0.0.0/8")


def check_addresses(addresses: Iterable[str], *, allow_private: bool) -> None:
    """Raises Refused where one of the addresses may not be connected to."""
    for text in addresses:
        if is_denied(text, allow_private=allow_private):
            raise Refused(Problem.ADDRESS_DENIED, f"{text} may not be connected to from a feed")


def is_denied(text: str, *, allow_private: bool) -> bool:
    """Whether a feed may not connect to this IP address; what is no address is denied too."""
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return True
    return any(_denied(address, allow_private=allow_private) for address in (parsed, *_embedded(parsed)))


def resolve(host: str, port: int, family: int, *, allow_private: bool) -> list[tuple[int, str, int]]:
    """Family, address and port of every address of `host`, all checked. Blocks on DNS; raises Refused."""
    try:
        found = socket.getaddrinfo(host, port, socket.AddressFamily(family), socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused(Problem.UNREACHABLE, f"{host} has no address in DNS") from None
    addresses = [(int(entry[0]), str(entry[4][0]), int(entry[4][1])) for entry in found]
    check_addresses((address for _, address, _ in addresses), allow_private=allow_private)
    return addresses


def _embedded(address: IPAddress) -> tuple[IPAddress, ...]:
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    inside: list[IPAddress] = [found for found in (address.ipv4_mapped, address.sixtofour) if found]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(inside)


def _denied(address: IPAddress, *, allow_private: bool) -> bool:
    never = (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address in CLOUD_METADATA
        or (isinstance(address, ipaddress.IPv4Address) and (address.is_reserved or address in _THIS_NETWORK))
    )
    return never or (not allow_private and not _is_public(address))


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_global
    return address.is_global
