"""09-e1: the trust policy of the pipeline. What a learner reads is in e1.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Result, Sentence, as_words, in_code, write
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond

from .state import (
    ACCOUNT,
    AUDIENCE,
    DRAFT,
    GIT,
    HOST,
    MAIN,
    PIPELINE,
    PROVIDER,
    RIGHT,
    TAGS,
    WEB_IDENTITY,
    document,
    exchange,
    letters,
    pipeline_may,
    role_arn,
    subjects,
)

ROLE = role_arn(PIPELINE)
GOALS = (write("trust.json"),)
FITS: Mapping[str, Mapping[str, Any]] = {
    "StringEquals": {f"{HOST}:aud": AUDIENCE},
    "StringLike": {f"{HOST}:sub": [MAIN, TAGS]},
}
WANTED = Wanted(
    (),
    Grant(WEB_IDENTITY, ROLE, who=PROVIDER, condition=FITS),
    passes=Grant("sts:TagSession", ROLE, who=PROVIDER),
    doors=f"role/{PIPELINE}",
)
TEN: Mapping[str, Mapping[str, Any]] = {
    "main": {},
    "v1.4": {"ref": "refs/tags/v1.4"},
    "the branch teal": {"ref": "teal"},
    "the branch main-2": {"ref": "main-2"},
    "a pull request": {"ref": "refs/pull/7/merge"},
    "production": {"environment": "production"},
    "a stranger": {"repository": "stranger/booking"},
    "booking-fork": {"repository": f"{GIT}-fork"},
    "harbour-bikes-fans": {"repository": "harbour-bikes-fans/booking"},
    "one without a subject": {"without": ["sub"]},
}
OURS = ("the branch teal", "the branch main-2", "a pull request", "production")


def run(lab: Lab, text: str) -> Result:
    """Save the policy, show ten letters to STS, and ask IAM whom else it lets in."""
    command = "aws iam update-assume-role-policy --role-name pipeline --policy-document file://trust.json"
    iam = lab.client("iam")
    try:
        iam.update_assume_role_policy(RoleName=PIPELINE, PolicyDocument=text)
    except ClientError as error:
        detail = error.response["Error"]
        return Result(command, 254, f"{detail['Code']}: {detail['Message']}\n", {"said": detail["Message"]})
    begun = lab.last()
    ended = {name: exchange(lab, lab.ci.token(**given)) for name, given in TEN.items()}
    found = beyond(lab, WANTED)
    data = {
        "in": [name for name, code in ended.items() if not code],
        "differs": found.differs if found.wider else "",
        "surplus": found.text if found.wider else "",
        "unsure": found.why,
        "decision": decision_about_main(lab, begun),
    }
    lines = [f"{name:22} {code or 'in'}" for name, code in ended.items()]
    return Result(command, 0, "\n".join(lines) + "\n", data)


def decision_about_main(lab: Lab, begun: int) -> Mapping[str, Any]:
    """Return what IAM decided about the first letter that was shown since that row: its words and statements."""
    for row in lab.control.xray(after=begun, opened=True)["rows"]:
        for decision in row.get("decisions", ()) if row["operation"] == "AssumeRoleWithWebIdentity" else ():
            opened = decision["opened"]
            return {"explanation": decision["explanation"], "statements": opened["statements"]}
    return {}


class Seen:
    """What IAM said of the document, whose letters got in, and who else would."""

    def __init__(self, _lab: Lab, text: str, result: Result) -> None:
        data = result.data
        self.refused, self.said = bool(result.code), str(data.get("said", ""))
        self.inside = list(data.get("in", ()))
        self.came_in = as_words(self.inside)
        self.differs, self.surplus, self.unsure = (data.get(name, "") for name in ("differs", "surplus", "unsure"))
        decision = data.get("decision", {})
        self.reason = in_code(str(decision.get("explanation", "")).rstrip("."))
        rows = [each for each in decision.get("statements", ()) if each["policy_type"] == "role trust"]
        self.other_action = bool(rows) and all(each["mismatch"] == "action" for each in rows)
        self.why = in_code(rows[0].get("why", "")) if rows else ""
        conditions = [each["statement"].get("Condition", {}) for each in rows]
        self.equals = any("*" in _values(each, "StringEquals") for each in conditions)
        like = [name for name in ("booking-fork", "harbour-bikes-fans") if name in self.inside]
        ours = [name for name in OURS if name in self.inside]
        self.like = bool(like)
        self.others = as_words(like or ours)
        self.last_run = Sentence("not-run")
        if result.command:
            ended = Sentence("came-in") if self.inside else Sentence("nobody")
            self.last_run = Sentence("not-saved") if self.refused else ended


def _values(condition: Mapping[str, Any], operator: str) -> str:
    """Return what a condition's operator compares the subject with, as one text."""
    found = condition.get(operator, {}).get(f"{HOST}:sub", "")
    return found if isinstance(found, str) else " ".join(found)


