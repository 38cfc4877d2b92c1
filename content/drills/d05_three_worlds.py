"""Drill d05: three worlds, who may pull. Q120, Q125, Q118."""

# E125 I014: same account either side, across accounts both; I011: naming the account delegates; E126: the login comes
# from the identity side; I009: union inside an account; iam.md 2.2: a boundary and whom the policy names.

from __future__ import annotations

from typing import Any

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN, PULL
from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import ACCOUNT, OTHER, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Attempt, Drill, Finding, Findings

WORLDS = ("one", "two", "three")
NAMED = {
    "one": f"arn:aws:iam::{ACCOUNT}:user/x",
    "two": f"arn:aws:iam::{OTHER}:user/y",
    "three": f"arn:aws:iam::{ACCOUNT}:root",
}
WHO = {"one": "user/x", "two": f"{OTHER}:user/y", "three": "user/x"}
TRUE = {"one": "yes", "two": "no", "three": "no"}
SHOWN = {"one": "not-allowed-is-forbidden", "two": "one-side-is-enough", "three": "root-means-everybody"}


def prepare(lab: DrillLab) -> None:
    lab.person("x", allow(LOGIN))
    lab.person("y", allow(LOGIN), account=OTHER)
    for world in WORLDS:
        lab.repository(f"world/{world}")
        lab.push(f"world/{world}", "1", world.encode())
        statement = {"Effect": "Allow", "Principal": {"AWS": NAMED[world]}, "Action": list(PULL)}
        lab.client("ecr").set_repository_policy(repositoryName=f"world/{world}", policyText=policy(statement))


def _pulls(lab: DrillLab, world: str) -> bool:
    return not lab.refused(WHO[world], (*PULL,), arn(f"world/{world}")) and lab.may((WHO[world], LOGIN, "*"))[0]


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    said = {world: findings.get(world, "") for world in WORLDS}
    works = _pulls(lab, "two")
    if not any(said.values()) and not works:
        return untouched("Three verdicts to give, and one world to fix.")
    wrong = [world for world in WORLDS if said[world] != TRUE[world]]
    if wrong:
        world = wrong[0]
        what = {
            "one": "The owner's own user is named, and inside one account either side is enough: nothing is missing.",
            "two": "The repository's side says yes to y. y belongs to another account; who answers there, and what?",
            "three": "The statement names the account. That lets the account's own policies decide; what do x's say?",
        }[world]
        return not_yet(
            f"World {world}, as it was built, before any change: you said “{said[world] or 'nothing'}”. IAM decided "
            f"otherwise. {what}",
            SHOWN[world],
        )
    if _pulls(lab, "three") or not _pulls(lab, "one"):
        return not_yet("World one or three is no longer what it was: build the state again.", "left-out")
    if not works:
        return not_yet(
            "All three verdicts are right. World two still ends with a refusal: one of the two accounts says nothing "
            "about this pull, and a wider policy in the other one does not speak for it.",
            "one-side-is-enough",
        )
    more = lab.allowed(WHO["two"], (*DOCKER_PUSH, "ecr:DeleteRepository"), arn("world/two"))
    more += lab.allowed(WHO["two"], PULL, arn("anything", account=OTHER))
    if more:
        return not_yet(
            f"World two pulls, and y may do more than that: {', '.join(sorted(set(more))[:3])}.", "wide-is-fixed"
        )
    return passed("All three predicted, and world two pulls: both accounts say yes, to this repository only.")


def fix(lab: DrillLab, *statements: dict[str, Any]) -> None:
    lab.client("iam", "other").put_user_policy(UserName="y", PolicyName="pull", PolicyDocument=policy(*statements))


def fix_exactly(lab: DrillLab) -> None:
    fix(lab, allow(list(PULL), arn("world/two")))


def fix_by_group(lab: DrillLab) -> None:
    iam = lab.client("iam", "other")
    iam.create_group(GroupName="pullers")
    document = policy(allow(list(PULL), arn("world/*")))
    iam.put_group_policy(GroupName="pullers", PolicyName="pull", PolicyDocument=document)
    iam.add_user_to_group(GroupName="pullers", UserName="y")


def widen_the_repository(lab: DrillLab) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "ecr:*"}
    lab.client("ecr").set_repository_policy(repositoryName="world/two", policyText=policy(statement))


def widen_both(lab: DrillLab) -> None:
    widen_the_repository(lab)
    fix(lab, allow("ecr:*"))


