"""A checkpoint that was built is put back from what the lab kept of it: for tries, which need it a dozen times each.

Not for learners: nobody but these tests writes to a running lab's files. What cannot be put back so is built again:
the runs of a git server, what ECS runs, a Region that is off, a quota, an engine's images.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecrlab.home import Home, write_private
from ecrlab_course.toolbox.lab import Lab

TABLES = ("repositories", "links", "manifests", "mentions", "tags")
STAYS = ("sts.sessions", "iam.last_used", "lab.registries", "lab.secret", "lab.clock", "ci.issuer")
"""What is left as it is: temporary keys that a client may still hold, ports that are open, the git server's key, and
the clock, which the server has in memory; it is set by a request."""
IN_MEMORY = ("ecs.%", "ci.runs", "lab.regions_off", "lab.quotas")
"""Of these the server knows more than the store does."""
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Saved:
    """Both stores' rows, docker's files, the stand-in's images by name, and how far ahead the clock was."""

    stores: dict[str, Rows]
    files: dict[Path, str]
    images: frozenset[str]
    ahead: float


def save(lab: Lab) -> Saved | None:
    """Return what `put_back` needs; None where the server has more in memory than can be put back."""
    home = lab.home
    stores: dict[str, Rows] = {}
    for name, path in _stores(home).items():
        with closing(_open(path)) as store:
            store.execute("BEGIN")
            if _in_memory(store):
                return None
            stores[name] = _rows(store)
    if (home.ci / "runs").is_dir() and any((home.ci / "runs").iterdir()):
        return None
    blobs = home.path / "standin" / "blobs" / "sha256"
    for blob in blobs.iterdir() if blobs.is_dir() else ():
        held = _pool(home) / blob.name
        if not held.exists():
            os.link(blob, held)
    images = frozenset(blob.name for blob in blobs.iterdir()) if blobs.is_dir() else frozenset()
    files = {path: path.read_text(encoding="utf-8") for path in _files(home)}
    return Saved(stores, files, images, float(lab.control.status()["clock"]["offset_seconds"]))


def put_back(lab: Lab, saved: Saved) -> bool:
    """Let the lab hold again what it held then; tell whether that could be done, else nothing was changed."""
    home = lab.home
    changed = []
    for name, path in _stores(home).items():
        with closing(_open(path)) as store:
            store.execute("BEGIN IMMEDIATE")
            if _in_memory(store) or not _has_blobs(store, saved.stores[name]):
                return False
            if _rows(store) != saved.stores[name]:
                changed.append(name)
                _replace(store, saved.stores[name])
            store.execute("COMMIT")
    # The server works some things out once, until it writes by itself.
    lab.clock.reset()
    if saved.ahead:
        lab.clock.advance(seconds=saved.ahead)
    if "hub" in changed:
        off = any(row[:2] == ("hub.switch", "off") for row in saved.stores["hub"]["documents"])
        lab.control.hub_switch(True)
        if off:
            lab.control.hub_switch(False)
    put_back_docker(home, saved)
    return True


def put_back_docker(home: Home, saved: Saved) -> None:
    """Let docker have the logins and images that it had then."""
    for name in saved.images:
        blob = home.path / "standin" / "blobs" / "sha256" / name
        if not blob.exists():
            os.link(_pool(home) / name, blob)
    for path in _files(home):
        if path not in saved.files:
            path.unlink()
    for path, text in saved.files.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_private(path, text)


def has_quotas(lab: Lab) -> bool:
    """Tell whether somebody has set a quota: no checkpoint puts it back where its lesson has none."""
    with closing(_open(_stores(lab.home)[""])) as store:
        return store.execute("SELECT 1 FROM documents WHERE collection = 'lab.quotas'").fetchone() is not None


def _stores(home: Home) -> dict[str, Path]:
    return {name: home.lab / name / "store.sqlite3" for name in ("", "hub")}


def _pool(home: Home) -> Path:
    """Return the folder that keeps the stand-in's layers when no image needs them any more."""
    pool = home.path.parent / "layers"
    pool.mkdir(exist_ok=True)
    return pool


def _files(home: Home) -> list[Path]:
    found = list((home.lab / "docker").rglob("config.json"))
    standin = home.path / "standin"
    return [*found, *(each for each in (standin / "state.json", standin / "index.json") if each.is_file())]


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=30, isolation_level=None)


def _in_memory(store: sqlite3.Connection) -> bool:
    asked = " OR ".join("collection LIKE ?" for _ in IN_MEMORY)
    return store.execute(f"SELECT 1 FROM documents WHERE {asked}", IN_MEMORY).fetchone() is not None


def _rows(store: sqlite3.Connection) -> Rows:
    left_out = ",".join("?" for _ in STAYS)
    documents = f"SELECT * FROM documents WHERE collection NOT IN ({left_out}) ORDER BY collection, key"
    rows: Rows = {"documents": store.execute(documents, STAYS).fetchall()}
    for table in TABLES:
        rows[table] = sorted(store.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
    return rows


def _has_blobs(store: sqlite3.Connection, rows: Rows) -> bool:
    """Tell whether the lab has all bytes that were there: it collects what no image used for an hour."""
    held = {digest for (digest,) in store.execute("SELECT digest FROM blobs")}
    return all(row[1] in held for row in rows["links"])


def _replace(store: sqlite3.Connection, rows: Rows) -> None:
    store.execute(f"DELETE FROM documents WHERE collection NOT IN ({','.join('?' for _ in STAYS)})", STAYS)
    for table in reversed(TABLES):
        store.execute(f"DELETE FROM {table}")
    for table in ("documents", *TABLES):
        if rows[table]:
            places = ",".join("?" for _ in rows[table][0])
            store.executemany(f"INSERT INTO {table} VALUES ({places})", rows[table])