def judge(seen: Seen) -> str:
    """Return the verdict's name in e1.md: was it saved, who comes without a letter, main, then who else."""
    if seen.refused:
        return "refused"
    if seen.differs == "principal":
        return "somebody-else"
    if "a stranger" in seen.inside:
        return "stranger"
    if "one without a subject" in seen.inside:
        return "no-subject"
    if seen.others:
        return "like-named" if seen.like else "our-others"
    if "main" not in seen.inside:
        return _shut(seen)
    if "v1.4" not in seen.inside:
        return "tag-out"
    if seen.surplus:
        return "wider"
    return "cannot-tell" if seen.unsure else "passed"


def _shut(seen: Seen) -> str:
    """Return why main was turned away, by IAM's decision."""
    if seen.other_action:
        return "another-action"
    return "equals" if seen.equals else "main-out"


# Tries


OURS_ALL = f"repo:{GIT}:*"


def text(*statements: Mapping[str, Any]) -> str:
    """Return a trust policy as a learner writes it."""
    return document(*statements)


def person(principal: Mapping[str, str]) -> dict[str, Any]:
    """Return a statement that lets somebody assume the role without a letter."""
    return {"Effect": "Allow", "Principal": dict(principal), "Action": "sts:AssumeRole"}


TRIES = {
    "passed": {
        "two subjects": RIGHT,
        "two statements": text(letters(subjects(MAIN, operator="StringEquals")), letters(subjects(TAGS))),
        "all of ours, and a Deny for the rest": text(
            letters(subjects(OURS_ALL)),
            {**letters({"StringNotLike": {f"{HOST}:sub": [MAIN, TAGS]}}), "Effect": "Deny"},
        ),
    },
    "refused": {
        "no host in the key": DRAFT.replace(f'"{HOST}:aud"', '"aud"'),
        "a provider without its ARN": DRAFT.replace(PROVIDER, "the git server"),
    },
    "somebody-else": {
        "the robot's key comes in as well": text(
            letters(subjects(MAIN, TAGS)), person({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ci"})
        ),
    },
    "equals": {"a star under StringEquals": text(letters(subjects(OURS_ALL, operator="StringEquals")))},
    "another-action": {"AssumeRole": text(letters(subjects(MAIN, TAGS), "sts:TagSession"))},
    "main-out": {
        "the branch alone": text(letters(subjects("main"))),
        "only tags": text(letters(subjects(TAGS))),
    },
    "stranger": {
        "no condition": text(letters(None)),
        "any subject": text(letters(subjects("repo:*"))),
    },
    "no-subject": {
        "for all values": text(letters({"ForAllValues:StringLike": {f"{HOST}:sub": [MAIN, TAGS]}})),
    },
    "like-named": {
        "the star before the slash": text(letters(subjects("repo:harbour-bikes*"))),
        "the star before the colon": text(letters(subjects("repo:harbour-bikes/booking*"))),
    },
    "our-others": {
        "all of the repository": text(letters(subjects(OURS_ALL))),
        "whatever begins with main": text(letters(subjects(f"{MAIN}*", TAGS))),
    },
    "tag-out": {"main alone": text(letters(subjects(MAIN, operator="StringEquals")))},
    "wider": {"tags of every kind": text(letters(subjects(MAIN, f"repo:{GIT}:ref:refs/tags/*")))},
    "cannot-tell": {
        "somebody's name, in a condition": text(
            letters(subjects(MAIN, TAGS)),
            {**person({"AWS": "*"}), "Condition": {"StringLike": {"aws:userid": "AIDAEXAMPLE"}}},
        ),
    },
    "json-unfinished": {"the last brace is missing": RIGHT.rstrip()[:-1]},
}


def reset(lab: Lab) -> None:
    """The role has its draft again."""
    pipeline_may(lab, DRAFT)
