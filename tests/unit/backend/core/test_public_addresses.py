"""What may be reached on somebody else's word."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.public_addresses import refusal

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "64:ff9b::808:808"]
PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "127.8.8.8", "100.64.0.1", "::1"]
PRIVATE += ["fd00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "198.18.0.1"]
NEVER = [
    "169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
]
NEVER += ["240.0.0.1", "255.255.255.255", "168.63.129.16", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::a9fe:a9fe"]
NEVER += ["not an address", ""]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert refusal(address, allow_private=False) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_may_be_reached_only_where_that_is_allowed(address: str) -> None:
    assert refusal(address, allow_private=False) is not None
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_what_is_no_hosts_address_may_never_be_reached(address: str) -> None:
    assert refusal(address, allow_private=False) is not None
    assert refusal(address, allow_private=True) is not None


def test_the_reason_does_not_tell_the_address() -> None:
    assert all(address not in (refusal(address, allow_private=False) or "") for address in [*PRIVATE, *NEVER[:-1]])


CLOSED = [
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "224.0.0.0/4",
]


@given(st.sampled_from(CLOSED).map(ip_network), st.integers(0, 2**28 - 1))
def test_no_form_of_a_closed_address_gets_through(network, offset: int) -> None:
    address = IPv4Address(int(network.network_address) + offset % network.num_addresses)
    forms = [
        str(address),
        str(IPv6Address(0xFFFF_0000_0000 | int(address))),
        str(IPv6Address((0x2002 << 112) | int(address) << 80)),
        str(IPv6Address(int(IPv6Address("64:ff9b::")) | int(address))),
    ]
    assert all(refusal(form, allow_private=False) is not None for form in forms)
