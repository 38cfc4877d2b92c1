"""06-e3: fix Omar's pull policy. What a learner reads is in e3.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ecrlab.policy.sets import LOGIN as LOGIN_ACTION
from ecrlab.policy.sets import PULL, PUSH
from ecrlab_course.authoring import Lab, Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted
from ecrlab_course.documents.xray_row import Row

from .state import (
    ACCOUNT,
    APP,
    BILLING,
    LOGIN,
    PARTNER,
    PLAYGROUND,
    Rights,
    allow,
    arn,
    attach,
    attach_own,
    changes,
    document,
    fence,
    give,
    in_vain,
    let,
    may,
    misshapen,
    operators,
    own_policy,
    own_rights,
    policy_file,
    remove_unused,
    repository_policy,
    share,
    statements_of,
    tries,
    user_arn,
)

CHECK = PUSH[0]
WANTED = Wanted("ops", (Grant(LOGIN_ACTION), Grant(PULL, arn(APP))), passes=Grant(CHECK, arn(APP)))
QUESTIONS = ((LOGIN_ACTION, "*"), *((action, arn(APP)) for action in PULL))
BEGUN = json.loads(policy_file("summary-pull"))
PAGE = {"attached": [], "ready": [], "inline": {"pull": BEGUN}, "groups": {}}
"""What Omar holds when the exercise begins."""


REFUSED = {"AccessDenied": Sentence("only-admin"), "NoSuchEntity": Sentence("no-such-user")}
"""What is said of an error of IAM."""


class Seen(Rights):
    """What Omar may do, beyond and short of what he needs, and what he holds."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, "ops", WANTED)
        asked = may(lab, [("ops", *question) for question in (*QUESTIONS, (CHECK, arn(APP)))])
        *self.allowed, self.check = asked.values()
        self.login, self.manifest, self.layers = ("yes" if each else "no" for each in self.allowed)
        ours = repository_policy(lab)
        self.login_in_ours = any(_names_login(one) for one in statements_of([ours or {}]))
        self.as_before = self.held == PAGE and not self.boundary and not ours
        put = any(row["operation"] == "PutUserPolicy" and _taken_for_him(row) for row in changes(lab))
        now = self.held["inline"].get("pull")
        self.replaced = put and now is not None and now != BEGUN
        self.beside = Sentence("beside") if self.also_wider else ""
        self.refused_why = REFUSED.get(self.not_taken, Sentence("not-read"))
        self.nothing_more = "" if self.check else Sentence("nothing-more")
        self.pull_is_there = Sentence("pull") if all(self.allowed[1:]) else ""


def _taken_for_him(row: Row) -> bool:
    return row["status"] < 400 and str(row["resource"]).endswith("user/ops")


def _names_login(statement: Mapping[str, Any]) -> bool:
    """Tell whether a statement of a repository policy means the login: by a name or a pattern such as ecr:Get*."""
    return any(fnmatchcase(LOGIN_ACTION.lower(), word.lower()) for word in statement.get("Action", []) if word != "*")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e3.md: what he lacks and why, then what he may do beyond it."""
    if seen.missing:
        return _lacking(seen)
    if seen.wider:
        if seen.who != "user/ops":
            return "others-let-in"
        return "ready-made" if seen.ready else "wider"
    if seen.unsure:
        return "cannot-tell"
    if seen.remark:
        return "held-back"
    return "check-left" if seen.check else "passed"


def _lacking(seen: Seen) -> str:
    """Return why the first thing that he needs is refused, by IAM's decision record."""
    no = seen.refusal
    if no.kind == "explicit deny":
        return "denied"
    if no.kind == "boundary":
        return "fenced"
    if no.kind == "condition":
        return "condition"
    if no.kind == "resource":
        if no.action == LOGIN_ACTION:
            return "login-scoped"
        return "tag-in-resource" if re.search(r"repository/[^:@,]*[:@]", no.written) else "another-resource"
    if no.invented:
        return "no-such-action"
    if no.action == LOGIN_ACTION and seen.login_in_ours:
        return "login-in-repository-policy"
    if seen.boundary:
        return "fence-alone"
    if seen.unused:
        return "not-attached"
    if seen.group:
        return "not-a-member"
    if seen.as_before:
        if seen.not_taken:
            return "repository-policy-refused" if seen.asked == "ecr:SetRepositoryPolicy" else "not-taken"
        return "on-somebody-else" if seen.other else "untouched"
    if no.kind == "nothing":
        return "nothing-left"
    if no.action == LOGIN_ACTION:
        return "login-left-out"
    if any(seen.allowed[1:]):
        return "half-a-pull"
    return "replaced" if seen.replaced else "no-pull"


