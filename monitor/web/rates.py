"""How much one client may ask: a bucket of tokens each, refilled steadily. Pure; the caller gives the time.

Clients are told apart by address, those of IPv6 by the first 64 bits, since whoever has one has all of the rest.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping

MAX_CLIENTS = 10_000  #: Remembered; the one that has not asked for longest is forgotten.
_V6_BITS = 64
_MINUTE_S = 60.0


class Rates:
    """One limit, over all clients."""

    def __init__(self, *, per_minute: int, burst: int) -> None:
        self._per_s = per_minute / _MINUTE_S
        self._burst = float(burst)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client: tokens, when

    def take(self, client: str, *, now_s: float) -> float:
        """Take one token: 0.0, or the seconds until there is one."""
        left = self._refilled(client, now_s)
        if self._per_s and left < 1.0:
            return (1.0 - left) / self._per_s
        self._keep(client, left - 1.0, now_s)
        return 0.0

    def wait_s(self, client: str, *, now_s: float) -> float:
        """Seconds until there is a token for `client`; takes none."""
        left = self._refilled(client, now_s)
        return max(0.0, (1.0 - left) / self._per_s) if self._per_s else 0.0

    def _refilled(self, client: str, now_s: float) -> float:
        left, at_s = self._left.get(client, (self._burst, now_s))
        return min(self._burst, left + max(0.0, now_s - at_s) * self._per_s)

    def _keep(self, client: str, left: float, now_s: float) -> None:
        self._left[client] = (left, now_s)
        self._left.move_to_end(client)
        while len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)


def client_of(address: str, headers: Mapping[str, str], *, behind_proxy: bool) -> str | None:
    """Who asks, as limits know clients; None for loopback, which has no limits.

    Behind a proxy it is the last address that the proxy wrote down: those before it are the client's own words.
    """
    if behind_proxy and (forwarded := headers.get("x-forwarded-for")):
        address = forwarded.rpartition(",")[2].strip() or address
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    if parsed.is_loopback:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _V6_BITS), strict=False))
    return str(parsed)
