"""What every room with a port needs: listening sockets."""

import asyncio
import socket


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
