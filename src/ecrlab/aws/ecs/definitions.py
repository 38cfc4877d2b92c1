"""Task definitions: a recipe, in numbered revisions of a family (facts D001 to D006)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecrlab.aws.ecs import fields
from ecrlab.aws.ecs.names import arn, definition_named, image_named
from ecrlab.aws.ecs.request import (
    DEFINITIONS,
    FAMILIES,
    check_fields,
    client_error,
    full_role,
    invalid,
    paged,
    pass_roles,
    place,
    shown_tags,
    tags_of,
)
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation

_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_CONTAINER = re.compile(r"[A-Za-z0-9_-]{1,255}")
# MiB of memory that go with CPU units on Fargate: first, last and step (facts D004; the larger ones: AWS, ECS guide,
# "Amazon ECS task definition parameters for Fargate").
_SIZES = {
    256: {512, 1024, 2048},
    512: set(range(1024, 4097, 1024)),
    1024: set(range(2048, 8193, 1024)),
    2048: set(range(4096, 16385, 1024)),
    4096: set(range(8192, 30721, 1024)),
    8192: set(range(16384, 61441, 4096)),
    16384: set(range(32768, 122881, 8192)),
}
_HEALTH = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
_UNITS = {"vcpu": 1024, "gb": 1024}
_INPUT = (
    "taskRoleArn", "executionRoleArn", "networkMode", "volumes", "requiresCompatibilities", "runtimePlatform",
    "ephemeralStorage",
)  # fmt: skip


@operation("ecs", "RegisterTaskDefinition", simplified="Fargate's recipes; requiresAttributes is left out.")
def register_task_definition(call: Call) -> dict[str, Any]:
    """Keep a new revision. Order: shape, PassRole of the execution role, of the task role, the rest.

    Raises ApiError: ClientException, InvalidParameterException, AccessDenied.
    """
    check_fields(call)
    params = call.params
    if not _FAMILY.fullmatch(params["family"]):
        raise client_error("Family contains invalid characters.")
    containers = [_container(each) for each in params["containerDefinitions"]]
    _check_containers(containers)
    given = {name: params[name] for name in _INPUT if params.get(name) is not None}
    for name in ("executionRoleArn", "taskRoleArn"):
        if name in given:
            given[name] = full_role(call, given[name])
    _check_volumes(given.get("volumes") or ())
    fargate = "FARGATE" in (params.get("requiresCompatibilities") or ())
    size = _size(params, fargate)
    pass_roles(call, given.get("executionRoleArn"), given.get("taskRoleArn"))
    if fargate:
        if given.get("networkMode") != "awsvpc":
            # The typographic marks are AWS's (aws/amazon-ecs-cli#1145, 2022).
            raise client_error("Fargate only supports network mode \u2018awsvpc\u2019.")
        check_execution_role(call, containers, given.get("executionRoleArn"))
    table, families = call.cloud.store.table(DEFINITIONS), call.cloud.store.table(FAMILIES)
    with call.cloud.store.transaction():
        key = f"{place(call)}/{params['family']}"
        revision = int((families.get(key) or {"revision": 0})["revision"]) + 1
        families.put(key, {"revision": revision})
        definition: Document = {
            "family": params["family"],
            "revision": revision,
            "arn": arn(call.region, call.account, f"task-definition/{params['family']}:{revision}"),
            "status": "ACTIVE",
            "registered": call.now,
            "registered_by": call.principal.arn,
            "given": {**given, **size},
            "containers": containers,
            "tags": tags_of(call),
        }
        table.put(_key(call, definition), definition)
    return {"taskDefinition": shown(definition), "tags": shown_tags(definition)}


def _key(call: Call, definition: Document) -> str:
    return f"{place(call)}/{definition['family']}/{definition['revision']:09d}"


def _container(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container definition with what ECS fills in."""
    fields.refuse(given, fields.CONTAINER, "containerDefinitions")
    known = fields.CONTAINER.used | fields.CONTAINER.kept
    container = {"cpu": 0, "essential": True, **{name: value for name, value in given.items() if name in known}}
    container["portMappings"] = [
        {"hostPort": each.get("containerPort"), "protocol": "tcp", **each} for each in given.get("portMappings") or ()
    ]
    return {**container, "environment": given.get("environment") or [], "mountPoints": [], "volumesFrom": []}


