"""The network door: which addresses and URLs may be asked for."""

from __future__ import annotations

import pytest

from monitor.errors import PermanentError
from monitor.net.address import is_public
from monitor.net.target import read_target


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "100.100.100.200", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1", "2002:7f00:1::", "2001:0:53aa:64c:0:0:0:1", "fec0::1", "192.0.0.192", "192.88.99.1",
        "192.0.0.9", "3fff::1", "2001:20::1", "not an address", "",
    ],
)  # fmt: skip
def test_an_address_that_is_not_global_is_refused_in_whatever_tunnel_it_hides(address: str) -> None:
    """A feed must not become a way into the operator's own network or the cloud's metadata."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_global_address_is_allowed(address: str) -> None:
    """NAT64 too: on a network with IPv6 alone it is how the IPv4 internet is reached."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "javascript:alert(1)", "example.org/feed",
        "http://", "http:///feed", "http://user@example.org/", "http://user:secret@example.org/", "http://a\\@b.org/",
        "http://exa mple.org/", "http://example.org:99999/", "http://[::1/", "http://a..b\r\nhost: x/", "http://-/",
        "http://example.org/" + "a" * 9000,
    ],
)  # fmt: skip
def test_a_url_that_is_not_plain_http_is_refused(url: str) -> None:
    """Anything that two programs could read differently is refused rather than guessed."""
    with pytest.raises(PermanentError):
        read_target(url)


def test_the_secret_in_a_refused_url_is_not_in_the_message() -> None:
    """Messages go to logs and to the source's health."""
    with pytest.raises(PermanentError) as caught:
        read_target("http://user:hunter2@example.org/")
    assert "hunter2" not in str(caught.value)


def test_a_redirect_is_read_relative_to_where_it_came_from() -> None:
    """Location headers are often only a path, and not always escaped."""
    base = read_target("https://Example.org:8443/a/b?x=1")
    assert base.url == "https://example.org:8443/a/b?x=1"
    assert read_target("../c d/ü", base=base).url == "https://example.org:8443/c%20d/%C3%BC"
    assert read_target("//other.org/%20", base=base).url == "https://other.org/%20"
    assert read_target("http://bücher.example/").host == "xn--bcher-kva.example"
