"""Drill d03: the smallest policy that pulls. Q77, Q79, Q139."""

# E070: what a pull needs, and what it does not; E126 I057: the login is given by an identity policy only, on "*";
# E031: alone it grants nothing; E073: the trap in AWS's own example; I009: policies of one kind add up.

from __future__ import annotations

from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Attempt, Drill, Findings

WHO, NAME, NEIGHBOUR = "user/runner", "shop/orders", "shop/payments"
BESIDE = {
    f"`{NEIGHBOUR}`": arn(NEIGHBOUR),
    "`shop/orders-archive`": arn("shop/orders-archive"),
    f"`{NAME}` in eu-west-1": arn(NAME, "eu-west-1"),
}
MANAGED = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"


def prepare(lab: DrillLab) -> None:
    for name in (NAME, NEIGHBOUR):
        lab.repository(name)
        lab.push(name, "1", name.encode())
    lab.person("runner")


def _repository_actions(lab: DrillLab) -> list[str]:
    known = lab.control.actions().items()
    return [action for action, kind in known if action.startswith("ecr:") and kind in ("repository", "repositories")]


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    every = _repository_actions(lab)
    open_here = lab.allowed(WHO, every, arn(NAME))
    login = lab.may((WHO, LOGIN, "*"))[0]
    iam = lab.client("iam")
    touched = (
        iam.list_user_policies(UserName="runner")["PolicyNames"]
        or iam.list_attached_user_policies(UserName="runner")["AttachedPolicies"]
        or iam.list_groups_for_user(UserName="runner")["Groups"]
    )
    if not open_here and not login and not touched:
        return untouched("`runner` may do nothing yet.")
    missing = [action for action in PULL if action not in open_here]
    if missing:
        return not_yet(
            f"A pull of `{NAME}` still ends at `{missing[0]}`: nobody allows it (an implicit deny).", "left-out"
        )
    if not login:
        return not_yet(
            f"The two actions of the pull are there, and `{LOGIN}` is refused, so there is no login. It is not about "
            f"any repository: which Resource does its statement name, and in which kind of policy?",
            "login-can-be-scoped",
        )
    if "ecr:BatchCheckLayerAvailability" in open_here:
        return not_yet(
            "Login and pull work. `ecr:BatchCheckLayerAvailability` is allowed too; what asks for it, a pull or a "
            "push?",
            "check-is-pull",
        )
    more = [action for action in open_here if action not in PULL]
    next_door = {name: lab.allowed(WHO, every, where) for name, where in BESIDE.items()}
    if more or any(next_door.values()):
        seen = [f"{', '.join(more[:3])} on `{NAME}`"] if more else []
        seen += [f"{', '.join(actions[:3])} on {name}" for name, actions in next_door.items() if actions]
        return not_yet(f"Login and pull work, and so does more: {'; '.join(seen)}.", "wide-is-fixed")
    runner = lab.client("ecr", "runner")
    runner.get_authorization_token()
    runner.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "1"}])
    return passed(
        f"`runner` logs in and pulls `{NAME}`. Asked about {len(every)} actions on it and on {len(BESIDE)} "
        "repositories beside it, IAM allows two, on this one."
    )


def put(lab: DrillLab, *statements: dict[str, Any]) -> None:
    lab.client("iam").put_user_policy(UserName="runner", PolicyName="pull", PolicyDocument=policy(*statements))


def in_a_group(lab: DrillLab) -> None:
    iam = lab.client("iam")
    made = iam.create_policy(
        PolicyName="orders-pull", PolicyDocument=policy(allow(LOGIN), allow(list(PULL), arn(NAME)))
    )["Policy"]["Arn"]
    iam.create_group(GroupName="runners")
    iam.attach_group_policy(GroupName="runners", PolicyArn=made)
    iam.add_user_to_group(GroupName="runners", UserName="runner")


def by_the_repository(lab: DrillLab, *actions: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{lab.account}:user/runner"},
        "Action": list(actions),
    }
    lab.client("ecr").set_repository_policy(repositoryName=NAME, policyText=policy(statement))


def login_and_repository_policy(lab: DrillLab) -> None:
    put(lab, allow(LOGIN))
    by_the_repository(lab, *PULL)


