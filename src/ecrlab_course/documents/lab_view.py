"""What an exercise may ask of the lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from ecrlab_course.documents.xray_row import Row

Engine: TypeAlias = Literal["graph", "containerd", "podman", "standin"]
"""The engines that print differently; `toolbox.refusals.ENGINES` says what they are."""


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

    def sh(self, command: str, profile: str = "admin", timeout: float = 60) -> tuple[int, str]:
        """Run bash (errexit, pipefail) as that profile in the lesson's folder; return exit code and ordered output."""

    def push(
        self, repository: str, tag: str, content: bytes = b"hello", profile: str = "admin", region: str = "us-east-1"
    ) -> str:
        """Push a tiny image (one layer holding `content`) over HTTP and return its digest; no engine is needed.

        Logs in afresh as `profile`. Raises `failure.Refused` (status, code, message) when it is refused.
        """

    def user(self, *names: str) -> None:
        """Put the named users' rights back to the seed's."""

    def clear(self, *repositories: str, region: str = "us-east-1") -> None:
        """Delete the named repositories with their images, when they exist."""
