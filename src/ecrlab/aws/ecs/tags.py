"""Tags of clusters, task definitions, tasks and services."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.ecs.definitions import find
from ecrlab.aws.ecs.request import CLUSTERS, DEFINITIONS, SERVICES, TASKS, invalid, merged, own, place, shown_tags
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError

_TABLES = {"cluster": CLUSTERS, "task": TASKS, "service": SERVICES}


def _named(call: Call) -> tuple[str, str, Document]:
    """Return table, key and document of what the request's ARN names. Raises ApiError."""
    text = call.params["resourceArn"]
    parts = text.split(":", 5)
    kind, _, path = parts[-1].partition("/")
    if len(parts) < 6 or parts[2] != "ecs" or not path:
        raise invalid("Invalid identifier: Identifier is for no resource of Amazon ECS.")
    if kind == "task-definition":
        definition = find(call, text)
        if definition is not None:
            return DEFINITIONS, f"{place(call)}/{definition['family']}/{definition['revision']:09d}", definition
    elif kind in _TABLES and own(call, text):
        found = call.cloud.store.table(_TABLES[kind]).get(f"{place(call)}/{path}")
        if found is not None:
            return _TABLES[kind], f"{place(call)}/{path}", found
    raise ApiError("ResourceNotFoundException", "The specified resource was not found.")


@operation("ecs", "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction():
        table, key, found = _named(call)
        found["tags"] = merged(found["tags"], call.params["tags"])
        call.cloud.store.table(table).put(key, found)
    return {}


@operation("ecs", "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction():
        table, key, found = _named(call)
        found["tags"] = {name: value for name, value in found["tags"].items() if name not in call.params["tagKeys"]}
        call.cloud.store.table(table).put(key, found)
    return {}


@operation("ecs", "ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return {"tags": shown_tags(_named(call)[2])}
