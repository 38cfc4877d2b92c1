"""The lab's registry beside CNCF distribution: `python bench/registry.py` (Debian's docker-registry must be installed).

Both run at once and are measured in turn, round by round; ours with a token and every request authorised by IAM, theirs
open and without access log. Prints what bench/RESULTS.md records; `--write` writes it there.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import http.client
import json
import os
import platform
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import boto3.session

RESULTS = Path(__file__).parent / "RESULTS.md"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MIB = 1 << 20


@dataclass
class Server:
    """A registry that runs: `headers` go with every request, `name` is the repository that is measured."""

    label: str
    port: int
    process: subprocess.Popen[bytes]
    started: float
    headers: dict[str, str] = field(default_factory=dict)
    name: str = "bench/app"
    idle: int = 0


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_answer(port: int, began: float) -> float:
    """Seconds from `began` until GET /v2/ is answered."""
    while time.perf_counter() - began < 30:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/v2/")
            connection.getresponse().read()
            return time.perf_counter() - began
        except OSError:
            time.sleep(0.005)
        finally:
            connection.close()
    raise SystemExit(f"nothing answers at port {port}")


def start_ours(folder: Path, running: list[subprocess.Popen[bytes]]) -> Server:
    """The whole lab, with a token for its administrator."""
    port, home = free_port(), folder / "home"
    command = [sys.executable, "-m", "ecrlab.server", "--home", str(home), "--port", str(port)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    running.append(process)
    took = wait_for_answer(port, began)
    os.environ.update(
        AWS_CONFIG_FILE=str(home / "lab/aws/config"), AWS_SHARED_CREDENTIALS_FILE=str(home / "lab/aws/credentials")
    )
    session = boto3.session.Session(  # type: ignore[no-untyped-call]
        profile_name="admin", region_name="us-east-1"
    )
    ecr = session.client(  # type: ignore[no-untyped-call]
        "ecr", endpoint_url=f"http://127.0.0.1:{port}"
    )
    for name in ("bench/app", *(f"bench/client-{number}" for number in range(50))):
        ecr.create_repository(repositoryName=name)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    ecr.close()
    assert base64.b64decode(token).startswith(b"AWS:")
    return Server("ECR Lab", port, process, took, {"Authorization": f"Basic {token}"})


def start_theirs(folder: Path, running: list[subprocess.Popen[bytes]]) -> Server:
    """Debian's docker-registry on a folder of its own."""
    program = shutil.which("docker-registry")
    if program is None:
        raise SystemExit("docker-registry is not installed: apt-get install docker-registry")
    port = free_port()
    config = folder / "config.yml"
    config.write_text(
        json.dumps(
            {
                "version": "0.1",
                "log": {"accesslog": {"disabled": True}, "level": "error"},
                "storage": {
                    "cache": {"blobdescriptor": "inmemory"},
                    "filesystem": {"rootdirectory": str(folder / "distribution")},
                    "delete": {"enabled": True},
                },
                "http": {"addr": f"127.0.0.1:{port}"},
            }
        )
    )
    began = time.perf_counter()
    process = subprocess.Popen([program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running.append(process)
    return Server("distribution", port, process, wait_for_answer(port, began))


# Memory


def memory(server: Server, key: str) -> int:
    """VmRSS or VmHWM of a server in bytes (Linux)."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"no {key} in /proc")


@contextlib.contextmanager
def peak(server: Server, into: list[float]) -> Iterator[None]:
    """Appends the peak of the server's memory above what it had when nothing large had been pushed yet, in MiB."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    server.idle = server.idle or memory(server, "VmRSS")
    yield
    into.append((memory(server, "VmHWM") - server.idle) / MIB)


# One large layer


def make_layer(path: Path, size: int, seed: bytes) -> str:
    """Write a file of `size` bytes that no earlier round had; returns its digest."""
    block, hasher = os.urandom(MIB), hashlib.sha256()
    with path.open("wb") as file:
        for number in range(size // MIB):
            piece = hashlib.sha256(seed + number.to_bytes(8, "big")).digest() + block[32:]
            hasher.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return f"sha256:{hasher.hexdigest()}"


class Wire:
    """One connection that adds as little as it can to what is measured."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.socket = socket.create_connection(("127.0.0.1", server.port))

    def send(self, method: str, path: str, length: int = 0) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in self.server.headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def answer(self, method: str, *statuses: int) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(self.socket, method=method)
        response.begin()
        assert response.status in statuses, (self.server.label, method, response.status, response.read(500))
        return response

    def location(self, response: http.client.HTTPResponse) -> str:
        response.read()
        return re.sub(r"^http://[^/]+", "", response.headers["Location"])


def push(server: Server, path: Path, digest: str) -> float:
    """Seconds to push a file as one layer, as docker does: POST, PATCH, PUT."""
    wire, size = Wire(server), path.stat().st_size
    began = time.perf_counter()
    wire.send("POST", f"/v2/{server.name}/blobs/uploads/")
    location = wire.location(wire.answer("POST", 202))
    wire.send("PATCH", location, size)
    with path.open("rb") as file:
        wire.socket.sendfile(file)
    location = wire.location(wire.answer("PATCH", 202))
    wire.send("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}")
    wire.answer("PUT", 201).read()
    took = time.perf_counter() - began
    wire.socket.close()
    return took


def pull(server: Server, digest: str, size: int) -> float:
    """Seconds to pull a layer, following a redirect."""
    wire = Wire(server)
    began = time.perf_counter()
    wire.send("GET", f"/v2/{server.name}/blobs/{digest}")
    response = wire.answer("GET", 200, 307)
    if response.status == 307:
        wire.send("GET", wire.location(response))
        response = wire.answer("GET", 200)
    buffer, received = bytearray(MIB), 0
    while count := response.readinto(buffer):
        received += count
    took = time.perf_counter() - began
    assert received == size
    wire.socket.close()
    return took


# Small requests


def push_image(server: Server) -> str:
    """Push a small image as `bench`; returns its manifest's path."""
    layer, config = os.urandom(1000), b"{}"

    def send(method: str, path: str, body: bytes, kind: str = "application/octet-stream") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request(method, path, body, {**server.headers, "Content-Type": kind})
        response = connection.getresponse()
        assert response.status in (201, 202), (server.label, path, response.status, response.read())
        response.read()
        connection.close()
        return response

    for content in (layer, config):
        location = re.sub(
            r"^http://[^/]+", "", send("POST", f"/v2/{server.name}/blobs/uploads/", b"").headers["Location"]
        )
        send("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest_of(content)}", content)
    path = f"/v2/{server.name}/manifests/bench"
    send("PUT", path, manifest(layer, config), MANIFEST)
    return path


def digest_of(content: bytes) -> str:
    """The sha256 digest."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def manifest(layer: bytes, config: bytes) -> bytes:
    """An image's manifest."""
    config_entry = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(config), "size": len(config)}
    layer_entry = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": digest_of(layer),
        "size": len(layer),
    }
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config_entry, "layers": [layer_entry]}
    return json.dumps(document).encode()


