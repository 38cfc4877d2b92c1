"""What lies in the registries, read from a store: `read` a tree of it, `compare` two images layer by layer.

Nothing is changed by looking. `ecrlab.client.explorer_model` has what these return, `explorer_text` its words.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from ecrlab.client.explorer_model import (
    IMAGES,
    MOST,
    REPOSITORIES,
    Common,
    Comparison,
    ExplorerError,
    Image,
    Kind,
    Part,
    Row,
    Shelf,
    Side,
    Sums,
    Tree,
    added,
)
from ecrlab.client.explorer_text import one_line, where_words
from ecrlab.home import ACCOUNT, REGION
from ecrlab.store import Repository, Store
from ecrlab.store.survey import Disk, Held, Outline, Survey, Usage

OWN = f"{ACCOUNT}/{REGION}"
"""The registry in which a name without a host is looked for first."""

COMMON = 6
"""Blobs that several repositories share, shown at most."""

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
# A config is read for its platform and history when it is no larger than this.
_READABLE = 1 << 20
_HOST = re.compile(r"(?:[^/]+/)?(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)")


# ------------------------------------------------------------------------------------------------------------- reading


def read(store: Store, name: str | None = None, repositories: int | None = None, images: int | None = None) -> Tree:
    """Read what the explorer shows, without changing anything.

    Args:
        name: one repository: its name, or its address with registry host; None for all.
        repositories, images: how many to show at most; the repositories that store most, and their newest images.
            None for the usual number.

    Raises:
        ExplorerError: there is no such repository, or a number is out of range.
    """
    for word, number in (("repositories", repositories), ("images", images)):
        if number is not None and not 0 <= number <= MOST:
            raise ExplorerError(f"The number of {word} to show is 0 to {MOST}, not {number}.")
    survey = Survey(store)
    if name is None:
        usage, disk = survey.usage(), survey.disk()
    else:
        found = _repository(survey, *_located(name))
        name = found.name
        usage, disk = survey.usage(found), Disk(0, 0, 0)
    limit = REPOSITORIES if repositories is None else repositories
    chosen = usage
    if len(usage) > limit:
        largest = sorted(usage, key=lambda item: (-item.stored, item.repository.registry, item.repository.name))
        kept = {item.repository.id for item in largest[:limit]}
        chosen = [item for item in usage if item.repository.id in kept]
    each = images if images is not None else max(1, IMAGES // max(1, len(chosen)))
    shelves, room = [], MOST
    for item in chosen:
        shelf = _shelf(store, survey, item, min(each, room))
        room -= len(shelf.images)
        shelves.append(shelf)
    return _tree(name, survey, usage, chosen, shelves, disk)


def tags(store: Store, account: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return an account's repositories by Region and name: whether tags can be overwritten, and each tag's digest."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for registry in store.registries():
        owner, _, region = registry.partition("/")
        if owner == account:
            found[region] = {
                each.name: {
                    "mutability": each.attributes.get("mutability", "MUTABLE"),
                    "tags": dict(store.tags(each, status="ACTIVE")),
                }
                for each in store.repositories(registry)
            }
    return found


def _tree(
    name: str | None, survey: Survey, usage: list[Usage], chosen: list[Usage], shelves: list[Shelf], disk: Disk
) -> Tree:
    registries: dict[str, list[Sums]] = {}
    for item in usage:
        registries.setdefault(item.repository.registry, []).append(_sums(item))
    shown = {item.repository.id: (item.repository.registry, item.repository.name) for item in chosen}
    common = []
    for blob in survey.common(COMMON) if name is None else ():
        holders = tuple(shown[number] for number in blob.repositories if number in shown)
        common.append(Common(blob.digest, blob.size, len(blob.repositories), holders))
    return Tree(
        only=name,
        registries=tuple((registry, added(sums)) for registry, sums in registries.items()),
        shelves=tuple(shelves),
        hidden=added(_sums(item) for item in usage if item.repository.id not in shown),
        common=tuple(common),
        disk_files=disk.files,
        disk_size=disk.size,
        disk_unnamed=disk.unnamed,
    )


def _sums(usage: Usage) -> Sums:
    return Sums(1, usage.manifests, usage.tags, usage.nominal, usage.stored)


def _shelf(store: Store, survey: Survey, usage: Usage, limit: int) -> Shelf:
    outlines = survey.outlines(usage.repository)
    placed = _newest(outlines, limit)
    # The index itself says in which order it lists its images.
    contents = survey.contents(usage.repository, [item.digest for item, _ in placed if item.children])
    order = {digest: _listed(content) for digest, content in contents.items()}
    if order:
        outlines = [dataclasses.replace(o, children=order.get(o.digest, o.children)) for o in outlines]
        placed = _newest(outlines, limit)
    shown = _images(store, survey, usage.repository, placed)
    return Shelf(
        usage.repository.registry, usage.repository.name, _sums(usage), tuple(shown), len(outlines) - len(placed)
    )


def _newest(outlines: Sequence[Outline], limit: int) -> list[tuple[Outline, int]]:
    """The newest manifests with their depth, each index before its images and each subject before what refers to it."""
    by_digest = {outline.digest: outline for outline in outlines}
    below: dict[str, list[str]] = {}
    under: set[str] = set()
    for outline in outlines:
        for child in outline.children:
            if child in by_digest and child not in under and child != outline.digest:
                below.setdefault(outline.digest, []).append(child)
                under.add(child)
    for outline in outlines:
        if outline.subject in by_digest and outline.digest not in under:
            below.setdefault(str(outline.subject), []).append(outline.digest)
            under.add(outline.digest)
    families: list[list[tuple[Outline, int]]] = []
    room = limit
    for outline in reversed(outlines):
        if outline.digest in under:
            continue
        if room <= 0:
            break
        family = list(_family(outline.digest, by_digest, below))[:room]
        room -= len(family)
        families.append(family)
    return [member for family in reversed(families) for member in family]


def _family(
    root: str, by_digest: Mapping[str, Outline], below: Mapping[str, list[str]]
) -> Iterator[tuple[Outline, int]]:
    waiting, seen = [(root, 0)], {root}
    while waiting:
        digest, depth = waiting.pop()
        yield by_digest[digest], depth
        for child in reversed(below.get(digest, [])):
            if child not in seen:
                seen.add(child)
                waiting.append((child, depth + 1))


def _images(store: Store, survey: Survey, repository: Repository, placed: Sequence[tuple[Outline, int]]) -> list[Image]:
    contents = survey.contents(repository, [outline.digest for outline, _ in placed])
    documents = {digest: _object(content) for digest, content in contents.items()}
    named = [d for document in documents.values() for _, d, _, _ in _parts(document)]
    held = survey.held(repository, named)
    return [
        _image(store, outline, depth, documents[outline.digest], held)
        for outline, depth in placed
        if outline.digest in documents
    ]


def _image(store: Store, outline: Outline, depth: int, document: dict[str, Any], held: Mapping[str, Held]) -> Image:
    found = list(_parts(document))
    config: dict[str, Any] = {}
    if found and found[0][2] in _CONFIGS:
        config = _config(store, found[0][1])
    steps = _steps(config)
    layers = [entry for entry in found if entry[0] == "layer"]
    # A history that does not fit the layers (a squashed image) says nothing about them.
    made_by = dict(enumerate(steps)) if len(steps) == len(layers) else {}
    parts, number = [], 0
    for role, digest, media_type, size in found:
        state = held.get(digest, Held(size, 1, 1))
        step = ""
        if role == "layer":
            step, number = made_by.get(number, ""), number + 1
        parts.append(Part(role, digest, media_type, size, state.manifests, state.repositories, step))
    platform = None
    if config.get("os"):
        words = (config.get("os"), config.get("architecture"), config.get("variant"))
        platform = one_line("/".join(str(word) for word in words if word), 60)
    kind: Kind = "image"
    if outline.media_type in _INDEXES:
        kind = "index"
    elif not found or found[0][2] not in _CONFIGS:
        kind = "artifact"
    elif platform == "unknown/unknown":  # what BuildKit writes for its attestations
        kind, platform = "attestation", None
    return Image(
        kind=kind,
        digest=outline.digest,
        media_type=outline.media_type,
        artifact_type=outline.artifact_type if kind == "artifact" else None,
        tags=outline.tags,
        platform=platform,
        subject=outline.subject,
        members=len(outline.children),
        depth=depth,
        size=sum({part.digest: part.size for part in parts}.values()),
        parts=tuple(parts),
    )


def _parts(document: Mapping[str, Any]) -> Iterator[tuple[Literal["config", "layer"], str, str, int]]:
    """Config and layers of a manifest that was checked when it was pushed (`ecrlab.oci.parse_manifest`)."""
    if "config" in document:
        config = document["config"]
        yield "config", config["digest"], config["mediaType"], config["size"]
    for layer in document.get("layers", ()):
        yield "layer", layer["digest"], layer["mediaType"], layer["size"]


def _listed(content: bytes) -> tuple[str, ...]:
    """What an index lists, in its order; it was checked when it was pushed."""
    return tuple(str(entry["digest"]) for entry in _object(content).get("manifests", ()))


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _config(store: Store, digest: str) -> dict[str, Any]:
    """The image config as an object; empty when it is not one. Not by `Store.blob`: looking must keep nothing alive."""
    path = store.blob_path(digest)
    try:
        return _object(path.read_bytes()) if path.stat().st_size <= _READABLE else {}
    except OSError:
        return {}


def _steps(config: Mapping[str, Any]) -> list[str]:
    history = config.get("history")
    if not isinstance(history, list):
        return []
    return [
        _step(str(entry.get("created_by") or ""))
        for entry in history
        if isinstance(entry, dict) and not entry.get("empty_layer")
    ]


def _step(command: str) -> str:
    """A history entry as its Dockerfile had it: without what docker and BuildKit put around it."""
    command = re.sub(r"^/bin/sh -c (#\(nop\) +)?", lambda found: "" if found[1] else "RUN ", command)
    command = re.sub(r"^RUN /bin/sh -c ", "RUN ", command)
    return one_line(re.sub(r"\s*# buildkit\s*$", "", command), 200)


# -------------------------------------------------------------------------------------------------------------- naming


def _located(name: str) -> tuple[str | None, str]:
    """Registry key (None when the name has no registry host) and the rest."""
    found = _HOST.fullmatch(name.strip().removeprefix("http://").removeprefix("https://"))
    return (f"{found[1]}/{found[2]}", found[3]) if found else (None, name.strip())


def _repository(survey: Survey, registry: str | None, name: str) -> Repository:
    everything = survey.repositories()
    same = [one for one in everything if one.name == name]
    found = [one for one in same if one.registry == (registry or OWN)]
    if found:
        return found[0]
    if registry is None and len(same) == 1:
        return same[0]
    if registry is None and same:
        where = ", ".join(where_words(one.registry) for one in same[:5])
        raise ExplorerError(
            f"Several registries have a repository {name}: {where}. Give its address with the registry's host."
        )
    there = [one.name for one in everything if one.registry == (registry or OWN)]
    near = difflib.get_close_matches(name, there, 3, 0.5) or there[:5]
    has = f"It has {', '.join(near)}{' and others' if len(near) < len(there) else ''}." if there else "It has none yet."
    raise ExplorerError(f"Registry {where_words(registry or OWN)} has no repository {one_line(name, 100)}. {has}")


# ----------------------------------------------------------------------------------------------------------- comparing


def compare(store: Store, left: str, right: str) -> Comparison:
    """Compare two images, named "repository:tag", "repository@digest" or "repository" (its tag latest).

    Of an index its linux/amd64 image is taken, else its first one. Raises ExplorerError when one is not there.
    """
    return _compared(_side(store, left), _side(store, right))


def _side(store: Store, name: str) -> Side:
    survey = Survey(store)
    registry, rest = _located(name)
    rest, _, digest = rest.partition("@")
    path, _, tag = rest.partition(":")
    repository = _repository(survey, registry, path)
    reference = digest or tag or "latest"
    manifest = store.manifest(repository, reference)
    if manifest is None:
        tags = [tag for tag, _ in store.tags(repository, limit=6)]
        has = f"It has {', '.join(tags[:5])}{' and others' if len(tags) > 5 else ''}." if tags else "It has no tag."
        raise ExplorerError(f"Repository {path} has no image {one_line(reference, 100)}. {has}")
    outlines = {outline.digest: outline for outline in survey.outlines(repository)}
    chosen = ""
    wanted = [manifest.digest]
    if manifest.media_type in _INDEXES:
        wanted = [digest for digest in _listed(manifest.content) if digest in outlines]
    images = _images(store, survey, repository, [(outlines[digest], 0) for digest in wanted if digest in outlines])
    if manifest.media_type in _INDEXES:
        images = [image for image in images if image.kind == "image"]
        images.sort(key=lambda image: image.platform != "linux/amd64")
        if images:
            chosen = f"an index; its image for {images[0].platform or 'an unnamed platform'} is compared"
    if not images:
        raise ExplorerError(f"{one_line(name, 100)} names no image with layers, so there is nothing to compare.")
    return Side(f"{path}@{digest}" if digest else f"{path}:{reference}", repository.registry, path, images[0], chosen)


def _compared(left: Side, right: Side) -> Comparison:
    a, b = left.image.parts, right.image.parts
    rows = _rows([p for p in a if p.role == "layer"], [p for p in b if p.role == "layer"])
    rows += _rows([p for p in a if p.role == "config"], [p for p in b if p.role == "config"])
    ours, theirs = {p.digest: p.size for p in a}, {p.digest: p.size for p in b}
    return Comparison(
        left,
        right,
        tuple(rows),
        same_size=sum(size for digest, size in ours.items() if digest in theirs),
        left_size=sum(size for digest, size in ours.items() if digest not in theirs),
        right_size=sum(size for digest, size in theirs.items() if digest not in ours),
    )


def _rows(left: Sequence[Part], right: Sequence[Part]) -> list[Row]:
    ours, theirs = [part.digest for part in left], [part.digest for part in right]
    rows = []
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    for word, i, j, k, m in matcher.get_opcodes():
        if word == "equal":
            rows += [Row("same", a, b) for a, b in zip(left[i:j], right[k:m], strict=True)]
            continue
        for a, b in itertools.zip_longest(left[i:j], right[k:m]):
            rows += [Row("moved" if a.digest in theirs else "left", a, None)] if a else []
            rows += [Row("moved" if b.digest in ours else "right", None, b)] if b else []
    return rows
