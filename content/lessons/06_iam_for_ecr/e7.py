"""06-e7: the steps by which the robot gets to push with a role. What a learner reads is in e7.md."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Refused, Result, Sentence, Try, as_words
from ecrlab_course.authoring.evidence import ok, puts_manifest, tags
from ecrlab_course.toolbox.image import image, push_image

from .state import (
    APP,
    client_with,
    document,
    give,
    let,
    policy_file,
    remove_group,
    remove_role,
    role_arn,
    share,
    tries,
)  # fmt: skip

NEEDED = ("role", "rights", "assume", "push")
NIGHT = "night"


def run(lab: Lab, order: tuple[str, ...]) -> Result:
    """Carry the steps out, without the role at first; the robot itself may log in and nothing else."""
    clean(lab)
    give(lab, "ci", policy_file("login-only"), "login")
    iam, keys, mark = lab.client("iam"), dict[str, str](), lab.last()

    def assume() -> None:
        answer = lab.client("sts", "ci").assume_role(RoleArn=role_arn("night-shift"), RoleSessionName="night-7")
        keys.update({key: str(value) for key, value in answer["Credentials"].items()})

    def rights() -> None:
        iam.put_role_policy(RoleName="night-shift", PolicyName="push", PolicyDocument=policy_file("push"))

    steps: dict[str, Callable[[], object]] = {
        "role": lambda: iam.create_role(RoleName="night-shift", AssumeRolePolicyDocument=policy_file("trust-ci")),
        "rights": rights,
        "assume": assume,
        "push": lambda: push_with(lab, keys) if keys else lab.push(APP, NIGHT, NIGHT.encode(), profile="ci"),
        "member": lambda: iam.add_user_to_group(GroupName="night-shift", UserName="ci"),
        "robot": lambda: give(lab, "ci", policy_file("push"), "push"),
    }
    lines, stopped, said = [], "", ""
    for number, name in enumerate(order, 1):
        try:
            steps[name]()
        except (ClientError, Refused) as error:
            stopped = name
            said = str(error.response["Error"]["Message"]) if isinstance(error, ClientError) else error.message
            lines.append(f"{number} {name}: {said}")
            break
        lines.append(f"{number} {name}: ok")
    stored = [row for row in lab.rows(after=mark) if puts_manifest(row, APP) and ok(row)]
    by = str(stored[-1]["principal"]).rpartition(":")[2] if stored and NIGHT in tags(lab, APP) else ""
    data = {"stopped": stopped, "said": said, "assumed": bool(keys), "by": by}
    return Result(" → ".join(order), 1 if stopped else 0, "\n".join(lines) + "\n", data)


def push_with(lab: Lab, keys: dict[str, str]) -> None:
    """Push a small image to my-web-app with a role session's keys; raises ClientError or Refused."""
    token = client_with(lab, "ecr", keys).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    address = f"{lab.account}.dkr.ecr.us-east-1.amazonaws.com/{APP}"
    push_image(lab.control.home.port, address, NIGHT, image(NIGHT.encode()), token)


class Seen:
    """How far the order ran, what the last step said, and who stored the image."""

    def __init__(self, _lab: Lab, order: tuple[str, ...], result: Result) -> None:
        data = result.data
        self.order, self.step, self.said = order, data.get("stopped", ""), data.get("said", "")
        self.done = order[: order.index(self.step)] if self.step else order
        self.assumed, self.by = data.get("assumed", False), data.get("by", "")
        self.missing = as_words([step for step in NEEDED if step not in order])
        self.only_there = Sentence("only-there") if "role" in self.done else ""
        self.so_far = Sentence("not-run")
        if result.command:
            self.so_far = Sentence("stopped") if self.step else Sentence("ran")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e7.md: any order passes in which the role pushed and the robot got no permission."""
    if seen.step:
        return why_stopped(seen)
    if seen.by and "robot" in seen.order:
        return "robot-too"
    if seen.missing:
        return "incomplete"
    return "rights-late" if seen.order.index("assume") < seen.order.index("rights") else "passed"


def why_stopped(seen: Seen) -> str:
    """Return what the step lacked at which the order stopped."""
    if seen.step == "member":
        return "a-member"
    if seen.step in ("assume", "rights") and "role" not in seen.done:
        return "nothing-to-assume" if seen.step == "assume" else "rights-of-nothing"
    if seen.step == "push" and not seen.assumed:
        return "as-itself"
    if seen.step == "push" and "rights" not in seen.done:
        return "on-the-robot" if "robot" in seen.done else "role-may-nothing"
    return "stopped-elsewhere"


# What the tests try -------------------------------------------------------------------------------------------------


def group_of_that_name(lab: Lab) -> None:
    """Make a group that is called as the role is to be called."""
    lab.client("iam").create_group(GroupName="night-shift")


def closed(lab: Lab) -> None:
    """Forbid everybody to store an image in my-web-app: a push stops although no step is missing."""
    share(lab, document({**let("*", "ecr:PutImage"), "Effect": "Deny"}))


BOOK = ["role", "rights", "assume", "push"]

TRIES = {
    "passed": {
        "permissions first": BOOK,
        "after an order that gave them to the robot": Try(BOOK, first=["robot", "push"]),
        "with a group of that name there": Try(BOOK, do=group_of_that_name),
    },
    "rights-late": {"permissions after the keys": ["role", "assume", "rights", "push"]},
    "a-member": {
        "as a member": ["role", "rights", "member", "push"],
        "as a member of a group of that name": Try(["role", "rights", "member", "push"], do=group_of_that_name),
        "a member who has assumed it": ["role", "rights", "assume", "member", "push"],
        "all six": ["role", "rights", "assume", "robot", "member", "push"],
    },
    "nothing-to-assume": [["assume", "role", "rights", "push"]],
    "rights-of-nothing": [["rights", "role", "assume", "push"]],
    "role-may-nothing": {
        "without permissions": ["role", "assume", "push"],
        "with permissions too late": ["role", "assume", "push", "rights"],
    },
    "on-the-robot": [["role", "robot", "assume", "push"]],
    "as-itself": {
        "never assumed": ["role", "rights", "push"],
        "nothing but the push": ["push"],
        "assumed too late": ["role", "rights", "push", "assume"],
    },
    "stopped-elsewhere": [Try(BOOK, do=closed)],
    "robot-too": {
        "no role at all": ["robot", "push"],
        "the robot and the role": ["role", "rights", "robot", "assume", "push"],
        "the robot, and a role that it did not assume": ["role", "rights", "robot", "push"],
    },
    "incomplete": {
        "never pushed": ["role", "rights", "assume"],
        "the robot's permission, and nothing done with it": ["robot"],
    },
}


def clean(lab: Lab) -> None:
    """Remove the role, a group of its name and the night's image; the robot has no policy."""
    remove_role(lab, "night-shift")
    remove_group(lab, "night-shift")
    lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": NIGHT}])
    tries.keep_only(lab, "ci")


def reset(lab: Lab) -> None:
    """The role, a group of its name and the night's image are gone; the robot has its push policy alone."""
    clean(lab)
    tries.forget_repository_policy(lab.client("ecr"), APP)
    give(lab, "ci", policy_file("push"), "push")