def heads(server: Server, path: str, seconds: float, clients: int = 8) -> float:
    """HEAD requests a second, each of the clients sending the next when it has the last answer."""
    lines = [f"HEAD {path} HTTP/1.1", "Host: 127.0.0.1", f"Accept: {MANIFEST}"]
    request = (
        "\r\n".join(lines + [f"{name}: {value}" for name, value in server.headers.items()]) + "\r\n\r\n"
    ).encode()
    ready, count = selectors.DefaultSelector(), 0
    sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(clients)]
    by_number = {connection.fileno(): connection for connection in sockets}
    for connection in sockets:
        ready.register(connection, selectors.EVENT_READ)
        connection.sendall(request)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for key, _ in ready.select(1):
            connection = by_number[key.fd]
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            assert answer.endswith(b"\r\n\r\n"), answer
            count += 1
            connection.sendall(request)
    took = time.perf_counter() - began
    ready.close()
    for connection in sockets:
        connection.close()
    return count / took


# Many clients


async def crowd(server: Server, seconds: float, clients: int = 50) -> tuple[list[float], dict[str, int]]:
    """Clients that push a new image and pull it, each in its own repository; times of every request, kinds of error."""
    times: list[float] = []
    errors: dict[str, int] = {}
    base = f"http://127.0.0.1:{server.port}"
    end = time.perf_counter() + seconds

    def wrong(what: str) -> None:
        errors[what] = errors.get(what, 0) + 1

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        name = f"bench/client-{number}"

        async def ask(method: str, url: str, *statuses: int, body: bytes = b"", kind: str = "") -> tuple[str, bytes]:
            began = time.perf_counter()
            url = url if url.startswith("http") else base + url
            headers = {"Accept": MANIFEST, **({"Content-Type": kind} if kind else {})}
            try:
                async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                    content = await answer.read()
                    times.append(time.perf_counter() - began)
                    if answer.status not in statuses:
                        wrong(f"{method} {answer.status}")
                    return answer.headers.get("Location", ""), content
            except (aiohttp.ClientError, TimeoutError) as error:
                wrong(f"{method} {type(error).__name__}")
                return "", b""

        while time.perf_counter() < end:
            layer = os.urandom(64 * 1024)
            for content in (layer, b"{}"):
                location, _ = await ask("POST", f"/v2/{name}/blobs/uploads/", 202)
                query = f"{'&' if '?' in location else '?'}digest={digest_of(content)}"
                await ask("PUT", location + query, 201, body=content, kind="application/octet-stream")
            await ask("PUT", f"/v2/{name}/manifests/latest", 201, body=manifest(layer, b"{}"), kind=MANIFEST)
            await ask("HEAD", f"/v2/{name}/manifests/latest", 200)
            await ask("GET", f"/v2/{name}/manifests/latest", 200)
            location, content = await ask("GET", f"/v2/{name}/blobs/{digest_of(layer)}", 200, 307)
            if location:
                _, content = await ask("GET", location, 200)
            if content != layer:
                wrong("other content")

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=server.headers, auto_decompress=False) as session:
        await asyncio.gather(*(client(session, number) for number in range(clients)))
    return times, errors


