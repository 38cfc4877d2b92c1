"""Pulling and deleting blobs: content, ranges, HEAD, 404."""

import os
from typing import Any

import pytest

from ecrlab.oci import OpenBackend
from ecrlab.store import Blob, Repository


async def test_get_and_head(client: Any) -> None:
    content = os.urandom(300_000)
    name = await client.blob(content)
    got = await client("GET", f"team/web/blobs/{name}")
    head = await client("HEAD", f"team/web/blobs/{name}")
    assert got.body == content
    for answer in (got, head):
        assert answer.status == 200
        assert answer.headers["Content-Length"] == "300000"
        assert answer.headers["Docker-Content-Digest"] == name
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert head.body == b""


async def test_a_percent_encoded_digest(client: Any) -> None:
    name = await client.blob(b"content")
    assert (await client("GET", f"team/web/blobs/{name.replace(':', '%3A')}")).body == b"content"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_both_algorithms(client: Any, algorithm: str) -> None:
    name = await client.blob(b"content", algorithm=algorithm)
    assert (await client("GET", f"team/web/blobs/{name}")).body == b"content"


@pytest.mark.parametrize(
    ("spec", "status", "part"),
    [("0-0", 206, slice(0, 1)), ("10-19", 206, slice(10, 20)), ("990-", 206, slice(990, None)),
     ("-5", 206, slice(-5, None)), ("990-5000", 206, slice(990, None)), ("1000-", 416, None), ("5000-6000", 416, None)],
)  # fmt: skip
async def test_ranges(client: Any, spec: str, status: int, part: slice | None) -> None:
    content = os.urandom(1000)
    name = await client.blob(content)
    answer = await client("GET", f"team/web/blobs/{name}", headers={"Range": f"bytes={spec}"})
    assert answer.status == status
    if part is not None:
        assert answer.body == content[part]
        first = range(1000)[part][0]
        assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.body) - 1}/1000"
    else:
        assert answer.headers["Content-Range"] == "bytes */1000"


@pytest.mark.parametrize("spec", ["bytes=0-1,5-6", "bytes=5-2", "bytes=x-", "lines=1-2", "bytes=-", ""])
async def test_what_is_not_a_range_is_ignored(client: Any, spec: str) -> None:
    name = await client.blob(b"content")
    answer = await client("GET", f"team/web/blobs/{name}", headers={"Range": spec})
    assert (answer.status, answer.body) == (200, b"content")


async def test_what_the_client_has_is_not_sent_again(client: Any) -> None:
    name = await client.blob(b"content")
    answer = await client("GET", f"team/web/blobs/{name}", headers={"If-None-Match": f'"{name}"'})
    assert (answer.status, answer.body) == (304, b"")
    answer = await client("GET", f"team/web/blobs/{name}", headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (answer.status, answer.body) == (200, b"content")


async def test_an_empty_blob(client: Any) -> None:
    name = await client.blob(b"")
    assert (await client("GET", f"team/web/blobs/{name}")).body == b""
    assert (await client("GET", f"team/web/blobs/{name}", headers={"Range": "bytes=0-"})).status == 416


async def test_a_file_that_is_gone(client: Any, store: Any) -> None:
    name = await client.blob(b"content")
    store.blob_path(name).unlink()
    answer = await client("GET", f"team/web/blobs/{name}")
    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")


async def test_unknown(client: Any, digest: Any) -> None:
    await client.blob(b"x")
    for method in ("GET", "HEAD", "DELETE"):
        answer = await client(method, f"team/web/blobs/{digest(b'unknown')}")
        assert answer.status == 404
    assert (await client("GET", f"team/web/blobs/{digest(b'unknown')}")).code == "BLOB_UNKNOWN"
    assert (await client("GET", f"team/other/blobs/{digest(b'x')}")).code == "NAME_UNKNOWN"
    assert (await client("GET", "team/web/blobs/sha256:short")).code == "DIGEST_INVALID"


async def test_delete(client: Any) -> None:
    name = await client.blob(b"x")
    assert (await client("DELETE", f"team/web/blobs/{name}")).status == 202
    assert (await client("DELETE", f"team/web/blobs/{name}")).status == 404
    assert (await client("GET", f"team/web/blobs/{name}")).status == 404


async def test_a_file_beside_it_that_looks_compressed_is_never_sent(client: Any, store: Any) -> None:
    name = await client.blob(b"content")
    path = store.blob_path(name)
    path.with_suffix(".gz").write_bytes(b"not the content")
    answer = await client("GET", f"team/web/blobs/{name}", headers={"Accept-Encoding": "gzip"})
    assert answer.body == b"content"


class Redirecting(OpenBackend):
    """Sends downloads elsewhere."""

    async def blob_location(self, grant: None, repository: Repository, blob: Blob) -> str | None:
        return f"/_blobs/{repository.name}/{blob.size}"


class TestRedirect:
    @pytest.fixture
    def backend(self, store: Any) -> Any:
        return Redirecting(store)

    async def test_a_download_elsewhere(self, client: Any) -> None:
        name = await client.blob(b"content")
        answer = await client("GET", f"team/web/blobs/{name}")
        assert (answer.status, answer.headers["Location"], answer.body) == (307, "/_blobs/team/web/7", b"")
        assert (await client("HEAD", f"team/web/blobs/{name}")).status == 200
