"""The checkpoints of a small lesson for the tests, no part of the course, and what its exercises are tried with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ecrlab_course.authoring import ADMINISTRATOR, FULL_ACCESS, POWER_USER, Lab, Refused, requests
from ecrlab_course.authoring.rights import as_list

APP = "my-web-app"
ARN = f"arn:aws:ecr:us-east-1:123456789012:repository/{APP}"
WIDE = (POWER_USER, FULL_ACCESS, ADMINISTRATOR)
"""Managed policies that allow a push to every repository."""


def fresh(lab: Lab) -> None:
    """No repository, no login of docker; everybody has the rights of the seed."""
    lab.clear(APP)
    for profile in ("admin", "ci"):
        lab.sh("docker logout $REGISTRY", profile)
    lab.user("ci", "developer")


def pushed(lab: Lab) -> None:
    """`fresh`, and my-web-app:1.0 pushed by admin."""
    fresh(lab)
    lab.client("ecr").create_repository(repositoryName=APP)
    lab.push(APP, "1.0")


CHECKPOINTS = {"fresh": fresh, "pushed": pushed}


def log_in(lab: Lab, profile: str = "admin") -> None:
    """Fetch a token, as `docker login` does."""
    lab.client("ecr", profile).get_authorization_token()


def push(lab: Lab, tag: str, profile: str = "admin") -> None:
    """Push as that profile; a refusal is an outcome like any other."""
    try:
        lab.push(APP, tag, b"booking page", profile)
    except Refused:
        return


def give(user: str, *actions: str, on: str = ARN) -> Callable[[Lab], object]:
    """Return a step that gives the user a policy of its own."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": on}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return lambda lab: lab.client("iam").put_user_policy(UserName=user, PolicyName="push", PolicyDocument=document)


def attach(user: str, managed: str) -> Callable[[Lab], object]:
    """Return a step that attaches a managed policy."""
    arn = f"arn:aws:iam::aws:policy/{managed}"
    return lambda lab: lab.client("iam").attach_user_policy(UserName=user, PolicyArn=arn)


def reset_users(*names: str) -> Callable[[Lab], object]:
    """Return what gives these users the rights of the seed back."""
    return lambda lab: lab.user(*names)


def last_push(lab: Lab) -> str | None:
    """Return how the last push ended."""
    rows = requests(lab, "registry")
    if not rows:
        return None
    return "done" if any(row.puts(APP) for row in rows) else "no login" if rows[-1].status == 401 else "no right"


def push_without_login(lab: Lab) -> None:
    """Ask the registry for a place to upload to, without a login."""
    lab.sh(f'curl -sS -X POST "http://${{REGISTRY%%/*}}/v2/${{REGISTRY#*/}}/{APP}/blobs/uploads/" -o /dev/null')


@dataclass(frozen=True)
class Policies:
    """The policies of one user."""

    user: str
    attached: list[str]
    """The names of the managed policies, sorted."""
    inline: Mapping[str, Any]
    """The documents of its own, by name."""

    def allows(self) -> Iterator[tuple[list[str], list[str]]]:
        """Yield actions and resources of each Allow of its own policies, as they are written."""
        for document in self.inline.values():
            for statement in as_list(document.get("Statement")):
                if statement.get("Effect") == "Allow":
                    yield as_list(statement.get("Action")), as_list(statement.get("Resource"))

    @cached_property
    def actions(self) -> set[str]:
        """Every action that its own policies allow, as written."""
        return {action for actions, _ in self.allows() for action in actions}

    def any_of(self, *managed: str) -> list[str]:
        """Return which of these managed policies are attached."""
        return [name for name in managed if name in self.attached]

    def on_all(self, action: str) -> list[str]:
        """Return the names of its own policies that allow an action of ECR in every repository."""
        found = []
        for name, document in self.inline.items():
            for actions, resources in Policies(self.user, [], {name: document}).allows():
                named = {f"ecr:{action}", "ecr:*", "*"} & set(actions)
                if named and any(each.rpartition("/")[2] == "*" for each in resources):
                    found.append(name)
        return found

    def changed_from(self, *managed: str) -> bool:
        """Tell whether it holds anything but these managed policies."""
        return self.attached != sorted(managed) or bool(self.inline)

    def lacking(self, wanted: Sequence[str]) -> list[str]:
        """Return which of these actions its own policies do not name."""
        return [action for action in wanted if action not in self.actions]


def policies_of(lab: Lab, user: str) -> Policies:
    """Return the policies of a user of the learner's account."""
    iam = lab.client("iam")
    inline = {
        name: iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
        for name in iam.list_user_policies(UserName=user)["PolicyNames"]
    }
    attached = [row["PolicyName"] for row in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]]
    return Policies(user, sorted(attached), inline)
