"""What is kept of a store: until a write, never across a transaction that is still open, and never without bound."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ecrlab.store import Kept, Store


class Counted:
    """Reads a document and counts how often it was asked to."""

    def __init__(self, store: Store) -> None:
        self.table = store.table("things")
        self.reads = 0

    def __call__(self) -> str | None:
        self.reads += 1
        found = self.table.get("a")
        return found and str(found["value"])


@pytest.fixture
def reader(store: Store) -> Counted:
    store.table("things").put("a", {"value": "first"})
    return Counted(store)


def test_a_value_is_read_once_until_anything_is_written(store: Store, reader: Counted) -> None:
    kept: Kept[str, str | None] = Kept(store)
    assert [kept.get("a", reader) for _ in range(3)] == ["first"] * 3
    assert reader.reads == 1
    store.table("others").put("b", {})
    assert kept.get("a", reader) == "first"
    assert reader.reads == 2
    store.table("things").put("a", {"value": "second"})
    assert kept.get("a", reader) == "second"
    store.table("things").delete("a")
    assert kept.get("a", reader) is None
    assert kept.get("a", reader) is None
    assert reader.reads == 4


def test_what_a_transaction_wrote_and_undid_was_never_kept(store: Store, reader: Counted) -> None:
    kept: Kept[str, str | None] = Kept(store)
    assert kept.get("a", reader) == "first"

    def change() -> None:
        with store.transaction():
            reader.table.put("a", {"value": "undone"})
            assert kept.get("a", reader) == "undone"
            assert kept.get("b", reader) == "undone"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change()
    assert kept.get("a", reader) == "first"
    assert kept.get("b", reader) == "first"


def test_a_transaction_of_another_thread_counts_when_it_is_over(store: Store, reader: Counted) -> None:
    kept: Kept[str, str | None] = Kept(store)
    written, seen = threading.Event(), threading.Event()

    def write() -> None:
        with store.transaction():
            reader.table.put("a", {"value": "second"})
            written.set()
            seen.wait(10)

    thread = threading.Thread(target=write)
    thread.start()
    written.wait(10)
    assert kept.get("a", reader) == "first"
    seen.set()
    thread.join(10)
    assert kept.get("a", reader) == "second"


def test_a_write_while_reading_is_not_missed(store: Store, reader: Counted) -> None:
    kept: Kept[str, str | None] = Kept(store)

    def slow() -> str | None:
        found = reader()
        reader.table.put("a", {"value": "second"})
        return found

    assert kept.get("a", slow) == "first"
    assert kept.get("a", reader) == "second"


def test_no_more_than_so_many_are_kept(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        kept: Kept[int, int] = Kept(store, 10)
        for number in range(1000):
            assert kept.get(number, lambda number=number: number) == number
        assert len(kept._found[1]) <= 10


def test_what_reading_raised_is_asked_again(store: Store, reader: Counted) -> None:
    kept: Kept[str, str | None] = Kept(store)

    def fails() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        kept.get("a", fails)
    assert kept.get("a", reader) == "first"


def test_what_is_worked_out_in_steps_is_kept_unless_something_was_written_meanwhile(store: Store) -> None:
    kept: Kept[str, str] = Kept(store)
    assert kept.known("a") is None
    version = store.version
    kept.keep("a", "first", version)
    assert kept.known("a") == "first"
    store.table("others").put("b", {})
    assert kept.known("a") is None
    kept.keep("a", "old", version)
    assert kept.known("a") is None
    kept.keep("a", "new", store.version)
    assert kept.known("a") == "new"
    with store.transaction():
        assert kept.known("a") is None
