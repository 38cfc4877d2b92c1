"""04-e6: let the robot push. What a learner reads is in e6.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from botocore.exceptions import ClientError, ParamValidationError

from ecrlab_course.authoring import (
    ADMINISTRATOR,
    POWER_USER,
    PULL_ONLY,
    PUSH,
    Lab,
    Refused,
    Request,
    Sentence,
    as_words,
    in_code,
    push,
    requests,
    write,
)
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.evidence import repositories
from ecrlab_course.authoring.staging import PEOPLE, log_in, made

from .state import APP, push_app

REPOSITORY = f"arn:aws:ecr:us-east-1:123456789012:repository/{APP}"
IN_IRELAND = REPOSITORY.replace("us-east-1", "eu-west-1")
ROBOT = "arn:aws:iam::123456789012:user/ci"
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchImportUpstreamImage")
"""What its managed policy lets the robot do everywhere."""
WANTED = Wanted("ci", (Grant(PUSH, REPOSITORY), Grant("ecr:GetAuthorizationToken")), passes=Grant(PULL, "*"))
GOALS = (write("ci-push.json"), push(APP, by="ci"))
TAG = "1.0-ci"
START = (Path(__file__).parent / "files" / "ci-push.json").read_text(encoding="utf-8")


class Seen:
    """Who pushed, what IAM would say to the robot now, and what was changed since the exercise began."""

    def __init__(self, lab: Lab) -> None:
        rows = requests(lab)
        found = beyond(lab, WANTED)
        changes = [row for row in rows if row.ok and row.service in ("iam", "ecr") and changes_rights(row)]
        self.change = changes[-1].seq if changes else 0
        self.changed = str(changes[-1].row["resource"]).rpartition(":")[2] if changes else ""
        others = [str(row.row["resource"]) for row in changes]
        self.only_others = bool(others) and all(":user/" in name and name != ROBOT for name in others)
        stored = [row for row in rows if row.puts(APP)]
        self.stored = any(row.row["principal"] == ROBOT for row in stored)
        refused = [row for row in rows if row.row["principal"] == ROBOT and row.denied]
        self.refused = refused[-1].seq if refused else 0
        self.refused_last = as_words([row.action for row in refused[-1:]]) or "nothing yet"
        # What others pushed before there was anything to do for the robot is the lesson's own.
        begun = self.refused or (changes[0].seq if changes else 0)
        by_others = [row for row in stored if row.row["principal"] != ROBOT and row.seq > begun > 0]
        self.pusher = str(by_others[-1].row["principal"]).rpartition(":")[2] if by_others else ""
        self.logged_in = any(
            row.row["principal"] == ROBOT and row.operation == "GetAuthorizationToken" and row.seq > self.refused > 0
            for row in rows
        )
        self.tried = any(row.service == "registry" and row.seq > self.change for row in rows)
        # BatchGetImage is asked by some clients only: without it a push may well arrive.
        missing = [each for each in found.missing if each["action"] in PUSH]
        self.missing = {str(each["action"]) for each in missing} - {"ecr:BatchGetImage"}
        self.explanation = in_code(missing[0]["explanation"]) if missing else ""
        self.still_missing = len(missing)
        self.allowed = len(PUSH) - len(missing)
        self.missing_seen = as_words([each["action"] for each in missing])
        self.nearly = Sentence("lacking") if missing else Sentence("enough")
        self.file_would_do = bool(self.missing) and allows(lab, file_of(lab), self.missing)
        self.held_back = self.file_would_do and not is_in_iam(lab, file_of(lab))
        self.document = Sentence("right-document") if self.file_would_do else ""
        self.wider, self.surplus, self.why = found.wider, found.text, found.why


def file_of(lab: Lab) -> str:
    """Return the text of ci-push.json; "" when it cannot be read."""
    with suppress(OSError, UnicodeDecodeError):
        return ((lab.folder or Path.cwd()) / "ci-push.json").read_text(encoding="utf-8")
    return ""


def allows(lab: Lab, policy: str, actions: set[str]) -> bool:
    """Tell whether a policy would let the robot do all of this on the repository, by IAM's own simulator."""
    asked = {"ActionNames": sorted(actions), "ResourceArns": [REPOSITORY], "CallerArn": ROBOT}
    with suppress(ClientError, ParamValidationError):
        found = lab.client("iam").simulate_custom_policy(PolicyInputList=[policy], **asked)["EvaluationResults"]
        return all(each["EvalDecision"] == "allowed" for each in found)
    return False


