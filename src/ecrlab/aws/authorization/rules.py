"""What each request needs: the one table of which IAM actions it asks, and on which resources.

`RULES` maps every API operation of the lab's services, `REGISTRY_RULES` every request below /v2/, to IAM actions; the
rule says on which resources they are asked. Amazon ECS brings its own (`ecrlab.aws.ecs.rights`). Sources: facts iam.md
section 10 (service authorization reference of 2026-09-26) for ECR and ECR Public; facts ecr.md 8.2 for the registry's
requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from ecrlab.aws.wire.models import service_model


@dataclass(frozen=True)
class Rule:
    """What an operation needs: ``actions``, each asked on the resources that ``target`` finds in the parameters.

    ``target`` is one of `TARGETS`; "none" means that IAM is not asked. ``keys`` names the context keys that the
    parameters add (functions in `KEYS`). ``tagging`` is asked as well, on the same resources, when the request brings
    tags: whoever makes something with tags needs the right to tag it (facts A030, A031).
    """

    actions: tuple[str, ...]
    target: str
    keys: tuple[str, ...] = ()
    tagging: str = ""


def _ecr_rules() -> dict[str, Rule]:
    """ECR: the action is called like the operation, and its resource type is the repository, except for these."""
    registry_wide = {
        "CreatePullThroughCacheRule", "CreateRepositoryCreationTemplate", "DeletePullThroughCacheRule",
        "DeleteRegistryPolicy", "DeleteRepositoryCreationTemplate", "DeleteSigningConfiguration",
        "DeregisterPullTimeUpdateExclusion", "DescribePullThroughCacheRules", "DescribeRegistry",
        "DescribeReplicationBackfillResults", "DescribeRepositoryCreationTemplates", "GetAccountSetting",
        "GetAuthorizationToken", "GetRegistryPolicy", "GetRegistryScanningConfiguration", "GetSigningConfiguration",
        "ListPullTimeUpdateExclusions", "ListReplicationBackfills", "PutAccountSetting", "PutRegistryPolicy",
        "PutRegistryScanningConfiguration", "PutReplicationConfiguration", "PutSigningConfiguration",
        "RegisterPullTimeUpdateExclusion", "StartReplicationBackfill", "StopReplicationBackfill",
        "UpdatePullThroughCacheRule", "UpdateRepositoryCreationTemplate", "ValidatePullThroughCacheRule",
    }  # fmt: skip
    rules = {}
    for name in service_model("ecr").operation_names:
        target = "*" if name in registry_wide else "repository"
        if name in ("DescribeRepositories", "BatchGetRepositoryScanningConfiguration"):
            target = "repositories"
        elif name in ("TagResource", "UntagResource", "ListTagsForResource"):
            target = "arn"
        keys = {
            "CreateRepository": ("request tags",),
            "TagResource": ("request tags",),
            "UntagResource": ("tag keys",),
            "GetAccountSetting": ("account setting",),
            "PutAccountSetting": ("account setting",),
        }.get(name, ())
        # ListImageReferrers has no permission of its own (facts I063).
        action = "BatchGetImage" if name == "ListImageReferrers" else name
        rules[name] = Rule((f"ecr:{action}",), target, keys, "ecr:TagResource" if name == "CreateRepository" else "")
    return rules


def _ecr_public_rules() -> dict[str, Rule]:
    rules = {}
    for name in service_model("ecr-public").operation_names:
        target = "public repository"
        if name == "GetAuthorizationToken":
            rules[name] = Rule(("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"), "*")
            continue
        if name in ("DescribeRegistries", "GetRegistryCatalogData", "PutRegistryCatalogData"):
            target = "public registry"
        elif name == "DescribeRepositories":
            target = "public repositories"
        elif name in ("TagResource", "UntagResource", "ListTagsForResource"):
            target = "arn"
        keys = {
            "CreateRepository": ("request tags",),
            "TagResource": ("request tags",),
            "UntagResource": ("tag keys",),
        }.get(name, ())
        tagging = "ecr-public:TagResource" if name == "CreateRepository" else ""
        rules[name] = Rule((f"ecr-public:{name}",), target, keys, tagging)
    return rules


def _iam_rules() -> dict[str, Rule]:
    """IAM: the action is called like the operation; the resource is the user, group, role or policy it names."""
    rules, names = {}, service_model("iam").operation_names
    for name in names:
        shape = service_model("iam").operation_model(name).input_shape
        members = set(shape.members) if shape is not None else set()
        if "GroupName" in members:
            target = "group"
        elif "RoleName" in members:
            target = "role"
        elif "UserName" in members:
            target = "user"
        elif "PolicyArn" in members or name == "CreatePolicy":
            target = "policy"
        elif "OpenIDConnectProviderArn" in members or name == "CreateOpenIDConnectProvider":
            target = "oidc provider"
        elif name in ("SimulatePrincipalPolicy", "GetContextKeysForPrincipalPolicy"):
            target = "policy source"
        else:
            target = "*"
        keys: tuple[str, ...] = ()
        if name.startswith(("Attach", "Detach")):
            keys += ("policy arn",)
        if "PermissionsBoundary" in members or name.endswith("PermissionsBoundary"):
            keys += ("boundary",)
        if "Tags" in members:
            keys += ("request tags",)
        if "TagKeys" in members:
            keys += ("tag keys",)
        tag = f"Tag{name.removeprefix('Create')}"
        tagging = f"iam:{tag}" if name != tag and "Tags" in members and tag in names else ""
        rules[name] = Rule((f"iam:{name}",), target, keys, tagging)
    return rules


def _sts_rules() -> dict[str, Rule]:
    """STS: nothing is needed for the caller's own identity (facts I039) and for a session token of one's own."""
    free = ("GetCallerIdentity", "GetSessionToken", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
    rules = {name: Rule((f"sts:{name}",), "*") for name in service_model("sts").operation_names}
    rules.update({name: Rule((), "none") for name in free})
    rules["AssumeRole"] = Rule(("sts:AssumeRole",), "role to assume", ("request tags", "session"))
    return rules


def _cloudtrail_rules() -> dict[str, Rule]:
    return {name: Rule((f"cloudtrail:{name}",), "*") for name in service_model("cloudtrail").operation_names}


class _Rules(Mapping[tuple[str, str], Rule]):
    """The rules by service and operation. Those of a service are made when they are first asked for.

    Reading botocore's models takes a good part of the lab's start, and no request below /v2/ needs them.
    """

    def __init__(self, **makers: Callable[[], dict[str, Rule]]) -> None:
        self._makers = {service.replace("_", "-"): cache(maker) for service, maker in makers.items()}

    def add(self, service: str, maker: Callable[[], dict[str, Rule]]) -> None:
        """Add the rules of a service whose package brings its own."""
        self._makers[service] = cache(maker)

    def __getitem__(self, key: tuple[str, str]) -> Rule:
        service, name = key
        return self._makers[service]()[name]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((service, name) for service, rules in self._makers.items() for name in rules())

    def __len__(self) -> int:
        return sum(len(rules()) for rules in self._makers.values())


RULES = _Rules(
    ecr=_ecr_rules, ecr_public=_ecr_public_rules, iam=_iam_rules, sts=_sts_rules, cloudtrail=_cloudtrail_rules
)

# Requests below /v2/, by the name of `ecrlab.oci.Operation` (facts ecr.md 8.2). GET /v2/ needs a valid token only.
REGISTRY_RULES: dict[str, tuple[str, ...]] = {
    "PING": (),
    "HEAD_BLOB": ("ecr:BatchCheckLayerAvailability",),
    "GET_BLOB": ("ecr:GetDownloadUrlForLayer",),
    "DELETE_BLOB": ("ecr:BatchDeleteImage",),
    "START_UPLOAD": ("ecr:InitiateLayerUpload",),
    "UPLOAD_BLOB": ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"),
    "WRITE_UPLOAD": ("ecr:UploadLayerPart",),
    "FINISH_UPLOAD": ("ecr:CompleteLayerUpload",),
    "UPLOAD_STATUS": ("ecr:UploadLayerPart",),
    "CANCEL_UPLOAD": ("ecr:UploadLayerPart",),
    "MOUNT_BLOB": ("ecr:InitiateLayerUpload",),
    "HEAD_MANIFEST": ("ecr:BatchGetImage",),
    "GET_MANIFEST": ("ecr:BatchGetImage",),
    "PUT_MANIFEST": ("ecr:PutImage",),
    "DELETE_MANIFEST": ("ecr:BatchDeleteImage",),
    "LIST_TAGS": ("ecr:ListImages",),
    "LIST_REFERRERS": ("ecr:BatchGetImage",),
    "CATALOG": ("ecr:DescribeRepositories",),
}
# Bytes in the request that ends an upload (containerd sends a whole layer so) are a part of the layer.
BYTES_AT_THE_END = ("ecr:UploadLayerPart",)
