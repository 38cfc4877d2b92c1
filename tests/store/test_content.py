"""Blobs, uploads, manifests, tags and referrers."""

import os

import pytest

from ecrlab.store import (
    DigestInvalid,
    DigestMismatch,
    Manifest,
    NotFound,
    Reference,
    ReferencesMissing,
    Repository,
    Store,
    UploadBusy,
    digest_of,
)
from ecrlab.store import uploads as uploads_module


def put(
    store: Store, home: Repository, text: bytes, *names: str, subject: str | None = None, **rest: object
) -> Manifest:
    references = [Reference(name, "blob", "layer/type", 1) for name in names]
    return store.put_manifest(
        home,
        digest_of(text),
        "manifest/type",
        text,
        references,
        subject,
        now=200.0,
        **rest,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("hashed_as", ["sha256", "sha512"])
def test_an_upload_in_parts(store: Store, repository: Repository, algorithm: str, hashed_as: str) -> None:
    upload = store.start_upload(repository, hashed_as)
    assert store.upload(repository, upload.id) is upload
    parts = [os.urandom(70_000), b"", os.urandom(5)]
    for part in parts:
        with upload.writing():
            upload.append(part)
    digest = digest_of(b"".join(parts), algorithm)
    blob = store.finish_upload(upload, digest)
    assert (blob.digest, blob.size, blob.path.read_bytes()) == (digest, 70_005, b"".join(parts))
    assert store.blob(repository, digest) == blob
    assert store.upload(repository, upload.id) is None
    assert list((store.path / "uploads").iterdir()) == []


def test_many_pieces_at_once(store: Store, repository: Repository) -> None:
    upload = store.start_upload(repository)
    with upload.writing():
        assert upload.append(b"a", bytearray(b"b"), memoryview(b"cd"), b"") == 4
    assert store.finish_upload(upload, digest_of(b"abcd")).size == 4


def test_an_empty_blob(store: Store, repository: Repository) -> None:
    blob = store.finish_upload(store.start_upload(repository), digest_of(b""))
    assert blob.path.read_bytes() == b""


def test_taking_back_bytes_of_an_upload(store: Store, repository: Repository) -> None:
    upload = store.start_upload(repository)
    with upload.writing():
        upload.append(b"right")
        upload.append(b"wrong")
        upload.truncate(5)
        upload.append(b" again")
    assert store.finish_upload(upload, digest_of(b"right again")).size == 11


def test_a_wrong_digest_stores_nothing(store: Store, repository: Repository) -> None:
    upload = store.start_upload(repository)
    with upload.writing():
        upload.append(b"content")
    with pytest.raises(DigestInvalid):
        store.finish_upload(upload, "sha256:xyz")
    with pytest.raises(DigestMismatch, match=digest_of(b"content")):
        store.finish_upload(upload, digest_of(b"other"))
    assert store.blob(repository, digest_of(b"other")) is None
    assert store.blob(repository, digest_of(b"content")) is None
    with pytest.raises(NotFound):
        store.finish_upload(upload, digest_of(b"content"))


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha512:" + "a" * 64, "md5:" + "a" * 32, "a" * 64,
     "sha256:../../../../etc/passwd", "sha256:" + "a" * 64 + "\n"],
)  # fmt: skip
def test_a_digest_that_is_none_never_becomes_a_path(store: Store, digest: str) -> None:
    with pytest.raises(DigestInvalid):
        store.blob_path(digest)


def test_one_writer_at_a_time(store: Store, repository: Repository) -> None:
    upload = store.start_upload(repository)
    with upload.writing():
        with pytest.raises(UploadBusy), upload.writing():
            pass
        with pytest.raises(UploadBusy):
            store.cancel_upload(upload)
    with pytest.raises(UploadBusy):
        upload.append(b"nobody holds it")
    store.cancel_upload(upload)
    assert store.upload(repository, upload.id) is None


def test_an_upload_belongs_to_its_repository(store: Store, repository: Repository) -> None:
    other = store.create_repository("registry", "other", now=1.0)
    upload = store.start_upload(repository)
    assert store.upload(other, upload.id) is None
    store.delete_repository("registry", repository.name)
    again = store.create_repository("registry", repository.name, now=1.0)
    assert store.upload(again, upload.id) is None


def test_a_repository_deleted_during_an_upload(store: Store, repository: Repository) -> None:
    upload = store.start_upload(repository)
    with upload.writing():
        upload.append(b"content")
        store.delete_repository("registry", repository.name)
    with pytest.raises(NotFound):
        store.finish_upload(upload, digest_of(b"content"))
    assert list((store.path / "uploads").iterdir()) == []


def test_open_uploads_are_bounded(store: Store, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads_module, "MAX_UPLOADS", 3)
    uploads = [store.start_upload(repository) for _ in range(4)]
    assert [store.upload(repository, upload.id) is not None for upload in uploads] == [False, True, True, True]


