"""Drill d38: allowed, and refused all the same; by a boundary, or by a session policy. Words: d38.md."""

from __future__ import annotations

import json

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN, PULL, PUSH
from ecrlab_course.authoring import FULL_ACCESS, Sentence, as_words
from ecrlab_course.authoring.requests import requests
from ecrlab_course.authoring.staging import as_session
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import passing, role_arn, trust, user_arn

NAME, NEIGHBOUR, ROLE = "shop/orders", "shop/payments", "builder"
LIMIT, FILE = f"arn:aws:iam::{ACCOUNT}:policy/ci-limits", "session.json"
WORK = (allow(LOGIN), allow([*PULL, *PUSH], arn(NAME)))
PULLING = (allow(LOGIN), allow(list(PULL), arn("shop/*")))
ALONE = "aws ecr initiate-layer-upload --repository-name shop/orders --profile ci\n"
SESSION = f"""set -o pipefail
aws sts assume-role --role-arn {role_arn(ROLE)} --role-session-name build-7 --profile ci \\
    --policy file://{FILE} --query Credentials --output json > keys.json
key() {{ python3 -c "import json, sys; print(json.load(open('keys.json'))[sys.argv[1]])" "$1"; }}
export AWS_ACCESS_KEY_ID=$(key AccessKeyId) AWS_SECRET_ACCESS_KEY=$(key SecretAccessKey)
export AWS_SESSION_TOKEN=$(key SessionToken)
unset AWS_PROFILE
aws ecr initiate-layer-upload --repository-name shop/orders
"""
ELSEWHERE = ("iam:CreateUser", "iam:PutUserPolicy", "sts:AssumeRole", "ecr:PutRegistryPolicy", "s3:GetObject")
OTHERS = ("ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:SetRepositoryPolicy", "ecr:CreateRepository")


def prepare(lab: DrillLab) -> None:
    """Make the identity with its Allow, and the limit of the seed."""
    for name in (NAME, NEIGHBOUR):
        lab.repository(name)
    iam = lab.client("iam")
    if lab.seed == "boundary":
        lab.person("ci", *WORK)
        iam.create_policy(PolicyName="ci-limits", PolicyDocument=policy(*PULLING))
        iam.put_user_permissions_boundary(UserName="ci", PermissionsBoundary=LIMIT)
        lab.write("build.sh", ALONE)
        return
    lab.person("ci", allow("sts:AssumeRole", role_arn(ROLE)))
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust(user_arn("ci")))
    iam.put_role_policy(RoleName=ROLE, PolicyName="work", PolicyDocument=policy(*WORK))
    lab.write(FILE, json.dumps(json.loads(policy(*PULLING)), indent=2) + "\n")
    lab.write("build.sh", SESSION)


class Seen:
    """What the limit lets through by itself, and whether the build went through."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.seed, self.kind = lab.seed, findings.get("kind", "")
        limit, self.problem = limit_of(lab), ""
        self.gone = not limit
        passes: set[tuple[str, str]] = set()
        if limit:
            try:
                passes = everything(lab, limit)
            except ValueError as error:
                self.problem = f"`{' '.join(str(error).split())}`"
        closed = [action for action in DOCKER_PUSH if (action, arn(NAME)) not in passes]
        self.closed = closed[0] if closed else ""
        self.left = as_words(closed)
        self.seen = Sentence("closed") if closed else Sentence("opened")
        kept = {(LOGIN, "*"), *((action, arn(NAME)) for action in PULL)}
        self.kept = kept <= passes
        held = {each for each in passes if each[0] in PULL and each[1].startswith(arn("shop/"))}
        # The login is for a registry: allowed on a star, it is allowed whatever is asked about.
        held |= {each for each in passes if each[0] == LOGIN}
        surplus = passes - held - {(action, arn(NAME)) for action in PUSH}
        self.surplus = "` on `".join(sorted(surplus)[0]) if surplus else ""
        who = {"boundary": f"{ACCOUNT}:user/ci", "session": f"{ACCOUNT}:assumed-role/{ROLE}/"}[lab.seed]
        self.run = any(
            each.ok and each.action == "ecr:InitiateLayerUpload" and who in str(each.row["principal"])
            for each in requests(lab, "ecr", "registry")
        )
        self.changed = bool(limit) and json.loads(policy(*PULLING)) != _read(limit)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def limit_of(lab: DrillLab) -> str:
    """Return the limit as it stands now: the boundary of ci, or the file; "" when there is none."""
    if lab.seed == "session":
        assert lab.folder is not None
        path = lab.folder / FILE
        return path.read_text(encoding="utf-8") or "{}" if path.is_file() else ""
    iam = lab.client("iam")
    held = iam.get_user(UserName="ci")["User"].get("PermissionsBoundary")
    if not held:
        return ""
    where = held["PermissionsBoundaryArn"]
    version = iam.get_policy(PolicyArn=where)["Policy"]["DefaultVersionId"]
    return json.dumps(iam.get_policy_version(PolicyArn=where, VersionId=version)["PolicyVersion"]["Document"])


def everything(lab: DrillLab, limit: str) -> set[tuple[str, str]]:
    """Ask what the limit alone lets through, here, next door, and of other services."""
    near = [arn(NEIGHBOUR), arn("shop/x"), arn(NAME + "-old"), arn("other/x"), arn(NAME, "eu-west-1")]
    here = [action for action in lab.control.actions() if action.startswith("ecr:")]
    found = passing(lab, limit, here, [arn(NAME)]) | passing(lab, limit, [*PULL, *PUSH, *OTHERS], near)
    return found | passing(lab, limit, [LOGIN, *ELSEWHERE], ["*"])


def judge(seen: Seen) -> str:
    """Return the verdict's name in d38.md: the limit lets this push through and no more, the build ran, the kind."""
    if seen.gone:
        return "limit-gone"
    if seen.problem:
        return "not-a-policy"
    if seen.closed:
        return "still-limited" if seen.changed or seen.kind else "untouched"
    if not seen.kept:
        return "no-login"
    if seen.surplus:
        return "wider"
    if not seen.run:
        return "not-run"
    if not seen.kind:
        return "no-kind"
    return "passed" if seen.kind == seen.seed else "other-kind"


