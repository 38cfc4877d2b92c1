"""90-e2: fix a policy. What a learner reads is in e2.md."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from ecrlab.policy.sets import DOCKER_PUSH
from ecrlab_course.authoring import Lab, Refused, Result

from .state import ARN, NAME, made


def run(lab: Lab, text: str) -> Result:
    """Give ops the policy, then push as ops."""
    command = "aws iam put-user-policy --user-name ops --policy-name kinds --policy-document file://kinds-policy.json"
    try:
        lab.client("iam").put_user_policy(UserName="ops", PolicyName="kinds", PolicyDocument=text)
        lab.push(NAME, "1", profile="ops")
    except (ClientError, Refused) as error:
        return Result(command, 1, str(error), {"taken": isinstance(error, Refused)})
    return Result(command, 0, "pushed", {"taken": True})


class Seen:
    """What IAM made of the text, and of the push as ops."""

    def __init__(self, lab: Lab, text: str, result: Result) -> None:
        self.lines = len(text.splitlines())
        self.taken = result.data.get("taken", False)
        self.pushed = result.code == 0
        self.said = result.output
        self.everywhere = self.taken and json.loads(text)["Statement"][0]["Resource"] == "*"


def judge(seen: Seen) -> str:
    """Return the verdict's name in e2.md."""
    if not seen.taken:
        return "no-policy"
    if not seen.pushed:
        return "refused"
    return "everywhere" if seen.everywhere else "passed"


def policy(*actions: str, resource: str = ARN) -> str:
    """Return a policy's text."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


TRIES = {
    "passed": {"five actions": policy(*DOCKER_PUSH), "all actions on the repository": policy("ecr:*")},
    "no-policy": ["Allow ops to push"],
    "refused": [policy("ecr:PutImage")],
    "everywhere": [policy(*DOCKER_PUSH, resource="*")],
}
reset = made
