"""What the store returns: frozen records, each a copy of what the database said at that moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Repository:
    """One repository.

    `registry` is opaque ("123456789012/us-east-1", "hub"); `created` is in epoch seconds, as the caller gave it;
    `attributes` is the caller's own JSON object. `id` is never used again, so a record of a repository that was
    deleted and made again does not reach the new one.
    """

    id: int
    registry: str
    name: str
    created: float
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Blob:
    """One blob of a repository: `size` in bytes, `path` the file that holds exactly its content.

    `media_type` is the one under which a manifest of that repository names it, None while none does.
    """

    digest: str
    size: int
    path: Path
    media_type: str | None


@dataclass(frozen=True)
class Reference:
    """What a manifest names: a blob (config, layer) or, in an index, another manifest."""

    digest: str
    kind: Literal["blob", "manifest"]
    media_type: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Manifest:
    """One manifest of a repository, byte for byte as it was pushed.

    `size` is the content's length in bytes; `pushed_at` and `last_pulled_at` are epoch seconds as the caller gave
    them; `tags` are sorted; `attributes` is the caller's own JSON object.
    """

    digest: str
    media_type: str
    content: bytes
    pushed_at: float
    last_pulled_at: float | None
    subject: str | None
    artifact_type: str | None
    tags: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def size(self) -> int:
        """The length of the content in bytes."""
        return len(self.content)
