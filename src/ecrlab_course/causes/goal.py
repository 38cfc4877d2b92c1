"""What an exercise wants the learner's client to do: declared in eN.py as GOALS, so that a miss can be explained."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from ecrlab.home import REGION

Service = Literal["registry", "hub", "public"]


@dataclass(frozen=True)
class Goal:
    """One thing that the learner's client should do. An empty text means: any."""

    verb: Literal["push", "pull", "call", "write", "wait"]
    repository: str = ""
    """Its name, or a folder's: release/*."""
    tag: str = ""
    by: str = "admin"
    region: str = REGION
    account: str = ""
    """Whose registry; empty: the lab's own account."""
    action: str = ""
    """Of a call: IAM's name of the action, ecr:DescribeImages."""
    file: str = ""
    """Of a text to write: its path beside the notebook."""
    hours: float = 0
    """Of a time that must go by."""
    at: Service = "registry"
    """Of a push or pull: which registry, by its name in the X-ray: ECR, the Docker-Hub-like one or ECR Public."""

    def takes(self, repository: str) -> bool:
        """Tell whether a repository is the goal's, or lies in its folder."""
        return bool(repository) and fnmatchcase(repository, self.repository or "*")

    @property
    def folder(self) -> str:
        """The beginning that the names of its repositories have in common: the whole name, or release/."""
        return self.repository.partition("*")[0]

    @property
    def short(self) -> str:
        """The last part of its repository's name; "" where a folder is the goal."""
        return "" if "*" in self.repository else self.repository.rpartition("/")[2]


def push(
    repository: str,
    tag: str = "",
    *,
    by: str = "admin",
    region: str = REGION,
    account: str = "",
    at: Service = "registry",
) -> Goal:
    """Return the goal of a push to that repository; without `tag` any tag will do, with `by=""` any person.

    A folder is named by a star: release/*. At the Hub (`at="hub"`) people are its own users, and Regions and accounts
    count at ECR alone.
    """
    return Goal("push", repository, tag, by, region, account, at=at)


def pull(
    repository: str,
    tag: str = "",
    *,
    by: str = "admin",
    region: str = REGION,
    account: str = "",
    at: Service = "registry",
) -> Goal:
    """Return the goal of a pull from that repository; `tag` may be a digest. `by="nobody"` is a stranger."""
    return Goal("pull", repository, tag, by, region, account, at=at)


def call(action: str, *, on: str = "", by: str = "admin", region: str = REGION, account: str = "") -> Goal:
    """Return the goal of a request that IAM is asked about as `action`, `on` a repository where it names one."""
    return Goal("call", on, "", by, region, account, action)


def write(file: str) -> Goal:
    """Return the goal of a file to write beside the notebook: JSON (.json), bash (.sh) or Python (.py)."""
    return Goal("write", by="", file=file)


def wait(hours: float) -> Goal:
    """Return the goal that so many hours go by on the lab's clock."""
    return Goal("wait", by="", hours=hours)
