"""A recording front before a real registry: it notes each request, asks for a login, and breaks what a test wants."""

from __future__ import annotations

import base64
import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Fault:
    """What the front answers itself, in place of the registry: for a method and a pattern of the path."""

    method: str
    path: str
    status: int
    code: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        if not self.code:
            return b""
        return json.dumps({"errors": [{"code": self.code, "message": self.message}]}).encode()


@dataclass
class Front:
    """One front: `seen` holds (method, path, status, user agent) in the order of arrival; `faults` may be changed."""

    port: int
    upstream: int
    login: tuple[str, str] | None
    redirect_blobs: bool = False
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, int, str]] = field(default_factory=list)
    authorizations: list[tuple[str, str | None]] = field(default_factory=list)

    def take(self) -> list[tuple[str, str, int]]:
        """Return what was seen since the last call, with upload ids, queries and digests made equal in every run."""
        rows = [(method, plain(path), status) for method, path, status, _ in self.seen]
        self.seen.clear()
        return rows


def plain(path: str) -> str:
    """Return the path of a request with what differs between two runs replaced."""
    mark = "?digest" if "digest=" in path else ""
    path = re.sub(r"\?.*", "", path)
    path = re.sub(r"/blobs/uploads/.+", "/blobs/uploads/<id>", path)
    return re.sub(r"sha256:[0-9a-f]{64}", "<digest>", path) + mark


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def read_body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            front.seen.append((self.command, self.path, status, self.headers.get("User-Agent", "")))
            front.authorizations.append((self.path, self.headers.get("Authorization")))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            if not any(name.lower() == "content-length" for name, _ in headers):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do(self) -> None:
            body = self.read_body()
            for fault in front.faults:
                if fault.method == self.command and re.search(fault.path, self.path):
                    kind = [("Content-Type", "application/json")] if fault.code else []
                    self.answer(fault.status, [*fault.headers.items(), *kind], fault.body())
                    return
            if self.path.startswith("/_blobs/"):
                self.pass_on(self.path.removeprefix("/_blobs"), body)
                return
            if front.login is not None:
                want = "Basic " + base64.b64encode(":".join(front.login).encode()).decode()
                if self.headers.get("Authorization") != want:
                    text = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
                    challenge = ("WWW-Authenticate", 'Basic realm="test",service="test"')
                    self.answer(401, [challenge, ("Content-Type", "application/json")], json.dumps(text).encode())
                    return
            if front.redirect_blobs and self.command == "GET" and re.search(r"/blobs/sha256:", self.path):
                self.answer(307, [("Location", f"http://localhost:{front.port}/_blobs{self.path}")], b"")
                return
            self.pass_on(self.path, body)

        def pass_on(self, path: str, body: bytes) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", front.upstream)
            skip = {"authorization", "transfer-encoding", "content-length", "connection", "host"}
            connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", f"localhost:{front.port}")
            for name, value in self.headers.items():  # one line each: docker sends an Accept line a media type
                if name.lower() not in skip:
                    connection.putheader(name, value)
            if body or self.command in {"POST", "PATCH", "PUT"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            data = response.read()
            drop = {"transfer-encoding", "connection", "date", "server"}
            self.answer(response.status, [h for h in response.getheaders() if h[0].lower() not in drop], data)
            connection.close()

        do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do  # noqa: N815

    return Handler


@contextmanager
def open_front(port: int, upstream: int, login: tuple[str, str] | None = None) -> Iterator[Front]:
    """Serve a front on 127.0.0.1:port before the registry on 127.0.0.1:upstream until the block ends."""
    front = Front(port, upstream, login)
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(front))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
