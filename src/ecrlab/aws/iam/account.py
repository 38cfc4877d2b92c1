"""IAM's reads over a whole account, and those about things that no one in the lab has: passwords, MFA, certificates."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ecrlab.aws.iam.groups import shown_group
from ecrlab.aws.iam.holders import holder_named
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.policies import shown_policy, shown_version
from ecrlab.aws.iam.quotas import (
    GROUPS_PER_USER,
    INLINE_LIMIT,
    KEYS_PER_USER,
    MANAGED_LIMIT,
    POLICIES_PER_HOLDER,
    QUOTAS,
    TRUST_LIMIT,
    VERSIONS_PER_POLICY,
)
from ecrlab.aws.iam.roles import shown_role
from ecrlab.aws.iam.users import shown_user
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.identity.managed import managed_policies
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError


@operation("iam", "GetAccountSummary", simplified="What the lab does not have counts 0.")
def get_account_summary(call: Call) -> dict[str, Any]:
    """Counts and quotas (facts I029); what the lab does not have counts 0."""
    identities = call.cloud.identities
    own = identities.all("policies", call.account)
    quotas = {f"{kind.title()}Quota": quota for kind, quota in QUOTAS.items()}
    counts = {kind.title(): len(identities.all(kind, call.account)) for kind in QUOTAS}
    summary = {
        **counts,
        **quotas,
        "PolicySizeQuota": MANAGED_LIMIT,
        "UserPolicySizeQuota": INLINE_LIMIT["users"],
        "GroupPolicySizeQuota": INLINE_LIMIT["groups"],
        "RolePolicySizeQuota": INLINE_LIMIT["roles"],
        "AssumeRolePolicySizeQuota": TRUST_LIMIT,
        "PolicyVersionsInUse": sum(len(policy["versions"]) for policy in own),
        "PolicyVersionsInUseQuota": 10000,
        "VersionsPerPolicyQuota": VERSIONS_PER_POLICY,
        "AttachedPoliciesPerUserQuota": POLICIES_PER_HOLDER,
        "AttachedPoliciesPerGroupQuota": POLICIES_PER_HOLDER,
        "AttachedPoliciesPerRoleQuota": POLICIES_PER_HOLDER,
        "GroupsPerUserQuota": GROUPS_PER_USER,
        "AccessKeysPerUserQuota": KEYS_PER_USER,
        "SigningCertificatesPerUserQuota": 2,
        "MFADevices": 0,
        "MFADevicesInUse": 0,
        "AccountMFAEnabled": 0,
        "AccountAccessKeysPresent": 0,
        "AccountSigningCertificatesPresent": 0,
        "AccountPasswordPresent": 0,
        "Providers": len(identities.all("oidc_providers", call.account)),
        "ServerCertificates": 0,
        "ServerCertificatesQuota": 20,
        "InstanceProfiles": 0,
        "InstanceProfilesQuota": 1000,
        "GlobalEndpointTokenVersion": 1,
    }
    return {"SummaryMap": summary}


# --------------------------------------------------------------------------------------------- authorization details


def _inline(holder: Document) -> list[dict[str, str]]:
    return [
        {"PolicyName": name, "PolicyDocument": quote(text, safe="")} for name, text in sorted(holder["inline"].items())
    ]


def _attached(holder: Document) -> list[dict[str, str]]:
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in holder["attached"]]


def _details(call: Call, wanted: set[str]) -> list[tuple[str, dict[str, Any]]]:
    identities, found = call.cloud.identities, []
    if "User" in wanted:
        for user in identities.all("users", call.account):
            shown = {**shown_user(user), "UserPolicyList": _inline(user), "GroupList": user["groups"]}
            found.append(("UserDetailList", {**shown, "AttachedManagedPolicies": _attached(user)}))
    if "Group" in wanted:
        for group in identities.all("groups", call.account):
            shown = {**shown_group(group), "GroupPolicyList": _inline(group)}
            found.append(("GroupDetailList", {**shown, "AttachedManagedPolicies": _attached(group)}))
    if "Role" in wanted:
        for role in identities.all("roles", call.account):
            shown = {**shown_role(call, role), "RolePolicyList": _inline(role), "InstanceProfileList": []}
            found.append(("RoleDetailList", {**shown, "AttachedManagedPolicies": _attached(role)}))
    policies = identities.all("policies", call.account) if "LocalManagedPolicy" in wanted else []
    if "AWSManagedPolicy" in wanted:
        # Of AWS's own only those in use, as at AWS.
        used = {arn for _, holder in identities.attachments(call.account) for arn in holder["attached"]}
        policies += [policy for arn in managed_policies() if arn in used and (policy := identities.managed(arn))]
    for policy in policies:
        versions = [shown_version(policy, version) for version in policy["versions"]]
        found.append(("Policies", {**shown_policy(call, policy), "PolicyVersionList": versions}))
    return found


@operation("iam", "GetAccountAuthorizationDetails")
def get_account_authorization_details(call: Call) -> dict[str, Any]:
    kinds = {"User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"}
    answer = paged(call, _details(call, set(call.params.get("Filter") or kinds)), "all")
    lists: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    }
    for name, shown in answer.pop("all"):
        lists[name].append(shown)
    return {**lists, **answer}


# -------------------------------------------------------------------------------------------- what nobody here has

_OF_A_USER = {
    "ListMFADevices": "MFADevices",
    "ListSSHPublicKeys": "SSHPublicKeys",
    "ListSigningCertificates": "Certificates",
    "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
}
_OF_AN_ACCOUNT = {
    "ListInstanceProfiles": "InstanceProfiles",
    "ListSAMLProviders": "SAMLProviderList",
    "ListServerCertificates": "ServerCertificateMetadataList",
    "ListVirtualMFADevices": "VirtualMFADevices",
}


@operation("iam", *_OF_A_USER, simplified="Always empty: nothing here makes one.")
def list_nothing_of_a_user(call: Call) -> dict[str, Any]:
    # Without a user name the account's root user or the caller is meant; neither has any.
    if call.params.get("UserName"):
        holder_named(call, "User")
    return paged(call, [], _OF_A_USER[call.operation])


@operation("iam", *_OF_AN_ACCOUNT, simplified="Always empty: nothing here makes one.")
def list_nothing_of_an_account(call: Call) -> dict[str, Any]:
    return paged(call, [], _OF_AN_ACCOUNT[call.operation])


@operation("iam", "GetLoginProfile", "DeleteLoginProfile", simplified="There never is one: no passwords here.")
def login_profile(call: Call) -> None:
    name = holder_named(call, "User")["name"]
    raise ApiError("NoSuchEntityException", f"Login Profile for User {name} cannot be found.")


@operation("iam", "GetAccountPasswordPolicy", simplified="There never is one: no passwords here.")
def get_account_password_policy(call: Call) -> None:
    raise ApiError("NoSuchEntityException", f"The Password Policy with domain name {call.account} cannot be found.")


@operation("iam", "ListAccountAliases", simplified="Always empty: nothing here makes one.")
def list_account_aliases(call: Call) -> dict[str, Any]:
    return paged(call, [], "AccountAliases")
