"""Which addresses may be talked to: the global ones, whatever notation or tunnel they hide in."""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Not on the internet, though some versions of Python take them for global: 6to4 and Teredo, whose relays would reach
#: the IPv4 address in them; IETF assignments, among them a cloud's metadata; documentation; a cloud's platform.
_KEPT_V6 = tuple(map(ipaddress.IPv6Network, ("2002::/16", "2001::/23", "2001:db8::/32", "3fff::/20")))
_KEPT_V4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))


def is_public(text: str) -> bool:
    """True when `text`, as the resolver wrote it, is an address on the public internet."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        return _is_public_v6(address) if inner is None else _is_public_v4(inner)
    return _is_public_v4(address)


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is really reached through a mapped or NAT64 address."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    if any(address in kept for kept in _KEPT_V4):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_public_v6(address: ipaddress.IPv6Address) -> bool:
    if address not in _GLOBAL_UNICAST or any(address in kept for kept in _KEPT_V6):
        return False
    return address.is_global and not address.is_multicast