# What the tests try -------------------------------------------------------------------------------------------------


def his(*statements: Mapping[str, Any]) -> Callable[[Lab], None]:
    """Return what puts these statements into Omar's policy, in place of the web page's."""
    return lambda lab: give(lab, "ops", document(*statements))


def says(statement: Mapping[str, Any]) -> Callable[[Lab], None]:
    """Return what makes this statement the policy of the repository my-web-app."""
    return lambda lab: share(lab, document(statement))


RIGHT = (LOGIN, allow(PULL, arn(APP)))
SOMEBODY = {"StringLike": {"aws:userid": "AIDAEXAMPLE"}}
NEAR = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}

TRIES = {
    "passed": {
        "two statements": lambda lab: give(lab, "ops", policy_file("pull")),
        "a policy of ours, attached": (lambda lab: tries.keep_only(lab, "ops"), own_policy(*RIGHT), attach_own("ops")),
        "stars that mean no more than that": his(
            allow("ecr:GetAuth*", "*"), allow(("ecr:BatchGetI*", "ecr:GetDownload*"), arn(APP))
        ),
        "a group that carries both": (operators(RIGHT, "ops"), lambda lab: tries.keep_only_policies(lab, "ops")),
        "the login from him, the pull from the repository": (his(LOGIN), says(let({"AWS": user_arn("ops")}, PULL))),
        "an Allow of everything on it, and a Deny of the rest": his(
            LOGIN,
            allow("ecr:*", arn(APP)),
            {"Effect": "Deny", "NotAction": [LOGIN_ACTION, *PULL], "Resource": "*"},
        ),
    },
    "check-left": {
        "a second policy": lambda lab: give(lab, "ops", policy_file("login-only"), "login"),
        "one more statement": his(allow((CHECK, *PULL), arn(APP)), LOGIN),
    },
    "held-back": {"everything, inside a fence": (fence("ops", *RIGHT), his(allow("*", "*")))},
    "ready-made": {
        "AWS's own pull policy": attach("ops", "AmazonEC2ContainerRegistryPullOnly"),
        "AWS's administrator": attach("ops", "AdministratorAccess"),
    },
    "others-let-in": {
        "everybody": (his(*RIGHT), says(let("*", PULL))),
        "the robot as well": (his(*RIGHT), says(let({"AWS": user_arn("ci")}, PULL))),
    },
    "wider": {
        "all actions in one statement": his(allow((*PULL, CHECK, LOGIN_ACTION), "*")),
        "everything on everything": his(allow("*", "*")),
        "everything of ECR": his(allow("ecr:*", "*")),
        "a star at the end of the name": his(LOGIN, allow(PULL, arn(APP + "*"))),
        "any Region": his(LOGIN, allow(PULL, arn(APP).replace("us-east-1", "*"))),
        "any account": his(LOGIN, allow(PULL, arn(APP).replace(ACCOUNT, "*"))),
        "everything of IAM": his(*RIGHT, allow("iam:*", "*")),
        "everything of another service": his(*RIGHT, allow("s3:*", "*")),
        "any role": his(*RIGHT, allow("sts:AssumeRole", "*")),
        "repositories of his own": his(*RIGHT, allow("ecr:CreateRepository", "*")),
        "everybody's policy": his(*RIGHT, allow("ecr:PutRegistryPolicy", "*")),
        "the list as well": his(*RIGHT, allow("ecr:ListImages", arn(APP))),
    },
    "cannot-tell": [(his(*RIGHT), says({**let("*", PULL), "Condition": SOMEBODY}))],
    "login-scoped": {
        "in the same statement": his(allow((*PULL, LOGIN_ACTION), arn(APP))),
        "on all repositories": his(allow(PULL, arn(APP)), allow(LOGIN_ACTION, arn("*"))),
        "by a star, on the repository": his(allow(("ecr:Get*", "ecr:BatchGetImage"), arn(APP))),
    },
    "login-in-repository-policy": [lambda lab: share(lab, policy_file("login-here"))],
    "no-such-action": {
        "a name that there is not": his(allow(PULL, arn(APP)), allow("ecr:GetAuthToken", "*")),
        "another service": his(allow(PULL, arn(APP)), allow("erc:GetAuthorizationToken", "*")),
        "a star that fits nothing": his(allow(PULL, arn(APP)), allow("ecr:GetAuthorisation*", "*")),
    },
    "condition": {
        "from an address that he does not have": his(LOGIN, {**allow(PULL, arn(APP)), "Condition": NEAR}),
        "of a tag that is not there": his(
            LOGIN, {**allow(PULL, arn(APP)), "Condition": {"StringEquals": {"aws:ResourceTag/team": "web"}}}
        ),
    },
    "tag-in-resource": [his(LOGIN, allow(PULL, arn(APP + ":1.0")))],
    "another-resource": {
        "another Region": his(LOGIN, allow(PULL, arn(APP).replace("us-east-1", "eu-west-1"))),
        "another account": his(LOGIN, allow(PULL, arn(APP).replace(ACCOUNT, PARTNER))),
        "another name": his(LOGIN, allow(PULL, arn("my-webapp"))),
    },
    "denied": {
        "a Deny of his own": his(*RIGHT, {**allow("ecr:Get*", "*"), "Effect": "Deny"}),
        "a Deny on the repository": (his(*RIGHT), says({**let("*", "ecr:BatchGetImage"), "Effect": "Deny"})),
    },
    "fenced": [(fence("ops", allow(PULL, arn(APP))), his(*RIGHT))],
    "fence-alone": [fence("ops", *RIGHT)],
    "not-attached": [own_policy(*RIGHT)],
    "not-a-member": {"nobody is": operators(RIGHT), "Aiko is": operators(RIGHT, "auditor")},
    "not-taken": {
        "a brace is missing": misshapen("ops", "pull"),
        "as Omar himself": own_rights("ops", "pull"),
        "for a user that there is not": in_vain(lambda lab: give(lab, "omar", policy_file("pull"))),
    },
    "repository-policy-refused": [in_vain(says(let({"AWS": user_arn("ops")}, LOGIN_ACTION)))],
    "on-somebody-else": [lambda lab: give(lab, "auditor", policy_file("pull"))],
    "nothing-left": [lambda lab: tries.keep_only(lab, "ops")],
    "login-left-out": {
        "only the two pull actions": his(allow(PULL, arn(APP))),
        "only the list": his(allow("ecr:ListImages", arn(APP))),
    },
    "half-a-pull": [his(LOGIN, allow(PULL[0], arn(APP)))],
    "replaced": {
        "the login alone": lambda lab: give(lab, "ops", policy_file("login-only")),
        "the pull in a policy put before it": (his(*RIGHT), his(LOGIN)),
    },
    "no-pull": [(lambda lab: tries.keep_only(lab, "ops"), lambda lab: give(lab, "ops", document(LOGIN), "login"))],
}


def reset(lab: Lab) -> None:
    """Omar has the web page's policy alone again; no repository has one, and no policy or group made for it is left."""
    tries.keep_only(lab, "ops")
    give(lab, "ops", policy_file("summary-pull"))
    for name in (APP, BILLING, PLAYGROUND):
        tries.forget_repository_policy(lab.client("ecr"), name)
    remove_unused(lab, "ops")
