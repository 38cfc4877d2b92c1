"""The explorer: what lies in the lab's registries, what is shared, and two images layer by layer.

`read` and `compare` take it from a store; what they return goes through JSON (`to_json`, `from_json`) to the command
line and to notebooks. `text` and `comparison_text` are its plain form. Sizes are bytes of packed layers and configs, as
ECR reports them (facts E012); manifests, some kilobytes each, are not counted.

Three sums are told apart. Nominal: every image by itself. Stored: each blob once per repository, as ECR keeps it unless
blob mounting is turned on (facts E076). On this disk: each blob once in the whole lab.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import json
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ecrlab.home import ACCOUNT, REGION
from ecrlab.store import Repository, Store
from ecrlab.store.survey import Disk, Held, Outline, Survey, Usage

OWN = f"{ACCOUNT}/{REGION}"
"""The registry in which a name without a host is looked for first."""

REPOSITORIES = 30
"""Repositories that are shown when nobody asks for more."""
IMAGES = 40
"""Images that are shown when nobody asks for more: of one repository, or of all that are shown together."""
MOST = 5000
"""The most repositories, and the most images, that one answer may hold."""
COMMON = 6
"""Blobs that several repositories share, shown at most."""

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
# A config is read for its platform and history when it is no larger than this.
_READABLE = 1 << 20
_HOST = re.compile(r"(?:[^/]+/)?(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)")

Kind = Literal["image", "index", "artifact", "attestation"]
State = Literal["same", "moved", "left", "right"]


class ExplorerError(ValueError):
    """Something that was asked for is not there; the text says what is."""


@dataclass(frozen=True)
class Part:
    """A config or layer of an image.

    `images` says how many manifests of its repository name the blob, `repositories` how many repositories hold it;
    `made_by` is the build step that the image's history gives for a layer, or empty.
    """

    role: Literal["config", "layer"]
    digest: str
    media_type: str
    size: int
    images: int
    repositories: int
    made_by: str = ""

    @property
    def shared(self) -> bool:
        """Whether another image, here or in another repository, uses the same blob."""
        return self.images > 1 or self.repositories > 1


@dataclass(frozen=True)
class Image:
    """A manifest that is shown: an image, an index of images, or an artifact.

    `size` is the sum of its different parts; 0 for an index, whose images follow it. `depth` is 1 for a manifest below
    the index that names it, or below the `subject` that it says something about.
    """

    kind: Kind
    digest: str
    media_type: str
    artifact_type: str | None
    tags: tuple[str, ...]
    platform: str | None
    subject: str | None
    members: int
    depth: int
    size: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Sums:
    """Numbers of one repository or of many: manifests, tags, and sizes in bytes (see the module)."""

    repositories: int = 1
    manifests: int = 0
    tags: int = 0
    nominal: int = 0
    stored: int = 0


@dataclass(frozen=True)
class Shelf:
    """One repository that is shown: its newest manifests, the oldest of these first, and how many `hidden` ones."""

    registry: str
    name: str
    sums: Sums
    images: tuple[Image, ...]
    hidden: int


@dataclass(frozen=True)
class Common:
    """A blob that several repositories use; `holders` are those of them that are shown, `repositories` counts all."""

    digest: str
    size: int
    repositories: int
    holders: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Tree:
    """What is in the lab, or in one repository of it (`only`).

    `registries` has the sums of each registry by its key ("123456789012/us-east-1"); `hidden` sums the repositories
    that are not in `shelves`; `disk_*` are of the whole lab, 0 for one repository: files, their bytes, and the bytes
    that no image names.
    """

    only: str | None
    registries: tuple[tuple[str, Sums], ...]
    shelves: tuple[Shelf, ...]
    hidden: Sums
    common: tuple[Common, ...]
    disk_files: int
    disk_size: int
    disk_unnamed: int

    @property
    def sums(self) -> Sums:
        """The sums over all registries, or of the one repository."""
        return _added(sums for _, sums in self.registries)


@dataclass(frozen=True)
class Side:
    """One of two images that are compared: how it was named, where it is, and which image of an index was taken."""

    name: str
    registry: str
    repository: str
    image: Image
    chosen: str


@dataclass(frozen=True)
class Row:
    """A part in one image or both. "moved": both images have the layer, at different places."""

    state: State
    left: Part | None
    right: Part | None

    @property
    def part(self) -> Part:
        """The part that the row is about."""
        found = self.left or self.right
        assert found is not None  # a row has one of them
        return found


@dataclass(frozen=True)
class Comparison:
    """Two images part by part: the layers from the bottom up, then the config. Sizes in bytes, each blob once."""

    left: Side
    right: Side
    rows: tuple[Row, ...]
    same_size: int
    left_size: int
    right_size: int

    @property
    def together(self) -> bool:
        """Whether both lie in one repository, which then stores once what they share."""
        return (self.left.registry, self.left.repository) == (self.right.registry, self.right.repository)

    @property
    def stored(self) -> int:
        """What ECR stores for both."""
        once = self.same_size + self.left_size + self.right_size
        return once if self.together else once + self.same_size


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
        registries=tuple((registry, _added(sums)) for registry, sums in registries.items()),
        shelves=tuple(shelves),
        hidden=_added(_sums(item) for item in usage if item.repository.id not in shown),
        common=tuple(common),
        disk_files=disk.files,
        disk_size=disk.size,
        disk_unnamed=disk.unnamed,
    )


def _sums(usage: Usage) -> Sums:
    return Sums(1, usage.manifests, usage.tags, usage.nominal, usage.stored)


def _added(sums: Iterable[Sums]) -> Sums:
    columns = [dataclasses.astuple(item) for item in sums]
    return Sums(*map(sum, zip(*columns, strict=True))) if columns else Sums(0)


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
        platform = _line("/".join(str(word) for word in words if word), 60)
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
    return _line(re.sub(r"\s*# buildkit\s*$", "", command), 200)


def _line(text: str, length: int) -> str:
    """Text from a pushed image as one printable line: it may hold anything, escape sequences too."""
    text = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * length])
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= length else text[: length - 1] + "…"


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
    raise ExplorerError(f"Registry {where_words(registry or OWN)} has no repository {_line(name, 100)}. {has}")


def where_words(registry: str) -> str:
    """Return a registry's key in words: "123456789012 us-east-1"."""
    return registry.replace("/", " ")


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
        raise ExplorerError(f"Repository {path} has no image {_line(reference, 100)}. {has}")
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
        raise ExplorerError(f"{_line(name, 100)} names no image with layers, so there is nothing to compare.")
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


