"""Where a feed may connect to."""

import socket

import pytest

from wattswitch.feeds.addresses import is_denied, resolve
from wattswitch.feeds.reading import Problem, Refused


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "::",
        "255.255.255.255",
        "240.0.0.1",
        "not an address",
    ],
)
def test_metadata_multicast_and_nonsense_are_always_denied(address: str) -> None:
    assert is_denied(address, allow_private=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.7", "192.168.1.1", "fd12::1", "::ffff:10.0.0.7"])
def test_private_networks_are_the_operators_choice(address: str) -> None:
    assert not is_denied(address, allow_private=True)
    assert is_denied(address, allow_private=False)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert not is_denied(address, allow_private=False)


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518"])
def test_numeric_spellings_of_the_metadata_address_are_denied(host: str) -> None:
    with pytest.raises(Refused) as refused:
        resolve(host, 80, socket.AF_UNSPEC, allow_private=True)
    assert refused.value.problem is Problem.ADDRESS_DENIED


def test_one_denied_address_denies_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (address, 80)) for address in ("1.1.1.1", "169.254.169.254")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(Refused) as refused:
        resolve("two-faced.example", 80, socket.AF_UNSPEC, allow_private=True)
    assert refused.value.problem is Problem.ADDRESS_DENIED