DRILL = Drill(
    id="d05",
    kind="predict the verdict",
    level="S",
    lesson="06",
    situation=f"Account {ACCOUNT} owns three repositories. Each has a policy with the two pull actions. `world/one` "
    f"names the owner's user x. `world/two` names the user y of account {OTHER}. `world/three` names the owner's "
    "account itself (`…:root`). x and y may log in, and have no other permission.",
    question="Does x pull `world/one`? Does y pull `world/two`? Does x pull `world/three`? Say why each time.",
    points=(
        Point(
            "same",
            "Inside one account either side is enough: the repository's policy may grant alone.",
            FollowUp(
                "x gets a boundary that names no ECR action. What changes in world one?",
                "The repository's own yes stands, because it names the user itself. But the login is capped by the "
                "boundary, so the pull ends one step earlier. For a role named there, the boundary would limit the "
                "pull too.",
            ),
        ),
        Point(
            "across",
            "Across accounts both must allow: the owner's repository and the caller's identity.",
            FollowUp(
                "Which of the two sides do you read first, and where do you see which one refused?",
                "The ending of the refusal: `no identity-based policy` is the caller's account, `no resource-based "
                "policy` is the owner's.",
            ),
        ),
        Point(
            "account",
            "Naming the account lets it delegate; it lets nobody in by itself.",
            FollowUp(
                "What would make x pull `world/three`, without a change to the repository policy?",
                "An Allow for the two actions on it in x's own policies: then the account has delegated.",
            ),
        ),
        Point(
            "login",
            "The login always comes from the identity-based side; a repository policy (resource-based) cannot grant "
            "it.",
            FollowUp(
                "Why can it not?",
                "`GetAuthorizationToken` is not about any repository, so no repository policy is looked at.",
            ),
        ),
    ),
    beyond=FollowUp(
        "The owner writes a Deny for y into the policy of `world/two`, and y is an administrator at home. What then?",
        "Refused. A matching Deny in any of the policies involved is final (an explicit deny), whoever allows.",
    ),
    model="World one: yes. Owner and caller are one account, and there the repository's policy is enough. World two: "
    "no, not yet. Across accounts both sides must say yes, and y's own account says nothing. World three: no. Naming "
    "the account passes the decision to its IAM, and x has no policy for it.",
    weak="“Both policies are always needed”, or “the more specific one wins”. The first is true across accounts "
    "only; the second is true nowhere: a Deny beats an Allow, and no policy is nearer than another.",
    task="Type the three verdicts. Then make `world/two` work by a change on one side only, the side that is silent; "
    "the profile `other` is an administrator there.",
    seconds=150,
    findings=tuple(Finding(world, f"World {world}, as it was built: a pull", ("yes", "no")) for world in WORLDS),
    hints=(
        "For each world ask twice: what does the caller's account say, and what does the repository say? In which "
        "world do the two belong to different accounts?",
        "y lacks an Allow at home: the two pull actions on "
        f"`{arn('world/two')}`, put there with `aws iam put-user-policy --profile other`.",
    ),
    misconceptions=("one-side-is-enough", "root-means-everybody", "specific-wins", "not-allowed-is-forbidden"),
    sources=(
        "AWS: IAM User Guide, policy evaluation logic; cross-account policy evaluation",
        "AWS: Amazon ECR User Guide, repository policies",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    accepts=(
        Attempt("an inline policy of y", fix_exactly, TRUE),
        Attempt("a policy of y's group", fix_by_group, TRUE),
    ),
    rejects=(
        Attempt(
            "across by one side",
            fix_exactly,
            {**TRUE, "two": "yes"},
            misconception="one-side-is-enough",
            says="World two",
        ),
        Attempt(
            "the account is everybody",
            fix_exactly,
            {**TRUE, "three": "yes"},
            misconception="root-means-everybody",
            says="World three",
        ),
        Attempt(
            "both sides always",
            fix_exactly,
            {**TRUE, "one": "no"},
            misconception="not-allowed-is-forbidden",
            says="World one",
        ),
        Attempt(
            "the open side opened wider",
            widen_the_repository,
            TRUE,
            misconception="one-side-is-enough",
            says="does not speak for it",
        ),
        Attempt("everything", widen_both, TRUE, misconception="wide-is-fixed", says="more than that"),
    ),
    people=("x", "y"),
)
