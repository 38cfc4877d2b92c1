"""Pushing blobs: whole, in chunks, streamed, mounted; what goes wrong on the way."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

NAME = "team/web"


async def start(client: Any, query: str = "") -> str:
    answer = await client("POST", f"{NAME}/blobs/uploads/{query}")
    assert answer.status == 202
    assert answer.headers["Range"] == "0-0"
    assert answer.headers["Docker-Upload-UUID"] in answer.headers["Location"]
    return str(answer.headers["Location"])


async def chunk(client: Any, location: str, data: bytes, first: int, method: str = "PATCH", query: str = "") -> Any:
    headers = {"Content-Range": f"{first}-{first + len(data) - 1}"}
    return await client(method, location + query, data=data, headers=headers)


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece
        await asyncio.sleep(0.01)


async def test_post_then_put(client: Any, digest: Any, store: Any) -> None:
    content = os.urandom(5_000_000)
    answer = await client("PUT", f"{await start(client)}?digest={digest(content)}", data=content)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, digest(content))
    assert (await client("GET", answer.headers["Location"])).body == content
    assert list((store.path / "uploads").iterdir()) == []


async def test_streamed_without_a_length(client: Any, digest: Any) -> None:
    content = [os.urandom(700_000) for _ in range(5)]
    location = await start(client)
    answer = await client("PATCH", location, data=pieces(*content))
    assert (answer.status, answer.headers["Range"]) == (202, "0-3499999")
    answer = await client("PUT", f"{location}?digest={digest(b''.join(content))}")
    assert (await client("GET", answer.headers["Location"])).body == b"".join(content)


async def test_many_tiny_pieces(client: Any, digest: Any) -> None:
    location = await start(client)
    body = b"".join(b"1\r\nx\r\n" for _ in range(5000)) + b"0\r\n\r\n"
    request = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert b" 202 " in (await client.raw(request.encode() + body, end=False)).split(b"\r\n")[0]
    assert (await client("PUT", f"{location}?digest={digest(b'x' * 5000)}")).status == 201


async def test_chunks_in_order_and_out_of_order(client: Any, digest: Any) -> None:
    content = os.urandom(3000)
    location = await start(client)
    assert (await chunk(client, location, content[1000:], 1000)).status == 416
    answer = await chunk(client, location, content[:1000], 0)
    assert (answer.status, answer.headers["Range"]) == (202, "0-999")
    for first in (0, 999, 1001, 2000):
        answer = await chunk(client, location, content[1000:2000], first)
        assert (answer.status, answer.headers["Range"], answer.code) == (416, "0-999", "RANGE_INVALID")
    assert (await chunk(client, location, content[1000:2000], 1000)).status == 202
    last = f"?digest={digest(content)}"
    assert (await chunk(client, location, content[2000:], 1500, "PUT", last)).status == 416
    assert (await client("GET", location)).headers["Range"] == "0-1999"
    assert (await chunk(client, location, content[2000:], 2000, "PUT", last)).status == 201


@pytest.mark.parametrize("text", ["x", "0-", "-5", "5-0", "0-9x", "99999999999999999999-5", "0-4,5-9", ""])
async def test_a_content_range_that_is_none(client: Any, text: str) -> None:
    answer = await client("PATCH", await start(client), data=b"12345", headers={"Content-Range": text})
    assert (answer.status, answer.code) == (400, "BLOB_UPLOAD_INVALID")


async def test_a_chunk_of_another_length_than_announced_changes_nothing(client: Any, digest: Any) -> None:
    location = await start(client)
    assert (await chunk(client, location, b"first", 0)).status == 202
    answer = await client("PATCH", location, data=b"12345", headers={"Content-Range": "5-14"})
    assert (answer.status, answer.code) == (400, "SIZE_INVALID")
    for data in (pieces(b"123"), pieces(b"123", b"4567890", b"x" * 5_000_000)):
        answer = await client("PATCH", location, data=data, headers={"Content-Range": "5-9"})
        assert (answer.status, answer.code) == (400, "SIZE_INVALID")
        assert (await client("GET", location)).headers["Range"] == "0-4"
    assert (await chunk(client, location, b" last", 5)).status == 202
    assert (await client("PUT", f"{location}?digest={digest(b'first last')}")).status == 201


async def test_status_and_cancel(client: Any) -> None:
    location = await start(client)
    await client("PATCH", location, data=b"12345")
    answer = await client("GET", location)
    assert (answer.status, answer.headers["Location"], answer.headers["Range"]) == (204, location, "0-4")
    assert (await client("DELETE", location)).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = await client(method, location)
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_digests_that_are_wrong(client: Any, digest: Any) -> None:
    location = await start(client)
    for text in ("", "?digest=", "?digest=sha256:xyz", "?digest=md5:0", "?digest=nope"):
        answer = await client("PUT", location + text, data=b"x")
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID"), text
    answer = await client("PUT", f"{location}?digest={digest(b'other')}", data=b"x")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert answer.json["errors"][0]["detail"] == {"given": digest(b"other"), "computed": digest(b"x")}
    assert (await client("GET", location)).status == 404
    answer = await client("POST", f"{NAME}/blobs/uploads/?digest={digest(b'other')}", data=b"x")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert (await client("GET", f"{NAME}/blobs/{digest(b'other')}")).status == 404


async def test_sha512_announced_or_not(client: Any, digest: Any) -> None:
    for query in ("", "?digest-algorithm=sha512"):
        content = os.urandom(100)
        location = await start(client, query)
        name = digest(content, "sha512")
        assert (await client("PUT", f"{location}?digest={name}", data=content)).status == 201
        assert (await client("GET", f"{NAME}/blobs/{name}")).body == content
    answer = await client("POST", f"{NAME}/blobs/uploads/?digest-algorithm=md5")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


async def test_mount(client: Any, digest: Any) -> None:
    name = await client.blob(b"shared", "source/one")
    answer = await client("POST", f"{NAME}/blobs/uploads/?mount={name}&from=source/one")
    assert (answer.status, answer.headers["Location"]) == (201, f"/v2/{NAME}/blobs/{name}")
    assert (await client("GET", f"{NAME}/blobs/{name}")).body == b"shared"
    for query in (f"mount={digest(b'unknown')}&from=source/one", f"mount={name}&from=no/such", f"mount={name}",
                  f"mount={name}&from=../../etc", f"from={NAME}"):  # fmt: skip
        answer = await client("POST", f"{NAME}/blobs/uploads/?{query}")
        assert answer.status == 202, query
        assert f"/v2/{NAME}/blobs/uploads/" in answer.headers["Location"]


async def test_a_broken_connection_keeps_what_arrived(client: Any, digest: Any, store: Any) -> None:
    location = await start(client)
    request = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(request + b"x" * 400)
    await writer.drain()
    await asyncio.sleep(0.2)
    assert (await client("PATCH", location, data=b"y")).status == 409, "one writer at a time"
    writer.close()
    await writer.wait_closed()
    for _ in range(50):
        answer = await client("GET", location)
        if answer.headers["Range"] == "0-399":
            break
        await asyncio.sleep(0.05)
    assert answer.headers["Range"] == "0-399"
    assert (await chunk(client, location, b"z", 400)).status == 202
    assert (await client("PUT", f"{location}?digest={digest(b'x' * 400 + b'z')}")).status == 201


async def test_a_body_that_breaks_its_own_framing(client: Any) -> None:
    location = await start(client)
    request = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nboom\r\n".encode()
    assert b" 400 " in (await client.raw(request, end=False)).split(b"\r\n")[0]


async def test_a_layer_is_stored_as_it_was_sent(client: Any, digest: Any) -> None:
    content = b"\x1f\x8b not really gzip"
    location = await start(client)
    answer = await client("PATCH", location, data=content, headers={"Content-Encoding": "gzip"})
    assert answer.status == 202
    assert (await client("PUT", f"{location}?digest={digest(content)}")).status == 201


async def test_uploads_of_other_repositories_are_unknown(client: Any) -> None:
    location = await start(client)
    await client.blob(b"x", "other/one")
    assert (await client("GET", location.replace(NAME, "other/one"))).status == 404


async def test_a_slow_client_holds_nobody_up(client: Any) -> None:
    location = await start(client)
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode())
    await writer.drain()
    await asyncio.wait_for(asyncio.gather(*(client.blob(os.urandom(20_000)) for _ in range(40))), 20)
    writer.close()
    await writer.wait_closed()
