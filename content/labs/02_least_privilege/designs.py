"""Lab 02: Monday, and what right and wrong designs are made of. Everything here acts, by the API, as admin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy.sets import LOGIN as LOGIN_ACTION
from ecrlab.policy.sets import PULL, PUSH
from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.staging import PEOPLE, digest_of, log_out
from ecrlab_course.toolbox.image import image

from .table import ACCOUNT, NEIGHBOUR, REPOSITORIES, STRANGER, allow, arn, document, let, role, root, user

AWS = "arn:aws:iam::aws:policy/"
POWER, PULL_ONLY, READ_ONLY = (
    f"{AWS}AmazonEC2ContainerRegistry{name}" for name in ("PowerUser", "PullOnly", "ReadOnly")
)
TASK_EXECUTION = f"{AWS}service-role/AmazonECSTaskExecutionRolePolicy"
REGIONS = ("us-east-1", "eu-west-1")
BOTH = tuple(dict.fromkeys((*PUSH, *PULL)))

LOGIN: Mapping[str, Any] = {"Effect": "Allow", "Action": LOGIN_ACTION, "Resource": "*"}
DARA = (LOGIN, allow(BOTH, "dev/*"), allow(PULL, "base/*", "release/*"))
OMAR = (LOGIN, allow(PULL, "release/*"))
PIPE = (LOGIN, allow(PUSH, "dev/*", "release/*"), allow(PULL, "base/*"))
MAPS = let({"AWS": root(NEIGHBOUR)}, PULL, Sid="maps")
EVERYBODY = let("*", PULL, Sid="share")
BECOME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role("pipeline")}


# Single acts


def trust(principal: object, condition: Mapping[str, Any] | None = None) -> str:
    """Return a trust policy."""
    statement = let(principal, "sts:AssumeRole")
    return document({**statement, "Condition": condition} if condition else statement)


def give(lab: Lab, name: str, *statements: Mapping[str, Any], policy: str = "work") -> None:
    """Put an inline policy on a user."""
    lab.client("iam").put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=document(*statements))


def give_role(lab: Lab, name: str, *statements: Mapping[str, Any], policy: str = "work") -> None:
    """Put an inline policy on a role."""
    lab.client("iam").put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document(*statements))


def attach(lab: Lab, name: str, policy: str) -> None:
    """Attach a managed policy to a user."""
    lab.client("iam").attach_user_policy(UserName=name, PolicyArn=policy)


def own_policy(lab: Lab, name: str, *statements: Mapping[str, Any]) -> str:
    """Make a managed policy of ours; return its ARN."""
    made = lab.client("iam").create_policy(PolicyName=name, PolicyDocument=document(*statements))
    return str(made["Policy"]["Arn"])


def group(lab: Lab, name: str, *statements: Mapping[str, Any], members: tuple[str, ...] = ()) -> None:
    """Make a group with an inline policy and these members."""
    iam = lab.client("iam")
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="work", PolicyDocument=document(*statements))
    for each in members:
        iam.add_user_to_group(GroupName=name, UserName=each)


def share(lab: Lab, repository: str, *statements: Mapping[str, Any]) -> None:
    """Set the policy of a repository."""
    lab.client("ecr").set_repository_policy(repositoryName=repository, policyText=document(*statements))


def lock(lab: Lab, repository: str, *statements: Mapping[str, Any]) -> None:
    """Set the policy of a repository although it shuts out whoever sets it."""
    lab.client("ecr").set_repository_policy(repositoryName=repository, policyText=document(*statements), force=True)


def make_role(lab: Lab, name: str, trusted: str) -> None:
    """Make a role with this trust policy."""
    lab.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trusted)


def trusted(lab: Lab, text: str, name: str = "pipeline") -> None:
    """Set a role's trust policy."""
    lab.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=text)


def strip(lab: Lab, *names: str) -> None:
    """Take everything from users and roles: groups, policies attached and inline, boundary."""
    iam = lab.client("iam")
    for name in names:
        if name == "runtime":
            _strip_role(iam, name)
            continue
        for row in iam.list_groups_for_user(UserName=name)["Groups"]:
            iam.remove_user_from_group(GroupName=row["GroupName"], UserName=name)
        for row in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
            iam.detach_user_policy(UserName=name, PolicyArn=row["PolicyArn"])
        for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
            iam.delete_user_policy(UserName=name, PolicyName=policy)


