"""Drill d30: four tasks that did not start, by four causes. What a learner reads is in d30.md."""

from __future__ import annotations

import json
from typing import Any

from ecrlab.engine.hello_program import waiting_program
from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import FULL_ACCESS, as_words
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.fargate import address, other, processor, put_program, recipe, run
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

CLUSTER = "shop"
NAMES = ("north", "south", "east", "west")
CAUSES = {
    "one": {"north": "platform", "south": "denied", "east": "unreachable", "west": "missing"},
    "two": {"north": "missing", "south": "unreachable", "east": "denied", "west": "platform"},
}
NOWHERE = "registry.harbour-bikes.example"


def prepare(lab: DrillLab) -> None:
    """Make a repository, a role and a stopped task for each of the four."""
    ecs = lab.client("ecs")
    ecs.create_cluster(clusterName=CLUSTER)
    cpu = processor(lab)
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    for name, cause in CAUSES[lab.seed].items():
        repository = f"shop/{name}"
        lab.repository(repository)
        for_it = other(cpu) if cause == "platform" else cpu
        put_program(lab, repository, "2.0" if cause == "missing" else "2.1", waiting_program(for_it), for_it, name)
        text = json.dumps({"Version": VERSION, "Statement": [trust]})
        lab.client("iam").create_role(RoleName=role(name), AssumeRolePolicyDocument=text)
        pulls = "shop/nothing" if cause == "denied" else repository
        put_on(lab, name, allow(LOGIN), allow(list(PULL), arn(pulls)))
        image = f"{NOWHERE}/{repository}:2.1" if cause == "unreachable" else address(f"{repository}:2.1", ACCOUNT)
        made = recipe(name, image, {"execution": role(name), "task": role(name)}, cpu, ACCOUNT)
        del made["taskRoleArn"]
        ecs.register_task_definition(**made)
    for name in NAMES:
        run(ecs, CLUSTER, name)


def role(name: str) -> str:
    """Return the execution role of a page."""
    return f"{name}-execution"


def put_on(lab: DrillLab, name: str, *statements: dict[str, Any]) -> None:
    """Write the policy `work` of a page's execution role."""
    lab.client("iam").put_role_policy(RoleName=role(name), PolicyName="work", PolicyDocument=policy(*statements))


def of(seed: str, cause: str) -> str:
    """Return the page that has this cause."""
    return next(name for name, each in CAUSES[seed].items() if each == cause)


def wanted(seed: str) -> Wanted:
    """Return what is to be open: each role pulls its own page, as all but one do already."""
    who = tuple(f"{ACCOUNT}:role/{role(name)}" for name in NAMES)
    asked = tuple(Grant(PULL, arn(f"shop/{name}"), who=one) for name, one in zip(NAMES, who, strict=True))
    before = Grant(PULL, arn("shop/nothing"), who=f"{ACCOUNT}:role/{role(of(seed, 'denied'))}")
    return Wanted(who, (*asked, *(Grant(LOGIN, who=one) for one in who)), passes=before)


class Seen:
    """Which role may fetch what, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        causes = CAUSES[lab.seed]
        self.denied = of(lab.seed, "denied")
        typed = {name: findings.get(name, "") for name in NAMES}
        self.typed = any(typed.values())
        self.missing = as_words([name for name in NAMES if not typed[name]])
        wrong = [name for name in NAMES if typed[name] and typed[name] != causes[name]]
        self.wrong = as_words([f"`{name}`" for name in wrong])
        self.timeout_as_denied = typed[of(lab.seed, "unreachable")] == "denied"
        self.missing_as_denied = typed[of(lab.seed, "missing")] == "denied"
        self.fit = sum(1 for name in NAMES if typed[name] == causes[name])
        self.shut = bool(lab.refused(f"role/{role(self.denied)}", PULL, arn(f"shop/{self.denied}")))
        self.refused = as_words([name for name in NAMES if name != self.denied and not may(lab, name)])
        extra = beyond(lab, wanted(lab.seed))
        self.wider, self.known = extra.wider, extra.verdict != "cannot tell"
        self.surplus, self.why = extra.text, extra.why


def may(lab: DrillLab, name: str) -> bool:
    """Tell whether a page's role may pull it."""
    who = f"role/{role(name)}"
    return not (lab.refused(who, PULL, arn(f"shop/{name}")) or lab.refused(who, (LOGIN,), "*"))


