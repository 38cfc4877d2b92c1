"""Removing clusters and families as the lab's reset does: at once, with all that they hold, and without a trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ecrlab.aws.ecs.agent import sweep
from ecrlab.aws.ecs.request import CLUSTERS, DEFINITIONS, DEPLOYMENTS, FAMILIES, OUTPUT, REVISIONS, SERVICES, TASKS

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

_WORDS = {SERVICES: "service", TASKS: "task"}


def remove(cloud: Cloud, place: str, clusters: Iterable[str] | None, families: Iterable[str] | None) -> list[str]:
    """Remove clusters with their services, tasks and containers, and families with all their revisions. Blocks.

    The next revision of a removed family is the first one again. What runs of a family in another cluster goes on.

    Args:
        place: ``ACCOUNT/REGION``.
        clusters, families: their names; None: all of them.

    Returns what was removed, in words.
    """
    removed = []
    with cloud.store.transaction() as store:
        for name in _named(cloud, CLUSTERS, place) if clusters is None else clusters:
            prefix = f"{place}/{name}/"
            for table, word in _WORDS.items():
                keys = [key for key, _ in store.table(table).items(prefix)]
                for key in keys:
                    store.table(table).delete(key)
                removed += [f"{word} {key.removeprefix(prefix)} of the cluster {name}" for key in keys]
            for table in (DEPLOYMENTS, REVISIONS, OUTPUT):
                for key, _ in store.table(table).items(prefix):
                    store.table(table).delete(key)
            if store.table(CLUSTERS).get(f"{place}/{name}") is not None:
                store.table(CLUSTERS).delete(f"{place}/{name}")
                removed.append(f"cluster {name}")
        for name in _named(cloud, FAMILIES, place) if families is None else families:
            keys = [key for key, _ in store.table(DEFINITIONS).items(f"{place}/{name}/")]
            for key in keys:
                store.table(DEFINITIONS).delete(key)
            store.table(FAMILIES).delete(f"{place}/{name}")
            removed += [f"task definition {name} with {len(keys)} revisions"] if keys else []
    sweep(cloud)
    return removed


def _named(cloud: Cloud, table: str, place: str) -> list[str]:
    return [key.removeprefix(f"{place}/") for key, _ in cloud.store.table(table).items(f"{place}/")]