def test_blobs_are_shared_on_disk_but_not_between_repositories(store: Store, repository: Repository) -> None:
    other = store.create_repository("registry", "other", now=1.0)
    blob = store.put_blob(repository, b"shared")
    assert store.blob(other, blob.digest) is None
    assert store.mount_blob(repository, other, digest_of(b"unknown")) is None
    mounted = store.mount_blob(repository, other, blob.digest)
    assert mounted is not None
    assert mounted.path == blob.path
    assert store.delete_blob(repository, blob.digest) is True
    assert store.delete_blob(repository, blob.digest) is False
    assert store.blob(repository, blob.digest) is None
    assert store.blob(other, blob.digest) is not None


def test_a_blob_whose_file_was_cut_is_healed_by_pushing_it_again(store: Store, repository: Repository) -> None:
    blob = store.put_blob(repository, b"whole")
    blob.path.write_bytes(b"wh")
    assert store.put_blob(repository, b"whole").path.read_bytes() == b"whole"


def test_manifest_and_tags(store: Store, repository: Repository) -> None:
    blob = store.put_blob(repository, b"layer")
    first = put(store, repository, b"one", blob.digest, tag="v1")
    assert (first.tags, first.pushed_at, first.size, first.content) == (("v1",), 200.0, 3, b"one")
    put(store, repository, b"one", blob.digest, tag="v1.0")
    second = put(store, repository, b"two", tag="v1")
    assert store.manifest(repository, "v1") == second
    assert store.manifest(repository, first.digest) == Manifest(
        first.digest, "manifest/type", b"one", 200.0, None, None, None, ("v1.0",), {}
    )
    assert store.manifest(repository, "v2") is None
    assert store.tags(repository) == [("v1", second.digest), ("v1.0", first.digest)]
    assert store.tags(repository, after="v1", limit=5) == [("v1.0", first.digest)]
    listed = store.manifests(repository)
    assert {manifest.digest: manifest.tags for manifest in listed} == {first.digest: ("v1.0",), second.digest: ("v1",)}
    assert store.manifests(repository, after=(listed[0].pushed_at, listed[0].digest)) == listed[1:]
    assert store.manifests(repository, limit=1) == listed[:1]
    assert store.manifests(repository, tagged=True) == listed
    assert store.manifests(repository, tagged=False) == []
    assert store.untagged(repository) == []
    assert store.count_manifests(repository) == 2
    found = store.blob(repository, blob.digest)
    assert found is not None
    assert found.media_type == "layer/type"
    assert store.delete_tag(repository, "v1") is True
    assert store.untagged(repository) == [second.digest]
    assert store.untagged(repository, after=second.digest) == []
    assert [manifest.digest for manifest in store.manifests(repository, tagged=False)] == [second.digest]
    assert store.manifest(repository, second.digest) is not None
    assert store.delete_manifest(repository, first.digest) is True
    assert store.delete_manifest(repository, first.digest) is False
    assert store.tags(repository) == []


def test_pushing_a_manifest_again_keeps_its_record(store: Store, repository: Repository) -> None:
    first = put(store, repository, b"one")
    store.update_manifest(repository, first.digest, attributes={"a": 1}, last_pulled_at=300.0)
    again = store.put_manifest(repository, first.digest, "manifest/type", b"one", [], tag="t", now=999.0)
    assert (again.pushed_at, again.last_pulled_at, again.attributes) == (200.0, 300.0, {"a": 1})


def test_a_manifest_is_refused_whole(store: Store, repository: Repository) -> None:
    blob = store.put_blob(repository, b"layer")
    child = Reference(digest_of(b"child"), "manifest")
    with pytest.raises(ReferencesMissing) as caught:
        store.put_manifest(
            repository, digest_of(b"x"), "t", b"x", [Reference(blob.digest, "blob"), child], tag="v", now=1.0
        )
    assert (caught.value.blobs, caught.value.manifests) == ((), (child.digest,))
    with pytest.raises(ReferencesMissing):
        put(store, repository, b"x", digest_of(b"elsewhere"), tag="v")
    with pytest.raises(DigestMismatch):
        store.put_manifest(repository, digest_of(b"y"), "t", b"x", [], tag="v", now=1.0)
    assert store.manifests(repository) == []
    assert store.tags(repository) == []


def test_parents_and_referrers(store: Store, repository: Repository) -> None:
    child = put(store, repository, b"child")
    index = store.put_manifest(
        repository, digest_of(b"index"), "t", b"index", [Reference(child.digest, "manifest")], now=1.0
    )
    assert store.parents(repository, child.digest) == [index.digest]
    subject = digest_of(b"not there")
    for number in range(5):
        put(store, repository, f"ref {number}".encode(), subject=subject, artifact_type=f"type/{number % 2}")
    everything = store.referrers(repository, subject)
    assert len(everything) == 5
    assert [m.digest for m in everything] == sorted(m.digest for m in everything)
    assert len(store.referrers(repository, subject, "type/1")) == 2
    assert store.referrers(repository, subject, after=everything[1].digest, limit=2) == everything[2:4]


def test_writing_to_a_repository_that_is_gone(store: Store, repository: Repository) -> None:
    store.delete_repository("registry", repository.name)
    store.create_repository("registry", repository.name, now=1.0)
    with pytest.raises(NotFound):
        put(store, repository, b"x", tag="v")
    with pytest.raises(NotFound):
        store.put_blob(repository, b"x")