def _strip_role(iam: Any, name: str) -> None:
    for row in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=row["PolicyArn"])
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)


# Monday


def sweep(lab: Lab) -> None:
    """Empty IAM of groups, roles, policies and users that the account did not begin with; open every locked door.

    The people's permissions and the policies of repositories are put back without asking IAM: a policy may have shut
    everybody out.
    """
    lab.user("admin", *PEOPLE)
    lab.control.reset(users=["partner"], account=NEIGHBOUR)
    for region in REGIONS:
        ecr = lab.client("ecr", region=region)
        with suppress(ClientError):
            ecr.delete_registry_policy()
        lab.control.reset(policies=list(REPOSITORIES), account=ACCOUNT, region=region)
        named = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
        lab.control.reset(policies=named, account=ACCOUNT, region=region)
    iam = lab.client("iam")
    extra = [each["UserName"] for each in iam.list_users()["Users"] if each["UserName"] not in ("admin", *PEOPLE)]
    if extra:
        lab.user(*extra)
    for row in iam.list_groups()["Groups"]:
        name = row["GroupName"]
        for member in iam.get_group(GroupName=name)["Users"]:
            iam.remove_user_from_group(GroupName=name, UserName=member["UserName"])
        for attached in iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"]:
            iam.detach_group_policy(GroupName=name, PolicyArn=attached["PolicyArn"])
        for policy in iam.list_group_policies(GroupName=name)["PolicyNames"]:
            iam.delete_group_policy(GroupName=name, PolicyName=policy)
        iam.delete_group(GroupName=name)
    for row in iam.list_roles()["Roles"]:
        if not row["Path"].startswith("/aws-service-role/"):
            _strip_role(iam, row["RoleName"])
            iam.delete_role(RoleName=row["RoleName"])
    for row in iam.list_policies(Scope="Local")["Policies"]:
        for version in iam.list_policy_versions(PolicyArn=row["Arn"])["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=row["Arn"], VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=row["Arn"])


def runtime_of_monday(lab: Lab) -> None:
    """Make the role that the containers' service takes, with AWS's policy for it: it pulls every repository (I069)."""
    make_role(lab, "runtime", trust({"Service": "ecs-tasks.amazonaws.com"}))
    lab.client("iam").attach_role_policy(RoleName="runtime", PolicyArn=TASK_EXECUTION)


def first_digest(name: str) -> str:
    """Return the digest of a repository's image 1.0: the same bytes on every computer."""
    return digest_of(image(name.encode())[2])


def repositories_of_monday(lab: Lab) -> None:
    """Make the six repositories with their image 1.0, and one of a taken name in eu-west-1."""
    for region in REGIONS:
        lab.clear(*REPOSITORIES, region=region)
    ecr = lab.client("ecr")
    for name in REPOSITORIES:
        ecr.create_repository(repositoryName=name)
        lab.push(name, "1.0", name.encode())
    lab.client("ecr", region="eu-west-1").create_repository(repositoryName="dev/booking")


def images_of_monday(lab: Lab) -> None:
    """Leave each repository its image 1.0 alone; policies and tags of the repositories stay."""
    ecr = lab.client("ecr")
    for name in REPOSITORIES:
        lab.push(name, "1.0", name.encode())
        first, there = first_digest(name), ecr.list_images(repositoryName=name)["imageIds"]
        names = [each for each in there if each.get("imageTag", "1.0") != "1.0"]
        others = [each for each in there if each["imageDigest"] != first and each not in names]
        for unwanted in (names, others):
            if unwanted:
                ecr.batch_delete_image(repositoryName=name, imageIds=unwanted)


def monday(lab: Lab) -> None:
    """Everybody can do everything: six repositories with their images, and the permissions of a hurried year."""
    sweep(lab)
    log_out(lab, "admin", *PEOPLE, "partner")
    repositories_of_monday(lab)
    lab.control.account(STRANGER)
    group(lab, "harbour", {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}, members=PEOPLE)
    runtime_of_monday(lab)
    share(lab, "release/booking", EVERYBODY)


# The model solution, part by part


def people_done(lab: Lab) -> None:
    """Give Dara, Omar and the runtime what the table says, by policies of their own."""
    strip(lab, "developer", "ops", "runtime")
    give(lab, "developer", *DARA)
    give(lab, "ops", *OMAR)
    give_role(lab, "runtime", *OMAR)


def robot_done(lab: Lab) -> None:
    """Make the role for the pipeline, let the robot take it, and take everything else from the robot."""
    strip(lab, "ci")
    make_role(lab, "pipeline", trust({"AWS": user("ci")}))
    give_role(lab, "pipeline", *PIPE)


def outside_done(lab: Lab) -> None:
    """Let Aiko read, and let the map company pull one image."""
    strip(lab, "auditor")
    attach(lab, "auditor", READ_ONLY)
    share(lab, "release/booking", MAPS)


def drop_harbour(lab: Lab) -> None:
    """Delete the group of everybody."""
    iam = lab.client("iam")
    for each in iam.get_group(GroupName="harbour")["Users"]:
        iam.remove_user_from_group(GroupName="harbour", UserName=each["UserName"])
    iam.delete_group_policy(GroupName="harbour", PolicyName="work")
    iam.delete_group(GroupName="harbour")


def tag_all(lab: Lab) -> None:
    """Tag each repository with its stage, the first part of its name."""
    for name in REPOSITORIES:
        lab.client("ecr").tag_resource(resourceArn=arn(name), tags=[{"Key": "stage", "Value": name.partition("/")[0]}])


def staged(actions: Any, *stages: str) -> dict[str, Any]:
    """Return a statement that allows actions where the repository's tag says one of these stages."""
    return allow(actions, "*", Condition={"StringEquals": {"aws:ResourceTag/stage": list(stages)}})


def unlock(lab: Lab) -> None:
    """Open what a policy shut to admin as well, without asking IAM; what else stands stays."""
    lab.user("admin")
    asked = [("user/admin", "ecr:SetRepositoryPolicy", arn(name)) for name in REPOSITORIES]
    answers = lab.control.decide_all(asked)
    locked = [name for name, found in zip(REPOSITORIES, answers, strict=True) if not found["allowed"]]
    if locked:
        lab.control.reset(policies=locked, account=ACCOUNT)


def reset_people(lab: Lab) -> None:
    """Give Dara, Omar and the runtime what they had on Monday."""
    unlock(lab)
    lab.user("developer", "ops")
    iam = lab.client("iam")
    names = [each["GroupName"] for each in iam.list_groups()["Groups"]]
    for name in ("developer", "ops") if "harbour" in names else ():
        iam.add_user_to_group(GroupName="harbour", UserName=name)
    if "runtime" in [each["RoleName"] for each in iam.list_roles()["Roles"]]:
        _strip_role(iam, "runtime")
        iam.delete_role(RoleName="runtime")
    runtime_of_monday(lab)


def refused(act: Callable[[], object]) -> None:
    """Make a request that is refused."""
    with suppress(ClientError):
        act()


def reset_robot(lab: Lab) -> None:
    """Give the robot what it had on Monday, and take the pipeline away."""
    unlock(lab)
    lab.user("ci")
    iam = lab.client("iam")
    if "harbour" in [each["GroupName"] for each in iam.list_groups()["Groups"]]:
        iam.add_user_to_group(GroupName="harbour", UserName="ci")
    if "pipeline" in [each["RoleName"] for each in iam.list_roles()["Roles"]]:
        _strip_role(iam, "pipeline")
        iam.delete_role(RoleName="pipeline")


def reset_outside(lab: Lab) -> None:
    """Give Aiko what she had on Monday, and share the booking page with everybody again."""
    unlock(lab)
    lab.user("auditor")
    lab.control.reset(users=["partner"], account=NEIGHBOUR)
    iam = lab.client("iam")
    if "harbour" in [each["GroupName"] for each in iam.list_groups()["Groups"]]:
        iam.add_user_to_group(GroupName="harbour", UserName="auditor")
    lab.control.reset(policies=list(REPOSITORIES), account=ACCOUNT)
    share(lab, "release/booking", EVERYBODY)
