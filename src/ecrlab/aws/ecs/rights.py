"""What each operation of Amazon ECS asks of IAM, and on which resources. Importing it adds them to
`authorization`'s tables.

Sources: facts D008 (a revision is resolved before the question), D026; the resource types are those of the service
authorization reference, as far as the lab has them.
"""

from __future__ import annotations

from ecrlab.aws.authorization.keys import KEYS, Context
from ecrlab.aws.authorization.rules import RULES, Rule
from ecrlab.aws.authorization.targets import TARGETS, Target
from ecrlab.aws.ecs.definitions import find
from ecrlab.aws.ecs.names import DEFAULT_CLUSTER, arn, last
from ecrlab.aws.ecs.request import CLUSTERS, SERVICES, TASKS, cluster_arn, own, place
from ecrlab.aws.operations import Call
from ecrlab.aws.wire.models import service_model

_TARGETS = {
    "CreateCluster": "ecs new cluster", "DeleteCluster": "ecs cluster", "DescribeClusters": "ecs clusters",
    "RunTask": "ecs task definition", "StopTask": "ecs task", "DescribeTasks": "ecs tasks",
    "CreateService": "ecs service", "UpdateService": "ecs service", "DeleteService": "ecs service",
    "DescribeServices": "ecs services", "ListServiceDeployments": "ecs service",
    "DescribeServiceDeployments": "ecs service deployments", "DescribeServiceRevisions": "ecs service revisions",
    "StopServiceDeployment": "ecs service deployment",
    "TagResource": "ecs arn", "UntagResource": "ecs arn", "ListTagsForResource": "ecs arn",
}  # fmt: skip
_OF_A_CLUSTER = {
    "RunTask", "StopTask", "DescribeTasks", "ListTasks", "CreateService", "UpdateService", "DeleteService",
    "DescribeServices", "ListServices",
}  # fmt: skip
_TAGGING = {"CreateCluster", "CreateService", "RegisterTaskDefinition"}


def rules() -> dict[str, Rule]:
    """Return the rule of each operation: its action is called as it is."""
    found = {}
    for name in service_model("ecs").operation_names:
        keys: tuple[str, ...] = ("ecs cluster",) if name in _OF_A_CLUSTER else ()
        if name in _TAGGING or name in ("TagResource", "RunTask"):
            keys += ("ecs request tags",)
        if name == "UntagResource":
            keys += ("tag keys",)
        tagging = "ecs:TagResource" if name in _TAGGING else ""
        found[name] = Rule((f"ecs:{name}",), _TARGETS.get(name, "*"), keys, tagging)
    return found


def _target(call: Call, kind: str, table: str, path: str) -> Target:
    """Return a target with its tags; ``path`` is what follows the kind in its ARN."""
    found = call.cloud.store.table(table).get(f"{place(call)}/{path}")
    return Target(arn(call.region, call.account, f"{kind}/{path}"), call.account, found["tags"] if found else {})


def _cluster(call: Call, name: str) -> Target:
    return _target(call, "cluster", CLUSTERS, last(name))


def _new_cluster(call: Call) -> list[Target]:
    return [_cluster(call, call.params.get("clusterName") or DEFAULT_CLUSTER)]


def _named_cluster(call: Call) -> list[Target]:
    return [_cluster(call, call.params.get("cluster") or DEFAULT_CLUSTER)]


def _clusters(call: Call) -> list[Target]:
    return [_cluster(call, name) for name in call.params.get("clusters") or [DEFAULT_CLUSTER]]


def _definition(call: Call) -> list[Target]:
    text = call.params["taskDefinition"]
    found = find(call, text)
    if found is None:
        return [Target(arn(call.region, call.account, f"task-definition/{last(text)}"), call.account, {})]
    return [Target(found["arn"], call.account, found["tags"])]


def _task(call: Call, name: str) -> Target:
    return _target(call, "task", TASKS, f"{last(cluster_arn(call))}/{last(name)}")


def _service(call: Call, name: str) -> Target:
    return _target(call, "service", SERVICES, f"{last(cluster_arn(call))}/{last(name)}")


def _named_service(call: Call) -> list[Target]:
    return [_service(call, call.params.get("service") or call.params.get("serviceName") or "*")]


def _of_arn(call: Call, text: str) -> Target:
    """Return the target for an ARN, with the tags of what it names."""
    kind, _, path = text.split(":", 5)[-1].partition("/")
    table = {"cluster": CLUSTERS, "task": TASKS, "service": SERVICES}.get(kind)
    if kind == "task-definition":
        found = find(call, text)
        return Target(text, call.account, found["tags"] if found else {})
    return _target(call, kind, table, path) if table and own(call, text) else Target(text, call.account, {})


TARGETS.update(
    {
        "ecs new cluster": _new_cluster,
        "ecs cluster": _named_cluster,
        "ecs clusters": _clusters,
        "ecs task definition": _definition,
        "ecs task": lambda call: [_task(call, call.params["task"])],
        "ecs tasks": lambda call: [_task(call, name) for name in call.params["tasks"] or ["*"]],
        "ecs service": _named_service,
        "ecs services": lambda call: [_service(call, name) for name in call.params["services"] or ["*"]],
        "ecs service deployment": lambda call: [_of_arn(call, call.params["serviceDeploymentArn"])],
        "ecs service deployments": lambda call: [
            _of_arn(call, each) for each in call.params["serviceDeploymentArns"] or ["*"]
        ],
        "ecs service revisions": lambda call: [
            _of_arn(call, each) for each in call.params["serviceRevisionArns"] or ["*"]
        ],
        "ecs arn": lambda call: [_of_arn(call, call.params["resourceArn"])],
    }
)


def _cluster_key(call: Call) -> Context:
    return {"ecs:cluster": cluster_arn(call)}


def _request_tags(call: Call) -> Context:
    tags = {each.get("key", ""): each.get("value", "") for each in call.params.get("tags") or ()}
    keys: Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        keys["aws:TagKeys"] = tuple(tags)
    return keys


KEYS.update({"ecs cluster": _cluster_key, "ecs request tags": _request_tags})
RULES.add("ecs", rules)
