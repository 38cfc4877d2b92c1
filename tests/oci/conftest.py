"""A registry on a real port, and a client that speaks HTTP to it."""

import asyncio
import hashlib
import io
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from ecrlab.oci import RUNNER_OPTIONS, OpenBackend, Registry
from ecrlab.store import Store

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Answer:
    """An answer, read whole."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the first error."""
        return str(self.json["errors"][0]["code"])


class Client:
    """Speaks to one registry; every path below /v2/ is given as it goes on the wire."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self.session, self.port = session, port

    async def __call__(self, method: str, path: str, **options: Any) -> Answer:
        if isinstance(options.get("data"), bytes):
            options["data"] = io.BytesIO(options["data"])  # aiohttp warns of large bytes
        url = URL(f"http://127.0.0.1:{self.port}" + (path if path.startswith("/") else f"/v2/{path}"), encoded=True)
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def raw(self, data: bytes, end: bool = True) -> bytes:
        """What comes back for bytes that no client library would send."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        if end:
            writer.write_eof()
        try:
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
            await writer.wait_closed()

    async def blob(self, content: bytes, name: str = "team/web", algorithm: str = "sha256") -> str:
        """Push a blob; its digest."""
        name_of = digest(content, algorithm)
        answer = await self("POST", f"{name}/blobs/uploads/?digest={name_of}", data=content)
        assert answer.status == 201, answer
        return name_of

    async def image(self, name: str = "team/web", tag: str | None = None, **extra: Any) -> tuple[bytes, str]:
        """Push an image of one layer; its manifest and digest."""
        layer, config = os.urandom(50), b"{}"
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(config), "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(layer), "size": 50}],
            **extra,
        }
        await self.blob(layer, name)
        await self.blob(config, name)
        content = json.dumps(document).encode()
        answer = await self.manifest(content, tag or digest(content), name)
        assert answer.status == 201, answer
        return content, digest(content)

    async def manifest(
        self, content: bytes, reference: str, name: str = "team/web", media_type: str | None = MANIFEST
    ) -> Answer:
        """PUT a manifest."""
        headers = {} if media_type is None else {"Content-Type": media_type}
        skip = ["Content-Type"] if media_type is None else []
        path = f"{name}/manifests/{reference}"
        return await self("PUT", path, data=content, headers=headers, skip_auto_headers=skip)


def digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


@pytest.fixture(name="digest")
def digest_fixture() -> Any:
    return digest


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path / "lab") as opened:
        yield opened


@pytest.fixture
def backend(store: Store) -> Any:
    return OpenBackend(store)


@pytest.fixture
async def client(store: Store, backend: Any) -> AsyncIterator[Client]:
    registry = Registry(store, backend)
    application = web.Application()
    application.add_routes(registry.routes())
    runner = web.AppRunner(application, **RUNNER_OPTIONS)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Client(session, port)
    await runner.cleanup()
    registry.close()
