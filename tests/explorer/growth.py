"""A store with many repositories and images, written in seconds: rows only, no files but the ones that are read."""

from __future__ import annotations

import hashlib
import json

from ecrlab.store import Store


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def grow(store: Store, repositories: int, images: int, registry: str = "123456789012/us-east-1") -> None:
    """Fill a new store: `images` in all, spread evenly, on four layers: two of every repository, one of its own
    repository, one of the image; and its config."""
    sizes: dict[str, int] = {}
    bases = [digest(f"base {n}") for n in range(2)]
    sizes |= {bases[0]: 29_000_000, bases[1]: 4_000_000}
    links: set[tuple[int, str]] = set()
    manifests, mentions, tags, rows = [], [], [], []
    each = images // repositories
    for r in range(1, repositories + 1):
        rows.append((r, registry, f"team-{r % 50}/service-{r:05}", 1_700_000_000.0 + r, "{}"))
        middle = digest(f"middle {r}")
        sizes[middle] = 700_000
        for n in range(each):
            config, own = digest(f"config {r} {n}"), digest(f"own {r} {n}")
            sizes |= {config: 1500, own: 20_000 + n}
            layers = [*bases, middle, own]
            content = json.dumps(
                {
                    "schemaVersion": 2,
                    "config": {
                        "mediaType": "application/vnd.oci.image.config.v1+json",
                        "digest": config,
                        "size": 1500,
                    },
                    "layers": [
                        {
                            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                            "digest": layer,
                            "size": sizes[layer],
                        }
                        for layer in layers
                    ],
                }
            ).encode()
            name = "sha256:" + hashlib.sha256(content).hexdigest()
            kind = "application/vnd.oci.image.manifest.v1+json"
            manifests.append((r, name, kind, 1_700_000_000.0 + n, "{}", content))
            mentions += [(r, name, blob, "blob") for blob in (config, *layers)]
            links |= {(r, blob) for blob in (config, *layers)}
            tags.append((r, f"1.{n}", name))
    database = store._database
    with store.transaction():
        writer = database._writer
        writer.executemany("INSERT INTO repositories VALUES (?,?,?,?,?)", rows)
        writer.executemany("INSERT INTO blobs VALUES (?,?)", sizes.items())
        writer.executemany("INSERT INTO links VALUES (?,?,NULL,0)", sorted(links))
        writer.executemany(
            "INSERT INTO manifests (repository, digest, media_type, pushed_at, attributes, content) "
            "VALUES (?,?,?,?,?,?)",
            manifests,
        )
        writer.executemany("INSERT INTO mentions VALUES (?,?,?,?)", mentions)
        writer.executemany("INSERT INTO tags VALUES (?,?,?)", tags)
