from __future__ import annotations

import pytest

from collegium.errors import Malformed
from collegium.fleet.addresses import AddressRules

OPEN = AddressRules(loopback_only=False)
CLOSED = AddressRules(loopback_only=True)
FENCED = AddressRules(loopback_only=False, networks=["10.1.0.0/16", "fd00::/8"])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "http://[",
        "http://[::1",
        "http://127.0.0.1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:80:80",
        "http://user:secret@127.0.0.1:80",
        "http://127.0.0.1:80/path",
        "http://127.0.0.1:80?x=1",
        "http://127.0.0.1:80#x",
        "http://127.0.0.1:80\r\nhost: evil",
        "http://127.0.0.1:80 ",
        "ftp://127.0.0.1:80",
        "file:///etc/passwd",
        "gopher://127.0.0.1:80",
        "HTTP://127.0.0.1:80",
        "//127.0.0.1:80",
        "http://169.254.169.254:80",
        "http://[fe80::1]:80",
        "http://[::ffff:169.254.169.254]:80",
        "http://0.0.0.0:80",
        "http://[::]:80",
        "http://224.0.0.1:80",
        "http://255.255.255.255:80",
        "http://2130706433:80",
        "http://0x7f.0.0.1:80",
        "http://127.1:80",
        "http://exa_mple:80",
        "http://ä.example:80",
    ],
)
def test_refused_addresses(url: str) -> None:
    """Whatever is not a plain address of a possible worker is refused."""
    with pytest.raises(Malformed):
        OPEN.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:80",
        "http://[::1]:8000",
        "http://localhost:1",
        "https://127.9.9.9:443",
    ],
)
def test_this_machine_is_always_allowed(url: str) -> None:
    """Loopback addresses are allowed without a token."""
    assert CLOSED.check(url) == url
    assert CLOSED.check(url + "/") == url


@pytest.mark.parametrize(
    "url", ["http://10.1.2.3:80", "http://worker.example:80", "http://[2001:db8::1]:80"]
)
def test_other_machines_need_a_token(url: str) -> None:
    """Without a token nobody beyond this machine may announce itself."""
    assert OPEN.check(url) == url
    with pytest.raises(Malformed, match="COLLEGIUM_WORKER_TOKEN"):
        CLOSED.check(url)


def test_networks_fence() -> None:
    """With networks set, only numbers within them are allowed."""
    assert FENCED.check("http://10.1.2.3:80")
    assert FENCED.check("http://[fd00::7]:80")
    for url in ("http://10.2.0.1:80", "http://127.0.0.1:80", "http://worker:80"):
        with pytest.raises(Malformed):
            FENCED.check(url)
    with pytest.raises(Malformed):
        AddressRules(loopback_only=False, networks=["10.0.0.0/99"])
