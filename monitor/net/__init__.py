"""The door to the network: every HTTP request that tapewatch makes goes through it.

In: method, URL, headers, body. Out: status, headers, decompressed body. Promised: only http and https, only to
addresses that were checked, never longer than the time-out, never larger than the cap.
"""

from monitor.net.client import HttpClient, Response

__all__ = ["HttpClient", "Response"]
