"""Tries that need no container engine: log in, pull or push as somebody, and say what came of it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.failure import Refused

OURS = "123456789012"
POLICIES = Path("policies")


def policy(name: str) -> str:
    """Return the text of a policy in the folder `policies`."""
    return (POLICIES / f"{name}.json").read_text()


def login(lab: LabView, who: str) -> None:
    """Ask for what `aws ecr get-login-password` asks for, as a profile. Print how it ended."""
    try:
        lab.client("ecr", who).get_authorization_token()
    except ClientError as error:
        print(f"{who} logs in: ✗ refused\n  {error.response['Error']['Message']}")
        return
    print(f"{who} logs in: ✓ done")


def pull(lab: LabView, who: str, name: str) -> None:
    """Ask for what `docker pull` asks for, as a profile: a token, the manifest, each layer. Print how it ended."""
    repository, _, tag = name.partition(":")
    ecr = lab.client("ecr", who)
    try:
        ecr.get_authorization_token()
        found = ecr.batch_get_image(registryId=OURS, repositoryName=repository, imageIds=[{"imageTag": tag}])["images"]
        if not found:
            print(f"{who} pulls {name}: ✗ allowed to ask, and there is no such tag")
            return
        manifest = json.loads(found[0]["imageManifest"])
        for part in (manifest["config"], *manifest["layers"]):
            ecr.get_download_url_for_layer(registryId=OURS, repositoryName=repository, layerDigest=part["digest"])
    except ClientError as error:
        print(f"{who} pulls {name}: ✗ refused\n  {error.response['Error']['Message']}")
        return
    print(f"{who} pulls {name}: ✓ done")


def push(lab: LabView, who: str, name: str) -> None:
    """Push one small image over HTTP, as docker does, as a profile. Print how it ended."""
    repository, _, tag = name.partition(":")
    try:
        lab.push(repository, tag, name.encode(), profile=who)
    except (Refused, ClientError) as error:
        said = error.message if isinstance(error, Refused) else error.response["Error"]["Message"]
        print(f"{who} pushes {name}: ✗ refused\n  {said}")
        return
    print(f"{who} pushes {name}: ✓ done")


def keep_only_policies(lab: LabView, who: str, *names: str) -> None:
    """Take every policy from a user of our account but the inline ones named."""
    iam = lab.client("iam")
    for row in iam.list_attached_user_policies(UserName=who)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=who, PolicyArn=row["PolicyArn"])
    for name in iam.list_user_policies(UserName=who)["PolicyNames"]:
        if name not in names:
            iam.delete_user_policy(UserName=who, PolicyName=name)


def keep_only(lab: LabView, who: str, *names: str) -> None:
    """Take every policy but the inline ones named, every group and the boundary from a user of our account."""
    keep_only_policies(lab, who, *names)
    iam = lab.client("iam")
    for row in iam.list_groups_for_user(UserName=who)["Groups"]:
        iam.remove_user_from_group(GroupName=row["GroupName"], UserName=who)
    if "PermissionsBoundary" in iam.get_user(UserName=who)["User"]:
        iam.delete_user_permissions_boundary(UserName=who)


def sides(lab: LabView, ours: bool, theirs: bool) -> None:
    """Let our repository policy of dev/playground, and the partner's own policy, say yes or nothing."""
    ecr, iam = lab.client("ecr"), lab.client("iam", "partner")
    forget_repository_policy(ecr, "dev/playground")
    if ours:
        ecr.set_repository_policy(repositoryName="dev/playground", policyText=policy("let-partner-in"))
    document = policy("partner-pull" if theirs else "login-only")
    iam.put_user_policy(UserName="partner", PolicyName="playground", PolicyDocument=document)
    said = {True: "yes", False: "nothing"}
    print(f"our repository policy says {said[ours]}, their own policy says {said[theirs]}")


def forget_sides(lab: LabView) -> None:
    """Take away what `sides` set: our repository policy of dev/playground, and the partner's own policy."""
    forget_repository_policy(lab.client("ecr"), "dev/playground")
    iam = lab.client("iam", "partner")
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_user_policy(UserName="partner", PolicyName="playground")


def forget_repository_policy(ecr: Any, name: str) -> None:
    """Take a repository's own policy away, when it has one."""
    with contextlib.suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.delete_repository_policy(repositoryName=name)
