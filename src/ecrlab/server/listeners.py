"""The sockets at which the lab answers: taken at once, listened at later, and at one more address when asked."""

from __future__ import annotations

import errno
import socket

from aiohttp import web

from ecrlab.ports import PortTaken, listener


class Listeners:
    """The sockets of each port, and what answers there: ``runner``, set up before the first `listen`."""

    def __init__(self, runner: web.ServerRunner, host: str) -> None:
        self.host = host
        self._runner = runner
        self._sockets: dict[int, list[socket.socket]] = {}
        # One more address to listen at, for an engine that cannot reach loopback (host.relay), and its listeners.
        self._also: str | None = None
        self._sites: dict[int, list[web.SockSite]] = {}

    @property
    def also(self) -> str | None:
        """The one more address, None when there is none."""
        return self._also

    def bind(self, port: int, listen: bool = True) -> None:
        """Take a port. Without ``listen`` it refuses connections, and is still not another program's.

        Raises PortTaken.
        """
        opened: list[socket.socket] = []
        try:
            for host in filter(None, (self.host, self._also)):
                opened.append(listener(host, port, listen))
        except BaseException:
            for held in opened:
                held.close()
            raise
        self._sockets[port] = opened

    async def listen(self, port: int) -> None:
        """Begin to answer at a port that was taken."""
        for held in self._sockets[port]:
            site = web.SockSite(self._runner, held)
            self._sites.setdefault(port, []).append(site)
            await site.start()

    async def release(self, port: int) -> None:
        """Give a port back, whether it was listened at or not."""
        for site in self._sites.pop(port, []):
            await site.stop()
        for held in self._sockets.pop(port, []):
            held.close()

    async def listen_also(self, address: str | None) -> None:
        """Listen at ``address`` too, at every port open now and later; None: only at the first address again.

        The control interface does not answer there. Raises OSError, and then listens at the first only.
        """
        if address == self._also:
            return
        await self._only_at_the_first()
        if address is None:
            return
        added = self._held_at(address)
        self._also = address
        for port, held in added.items():
            self._sockets[port].append(held)
            if port in self._sites:
                self._sites[port].append(web.SockSite(self._runner, held))
                await self._sites[port][-1].start()

    async def _only_at_the_first(self) -> None:
        for port, listeners in self._sockets.items():
            for site in self._sites.get(port, [])[1:]:
                await site.stop()
            for held in listeners[1:]:
                held.close()
        self._sites = {port: sites[:1] for port, sites in self._sites.items()}
        self._sockets = {port: listeners[:1] for port, listeners in self._sockets.items()}
        self._also = None

    def _held_at(self, address: str) -> dict[int, socket.socket]:
        added: dict[int, socket.socket] = {}
        try:
            for port in self._sockets:
                added[port] = listener(address, port, port in self._sites)
        except (OSError, PortTaken) as error:
            for held in added.values():
                held.close()
            raise error if isinstance(error, OSError) else OSError(errno.EADDRINUSE, str(error)) from None
        return added

    def hears_at_loopback(self, request: web.Request) -> bool:
        """Tell whether a request did not come in by the one more address."""
        return self._also is None or socket_of(request)[0] not in ("", self._also)

    def close(self) -> None:
        """Close every socket; ``runner`` was cleaned up before."""
        for listeners in self._sockets.values():
            for held in listeners:
                held.close()


def socket_of(request: web.Request) -> tuple[str, int]:
    """Return the address and port at which a request came in; an empty one when its connection is gone."""
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return (str(name[0]), int(name[1])) if name else ("", 0)
