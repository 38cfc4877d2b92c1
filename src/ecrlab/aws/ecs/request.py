"""What the operations of Amazon ECS share: the cluster of a request, pages, tags, errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ecrlab.aws.authorization.ask import require
from ecrlab.aws.authorization.targets import Target
from ecrlab.aws.ecs import fields
from ecrlab.aws.ecs.names import DEFAULT_CLUSTER, arn, last
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, page
from ecrlab.aws.wire.errors import ApiError

SERVICE = "ecs-tasks.amazonaws.com"
"""Who assumes the roles of tasks (facts D017)."""
CLUSTERS, DEFINITIONS, FAMILIES, TASKS, SERVICES, DEPLOYMENTS, REVISIONS, OUTPUT = TABLES = (
    "ecs.clusters", "ecs.definitions", "ecs.families", "ecs.tasks", "ecs.services", "ecs.deployments", "ecs.revisions",
    "ecs.output",
)  # fmt: skip
"""The tables, by ``ACCOUNT/REGION/…``; all of them are emptied by a reset."""


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def client_error(message: str) -> ApiError:
    return ApiError("ClientException", message)


def place(call: Call) -> str:
    """Return ``ACCOUNT/REGION`` of a request."""
    return f"{call.account}/{call.region}"


def check_fields(call: Call) -> None:
    """Refuse members of the request that would change what runs and are not here. Raises ApiError."""
    fields.refuse(call.params, fields.OPERATIONS[call.operation])


def own(call: Call, text: str) -> bool:
    """Tell whether a name, or an ARN, is of the caller's account and the request's Region."""
    parts = text.split(":", 5)
    return len(parts) < 6 or (parts[3], parts[4]) == (call.region, call.account)


def cluster_arn(call: Call) -> str:
    """Return the ARN of the cluster that a request means, there or not."""
    return arn(call.region, call.account, f"cluster/{last(call.params.get('cluster') or DEFAULT_CLUSTER)}")


def cluster_of(call: Call) -> Document:
    """Return the cluster that a request means, "default" when it names none. Raises ClusterNotFoundException."""
    text = call.params.get("cluster") or DEFAULT_CLUSTER
    found = call.cloud.store.table(CLUSTERS).get(f"{place(call)}/{last(text)}") if own(call, text) else None
    if found is None or found["status"] != "ACTIVE":
        raise ApiError("ClusterNotFoundException", "Cluster not found.")
    return found


def paged(call: Call, name: str, items: list[Any], usual: int = 100) -> dict[str, Any]:
    """Return the page that nextToken and maxResults ask for, under ``name``."""
    size = call.params.get("maxResults") or usual
    if not 1 <= size <= 100:
        raise invalid(f"maxResults is from 1 to 100, not {size}.")
    shown, token = page(items, call.params.get("nextToken"), size, lambda: invalid("Invalid token."))
    return {name: shown, "nextToken": token}


def tags_of(call: Call) -> dict[str, str]:
    """Return the tags that a request brings. Raises ApiError: too many, or one without a key."""
    return merged({}, call.params.get("tags") or ())


def merged(old: Mapping[str, str], new: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return tags with others added. Raises ApiError: more than 50, or one without a key."""
    tags = {**old, **{each.get("key", ""): each.get("value", "") for each in new}}
    if "" in tags:
        raise invalid("A tag needs a key.")
    if len(tags) > 50:
        raise invalid("A resource can have at most 50 tags.")
    return tags


def shown_tags(document: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in document["tags"].items()]


def missing(what: str) -> dict[str, str]:
    """Return the entry of ``failures`` for something that is not there."""
    return {"arn": what, "reason": "MISSING"}


def pass_roles(call: Call, *roles: str | None) -> None:
    """Ask iam:PassRole of the caller, once for each role, and then whether the role is there (facts D021 to D024).

    Raises ApiError: AccessDenied with IAM's sentence, or ClientException for a role that ECS cannot read.
    """
    given = list(dict.fromkeys(role for role in roles if role))
    for role in given:
        target = Target(role, call.account, (_role(call, role) or {"tags": {}})["tags"])
        require(call, "iam:PassRole", target, {"iam:PassedToService": SERVICE})
    for role in given:
        if _role(call, role) is None:
            raise client_error("Role is not valid")


def full_role(call: Call, role: str | None) -> str | None:
    """Return a role's ARN; a recipe may also have its name."""
    if not role or role.startswith("arn:"):
        return role or None
    return f"arn:aws:iam::{call.account}:role/{role}"


def _role(call: Call, role: str) -> Document | None:
    found = call.cloud.identities.get("roles", call.account, last(role))
    return found if found is not None and found["arn"] == role else None
