"""Drill d41: a variable in a policy, and the tag behind it; three things that go wrong. Words: d41.md."""

from __future__ import annotations

import json

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN, PULL, PUSH
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import put

TEAM = f"arn:aws:iam::{ACCOUNT}:policy/team-push"
PEOPLE = {"dara": "web", "omar": "maps"}
WRITES = ("Put", "Create", "Tag", "Untag", "Attach", "Detach", "SetDefault", "Delete", "Add")


def prepare(lab: DrillLab) -> None:
    """Make two people with a tag, and the policy that serves both."""
    for name in ("web/page", "maps/tiles", "shop/orders"):
        lab.repository(name)
    iam = lab.client("iam")
    key = "group" if lab.seed == "key" else "team"
    text = document(key, "2008-10-17" if lab.seed == "version" else VERSION)
    iam.create_policy(PolicyName="team-push", PolicyDocument=text)
    for person, team in PEOPLE.items():
        lab.person(person, allow(LOGIN))
        value = team.capitalize() if lab.seed == "letters" and person == "dara" else team
        iam.tag_user(UserName=person, Tags=[{"Key": "team", "Value": value}])
        iam.attach_user_policy(UserName=person, PolicyArn=TEAM)


def document(key: str = "team", version: str = VERSION, folder: str = "") -> str:
    """Return the policy of the teams."""
    where = arn(folder or f"${{aws:PrincipalTag/{key}}}/*")
    return json.dumps({"Version": version, "Statement": [allow([*PUSH, PULL[1]], where)]})


def wanted() -> Wanted:
    """Return what both should have."""
    grants = [
        Grant((*PUSH, PULL[1]), arn(f"{team}/*"), who=f"{ACCOUNT}:user/{who}") for who, team in PEOPLE.items()
    ]  # fmt: skip
    people = tuple(f"{ACCOUNT}:user/{who}" for who in PEOPLE)
    literal = Grant((*PUSH, PULL[1]), arn("${*"))
    return Wanted(people, (*grants, Grant(LOGIN)), passes=literal, doors=())


class Seen:
    """Who may push where, whether the tag decides it, what else is open, and which fault was named."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        decisions = {
            who: lab.decisions([(f"user/{who}", action, arn(where)) for action in DOCKER_PUSH])
            for who, where in (("dara", "web/page"), ("omar", "maps/tiles"))
        }
        refused = {who: [each for each in found if not each["allowed"]] for who, found in decisions.items()}
        self.dara_may, self.omar_may = not refused["dara"], not refused["omar"]
        self.dara, self.omar = ("allowed" if may else "refused" for may in (self.dara_may, self.omar_may))
        self.seen = Sentence("now")
        self.reason = str(refused["dara"][0]["reason"]).rstrip(".") if refused["dara"] else ""
        self.changed = any(each.ok and each.operation.startswith(WRITES) for each in requests(lab, "iam"))
        other = {"aws:PrincipalTag/team": "maps", "aws:PrincipalTag/group": "maps"}
        (as_maps,) = lab.control.decide_all([(f"{ACCOUNT}:user/dara", "ecr:PutImage", arn("web/page"))], context=other)
        self.fixed = bool(as_maps["allowed"])
        found = beyond(lab, wanted())
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        self.seed, self.cause = lab.seed, findings.get("cause", "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d41.md: both push by their tag, each only there, and the fault is named."""
    if not seen.dara_may:
        if seen.changed:
            return "still-refused"
        return "unchanged" if seen.cause else "untouched"
    if not seen.omar_may:
        return "omar-lost"
    if seen.fixed:
        return "not-by-tag"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.cause:
        return "no-cause"
    return "passed" if seen.cause == seen.seed else "other-cause"


def write(lab: DrillLab, text: str) -> None:
    """Write the policy of the teams."""
    lab.client("iam").create_policy_version(PolicyArn=TEAM, PolicyDocument=text, SetAsDefault=True)


def tag(lab: DrillLab, key: str = "team", who: str = "dara", value: str = "web") -> None:
    """Set a tag on somebody."""
    lab.client("iam").tag_user(UserName=who, Tags=[{"Key": key, "Value": value}])


def fix(lab: DrillLab) -> None:
    """Put right what is wrong."""
    tag(lab) if lab.seed == "letters" else write(lab, document())


def tag_both(lab: DrillLab) -> None:
    """Give both people the key that the policy asks for."""
    for who, value in PEOPLE.items():
        tag(lab, "group", who, value)


def said(cause: str) -> dict[str, str]:
    """Return the fault as it is chosen."""
    return {"cause": cause}


TRIES = {
    "passed": {
        "the tag's value": attempt(said("letters"), fix, seed="letters"),
        "the policy's Version": attempt(said("version"), fix, seed="version"),
        "the policy's key": attempt(said("key"), fix, seed="key"),
        "the people's key": attempt(said("key"), tag_both, seed="key"),
        "the key in other letters": attempt(said("key"), lambda lab: write(lab, document("Team")), seed="key"),
    },
    "unchanged": {"said only": attempt(said("version"), seed="version")},
    "still-refused": {
        "the other state's fix": attempt(said("letters"), tag, seed="version"),
        "the key in capitals": attempt(said("letters"), lambda lab: write(lab, document("TEAM")), seed="letters"),
    },
    "omar-lost": {
        "the folder written in": attempt(
            said("version"), lambda lab: write(lab, document(folder="web/*")), seed="version"
        )
    },
    "not-by-tag": {
        "a policy of her own": attempt(
            said("letters"), lambda lab: put(lab, "dara", allow(LOGIN), allow(list(PUSH), arn("web/*"))), seed="letters"
        ),
        "a star": attempt(said("version"), lambda lab: write(lab, document(folder="*/*")), seed="version"),
    },
    "wider": {
        "she sets her own tags": attempt(
            said("letters"),
            (fix, lambda lab: put(lab, "dara", allow(LOGIN), allow("iam:TagUser"))),
            seed="letters",
        ),
        "the folder and everything that begins so": attempt(
            said("key"), lambda lab: write(lab, document(folder="${aws:PrincipalTag/team}*")), seed="key"
        ),
    },
    "cannot-tell": {
        "a tag of the repository": attempt(
            said("letters"),
            (
                fix,
                lambda lab: put(lab, "dara", allow(LOGIN), allow("ecr:DeleteRepository", arn("${aws:ResourceTag/x}"))),
            ),
            seed="letters",
        )
    },
    "no-cause": {"in silence": attempt({}, fix, seed="version")},
    "other-cause": {"the other state's": attempt(said("letters"), fix, seed="version")},
}
