"""What an exercise may ask of the lab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from ecrlab_course.documents.client_record import Login, Transcript
from ecrlab_course.documents.ecs import Service, Task
from ecrlab_course.documents.xray_row import Row

Engine: TypeAlias = Literal["graph", "containerd", "podman", "standin"]
"""The engines that print differently; `toolbox.refusals.ENGINES` says what they are."""


@dataclass(frozen=True)
class Node:
    """The base image of the Node.js app as `ecrlab node` tells of it; false where none could be had.

    `source` is "engine", "machine" or "registry"; `sentence` says where it came from, or why there is none.
    """

    name: str
    version: str
    source: str
    sentence: str

    def __bool__(self) -> bool:
        """Tell whether there is an image."""
        return bool(self.name)


class LabView(Protocol):
    """The lab as the functions of an exercise see it: `toolbox.lab.Lab`, without what is none of their business.

    Those that look (Seen, observe, right, hints) get a lab whose requests are left out of the X-ray; those that act
    (run, cause, reset, checkpoints, tries) get one whose requests are recorded like a learner's.
    """

    folder: Path | None
    """Where commands run: beside the notebook."""

    @property
    def account(self) -> str:
        """The learner's account, 123456789012."""

    @property
    def registry(self) -> str:
        """The value of $REGISTRY: localhost:PORT/ACCOUNT.dkr.ecr.us-east-1.amazonaws.com."""

    @property
    def engine(self) -> str:
        """The container engine: "found", "private" or "none"."""

    @property
    def prints(self) -> Engine:
        """Which of the engines that print differently the lab's engine is."""

    @property
    def clock(self) -> Any:
        """The lab's clock: .now(), .advance(hours=…, minutes=…, seconds=…, days=…), .reset()."""

    @property
    def control(self) -> Any:
        """The client of the lab's control interface (`ecrlab.client.LabClient`)."""

    @property
    def hub(self) -> Any:
        """The registry in the style of Docker Hub (`toolbox.hub.Hub`), to act on; `control.hub()` looks at it."""

    @property
    def ci(self) -> Any:
        """The git server and what it ran (`toolbox.ci.Ci`)."""

    def task(self, task: str = "", *, cluster: str = "", region: str = "us-east-1") -> Task:
        """Return a task of ECS as it is now, "": the newest (`toolbox.lab.Lab.task`); raise LabError: there is none."""

    def service(self, service: str = "", *, cluster: str = "", region: str = "us-east-1") -> Service:
        """Return a service of ECS as it is now, with its tasks; raise ValueError for one that is not there."""

    def shown(self) -> dict[str, str]:
        """Return the cells of `lab.table()` that the learner's requests have filled, each with its newest answer."""

    def misses(self) -> dict[str, int]:
        """Return by lesson how many exercises, guesses included, the learner missed at first; a lab counts for its
        lesson."""

    @property
    def transcripts(self) -> list[Transcript]:
        """The last runs of bash that this kernel made since the exercise's mark, oldest first."""

    def logins(self, profile: str = "admin") -> list[Login]:
        """Return the logins in that profile's docker configuration."""

    def client(self, service: str, profile: str = "admin", region: str = "us-east-1") -> Any:
        """Return a boto3 client that speaks to the lab as that profile."""

    def last(self) -> int:
        """Return the X-ray's last sequence number."""

    def rows(self, after: int | None = None) -> list[Row]:
        """Return the X-ray rows with a sequence number above `after`.

        None: in `observe`, the rows since the guess was stored; elsewhere the rows since the exercise was reset or,
        when it never was, since the lesson was begun.
        """

    def refused_since(self, after: int) -> str:
        """Return the registry's own sentence of the last request that it refused since that row; "" for none."""

    def fleet(self, fleets: Mapping[str, Iterable[Any]]) -> str:
        """Push images of different ages, {repository: [(days old, "its tags"), …]}: the clock walks through them."""

    def sh(self, command: str, profile: str = "admin", timeout: float = 60) -> tuple[int, str]:
        """Run bash (errexit, pipefail) as that profile in the lesson's folder; return exit code and ordered output."""

    def node(self) -> Node:
        """Return the image `ecrlab/node:1`, the base of the Node.js app; the engine gets it where it has none yet.

        False without an engine. Takes seconds the first time, a minute where Node.js is fetched.
        """

    def push(
        self, repository: str, tag: str, content: bytes = b"hello", profile: str = "admin", region: str = "us-east-1"
    ) -> str:
        """Push a tiny image (one layer holding `content`) over HTTP and return its digest; no engine is needed.

        Logs in afresh as `profile`. Raises `failure.Refused` (status, code, message) when it is refused.
        """

    def pull_as(
        self, who: str, repository: str, tag: str | None = None, *, role: str = "node", region: str = "us-east-1"
    ) -> Any:
        """Pull an image as "lambda" or as "eks-node"; true when it was pulled, and `answer` says how it went."""

    def user(self, *names: str) -> None:
        """Put the named users' rights back to the seed's."""

    def clear(self, *repositories: str, region: str = "us-east-1") -> None:
        """Delete the named repositories with their images, when they exist."""

    def clear_clusters(self, *clusters: str, families: Iterable[str] = (), region: str = "us-east-1") -> None:
        """Remove clusters of ECS with what runs in them, and families of task definitions with all revisions."""

    def unset(self, *regions: str, account: str = "123456789012") -> None:
        """Remove what is set for an account's registries as a whole, in these Regions: rules, policies, quotas."""

    def regions_on(self) -> list[str]:
        """Let every Region be reached again; return those that could not."""