def is_in_iam(lab: Lab, policy: str) -> bool:
    """Tell whether a user, a group or a policy of one's own holds this document, however it is laid out."""
    kinds = ["User", "Group", "LocalManagedPolicy"]
    found = lab.client("iam").get_account_authorization_details(Filter=kinds)
    inline = [each for one in found["UserDetailList"] for each in one.get("UserPolicyList", ())]
    inline += [each for one in found["GroupDetailList"] for each in one.get("GroupPolicyList", ())]
    documents = [each["PolicyDocument"] for each in inline]
    documents += [each["Document"] for one in found["Policies"] for each in one["PolicyVersionList"]]
    return json.loads(policy) in documents


def changes_rights(row: Request) -> bool:
    """Tell whether the request changed who may do what."""
    if row.service == "ecr":
        return row.operation in ("SetRepositoryPolicy", "DeleteRepositoryPolicy", "PutRegistryPolicy")
    return re.match(r"(?!Get|List|Simulate).*(Polic|Group|Role|Boundary)", row.operation) is not None


def judge(seen: Seen) -> str:
    """Return the verdict's name in e6.md: the robot's own push first, then why there is none."""
    if seen.stored:
        if seen.missing:
            return "not-any-more"
        return "wider" if seen.wider else "cannot-tell" if seen.why else "passed"
    if seen.pusher:
        return "as-another"
    if not seen.missing:
        return "no-image" if seen.tried else "not-tried"
    if seen.held_back:
        return "file-not-given"
    if not seen.change:
        return "logged-in-again" if seen.logged_in else "untouched"
    if seen.only_others:
        return "someone-else"
    if "ecr:PutImage" not in seen.missing and "ecr:InitiateLayerUpload" in seen.missing:
        return "putimage-alone"
    return "untouched" if seen.tried else "too-little"


# Tries


def allow(*actions: str, on: str = REPOSITORY, **more: object) -> str:
    """Return a policy with one statement."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def give(policy: str, user: str = "ci") -> Callable[[Lab], object]:
    """Return what puts an inline policy on a user."""
    return lambda lab: lab.client("iam").put_user_policy(
        UserName=user, PolicyName="push-my-web-app", PolicyDocument=policy
    )


def attach(name: str) -> Callable[[Lab], object]:
    """Return what attaches a policy of AWS's to the robot."""
    return lambda lab: lab.client("iam").attach_user_policy(UserName="ci", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def robot_pushes(lab: Lab, tag: str = TAG) -> None:
    """Let the robot push; it may be refused."""
    with suppress(Refused):
        lab.push(APP, tag, b"by the robot", "ci")


def by_docker(lab: Lab) -> None:
    """Log the robot's docker in and let it push."""
    log_in(lab, "ci")
    push_app(lab, TAG, "ci")


def again_by_docker(lab: Lab) -> None:
    """Push once more with the login that is there."""
    push_app(lab, TAG, "ci")


def group(lab: Lab, *members: str) -> None:
    """Make a group that may push, with these members."""
    iam, name = lab.client("iam"), f"builders-{lab.last()}"
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="push", PolicyDocument=allow(*PUSH))
    for member in members:
        iam.add_user_to_group(GroupName=name, UserName=member)


def managed(lab: Lab, *users: str) -> None:
    """Make a customer managed policy, and attach it to these users."""
    iam = lab.client("iam")
    policy = iam.create_policy(PolicyName=f"push-{lab.last()}", PolicyDocument=allow(*PUSH))["Policy"]
    for user in users:
        iam.attach_user_policy(UserName=user, PolicyArn=policy["Arn"])


