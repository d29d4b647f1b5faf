"""Which addresses a fetch on behalf of a stranger may connect to: public ones only."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from domain.errors import Unprocessable

#: Host and port to the addresses the system would connect to.
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
#: Translations that carry an IPv4 address (RFC 6052 NAT64).
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


async def system_resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host as the operating system resolves them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet, looking inside IPv6 wrappers."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_global(part) for part in (parsed, *_embedded(parsed)))


async def public_address(host: str, port: int, resolve: Resolve, *, allow_private: bool) -> str:
    """Return the one address to connect to.

    A host with any private address is refused as a whole: which of its addresses a later
    connection would take is not ours to choose.

    Raises:
        Unprocessable: `site_unreachable` if the name is unknown, `site_private_address` if it leads
            into a private, loopback, link-local or reserved network.
    """
    try:
        addresses = _literal(host) or await resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise Unprocessable(
            "site_unreachable", f"The host {host[:100]!r} is not known; check the address."
        ) from error
    if not addresses:
        raise Unprocessable(
            "site_unreachable", f"The host {host[:100]!r} has no address; check the address."
        )
    if not allow_private and not all(is_public(address) for address in addresses):
        raise Unprocessable(
            "site_private_address",
            f"The host {host[:100]!r} leads into a private network; give a page on the public internet.",
        )
    return addresses[0].partition("%")[0]


def _literal(host: str) -> list[str]:
    """Return the address a host spells out, in the old notations too (`127.1`, `0x7f000001`)."""
    try:
        return [str(ipaddress.ip_address(host.partition("%")[0]))]
    except ValueError:
        pass
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))] if host[:1].isdigit() else []
    except OSError:
        return []


def _is_global(address: _Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: _Address) -> list[_Address]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    inner: list[_Address] = [a for a in (address.ipv4_mapped, address.sixtofour) if a is not None]
    if address.teredo is not None:
        inner += address.teredo
    if any(address in network for network in _NAT64):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return inner
