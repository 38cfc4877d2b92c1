"""91-e4: fix a policy. What a learner reads is in e4.md."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from ecrlab_course.authoring import PUSH, Lab, Refused, Result

from .state import APP, ARN, pushed


def run(lab: Lab, text: str) -> Result:
    """Give the robot the policy, then push as the robot."""
    command = "aws iam put-user-policy --user-name ci --policy-name e4 --policy-document file://documents-policy.json"
    try:
        lab.client("iam").put_user_policy(UserName="ci", PolicyName="e4", PolicyDocument=text)
        lab.push(APP, "1.0-ci", profile="ci")
    except (ClientError, Refused) as error:
        return Result(command, 1, str(error), {"taken": isinstance(error, Refused)})
    return Result(command, 0, "pushed", {"taken": True})


class Seen:
    """What IAM made of the text, and of the robot's push."""

    def __init__(self, lab: Lab, text: str, result: Result) -> None:
        self.lines = len(text.splitlines())
        self.taken = result.data.get("taken", False)
        self.pushed = result.code == 0
        self.said = result.output
        self.everywhere = self.taken and json.loads(text)["Statement"][0]["Resource"] == "*"


def judge(seen: Seen) -> str:
    """Return the verdict's name in e4.md."""
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
    "passed": {"the push set": policy(*PUSH), "all actions on the repository": policy("ecr:*")},
    "no-policy": ["Allow the robot to push"],
    "refused": [policy("ecr:PutImage")],
    "everywhere": [policy(*PUSH, resource="*")],
}
reset = pushed
