"""Engines to look for: a real private dockerd, and small servers that answer as engines do."""

from __future__ import annotations

import json
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ecrlab.engine import private, stop_private
from ecrlab.home import Home


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty home whose engine is stopped afterwards, whatever the test did."""
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-engine-"))
    home = Home(folder / "home").make()
    yield home
    stop_private(home)
    shutil.rmtree(folder)


@pytest.fixture
def needs_dockerd() -> None:
    """Skip where no private engine can run; the reason names what is missing."""
    reason = private.possible() or (f"missing: {private.missing()}" if private.missing() else None)
    if reason:
        pytest.skip(reason)


@pytest.fixture
def engine_socket() -> Iterator[Callable[[str, object], Path]]:
    """Return a function that serves one answer for every request at a Unix socket and returns the socket's path."""
    servers: list[socketserver.BaseServer] = []
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-sock-"))

    def serve(name: str, answer: object) -> Path:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "engine"

            def log_message(self, *arguments: object) -> None:
                pass

        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return path

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
    shutil.rmtree(folder)