DRILL = Drill(
    id="d03",
    kind="write the smallest thing that works",
    level="M",
    lesson="06",
    situation="A server of Harbour Bikes, the user `runner`, must pull `shop/orders` and nothing else: not the "
    "payments image, not the list of images, and it never pushes.",
    question="Say the policy aloud. What can you not narrow, and is that a risk?",
    points=(
        Point(
            "two",
            "`BatchGetImage` for the manifest and `GetDownloadUrlForLayer` for the layers, on the repository's ARN.",
            FollowUp(
                "Only the second of the two is missing. How far does the pull get, and what does docker print?",
                "The manifest comes; the first blob, the image's configuration, is refused: `error pulling image "
                "configuration: … denied: … ecr:GetDownloadUrlForLayer …`.",
            ),
        ),
        Point(
            "login",
            "`GetAuthorizationToken` with Resource `*`: it has no resource type, so a repository's ARN grants nothing.",
            FollowUp(
                "An example in AWS's own guide puts it under `repository/*`. What happens then?",
                "That statement does not grant the login. The action is asked about `*`, and only a statement whose "
                "Resource matches `*` answers.",
            ),
        ),
        Point(
            "alone",
            "The login alone opens nothing: every later request is decided by the caller's permissions.",
            FollowUp(
                "You remove the pull permissions while a token is nine hours old. When does the pull stop?",
                "With the next request: the token says who is calling, and permissions are checked each time.",
            ),
        ),
        Point(
            "nocheck",
            "`BatchCheckLayerAvailability` is not needed: only a push asks for it.",
            FollowUp(
                "Then why do so many pull policies include it?",
                "They were copied from one another. AWS's managed PullOnly policy does not have it. It does little "
                "harm, but it is not the smallest.",
            ),
        ),
    ),
    beyond=FollowUp(
        "Why not simply attach `AmazonEC2ContainerRegistryPullOnly`?",
        "It opens every repository of the account. For nodes that run anything that is fine; for this request it is "
        "not.",
    ),
    model="Two statements. `ecr:BatchGetImage` and `ecr:GetDownloadUrlForLayer` on the ARN of `shop/orders`. And "
    "`ecr:GetAuthorizationToken` on `*`, which cannot be narrowed, because no repository is part of that question. "
    "That is not a risk by itself: a login says who is calling, and each later request is decided again.",
    weak="“`ecr:Get*` on the repository.” No login, because that action is not about any repository; and no manifest, "
    "because `BatchGetImage` begins with Batch.",
    task="Give `runner` exactly that, in any way you like, and have it judged. `aws iam put-user-policy --user-name "
    "runner --policy-name pull --policy-document file://pull.json` is one way.",
    seconds=180,
    hints=(
        "Three actions in all, and two different Resources.",
        "The login has its own statement, with Resource `*`. The other two name "
        "`arn:aws:ecr:us-east-1:777788889999:repository/shop/orders`: `repository/` belongs here, but not in image "
        "names.",
    ),
    misconceptions=("login-can-be-scoped", "check-is-pull", "repo-policy-gives-login", "wide-is-fixed"),
    sources=(
        "AWS: managed policy AmazonEC2ContainerRegistryPullOnly",
        "AWS: Service Authorization Reference, Amazon ECR",
        "AWS: Amazon ECR User Guide, repository policies",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    accepts=(
        Attempt("an inline policy", lambda lab: put(lab, allow(LOGIN), allow(list(PULL), arn(NAME)))),
        Attempt("a policy of a group", in_a_group),
        Attempt("the login by IAM, the pull by the repository", login_and_repository_policy),
    ),
    rejects=(
        Attempt(
            "all on the repository",
            lambda lab: put(lab, allow([LOGIN, *PULL], arn(NAME))),
            misconception="login-can-be-scoped",
            says="there is no login",
        ),
        Attempt(
            "all in the repository's policy",
            lambda lab: by_the_repository(lab, "ecr:GetAuth*", *PULL),  # by its name ECR refuses it
            misconception="login-can-be-scoped",
            says="there is no login",
        ),
        Attempt(
            "the push's question too",
            lambda lab: put(lab, allow(LOGIN), allow([*PULL, "ecr:BatchCheckLayerAvailability"], arn(NAME))),
            misconception="check-is-pull",
            says="a pull or a push",
        ),
        Attempt(
            "AWS's own policy",
            lambda lab: lab.client("iam").attach_user_policy(UserName="runner", PolicyArn=MANAGED),
            misconception="wide-is-fixed",
            says="so does more",
        ),
        Attempt(
            "a star at the end",
            lambda lab: put(lab, allow(LOGIN), allow(list(PULL), arn(NAME + "*"))),
            misconception="wide-is-fixed",
            says="on `shop/orders-archive`",
        ),
        Attempt(
            "in every Region",
            lambda lab: put(lab, allow(LOGIN), allow(list(PULL), f"arn:aws:ecr:*:{ACCOUNT}:repository/{NAME}")),
            misconception="wide-is-fixed",
            says="on `shop/orders` in eu-west-1",
        ),
        Attempt(
            "ecr:Get* on the repository",
            lambda lab: put(lab, allow(LOGIN), allow("ecr:Get*", arn(NAME))),
            misconception="left-out",
            says="ecr:BatchGetImage",
        ),
    ),
    people=("runner",),
)
