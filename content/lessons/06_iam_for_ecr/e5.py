"""06-e5: Dara's policy, from a goal. What a learner reads is in e5.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ecrlab.policy.sets import DOCKER_PUSH, PULL, PUSH
from ecrlab.policy.sets import LOGIN as LOGIN_ACTION
from ecrlab_course.authoring import Lab, Sentence, as_words
from ecrlab_course.authoring.beyond import Grant, Wanted

from .state import (
    APP,
    BILLING,
    LOGIN,
    PLAYGROUND,
    Rights,
    allow,
    arn,
    attach,
    attach_own,
    document,
    e5_policy,
    fence,
    give,
    in_vain,
    let,
    may,
    misshapen,
    operators,
    own_policy,
    own_rights,
    remove_unused,
    share,
    short,
    texts_of,
    tries,
    user_arn,
)

FOLDER, MAPS = "dev/*", "dev/maps"
CHECK = PUSH[0]
LISTS = ("ecr:List*", "ecr:Describe*")
WANTED = Wanted(
    "developer",
    (Grant(LOGIN_ACTION), Grant((*DOCKER_PUSH, *PULL), arn(FOLDER)), Grant(PULL, arn(APP))),
    passes=(Grant(LISTS, (arn(FOLDER), arn(APP))), Grant(CHECK, arn(APP))),
    doors=(arn(APP), arn(PLAYGROUND)),
)
NEEDED = {
    "login": ((LOGIN_ACTION, "*"),),
    "push_today": tuple((action, arn(PLAYGROUND)) for action in DOCKER_PUSH),
    "push_later": tuple((action, arn(MAPS)) for action in DOCKER_PUSH),
    "pull_later": tuple((action, arn(MAPS)) for action in PULL),
    "pull_app": tuple((action, arn(APP)) for action in PULL),
}
"""What hint 1 asks IAM about her."""


REFUSED = {"AccessDenied": Sentence("only-admin"), "NoSuchEntity": Sentence("no-such-user")}
"""What is said of an error of IAM."""


class Seen(Rights):
    """What Dara may do, beyond and short of what she needs, and what she holds."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, "developer", WANTED)
        asked = may(lab, [("developer", *each) for questions in NEEDED.values() for each in questions])
        self.allowed = {question[1:] for question, yes in asked.items() if yes}
        found = {name: "yes" if self.allowed.issuperset(each) else "no" for name, each in NEEDED.items()}
        self.login, self.push_today, self.push_later = found["login"], found["push_today"], found["push_later"]
        self.pull_later, self.pull_app = found["pull_later"], found["pull_app"]
        self.not_action = any("NotAction" in one and one.get("Effect") == "Allow" for one in texts_of(self.held))
        lacking = [(each["action"], each["resource"].rpartition("repository/")[2]) for each in self.missing]
        self.still = as_words(
            [short(action) if on == "*" else f"{short(action)} on {on}" for action, on in lacking[:3]]
        )
        self.as_before = not (self.held["attached"] or self.held["inline"] or self.held["groups"] or self.boundary)
        self.refused_why = REFUSED.get(self.not_taken, Sentence("not-read"))
        self.near = Sentence("near" if self.statement else "no-statement")
        self.beside = Sentence("beside") if self.also_wider else ""


def _asked(action: str, resource: str) -> str:
    """Return a question to IAM in short: what is in dev/ is asked about twice, of today's names and of one to come."""
    if resource == "*":
        return short(action)
    name = resource.rpartition("repository/")[2]
    return f"{short(action)} on {'dev/…' if name.startswith('dev/') else name}"


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md: what she lacks and why, then what she may do beyond it."""
    if seen.missing:
        return _lacking(seen)
    if seen.wider:
        return _wider(seen)
    if seen.unsure:
        return "cannot-tell"
    return "held-back" if seen.remark else "passed"


def _wider(seen: Seen) -> str:
    """Return what kind of surplus it is."""
    if seen.who != "user/developer":
        return "others-let-in"
    if seen.ready:
        return "ready-made"
    if seen.not_action:
        return "everything-but"
    return "prefix-without-slash" if re.match(r"dev[^/ ]", seen.on) else "wider"


def _lacking(seen: Seen) -> str:
    """Return why the first thing that she needs is refused, by IAM's decision record."""
    no = seen.refusal
    if no.kind == "explicit deny":
        return "denied"
    if no.kind == "boundary":
        return "fenced"
    if no.kind == "condition":
        return "condition"
    if no.invented:
        return "no-such-action"
    if seen.thing.startswith("dev/") and (no.action, arn(PLAYGROUND)) in seen.allowed:
        return "only-todays"
    if no.kind == "resource":
        return _elsewhere(seen)
    if seen.boundary:
        return "fence-alone"
    if seen.as_before:
        return _no_policy(seen)
    if no.action == LOGIN_ACTION:
        return "login-left-out"
    if ("ecr:PutImage", no.resource) in seen.allowed and no.action in DOCKER_PUSH:
        return "putimage-alone"
    return "incomplete"


