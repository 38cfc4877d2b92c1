"""What every service of the local cloud shares: the store, the clock, identities, registries and their ports."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader

from ecrlab.aws.host import Host
from ecrlab.aws.identity.identities import Document, Identities, Principal, parsed
from ecrlab.aws.last_used import LastUsed
from ecrlab.aws.quotas import Quotas
from ecrlab.aws.work import Work, every_round
from ecrlab.clock import Clock
from ecrlab.policy import Policy
from ecrlab.store import Manifest, Repository, Store


@dataclass(frozen=True)
class Pusher:
    """Who pushed an image, for what ECR does in their name; what IAM is asked about it goes into ``decisions``."""

    principal: Principal
    source_ip: str
    user_agent: str
    decisions: list[dict[str, Any]]


@dataclass(frozen=True)
class Push:
    """An image that came into an ECR repository.

    ``manifest`` has all its tags; ``tag`` is the one it came with, None when it came by its digest alone; ``new`` is
    false when the same image was there under the same tag. ``replicated``: it was not pushed but copied here.
    ``pusher`` is None when ECR itself made it.
    """

    repository: Repository
    manifest: Manifest
    tag: str | None
    new: bool = True
    replicated: bool = False
    pusher: Pusher | None = None


# Called inside the transaction that stores an image in an ECR repository, by docker push and PutImage alike.
Pushed = Callable[["Cloud", Push], None]
PUSHED: list[Pushed] = []
# Called inside the transaction that deletes an image (as it was before), or with a tag that tag only.
Deleted = Callable[["Cloud", Repository, Manifest, str | None], None]
DELETED: list[Deleted] = []


def on_push(function: Pushed) -> Pushed:
    """Register what happens when an image was pushed; what it writes is written together with the image.

    It must be quick: long work is added to ``cloud.work``.
    """
    PUSHED.append(function)
    return function


def on_delete(function: Deleted) -> Deleted:
    """Register what happens when an image or one of its tags was deleted; it is written together with that."""
    DELETED.append(function)
    return function


@cache
def regions() -> frozenset[str]:
    """Return the names of all AWS Regions that botocore knows."""
    loader: Any = Loader()  # type: ignore[no-untyped-call]
    partitions = loader.load_data("partitions")["partitions"]
    return frozenset(name for partition in partitions for name in partition["regions"] if not name.endswith("-global"))


class Cloud:
    """One local cloud; ``host`` is what surrounds it."""

    def __init__(self, store: Store, clock: Clock, host: Host) -> None:
        self.store = store
        self.clock = clock
        self.host = host
        self.identities = Identities(store)
        self.settings = store.table("ecr.registries")
        self.last_used = LastUsed(store)
        self.quotas = Quotas(store)
        # The lab is about to end: what cannot be reached any more is not a Region that is off.
        self.closing = False
        self.work = Work(store, clock)
        # How long a scan takes at least, in lab seconds: a learner who wants to see one at work makes it longer.
        self.scan_seconds = 0.0
        self._off_table = store.table("lab.regions_off")
        self._off = {region for region, _ in self._off_table.items()}
        kept = store.table("lab.secret")
        document = kept.get("secret")
        if document is None:
            document = {"hex": secrets.token_hex(32)}
            kept.put("secret", document)
        self.secret = bytes.fromhex(document["hex"])

    @property
    def regions_off(self) -> list[str]:
        """The Regions that a learner switched off, sorted."""
        return sorted(self._off)

    def is_off(self, region: str) -> bool:
        """Tell whether a Region is switched off: no registry and no regional service answers, nothing reaches it."""
        return region in self._off

    def switch_region(self, region: str, on: bool) -> None:
        """Switch a Region on or off, for good. Its ports are the host's matter."""
        if on:
            self._off_table.delete(region)
            self._off.discard(region)
            self.work.added.set()  # what waited for it
        else:
            self._off_table.put(region, {})
            self._off.add(region)

    def image_pushed(self, push: Push) -> None:
        """Say, inside the transaction that stores it, that an image was pushed."""
        for function in PUSHED:
            function(self, push)

    def image_deleted(self, repository: Repository, manifest: Manifest, tag: str | None = None) -> None:
        """Say, inside the transaction that does it, that an image was deleted, or with ``tag`` that tag only."""
        for function in DELETED:
            function(self, repository, manifest, tag)

    def registry_settings(self, account: str, region: str) -> Document:
        """Return what is set for a whole registry: its policy and account settings."""
        return self.settings.get(f"{account}/{region}") or {}

    def change_registry(self, account: str, region: str, **changes: Any) -> None:
        """Change settings of a registry; None removes one."""
        settings = {**self.registry_settings(account, region), **changes}
        self.settings.put(f"{account}/{region}", {key: value for key, value in settings.items() if value is not None})

    def registry_policy(self, account: str, region: str) -> Policy | None:
        """Return the registry policy in force, or None."""
        text = self.registry_settings(account, region).get("policy")
        return parsed(text, "resource") if text else None

    def open_port(self, account: str, region: str) -> int:
        """Return the port of a registry, opened on first use; while its Region is off, nothing listens there.

        Raises ApiError when no port is to be had.
        """
        return self.host.open_port(account, region, not self.is_off(region))

    def address(self, account: str, region: str) -> str:
        """Return ``localhost:PORT`` of a registry."""
        return f"localhost:{self.open_port(account, region)}"

    def repository_uri(self, account: str, region: str, name: str) -> str:
        """Return the address for docker: the registry's port, and ECR's own host in the path."""
        return f"{self.address(account, region)}/{registry_name(account, region)}/{name}"


@every_round
def save_last_used(cloud: Cloud, now: float) -> None:
    """Save what was used, every few seconds."""
    cloud.last_used.save_at(now)


def registry_name(account: str, region: str) -> str:
    """Return the registry's host at AWS (facts E017)."""
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}"
