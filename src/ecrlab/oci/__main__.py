"""A registry that is open to everybody: `python -m ecrlab.oci --root DIR --port P`."""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from aiohttp import web

from ecrlab.store import Store, StoreError

from .backend import OpenBackend
from .error import OciError
from .registry import RUNNER_OPTIONS, Registry, expect


async def nothing_here(request: web.Request) -> web.Response:
    """404 for everything that is not below /v2/."""
    return OciError(404, "UNSUPPORTED", "only /v2/ is served here").response()


async def serve(store: Store, host: str, port: int, collect_every: float) -> None:
    """Serve a store until SIGTERM or SIGINT; collects garbage every `collect_every` seconds."""
    registry = Registry(store, OpenBackend(store))
    application = web.Application()
    application.add_routes(registry.routes())
    application.router.add_route("*", "/{rest:.*}", nothing_here, expect_handler=expect)
    runner = web.AppRunner(application, shutdown_timeout=3.0, **RUNNER_OPTIONS)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    print(f"http://{host}:{port}/v2/ serves {store.path}", flush=True)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), collect_every)
            break
        await asyncio.to_thread(store.collect_garbage)
    await runner.cleanup()
    registry.close()


def main() -> int:
    """Run the program; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ecrlab.oci", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the folder of the store; made when missing")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--collect-every", type=float, default=600.0, metavar="SECONDS", help="garbage collection")
    options = parser.parse_args()
    try:
        with Store.open(options.root) as store:
            asyncio.run(serve(store, options.host, options.port, options.collect_every))
    except (StoreError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