def by_repository_policy(lab: Lab) -> None:
    """Let the repository itself name the robot."""
    statement = {"Effect": "Allow", "Principal": {"AWS": ROBOT}, "Action": list(PUSH)}
    lab.client("ecr").set_repository_policy(
        repositoryName=APP, policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def remove(lab: Lab) -> None:
    """Take the robot's own policy away again."""
    lab.client("iam").delete_user_policy(UserName="ci", PolicyName="push-my-web-app")


def with_admins_login(lab: Lab) -> None:
    """Log the robot's docker in with admin's token and push from there."""
    made(
        lab,
        'aws ecr get-login-password --profile admin | docker login --username AWS --password-stdin "$REGISTRY" 2>&1',
        "ci",
    )
    push_app(lab, TAG, "ci")


def as_a_session_called_ci(lab: Lab) -> None:
    """Assume a role that may push, in a session that is called ci; the role is gone afterwards."""
    iam, name = lab.client("iam"), f"pusher-{lab.last()}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{POWER_USER}")
    made(
        lab,
        f"""keys=$(aws sts assume-role --role-arn arn:aws:iam::123456789012:role/{name} --role-session-name ci \
          --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
        read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<< "$keys"
        export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN; unset AWS_PROFILE
        aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY" 2>&1""",
    )
    push_app(lab, TAG)
    iam.detach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{POWER_USER}")
    iam.delete_role(RoleName=name)


def elsewhere(lab: Lab) -> None:
    """Let the robot look whether an image is there, and no more."""
    log_in(lab, "ci")
    lab.sh(f'docker pull -q "$REGISTRY/{APP}:1.1" 2>&1', "ci")


def broken(lab: Lab) -> None:
    """Write a policy that lacks a comma."""
    assert lab.folder is not None
    (lab.folder / "ci-push.json").write_text('{"Version": "2012-10-17"\n "Statement": []}\n', encoding="utf-8")


def complete(lab: Lab) -> None:
    """Write the six actions into the file, and give it to nobody."""
    assert lab.folder is not None
    (lab.folder / "ci-push.json").write_text(SET, encoding="utf-8")


def put_file(lab: Lab) -> None:
    """Give the robot what the file says, as the cell of the lesson does."""
    lab.sh("aws iam put-user-policy --user-name ci --policy-name push-my-web-app --policy-document file://ci-push.json")


