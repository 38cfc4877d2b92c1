"""Who may open a store, and which databases are refused."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ecrlab.store import Store, StoreDamaged, StoreError, StoreInUse, StoreTooNew


def test_a_second_opening_is_refused_with_the_pid(store: Store, folder: Path) -> None:
    with pytest.raises(StoreInUse, match=f"process {os.getpid()}.*ecrlab stop") as caught:
        Store.open(folder)
    assert caught.value.pid == os.getpid()


def test_another_process_is_refused(store: Store, folder: Path) -> None:
    code = "import sys; from pathlib import Path; from ecrlab.store import Store; Store.open(Path(sys.argv[1]))"
    run = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert f"StoreInUse: {folder} is in use by process {os.getpid()}" in run.stderr


def test_closing_gives_the_folder_back(folder: Path) -> None:
    Store.open(folder).close()
    Store.open(folder).close()


def test_a_store_that_is_closed_refuses(folder: Path) -> None:
    store = Store.open(folder)
    table = store.table("things")
    store.close()
    with pytest.raises(StoreError, match="closed"):
        table.get("a")
    with pytest.raises(StoreError, match="closed"):
        table.put("a", {})


def test_what_was_written_is_there_after_reopening(folder: Path) -> None:
    with Store.open(folder) as store:
        home = store.create_repository("registry", "web", {"a": [1, "é"]}, now=5.5)
        blob = store.put_blob(home, b"layer")
        store.table("things").put("x", {"deep": {"er": None}})
    with Store.open(folder) as store:
        assert store.repository("registry", "web") == home
        found = store.blob(home, blob.digest)
        assert found is not None
        assert found.path.read_bytes() == b"layer"
        assert store.table("things").get("x") == {"deep": {"er": None}}


def test_only_the_owner_can_read_the_folder(store: Store, folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "store.sqlite3").stat().st_mode & 0o077 == 0


def _break(folder: Path, how: str) -> None:
    path = folder / "store.sqlite3"
    with Store.open(folder) as store:
        for number in range(300):
            store.table("things").put(f"{number}", {"text": "x" * 100})
    content = bytearray(path.read_bytes())
    match how:
        case "not a database":
            content[:16] = b"something else!!"
        case "cut off":
            del content[len(content) // 2 :]
        case "short":
            del content[50:]
        case "scribbled over":
            content[4096 * 2 : -4096] = b"\xa5" * (len(content) - 4096 * 3)
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["not a database", "cut off", "short", "scribbled over"])
def test_a_damaged_database_is_refused_and_left_alone(folder: Path, how: str) -> None:
    _break(folder, how)
    path = folder / "store.sqlite3"
    before = path.read_bytes()
    with pytest.raises(StoreDamaged, match=r"damaged: .*Put back a copy.*move that folder away"):
        Store.open(folder)
    assert path.read_bytes() == before
    with pytest.raises(StoreDamaged):  # and the lock was given back
        Store.open(folder)


def test_a_database_of_another_program_is_refused(folder: Path) -> None:
    folder.mkdir()
    other = sqlite3.connect(folder / "store.sqlite3")
    other.execute("CREATE TABLE other (a)")
    other.close()
    with pytest.raises(StoreDamaged, match="another program"):
        Store.open(folder)


def test_a_newer_database_is_refused(folder: Path) -> None:
    Store.open(folder).close()
    newer = sqlite3.connect(folder / "store.sqlite3")
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(StoreTooNew, match=r"format 99.*Update ecrlab"):
        Store.open(folder)


def test_an_empty_file_becomes_a_database(folder: Path) -> None:
    folder.mkdir()
    (folder / "store.sqlite3").touch()
    with Store.open(folder) as store:
        store.table("things").put("a", {})


def test_uploads_of_a_process_that_was_killed_are_swept(folder: Path) -> None:
    Store.open(folder).close()
    (folder / "uploads" / "left-over").write_bytes(b"half a layer")
    with Store.open(folder):
        assert list((folder / "uploads").iterdir()) == []
