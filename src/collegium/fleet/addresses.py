"""Which addresses a worker may announce: whatever is announced will be called."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from collegium.errors import Malformed

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
# Some resolvers take a name whose last part is a number for an IPv4 address.
_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?$")
_SHAPE = re.compile(r"https?://[A-Za-z0-9.\-:\[\]]{1,300}/?", re.ASCII)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressRules:
    """What a worker's address must look like.

    Parameters
    ----------
    loopback_only : True while nobody has to show a token.
    networks : CIDR blocks to which addresses are limited; names are refused then.

    Raises
    ------
    Malformed
        When a network is not one.
    """

    def __init__(self, *, loopback_only: bool, networks: Sequence[str] = ()) -> None:
        self._loopback_only = loopback_only
        try:
            self._networks = [ipaddress.ip_network(text) for text in networks]
        except ValueError as error:
            raise Malformed(f"A worker network is not a network: {error}.") from None

    def check(self, url: str) -> str:
        """Return an announced base address without a trailing slash.

        Raises
        ------
        Malformed
            When it is not a plain ``http(s)://host:port``, or points to where no
            worker may be.
        """
        if _SHAPE.fullmatch(url) is None:
            raise _refused("it is not http://host:port or https://host:port")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _refused("its host or port is not valid") from None
        if not host or port is None or port == 0:
            raise _refused("it needs a host and a port")
        self._check_host(host)
        return url.rstrip("/")

    def _check_host(self, host: str) -> None:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            self._check_name(host)
            return
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:
            address = mapped
        if not address.is_loopback and (
            address.is_link_local
            or address.is_multicast
            or address.is_unspecified
            or address.is_reserved
        ):
            raise _refused("nobody is reached at such an address")
        if self._networks and not any(address in block for block in self._networks):
            raise _refused("it is in none of the networks where workers may be")
        if self._loopback_only and not address.is_loopback:
            raise _refused(
                "without COLLEGIUM_WORKER_TOKEN workers must be on this machine"
            )

    def _check_name(self, host: str) -> None:
        if _HOST.fullmatch(host) is None or _NUMBER.search(host):
            raise _refused("its host is not valid")
        if host == "localhost":
            return
        if self._networks:
            raise _refused("with networks set, an address must be a number")
        if self._loopback_only:
            raise _refused(
                "without COLLEGIUM_WORKER_TOKEN workers must be on this machine"
            )


def _refused(reason: str) -> Malformed:
    return Malformed(
        f"The worker's url is refused: {reason}.", pointers={"/url": reason}
    )