def _elsewhere(seen: Seen) -> str:
    """Return what a statement is about that names the action, and not on this resource."""
    no = seen.refusal
    if no.action == LOGIN_ACTION:
        return "login-scoped"
    if re.search(r"repository/[^:@,]*[:@]", no.written):
        return "tag-in-resource"
    if ("ecr:PutImage", no.resource) in seen.allowed and no.action in DOCKER_PUSH:
        return "putimage-alone"
    # A statement that serves another part of the goal is not meant for this one.
    serves = any(fnmatchcase(arn(name), each) for name in (PLAYGROUND, MAPS, APP) for each in no.written.split(", "))
    return "incomplete" if serves else "another-resource"


def _no_policy(seen: Seen) -> str:
    """Return where the policy went, as she has none."""
    if seen.not_taken:
        return "not-taken"
    if seen.unused:
        return "not-attached"
    if seen.group:
        return "not-a-member"
    return "on-somebody-else" if seen.other else "untouched"


# What the tests try -------------------------------------------------------------------------------------------------


def dara(*statements: Mapping[str, Any]) -> Callable[[Lab], None]:
    """Return what gives Dara a policy with these statements."""
    return lambda lab: give(lab, "developer", document(*statements), "dara")


def says(statement: Mapping[str, Any], name: str) -> Callable[[Lab], None]:
    """Return what makes this statement the policy of a repository."""
    return lambda lab: share(lab, document(statement), name)


IN_DEV, PULL_APP = allow((*PUSH, PULL[1]), arn(FOLDER)), allow(PULL, arn(APP))
RIGHT = (LOGIN, IN_DEV, PULL_APP)
NEAR = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
SOMEBODY = {"StringLike": {"aws:userid": "AIDAEXAMPLE"}}

