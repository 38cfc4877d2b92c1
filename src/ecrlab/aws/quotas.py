"""Service quotas of Amazon ECR and ECR Public: what there are, their values here, and the refusals (facts ecr.md 7).

AWS lets some of them be raised. The lab lets each be set, so that a learner can reach it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ecrlab.store import Repository, Store

MIB = 1 << 20
PUBLIC = "public"
"""What a public registry's name ends with in the store, in the place of a Region."""
MOST = 10**9
RATE_EXCEEDED = "Rate exceeded"
REPOSITORIES, IMAGES, TAGS = "repositories per Region", "images per repository", "tags per image"
LAYER_SIZE, LAYER_PARTS, SCANS = "layer size", "layer parts", "basic scans per 24 hours"
ANONYMOUS_PULLS, PULLS = "unauthenticated image pulls per second", "authenticated image pulls per second"
_A_SECOND = " per second"


@dataclass(frozen=True)
class Quota:
    """One quota. ``private`` and ``public``: AWS's default for the registries of ECR and of ECR Public, None where the
    service has no such quota. ``adjustable``: AWS raises it on request. ``source``: facts. ``rate``: in requests a
    second, and off in the lab until it is set.
    """

    name: str
    private: int | None
    public: int | None
    adjustable: bool
    source: str
    unit: str = ""
    rate: bool = False


def _rate(operation: str, private: int | None, public: int | None) -> Quota:
    return Quota(operation + _A_SECOND, private, public, private is not None, "E061", "requests a second", True)


_TABLE = (
    Quota(REPOSITORIES, 100_000, 10_000, True, "E061"),
    Quota(IMAGES, 100_000, 100_000, True, "E061"),
    Quota(TAGS, 1_000, 1_000, False, "E061"),
    Quota(LAYER_SIZE, 52_000, 10_000, False, "E061", "MiB"),
    Quota(LAYER_PARTS, 4_200, 1_000, False, "E061"),
    Quota("rules per lifecycle policy", 50, None, False, "E061"),
    Quota(SCANS, 100_000, None, False, "E061"),
    Quota("pull-through cache rules per registry", 50, None, False, "E061"),
    Quota("rules per replication configuration", 25, None, False, "E061"),
    Quota("destinations per replication configuration", 25, None, False, "E061"),
    Quota("filters per replication rule", 100, None, False, "E061"),
    Quota("replication backfills in progress", 10, None, False, "E065"),
    Quota("signing rules per registry", 10, None, False, "E065"),
    Quota("filters per signing rule", 100, None, False, "E065"),
    Quota("pull time update exclusions per registry", 100, None, False, "E065"),
    _rate("GetAuthorizationToken", 500, 200),
    _rate("BatchCheckLayerAvailability", 1_000, 200),
    _rate("InitiateLayerUpload", 100, 10),
    _rate("UploadLayerPart", 500, 260),
    _rate("CompleteLayerUpload", 100, 10),
    _rate("PutImage", 10, 10),
    _rate("BatchGetImage", 2_000, None),
    _rate("GetDownloadUrlForLayer", 3_000, None),
    Quota(ANONYMOUS_PULLS, None, 1, False, "E061", "pulls a second", True),
    Quota(PULLS, None, 10, True, "E061", "pulls a second", True),
)
QUOTAS = {quota.name: quota for quota in _TABLE}


class NoQuota(ValueError):  # noqa: N818 (an answer, not a failure)
    """There is no such quota, or it cannot have such a value; the text says what there is."""


class Exceeded(Exception):  # noqa: N818 (an answer, not a failure)
    """A request would exceed a quota: LimitExceededException of the API, DENIED of the registry."""


