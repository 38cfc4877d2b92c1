"""Every paginator and every waiter of boto3 for what the lab has, against one small prepared lab.

A paginator goes in pages of one item, and finds each item once; a waiter ends.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError, WaiterError
from botocore.loaders import Loader

from ecrlab.aws.api import SERVICES
from ecrlab.aws.operations import HANDLERS
from ecrlab.home import ACCOUNT

ROLE_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}],
}
PULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}]}
THREE = ("aa", "bb", "cc")
SIMULATED = {"ActionNames": ["ecr:PutImage", "ecr:BatchGetImage", "ecr:ListImages"]}
SCANNED = {"repositoryName": "scanned", "imageId": {"imageTag": "1"}}

# What each paginator is asked; what follows from the preparation ("$…") is put in by `parameters`.
PAGINATORS: dict[str, dict[str, dict[str, Any]]] = {
    "cloudtrail": {
        "LookupEvents": {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}]}
    },
    "ecr": {
        "ListImages": {"repositoryName": "app"},
        "DescribeImages": {"repositoryName": "app"},
        "DescribeRepositories": {},
        "DescribeImageScanFindings": SCANNED,
        "GetLifecyclePolicyPreview": {"repositoryName": "app"},
        "DescribePullThroughCacheRules": {},
        "DescribeRepositoryCreationTemplates": {},
        "DescribeReplicationBackfillResults": {"replicationBackfillId": "$backfill"},
        "ListReplicationBackfills": {},
    },
    "ecr-public": {
        "DescribeImageTags": {"repositoryName": "app"},
        "DescribeImages": {"repositoryName": "app"},
        "DescribeRegistries": {},
        "DescribeRepositories": {},
    },
    "ecs": {
        "ListClusters": {},
        "ListTaskDefinitions": {},
        "ListTaskDefinitionFamilies": {},
        "ListTasks": {},
        "ListServices": {},
    },
    "iam": {
        "GetAccountAuthorizationDetails": {},
        "GetGroup": {"GroupName": "aa"},
        "ListAccessKeys": {"UserName": "aa"},
        "ListAccountAliases": {},
        "ListAttachedGroupPolicies": {"GroupName": "aa"},
        "ListAttachedRolePolicies": {"RoleName": "aa"},
        "ListAttachedUserPolicies": {"UserName": "aa"},
        "ListEntitiesForPolicy": {"PolicyArn": "$policy"},
        "ListGroupPolicies": {"GroupName": "aa"},
        "ListGroups": {},
        "ListGroupsForUser": {"UserName": "aa"},
        "ListInstanceProfiles": {},
        "ListInstanceProfilesForRole": {"RoleName": "aa"},
        "ListMFADevices": {"UserName": "aa"},
        "ListOpenIDConnectProviderTags": {"OpenIDConnectProviderArn": "$provider"},
        "ListPolicies": {"Scope": "Local"},
        "ListPolicyTags": {"PolicyArn": "$policy"},
        "ListPolicyVersions": {"PolicyArn": "$policy"},
        "ListRolePolicies": {"RoleName": "aa"},
        "ListRoleTags": {"RoleName": "aa"},
        "ListRoles": {},
        "ListSSHPublicKeys": {"UserName": "aa"},
        "ListServerCertificates": {},
        "ListSigningCertificates": {"UserName": "aa"},
        "ListUserPolicies": {"UserName": "aa"},
        "ListUserTags": {"UserName": "aa"},
        "ListUsers": {},
        "ListVirtualMFADevices": {},
        "SimulateCustomPolicy": {"PolicyInputList": [json.dumps(PULL)], **SIMULATED},
        "SimulatePrincipalPolicy": {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/aa", **SIMULATED},
    },
}
# Fewer than three, and why.
FEW = {
    "DescribeRegistries": 1,  # an account has one
    "ListAccessKeys": 2,  # a user may have two
    # Of these the lab has none.
    "ListAccountAliases": 0,
    "ListInstanceProfiles": 0,
    "ListInstanceProfilesForRole": 0,
    "ListMFADevices": 0,
    "ListSSHPublicKeys": 0,
    "ListServerCertificates": 0,
    "ListSigningCertificates": 0,
    "ListVirtualMFADevices": 0,
}


def modelled(kind: str) -> list[tuple[str, str]]:
    """The paginators or waiters of botocore for operations that the lab has."""
    assert SERVICES  # imported, they have registered their operations
    names = []
    file, member = {"paginator": ("paginators-1", "pagination"), "waiter": ("waiters-2", "waiters")}[kind]
    for service in sorted({service for service, _ in HANDLERS}):
        try:
            found = Loader().load_service_model(service, file)[member]
        except UnknownServiceError:  # the service has none
            continue
        for name, each in found.items():
            if (service, each["operation"] if kind == "waiter" else name) in HANDLERS:
                names.append((service, name))
    return names


def prepare_ecr(lab: Any) -> dict[str, str]:
    ecr = lab.client("ecr")
    for name in (*THREE, "app", "scanned"):
        ecr.create_repository(repositoryName=name)
    for tag in THREE:
        lab.push("app", tag, tag.encode())
    lab.push("app", "moved", b"1")
    lab.push("app", "moved", b"2")  # so one image has no tag
    lab.push_faulty("scanned", "1")
    for prefix in THREE:
        ecr.create_repository_creation_template(prefix=prefix, appliedFor=["REPLICATION"])
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix=f"{prefix}{prefix}", upstreamRegistryUrl="public.ecr.aws"
        )
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "description": "one", "selection": selection, "action": {"type": "expire"}}
    ecr.start_lifecycle_policy_preview(repositoryName="app", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    destinations = [{"region": region, "registryId": ACCOUNT} for region in ("eu-west-1", "eu-west-2", "eu-west-3")]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": destinations}]})
    begun = [ecr.start_replication_backfill(destination=each)["replicationBackfillId"] for each in destinations]
    ecr.start_image_scan(**SCANNED)
    lab.control.advance(60)
    return {"$backfill": begun[0]}


def prepare_public(lab: Any) -> None:
    public = lab.client("ecr-public")
    for name in (*THREE, "app"):
        public.create_repository(repositoryName=name)
    for tag in THREE:
        lab.push_public("app", tag, tag.encode())


def prepare_ecs(lab: Any) -> dict[str, str]:
    """Three of each; the tasks take the hub's image, so they need no role."""
    ecs = lab.client("ecs")
    network = {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"]}}
    fargate = {"launchType": "FARGATE", "networkConfiguration": network}
    ecs.create_cluster()
    for name in THREE:
        ecs.create_cluster(clusterName=name)
        ecs.register_task_definition(
            family=name,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "one", "image": "busybox"}],
        )
        ecs.create_service(serviceName=name, taskDefinition=name, desiredCount=0, **fargate)
    arns = [task["taskArn"] for task in ecs.run_task(taskDefinition="aa", count=3, **fargate)["tasks"]]
    over = ecs.run_task(taskDefinition="aa", **fargate)["tasks"][0]["taskArn"]
    ecs.stop_task(task=over)
    ecs.create_service(serviceName="gone", taskDefinition="aa", desiredCount=0, **fargate)
    ecs.delete_service(service="gone")
    return {"$task": arns[0], "$over": over}