TRIES = {
    "passed": {
        "three statements": lambda lab: give(lab, "developer", e5_policy(), "dara"),
        "one statement for both pulls": dara(LOGIN, allow(PUSH, arn(FOLDER)), allow(PULL, arn(FOLDER), arn(APP))),
        "a policy of ours, attached": (own_policy(*RIGHT), attach_own("developer")),
        "the login from a group": (operators([LOGIN], "developer"), dara(IN_DEV, PULL_APP)),
        "with lists and descriptions": dara(
            LOGIN, IN_DEV, allow((*PULL, CHECK, "ecr:DescribeImages"), arn(APP)), allow("ecr:List*", arn(FOLDER))
        ),
        "the pull of my-web-app from its own policy": (
            dara(LOGIN, IN_DEV),
            says(let({"AWS": user_arn("developer")}, PULL), APP),
        ),
        "everything in dev/, and a Deny of the rest": dara(
            LOGIN,
            allow("ecr:*", arn(FOLDER)),
            PULL_APP,
            {"Effect": "Deny", "NotAction": [LOGIN_ACTION, *PUSH, PULL[1]], "Resource": "*"},
        ),
    },
    "held-back": {"everything, inside a fence": (fence("developer", *RIGHT), dara(allow("*", "*")))},
    "prefix-without-slash": {
        "no slash": dara(LOGIN, allow((*PUSH, PULL[1]), arn("dev*")), PULL_APP),
        "no slash, for the lists": dara(*RIGHT, allow("ecr:ListImages", arn("dev*"))),
    },
    "everything-but": {
        "but deleting": dara(
            LOGIN, {"Effect": "Allow", "NotAction": "ecr:BatchDeleteImage", "Resource": arn(FOLDER)}, PULL_APP
        )
    },
    "ready-made": {"AWS's PowerUser": attach("developer", "AmazonEC2ContainerRegistryPowerUser")},
    "others-let-in": {
        "the robot": (dara(*RIGHT), says(let({"AWS": user_arn("ci")}, PULL), APP)),
        "everybody, in dev/": (dara(*RIGHT), says(let("*", PULL), PLAYGROUND)),
    },
    "wider": {
        "everything on everything": dara(allow("*", "*")),
        "everything of ECR in dev/": dara(LOGIN, allow("ecr:*", arn(FOLDER)), PULL_APP),
        "everything of IAM": dara(*RIGHT, allow("iam:*", "*")),
        "she makes the repositories herself": dara(*RIGHT, allow("ecr:CreateRepository", arn(FOLDER))),
        "the names of all repositories": dara(*RIGHT, allow("ecr:DescribeRepositories", "*")),
        "tags of repositories": dara(*RIGHT, allow("ecr:TagResource", arn(FOLDER))),
        "push to my-web-app as well": dara(LOGIN, allow((*PUSH, PULL[1]), arn(FOLDER), arn(APP))),
        "any Region": dara(LOGIN, IN_DEV, allow(PULL, arn(APP).replace("us-east-1", "*"))),
    },
    "cannot-tell": [(dara(*RIGHT), says({**let("*", PULL), "Condition": SOMEBODY}, APP))],
    "login-scoped": {
        "on repositories": dara({**LOGIN, "Resource": arn("*")}, IN_DEV, PULL_APP),
        "by a star, on repositories": dara(allow((*PULL, "ecr:Get*"), arn(APP)), IN_DEV),
    },
    "no-such-action": {
        "one name misspelt": dara(
            LOGIN, allow(("ecr:BatchCheckLayerAvailibility", *PUSH[1:], PULL[1]), arn(FOLDER)), PULL_APP
        ),
        "the login misspelt": dara(allow("ecr:GetAuthToken", "*"), IN_DEV, PULL_APP),
    },
    "condition": [dara(LOGIN, {**IN_DEV, "Condition": NEAR}, PULL_APP)],
    "tag-in-resource": [dara(LOGIN, IN_DEV, allow(PULL, arn(APP + ":1.0")))],
    "only-todays": {
        "two names": dara(LOGIN, allow((*PUSH, PULL[1]), arn(PLAYGROUND), arn(MAPS)), PULL_APP),
        "by the repository's policy": (
            dara(LOGIN, PULL_APP),
            says(let({"AWS": user_arn("developer")}, (*PUSH, PULL[1])), PLAYGROUND),
        ),
    },
    "another-resource": {
        "another Region": dara(LOGIN, allow((*PUSH, PULL[1]), arn(FOLDER).replace("us-east-1", "eu-west-1")), PULL_APP),
        "a slash in front": dara(LOGIN, allow((*PUSH, PULL[1]), arn("/dev/*")), PULL_APP),
    },
    "denied": [dara(*RIGHT, {**allow("ecr:PutImage", "*"), "Effect": "Deny"})],
    "fenced": [(fence("developer", LOGIN, PULL_APP), dara(*RIGHT))],
    "fence-alone": [fence("developer", *RIGHT)],
    "not-attached": [own_policy(*RIGHT)],
    "not-a-member": [operators(RIGHT, "auditor")],
    "not-taken": {
        "a brace is missing": misshapen("developer", "dara"),
        "as Dara herself": own_rights("developer", "dara"),
        "for a user that there is not": in_vain(lambda lab: give(lab, "dara", e5_policy())),
    },
    "on-somebody-else": [lambda lab: give(lab, "ci", e5_policy(), "dara")],
    "login-left-out": [dara(IN_DEV, PULL_APP)],
    "putimage-alone": [dara(LOGIN, allow(("ecr:PutImage", *PULL), arn(FOLDER)), PULL_APP)],
    "incomplete": {
        "my-web-app forgotten": dara(LOGIN, IN_DEV),
        "no pull from dev/": dara(LOGIN, allow(PUSH, arn(FOLDER)), PULL_APP),
        "only the login": dara(LOGIN),
    },
}


def reset(lab: Lab) -> None:
    """Dara has no policy again; no repository has one, and no policy or group made for it is left."""
    tries.keep_only(lab, "developer")
    for name in (APP, BILLING, PLAYGROUND):
        tries.forget_repository_policy(lab.client("ecr"), name)
    remove_unused(lab, "developer")
