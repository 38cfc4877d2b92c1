"""The lab's process: ``python -m ecrlab.server`` and its arguments. `serve` runs until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from ecrlab.command import typed
from ecrlab.home import DEFAULT_PORT, Home
from ecrlab.ports import HIGHEST, PortTaken
from ecrlab.server.server import Server
from ecrlab.store import Store, StoreError
from ecrlab.trouble import sentence


async def serve(home: Home, port: int | None = None, host: str = "127.0.0.1") -> None:
    """Run the lab of ``home`` until SIGTERM or SIGINT.

    ``port``: the main port; 0 for any; None for the remembered one, at the first start 4510 or the next free one.
    Writes ``home.control`` once it listens, and removes it when it stops. Raises StoreInUse when another process serves
    this home, StoreDamaged, StoreTooNew, and PortTaken.
    """
    home.make()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # The hub keeps to itself: what is pulled from it must not make ECR work its decisions out again.
    with Store.open(home.lab) as store, Store.open(home.lab / "hub") as hub:
        server = Server(home, store, hub, host, port)
        if server.moved:
            print(
                f"Port {DEFAULT_PORT} is in use by another program; this lab uses port {server.main_port} from now on.",
                flush=True,
            )
        try:
            await server.start()
            print(f"ECR Lab listens at http://localhost:{server.main_port} (not AWS). Home: {home.path}", flush=True)
            await server.run(stop)
        finally:
            await server.close()
            # What threads still do for the cloud they do to stores that are open: SQLite crashes otherwise.
            await loop.shutdown_default_executor()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to {HIGHEST}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m ecrlab.server``; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ecrlab.server", description="Run the local cloud of ECR Lab.")
    parser.add_argument("--home", type=Path, help="the home folder (default: ECRLAB_HOME, or the nearest .ecrlab)")
    parser.add_argument("--port", type=_port, help="the main port; 0: any (default: the remembered one, else 4510)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: loopback only)")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(serve(Home(options.home) if options.home else Home.find(), options.port, options.host))
    except OSError as error:
        print(sentence(error, options.home), file=sys.stderr)
        return 1
    except (StoreError, PortTaken) as error:
        print(typed(error), file=sys.stderr)
        return 1
    return 0
