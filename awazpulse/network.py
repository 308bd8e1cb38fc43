"""What every room with a port needs: listening sockets, and addresses as one spelling."""

import asyncio
import ipaddress
import socket

V4_MAPPED_PREFIX = "::ffff:"


async def open_listening(host: str, port: int, backlog: int) -> list[socket.socket]:
    """Return non-blocking listening sockets for an address or a name; all on one port.

    `::` listens for IPv4 too. With port 0 the kernel chooses. Raises OSError, with none left open.
    """
    infos = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    opened: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((info[0], info[4]) for info in infos):
            listening = socket.create_server(
                (address[0], port or (opened[0].getsockname()[1] if opened else 0)),
                family=family,
                backlog=backlog,
                dualstack_ipv6=family == socket.AF_INET6 and host == "::",
            )
            listening.setblocking(False)
            opened.append(listening)
    except OSError:
        for listening in opened:
            listening.close()
        raise
    return opened


def bracket_host(host: str) -> str:
    """Return a host as a URL spells it: an IPv6 address in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def normalize_address(address: str) -> str:
    """Return an IPv4 address as such where a dual-stack socket shows it inside IPv6."""
    if not address.startswith(V4_MAPPED_PREFIX):
        return address
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    return str(mapped) if mapped else address
