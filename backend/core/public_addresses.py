"""Which addresses may be reached on somebody else's word: those of the public internet, and no other.

What a user names as a target must not lead into the network that the server stands in: to loopback, to private
networks, to a cloud's metadata. Addresses are judged after resolution, in whatever form they came.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

SERVICES_WITH_PUBLIC_NUMBERS = frozenset({ip_address("168.63.129.16")})
"""Azure's platform service: it is reached from inside alone, and answers with what is nobody else's business."""
NAT64 = IPv6Network("64:ff9b::/96")
IPV4_COMPATIBLE = IPv6Network("::/96")
LAST_32_BITS = 0xFFFF_FFFF


def refusal(text: str, *, allow_private: bool) -> str | None:
    """Return why an address may not be reached; None when it may. The text never repeats the address.

    allow_private: loopback and private networks may be reached, too. Link-local addresses, where clouds keep
    their metadata, and what is no host's address (multicast, reserved) never may.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return "it has no address that is one"
    return next((told for told in (_refusal(form, allow_private) for form in _forms(address)) if told), None)


def _refusal(address: Address, allow_private: bool) -> str | None:  # noqa: FBT001 - of `refusal`, where it is named
    if address.is_link_local or address in SERVICES_WITH_PUBLIC_NUMBERS:
        return "it leads to a link-local or metadata address"
    if address.is_multicast or address.is_unspecified:
        return "it leads to an address that no host has"
    if address.is_loopback:  # before reserved: ::1 counts as both
        return None if allow_private else "it leads to an address that is not public"
    if address.is_reserved:
        return "it leads to an address that no host has"
    if not address.is_global and not allow_private:
        return "it leads to an address that is not public"
    return None


def _forms(address: Address) -> list[Address]:
    """Return the address, and the IPv4 addresses that it stands for."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    embedded = IPv4Address(int(address) & LAST_32_BITS)
    if address in NAT64:  # a translator sends it on to that, and the form itself says nothing
        return [embedded]
    within = [address.sixtofour, *(address.teredo or ()), embedded if address in IPV4_COMPATIBLE else None]
    return [address] if address.is_loopback else [address, *(form for form in within if form is not None)]