def prepare_iam(lab: Any) -> dict[str, str]:
    iam, tags = lab.client("iam"), [{"Key": name, "Value": name} for name in THREE]
    arns = [iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(PULL))["Policy"]["Arn"] for name in THREE]
    for _ in range(2):
        iam.create_policy_version(PolicyArn=arns[0], PolicyDocument=json.dumps(PULL))
    iam.tag_policy(PolicyArn=arns[0], Tags=tags)
    for name in THREE:
        iam.create_user(UserName=name, Tags=tags)
        iam.create_group(GroupName=name)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ROLE_TRUST), Tags=tags)
    for name, arn in zip(THREE, arns, strict=True):
        iam.add_user_to_group(GroupName="aa", UserName=name)
        if name != "aa":
            iam.add_user_to_group(GroupName=name, UserName="aa")
        for what in ("user", "group", "role"):
            holder = {f"{what.title()}Name": "aa"}
            getattr(iam, f"put_{what}_policy")(**holder, PolicyName=name, PolicyDocument=json.dumps(PULL))
            getattr(iam, f"attach_{what}_policy")(**holder, PolicyArn=arn)
    for _ in range(2):
        iam.create_access_key(UserName="aa")
    provider = iam.create_open_id_connect_provider(Url="https://aa.example", Tags=tags)
    return {"$policy": arns[0], "$provider": provider["OpenIDConnectProviderArn"]}