def _check_containers(containers: list[dict[str, Any]]) -> None:
    if not containers:
        raise client_error("Container list cannot be empty.")
    for each in containers:
        if not _CONTAINER.fullmatch(each.get("name") or ""):
            raise client_error("Container.name contains invalid characters.")
        if not each.get("image"):
            raise client_error("Container.image should not be null or empty.")
        if not all(pair.get("name") for pair in each["environment"]):
            raise client_error("Environment variable name must not be empty.")
        if any(mapping["protocol"] != "tcp" for mapping in each["portMappings"]):
            raise invalid("ECR Lab does not have ports of other protocols than tcp. See docs/fidelity.md.")
        _check_health(each.get("healthCheck") or {})
    names = [each["name"] for each in containers]
    if len(set(names)) < len(names):
        raise client_error("Container names should be unique within a task definition.")
    if not any(each["essential"] for each in containers):
        raise client_error("Invalid 'essential' setting for container. At least one container must be essential.")
    for each in containers:
        for other in each.get("dependsOn") or ():
            if other["containerName"] not in names or other["containerName"] == each["name"]:
                raise client_error(f"Container {each['name']} depends on {other['containerName']}, which is not there.")
            if other["condition"] != "START":
                text = f"ECR Lab does not have dependsOn with the condition {other['condition']}. See docs/fidelity.md."
                raise invalid(text)
    if len(in_order(containers)) < len(containers):
        raise client_error("There is a cyclic dependency between the containers of the task definition.")


def _check_health(given: Mapping[str, Any]) -> None:
    """Refuse a health check that the model's words rule out (facts D146); the sentences are ours."""
    if not given:
        return
    command = given.get("command") or []
    if len(command) < 2 or command[0] not in ("CMD", "CMD-SHELL"):
        raise client_error("Health check command must start with CMD or CMD-SHELL and name what to run.")
    for name, (least, most) in _HEALTH.items():
        if given.get(name) is not None and not least <= given[name] <= most:
            raise client_error(f"Health check {name} must be between {least} and {most}.")