SET = allow(*PUSH)
TRIES = {
    "passed": {
        "refused, then the six actions on one repository, then the same login": [by_docker, give(SET), again_by_docker],
        "five actions, and BatchGetImage from the pull policy": [give(allow(*PUSH[:-1])), robot_pushes],
        "a policy of one's own, attached": [lambda lab: managed(lab, "ci"), robot_pushes],
        "through a group": [lambda lab: group(lab, "ci"), robot_pushes],
        "the repository's policy names the robot": [by_repository_policy, robot_pushes],
        "by admin first, then by the robot": [lambda lab: lab.push(APP, TAG), give(SET), robot_pushes],
    },
    "wider": {
        "everything everywhere": [give(allow("ecr:*", on="*")), robot_pushes],
        "everything on one repository": [give(allow("ecr:*")), robot_pushes],
        "administrator, by AWS's own policy": [attach(ADMINISTRATOR), robot_pushes],
        "iam beside it": [
            give(SET),
            lambda lab: lab.client("iam").put_user_policy(
                UserName="ci", PolicyName="more", PolicyDocument=allow("iam:*", on="*")
            ),
            robot_pushes,
        ],
    },
    "cannot-tell": {
        "on a repository named by its tag": [
            give(SET),
            lambda lab: lab.client("iam").put_user_policy(
                UserName="ci",
                PolicyName="more",
                PolicyDocument=allow("ecr:PutImage", on=REPOSITORY + "${aws:ResourceTag/team}"),
            ),
            robot_pushes,
        ]
    },
    "untouched": {
        "admin pushes, and nothing is done for the robot": [lambda lab: lab.push(APP, "1.2")],
    },
    "not-any-more": {"pushed, then the policy removed": [give(SET), robot_pushes, remove]},
    "as-another": {
        "pushed as admin": [robot_pushes, lambda lab: lab.push(APP, TAG)],
        "with admin's login in the robot's docker": [robot_pushes, with_admins_login],
        "a role's session called ci": [as_a_session_called_ci],
    },
    "someone-else": {
        "the policy on Dara": [robot_pushes, give(SET, "developer")],
        "the file, right, on Dara": [complete, give(SET, "developer"), robot_pushes],
    },
    "file-not-given": {
        "the file completed, and a push": [complete, robot_pushes],
        "given as it was, then completed": [put_file, robot_pushes, complete],
        "given to Dara as it was, then completed": [give(START, "developer"), robot_pushes, complete],
    },
    "logged-in-again": {"refused, then logged in": [robot_pushes, lambda lab: log_in(lab, "ci")]},
    "putimage-alone": {
        "one action more, and pushed": [give(allow("ecr:PutImage")), robot_pushes],
    },
    "too-little": {
        "a policy, not attached": [robot_pushes, managed],
        "a group without the robot": [group],
    },
    "not-tried": {
        "refused, then the policy": [robot_pushes, give(SET)],
    },
    "no-image": {"the policy, and a pull": [give(SET), elsewhere]},
    "action-not-named": {
        "refused, and nothing changed": [robot_pushes],
        "without BatchCheckLayerAvailability": [give(allow(*PUSH[1:])), by_docker],
    },
    "empty-group": {"a group without the robot, and a push": [group, robot_pushes]},
    "other-region-arn": {"the six actions in Ireland, and a push": [give(allow(*PUSH, on=IN_IRELAND)), robot_pushes]},
    "condition-not-met": {
        "from another network": [
            give(allow(*PUSH, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
            robot_pushes,
        ]
    },
    "boundary": {
        "the file given, and a boundary around it": [
            complete,
            put_file,
            lambda lab: lab.client("iam").put_user_permissions_boundary(
                UserName="ci", PermissionsBoundary=f"arn:aws:iam::aws:policy/{PULL_ONLY}"
            ),
            robot_pushes,
        ]
    },
    "expired-login": {
        "the right policy, and a login of yesterday": [
            lambda lab: log_in(lab, "ci"),
            lambda lab: lab.clock.advance(hours=13),
            give(SET),
            again_by_docker,
        ]
    },
    "json-syntax": {"a comma left out": [broken, put_file, robot_pushes]},
}


def forget_groups_and_policies(lab: Lab) -> None:
    """Remove groups and policies of one's own that allow a push to this repository."""
    iam = lab.client("iam")
    for group in iam.list_groups()["Groups"]:
        name = group["GroupName"]
        inline = iam.list_group_policies(GroupName=name)["PolicyNames"]
        if any(lets_push(iam.get_group_policy(GroupName=name, PolicyName=each)["PolicyDocument"]) for each in inline):
            for each in inline:
                iam.delete_group_policy(GroupName=name, PolicyName=each)
            with suppress(iam.exceptions.DeleteConflictException):
                iam.delete_group(GroupName=name)
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        if lets_push(version["PolicyVersion"]["Document"]):
            with suppress(iam.exceptions.DeleteConflictException):
                iam.delete_policy(PolicyArn=policy["Arn"])


def forget_roles(lab: Lab, principals: set[str]) -> None:
    """Remove the roles that these principals are sessions of."""
    iam = lab.client("iam")
    for name in {each.split("/")[1] for each in principals if ":assumed-role/" in each}:
        with suppress(iam.exceptions.NoSuchEntityException):
            for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            for each in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=each)
            with suppress(iam.exceptions.DeleteConflictException):
                iam.delete_role(RoleName=name)


def lets_push(document: object) -> bool:
    """Tell whether a policy names the last request of a push and this repository."""
    text = json.dumps(document)
    return "ecr:PutImage" in text and f"repository/{APP}" in text


def reset(lab: Lab) -> None:
    """Give everybody their first rights, let the repository name nobody, and remove what the robot pushed."""
    lab.clock.reset()
    lab.user(*PEOPLE)
    forget_groups_and_policies(lab)
    lab.control.reset(policies=[APP])
    assert lab.folder is not None
    (lab.folder / "ci-push.json").write_text(START, encoding="utf-8")
    rows = [row for row in requests(lab, "registry") if row.puts(APP)]
    forget_roles(lab, {str(row.row["principal"]) for row in rows})
    tags = {
        by: {row.path.rpartition("/")[2] for row in rows if (row.row["principal"] == ROBOT) is by}
        for by in (True, False)
    }
    ids = [{"imageTag": tag} for tag in sorted(tags[True] - tags[False])]
    if ids and APP in repositories(lab):
        lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=ids)
