"""JSON documents and transactions."""

import threading

import pytest

from ecrlab.store import Exists, Repository, Store


def test_put_get_replace_delete(store: Store) -> None:
    users = store.table("iam.users")
    assert users.get("1/ci") is None
    users.put("1/ci", {"name": "ci"})
    users.put("1/ci", {"name": "ci", "path": "/"})
    assert users.get("1/ci") == {"name": "ci", "path": "/"}
    assert store.table("iam.roles").get("1/ci") is None
    assert users.delete("1/ci") is True
    assert users.delete("1/ci") is False


def test_items_are_ordered_and_paged(store: Store) -> None:
    table = store.table("things")
    for key in ("b/2", "a/1", "b/1", "b/10", "c", "b", "b0", "b/é", "b/\U0001f40b"):
        table.put(key, {"key": key})
    everything = [key for key, _ in table.items()]
    assert everything == sorted(everything)
    assert len(everything) == 9
    assert [key for key, _ in table.items("b/")] == ["b/1", "b/10", "b/2", "b/é", "b/\U0001f40b"]
    assert [key for key, _ in table.items("b/", after="b/1", limit=2)] == ["b/10", "b/2"]
    assert table.items("nothing") == []
    assert all(value == {"key": key} for key, value in table.items())


def test_a_lone_surrogate_in_a_document_is_kept(store: Store) -> None:
    store.table("things").put("a", {"text": "\ud800"})
    assert store.table("things").get("a") == {"text": "\ud800"}


def test_a_transaction_is_whole_or_nothing(store: Store) -> None:
    table = store.table("things")

    def fail() -> None:
        with store.transaction() as tx:
            tx.table("things").put("a", {})
            tx.create_repository("registry", "web", now=1.0)
            assert table.get("a") == {}, "reads inside see the writes"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert table.get("a") is None
    assert store.repository("registry", "web") is None


def test_what_a_nested_transaction_wrote_is_undone_when_it_fails(store: Store) -> None:
    table = store.table("things")

    def fail() -> None:
        with store.transaction():
            table.put("inner", {})
            raise RuntimeError

    with store.transaction():
        table.put("outer", {})
        with pytest.raises(RuntimeError):
            fail()
        assert table.get("inner") is None
        table.put("later", {})
    assert [key for key, _ in table.items()] == ["later", "outer"]


def test_the_version_changes_with_every_transaction_and_only_then(store: Store) -> None:
    before = store.version
    store.table("things").get("a")
    assert store.version == before
    with store.transaction():
        store.table("things").put("a", {})
        store.table("things").put("b", {})
        assert store.version == before
    assert store.version == before + 1


def test_other_threads_see_a_transaction_when_it_ends(store: Store) -> None:
    table = store.table("things")
    inside, go_on, seen = threading.Event(), threading.Event(), []

    def write() -> None:
        with store.transaction():
            table.put("a", {})
            inside.set()
            go_on.wait(10)

    writer = threading.Thread(target=write)
    writer.start()
    assert inside.wait(10)
    seen.append(table.get("a"))
    go_on.set()
    writer.join()
    seen.append(table.get("a"))
    assert seen == [None, {}]


def test_many_threads_count_together(store: Store) -> None:
    table = store.table("things")
    table.put("n", {"n": 0})

    def count() -> None:
        for _ in range(25):
            with store.transaction():
                value = table.get("n")
                assert value is not None
                table.put("n", {"n": value["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.get("n") == {"n": 100}


def test_repositories(store: Store, repository: Repository) -> None:
    with pytest.raises(Exists):
        store.create_repository("registry", "team/web", now=1.0)
    other = store.create_repository("hub", "team/web", now=1.0)
    for name in ("team/api", "team-b/x", "zoo"):
        store.create_repository("registry", name, now=1.0)
    assert [r.name for r in store.repositories("registry")] == ["team-b/x", "team/api", "team/web", "zoo"]
    assert [r.name for r in store.repositories("registry", "team/")] == ["team/api", "team/web"]
    assert [r.name for r in store.repositories("registry", after="team/api", limit=1)] == ["team/web"]
    assert store.registries() == ["hub", "registry"]
    assert store.update_repository("registry", "team/web", {"k": 1}).attributes == {"k": 1}
    store.delete_repository("registry", "team/web")
    assert store.repository("registry", "team/web") is None
    assert store.repository("hub", "team/web") == other
