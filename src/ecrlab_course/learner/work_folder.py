"""The learner's folder work/: new notebooks come in, and what the learner edited is never overwritten."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ecrlab.home import Home, read_json, write_private

MADE_BY_MACHINES = frozenset(
    ["__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".DS_Store", "Thumbs.db"]
)
"""What Python, JupyterLab, tools and file managers leave beside files that somebody wrote."""


@dataclass(frozen=True)
class Copied:
    """What a copy did, as paths relative to work/: new files, updated ones, and edited ones that were left alone."""

    new: tuple[str, ...]
    updated: tuple[str, ...]
    kept: tuple[str, ...]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def written(folder: Path) -> list[Path]:
    """Return the files below `folder` that somebody wrote, in order: without caches; none when there is no folder."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and MADE_BY_MACHINES.isdisjoint(path.relative_to(folder).parts) and path.suffix != ".pyc"
    ]


def _remembered_as(target: Path, home: Home) -> str:
    """Return the name of a folder in the home's memory: one that lies beside the home may be moved with it."""
    target = target.resolve()
    beside = target.is_relative_to(home.path.parent)
    return target.relative_to(home.path.parent).as_posix() if beside else str(target)


def copy(source: Path, target: Path, home: Home) -> Copied:
    """Copy the files below `source` to `target`.

    The home remembers the digest of every file as it was copied. A file that still has that digest was not edited and
    follows the source; any other file that is there stays as it is, byte for byte, also one that the course never put
    there. Each file appears whole or not at all.
    """
    memory = home.path / "copied.json"
    known: dict[str, str] = {str(key): str(value) for key, value in read_json(memory).items()}
    new, updated, kept = [], [], []
    target.mkdir(parents=True, exist_ok=True)
    folder = _remembered_as(target, home)
    for path in written(source):
        name = path.relative_to(source).as_posix()
        where = target / name
        key = f"{folder}:{name}"
        wanted = _digest(path)
        if where.is_symlink() or where.exists():
            present = _digest(where) if where.is_file() else ""
            if present == wanted:
                known[key] = wanted
                continue
            if present not in (known.get(key), known.get(f"{target.resolve()}:{name}")):
                kept.append(name)
                continue
            updated.append(name)
        else:
            new.append(name)
        where.parent.mkdir(parents=True, exist_ok=True)
        temporary = where.with_name(f".{where.name}.copying")
        shutil.copyfile(path, temporary)
        shutil.copymode(path, temporary)
        os.replace(temporary, where)
        known[key] = wanted
    write_private(memory, json.dumps(known, indent=2, sort_keys=True) + "\n")
    return Copied(tuple(new), tuple(updated), tuple(kept))


def copy_course(root: Path, target: Path, home: Home) -> Copied:
    """Copy the checkout's notebooks/ to `target` and its labs/ to `target`/labs, as `copy` does; return it all."""
    lessons = copy(root / "notebooks", target, home)
    labs = copy(root / "labs", target / "labs", home)

    def both(mine: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
        return (*mine, *(f"labs/{name}" for name in theirs))

    return Copied(both(lessons.new, labs.new), both(lessons.updated, labs.updated), both(lessons.kept, labs.kept))


def copy_missing(source: Path, target: Path) -> list[Path]:
    """Copy the files below `source` that `target` has not; never touch one that is there. Return what was copied."""
    copied = []
    for path in written(source):
        where = target / path.relative_to(source)
        if not where.exists():
            where.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, where)
            shutil.copymode(path, where)
            copied.append(where)
    return copied
