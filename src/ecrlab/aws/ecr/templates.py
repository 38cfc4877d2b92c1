"""Repository creation templates, and the repositories that ECR makes by itself: on push and for a replica."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecrlab.aws.authorization.service_roles import TEMPLATES, ask_as, assumed, service_role, trusts
from ecrlab.aws.authorization.targets import repository_target
from ecrlab.aws.ecr import lifecycle
from ecrlab.aws.ecr.encryption import encryption_of
from ecrlab.aws.ecr.missing import Missing, maker
from ecrlab.aws.ecr.policies import check_resource_policy
from ecrlab.aws.ecr.repositories import checked_tags, mutability_of, new_attributes
from ecrlab.aws.ecr.request import invalid, page_after, page_of, page_size
from ecrlab.aws.identity.identities import Document, Principal
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.quotas import Exceeded
from ecrlab.aws.wire.errors import ApiError
from ecrlab.oci import OciError, Operation
from ecrlab.store import Exists, Repository

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

TABLE = "ecr.templates"
ROOT = "ROOT"
_PUSHES = {Operation.START_UPLOAD, Operation.UPLOAD_BLOB, Operation.MOUNT_BLOB, Operation.PUT_MANIFEST}


class NotCreated(Exception):  # noqa: N818 (an outcome, not a fault)
    """ECR could not make a repository by a template; the text says why."""


# ------------------------------------------------------------------------------------------------------ the operations


def _key(account: str, region: str, prefix: str) -> str:
    return f"{account}/{region}/{prefix.rstrip('/')}"


def _checked(call: Call, template: Mapping[str, Any]) -> None:
    """Refuse a template that no repository could be made by."""
    mutability_of(template)
    encryption_of(template, call.account, call.region)
    checked_tags(template.get("resourceTags", ()))
    if template.get("repositoryPolicy"):
        check_resource_policy(call, template["repositoryPolicy"], "repository")
    if template.get("lifecyclePolicy"):
        lifecycle.checked(template["lifecyclePolicy"], lifecycle.most_rules(call))
    role = template.get("customRoleArn")
    if role and not re.fullmatch(rf"arn:aws[\w-]*:iam::{call.account}:role/.+", role):
        raise invalid("customRoleArn", "The role must be an IAM role in the account of the registry")


def _shown(template: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"encryptionConfiguration": {"encryptionType": "AES256"}, "imageTagMutability": "MUTABLE"}
    return {**defaults, **template}


def _found(call: Call) -> Document:
    prefix = call.params["prefix"]
    template = call.cloud.store.table(TABLE).get(_key(call.account, call.region, prefix))
    if template is None:
        raise ApiError(
            "TemplateNotFoundException",
            f"The repository creation template with prefix '{prefix}' does not exist in the registry with id "
            f"'{call.account}'",
        )
    return template


@operation("ecr", "CreateRepositoryCreationTemplate")
def create_repository_creation_template(call: Call) -> dict[str, Any]:
    table, key = call.cloud.store.table(TABLE), _key(call.account, call.region, call.params["prefix"])
    template = {name: value for name, value in call.params.items() if value not in ("", [])}
    template["appliedFor"] = list(dict.fromkeys(call.params["appliedFor"]))
    _checked(call, template)
    with call.cloud.store.transaction():
        if table.get(key) is not None:
            raise ApiError(
                "TemplateAlreadyExistsException",
                f"The repository creation template with prefix '{call.params['prefix']}' already exists in the "
                f"registry with id '{call.account}'",
            )
        template.update(createdAt=call.now, updatedAt=call.now)
        table.put(key, template)
        service_role(call.cloud, call.account, TEMPLATES, call.now)
    return {"registryId": call.account, "repositoryCreationTemplate": _shown(template)}


@operation("ecr", "UpdateRepositoryCreationTemplate")
def update_repository_creation_template(call: Call) -> dict[str, Any]:
    """Members that are not given stay; an empty text or list takes one away."""
    with call.cloud.store.transaction():
        template = _found(call)
        if "imageTagMutability" in call.params:
            template.pop("imageTagMutabilityExclusionFilters", None)
        for name, value in call.params.items():
            if name == "appliedFor":
                template[name] = list(dict.fromkeys(value))
            elif value in ("", []):
                template.pop(name, None)
            elif name != "prefix":
                template[name] = value
        _checked(call, template)
        template["updatedAt"] = call.now
        call.cloud.store.table(TABLE).put(_key(call.account, call.region, call.params["prefix"]), template)
    return {"registryId": call.account, "repositoryCreationTemplate": _shown(template)}


@operation("ecr", "DeleteRepositoryCreationTemplate")
def delete_repository_creation_template(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction():
        template = _found(call)
        call.cloud.store.table(TABLE).delete(_key(call.account, call.region, call.params["prefix"]))
    return {"registryId": call.account, "repositoryCreationTemplate": _shown(template)}


@operation("ecr", "DescribeRepositoryCreationTemplates")
def describe_repository_creation_templates(call: Call) -> dict[str, Any]:
    table, start = call.cloud.store.table(TABLE), _key(call.account, call.region, "")
    prefixes = call.params.get("prefixes")
    if prefixes:
        documents = [table.get(_key(call.account, call.region, prefix)) for prefix in dict.fromkeys(prefixes)]
        found = [document for document in documents if document is not None]
        return {"registryId": call.account, "repositoryCreationTemplates": [_shown(each) for each in found]}
    [last], size = page_after(call, 1) or [""], page_size(call, 100)
    items = table.items(start, after=start + last if last else None, limit=size + 1)
    shown, token = page_of(items, size, lambda item: (item[0].removeprefix(start),))
    return {
        "registryId": call.account,
        "repositoryCreationTemplates": [_shown(document) for _, document in shown],
        "nextToken": token,
    }


# ------------------------------------------------------------------------------------------------- making a repository


def template_for(cloud: Cloud, account: str, region: str, name: str, purpose: str) -> Document | None:
    """Return the template by which ECR makes the repository ``name`` for ``purpose``, or None.

    ``purpose`` is "CREATE_ON_PUSH", "REPLICATION" or "PULL_THROUGH_CACHE". Of the templates that are applied for it,
    the one with the longest prefix counts; "/" is implied after a prefix, and ROOT is for all names (facts E058).
    """
    table = cloud.store.table(TABLE)
    parts = name.split("/")
    prefixes = ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
    for prefix in (*prefixes, ROOT):
        template = table.get(_key(account, region, prefix))
        if template is not None and purpose in template["appliedFor"]:
            return template
    return None


def create_repository_for(
    cloud: Cloud, account: str, region: str, name: str, template: Mapping[str, Any] | None, now: float
) -> Repository:
    """Make a repository as ECR does by itself, by a template or, with None, with the defaults (facts E057).

    ECR acts in the template's role, else in its service-linked one (facts E059). Raises NotCreated.
    """
    template = template or {}
    settings = {key: value for key, value in template.items() if key != "resourceTags"}
    attributes = new_attributes({**settings, "tags": template.get("resourceTags", ())}, account, region)
    attributes["policy"] = template.get("repositoryPolicy")
    if template.get("lifecyclePolicy"):
        attributes["lifecycle"] = lifecycle.checked(template["lifecyclePolicy"])
    if template:
        _ask(cloud, account, region, name, template, now)
    try:
        with cloud.store.transaction() as store:
            if store.repository(f"{account}/{region}", name) is None:
                cloud.quotas.check_repositories(store, f"{account}/{region}")
            made = store.create_repository(f"{account}/{region}", name, attributes, now=now)
            if "lifecycle" in attributes:
                lifecycle.schedule(cloud, made, now)
            return made
    except Exceeded as error:
        raise NotCreated(str(error)) from None
    except Exists:
        found = cloud.store.repository(f"{account}/{region}", name)
        if found is None:
            raise NotCreated(f"The repository '{name}' was deleted at the same time.") from None
        return found


def _ask(cloud: Cloud, account: str, region: str, name: str, template: Mapping[str, Any], now: float) -> None:
    prefix, role_arn = template["prefix"], template.get("customRoleArn")
    begin = f"The repository '{name}' could not be created by the repository creation template with prefix '{prefix}':"
    encryption = template.get("encryptionConfiguration") or {"encryptionType": "AES256"}
    actions = ["ecr:CreateRepository"]
    if template.get("resourceTags"):
        actions.append("ecr:TagResource")
    if role_arn is None:
        if template.get("resourceTags") or encryption["encryptionType"] != "AES256":
            raise NotCreated(f"{begin} a template with resource tags or KMS encryption needs a customRoleArn.")
        who = assumed(service_role(cloud, account, TEMPLATES, now), "ecr-template")
    else:
        who = _custom(cloud, account, role_arn, begin)
    for action in actions:
        decision = ask_as(cloud, who, action, repository_target(cloud, account, region, name), region)
        if not decision.allowed:
            raise NotCreated(f"{begin} {decision.message}")


def _custom(cloud: Cloud, account: str, arn: str, begin: str) -> Principal:
    role = cloud.identities.get("roles", account, arn.rpartition("/")[2])
    if role is None or role["arn"] != arn or not trusts(role, "ecr.amazonaws.com"):
        raise NotCreated(f"{begin} Amazon ECR cannot assume the role {arn}.")
    return assumed(role, "ecr-template")


@maker
async def create_on_push(missing: Missing) -> bool:
    """Make the repository that is pushed to, where a template says so (facts E056).

    The pusher needs no ecr:CreateRepository, and the push is authorised on the repository afterwards, so a refused push
    can leave an empty repository: https://github.com/aws/containers-roadmap/issues/853 (2026-03-31).
    """
    if missing.operation not in _PUSHES:
        return False
    where = (missing.cloud, missing.account, missing.region, missing.name)
    template = template_for(*where, "CREATE_ON_PUSH")
    if template is None:
        return False
    try:
        create_repository_for(*where, template, missing.now)
    except NotCreated as error:
        raise OciError(403, "DENIED", str(error)) from None
    return True
