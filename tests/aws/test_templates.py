"""Repository creation templates, and create on push."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab_course.failure import Refused

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            }
        ],
    }
)
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


def template(lab: Any, prefix: str, *purposes: str, region: str = "us-east-1", **settings: Any) -> dict[str, Any]:
    answer = lab.client("ecr", region=region).create_repository_creation_template(
        prefix=prefix, appliedFor=list(purposes or ["CREATE_ON_PUSH"]), **settings
    )
    made: dict[str, Any] = answer["repositoryCreationTemplate"]
    return made


def described(lab: Any, name: str, region: str = "us-east-1") -> dict[str, Any]:
    [found] = lab.client("ecr", region=region).describe_repositories(repositoryNames=[name])["repositories"]
    shown: dict[str, Any] = found
    return shown


def names(lab: Any) -> list[str]:
    return [found["repositoryName"] for found in lab.client("ecr").describe_repositories()["repositories"]]


def refused(lab: Any, repository: str, **settings: Any) -> tuple[int, str, str]:
    with pytest.raises(Refused) as caught:
        lab.push(repository, "1", **settings)
    return caught.value.status, caught.value.code, caught.value.message


def test_a_template_is_made_shown_changed_and_deleted(lab: Any) -> None:
    ecr = lab.client("ecr")
    made = template(
        lab,
        "team",
        "CREATE_ON_PUSH",
        "REPLICATION",
        description="for the team",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
        repositoryPolicy=POLICY,
        lifecyclePolicy=LIFECYCLE,
    )
    answer = ecr.describe_repository_creation_templates(prefixes=["team"])
    assert answer["registryId"] == "123456789012"
    assert answer["repositoryCreationTemplates"] == [made]
    assert made["appliedFor"] == ["CREATE_ON_PUSH", "REPLICATION"]
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert made["createdAt"] == made["updatedAt"]
    lab.control.advance(60)
    changed = ecr.update_repository_creation_template(
        prefix="team", imageTagMutability="MUTABLE", appliedFor=["REPLICATION"], repositoryPolicy="", description=""
    )["repositoryCreationTemplate"]
    assert "imageTagMutabilityExclusionFilters" not in changed
    assert "repositoryPolicy" not in changed
    assert "description" not in changed
    assert changed["lifecyclePolicy"] == LIFECYCLE
    assert changed["appliedFor"] == ["REPLICATION"]
    assert (changed["updatedAt"] - changed["createdAt"]).total_seconds() > 59
    deleted = ecr.delete_repository_creation_template(prefix="team")["repositoryCreationTemplate"]
    assert deleted == changed
    assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []


def test_templates_are_one_for_each_prefix_account_and_region(lab: Any) -> None:
    template(lab, "team", description="here")
    template(lab, "team", region="eu-west-1", description="there")
    partner = lab.client("ecr", "partner")
    partner.create_repository_creation_template(prefix="team", appliedFor=["CREATE_ON_PUSH"], description="theirs")
    for prefix in ("team", "team/"):
        with pytest.raises(ClientError, match="TemplateAlreadyExistsException"):
            template(lab, prefix)
    shown = lab.client("ecr", region="eu-west-1").describe_repository_creation_templates()
    assert [each["description"] for each in shown["repositoryCreationTemplates"]] == ["there"]
    lab.client("ecr").delete_repository_creation_template(prefix="team")
    assert len(partner.describe_repository_creation_templates()["repositoryCreationTemplates"]) == 1
    for operation in ("update", "delete"):
        with pytest.raises(ClientError, match="TemplateNotFoundException"):
            getattr(lab.client("ecr"), f"{operation}_repository_creation_template")(prefix="team")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"prefix": "Team"}, "Invalid parameter at 'prefix'"),
        ({"appliedFor": ["PUSH"]}, "Invalid parameter at 'appliedFor"),
        ({"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}, "can't be null when imageTagMutability"),
        ({"repositoryPolicy": "{"}, "Invalid repository policy provided"),
        ({"lifecyclePolicy": "{"}, "Lifecycle policy validation failure"),
        (
            {
                "encryptionConfiguration": {
                    "encryptionType": "AES256",
                    "kmsKey": "arn:aws:kms:us-east-1:123456789012:key/1",
                }
            },
            "encryptionType KMS",
        ),
        ({"resourceTags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "TooManyTagsException"),
        ({"customRoleArn": "arn:aws:iam::210987654321:role/other"}, "in the account of the registry"),
    ],
)
def test_what_no_repository_could_be_made_by_is_refused(lab: Any, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError) as caught:
        lab.client("ecr").create_repository_creation_template(
            **{"prefix": "team", "appliedFor": ["CREATE_ON_PUSH"], **settings}
        )
    assert text in str(caught.value)
    assert lab.client("ecr").describe_repository_creation_templates()["repositoryCreationTemplates"] == []


def test_templates_come_in_pages(lab: Any) -> None:
    wanted = sorted(f"team-{number}" for number in range(7))
    for prefix in reversed(wanted):
        template(lab, prefix)
    pages = lab.client("ecr").get_paginator("describe_repository_creation_templates")
    found = list(pages.paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["repositoryCreationTemplates"]) for page in found] == [3, 3, 1]
    assert [each["prefix"] for page in found for each in page["repositoryCreationTemplates"]] == wanted


def test_each_operation_needs_its_permission(lab: Any) -> None:
    ecr = lab.client("ecr", "ci")
    calls = {
        "Create": lambda: ecr.create_repository_creation_template(prefix="a", appliedFor=["REPLICATION"]),
        "Describe": ecr.describe_repository_creation_templates,
        "Update": lambda: ecr.update_repository_creation_template(prefix="a"),
        "Delete": lambda: ecr.delete_repository_creation_template(prefix="a"),
    }
    for name, call in calls.items():
        action = f"ecr:{name}RepositoryCreationTemplate{'s' if name == 'Describe' else ''}"
        with pytest.raises(ClientError, match=rf"perform: {action} on resource: \* because no identity-based"):
            call()
    lab.allow("ci", "ecr:*RepositoryCreationTemplate*")
    for call in calls.values():
        call()


def test_the_aws_cli_knows_templates(lab: Any) -> None:
    def aws(*words: str) -> Any:
        done = subprocess.run(
            ["aws", "ecr", *words], env=lab.environ(), capture_output=True, text=True, timeout=60, check=True
        )
        return json.loads(done.stdout)

    made = aws("create-repository-creation-template", "--prefix", "cli", "--applied-for", "CREATE_ON_PUSH")
    assert made["repositoryCreationTemplate"]["prefix"] == "cli"
    assert len(aws("describe-repository-creation-templates")["repositoryCreationTemplates"]) == 1
    changed = aws("update-repository-creation-template", "--prefix", "cli", "--image-tag-mutability", "IMMUTABLE")
    assert changed["repositoryCreationTemplate"]["imageTagMutability"] == "IMMUTABLE"
    assert aws("delete-repository-creation-template", "--prefix", "cli")["registryId"] == "123456789012"


# ------------------------------------------------------------------------------------------------------- create on push


def test_a_push_makes_a_repository_only_where_a_template_says_so(lab: Any) -> None:
    gone = "The repository with name 'team/web' does not exist in the registry with id '123456789012'"
    assert refused(lab, "team/web") == (404, "NAME_UNKNOWN", gone)
    template(lab, "team", "PULL_THROUGH_CACHE", "REPLICATION")
    assert refused(lab, "team/web") == (404, "NAME_UNKNOWN", gone)
    lab.client("ecr").update_repository_creation_template(
        prefix="team",
        appliedFor=["CREATE_ON_PUSH"],
        imageTagMutability="IMMUTABLE",
        repositoryPolicy=POLICY,
    )
    digest = lab.push("team/web", "1")
    made = described(lab, "team/web")
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert lab.client("ecr").get_repository_policy(repositoryName="team/web")["policyText"] == POLICY
    assert lab.client("ecr").list_images(repositoryName="team/web")["imageIds"] == [
        {"imageDigest": digest, "imageTag": "1"}
    ]
    # "/" is implied after the prefix; the template counts at the making only.
    assert refused(lab, "team")[1] == refused(lab, "teams/web")[1] == "NAME_UNKNOWN"
    lab.client("ecr").update_repository_creation_template(prefix="team", imageTagMutability="MUTABLE")
    assert described(lab, "team/web")["imageTagMutability"] == "IMMUTABLE"


def test_the_longest_prefix_wins_and_root_is_for_the_rest(lab: Any) -> None:
    for prefix in ("ROOT", "a", "a/b"):
        template(
            lab,
            prefix,
            imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": prefix.replace("/", "-")}],
        )
    for name, prefix in (("a/b/c", "a-b"), ("a/bc", "a"), ("a/b", "a"), ("a", "ROOT"), ("x/y", "ROOT")):
        if len(name) > 1:
            lab.push(name, "1")
            assert described(lab, name)["imageTagMutabilityExclusionFilters"][0]["filter"] == prefix


def test_a_lifecycle_policy_comes_with_the_template(lab: Any) -> None:
    template(lab, "team", lifecyclePolicy=LIFECYCLE)
    lab.push("team/web", "1")
    policy = lab.client("ecr").get_lifecycle_policy(repositoryName="team/web")
    assert json.loads(policy["lifecyclePolicyText"]) == json.loads(LIFECYCLE)


def test_reading_makes_no_repository(lab: Any) -> None:
    template(lab, "ROOT")
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        lab.client("ecr").batch_get_image(repositoryName="team/web", imageIds=[{"imageTag": "1"}])
    assert names(lab) == []


def test_the_pusher_needs_the_push_and_not_the_making(lab: Any) -> None:
    template(lab, "team")
    push = ("GetAuthorizationToken", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")
    lab.allow("ci", *(f"ecr:{action}" for action in push))
    lab.push("team/web", "1", profile="ci")
    # A push that is refused leaves the empty repository (containers-roadmap 853).
    status, code, text = refused(lab, "team/api", profile="ops")
    assert (status, code) == (403, "DENIED")
    assert "ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-east-1:123456789012:repository/team/api" in text
    assert names(lab) == ["team/api", "team/web"]


def test_another_accounts_push_is_decided_by_the_policy_of_the_template(lab: Any) -> None:
    opened = json.loads(POLICY)
    opened["Statement"][0]["Action"] = "ecr:*"
    template(lab, "shared", repositoryPolicy=json.dumps(opened))
    template(lab, "own")
    lab.push("shared/web", "1", profile="partner")
    assert (
        "no resource-based policy allows the ecr:InitiateLayerUpload" in refused(lab, "own/web", profile="partner")[2]
    )


def test_tags_and_keys_need_a_role(lab: Any) -> None:
    iam, arn = lab.client("iam"), "arn:aws:iam::123456789012:role/maker"
    tags = [{"Key": "team", "Value": "web"}]
    template(lab, "team", resourceTags=tags, encryptionConfiguration={"encryptionType": "KMS"})
    begin = "The repository 'team/web' could not be created by the repository creation template with prefix 'team': "
    needs = "a template with resource tags or KMS encryption needs a customRoleArn."
    assert refused(lab, "team/web") == (403, "DENIED", begin + needs)
    lab.client("ecr").update_repository_creation_template(prefix="team", customRoleArn=arn)
    assert refused(lab, "team/web")[2] == f"{begin}Amazon ECR cannot assume the role {arn}."
    iam.create_role(RoleName="maker", AssumeRolePolicyDocument=TRUST.replace("ecr.", "lambda."))
    assert refused(lab, "team/web")[2] == f"{begin}Amazon ECR cannot assume the role {arn}."
    iam.update_assume_role_policy(RoleName="maker", PolicyDocument=TRUST)
    denied = refused(lab, "team/web")[2]
    assert "assumed-role/maker/ecr-template is not authorized to perform: ecr:CreateRepository" in denied
    assert names(lab) == []
    statement = {"Effect": "Allow", "Action": ["ecr:CreateRepository", "ecr:TagResource"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="maker", PolicyName="make", PolicyDocument=document)
    lab.push("team/web", "1")
    made = described(lab, "team/web")
    assert made["encryptionConfiguration"]["encryptionType"] == "KMS"
    assert made["encryptionConfiguration"]["kmsKey"].startswith("arn:aws:kms:us-east-1:123456789012:key/")
    assert lab.client("ecr").list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == tags


def test_the_first_template_makes_the_service_linked_role(lab: Any) -> None:
    iam, name = lab.client("iam"), "AWSServiceRoleForECRTemplate"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=name)
    template(lab, "team")
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Arn"] == f"arn:aws:iam::123456789012:role/aws-service-role/ecr.amazonaws.com/{name}"
    [attached] = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached["PolicyName"] == "ECRTemplateServiceRolePolicy"
    for change in (
        lambda: iam.delete_role(RoleName=name),
        lambda: iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"]),
        lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=TRUST),
    ):
        with pytest.raises(ClientError, match="only modifiable by AWS"):
            change()
    iam.update_role_description(RoleName=name, Description="of ECR")


def test_a_reset_takes_templates_away(lab: Any) -> None:
    template(lab, "team")
    lab.control.reset()
    assert refused(lab, "team/web")[1] == "NAME_UNKNOWN"
