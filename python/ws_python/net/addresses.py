"""Tells an IP address from a host name, which has to be resolved first."""

from __future__ import annotations

import ipaddress


def is_ip_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def canonical_address(text: str) -> str:
    """An IP address as it is usually written, IPv4 not as it is mapped into IPv6; "" for anything else.

    Nor is one with a zone: it means something only to who wrote it.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return "" if address.scope_id else str(address.ipv4_mapped or address)
    return str(address)
