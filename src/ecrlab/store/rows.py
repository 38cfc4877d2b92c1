"""Rows of the database, as records."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from .records import Manifest, Repository

#: The columns that `manifest_of` reads, of a table called m.
MANIFEST = "m.digest, m.media_type, m.content, m.pushed_at, m.last_pulled_at, m.subject, m.artifact_type, m.attributes"


def repository_of(row: Sequence[Any]) -> Repository:
    """Return the repository of a row: its id, registry, name, created, attributes."""
    number, registry, name, created, attributes = row
    return Repository(number, registry, name, created, json.loads(attributes))


def manifest_of(row: Sequence[Any], tags: Iterable[str]) -> Manifest:
    """Return the manifest of a row of `MANIFEST`, with its tags."""
    digest, media_type, content, pushed_at, last_pulled_at, subject, artifact_type, attributes = row
    return Manifest(
        digest=digest,
        media_type=media_type,
        content=content,
        pushed_at=pushed_at,
        last_pulled_at=last_pulled_at,
        subject=subject,
        artifact_type=artifact_type,
        tags=tuple(tags),
        attributes=json.loads(attributes),
    )
