"""06-e8: the trust policy of the role releaser. What a learner reads is in e8.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy.places import problem
from ecrlab_course.authoring import Lab, Result, Sentence, Try, as_words, in_code, write
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond

from .state import (
    ACCOUNT,
    APP,
    PARTNER,
    allow,
    arn,
    document,
    fence,
    give,
    let,
    make_role,
    may,
    policy_file,
    remove_role,
    remove_unused,
    role_arn,
    tries,
    user_arn,
)  # fmt: skip

ROLE, ASSUME = role_arn("releaser"), "sts:AssumeRole"
GOALS = (write("releaser-trust.json"),)
WANTED = Wanted((), Grant(ASSUME, ROLE, who="ci"), passes=Grant("sts:*", ROLE, who="ci"), doors="role/releaser")
TRYING, ASKED_ABOUT = ("ci", "ops", "developer"), ("admin", "auditor")


def run(lab: Lab, text: str) -> Result:
    """Make the role releaser with this trust policy; three people try to assume it, and IAM is asked about others."""
    remove_role(lab, "releaser")
    command = "aws iam create-role --role-name releaser --assume-role-policy-document file://releaser-trust.json"
    try:
        make_role(lab, "releaser", text, policy_file("push"))
    except ClientError as error:
        detail = error.response["Error"]
        return Result(command, 254, f"{detail['Code']}: {detail['Message']}\n", {"said": detail["Message"]})
    assumed, lines = [], []
    for who in TRYING:
        try:
            lab.client("sts", who).assume_role(RoleArn=ROLE, RoleSessionName="release-2")
        except ClientError as error:
            lines.append(f"{who}: {error.response['Error']['Message']}")
            continue
        assumed.append(who)
        lines.append(f"{who}: assumes releaser")
    asked = may(lab, [(who, ASSUME, ROLE) for who in ASKED_ABOUT])
    found = beyond(lab, WANTED)
    data = {
        "assumed": assumed,
        "may": [who for (who, _, _), yes in asked.items() if yes],
        "decision": lab.control.decide("ci", ASSUME, ROLE),
        "surplus": found.text if found.wider else "",
        "unsure": found.why,
    }
    return Result(command, 0, "\n".join(lines) + "\n", data)


class Seen:
    """What IAM said of the document, who assumed the role, who else may, and why ci could not."""

    def __init__(self, _lab: Lab, text: str, result: Result) -> None:
        data = result.data
        self.refused, self.said = bool(result.code), str(data.get("said", ""))
        self.assumed = list(data.get("assumed", ()))
        tried = [who for who in self.assumed if who != "ci"]
        self.others = [*tried, *data.get("may", ())]
        self.surplus, self.unsure = data.get("surplus", ""), data.get("unsure", "")
        self.assumed_in_words, self.tried_in_words = as_words(self.assumed), as_words(tried)
        self.others_in_words = as_words(self.others)
        self.tried = Sentence("so-did") if tried else ""
        decision = data.get("decision", {})
        self.denied = decision.get("verdict") == "ExplicitlyDenied"
        self.kind, self.reason = decision.get("policy_type", ""), decision.get("reason", "")
        row = _nearest(decision.get("statements", ()), self.denied)
        self.mismatch, self.why = row.get("mismatch") or "", in_code(row.get("why", ""))
        self.statement = f"{row['label']} of {row['origin']}" if row else ""
        self.star = any(_lets_everybody(row["statement"]) for row in decision.get("statements", ()))
        fault = problem(text, "trust") if self.refused else None
        self.line, self.word, self.hint = (fault.line, fault.word, fault.hint) if fault else (0, "", "")
        self.place = Sentence("look-at") if self.hint else Sentence("stops-at") if self.word else ""
        self.last_run = Sentence("not-run")
        if result.command:
            ended = Sentence("assumed") if self.assumed else Sentence("nobody")
            self.last_run = Sentence("was-refused") if self.refused else ended


def _nearest(rows: list[Mapping[str, Any]], denied: bool) -> Mapping[str, Any]:
    """Return the statement that denied, else the trust policy's Allow that came nearest; {} without one."""
    if denied:
        return next(row for row in rows if row["decided"])
    mine = [row for row in rows if row["policy_type"] == "role trust" and row["effect"] == "Allow"]
    order = (None, "condition", "principal", "action")
    return min(mine, key=lambda row: order.index(row["mismatch"]), default={})


def _lets_everybody(statement: Mapping[str, Any]) -> bool:
    """Tell whether a statement allows everybody, on no condition."""
    named = statement.get("Principal")
    principals = named.get("AWS") if isinstance(named, Mapping) else named
    return statement["Effect"] == "Allow" and "Condition" not in statement and "*" in (principals or ())


def judge(seen: Seen) -> str:
    """Return the verdict's name in e8.md: what IAM said of the document, whether ci got in, then who else does."""
    if seen.refused:
        return _not_accepted(seen)
    if "ci" not in seen.assumed:
        return _shut_out(seen)
    if seen.surplus:
        return "star" if seen.star else "wider"
    if seen.others:
        return "account-passes-on"
    return "cannot-tell" if seen.unsure else "passed"


def _not_accepted(seen: Seen) -> str:
    """Return why IAM did not accept the document, by what it said."""
    if "field Resource" in seen.said:
        return "resource-named"
    if "Invalid principal" in seen.said:
        return "group" if ":group/" in seen.said else "no-such-principal"
    return "action-of-no-trust" if "statement actions" in seen.said else "refused"


