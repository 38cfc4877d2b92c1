"""Drill d32: a trust policy that lets strangers' tokens in. What a learner reads is in d32.md."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy.sets import LOGIN, PUSH
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

HOST = "git.harbour-bikes.example"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
ROLE, NAME = "pipeline", "shop/booking"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
WEB = "sts:AssumeRoleWithWebIdentity"
OURS = "repo:harbour-bikes/booking"
MAIN = f"{OURS}:ref:refs/heads/main"
PATTERN = {"request": f"{OURS}:*", "name": "repo:harbour-bikes*/booking:ref:refs/heads/main"}
"""By seed: what the policy compares the subject with when the drill begins."""
FORM = re.compile(
    r"repo:[\w.-]+/[\w.-]+:(ref:refs/(heads|tags)/[^\s*?:]+|pull_request|environment:[^\s*?:]+)", re.ASCII
)
"""How the git server writes a subject (facts D080)."""
LETTERS = (
    f"{OURS}:pull_request",
    f"{OURS}:ref:refs/heads/try",
    f"{OURS}:ref:refs/heads/main-2",
    f"{OURS}:ref:refs/tags/v1.4",
    f"{OURS}:environment:production",
    "repo:harbour-bikes-fans/booking:ref:refs/heads/main",
    "repo:harbour-bikes/booking-old:ref:refs/heads/main",
    "repo:stranger/booking:ref:refs/heads/main",
)
"""Subjects of tokens that are not to get in, each as the git server gives it to somebody."""


def trust(condition: dict[str, dict[str, str]], action: str = WEB) -> str:
    """Return the trust policy: the provider, this action, and a condition on the token's claims."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": action}
    if condition:
        statement["Condition"] = {
            how: {f"{HOST}:{claim}": value for claim, value in pairs.items()} for how, pairs in condition.items()
        }
    return json.dumps({"Version": VERSION, "Statement": [statement]}, indent=2)


def only(subject: str = MAIN) -> str:
    """Return the trust policy for one subject, letter by letter."""
    return trust({"StringEquals": {"aud": "sts.amazonaws.com", "sub": subject}})


def like(pattern: str) -> str:
    """Return the trust policy for a pattern of subjects."""
    return trust({"StringEquals": {"aud": "sts.amazonaws.com"}, "StringLike": {"sub": pattern}})


def somebody() -> str:
    """Return the trust policy for main, and for whoever has a certain id."""
    made = json.loads(only())
    condition = {"StringEquals": {"aws:userid": "AROAEXAMPLE:me"}}
    made["Statement"].append({**made["Statement"][0], "Condition": condition})
    return json.dumps(made)


def prepare(lab: DrillLab) -> None:
    """Make the provider, the repository, and the role with the seed's trust policy."""
    iam = lab.client("iam")
    lab.repository(NAME)
    iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=["sts.amazonaws.com"])
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=like(PATTERN[lab.seed]))
    work = policy(allow(LOGIN), allow(list(PUSH), arn(NAME)))
    iam.put_role_policy(RoleName=ROLE, PolicyName="work", PolicyDocument=work)
    lab.write("trust.json", like(PATTERN[lab.seed]) + "\n")


def enters(lab: DrillLab, subject: str | None, **more: Any) -> bool:
    """Tell whether the bearer of a token with this subject gets a session; None: a token that names nobody."""
    given = {"subject": subject} if subject is not None else {"without": ["sub"]}
    token = lab.control.identity_token(**given, **more)["token"]
    with suppress(ClientError):
        lab.client("sts").assume_role_with_web_identity(
            RoleArn=ROLE_ARN, RoleSessionName="a-letter", WebIdentityToken=token
        )
        return True
    return False


