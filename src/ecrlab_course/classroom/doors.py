"""Doors between two networks of one host: a TCP port of the host that leads to a Unix socket, and the other way.

JupyterHub 6 can speak to Unix sockets itself, but its proxy (configurable-http-proxy 5.3.0) cannot: it takes the
port as part of the path, and breaks off answers of a server that closes early.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


def _leading_to(connect: Callable[[], Awaitable[Ends]]) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await connect()
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            for each in (back, writer):
                with contextlib.suppress(OSError):
                    each.close()

    return handle


async def tcp_door(to: Path, port: int = 0) -> asyncio.Server:
    """Listen at 127.0.0.1 for what leads to a Unix socket; port 0: any. Raises OSError for a port that is taken."""
    return await asyncio.start_server(_leading_to(lambda: asyncio.open_unix_connection(to)), "127.0.0.1", port)


async def unix_door(at: Path, port: int) -> asyncio.Server:
    """Listen at a Unix socket, which everybody may use, for what leads to a port of 127.0.0.1."""
    at.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(_leading_to(lambda: asyncio.open_connection("127.0.0.1", port)), at)
    at.chmod(0o666)
    return server


def port_of(server: asyncio.Server) -> int:
    """Return the port at which a door listens."""
    return int(server.sockets[0].getsockname()[1])