# ---------------------------------------------------------------------------------------------------------------- JSON


def to_json(value: Tree | Comparison) -> dict[str, Any]:
    """Return it as an object of JSON's types."""
    return dataclasses.asdict(value)


def from_json(kind: type[Any], value: Any) -> Any:
    """Return what `to_json` was given: `from_json(Tree, …)`. Fields that are not known are left out."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        return kind(**{name: from_json(hints[name], value[name]) for name in names if name in value})
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(from_json(arguments[0], item) for item in value)
        return tuple(from_json(inner, item) for inner, item in zip(arguments, value, strict=True))
    if origin is types.UnionType:
        return None if value is None else from_json(arguments[0], value)
    return value


# --------------------------------------------------------------------------------------------------------------- words


def size(number: int) -> str:
    """Return a number of bytes in words, in steps of 1,000: 812 B, 2.0 KB, 29.1 MB, 3.4 GB, 1.7 TB."""
    if number < 1000:
        return f"{number} B"
    for unit, step in (("KB", 10**3), ("MB", 10**6), ("GB", 10**9)):
        if number < 999.95 * step:
            return f"{number / step:.1f} {unit}"
    return f"{number / 10**12:.1f} TB"


def count(number: int, word: str) -> str:
    """Return "1 image", "2 images", "1,970 repositories"."""
    plural = word if number == 1 else word[:-1] + "ies" if word.endswith("y") else word + "s"
    if number != 1 and word == "index":
        plural = "indexes"
    return f"{number:,} {plural}"


def short(digest: str) -> str:
    """Return the beginning of a digest: "sha256:" and 12 characters."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}"


