"""Garbage collection: what goes, what stays, and pushes meanwhile."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ecrlab.store import Blob, Reference, ReferencesMissing, Repository, Store, StoreFull, digest_of
from ecrlab.store import uploads as uploads_module


def put(store: Store, home: Repository, text: bytes, *names: str, tag: str | None = None) -> None:
    references = [Reference(name, "blob") for name in names]
    store.put_manifest(home, digest_of(text), "t", text, references, tag=tag, now=1.0)


def test_named_blobs_stay_and_others_go(store: Store, repository: Repository) -> None:
    named, loose = store.put_blob(repository, b"named"), store.put_blob(repository, b"loose")
    put(store, repository, b"m", named.digest)
    collected = store.collect_garbage(0.0)
    assert (collected.links, collected.blobs, collected.size) == (1, 1, 5)
    assert named.path.exists()
    assert not loose.path.exists()
    assert store.blob(repository, loose.digest) is None
    store.delete_manifest(repository, digest_of(b"m"))
    assert store.collect_garbage(0.0).blobs == 1
    assert not named.path.exists()


def test_a_blob_stays_while_another_repository_has_it(store: Store, repository: Repository) -> None:
    other = store.create_repository("registry", "other", now=1.0)
    blob = store.put_blob(repository, b"shared")
    store.mount_blob(repository, other, blob.digest)
    put(store, other, b"m", blob.digest)
    store.delete_repository("registry", repository.name)
    assert store.collect_garbage(0.0).blobs == 0
    assert blob.path.exists()
    store.delete_repository("registry", "other")
    assert store.collect_garbage(0.0).blobs == 1


def test_what_was_just_pushed_or_asked_for_stays(
    store: Store, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = store.put_blob(repository, b"just pushed")
    assert store.collect_garbage(60.0).links == 0
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)  # linked an hour ago
    assert store.blob(repository, blob.digest) is not None  # but a client was told just now that it is there
    assert store.collect_garbage(60.0).links == 0
    store._garbage.touched.clear()
    assert store.collect_garbage(60.0).links == 1


def test_who_asks_while_a_collection_decides_hears_what_it_decided(store: Store, repository: Repository) -> None:
    blob = store.put_blob(repository, b"going")
    answers: list[Blob | None] = []
    asking = threading.Thread(target=lambda: answers.append(store.blob(repository, blob.digest)))
    with store._database.lock:
        store._garbage.condemned.add((repository.id, blob.digest))
        asking.start()
        asking.join(0.2)
        assert answers == [], "it was told before the decision"
        store.delete_blob(repository, blob.digest)
        store._garbage.condemned.clear()
    asking.join(10)
    assert answers == [None]
    assert (repository.id, blob.digest) not in store._garbage.touched


def test_a_file_that_nothing_names_is_swept_once(folder: Path) -> None:
    with Store.open(folder) as store:
        home = store.create_repository("registry", "web", now=1.0)
        blob = store.put_blob(home, b"kept")
        put(store, home, b"m", blob.digest)
        orphan = store.blob_path(digest_of(b"orphan"))
        orphan.parent.mkdir(exist_ok=True)
        orphan.write_bytes(b"orphan")
        assert store.collect_garbage(0.0).size == 6
        assert not orphan.exists()
        assert blob.path.exists()


def test_idle_uploads_end(store: Store, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    idle, busy = store.start_upload(repository), store.start_upload(repository)
    monkeypatch.setattr(uploads_module, "UPLOAD_LIFE", -1.0)
    with busy.writing():
        assert store.collect_garbage().uploads == 1
    assert store.upload(repository, idle.id) is None
    assert store.upload(repository, busy.id) is busy


def test_pushes_and_deletes_while_garbage_is_collected(store: Store) -> None:
    """Four threads push and delete the same few blobs, a fifth collects without any wait between."""
    stop, wrong = threading.Event(), []

    def collect() -> None:
        while not stop.is_set():
            store.collect_garbage(1.0)

    def push(number: int) -> None:
        home = store.create_repository("registry", f"r{number}", now=1.0)
        try:
            for turn in range(40):
                blobs = [store.put_blob(home, f"content {(turn + step) % 7}".encode() * 50) for step in range(2)]
                put(store, home, f"{turn}".encode(), *(blob.digest for blob in blobs), tag="t")
                if turn % 3:
                    store.delete_manifest(home, digest_of(f"{turn}".encode()))
                if turn % 5 == 0:
                    store.delete_repository("registry", home.name)
                    home = store.create_repository("registry", home.name, now=1.0)
            for manifest in store.manifests(home):
                for blob in store.blobs(home):
                    if store.parents(home, blob.digest) and not blob.path.exists():
                        wrong.append(f"{manifest.digest} is without the file of {blob.digest}")
        except ReferencesMissing as error:
            wrong.append(str(error))

    collector = threading.Thread(target=collect)
    pushers = [threading.Thread(target=push, args=(number,)) for number in range(4)]
    for thread in (collector, *pushers):
        thread.start()
    for thread in pushers:
        thread.join()
    stop.set()
    collector.join()
    assert wrong == []
    store.collect_garbage(0.0)
    for number in range(4):
        home = store.repository("registry", f"r{number}")
        assert home is not None
        assert all(digest_of(blob.path.read_bytes()) == blob.digest for blob in store.blobs(home))


def fill(step: Callable[[int], object]) -> None:
    for number in range(2000):
        step(number)


def test_a_full_disk_says_so_and_breaks_nothing(tmp_path: Path, small_disk: Path) -> None:
    with Store.open(small_disk / "lab") as store:
        home = store.create_repository("registry", "web", now=1.0)
        kept = store.put_blob(home, b"kept" * 1000)
        put(store, home, b"m", kept.digest, tag="v1")
        upload = store.start_upload(home)
        with upload.writing():
            with pytest.raises(StoreFull, match="no room left"):
                upload.append(*[bytes(1 << 20)] * 8, *[bytes(1 << 20)] * 56)
            assert upload.size == 0
            with pytest.raises(StoreFull, match="no room left"):
                fill(lambda number: upload.append(bytes(1 << 20)))
            received = upload.size
            assert received == upload.path.stat().st_size
        with pytest.raises(StoreFull):
            fill(lambda number: store.table("things").put(f"{number}", {"text": "x" * 20_000}))
        assert store.manifest(home, "v1") is not None
        store.cancel_upload(upload)
        again = store.put_blob(home, b"room again" * 1000)
        put(store, home, b"n", again.digest, tag="v2")
    with Store.open(small_disk / "lab") as store:
        assert [tag for tag, _ in store.tags(home)] == ["v1", "v2"]
        found = store.blob(home, kept.digest)
        assert found is not None
        assert found.path.read_bytes() == b"kept" * 1000