class Seen:
    """Whose tokens get in, what else is open, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.main = enters(lab, MAIN)
        inside = [each for each in LETTERS if enters(lab, each)]
        self.nobody = enters(lab, None)
        self.witness = f"`{inside[0]}`" if inside else "a token that names nobody" if self.nobody else ""
        self.seen_inside = self.witness or "nobody"
        conditions = {"StringEquals": {f"{HOST}:sub": MAIN}}
        asked = Grant(WEB, ROLE_ARN, who=PROVIDER, condition=conditions)
        extra = beyond(lab, Wanted((), asked, doors=(ROLE_ARN,)))
        self.wider, self.known = extra.wider, extra.verdict != "cannot tell"
        self.surplus, self.why = extra.text, extra.why
        held = lab.client("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
        self.changed = held != json.loads(like(PATTERN[lab.seed]))
        self.typed = findings.get("who", "").strip(" `'\"")
        self.is_a_subject = bool(FORM.fullmatch(self.typed))
        self.is_main = self.typed == MAIN
        self.let_in = fnmatch.fnmatchcase(self.typed, PATTERN[lab.seed])


def judge(seen: Seen) -> str:
    """Return the verdict's name in d32.md: whose tokens get in, then what was typed."""
    if not seen.main:
        return "shut-out"
    if seen.witness:
        return "still-open" if seen.changed or seen.typed else "untouched"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    return typed_right(seen)


def typed_right(seen: Seen) -> str:
    """Return whether what was typed is a stranger's token that got in."""
    if not seen.typed:
        return "not-typed"
    if not seen.is_a_subject:
        return "not-a-subject"
    if seen.is_main:
        return "ours"
    return "passed" if seen.let_in else "not-let-in"


def save(text: str) -> Callable[[DrillLab], None]:
    """Return what saves a trust policy."""
    return lambda lab: lab.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=text)


def said(subject: str) -> dict[str, str]:
    """Return the subject as it is typed."""
    return {"who": subject}


REQUEST, FANS = LETTERS[0], LETTERS[5]
ANY = "ForAllValues:StringEquals"
TWO = {"StringLike": {"aud": "sts.amazonaws.com", "sub": MAIN}}
TRIES = {
    "passed": {
        "main alone": attempt(said(REQUEST), save(only()), seed="request"),
        "a branch as the witness": attempt(said(LETTERS[1]), save(only()), seed="request"),
        "main alone, of the other state": attempt(said(FANS), save(only()), seed="name"),
        "StringLike without a star": attempt(said(FANS), save(trust(TWO)), seed="name"),
        "the subject alone": attempt(said(FANS), save(trust({"StringEquals": {"sub": MAIN}})), seed="name"),
    },
    "shut-out": {
        "a star in StringEquals": attempt(said(REQUEST), save(only(f"{OURS}:*")), seed="request"),
        "only tags": attempt(said(REQUEST), save(only(f"{OURS}:ref:refs/tags/v1.4")), seed="request"),
        "the wrong action": attempt(
            said(FANS), save(trust({"StringEquals": {"sub": MAIN}}, "sts:AssumeRole")), seed="name"
        ),
    },
    "still-open": {
        "named alone": attempt(said(REQUEST), seed="request"),
        "no condition at all": attempt(said(FANS), save(trust({})), seed="name"),
        "the audience alone": attempt(
            said(FANS), save(trust({"StringEquals": {"aud": "sts.amazonaws.com"}})), seed="name"
        ),
        "any branch": attempt(said(REQUEST), save(like(f"{OURS}:ref:refs/heads/*")), seed="request"),
        "the other state's fix": attempt(said(FANS), save(like(PATTERN["request"])), seed="name"),
        "a set's condition": attempt(said(REQUEST), save(trust({ANY: {"sub": MAIN}})), seed="request"),
    },
    "wider": {
        "a star that no letter of ours fits": attempt(
            said(FANS), save(like("repo:harbour-bikes/booking:ref:refs/heads/mai?")), seed="name"
        )
    },
    "cannot-tell": {"whoever has a certain id": attempt(said(FANS), save(somebody()), seed="name")},
    "not-typed": {"in silence": attempt({}, save(only()), seed="request")},
    "not-a-subject": {"a name": attempt(said("the fans"), save(only()), seed="name")},
    "ours": {"main itself": attempt(said(MAIN), save(only()), seed="request")},
    "not-let-in": {
        "the other state's stranger": attempt(said(FANS), save(only()), seed="request"),
        "a pull request of the other state": attempt(said(REQUEST), save(only()), seed="name"),
    },
}