def letters(tree: Tree) -> dict[str, str]:
    """Give each blob that several images or repositories use a letter, in the order in which the tree shows them.

    A letter stands for one blob in the whole tree; blobs of one image alone have none.
    """
    digests = [blob.digest for blob in tree.common]
    digests += [part.digest for shelf in tree.shelves for i in shelf.images for part in layers_first(i) if part.shared]
    return {digest: _letter(number) for number, digest in enumerate(dict.fromkeys(digests))}


def layers_first(image: Image) -> list[Part]:
    """Return an image's parts without repetition, the layers from the bottom up and then the config."""
    parts = {part.digest: part for part in image.parts}
    return sorted(parts.values(), key=lambda part: part.role == "config")


def _letter(number: int) -> str:
    word = ""
    while number >= 0:
        number, rest = divmod(number, 26)
        word, number = chr(65 + rest) + word, number - 1
    return word


def image_name(image: Image) -> str:
    """Return an image's tags, or "untagged"."""
    return ", ".join(image.tags) or "untagged"


def image_words(image: Image) -> str:
    """Return what a manifest is: "image linux/amd64", "index of 2 manifests", "artifact application/spdx+json"."""
    if image.kind == "index":
        return f"index of {count(image.members, 'manifest')}"
    words = f"{image.kind} {image.platform or _line(image.artifact_type or '', 60)}".strip()
    return f"{words}, refers to its subject {short(image.subject)}" if image.subject and not image.depth else words


def sharing_words(part: Part) -> str:
    """Return who else uses a blob: "in 3 images here, in 2 repositories", or nothing."""
    here = f"in {count(part.images, 'image')} here" if part.images > 1 else ""
    there = f"in {count(part.repositories, 'repository')}" if part.repositories > 1 else ""
    return ", ".join(word for word in (here, there) if word)


def sums_words(sums: Sums) -> str:
    """Return the numbers of a repository in a line."""
    return (
        f"{count(sums.manifests, 'manifest')}, {count(sums.tags, 'tag')}, "
        f"nominal {size(sums.nominal)}, stored {size(sums.stored)}"
    )


def hidden_words(tree: Tree) -> str:
    """Return the sentence about the repositories that are not shown, or nothing."""
    if not tree.hidden.repositories:
        return ""
    chosen = f"Shown: the {count(len(tree.shelves), 'repository')} that store most. " if tree.shelves else ""
    return f"{chosen}Not shown: {count(tree.hidden.repositories, 'repository')} with {sums_words(tree.hidden)}."


def total_lines(tree: Tree) -> list[tuple[str, int, str]]:
    """Return the sums, of the whole lab with its disk: name, bytes, what it counts."""
    sums = tree.sums
    lines = [
        ("nominal", sums.nominal, "every image by itself"),
        ("stored", sums.stored, "each blob once per repository, as ECR bills"),
    ]
    if tree.only is None:  # files belong to the lab, not to a repository
        unnamed = f", {size(tree.disk_unnamed)} of it in no image" if tree.disk_unnamed else ""
        lines.append(("on this disk", tree.disk_size, f"each blob once in the whole lab{unnamed}"))
    return lines


# ---------------------------------------------------------------------------------------------------------- plain text