def judge(seen: Seen) -> str:
    """Return the verdict's name in d30.md: what is open, then the four causes."""
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if seen.refused:
        return "lost"
    if seen.shut:
        return "not-fixed" if seen.typed else "untouched"
    if seen.missing:
        return "not-typed"
    if seen.timeout_as_denied:
        return "timeout-denied"
    if seen.missing_as_denied:
        return "missing-denied"
    return "wrong-cause" if seen.wrong else "passed"


def fix(lab: DrillLab, name: str = "") -> None:
    """Let a page's role pull it: by default the one that was refused."""
    name = name or of(lab.seed, "denied")
    put_on(lab, name, allow(LOGIN), allow(list(PULL), arn(f"shop/{name}")))


def every_page(lab: DrillLab) -> None:
    """Let the role pull all pages."""
    put_on(lab, of(lab.seed, "denied"), allow(LOGIN), allow(list(PULL), arn("shop/*")))


def full_access(lab: DrillLab) -> None:
    """Attach a wide policy to the role of the page that was not reached."""
    policy_arn = f"arn:aws:iam::aws:policy/{FULL_ACCESS}"
    lab.client("iam").attach_role_policy(RoleName=role(of(lab.seed, "unreachable")), PolicyArn=policy_arn)


def taken_away(lab: DrillLab) -> None:
    """Fix the one, and write another role's policy without its pull."""
    fix(lab)
    put_on(lab, of(lab.seed, "missing"), allow(LOGIN))


def tagged(lab: DrillLab) -> None:
    """Fix it, with a statement beside it whose resource a tag decides."""
    name = of(lab.seed, "denied")
    mine = arn("${aws:ResourceTag/app}")
    put_on(lab, name, allow(LOGIN), allow(list(PULL), arn(f"shop/{name}")), allow(list(PULL), mine))


def exchanged(seed: str, one: str, two: str) -> dict[str, str]:
    """Return the causes of a seed, with two of them exchanged."""
    swap = {one: two, two: one}
    return {name: swap.get(cause, cause) for name, cause in CAUSES[seed].items()}


def but(seed: str, cause: str, said: str) -> dict[str, str]:
    """Return the causes of a seed, with another one typed for the page that has this one."""
    return {**CAUSES[seed], of(seed, cause): said}


TRIES = {
    "passed": {
        "all four": attempt(CAUSES["one"], fix, seed="one"),
        "all four, in the other state": attempt(CAUSES["two"], fix, seed="two"),
    },
    "not-fixed": {
        "named alone": attempt(CAUSES["one"], seed="one"),
        "the wrong role fixed": attempt(CAUSES["two"], lambda lab: fix(lab, "north"), seed="two"),
    },
    "wider": {
        "all pages": attempt(CAUSES["one"], every_page, seed="one"),
        "all of ECR for a timeout": attempt(CAUSES["two"], (fix, full_access), seed="two"),
    },
    "cannot-tell": {"a tag decides": attempt(CAUSES["one"], tagged, seed="one")},
    "lost": {"another role's pull": attempt(CAUSES["one"], taken_away, seed="one")},
    "not-typed": {"fixed in silence": attempt({}, fix, seed="two")},
    "timeout-denied": {
        "no answer for no": attempt(but("one", "unreachable", "denied"), fix, seed="one"),
        "the other state's causes": attempt(CAUSES["one"], fix, seed="two"),
    },
    "missing-denied": {"not found for denied": attempt(exchanged("two", "missing", "denied"), fix, seed="two")},
    "wrong-cause": {
        "the platform taken for a missing tag": attempt(exchanged("one", "platform", "missing"), fix, seed="one")
    },
}
