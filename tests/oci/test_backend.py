"""What a backend is asked, in which order, and what its answers do."""

from typing import Any

import pytest
from aiohttp import web

from ecrlab.oci import Access, Key, MountDeclined, OciError, OpenBackend, Operation
from ecrlab.store import Manifest, Repository, Store


class Guard(OpenBackend):
    """Writes down what it is asked; refuses what `refuse` says."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.asked: list[Access] = []
        self.refuse: Exception | None = None
        self.veto: OciError | None = None
        self.after: list[Manifest] = []
        self.pushed: list[tuple[str | None, bool]] = []
        self.deleted: list[tuple[tuple[str, ...], str | None]] = []

    async def locate(self, request: web.Request, name: str) -> Key:
        if name.startswith("nowhere"):
            raise OciError(404, "NAME_UNKNOWN", "no such registry")
        return "reg", name.removeprefix("host.example.com/")

    async def authorize(self, request: web.Request, access: Access) -> None:
        self.asked.append(access)
        if self.refuse is not None:
            raise self.refuse
        if access.repository is not None and self._store.repository("reg", access.repository) is None:
            self._store.create_repository("reg", access.repository, now=1.0)

    def before_put_manifest(self, tx: Store, repository: Repository, reference: str, manifest: Manifest) -> None:
        tx.table("seen").put(manifest.digest, {"reference": reference, "tags": list(manifest.tags)})
        if self.veto is not None:
            raise self.veto

    def after_put_manifest(
        self, grant: None, tx: Store, repository: Repository, manifest: Manifest, tag: str | None, new: bool
    ) -> None:
        assert tx.in_transaction
        self.after.append(manifest)
        self.pushed.append((tag, new))

    def after_delete_manifest(self, tx: Store, repository: Repository, manifest: Manifest, tag: str | None) -> None:
        assert tx.in_transaction
        self.deleted.append((manifest.tags, tag))

    def records_pull(self, grant: None, repository: Repository, manifest: Manifest) -> bool:
        return False

    def now(self) -> float:
        return 1234.5


@pytest.fixture
def backend(store: Store) -> Guard:
    return Guard(store)


async def test_every_operation_is_asked_for_once(client: Any, backend: Guard, digest: Any) -> None:
    content, name = await client.image("web", tag="v1")
    blob = await client.blob(b"x", "web")
    location = (await client("POST", "web/blobs/uploads/")).headers["Location"]
    upload = location.rsplit("/", 1)[1]
    other = (await client("POST", "web/blobs/uploads/")).headers["Location"]
    backend.asked.clear()
    requests = [
        ("GET", "/v2/", Operation.PING, None),
        ("HEAD", f"web/blobs/{blob}", Operation.HEAD_BLOB, blob),
        ("GET", f"web/blobs/{blob}", Operation.GET_BLOB, blob),
        ("POST", "web/blobs/uploads/", Operation.START_UPLOAD, None),
        ("POST", f"web/blobs/uploads/?digest={digest(b'')}", Operation.UPLOAD_BLOB, digest(b"")),
        ("POST", f"web/blobs/uploads/?mount={blob}&from=src", Operation.MOUNT_BLOB, blob),
        ("GET", location, Operation.UPLOAD_STATUS, upload),
        ("PATCH", location, Operation.WRITE_UPLOAD, upload),
        ("PUT", f"{location}?digest={digest(b'')}", Operation.FINISH_UPLOAD, upload),
        ("DELETE", other, Operation.CANCEL_UPLOAD, other.rsplit("/", 1)[1]),
        ("HEAD", "web/manifests/v1", Operation.HEAD_MANIFEST, "v1"),
        ("GET", f"web/manifests/{name}", Operation.GET_MANIFEST, name),
        ("GET", "web/tags/list", Operation.LIST_TAGS, "list"),
        ("GET", f"web/referrers/{name}", Operation.LIST_REFERRERS, name),
        ("GET", "_catalog", Operation.CATALOG, None),
        ("DELETE", "web/manifests/v1", Operation.DELETE_MANIFEST, "v1"),
        ("DELETE", f"web/blobs/{blob}", Operation.DELETE_BLOB, blob),
    ]
    for method, path, operation, reference in requests:
        backend.asked.clear()
        answer = await client(method, path)
        assert answer.status < 300, (method, path, answer)
        nowhere = operation in (Operation.PING, Operation.CATALOG)
        registry, repository = (None, None) if nowhere else ("reg", "web")
        source = ("reg", "src") if operation is Operation.MOUNT_BLOB else None
        assert backend.asked == [Access(operation, registry, repository, reference, source)]
    backend.asked.clear()
    await client.manifest(content, "v2", "web")
    assert backend.asked == [Access(Operation.PUT_MANIFEST, "reg", "web", "v2")]


async def test_a_refusal_stops_everything(client: Any, backend: Guard, store: Store) -> None:
    content, name = await client.image("web", tag="v1")
    challenge = {"WWW-Authenticate": 'Basic realm="here"'}
    backend.refuse = OciError(401, "UNAUTHORIZED", "who are you?", headers=challenge)
    for method, path in (
        ("GET", "/v2/"),
        ("GET", "web/manifests/v1"),
        ("DELETE", f"web/manifests/{name}"),
        ("POST", "web/blobs/uploads/"),
        ("GET", "_catalog"),
        ("GET", "web/blobs/not-a-digest"),
    ):
        answer = await client(method, path)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="here"'
    assert (await client.manifest(content, "v2", "web")).status == 401
    backend.refuse = None
    assert (await client("GET", "web/tags/list")).json["tags"] == ["v1"]


async def test_a_veto_undoes_the_whole_transaction(client: Any, backend: Guard, store: Store) -> None:
    content, name = await client.image("web")
    backend.after.clear()
    backend.veto = OciError(400, "TAG_INVALID", "the tag is immutable")
    store.table("seen").delete(name)
    answer = await client.manifest(content, "v2", "web")
    assert (answer.status, answer.code) == (400, "TAG_INVALID")
    assert store.table("seen").get(name) is None
    assert backend.after == []
    backend.veto = None
    assert (await client.manifest(content, "v2", "web")).status == 201
    assert store.table("seen").get(name) == {"reference": "v2", "tags": ["v2"]}
    assert [(m.digest, m.tags, m.pushed_at) for m in backend.after] == [(name, ("v2",), 1234.5)]


async def test_what_a_push_changed_and_what_was_deleted_is_said(client: Any, backend: Guard) -> None:
    content, name = await client.image("web", tag="v1")
    other, _ = await client.image("web")
    backend.pushed.clear()
    for reference, what in (("v1", content), ("v2", content), (name, content), ("v1", other), ("v1", content)):
        assert (await client.manifest(what, reference, "web")).status == 201
    assert backend.pushed == [("v1", False), ("v2", True), (None, False), ("v1", True), ("v1", True)]
    assert (await client("DELETE", "web/manifests/v1")).status == 202
    assert (await client("DELETE", f"web/manifests/{name}")).status == 202
    assert backend.deleted == [(("v1", "v2"), "v1"), (("v2",), None)]


async def test_a_host_in_the_name_comes_back_in_every_location(client: Any, digest: Any) -> None:
    long = "host.example.com/web"
    answer = await client("POST", f"{long}/blobs/uploads/")
    assert answer.headers["Location"].startswith(f"/v2/{long}/blobs/uploads/")
    answer = await client("PUT", f"{answer.headers['Location']}?digest={digest(b'x')}", data=b"x")
    assert answer.headers["Location"] == f"/v2/{long}/blobs/{digest(b'x')}"
    assert (await client("GET", f"web/blobs/{digest(b'x')}")).body == b"x"
    content, name = await client.image(long)
    assert (await client.manifest(content, "v1", long)).headers["Location"] == f"/v2/{long}/manifests/{name}"
    assert (await client("GET", "nowhere/web/tags/list")).code == "NAME_UNKNOWN"


async def test_a_declined_mount_becomes_an_upload(client: Any, backend: Guard) -> None:
    blob = await client.blob(b"x", "source")
    await client.image("web")
    backend.refuse = MountDeclined()
    answer = await client("POST", f"web/blobs/uploads/?mount={blob}&from=source")
    assert answer.status == 202
    backend.refuse = None
    assert (await client("HEAD", f"web/blobs/{blob}")).status == 404
    answer = await client("POST", f"web/blobs/uploads/?mount={blob}&from=nowhere/x")
    assert answer.status == 202


async def test_a_pull_that_does_not_count(client: Any, store: Store) -> None:
    _, name = await client.image("web", tag="v1")
    await client("GET", "web/manifests/v1")
    home = store.repository("reg", "web")
    assert home is not None
    found = store.manifest(home, name)
    assert found is not None
    assert found.last_pulled_at is None
