"""Drill d04: a refused push, read aloud; one of four causes. Q130, Q138, Q141."""

# err 9 10 27 and the endings of IAM's refusals (I051 ff.); I005 I008: what limits and what beats what;
# I023: rights are looked at with every request, so a new login fixes nothing; E071: the push's actions.

from __future__ import annotations

import re
from typing import Any

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN
from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Attempt, Drill, Finding, Findings

WHO, NAME, NEIGHBOUR, RELEASES = "user/ci", "shop/orders", "shop/payments", "prod/orders"
CAUSES = {
    "region": "the policy names another Region",
    "name": "the policy names another repository",
    "deny": "a Deny of the group stands in the way",
    "boundary": "the permissions boundary leaves the push out",
}
NOBODY = "ci has no policy at all"
TELLING = {
    "region": "eu-west-1",
    "name": r"shop/order(?![\w-])",
    "deny": 'explicit deny|"deny"|nobodypushesreleases',
    "boundary": "permissions boundary|ci-limits",
}
PUSHING = allow(list(DOCKER_PUSH), arn(NAME))


def prepare(lab: DrillLab) -> None:
    for name in (NAME, NEIGHBOUR, RELEASES):
        lab.repository(name)
    statements = {
        "region": [allow(LOGIN), allow(list(DOCKER_PUSH), arn(NAME, "eu-west-1"))],
        "name": [allow(LOGIN), allow(list(DOCKER_PUSH), arn("shop/order"))],
        "deny": [allow(LOGIN), allow(list(DOCKER_PUSH), [arn(NAME), arn(RELEASES)])],
        "boundary": [allow(LOGIN), allow("ecr:*", arn(NAME))],
    }
    lab.person("ci", *statements[lab.seed])
    iam = lab.client("iam")
    iam.create_group(GroupName="robots")
    iam.add_user_to_group(GroupName="robots", UserName="ci")
    if lab.seed == "deny":
        document = policy(
            {"Sid": "NobodyPushesReleases", "Effect": "Deny", "Action": list(DOCKER_PUSH), "Resource": arn("*")}
        )
        iam.put_group_policy(GroupName="robots", PolicyName="guard", PolicyDocument=document)
    if lab.seed == "boundary":
        limits = policy(allow([LOGIN, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]))
        made = iam.create_policy(PolicyName="ci-limits", PolicyDocument=limits)["Policy"]["Arn"]
        iam.put_user_permissions_boundary(UserName="ci", PermissionsBoundary=made)


def _opened_too_far(lab: DrillLab) -> list[str]:
    """Return in words what ci may do that the fix had no reason to open."""
    asked = [
        (WHO, action, arn(name))
        for name in (NEIGHBOUR, RELEASES)
        for action in (*DOCKER_PUSH, "ecr:DeleteRepository", "ecr:BatchDeleteImage", "ecr:SetRepositoryPolicy")
    ]
    asked += [
        (WHO, action, arn(NAME))
        for action in ("ecr:DeleteRepository", "ecr:BatchDeleteImage", "ecr:SetRepositoryPolicy")
    ]
    asked += [(WHO, action, "*") for action in ("ecr:DescribeRegistry", "ecr:PutRegistryPolicy", "iam:ListUsers")]
    answers = lab.may(*asked)
    return [f"{what} on {where}" for (_, what, where), allowed in zip(asked, answers, strict=True) if allowed]


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    refused = lab.refused(WHO, DOCKER_PUSH, arn(NAME))
    cause, proof = findings.get("cause", ""), findings.get("proof", "")
    if refused and not cause and not proof.strip():
        return untouched(f"ci may not push yet: `{refused[0]}` is refused.")
    if refused and "ecr:InitiateLayerUpload" not in refused:
        return not_yet(
            f"The action in the refusal is allowed now, but `{refused[0]}` is refused. A refusal names only the next "
            "action; which others does a push ask for?",
            "putimage-is-push",
        )
    if refused:
        return not_yet(
            f"A push as ci still ends at `{refused[0]}`. Permissions are checked with every request, so neither "
            f"another login nor another try changes that.",
            "retry-fixes",
        )
    if not lab.may((WHO, LOGIN, "*"))[0]:
        return not_yet(
            "The push is allowed now, but the login is not, and a push begins with it.", "login-needs-no-right"
        )
    iam = lab.client("iam")
    if lab.seed == "deny":
        guarded = lab.decisions([(WHO, action, arn(RELEASES)) for action in DOCKER_PUSH])
        if any(each["verdict"] != "ExplicitlyDenied" for each in guarded):
            return not_yet(
                "The push works. The Deny was written so that nobody pushes releases (its Sid says so), and now "
                f"`{RELEASES}` is no longer guarded. It named too much; it was not wrong.",
                "allow-beats-deny",
            )
    if lab.seed == "boundary" and "PermissionsBoundary" not in iam.get_user(UserName="ci")["User"]:
        return not_yet(
            "The push works, because the boundary is gone: with it went the limit on everything else that ci's policy "
            "names. A boundary grants nothing; it has to let the push through.",
            "boundary-grants",
        )
    more = _opened_too_far(lab)
    if more:
        return not_yet(f"The push works, and so does what nobody asked for: {'; '.join(more[:3])}.", "wide-is-fixed")
    if cause != CAUSES[lab.seed]:
        return not_yet(
            f"The push works. The cause you named, “{cause or 'none'}”, is not the one that was there. It works, but "
            f"the reason given is not the cause: read the refusal once more; the state can be built again.",
            "last-line-is-cause",
        )
    if not re.search(TELLING[lab.seed], proof.lower()):
        return not_yet(
            "Cause and fix are right. The words you copied as proof do not show this cause: copy the part of the "
            "refusal or of the policy that rules the other causes out.",
            "claims-without-showing",
        )
    return passed("Cause named, shown and fixed; everything else is as closed as before.")


