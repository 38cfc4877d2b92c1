"""What a user's policies say, as a judge of rights reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ecrlab_course.documents.lab_view import LabView

PULL_ONLY = "AmazonEC2ContainerRegistryPullOnly"
POWER_USER = "AmazonEC2ContainerRegistryPowerUser"
FULL_ACCESS = "AmazonEC2ContainerRegistryFullAccess"
ADMINISTRATOR = "AdministratorAccess"
WIDE = (POWER_USER, FULL_ACCESS, ADMINISTRATOR)
"""Managed policies that allow a push to every repository."""


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


def policies_of(lab: LabView, user: str) -> Policies:
    """Return the policies of a user of the learner's account."""
    iam = lab.client("iam")
    inline = {
        name: iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
        for name in iam.list_user_policies(UserName=user)["PolicyNames"]
    }
    attached = [row["PolicyName"] for row in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]]
    return Policies(user, sorted(attached), inline)


def as_list(value: Any) -> list[Any]:
    """Return what a policy may write as one or as a list: always a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def as_words(names: Sequence[str]) -> str:
    """Return names as code, with commas between (markdown); "" for none."""
    return ", ".join(f"`{name}`" for name in names)
