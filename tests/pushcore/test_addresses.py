"""Which addresses the service may call, checked against IANA's registries and every embedding of IPv4.

`iana_special_purpose.csv`: the blocks of both registries of special-purpose addresses as of July 2026, but for the two
that stand for an IPv4 address (IPv4-mapped and NAT64's well-known prefix).
"""

from __future__ import annotations

import csv
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest

from pushcore.security import addresses

REGISTRY = Path(__file__).with_name("iana_special_purpose.csv")
ROWS = [
    pytest.param(row["Address Block"], row["Globally Reachable"] == "True", id=row["Address Block"])
    for row in csv.DictReader(REGISTRY.read_text().splitlines())
]
WITHIN = {str(row.values[0]) for row in ROWS}
PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "2001:4860:4860::8888", "2a00:1450::1"]


def more_special(block: str, address: IPv4Address | IPv6Address) -> bool:
    """Tell whether a smaller block of the registry decides about an address."""
    own = ip_network(block)
    others = [ip_network(other) for other in WITHIN if other != block]
    return any(
        other.version == own.version and other.prefixlen > own.prefixlen and address in other for other in others
    )


@pytest.mark.parametrize(("block", "reachable"), ROWS)
def test_an_address_block_is_public_if_the_registry_says_globally_reachable(block: str, reachable: bool) -> None:
    network = ip_network(block)
    tried = {network[0], network[-1], network[network.num_addresses // 2]}
    assert tried
    for address in tried:
        if not more_special(block, address):
            assert addresses.is_public(str(address)) is reachable, address


@pytest.mark.parametrize("address", PUBLIC)
def test_an_internet_address_is_public(address: str) -> None:
    assert addresses.is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_way_to_write_a_private_address_makes_it_public(address: str) -> None:
    number = int(IPv4Address(address))
    assert not addresses.is_public(address)
    ways = {
        "IPv4-mapped (RFC 4291)": IPv6Address((0xFFFF << 32) + number),
        "IPv4-compatible (RFC 4291)": IPv6Address(number),
        "IPv4-translated (RFC 2765)": IPv6Address((0xFFFF << 48) + number),
        "NAT64 (RFC 6052)": IPv6Address((0x64FF9B << 96) + number),
        "local NAT64 (RFC 8215)": IPv6Address((0x64FF9B0001 << 80) + number),
        "6to4 (RFC 3056)": IPv6Address((0x2002 << 112) + (number << 80)),
        "Teredo (RFC 4380)": IPv6Address((0x20010000 << 96) + (number ^ 0xFFFFFFFF)),
    }
    assert {name: str(way) for name, way in ways.items() if addresses.is_public(str(way))} == {}


@pytest.mark.parametrize(
    "address", ["::ffff:93.184.216.34", "::ffff:5db8:d822", "64:ff9b::93.184.216.34"]
)  # fmt: skip
def test_a_wrapped_internet_address_is_public(address: str) -> None:
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        # AWS, Azure, Google and most others; Alibaba; Oracle; Azure's own; AWS and Google over IPv6; Scaleway; ECS.
        "169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254",
        "fd00:42::42", "169.254.170.2", "169.254.0.23",
    ],
)  # fmt: skip
def test_no_clouds_metadata_is_public(address: str) -> None:
    assert not addresses.is_public(address)
    if "." in address:
        assert not addresses.is_public(f"::ffff:{address}")


@pytest.mark.parametrize(
    "address", ["fec0::1", "feff::1", "fe80::1%eth0", "fd12::1", "ff02::1", "ff0e::1", "239.1.2.3", "4000::1", "::2"]
)
def test_only_global_unicast_is_public(address: str) -> None:
    """Not public are site-local, link-local, unique local, multicast and unassigned addresses."""
    assert not addresses.is_public(address)
