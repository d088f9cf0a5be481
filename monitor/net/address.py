"""Which addresses may be talked to: the global ones, whatever notation or tunnel they hide in."""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
#: 6to4 and Teredo carry an IPv4 address that their relay would reach; both are long out of use.
_TUNNELS = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
#: Global by number, yet answered by the machine's own cloud platform.
_PLATFORM = frozenset({ipaddress.IPv4Address("168.63.129.16")})


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
    return address.is_global and not (address.is_multicast or address.is_reserved or address in _PLATFORM)


def _is_public_v6(address: ipaddress.IPv6Address) -> bool:
    if address not in _GLOBAL_UNICAST or any(address in tunnel for tunnel in _TUNNELS):
        return False
    return address.is_global and not address.is_multicast
