"""A store in a folder of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab.store import Repository, Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lab"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.open(folder) as opened:
        yield opened


@pytest.fixture
def repository(store: Store) -> Repository:
    return store.create_repository("registry", "team/web", now=100.0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("making a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
