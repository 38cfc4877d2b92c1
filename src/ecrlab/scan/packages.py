"""The operating system and the packages of an image, from the package data in its layers.

Read are: os-release; the databases of dpkg (also the folder ``status.d`` of images without a shell) and apk; the
metadata of installed Python distributions; package.json of every installed Node.js module.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ecrlab.scan.layer import Budget, Entry, TooLarge, Unreadable, entries

__all__ = ["Contents", "Package", "System", "TooLarge", "Unreadable", "read"]

UNPACKED_BYTES = 4 * 2**30
ENTRIES = 1_000_000
PACKAGES = 100_000
DATABASE_BYTES = 32 * 2**20  # a whole dpkg or apk database
HEAD_BYTES = 256 * 1024  # of a file that says what is wanted at its beginning
TEXT_LENGTH = 256  # of a name or a version; longer ones are neither


@dataclass(frozen=True)
class System:
    """The operating system: ``id`` and ``version`` as in os-release ("debian", "12"; "alpine", "3.18.4")."""

    id: str
    version: str
    name: str


@dataclass(frozen=True)
class Package:
    """One installed package.

    ``kind`` is "debian", "alpine", "python" or "node"; ``path`` the file in the image that says so, ``layer`` the
    number of the layer with that file, from 0 at the bottom. ``source`` and ``source_version`` are those of the source
    package that it was built from, as advisories of distributions name it; the package's own where it has none.
    """

    kind: str
    name: str
    version: str
    source: str
    source_version: str
    architecture: str
    path: str
    layer: int


@dataclass(frozen=True)
class Contents:
    """What an image holds; ``system`` is None when it has no os-release."""

    system: System | None
    packages: tuple[Package, ...]


def read(layers: Iterable[Path]) -> Contents:
    """Read an image's layers, the lowest first: tar files, plain or compressed with gzip or zstd.

    A file counts as the topmost layer has it, and not at all when a layer above deleted it or put something else in
    its place (OCI image specification, "Image Layer Filesystem Changeset"). Package data behind a link is not seen.

    Raises:
        Unreadable: a layer is damaged or no tar file.
        TooLarge: beyond 4 GiB unpacked, a million entries, 100,000 packages or a database of 32 MiB.
    """
    budget, found = Budget(UNPACKED_BYTES, ENTRIES), _Found()
    for number, layer in enumerate(layers):
        found.put_above(number, layer, budget)
    return found.contents()


_Parser = Callable[[bytes, str], list[Package]]


class _Found:
    """The package data of the layers so far, by path; a path stands for what its file says."""

    def __init__(self) -> None:
        self._systems: dict[str, System | None] = {}
        self._packages: dict[str, list[Package]] = {}
        self._read = 0

    def put_above(self, number: int, layer: Path, budget: Budget) -> None:
        """Put a layer on those below: what it deletes goes first, wherever in the layer that is said."""
        below = _Paths([*self._systems, *self._packages])
        gone: set[str] = set()
        systems: dict[str, System | None] = {}
        packages: dict[str, list[Package]] = {}
        for entry in entries(layer, budget):
            gone.update(_covered(entry, below))
            if entry.path in _SYSTEM_PATHS and not _is_whiteout(entry.path):
                systems.pop(entry.path, None)
                if entry.is_file:
                    systems[entry.path] = _system(entry.read(HEAD_BYTES))
            elif (how := _reader(entry.path)) is not None:
                packages.pop(entry.path, None)  # the last entry of a path counts
                if entry.is_file:
                    packages[entry.path] = [replace(package, layer=number) for package in how(entry)]
                    self._count(len(packages[entry.path]))
        for path in gone:
            self._systems.pop(path, None)
            self._packages.pop(path, None)
        self._systems.update(systems)
        self._packages.update(packages)

    def _count(self, read: int) -> None:
        self._read += read
        if self._read > PACKAGES:
            raise TooLarge(f"The layers have more than {PACKAGES} packages.")

    def contents(self) -> Contents:
        systems = (self._systems.get(path) for path in _SYSTEM_PATHS)
        packages = {package for found in self._packages.values() for package in found}
        order = sorted(packages, key=lambda package: (package.kind, package.name, package.version, package.path))
        return Contents(next((system for system in systems if system), None), tuple(order))


# -------------------------------------------------------------------------------------------------- what a layer hides


class _Paths:
    """Paths of files, and every folder on the way to them."""

    def __init__(self, paths: list[str]) -> None:
        self._below: dict[str, set[str]] = {}
        for path in paths:
            self._below.setdefault(path, set()).add(path)
            folder = path
            while folder:
                folder = folder.rpartition("/")[0]
                self._below.setdefault(folder, set()).add(path)

    def under(self, path: str) -> set[str]:
        """Return the path itself, if it is one of the files, and all files below it; "" is the root."""
        return self._below.get(path, set())


def _is_whiteout(path: str) -> bool:
    return path.rpartition("/")[2].startswith(".wh.")


def _covered(entry: Entry, below: _Paths) -> set[str]:
    """Return the files of the layers below that an entry deletes or takes the place of."""
    folder, _, name = entry.path.rpartition("/")
    if name == ".wh..wh..opq":
        return below.under(folder)
    if name.startswith(".wh."):
        hidden = name.removeprefix(".wh.")
        return below.under(f"{folder}/{hidden}" if folder else hidden) if hidden else set()
    if entry.is_folder:
        return below.under(entry.path) & {entry.path}
    return below.under(entry.path)


# --------------------------------------------------------------------------------------------- which files, and how

# The first that is a file counts: /etc/os-release is as a rule a link to the other.
_SYSTEM_PATHS = ("etc/os-release", "usr/lib/os-release")
_APK_PATHS = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
_NODE_PATH = re.compile(r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/@][^/]*/package\.json")


def _reader(path: str) -> Callable[[Entry], list[Package]] | None:
    """Return how the packages of a file are read, None when it is not one that tells of packages."""
    folder, _, name = path.rpartition("/")
    if name.startswith(".wh."):
        return None
    if path == "var/lib/dpkg/status":
        return _whole(_dpkg)
    if folder == "var/lib/dpkg/status.d" and not name.endswith(".md5sums"):
        return _whole(_dpkg)
    if path in _APK_PATHS:
        return _whole(_apk)
    parent = folder.rpartition("/")[2]
    python = (name == "METADATA" and parent.endswith(".dist-info")) or (
        name.endswith(".egg-info") or (name == "PKG-INFO" and parent.endswith(".egg-info"))
    )
    if python:
        return lambda entry: _python(entry.read(HEAD_BYTES), _shown(entry.path))
    if _NODE_PATH.fullmatch(path):
        return lambda entry: _node(entry.read(HEAD_BYTES), _shown(entry.path)) if entry.size <= HEAD_BYTES else []
    return None


def _whole(parse: _Parser) -> Callable[[Entry], list[Package]]:
    def read_all(entry: Entry) -> list[Package]:
        if entry.size > DATABASE_BYTES:
            raise TooLarge(f"{_shown(entry.path)} is larger than {DATABASE_BYTES} bytes.")
        return parse(entry.read(DATABASE_BYTES), _shown(entry.path))

    return read_all


def _shown(path: str) -> str:
    """Return a path as text that can be written: bytes that are not UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _package(
    kind: str, path: str, name: str, version: str, source: str = "", source_version: str = "", architecture: str = ""
) -> list[Package]:
    texts = (name, version, source, source_version, architecture)
    if not name or not version or any(len(text) > TEXT_LENGTH or not text.isprintable() for text in texts):
        return []
    return [Package(kind, name, version, source or name, source_version or version, architecture, path, 0)]


