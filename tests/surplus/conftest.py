"""A cloud in this process, without a server: what is asked of it are questions about policies only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ecrlab.aws import seed
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.host import Host
from ecrlab.aws.surplus import beyond
from ecrlab.clock import Clock
from ecrlab.home import ACCOUNT, REGION
from ecrlab.policy.wanted import Wanted
from ecrlab.store import Store

MANAGED = "arn:aws:iam::aws:policy/"


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


class World:
    """Users, roles and repositories, and the policies they hold."""

    def __init__(self, store: Store) -> None:
        self.cloud = Cloud(store, Clock(store), Host())
        self.identities = self.cloud.identities

    def reset(self) -> None:
        seed.reset_all(self.cloud)
        seed.seed(self.cloud)
        for name in ("my-web-app", "billing"):
            self.repository(name)
        for person in ("ops", "ci", "developer"):
            self.user(person)

    def user(self, name: str, *statements: dict[str, Any], account: str = ACCOUNT, **more: Any) -> None:
        """Make or empty a user, who then holds these statements; more: attached, boundary, tags, groups."""
        found = self.identities.get("users", account, name) or self.identities.new_user(account, name, 0)
        inline = {"own": document(*statements)} if statements else {}
        bare = {"attached": [], "boundary": None, "tags": {}, "groups": []}
        self.identities.put("users", account, {**found, "inline": inline, **bare, **more})

    def managed(self, name: str, *statements: dict[str, Any]) -> str:
        arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
        version = {"document": document(*statements), "created": 0}
        policy = {"name": name, "arn": arn, "tags": {}, "versions": {"v1": version}, "default": "v1"}
        self.identities.put("policies", ACCOUNT, policy)
        return arn

    def group(self, name: str, *statements: dict[str, Any]) -> None:
        inline = {"shared": document(*statements)}
        self.identities.put("groups", ACCOUNT, {"name": name, "inline": inline, "attached": []})

    def role(self, name: str, trust: dict[str, Any] | list[dict[str, Any]], *statements: dict[str, Any]) -> None:
        lines = trust if isinstance(trust, list) else [trust]
        inline = {"own": document(*statements)} if statements else {}
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        self.identities.put(
            "roles",
            ACCOUNT,
            {
                "name": name, "path": "/", "id": "AROA" + name.upper(), "arn": arn, "trust": document(*lines),
                "tags": {}, "inline": inline, "attached": [], "boundary": None,
            },
        )  # fmt: skip

    def repository(self, name: str, *statements: dict[str, Any], registry: str = f"{ACCOUNT}/{REGION}") -> None:
        store = self.cloud.store
        if store.repository(registry, name) is None:
            store.create_repository(registry, name, {}, now=0)
        attributes = {"policy": document(*statements)} if statements else {}
        store.update_repository(registry, name, attributes)

    def registry(self, *statements: dict[str, Any]) -> None:
        self.cloud.change_registry(ACCOUNT, REGION, policy=document(*statements) if statements else None)

    def beyond(self, wanted: Wanted) -> dict[str, Any]:
        return beyond(self.cloud, {"wanted": wanted.to_json()})


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    store = Store.open(tmp_path_factory.mktemp("surplus") / "store")
    yield World(store)
    store.close()


@pytest.fixture
def world(opened: World) -> World:
    opened.reset()
    return opened
