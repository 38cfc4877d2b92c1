"""Every paginator and every waiter of boto3 for what the lab has, against one small prepared lab.

A paginator goes in pages of one item, and finds each item once; a waiter ends.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError, WaiterError
from botocore.loaders import Loader

from ecrlab.aws.api import SERVICES
from ecrlab.aws.operations import HANDLERS
from ecrlab.home import ACCOUNT, REGION
from ecrlab_course.lab import image, push_image

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


def faulty() -> tuple[bytes, bytes, bytes]:
    """An image with packages that have advisories."""
    packages = "\n\n".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.1\nDescription: one"
        for name in ("curl", "expat", "openssl", "glibc")
    )
    release = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in (("etc/os-release", release), ("var/lib/dpkg/status", packages.encode() + b"\n")):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    layer = gzip.compress(plain.getvalue(), mtime=0)
    _, config, manifest = image(b"")
    document = json.loads(manifest)
    document["layers"][0] |= {"size": len(layer), "digest": "sha256:" + hashlib.sha256(layer).hexdigest()}
    settings = json.loads(config)
    settings["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(plain.getvalue()).hexdigest()]
    config = json.dumps(settings).encode()
    document["config"] |= {"size": len(config), "digest": "sha256:" + hashlib.sha256(config).hexdigest()}
    return layer, config, json.dumps(document).encode()


def prepare_ecr(lab: Any) -> dict[str, str]:
    ecr = lab.client("ecr")
    for name in (*THREE, "app", "scanned"):
        ecr.create_repository(repositoryName=name)
    for tag in THREE:
        lab.push("app", tag, tag.encode())
    lab.push("app", "moved", b"1")
    lab.push("app", "moved", b"2")  # so one image has no tag
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    push_image(lab.port, f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/scanned", "1", faulty(), token)
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
    login = public.get_authorization_token()["authorizationData"]["authorizationToken"]
    alias = public.describe_registries()["registries"][0]["aliases"][0]["name"]
    port = int(lab.control.status()["ecr_public"]["address"].partition("/")[0].rpartition(":")[2])
    with closing(HTTPConnection("localhost", port, timeout=30)) as connection:

        def ask(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[Any, bytes]:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response, response.read()

        token = json.loads(ask("GET", "/token/", Authorization=f"Basic {login}")[1])["token"]
        headers = {"Authorization": f"Bearer {token}"}
        for tag in THREE:
            layer, config, manifest = image(tag.encode())
            for blob in (layer, config):
                begun, _ = ask("POST", f"/v2/{alias}/app/blobs/uploads/", **headers)
                digest = "sha256:" + hashlib.sha256(blob).hexdigest()
                ask("PUT", f"{begun.headers['Location']}?digest={digest}", blob, **headers)
            kind = json.loads(manifest)["mediaType"]
            ask("PUT", f"/v2/{alias}/app/manifests/{tag}", manifest, **headers, **{"Content-Type": kind})


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
    return {"$policy": arns[0]}


@pytest.fixture(scope="module")
def prepared(running_lab: Any) -> tuple[Any, dict[str, str]]:
    running_lab.control.reset()
    prepare_public(running_lab)
    return running_lab, {**prepare_ecr(running_lab), **prepare_iam(running_lab)}


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
    ("iam", "UserExists"): ({"UserName": "aa"}, {"UserName": "nobody"}),
    ("iam", "RoleExists"): ({"RoleName": "aa"}, {"RoleName": "nobody"}),
    ("iam", "PolicyExists"): (
        {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/aa"},
        {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/none"},
    ),
}


@pytest.mark.parametrize(("service", "name"), modelled("waiter"))
def test_waiter(prepared: tuple[Any, dict[str, str]], service: str, name: str) -> None:
    lab, _ = prepared
    there, missing = WAITERS[service, name]
    waiter, soon = lab.client(service).get_waiter(xform_name(name)), {"Delay": 0.2, "MaxAttempts": 20}
    waiter.wait(**there, WaiterConfig=soon)
    with pytest.raises(WaiterError):
        waiter.wait(**missing, WaiterConfig={"Delay": 0, "MaxAttempts": 2})


def test_nothing_is_listed_that_is_not_there() -> None:
    assert {(service, name) for service, names in PAGINATORS.items() for name in names} == set(modelled("paginator"))
    assert set(WAITERS) == set(modelled("waiter"))