# --------------------------------------------------------------------------------------------------------------- forms


def _system(content: bytes) -> System | None:
    """os-release(5): lines KEY=value, quoted as in a shell."""
    values = {}
    for line in content.decode("utf-8", "replace").splitlines():
        key, equals, value = line.strip().partition("=")
        if not equals or key.startswith("#"):
            continue
        try:
            values[key] = "".join(shlex.split(value)[:1])
        except ValueError:  # an open quotation mark
            continue
    system, version = values.get("ID", ""), values.get("VERSION_ID", "")
    if not system or len(system) > TEXT_LENGTH or len(version) > TEXT_LENGTH:
        return None
    return System(system, version, values.get("PRETTY_NAME", system)[:TEXT_LENGTH])


def _stanzas(content: bytes) -> Iterator[dict[str, str]]:
    """Fields of paragraphs, "Key: value", as in deb822(5) and the database of apk; further lines are left out."""
    fields: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").split("\n"):
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif not line[0].isspace():
            key, colon, value = line.partition(":")
            if colon:
                fields.setdefault(key, value.strip())
    if fields:
        yield fields


_SOURCE = re.compile(r"(\S+)(?: \((\S+)\))?")


def _dpkg(content: bytes, path: str) -> list[Package]:
    found = []
    for fields in _stanzas(content):
        # "install ok installed"; one that was removed leaves "deinstall ok config-files". status.d has no such field.
        if fields.get("Status", "installed").split()[-1:] != ["installed"]:
            continue
        source = _SOURCE.fullmatch(fields.get("Source", ""))
        name, version = (source[1], source[2] or "") if source else ("", "")
        architecture = fields.get("Architecture", "")
        found += _package(
            "debian", path, fields.get("Package", ""), fields.get("Version", ""), name, version, architecture
        )
    return found


def _apk(content: bytes, path: str) -> list[Package]:
    found = []
    for fields in _stanzas(content):
        name, version, origin = fields.get("P", ""), fields.get("V", ""), fields.get("o", "")
        found += _package("alpine", path, name, version, origin, "", fields.get("A", ""))
    return found


def _python(content: bytes, path: str) -> list[Package]:
    """Core metadata: the fields before the first empty line."""
    fields = next(_stanzas(content.lstrip()), {})
    return _package("python", path, python_name(fields.get("Name", "")), fields.get("Version", ""))


def python_name(name: str) -> str:
    """Return the normal form of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _node(content: bytes, path: str) -> list[Package]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return []
    name, version = (document.get("name"), document.get("version")) if isinstance(document, dict) else (None, None)
    return _package("node", path, name, version) if isinstance(name, str) and isinstance(version, str) else []