def _shut_out(seen: Seen) -> str:
    """Return why ci was refused, by IAM's decision record."""
    if seen.denied:
        return "denied"
    if seen.kind == "permissions boundary":
        return "fenced"
    if seen.kind == "identity-based":
        return "account-named"
    if seen.mismatch == "condition":
        return "condition"
    return "somebody-else" if seen.mismatch == "principal" else "another-action"


# What the tests try -------------------------------------------------------------------------------------------------


def trust(principal: object, action: str = ASSUME, **more: Any) -> dict[str, Any]:
    """Return a statement of a trust policy that lets this principal assume the role."""
    return {**let(principal, action), **more}


def text(*statements: Mapping[str, Any]) -> str:
    """Return a trust policy with these statements, as one would write it."""
    return json.dumps(json.loads(document(*statements)), indent=2)


CI, EVERYBODY, HOUSE = {"AWS": user_arn("ci")}, {"AWS": "*"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
ONLY_CI = {"ArnEquals": {"aws:PrincipalArn": user_arn("ci")}}
RIGHT = text(trust(CI))


def may_assume(lab: Lab) -> None:
    """Let the robot's own policy allow it to assume the role."""
    give(lab, "ci", document(allow(ASSUME, ROLE)), "assume")


TRIES = {
    "passed": {
        "the user": RIGHT,
        "the user, in a list, on one line": document(trust({"AWS": [user_arn("ci")]})),
        "everybody, on a condition": text(trust(EVERYBODY, Condition=ONLY_CI)),
        "a Deny for whoever is not ci": text(
            trust(EVERYBODY),
            {**trust("*", Condition={"ArnNotEquals": {"aws:PrincipalArn": user_arn("ci")}}), "Effect": "Deny"},
        ),
        "all actions of STS, for ci": text(trust(CI, "sts:*")),
    },
    "resource-named": [text(trust(CI, Resource=ROLE))],
    "group": [text(trust({"AWS": f"arn:aws:iam::{ACCOUNT}:group/robots"}))],
    "no-such-principal": {
        "a user that there is not": text(trust({"AWS": user_arn("robot")})),
        "a user of the other account": text(trust({"AWS": user_arn("ci", PARTNER)})),
        "a name and a star": text(trust({"AWS": user_arn("c*")})),
    },
    "action-of-no-trust": {
        "an action of ECR": text(trust(CI, "ecr:PutImage")),
        "an action that there is not": text(trust(CI, "sts:AssumRole")),
        "every action": text(trust(CI, "*")),
    },
    "refused": {
        "a name without its ARN": text(trust("ci")),
        "no principal": text({"Effect": "Allow", "Action": ASSUME}),
        "no statement": text(),
    },
    "account-named": {
        "the account": text(trust(HOUSE)),
        "the account by its number": text(trust({"AWS": ACCOUNT})),
        "the account, on a condition": text(trust(HOUSE, Condition=ONLY_CI)),
    },
    "account-passes-on": [Try(text(trust(HOUSE)), do=may_assume)],
    "fenced": [Try(text(trust(HOUSE)), do=(may_assume, fence("ci", allow("ecr:*", arn(APP)))))],
    "condition": {
        "from elsewhere": text(trust(CI, Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})),
        "an external id": text(trust(CI, Condition={"StringEquals": {"sts:ExternalId": "harbour"}})),
    },
    "denied": {
        "an Allow and a Deny": text(trust(CI), {**trust(CI), "Effect": "Deny"}),
        "a Deny for all but ci, and not its account": text(
            trust(EVERYBODY), {"Effect": "Deny", "NotPrincipal": CI, "Action": ASSUME}
        ),
    },
    "another-action": [text(trust(CI, "sts:TagSession"))],
    "somebody-else": {
        "Omar": text(trust({"AWS": user_arn("ops")})),
        "the map company": text(trust({"AWS": PARTNER})),
    },
    "star": {
        "the star stays": text(trust(EVERYBODY)),
        "a star, and a Deny for those who try": text(
            trust(EVERYBODY), {**trust({"AWS": [user_arn("ops"), user_arn("developer")]}), "Effect": "Deny"}
        ),
    },
    "wider": {
        "ci and Omar": text(trust({"AWS": [user_arn("ci"), user_arn("ops")]})),
        "ci and the map company": text(trust({"AWS": [user_arn("ci"), PARTNER]})),
        "ci and a service": text(trust({**CI, "Service": "ec2.amazonaws.com"})),
        "whoever's name begins with ci": text(
            trust(EVERYBODY, Condition={"StringLike": {"aws:PrincipalArn": user_arn("ci*")}})
        ),
        "everybody in the account": text(
            trust(EVERYBODY, Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})
        ),
    },
    "cannot-tell": [text(trust(CI), trust(EVERYBODY, Condition={"StringLike": {"aws:userid": "AIDAEXAMPLE"}}))],
    "json-syntax": {"a comma is missing": RIGHT.replace('"2012-10-17",', '"2012-10-17"')},
    "trailing-comma": {"a comma too many": RIGHT.replace(f'"{ASSUME}"', f'"{ASSUME}",')},
    "json-unfinished": {"the last brace is missing": RIGHT.rstrip()[:-1]},
}


def reset(lab: Lab) -> None:
    """The role is gone; the robot has its push policy alone, and no fence."""
    remove_role(lab, "releaser")
    tries.keep_only(lab, "ci")
    give(lab, "ci", policy_file("push"), "push")
    remove_unused(lab, "ci")