def text(tree: Tree, digests: bool = False) -> str:
    """Return the tree as plain lines. Without `digests` it names blobs by letters, so equal content prints equally."""
    if tree.only is None and not tree.registries:
        return "The lab has no repository yet."
    marks = letters(tree)
    sums = tree.sums
    title = f"Repository {tree.only}" if tree.only is not None else f"ECR Lab: {count(sums.repositories, 'repository')}"
    lines = [f"{title}, {count(sums.manifests, 'manifest')}, {count(sums.tags, 'tag')}"]
    lines += [f"  {name:<12}  {size(number):>9}  {words}" for name, number, words in total_lines(tree)]
    if marks:
        lines.append("  A letter marks a blob that several images or repositories use; the same letter, the same blob.")
    for registry, registry_sums in tree.registries:
        lines += ["", f"registry {where_words(registry)}: {count(registry_sums.repositories, 'repository')}"]
        for shelf in tree.shelves:
            if shelf.registry == registry:
                lines += _shelf_lines(shelf, marks, digests)
    if tree.common:
        lines += ["", "In several repositories (ECR stores these once in each; this disk once):"]
        width = max(len(marks[blob.digest]) for blob in tree.common)
        for blob in tree.common:
            names = ", ".join(name for _, name in blob.holders[:5])
            if len(blob.holders) > 5 or len(blob.holders) < blob.repositories:
                names += f" and {blob.repositories - min(5, len(blob.holders)):,} more"
            word = f"  {short(blob.digest)}" if digests else ""
            lines.append(
                f"  {marks[blob.digest]:<{width}}  {size(blob.size):>9}  "
                f"{count(blob.repositories, 'repository')}: {names}{word}"
            )
    if tree.hidden.repositories:
        lines += ["", f"{hidden_words(tree)} One of them: ecrlab tree NAME"]
    return "\n".join(line.rstrip() for line in lines)


def _shelf_lines(shelf: Shelf, marks: Mapping[str, str], digests: bool) -> Iterator[str]:
    yield f"  {shelf.name}: {sums_words(shelf.sums)}"
    if shelf.hidden:
        yield f"    {count(shelf.hidden, 'older manifest')} not shown"
    for image in shelf.images:
        pad = "    " + "  " * image.depth
        total = f", {size(image.size)}" if image.parts else ""
        yield f"{pad}{image_name(image)}: {image_words(image)}{total}{'  ' + short(image.digest) if digests else ''}"
        for part in layers_first(image):
            notes = [sharing_words(part), _line(part.made_by, 60), short(part.digest) if digests else ""]
            tail = "  ".join(note for note in notes if note)
            yield f"{pad}  {marks.get(part.digest, '-'):<2} {part.role:<6}  {size(part.size):>9}  {tail}".rstrip()


STATES: Mapping[State, str] = {
    "same": "same",
    "moved": "same, elsewhere",
    "left": "only left",
    "right": "only right",
}


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return what the comparison comes to, in sentences."""
    left, right = comparison.left, comparison.right
    lines = [
        f"Same: {size(comparison.same_size)}. Only left: {size(comparison.left_size)}. "
        f"Only right: {size(comparison.right_size)}."
    ]
    if left.image.digest == right.image.digest:
        lines.append("Both names lead to the same image.")
    lines.append(
        f"A machine that has {left.name} downloads {size(comparison.right_size)} of {size(right.image.size)} "
        f"to get {right.name}."
    )
    nominal = size(left.image.size + right.image.size)
    if comparison.together:
        lines.append(f"Nominal {nominal}; stored {size(comparison.stored)}: repository {left.repository} has both.")
    else:
        lines.append(
            f"Nominal {nominal}; stored {size(comparison.stored)}: they lie in two repositories, and ECR stores a blob "
            "once in each."
        )
    lines += [f"{side.name} is {side.chosen}." for side in (left, right) if side.chosen]
    return lines


def comparison_text(comparison: Comparison, digests: bool = False) -> str:
    """Return the comparison as plain lines. Without `digests` equal content prints equally."""
    head = ("", "part", "left", "right", "made by")
    table = [head]
    for row in comparison.rows:
        part = row.part
        left, right = (size(one.size) if one else "-" for one in (row.left, row.right))
        made = _line(part.made_by, 60) + (f"  {short(part.digest)}" if digests else "")
        table.append((STATES[row.state], part.role, left, right, made.strip()))
    widths = [max(len(line[i]) for line in table) for i in range(5)]
    lines = [
        f"{name} {side.name}: {image_words(side.image)}, {size(side.image.size)}"
        for name, side in (("left ", comparison.left), ("right", comparison.right))
    ]
    lines.append("")
    for state, role, a, b, made in table:
        lines.append(f"{state:<{widths[0]}}  {role:<{widths[1]}}  {a:>{widths[2]}}  {b:>{widths[3]}}  {made}".rstrip())
    return "\n".join([*lines, "", *comparison_lines(comparison)])