# The report


def row(
    name: str, ours: list[float], theirs: list[float], goal: str, unit: str, better: Callable[[float, float], float]
) -> str:
    """One line of the table: medians, ranges and the ratio."""
    one, two = statistics.median(ours), statistics.median(theirs)

    def text(values: list[float]) -> str:
        return f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"

    return f"| {name} | {text(ours)} {unit} | {text(theirs)} {unit} | {better(one, two):.2f} x | {goal} |"


def measure(options: argparse.Namespace) -> list[str]:
    """Run everything; returns the lines of the report."""
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-bench-"))
    running: list[subprocess.Popen[bytes]] = []
    try:
        size, layer = options.size * MIB, folder / "layer"
        servers = [start_ours(folder, running), start_theirs(folder, running)]
        ours, theirs = servers
        pushes: dict[str, list[float]] = {server.label: [] for server in servers}
        pulls: dict[str, list[float]] = {server.label: [] for server in servers}
        peaks: dict[str, list[float]] = {server.label: [] for server in servers}
        rates: dict[str, list[float]] = {server.label: [] for server in servers}
        starts: dict[str, list[float]] = {server.label: [server.started * 1000] for server in servers}
        paths = {server.label: push_image(server) for server in servers}
        for number in range(options.rounds):
            digest = make_layer(layer, size, os.urandom(16))
            order = servers if number % 2 else servers[::-1]
            for server in order:
                os.sync()  # what the other has not written to the disk yet is not this one's to wait for
                with peak(server, peaks[server.label]):
                    pushes[server.label].append(size / 1e6 / push(server, layer, digest))
                    pulls[server.label].append(size / 1e6 / pull(server, digest, size))
            for server in order:
                rates[server.label].append(heads(server, paths[server.label], 2.0))
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        digest = make_layer(layer, 4 * size, os.urandom(16))
        large: list[float] = []
        with peak(ours, large):
            push(ours, layer, digest)
            pull(ours, digest, 4 * size)
        layer.unlink()
        lines = [
            "| measure | ECR Lab | distribution | ratio | goal |",
            "|---|---|---|---|---|",
            row(
                f"push of {options.size} MiB",
                pushes[ours.label],
                pushes[theirs.label],
                "2.0 x",
                "MB/s",
                lambda a, b: a / b,
            ),
            row(
                f"pull of {options.size} MiB",
                pulls[ours.label],
                pulls[theirs.label],
                "1.2 x",
                "MB/s",
                lambda a, b: a / b,
            ),
            row("HEAD manifest, 8 clients", rates[ours.label], rates[theirs.label], "5 x", "/s", lambda a, b: a / b),
            row(
                "peak memory above idle",
                peaks[ours.label],
                peaks[theirs.label],
                "under 64 MiB",
                "MiB",
                lambda a, b: a / b,
            ),
            row(
                "first answer after start",
                starts[ours.label],
                starts[theirs.label],
                "1,000 ms",
                "ms",
                lambda a, b: a / b,
            ),
            "",
            f"Peak memory above idle, a layer of {4 * options.size} MiB: {large[0]:.0f} MiB.",
            "",
            f"50 clients, each pushing a new image of one 64 KiB layer and pulling it, {options.seconds} s:",
            "",
            "| registry | requests/s | median | p99 | slowest | errors |",
            "|---|---|---|---|---|---|",
        ]
        for server in servers:
            times, errors = asyncio.run(crowd(server, options.seconds))
            times.sort()
            listed = ", ".join(f"{count} x {what}" for what, count in sorted(errors.items())) or "none"
            middle, late = times[len(times) // 2], times[len(times) * 99 // 100]
            lines.append(
                f"| {server.label} | {len(times) / options.seconds:,.0f} | {middle * 1000:.0f} ms "
                f"| {late * 1000:.0f} ms | {times[-1] * 1000:.0f} ms | {listed} |"
            )
        return lines
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
            process.wait(15)
        shutil.rmtree(folder)


def main() -> int:
    """Run the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=500, help="MiB of the layer")
    parser.add_argument("--seconds", type=int, default=60, help="how long 50 clients push and pull")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    lines = measure(options)
    version = subprocess.run(["docker-registry", "--version"], capture_output=True, text=True, check=False).stdout
    text = "\n".join(
        [
            "# The registry beside CNCF distribution",
            "",
            "Written by `python bench/registry.py --write`. Medians (and ranges) of "
            f"{options.rounds} rounds in turn; ours is the whole lab with token, IAM and X-ray on, and syncs what it "
            "stores; distribution is open and does not sync.",
            f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {platform.python_version()}, "
            f"{' '.join(version.split()[:3])}, load average before and after "
            f"{before:.1f} and {os.getloadavg()[0]:.1f} (others work on this machine: go by the ratios).",
            "",
            *lines,
            "",
        ]
    )
    print(text)
    if options.write:
        growth = "\n# How the listings grow"  # that part is registry_growth.py's
        _, mark, kept = RESULTS.read_text().partition(growth)
        RESULTS.write_text(text + mark + kept)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
