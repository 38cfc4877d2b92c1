"""Tags, and the images behind them."""

from __future__ import annotations

import json
from typing import Any

from ecrlab.hub.accounts import Accounts
from ecrlab.hub.endpoints.call import Call, is_text
from ecrlab.hub.endpoints.moments import write_moment
from ecrlab.hub.endpoints.namespaces import find_repository
from ecrlab.hub.endpoints.paging import cut_page
from ecrlab.hub.errors import HubError
from ecrlab.store import Manifest, Repository, Store

# A config larger than this is not read for its platform.
_MAX_CONFIG = 1 << 20


class Tags:
    """The tags of a repository, each with the platforms of its image."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts

    async def list_page(self, call: Call) -> tuple[int, Any]:
        """All tags."""
        found = find_repository(self._store, self._accounts, call)
        return 200, cut_page(call, [tag for tag, _ in self._store.tags(found)], lambda tag: self._tag(found, tag))

    async def get(self, call: Call) -> tuple[int, Any]:
        """One tag."""
        found, tag = find_repository(self._store, self._accounts, call), call.words["tag"]
        if not is_text(tag) or ":" in tag or self._store.manifest(found, tag) is None:
            raise HubError(404, "object not found")
        return 200, self._tag(found, tag)

    def _tag(self, repository: Repository, tag: str) -> dict[str, Any]:
        manifest = self._store.manifest(repository, tag)
        if manifest is None:  # deleted since it was listed
            return {"name": tag, "images": []}
        images = [self._image(repository, each) for each in self._images(repository, manifest)]
        return {
            "name": tag,
            "full_size": sum(image["size"] for image in images),
            "images": images,
            "digest": manifest.digest,
            "last_updated": write_moment(manifest.pushed_at),
            "tag_last_pushed": write_moment(manifest.pushed_at),
            "tag_last_pulled": write_moment(manifest.last_pulled_at),
            "v2": "true",
        }

    def _images(self, repository: Repository, manifest: Manifest) -> list[Manifest]:
        """The image itself, or those of an index that are there."""
        listed = json.loads(manifest.content).get("manifests")
        if not isinstance(listed, list):
            return [manifest]
        members = [self._store.manifest(repository, each["digest"]) for each in listed if isinstance(each, dict)]
        return [member for member in members if member is not None]

    def _image(self, repository: Repository, manifest: Manifest) -> dict[str, Any]:
        document = json.loads(manifest.content)
        layers = document.get("layers") or []
        config = self._config(repository, (document.get("config") or {}).get("digest"))
        return {
            "architecture": config.get("architecture", "unknown"),
            "os": config.get("os", "unknown"),
            "digest": manifest.digest,
            "size": sum(layer["size"] for layer in layers),
            "status": "active",
            "last_pushed": write_moment(manifest.pushed_at),
            "last_pulled": write_moment(manifest.last_pulled_at),
        }

    def _config(self, repository: Repository, digest: object) -> dict[str, Any]:
        blob = self._store.blob(repository, digest) if isinstance(digest, str) else None
        if blob is None or blob.size > _MAX_CONFIG:
            return {}
        try:
            config = json.loads(blob.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return config if isinstance(config, dict) else {}