def in_order(containers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return container definitions so that each comes after those that it depends on; a circle is left out."""
    left = [dict(each) for each in containers]
    found: list[dict[str, Any]] = []
    while left:
        known = {each["name"] for each in found}
        ready = [each for each in left if {o["containerName"] for o in each.get("dependsOn") or ()} <= known]
        if not ready:
            break
        found.append(ready[0])
        left.remove(ready[0])
    return found


def _check_volumes(volumes: Sequence[Mapping[str, Any]]) -> None:
    for each in volumes:
        more = sorted(name for name, value in each.items() if name != "name" and value)
        if more:
            raise invalid(f"ECR Lab does not have volumes with {more[0]}: it keeps their names only.")


def _number(text: str | None) -> int | None:
    """Return units of CPU or MiB that a size stands for: "256", ".25 vCPU", "0.5GB"; None when it is none."""
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(vcpu|gb)?\s*", (text or "").lower())
    return int(float(found[1]) * _UNITS.get(found[2] or "", 1)) if found else None


def _size(params: Mapping[str, Any], fargate: bool) -> dict[str, str]:
    """Return cpu and memory of a task, checked. Raises ApiError for a pair that Fargate does not have (facts D004)."""
    cpu, memory = _number(params.get("cpu")), _number(params.get("memory"))
    for name, number in (("cpu", cpu), ("memory", memory)):
        if params.get(name) is not None and number is None:
            raise client_error(f"Invalid '{name}' setting for task.")
    if fargate and (cpu is None or memory is None or memory not in _SIZES.get(cpu, ())):
        raise client_error("No Fargate configuration exists for given values.")
    return {name: str(number) for name, number in (("cpu", cpu), ("memory", memory)) if number is not None}


def check_execution_role(call: Call, containers: list[dict[str, Any]], role: str | None) -> None:
    """Refuse an image of Amazon ECR without a role that pulls it.

    Seen in hashicorp/terraform-provider-aws#3051 (2018). Raises ClientException.
    """
    if role:
        return
    for each in containers:
        image = image_named(call.cloud, each["image"])
        if image is not None and image.registry == "ecr":
            raise client_error("Fargate requires task definition to have execution role ARN to support ECR images.")


def shown(definition: Document) -> dict[str, Any]:
    """Return a task definition as the API shows it."""
    given = definition["given"]
    fits = given.get("networkMode") == "awsvpc" and "cpu" in given and "memory" in given
    return {
        "taskDefinitionArn": definition["arn"],
        "family": definition["family"],
        "revision": definition["revision"],
        "status": definition["status"],
        "containerDefinitions": definition["containers"],
        "volumes": [],
        "placementConstraints": [],
        "compatibilities": ["EC2", "FARGATE"] if fits else ["EC2"],
        "registeredAt": definition["registered"],
        "registeredBy": definition["registered_by"],
        "deregisteredAt": definition.get("deregistered"),
        **given,
    }


def find(call: Call, text: str) -> Document | None:
    """Return the task definition that ``text`` names: ``family`` (its newest active revision), ``family:3`` or an ARN.

    None: there is none, or it is of another account or Region.
    """
    named = definition_named(text)
    if named is None:
        return None
    family, revision, region, account = named
    if (region or call.region, account or call.account) != (call.region, call.account):
        return None
    table = call.cloud.store.table(DEFINITIONS)
    if revision is not None:
        return table.get(f"{place(call)}/{family}/{revision:09d}")
    active = [each for _, each in table.items(f"{place(call)}/{family}/") if each["status"] == "ACTIVE"]
    return active[-1] if active else None


def to_run(call: Call, text: str) -> Document:
    """Return the task definition that tasks are to be started from. Raises ApiError: it is not there, or inactive
    (DefangLabs/defang#775, 2024).
    """
    found = find(call, text)
    if found is None:
        raise client_error("TaskDefinition not found.")
    if found["status"] != "ACTIVE":
        raise invalid("TaskDefinition is inactive")
    return found


@operation("ecs", "DescribeTaskDefinition")
def describe_task_definition(call: Call) -> dict[str, Any]:
    """Seen for one that is not there: aws/containers-roadmap and others (2018 to 2023)."""
    found = find(call, call.params["taskDefinition"])
    if found is None:
        raise client_error("Unable to describe task definition.")
    tags = "TAGS" in (call.params.get("include") or ())
    return {"taskDefinition": shown(found), "tags": shown_tags(found) if tags else []}


@operation("ecs", "DeregisterTaskDefinition")
def deregister_task_definition(call: Call) -> dict[str, Any]:
    """Make a revision INACTIVE: what runs goes on, nothing more starts."""
    named = definition_named(call.params["taskDefinition"])
    if named is None or named[1] is None:
        raise invalid("Revision is missing. Specify the family and the revision (family:revision).")
    found = find(call, call.params["taskDefinition"])
    if found is None:
        raise client_error("The specified task definition does not exist.")
    if found["status"] == "ACTIVE":
        found.update(status="INACTIVE", deregistered=call.now)
        call.cloud.store.table(DEFINITIONS).put(_key(call, found), found)
    return {"taskDefinition": shown(found)}


def _by_family(call: Call, status: str) -> dict[str, list[Document]]:
    """Return the families of an account in a Region with their revisions of ``status``, oldest first."""
    families: dict[str, list[Document]] = {}
    for _, each in call.cloud.store.table(DEFINITIONS).items(f"{place(call)}/"):
        families.setdefault(each["family"], [])
        if status in ("ALL", each["status"]):
            families[each["family"]].append(each)
    return families


@operation("ecs", "ListTaskDefinitions")
def list_task_definitions(call: Call) -> dict[str, Any]:
    """The whole family is named, although the member is called familyPrefix."""
    family, status = call.params.get("familyPrefix"), call.params.get("status") or "ACTIVE"
    found = [
        each["arn"]
        for name, revisions in sorted(_by_family(call, status).items())
        if family in (None, name)
        for each in revisions
    ]
    return paged(call, "taskDefinitionArns", found[::-1] if call.params.get("sort") == "DESC" else found)


@operation("ecs", "ListTaskDefinitionFamilies")
def list_task_definition_families(call: Call) -> dict[str, Any]:
    """A family is ACTIVE as long as one of its revisions is, else INACTIVE."""
    prefix, status = call.params.get("familyPrefix") or "", call.params.get("status") or "ACTIVE"
    found = [
        name
        for name, active in sorted(_by_family(call, "ACTIVE").items())
        if name.startswith(prefix) and status in ("ALL", "ACTIVE" if active else "INACTIVE")
    ]
    return paged(call, "families", found)
