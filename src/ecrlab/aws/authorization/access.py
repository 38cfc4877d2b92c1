"""Authorisation: the one table of what each operation needs, and the question put to IAM.

`RULES` maps every API operation of the lab's services, `REGISTRY_RULES` every request below /v2/, to IAM actions; the
rule says on which resources they are asked. Amazon ECS brings its own (`ecrlab.aws.ecs.rights`). Sources: facts iam.md
section 10 (service authorization reference of 2026-09-26) for ECR and ECR Public; facts ecr.md 8.2 for the registry's
requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from ecrlab.aws.authorization.explain import Asked
from ecrlab.aws.context import RequestContext
from ecrlab.aws.identity.identities import Principal, parsed
from ecrlab.aws.operations import Call
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.protocol import service_model
from ecrlab.policy import Attached, Decision, Policies, Policy, Request, evaluate
from ecrlab.store import Repository

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

Context = dict[str, str | tuple[str, ...]]
Held = tuple[tuple[Attached, ...], Attached | None, Policy | None]
"""What a principal holds: identity policies, permissions boundary, session policy (`Identities.policies_of`)."""


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


# -------------------------------------------------------------------------------------------------------------- targets


@dataclass(frozen=True)
class Target:
    """One resource that an action is asked on, its account, its tags and its own policy."""

    arn: str
    account: str
    tags: Mapping[str, str]
    policy: Policy | None = None


def _anything(call: Call) -> list[Target]:
    return [Target("*", call.account, {})]


def repository_target(cloud: Cloud, account: str, region: str, name: str, found: Repository | None = None) -> Target:
    """Return the target for a repository, with its tags and its policy when it exists.

    ``found`` is the repository when it was already looked up for this request.
    """
    arn = f"arn:aws:ecr:{region}:{account}:repository/{name}"
    found = found or cloud.store.repository(f"{account}/{region}", name)
    if found is None:
        return Target(arn, account, {})
    text = found.attributes.get("policy")
    return Target(arn, account, found.attributes.get("tags", {}), parsed(text, "resource") if text else None)


def _repository(call: Call) -> list[Target]:
    account = call.params.get("registryId", call.account)
    return [repository_target(call.cloud, account, call.region, call.params.get("repositoryName", "*"))]


def _repositories(call: Call) -> list[Target]:
    account = call.params.get("registryId", call.account)
    names = call.params.get("repositoryNames") or ["*"]
    return [repository_target(call.cloud, account, call.region, name) for name in names]


def _arn(call: Call) -> list[Target]:
    arn = call.params["resourceArn"]
    parts = arn.split(":", 5)
    if len(parts) == 6 and parts[2] == "ecr" and parts[5].startswith("repository/"):
        return [repository_target(call.cloud, parts[4], parts[3], parts[5].removeprefix("repository/"))]
    if len(parts) == 6 and parts[2] == "ecr-public" and parts[5].startswith("repository/"):
        return [public_target(call.cloud, parts[4], parts[5].removeprefix("repository/"))]
    return [Target(arn, call.account, {})]


def public_target(cloud: Cloud, account: str, name: str) -> Target:
    """Return the target for a repository of ECR Public, with its tags and its policy when it exists."""
    arn = f"arn:aws:ecr-public::{account}:repository/{name}"
    found = cloud.store.repository(f"{account}/public", name)
    if found is None:
        return Target(arn, account, {})
    text = found.attributes.get("policy")
    return Target(arn, account, found.attributes.get("tags", {}), parsed(text, "resource") if text else None)


def _public_account(call: Call) -> str:
    """The account whose registry is meant, by its id or its alias (ecr-public's table of aliases)."""
    given = str(call.params.get("registryId", call.account))
    found = None if given.isdecimal() else call.cloud.store.table("ecr-public.aliases").get(given)
    return given if found is None else str(found["account"])


def _public_repositories(call: Call) -> list[Target]:
    names = call.params.get("repositoryNames") or [call.params.get("repositoryName") or "*"]
    return [public_target(call.cloud, _public_account(call), name) for name in names]


def _public_registry(call: Call) -> list[Target]:
    account = _public_account(call)
    return [Target(f"arn:aws:ecr-public::{account}:registry/{account}", account, {})]


def _entity(kind: str, member: str) -> Callable[[Call], list[Target]]:
    def find(call: Call) -> list[Target]:
        name = call.params.get(member) or call.principal.name
        found = call.cloud.identities.get(f"{kind}s", call.account, name)
        arn = found["arn"] if found else f"arn:aws:iam::{call.account}:{kind}{call.params.get('Path', '/')}{name}"
        return [Target(arn, call.account, found.get("tags", {}) if found else {})]

    return find


def _policy(call: Call) -> list[Target]:
    arn = call.params.get("PolicyArn")
    if arn is None:
        arn = f"arn:aws:iam::{call.account}:policy{call.params.get('Path', '/')}{call.params['PolicyName']}"
    found = call.cloud.identities.managed(arn)
    return [Target(arn, call.account, found["tags"] if found else {})]


def _oidc_provider(call: Call) -> list[Target]:
    arn = call.params.get("OpenIDConnectProviderArn")
    if arn is None:
        arn = f"arn:aws:iam::{call.account}:oidc-provider/{str(call.params['Url']).removeprefix('https://')}"
    found = call.cloud.identities.oidc_provider(arn)
    return [Target(arn, call.account, found["tags"] if found else {})]


def _role_to_assume(call: Call) -> list[Target]:
    arn = str(call.params["RoleArn"])
    parts = arn.split(":", 5)
    account = parts[4] if len(parts) == 6 else call.account
    role = call.cloud.identities.get("roles", account, arn.rpartition("/")[2])
    if role is None or role["arn"] != arn:
        return [Target(arn, account, {})]
    return [Target(arn, account, role["tags"], parsed(role["trust"], "trust"))]


TARGETS: dict[str, Callable[[Call], list[Target]]] = {
    "none": lambda call: [],
    "*": _anything,
    "repository": _repository,
    "repositories": _repositories,
    "arn": _arn,
    "public repository": _public_repositories,
    "public repositories": _public_repositories,
    "public registry": _public_registry,
    "user": _entity("user", "UserName"),
    "group": _entity("group", "GroupName"),
    "role": _entity("role", "RoleName"),
    "policy": _policy,
    "oidc provider": _oidc_provider,
    "policy source": lambda call: [Target(call.params["PolicySourceArn"], call.account, {})],
    "role to assume": _role_to_assume,
}


# --------------------------------------------------------------------------------------------------------- context keys


def _tag_pairs(params: Mapping[str, Any]) -> dict[str, str]:
    tags = params.get("tags") or params.get("Tags") or ()
    return {tag.get("Key", ""): tag.get("Value", "") for tag in tags}


def _request_tags(call: Call) -> Context:
    tags = _tag_pairs(call.params)
    keys: Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        keys["aws:TagKeys"] = tuple(tags)
    return keys


def _tag_keys(call: Call) -> Context:
    keys = call.params.get("tagKeys") or call.params.get("TagKeys")
    return {"aws:TagKeys": tuple(keys)} if keys else {}


def _account_setting(call: Call) -> Context:
    return {"ecr:AccountSetting": str(call.params["name"])}


def _policy_arn(call: Call) -> Context:
    return {"iam:PolicyARN": str(call.params["PolicyArn"])}


def _boundary(call: Call) -> Context:
    arn = call.params.get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": arn} if arn else {}


def _session(call: Call) -> Context:
    keys: Context = {"sts:RoleSessionName": call.params["RoleSessionName"]}
    if "ExternalId" in call.params:
        keys["sts:ExternalId"] = call.params["ExternalId"]
    source = call.params.get("SourceIdentity") or (call.principal.session or {}).get("source_identity")
    if source:
        keys["sts:SourceIdentity"] = source
    if call.params.get("TransitiveTagKeys"):
        keys["sts:TransitiveTagKeys"] = tuple(call.params["TransitiveTagKeys"])
    return keys


KEYS: dict[str, Callable[[Call], Context]] = {
    "request tags": _request_tags,
    "tag keys": _tag_keys,
    "account setting": _account_setting,
    "policy arn": _policy_arn,
    "boundary": _boundary,
    "session": _session,
}


# ----------------------------------------------------------------------------------------------------------- asking IAM


def condition_keys(
    own: Mapping[str, str | tuple[str, ...]], action: str, target: Target, context: RequestContext
) -> Context:
    """Return the condition keys of a request: the caller's ``own``, those of the request, and the target's.

    The transport to AWS is always TLS, so ``aws:SecureTransport`` is "true" though the lab speaks plain HTTP.
    """
    moment = datetime.fromtimestamp(context.now, UTC)
    keys: Context = {
        **own,
        "aws:RequestedRegion": context.region,
        "aws:SourceIp": context.source_ip,
        "aws:UserAgent": context.user_agent,
        "aws:CurrentTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(context.now)),
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
        "aws:ResourceAccount": target.account,
    }
    for tag, value in target.tags.items():
        keys[f"aws:ResourceTag/{tag}"] = value
        if action.startswith("ecr:"):
            keys[f"ecr:ResourceTag/{tag}"] = value
        elif action.startswith("iam:"):
            keys[f"iam:ResourceTag/{tag}"] = value
    return keys


def question(
    cloud: Cloud,
    principal: Principal,
    action: str,
    target: Target,
    context: RequestContext,
    keys: Mapping[str, str | tuple[str, ...]] | None = None,
) -> tuple[Request, Policies]:
    """Return one question to IAM and the policies in force for it, read now."""
    told = condition_keys(principal.context, action, target, context)
    if keys:
        told.update(keys)
    request = Request(principal.arn, action, target.arn, target.account, told)
    registry = cloud.registry_policy(target.account, context.region) if asks_registry(action, target) else None
    return request, in_force(cloud.identities.policies_of(principal), target, registry)


def asks_registry(action: str, target: Target) -> bool:
    """Tell whether the registry policy speaks in a question about this action and target.

    No resource type and no repository policy: only an identity-based policy can grant it (facts E126).
    """
    return action.startswith("ecr:") and target.arn != "*"


def in_force(held: Held, target: Target, registry: Policy | None) -> Policies:
    """Return the policies of one question: those the principal holds, the target's own and the registry's."""
    identity, boundary, session = held
    return Policies(identity=identity, resource=target.policy, boundary=boundary, session=session, registry=registry)


def ask(
    cloud: Cloud,
    principal: Principal,
    action: str,
    target: Target,
    context: RequestContext,
    *,
    keys: Mapping[str, str | tuple[str, ...]] | None = None,
    decisions: list[dict[str, Any]],
) -> Decision:
    """Put one question to IAM, with the policies as they are now, and note the answer in ``decisions``."""
    request, policies = question(cloud, principal, action, target, context, keys)
    decision = evaluate(request, policies)
    decisions.append(Asked(decision, policies))
    return decision


def allowed_as_if(call: Call, action: str, target: Target) -> bool:
    """Tell whether the caller might do ``action`` if ``target`` had the policy that it has here. Nothing is noted."""
    request, policies = question(call.cloud, call.principal, action, target, call.context)
    return evaluate(request, policies).allowed


def authorize(call: Call) -> None:
    """Ask IAM everything that an API operation needs; raise AccessDenied with AWS's sentence at the first refusal."""
    rule = RULES[call.service, call.operation]
    keys: Context = {}
    for name in rule.keys:
        keys.update(KEYS[name](call))
    actions = (*rule.actions, rule.tagging) if rule.tagging and _tag_pairs(call.params) else rule.actions
    for target in TARGETS[rule.target](call):
        for action in actions:
            require(call, action, target, keys)


def require(call: Call, action: str, target: Target, keys: Mapping[str, str | tuple[str, ...]] | None = None) -> None:
    """Ask one question for an API call and raise AccessDenied with AWS's sentence when the answer is no."""
    decision = ask(
        call.cloud,
        call.principal,
        action,
        target,
        call.context,
        keys=keys,
        decisions=call.decisions,
    )
    if not decision.allowed:
        raise ApiError("AccessDenied", decision.message)
