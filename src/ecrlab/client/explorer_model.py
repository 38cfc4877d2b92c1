"""What the explorer shows: what lies in the lab's registries, what is shared, and two images layer by layer.

`ecrlab.server.explorer` takes it from a store; what that returns goes through JSON (`to_json`, `from_json`) to the
command line and to notebooks. `explorer_text` has its words and its plain form. Sizes are bytes of packed layers and
configs, as ECR reports them (facts E012); manifests, some kilobytes each, are not counted.

Three sums are told apart. Nominal: every image by itself. Stored: each blob once per repository, as ECR keeps it unless
blob mounting is turned on (facts E076). On this disk: each blob once in the whole lab.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

REPOSITORIES = 30
"""Repositories that are shown when nobody asks for more."""
IMAGES = 40
"""Images that are shown when nobody asks for more: of one repository, or of all that are shown together."""
MOST = 5000
"""The most repositories, and the most images, that one answer may hold."""
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
        return added(sums for _, sums in self.registries)


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


def added(sums: Iterable[Sums]) -> Sums:
    """Return the sums of several repositories together."""
    columns = [dataclasses.astuple(item) for item in sums]
    return Sums(*map(sum, zip(*columns, strict=True))) if columns else Sums(0)


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