class Bucket:
    """Requests allowed now: as many as the rate at most, and the rate more each second (AWS, "Troubleshooting Amazon
    ECR error messages", 2026-04-13, of the credits of GetAuthorizationToken).

    Args:
        rate: requests a second.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._left, self._at = float(rate), time.monotonic()

    def take(self) -> bool:
        """Take one request; return whether there was one left. By the machine's time: a leap of the lab's clock gives
        nothing.
        """
        now = time.monotonic()
        self._left = min(float(self._rate), self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Quotas:
    """The quotas of every registry of a lab, by the registry's name in the store ("123456789012/us-east-1").

    Args:
        store: what was set is kept there.
    """

    def __init__(self, store: Store) -> None:
        self._table = store.table("lab.quotas")
        self._set: dict[tuple[str, str], int] = {}
        self.buckets: dict[tuple[str, str], Bucket] = {}
        """The rates that are on, by registry and by operation; empty as a rule, and then nothing counts requests."""
        for registry, document in self._table.items():
            for name, value in document.items():
                self._use(registry, name, value)

    def value(self, registry: str, name: str) -> int | None:
        """Return a quota's value for a registry. None: nothing limits it."""
        found = self._set.get((registry, name))
        if found is not None:
            return found
        quota = QUOTAS[name]
        return None if quota.rate else _default(registry, quota)

    def allows(self, registry: str, name: str, count: int) -> bool:
        """Tell whether a registry may have ``count`` of what the quota ``name`` limits."""
        most = self.value(registry, name)
        return most is None or count <= most

    def set(self, registry: str, name: object, value: object) -> str:
        """Set a quota of a registry, None: put it back to its default; return its name as it is written here.

        Raises NoQuota: the registry's service has no such quota, or the value is none.
        """
        quota = _named(registry, name)
        number = value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST else None
        if number is None and value is not None:
            raise NoQuota(f"A quota is a whole number from 1 to {MOST}, or null for its default, not {value!r:.50}.")
        kept = {key: each for key, each in (self._table.get(registry) or {}).items() if key != quota.name}
        self._set.pop((registry, quota.name), None)
        self.buckets.pop((registry, _counted(quota.name)), None)
        if number is not None:
            kept[quota.name] = number
            self._use(registry, quota.name, number)
        if kept:
            self._table.put(registry, kept)
        else:
            self._table.delete(registry)
        return quota.name

    def _use(self, registry: str, name: str, value: int) -> None:
        self._set[registry, name] = value
        if QUOTAS[name].rate:
            self.buckets[registry, _counted(name)] = Bucket(value)

    def reset(self) -> list[str]:
        """Put every quota back to its default; return what was set, in words."""
        gone = [f"the quota {name} of {registry}, which was {value}" for (registry, name), value in self._set.items()]
        for registry in {registry for registry, _ in self._set}:
            self._table.delete(registry)
        self._set.clear()
        self.buckets.clear()
        return gone

    def shown(self, registry: str) -> list[dict[str, Any]]:
        """Return the quotas that a registry has: name, value (None: off), default at AWS, adjustable, source, unit."""
        return [
            {
                "name": quota.name,
                "value": self.value(registry, quota.name),
                "default": _default(registry, quota),
                "set": (registry, quota.name) in self._set,
                "adjustable": quota.adjustable,
                "source": quota.source,
                "unit": quota.unit,
            }
            for quota in _TABLE
            if _default(registry, quota) is not None
        ]

    def throttled(self, registry: str, counted: str) -> bool:
        """Count a request against a rate that is on: ``counted`` is the operation, or one of the two of ECR Public's
        pulls. Return whether it is too many.
        """
        bucket = self.buckets.get((registry, counted))
        return bucket is not None and not bucket.take()

    # ------------------------------------------------------------------------------------- what is counted in the store

    def check_repositories(self, store: Store, registry: str) -> None:
        """Raise Exceeded when a registry may not have one repository more."""
        most = self.value(registry, REPOSITORIES)
        if most is not None and store.count_repositories(registry) >= most:
            raise Exceeded(
                f"The registry with id '{_id(registry)}' already has the maximum allowed number of repositories which "
                f"is '{most}'"
            )

    def check_image(self, store: Store, repository: Repository, digest: str, tag: str | None) -> None:
        """Raise Exceeded when a repository may not take one image more, or the image not one tag more.

        The texts were seen at AWS: https://github.com/vllm-project/vllm/issues/48065 (2026-07-09) and
        https://github.com/namespacelabs/foundation/issues/649 (2022-06-23).
        """
        where = f"repository with name '{repository.name}' in registry with id '{_id(repository.registry)}'"
        there, most = store.manifest_by_digest(repository, digest), self.value(repository.registry, IMAGES)
        if there is None and most is not None and store.count_manifests(repository) >= most:
            raise Exceeded(f"The {where} already has the maximum allowed number of images which is '{most}'")
        most, tags = self.value(repository.registry, TAGS), () if there is None else there.tags
        if tag is not None and tag not in tags and most is not None and len(tags) >= most:
            raise Exceeded(
                f"Adding tag '{tag}' to an image in the {where} exceeds the maximum allowed number of tags per image "
                f"which is '{most}'"
            )

    def largest_layer(self, registry: str) -> int | None:
        """Return the most bytes of a layer."""
        most = self.value(registry, LAYER_SIZE)
        return None if most is None else most * MIB


def layer_too_large(most: int) -> str:
    """Return the text for a layer of more than ``most`` bytes; AWS's own is not known."""
    return f"The layer exceeds the maximum allowed layer size which is '{most // MIB}' MiB"


def _named(registry: str, name: object) -> Quota:
    wanted = _plain(name) if isinstance(name, str) else ""
    quotas = [quota for quota in _TABLE if _default(registry, quota) is not None]
    found = next((quota for quota in quotas if _plain(quota.name) == wanted), None)
    if found is None:
        raise NoQuota(f"There is no quota {name!r:.80} here. There is: {', '.join(quota.name for quota in quotas)}.")
    return found


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", " ")


def _counted(name: str) -> str:
    """Return what a rate counts: an operation's name, or one of ECR Public's two kinds of pulls."""
    return name if name in (ANONYMOUS_PULLS, PULLS) else name.removesuffix(_A_SECOND)


def _default(registry: str, quota: Quota) -> int | None:
    return quota.public if registry.endswith(f"/{PUBLIC}") else quota.private


def _id(registry: str) -> str:
    return registry.partition("/")[0]
