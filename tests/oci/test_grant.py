"""The grant of a backend goes to the later hooks of the same request; a HEAD that is repeated needs no new one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from ecrlab.oci import Access, Key, Operation, RegistryBackend
from ecrlab.store import Blob, Manifest, Repository, Store


@dataclass(frozen=True)
class Ticket:
    """A number for each request that was let in."""

    number: int
    operation: Operation


class Giver(RegistryBackend[Ticket]):
    """Lets everybody in, and writes down which grant comes back where."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.given: list[Ticket] = []
        self.back: list[tuple[str, Ticket]] = []
        self.second: int | None = None

    def now(self) -> float:
        return 1.0

    async def locate(self, request: web.Request, name: str) -> Key:
        return "reg", name

    async def authorize(self, request: web.Request, access: Access) -> Ticket:
        if access.repository is not None and self._store.repository("reg", access.repository) is None:
            self._store.create_repository("reg", access.repository, now=1.0)
        self.given.append(Ticket(len(self.given), access.operation))
        return self.given[-1]

    def after_put_manifest(
        self, grant: Ticket, tx: Store, repository: Repository, manifest: Manifest, tag: str | None, new: bool
    ) -> None:
        self.back.append(("after_put_manifest", grant))

    async def blob_location(self, grant: Ticket, repository: Repository, blob: Blob) -> str | None:
        self.back.append(("blob_location", grant))
        return None

    def records_pull(self, grant: Ticket, repository: Repository, manifest: Manifest) -> bool:
        self.back.append(("records_pull", grant))
        return False

    async def catalog(self, grant: Ticket) -> str:
        self.back.append(("catalog", grant))
        return "reg"

    def question(self, request: web.Request, key: Key) -> Hashable | None:
        return None if self.second is None else (request.headers.get("Authorization", ""), self.second)

    def repeat(self, request: web.Request, grant: Ticket) -> None:
        self.back.append(("repeat", grant))


@pytest.fixture
def backend(store: Store) -> Giver:
    return Giver(store)


async def test_each_hook_is_given_the_grant_of_its_request(client: Any, backend: Giver) -> None:
    content, _ = await client.image("web")
    blob = await client.blob(b"x", "web")
    backend.back.clear()
    for hook, operation, request in (
        ("after_put_manifest", Operation.PUT_MANIFEST, client.manifest(content, "v1", "web")),
        ("records_pull", Operation.GET_MANIFEST, client("GET", "web/manifests/v1")),
        ("blob_location", Operation.GET_BLOB, client("GET", f"web/blobs/{blob}")),
        ("catalog", Operation.CATALOG, client("GET", "_catalog")),
    ):
        assert (await request).status < 300
        assert backend.back.pop() == (hook, backend.given[-1])
        assert backend.given[-1].operation is operation
    assert backend.back == []


async def test_a_head_is_repeated_with_its_grant_until_anything_is_written(client: Any, backend: Giver) -> None:
    content, name = await client.image("web", tag="v1")
    backend.second = 1
    backend.given.clear()
    backend.back.clear()
    answers = [await client("HEAD", "web/manifests/v1") for _ in range(3)]
    assert {answer.headers["Docker-Content-Digest"] for answer in answers} == {name}
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1
    [first] = backend.given
    assert backend.back == [("repeat", first)] * 2
    # Another image, another caller, another second: other questions.
    await client("HEAD", f"web/manifests/{name}")
    await client("HEAD", "web/manifests/v1", headers={"Authorization": "Basic eA=="})
    backend.second = 2
    await client("HEAD", "web/manifests/v1")
    assert len(backend.given) == 4
    await client.manifest(content, "v2", "web")
    await client("HEAD", "web/manifests/v1")
    assert [ticket.operation for ticket in backend.given[4:]] == [Operation.PUT_MANIFEST, Operation.HEAD_MANIFEST]


async def test_without_a_question_and_without_an_image_nothing_is_kept(client: Any, backend: Giver) -> None:
    await client.image("web", tag="v1")
    backend.given.clear()
    for _ in range(2):
        assert (await client("HEAD", "web/manifests/v1")).status == 200
    backend.second = 1
    for _ in range(2):
        assert (await client("HEAD", "web/manifests/none")).status == 404
    assert len(backend.given) == 4
