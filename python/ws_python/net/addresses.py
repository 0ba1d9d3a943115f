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