@pytest.fixture(scope="module")
def prepared(running_lab: Any) -> tuple[Any, dict[str, str]]:
    running_lab.control.reset()
    prepare_public(running_lab)
    return running_lab, {**prepare_ecr(running_lab), **prepare_ecs(running_lab), **prepare_iam(running_lab)}


@pytest.mark.parametrize(("service", "name"), modelled("paginator"))
def test_paginator(prepared: tuple[Any, dict[str, str]], service: str, name: str) -> None:
    lab, known = prepared
    given = PAGINATORS[service][name]
    asked = {key: known.get(value, value) if isinstance(value, str) else value for key, value in given.items()}
    client = lab.client(service)
    paginator = client.get_paginator(xform_name(name))
    pages = list(paginator.paginate(**asked, PaginationConfig={"PageSize": 1}))
    whole = getattr(client, xform_name(name))(**asked)
    found = 0
    for key in paginator.result_keys:
        items = [item for page in pages for item in (key.search(page) or [])]
        assert items == (key.search(whole) or [])
        found += len(items)
    assert all(sum(len(key.search(page) or []) for key in paginator.result_keys) <= 1 for page in pages)
    assert found == FEW[name] if name in FEW else found >= 3


# A waiter, what it waits for, and what never comes.
WAITERS: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("ecr", "ImageScanComplete"): (SCANNED, {**SCANNED, "imageId": {"imageTag": "2"}}),
    ("ecr", "LifecyclePolicyPreviewComplete"): ({"repositoryName": "app"}, {"repositoryName": "aa"}),
    ("ecs", "TasksRunning"): ({"tasks": ["$task"]}, {"tasks": ["f" * 32]}),
    ("ecs", "TasksStopped"): ({"tasks": ["$over"]}, {"tasks": ["$task"]}),
    ("ecs", "ServicesStable"): ({"services": ["aa"]}, {"services": ["none"]}),
    ("ecs", "ServicesInactive"): ({"services": ["gone"]}, {"services": ["none"]}),
    ("iam", "UserExists"): ({"UserName": "aa"}, {"UserName": "nobody"}),
    ("iam", "RoleExists"): ({"RoleName": "aa"}, {"RoleName": "nobody"}),
    ("iam", "PolicyExists"): (
        {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/aa"},
        {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/none"},
    ),
}


@pytest.mark.parametrize(("service", "name"), modelled("waiter"))
def test_waiter(prepared: tuple[Any, dict[str, str]], service: str, name: str) -> None:
    lab, known = prepared
    there, missing = (
        {
            key: [known.get(each, each) for each in value] if isinstance(value, list) else value
            for key, value in each.items()
        }
        for each in WAITERS[service, name]
    )
    waiter, soon = lab.client(service).get_waiter(xform_name(name)), {"Delay": 0.2, "MaxAttempts": 20}
    waiter.wait(**there, WaiterConfig=soon)
    with pytest.raises(WaiterError):
        waiter.wait(**missing, WaiterConfig={"Delay": 0, "MaxAttempts": 2})


def test_nothing_is_listed_that_is_not_there() -> None:
    assert {(service, name) for service, names in PAGINATORS.items() for name in names} == set(modelled("paginator"))
    assert set(WAITERS) == set(modelled("waiter"))