def limit(lab: DrillLab, *statements: dict[str, object]) -> None:
    """Write the limit."""
    if lab.seed == "session":
        lab.write(FILE, policy(*statements))
        return
    lab.client("iam").create_policy_version(
        PolicyArn=LIMIT, SetAsDefault=True, PolicyDocument=policy(*statements)
    )  # fmt: skip


def widen(lab: DrillLab) -> None:
    """Add the push of the one repository."""
    limit(lab, *PULLING, allow(list(DOCKER_PUSH), arn(NAME)))


def build(lab: DrillLab) -> None:
    """Run the build."""
    lab.sh("bash build.sh || true")


def begin(lab: DrillLab) -> None:
    """Begin the upload as the build does, by boto3."""
    who = as_session(lab, role_arn(ROLE), "ci") if lab.seed == "session" else lab
    who.client("ecr", "ci").initiate_layer_upload(repositoryName=NAME)


def remove(lab: DrillLab) -> None:
    """Remove the boundary."""
    lab.client("iam").delete_user_permissions_boundary(UserName="ci")


def full(lab: DrillLab) -> None:
    """Give the identity everything of ECR."""
    lab.client("iam").attach_user_policy(UserName="ci", PolicyArn=f"arn:aws:iam::aws:policy/{FULL_ACCESS}")


def by_repository(lab: DrillLab) -> None:
    """Let ci in by the repository's own policy, past the boundary."""
    statement = {"Effect": "Allow", "Principal": {"AWS": user_arn("ci")}, "Action": list(PUSH)}
    lab.client("ecr").set_repository_policy(repositoryName=NAME, policyText=policy(statement))


BOUNDARY, BY_SESSION = {"kind": "boundary"}, {"kind": "session"}
TRIES = {
    "passed": {
        "the boundary": attempt(BOUNDARY, (widen, build), seed="boundary"),
        "the session policy": attempt(BY_SESSION, (widen, build), seed="session"),
        "the session policy, all six": attempt(
            BY_SESSION,
            (lambda lab: limit(lab, allow(LOGIN), allow([*PULL, *PUSH], arn(NAME))), begin),
            seed="session",
        ),
    },
    "not-run": {"not shown": attempt(BOUNDARY, widen, seed="boundary")},
    "still-limited": {
        "FullAccess": attempt(BOUNDARY, (full, build), seed="boundary"),
        "past it by the repository": attempt(BOUNDARY, (by_repository, build), seed="boundary"),
        "the role's own policy widened": attempt(
            BY_SESSION,
            lambda lab: lab.client("iam").put_role_policy(
                RoleName=ROLE, PolicyName="work", PolicyDocument=policy(allow("*"))
            ),
            seed="session",
        ),
        "one action": attempt(
            BY_SESSION,
            (lambda lab: limit(lab, *PULLING, allow("ecr:InitiateLayerUpload", arn(NAME))), build),
            seed="session",
        ),
    },
    "limit-gone": {"removed": attempt(BOUNDARY, (remove, build), seed="boundary")},
    "not-a-policy": {
        "not JSON": attempt(BY_SESSION, lambda lab: lab.write(FILE, '{"Statement": [],}'), seed="session")
    },
    "no-login": {
        "the push alone": attempt(
            BOUNDARY, (lambda lab: limit(lab, allow(list(PUSH), arn(NAME))), build), seed="boundary"
        )
    },
    "wider": {
        "all of ECR": attempt(BOUNDARY, (lambda lab: limit(lab, allow("ecr:*")), build), seed="boundary"),
        "a star after the name": attempt(
            BY_SESSION,
            (lambda lab: limit(lab, *PULLING, allow(list(PUSH), arn(NAME + "*"))), build),
            seed="session",
        ),
        "every Put": attempt(
            BY_SESSION,
            (lambda lab: limit(lab, *PULLING, allow([*DOCKER_PUSH, "ecr:Put*"], arn(NAME))), build),
            seed="session",
        ),
        "the push everywhere": attempt(
            BOUNDARY, (lambda lab: limit(lab, *PULLING, allow(list(PUSH))), build), seed="boundary"
        ),
    },
    "no-kind": {"in silence": attempt({}, (widen, build), seed="boundary")},
    "other-kind": {"the other state's": attempt(BOUNDARY, (widen, build), seed="session")},
}