def work(lab: DrillLab, *statements: dict[str, Any]) -> None:
    lab.client("iam").put_user_policy(UserName="ci", PolicyName="work", PolicyDocument=policy(*statements))


def right_policy(lab: DrillLab) -> None:
    work(lab, allow(LOGIN), PUSHING)


def narrow_the_deny(lab: DrillLab) -> None:
    document = policy(
        {"Sid": "NobodyPushesReleases", "Effect": "Deny", "Action": list(DOCKER_PUSH), "Resource": arn("prod/*")}
    )
    lab.client("iam").put_group_policy(GroupName="robots", PolicyName="guard", PolicyDocument=document)


def widen_the_boundary(lab: DrillLab) -> None:
    iam = lab.client("iam")
    limits = policy(allow([LOGIN, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", *DOCKER_PUSH]))
    iam.create_policy_version(
        PolicyArn=f"arn:aws:iam::{lab.account}:policy/ci-limits", PolicyDocument=limits, SetAsDefault=True
    )


def power_user(lab: DrillLab) -> None:
    arn_of = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
    lab.client("iam").attach_user_policy(UserName="ci", PolicyArn=arn_of)


DRILL = Drill(
    id="d04",
    kind="diagnose aloud",
    level="M",
    lesson="06",
    situation="The push of `shop/orders` works from Dara's laptop. In CI the same script ends with `denied: User: … "
    "is not authorized to perform: ecr:InitiateLayerUpload on resource: …`; the log cut off the rest.",
    question="“I share my screen. What do you want to see, in which order, and what does each answer rule out?”",
    points=(
        Point(
            "who",
            "The ARN in the text first: who called? Not who I think called.",
            FollowUp(
                "How do you see it without the log?",
                "`aws sts get-caller-identity`, in the job itself: same environment, same profile.",
            ),
        ),
        Point(
            "what",
            "Then the resource: Region, account, repository, letter by letter, next to the policy's ARN.",
            FollowUp(
                "The policy names `shop/order*`. Does it match `shop/orders`, and what else?",
                "It does, and `shop/order-archive` too: a star is any text, not a word.",
            ),
        ),
        Point(
            "ending",
            "Then the ending: an implicit deny (nobody allows it), an explicit deny, or a limit such as a boundary; "
            "it names the kind of policy.",
            FollowUp(
                "It ends `with an explicit deny in an identity-based policy`. Does one more Allow help?",
                "No. A Deny that matches beats every Allow, wherever each is written. Find the Deny, ask what it "
                "protects, and narrow it.",
            ),
        ),
        Point(
            "whole",
            "Only then the policy, and the whole set of push actions at once.",
            FollowUp(
                "After your fix the next line says `ecr:UploadLayerPart`. What does that tell you about the fix?",
                "That one action was added, and the push went on to the next: grant the whole push set, not one by "
                "one.",
            ),
        ),
    ),
    beyond=FollowUp(
        "How would you have caught this before the release?",
        "Ask IAM without pushing: the policy simulator, or a push of a throwaway tag as the job's own identity, in "
        "the pipeline that changes the policy.",
    ),
    model="I read the refusal whole, from left to right. Who: the ARN, because the laptop is Dara and the job is ci. "
    "What: the repository's ARN with Region and account. Why: the ending says whether nobody allows it, somebody "
    "denies it, or a limit leaves it out. Then I open that policy alone, fix that one line, and check that nothing "
    "else opened.",
    weak="“Log in again”, or “give it PowerUser and see”. The refusal came after the login, so the login was fine; "
    "and a wide policy may hide the cause, or not help at all against a Deny.",
    task="In this account ci's push of `shop/orders` is refused, for one of the causes below. Get the whole refusal (a "
    "push as `ci`, or `aws ecr initiate-layer-upload --repository-name shop/orders --profile ci`), name the cause, "
    "copy the words that prove it, and fix it as `admin`, without opening anything else.",
    seconds=180,
    findings=(
        Finding("cause", "The cause", (*CAUSES.values(), NOBODY)),
        Finding("proof", "The words that prove it, copied"),
    ),
    hints=(
        "Compare the resource in the refusal with the Resource in ci's policy, character by character. If they "
        "match, the ending of the refusal names another kind of policy.",
        "`aws iam get-user-policy --user-name ci --policy-name work`; groups: `list-groups-for-user`, "
        "`get-group-policy`; boundary: `get-user`. One of these has the line you need.",
    ),
    misconceptions=(
        "last-line-is-cause",
        "wide-is-fixed",
        "allow-beats-deny",
        "boundary-grants",
        "retry-fixes",
        "putimage-is-push",
    ),
    sources=(
        "AWS: IAM User Guide, troubleshooting access denied errors; policy evaluation logic",
        "AWS: Amazon ECR User Guide, IAM permissions for pushing an image",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    seeds=tuple(CAUSES),
    accepts=(
        Attempt(
            "the Region", right_policy, {"cause": CAUSES["region"], "proof": arn(NAME, "eu-west-1")}, seed="region"
        ),
        Attempt("the name", right_policy, {"cause": CAUSES["name"], "proof": 'repository/shop/order"'}, seed="name"),
        Attempt(
            "the name, refusal and policy side by side",
            right_policy,
            {"cause": CAUSES["name"], "proof": f"refused: {arn(NAME)}, the policy has {arn('shop/order')}"},
            seed="name",
        ),
        Attempt(
            "the Deny shown by its Sid",
            narrow_the_deny,
            {"cause": CAUSES["deny"], "proof": "Sid NobodyPushesReleases, in the group's policy guard"},
            seed="deny",
        ),
        Attempt(
            "the Deny narrowed",
            narrow_the_deny,
            {"cause": CAUSES["deny"], "proof": "with an explicit deny in an identity-based policy"},
            seed="deny",
        ),
        Attempt(
            "the boundary opened for a push",
            widen_the_boundary,
            {"cause": CAUSES["boundary"], "proof": "because no permissions boundary allows"},
            seed="boundary",
        ),
    ),
    rejects=(
        Attempt(
            "logged in again",
            lambda lab: lab.client("ecr", "ci").get_authorization_token(),
            {"cause": NOBODY, "proof": "denied"},
            seed="region",
            misconception="retry-fixes",
            says="another login",
        ),
        Attempt(
            "only the action in the refusal",
            lambda lab: work(lab, allow(LOGIN), allow("ecr:InitiateLayerUpload", arn(NAME))),
            {"cause": CAUSES["region"], "proof": "eu-west-1"},
            seed="region",
            misconception="putimage-is-push",
            says="names only the next action",
        ),
        Attempt(
            "PowerUser",
            power_user,
            {"cause": CAUSES["region"], "proof": "eu-west-1"},
            seed="region",
            misconception="wide-is-fixed",
            says="nobody asked for",
        ),
        Attempt(
            "PowerUser against a Deny",
            power_user,
            {"cause": NOBODY, "proof": "denied"},
            seed="deny",
            misconception="retry-fixes",
            says="still ends at",
        ),
        Attempt(
            "the Deny removed",
            lambda lab: lab.client("iam").delete_group_policy(GroupName="robots", PolicyName="guard"),
            {"cause": CAUSES["deny"], "proof": "explicit deny"},
            seed="deny",
            misconception="allow-beats-deny",
            says="no longer guarded",
        ),
        Attempt(
            "the boundary removed",
            lambda lab: lab.client("iam").delete_user_permissions_boundary(UserName="ci"),
            {"cause": CAUSES["boundary"], "proof": "permissions boundary"},
            seed="boundary",
            misconception="boundary-grants",
            says="the boundary is gone",
        ),
        Attempt(
            "fixed by luck",
            right_policy,
            {"cause": CAUSES["region"], "proof": "eu-west-1"},
            seed="name",
            misconception="last-line-is-cause",
            says="the reason given is not the cause",
        ),
        Attempt(
            "no proof",
            right_policy,
            {"cause": CAUSES["name"], "proof": "shop/orders"},
            seed="name",
            misconception="claims-without-showing",
            says="do not show this cause",
        ),
    ),
    people=("ci",),
)
